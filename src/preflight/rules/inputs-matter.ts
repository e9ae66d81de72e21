import { tensor } from "../../ir/tensor.ts";
import { rowsOf, sliceDataset } from "../../train/dataset.ts";
import { counted, short } from "../../util/format.ts";
import { studentTCdf } from "../../util/special.ts";
import { trainBriefly } from "../brief-training.ts";
import { defineRule } from "../rule.ts";

/** Trained without its inputs a network must do worse, or it never had them. */
export const inputsMatter = defineRule({
  name: "inputs-matter",
  title: "inputs matter",
  what:
    "The same network from the same weights is trained for 100 steps twice, once with all inputs zero, which leaves it the targets' distribution alone. " +
    "On the rows it was trained on the real one must have the lower loss: paired t over examples, one-sided. Equal losses on every example mean that the inputs do not arrive.",
  source: "Karpathy 2019 (input-independent baseline); paired test derived",
  when: "check",
  limits: {
    p: { value: 0.05, means: "p of “not better than with zeroed inputs” above which it warns" },
    steps: { value: 100, means: "steps of either training" },
    examples: { value: 256, means: "rows at most" },
  },
  async check(context, limits) {
    const data = sliceDataset(context.data, 0, Math.min(limits.examples, rowsOf(context.data)));
    const n = rowsOf(data);
    if (n < 2) return [{ severity: "note", message: "fewer than two rows: nothing to compare" }];
    const { shape, data: values } = data.features;
    const zeroed = { ...data, features: tensor("float32", new Float32Array(values.length), shape) };
    const options = { steps: limits.steps, batch: 32 };
    const real = await trainBriefly(context, data, options);
    const control = await trainBriefly(context, zeroed, options);
    const differences = Float64Array.from(real.loss, (loss, i) => control.loss[i]! - loss);
    const mean = differences.reduce((a, b) => a + b, 0) / n;
    const deviation = Math.sqrt(differences.reduce((sum, d) => sum + (d - mean) ** 2, 0) / (n - 1));
    const [with_, without] = [real, control].map(({ loss }) => loss.reduce((a, b) => a + b, 0) / n) as [number, number];
    const same = differences.every((d) => d === 0);
    const p = same ? 1 : deviation === 0 ? (mean > 0 ? 0 : 1) : 1 - studentTCdf((mean / deviation) * Math.sqrt(n), n - 1);
    const numbers = { loss: with_, zeroed: without, p, examples: n };
    if (!Number.isFinite(mean)) {
      const message = `the loss is not finite (${short(with_)} with the inputs, ${short(without)} with zeros in their place): nothing to compare`;
      return [{ severity: "warn", message, hint: "look at the inputs and at the weights" }];
    }
    const compared = `loss ${short(with_)} with the inputs, ${short(without)} with zeros in their place`;
    if (same) {
      const message = `the inputs do not arrive: every example's loss is the same, ${short(with_)}, with the inputs and with zeros in their place`;
      return [{ severity: "fail", message, hint: "look at what the preprocessing makes of them, and at the first layer", numbers }];
    }
    const after = `after ${counted(limits.steps, "step")} on ${counted(n, "row")}`;
    if (p < limits.p) return [{ severity: "pass", message: `${compared}, ${after} (${chance(p)})`, numbers }];
    const hint = "either they say nothing about the target, or the network cannot use them: look at them, and at one-batch-fit";
    return [{ severity: "warn", message: `the inputs make no difference: ${compared}, ${after} (${chance(p)})`, hint, numbers }];
  },
});

const chance = (p: number) => (p < 1e-4 ? "p < 0.0001" : `p = ${short(p)}`);
