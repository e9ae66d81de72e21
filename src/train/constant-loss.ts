/** What the best answer costs that knows nothing of the inputs: the yardstick of a training's loss. */
import type { LossName } from "../nn/losses/index.ts";
import { rowsOf, type TrainingData } from "./dataset.ts";
import type { Problem } from "./step-graph.ts";

const entropy = (p: number) => (p > 0 ? -p * Math.log(p) : 0);
const mean = (values: ArrayLike<number>) => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
};
const meanOf = (values: Float32Array, cost: (d: number) => number, centre: number) =>
  mean(values.map((value) => cost(Math.abs(value - centre))));
const middle = (values: Float32Array) => values.toSorted()[values.length >> 1]!;
const huber = (d: number) => (d <= 1 ? d * d * 0.5 : d - 0.5);

/** Of one output by its targets. */
const perOutput: Readonly<Record<LossName, (targets: Float32Array) => number>> = {
  categoricalCrossEntropy: (y) => entropy(mean(y)),
  binaryCrossEntropy: (y) => entropy(mean(y)) + entropy(1 - mean(y)),
  multiLabelCrossEntropy: (y) => entropy(mean(y)) + entropy(1 - mean(y)),
  meanSquared: (y) => meanOf(y, (d) => d * d, mean(y)),
  meanAbsolute: (y) => meanOf(y, (d) => d, middle(y)),
  // The best constant lies between the two; the better of them is near enough for a yardstick.
  huber: (y) => Math.min(meanOf(y, huber, mean(y)), meanOf(y, huber, middle(y))),
};

/** The mean loss of one answer for all rows; undefined for a loss of the caller's own. */
export function constantLoss({ loss, outputs }: Problem, data: TrainingData): number | undefined {
  if (!Object.hasOwn(perOutput, loss.name)) return undefined;
  const cost = perOutput[loss.name as LossName];
  const targets = data.targets.data as Float32Array;
  const rows = rowsOf(data);
  let sum = 0;
  for (let k = 0; k < outputs; k++) sum += cost(Float32Array.from({ length: rows }, (_, row) => targets[row * outputs + k]!));
  return loss.name === "categoricalCrossEntropy" || loss.name === "binaryCrossEntropy" ? sum : sum / outputs;
}
