/** The contract of a loss: one number per example, from the network's output and the target. */
import { isFloat } from "../ir/dtype.ts";
import type { Value } from "../ir/graph.ts";
import { formatShape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";

export interface Loss {
  readonly name: string;
  /** The activation that turns the network's output into a prediction (probabilities, or the number itself). */
  readonly prediction: "softmax" | "sigmoid" | "identity";
  /**
   * @param output [batch, units]: logits, or predictions for regression
   * @param target [batch, units] float: one-hot or 0/1 for classes, numbers for regression
   * @returns [batch]
   */
  perExample(output: Value, target: Value): Value;
}

/**
 * A loss's number for every example.
 * @param output [batch, units]
 * @returns [batch]
 * @throws GradusError where a loss of one's own gives something else
 */
export function lossPerExample(loss: Loss, output: Value, target: Value): Value {
  const found = loss.perExample(output, target);
  const [first, ...others] = found.shape;
  const isBatch = first !== undefined && (typeof first === "string" || first === output.shape[0]);
  if (isFloat(found.dtype) && isBatch && others.length === 0) return found;
  throw new GradusError(
    `the loss ${loss.name} must give one number per example, float [batch]; it gives ${found.dtype} ${formatShape(found.shape)}`,
    { hint: "reduce over the units, axis 1, with keepdims 0, and leave the batch: the step takes the mean over examples" },
  );
}
