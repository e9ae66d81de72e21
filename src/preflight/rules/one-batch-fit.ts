import { pickDataset, rowsOf, type Dataset } from "../../train/dataset.ts";
import { countWrong } from "../../train/events.ts";
import { sizeOf } from "../../ir/shape.ts";
import { counted, short } from "../../util/format.ts";
import { trainBriefly } from "../brief-training.ts";
import { isLinearModel, stepsOf } from "../chain.ts";
import { defineRule, type PreflightContext } from "../rule.ts";

/** Whatever can learn at all learns a handful of examples by heart. */
export const oneBatchFit = defineRule({
  name: "one-batch-fit",
  title: "one batch fits",
  what:
    "32 examples with different inputs (half as many as it has inputs for a linear model, which can fit no more) are learnt by heart: Adam at 0.003, " +
    "all of them at each step, no dropout and no decay, until no class is wrong, or R² is above its limit. What cannot do that cannot learn: model or code is at fault.",
  source: "Karpathy 2019; CS231n; TheDeepChecker",
  when: "check",
  limits: {
    steps: { value: 1000, means: "steps at most" },
    examples: { value: 32, means: "examples at most" },
    r2: { value: 0.99, means: "R² of amounts from here on counts as fitted" },
  },
  async check(context, limits) {
    const batch = differentRows(context, limits.examples);
    const n = rowsOf(batch);
    if (n < 2) return [{ severity: "note", message: "fewer than two rows with different inputs: nothing to learn by heart" }];
    const { problem } = context;
    const targets = batch.targets.data as Float32Array;
    const classes = problem.loss.prediction !== "identity";
    const figure = (prediction: Float32Array) => (classes ? countWrong(prediction, targets, problem.outputs) : r2Of(prediction, targets));
    const fits = (value: number) => (classes ? value === 0 : value > limits.r2);
    const found = await trainBriefly(context, batch, { steps: limits.steps, until: ({ prediction }) => fits(figure(prediction)) });
    const value = figure(found.prediction);
    const finite = found.loss.every(Number.isFinite);
    const numbers = { examples: n, steps: found.steps, ...(classes ? { wrong: value } : { r2: value }) };
    const result = classes ? `${value} wrong` : `R² ${short(value)}`;
    if (finite && fits(value)) {
      return [
        { severity: "pass", message: `${counted(n, "example")} learnt by heart in ${counted(found.steps, "step")} (${result})`, numbers },
      ];
    }
    const message = finite
      ? `${counted(n, "example")} are not learnt by heart in ${counted(found.steps, "step")}: ${result}`
      : `learning ${counted(n, "example")} by heart met a loss that is not finite after ${counted(found.steps, "step")}`;
    if (context.layout.slots.some(({ frozen }) => frozen)) {
      return [{ severity: "warn", message, hint: "what is not frozen cannot fit them by itself", numbers }];
    }
    const drops = stepsOf(problem).some(({ layer, imported }) => imported && layer.kind === "dropout");
    if (drops) return [{ severity: "warn", message, hint: "dropout inside the imported graph stays on", numbers }];
    const hint = "the model or the code cannot fit: activations, initialisation, loss and targets first; nothing later means much";
    return [{ severity: "fail", message, hint, numbers }];
  },
});

/** The first rows whose inputs all differ: equal inputs with different targets can be learnt by nobody. */
function differentRows({ problem, data }: PreflightContext, most: number): Dataset {
  const inputs = sizeOf(problem.inputShape);
  const count = isLinearModel(problem) ? Math.min(most, Math.max(2, Math.floor(inputs / 2))) : most;
  const values = data.features.data as Float32Array;
  const seen = new Set<string>();
  const rows: number[] = [];
  for (let row = 0; row < rowsOf(data) && rows.length < count; row++) {
    const key = values.subarray(row * inputs, (row + 1) * inputs).join(" ");
    if (!seen.has(key)) rows.push(row);
    seen.add(key);
  }
  return pickDataset(data, rows);
}

/** 1 − Σ(y − ŷ)²/Σ(y − ȳ)²; 1 where there is nothing to explain and nothing is missed by 1 %. */
function r2Of(prediction: Float32Array, targets: Float32Array): number {
  const mean = targets.reduce((a, b) => a + b, 0) / targets.length;
  let [error, spread] = [0, 0];
  for (let i = 0; i < targets.length; i++) {
    error += (targets[i]! - prediction[i]!) ** 2;
    spread += (targets[i]! - mean) ** 2;
  }
  return spread > 0 ? 1 - error / spread : 1 - (100 * error) / targets.length;
}
