import { graph, input } from "../../ir/graph.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { lossPerExample } from "../../nn/loss.ts";
import { buildNetwork } from "../../nn/network.ts";
import { parameterInput, parameterViews } from "../../nn/parameters.ts";
import { pickDataset, rowsOf } from "../../train/dataset.ts";
import { short } from "../../util/format.ts";
import { defineRule } from "../rule.ts";

const examples = 8;

/** ∂out_i/∂x_j = 0 for i ≠ j: the first example's outputs, with other examples beside it. */
export const batchIndependence = defineRule({
  name: "batch-independence",
  title: "examples apart",
  what:
    "In evaluation mode an example's output depends on that example alone: ∂out_i/∂x_j = 0 for i ≠ j. One example is computed beside two " +
    "different sets of others, layer by layer and through the loss; batch normalisation uses its running statistics.",
  source: "Karpathy 2019; TheDeepChecker",
  when: "check",
  limits: { tolerance: { value: 1e-5, means: "change of an example's numbers, relative to their size, above which it fails" } },
  async check({ problem, layout, theta, data, executor, runtime }, { tolerance }) {
    const rows = rowsOf(data);
    const count = Math.min(examples, Math.floor((rows - 1) / 2));
    if (count < 1) return [{ severity: "note", message: "fewer than three rows: nothing to set beside an example" }];
    const beside = (from: number) => pickDataset(data, [0, ...Array.from({ length: count }, (_, i) => from + i)]);
    const x = input("x", "float32", ["batch", ...problem.inputShape]);
    const y = input("y", "float32", ["batch", problem.outputs]);
    const lengths = data.lengths ? { lengths: input("lengths", "int32", ["batch"]) } : {};
    const built = buildNetwork(problem.network, x, parameterInput, lengths);
    const places = [...built.signals.map(({ name }) => name), "the loss"];
    const values = [...built.signals.map(({ value }) => value), lossPerExample(problem.loss, built.output, y)];
    const wanted = graph({ outputs: Object.fromEntries(values.map((value, i) => [`v${i}`, value])) });
    const session = await executor.compile(wanted, runtime);
    try {
      const run = (from: number) => {
        const { features, targets, lengths: steps } = beside(from);
        const feeds: Record<string, Tensor> = {
          ...parameterViews(layout, theta),
          x: features,
          y: targets,
          ...(steps ? { lengths: steps } : {}),
        };
        return session.run(Object.fromEntries(wanted.inputs.map(({ name }) => [name!, feeds[name!]!])));
      };
      const [one, other] = [await run(1), await run(1 + count)];
      const changes = places.map((_, i) => changeOfFirst(one[`v${i}`]!, other[`v${i}`]!));
      const at = changes.findIndex((change) => !(change <= tolerance));
      if (at >= 0 && Number.isNaN(changes[at])) {
        const message = `${places[at]} gives numbers that are not finite: nothing to compare`;
        return [{ severity: "fail", subject: places[at]!, message, hint: "look at the inputs and at the weights" }];
      }
      const numbers = { change: at < 0 ? Math.max(...changes) : changes[at]!, examples: count + 1 };
      if (at < 0)
        return [{ severity: "pass", message: `an example's outputs are the same whatever ${count} others stand beside it`, numbers }];
      const message = `${places[at]} mixes the batch: with other examples beside it an example's own numbers change by ${short(100 * changes[at]!)} %`;
      const hint = "look for a mean, a softmax or a reshape over the batch axis, the first";
      return [{ severity: "fail", subject: places[at]!, message, hint, numbers }];
    } finally {
      await session.dispose();
    }
  },
});

/** Of the first example's numbers, relative to their largest; a value without a batch axis (one number) counts whole. */
function changeOfFirst(a: Tensor, b: Tensor): number {
  if (a.data.length !== b.data.length || a.shape.length === 0) return Infinity;
  const width = a.data.length / a.shape[0]!;
  let [change, size] = [0, 0];
  for (let i = 0; i < width; i++) {
    change = Math.max(change, Math.abs(Number(a.data[i]) - Number(b.data[i])));
    size = Math.max(size, Math.abs(Number(a.data[i])), Math.abs(Number(b.data[i])));
  }
  return size === 0 ? 0 : change / size;
}
