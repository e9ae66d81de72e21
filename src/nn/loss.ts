/** The contract of a loss: one number per example, from the network's output and the target. */
import type { Value } from "../ir/graph.ts";

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
