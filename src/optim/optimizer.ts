/** The contract of an optimizer: one definition as a graph, and the fused kernel that runs the same definition. */
import type { Value } from "../ir/graph.ts";
import type { Descent, Kernels } from "./kernels/memory.ts";

export interface OptimizerStep<T> {
  readonly theta: T;
  readonly slots: readonly T[];
}

/** Stateless: the state lives in the slots, vectors as long as θ that start at zero. */
export interface Optimizer {
  readonly kind: string;
  /** Resolved settings, as they stand in the experiment file. */
  readonly settings: Readonly<Record<string, number | boolean>>;
  /** Names of the state vectors. */
  readonly slots: readonly string[];
  /** Decoupled decay of weights, 1/step at learning rate 1: θ ← (1 − learningRate·weightDecay)·θ before the update; 0 for none. */
  readonly weightDecay: number;
  /**
   * Numbers that one step uses, computed in float64 and rounded to float32 once.
   * @param step 1 for the first
   */
  scalars(step: number, learningRate: number): readonly number[];
  /** One update as graph. θ, g and slots are [n]; scalars are [1] each, in the order of `scalars`. */
  update(theta: Value, g: Value, slots: readonly Value[], scalars: readonly Value[]): OptimizerStep<Value>;
  /**
   * The same update in place, of all of θ or of a part.
   * @param how decay: learningRate·weightDecay, the share of θ that decays first, 0 for an optimizer without; descent: what is
   *   descended in place of g
   */
  updateInPlace(
    kernels: Kernels,
    theta: Float32Array,
    g: Float32Array,
    slots: readonly Float32Array[],
    scalars: readonly number[],
    how: { readonly decay: number; readonly descent?: Descent },
  ): void;
}
