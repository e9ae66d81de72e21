/** What each loss costs, in float64 and apart from the graphs: the yardstick of the loss at the start. */
import type { LossName } from "../nn/losses/index.ts";

type ExampleLoss = (z: readonly number[], y: readonly number[]) => number;

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const perUnit =
  (f: (d: number) => number): ExampleLoss =>
  (z, y) =>
    mean(z.map((value, k) => f(Math.abs(value - y[k]!))));
const softplus = (z: number) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
const bernoulli: ExampleLoss = (z, y) => mean(z.map((value, k) => softplus(value) - y[k]! * value));

/** One example's loss: z are the network's outputs, y the targets. */
export const exampleLosses: Readonly<Record<LossName, ExampleLoss>> = {
  binaryCrossEntropy: bernoulli,
  multiLabelCrossEntropy: bernoulli,
  categoricalCrossEntropy(z, y) {
    const largest = Math.max(...z);
    const logSum = largest + Math.log(z.reduce((sum, value) => sum + Math.exp(value - largest), 0));
    return y.reduce((sum, target, k) => sum + target * (logSum - z[k]!), 0);
  },
  meanSquared: perUnit((d) => d * d),
  meanAbsolute: perUnit((d) => d),
  huber: perUnit((d) => (d <= 1 ? d * d * 0.5 : d - 0.5)),
};
