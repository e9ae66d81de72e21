/** Layers that normalise by the batch need more than one value of each channel in it. */
import { graph, input, type Node, type Value } from "../ir/graph.ts";
import { buildNetwork } from "../nn/network.ts";
import { parameterInput } from "../nn/parameters.ts";
import { GradusError } from "../util/errors.ts";
import type { Problem } from "./step-graph.ts";

/**
 * The first layer whose statistics come from the rows of a batch alone, where there is one: on a batch of one row the variance is 0, and
 * its output the same whatever the row. Positions of an image count as values too.
 */
export function normalisesRows({ network, inputShape, variableLength }: Problem): string | undefined {
  const x = input("x", "float32", ["batch", ...inputShape]);
  const lengths = variableLength ? { lengths: input("lengths", "int32", ["batch"]) } : {};
  const { signals, updates } = buildNetwork(network, x, parameterInput, { training: true, ...lengths });
  if (updates.size === 0) return undefined;
  return signals.find(({ value, input: before }) => nodesBetween(before, value).some(takesRowsAlone))?.name;
}

function takesRowsAlone({ op, attributes, inputs }: Node): boolean {
  const [, , ...positions] = inputs[0]!.shape;
  return op === "BatchNormalization" && attributes["training_mode"] === 1 && positions.every((size) => size === 1);
}

function nodesBetween(from: Value, to: Value): readonly Node[] {
  const before = new Set(graph({ outputs: { from } }).nodes);
  return graph({ outputs: { to } }).nodes.filter((node) => !before.has(node));
}

/** @throws GradusError where a training step of so many rows has statistics of one value */
export function checkBatch(problem: Problem, rows: number): void {
  if (rows > 1) return;
  const layer = normalisesRows(problem);
  if (layer === undefined) return;
  throw new GradusError(`${layer} needs more than one value of each channel in a batch, and a batch of one row has one`, {
    hint: "batches of at least 2 rows, or layerNorm() in its place",
  });
}
