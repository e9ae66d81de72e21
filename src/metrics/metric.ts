/** The contract of a metric: figures of predictions beside the truth, as a function of how much each row counts. */
import type { Bounds } from "./intervals.ts";

interface Rows {
  /** [n], at least 0; every row counts 1 where left out. */
  readonly weights?: Float64Array;
  /** [n], whole numbers: rows of one group are one piece of evidence (a patient, a household) and are drawn together. */
  readonly groups?: Int32Array;
}

/** Answers about n examples of k ≥ 2 classes, beside the truth. */
export interface ClassSample extends Rows {
  readonly kind: "classes";
  /** Names, in the order of the probabilities; of two the second is the positive one. */
  readonly classes: readonly string[];
  /** [n], positions in `classes`. */
  readonly truth: Int32Array;
  /** [n · k], a row sums to 1. */
  readonly probabilities: ArrayLike<number>;
  /** [n], the class that is answered. */
  readonly answers: Int32Array;
}

/** Predicted amounts beside the true ones. */
export interface AmountSample extends Rows {
  readonly kind: "amounts";
  /** [n] */
  readonly truth: ArrayLike<number>;
  /** [n] */
  readonly prediction: ArrayLike<number>;
}

export type Sample = ClassSample | AmountSample;

export interface Figure {
  /** As in JSON: `f1_macro`. */
  readonly name: string;
  /** Of one class: its position. */
  readonly class?: number;
  /** The examples behind it; all where left out. */
  readonly n?: number;
}

/** One metric, or several that are computed together. */
export interface Metric<S extends Sample = Sample> {
  readonly name: string;
  /** What it is computed of this sample; none where the metric does not apply. */
  figures(sample: S): readonly Figure[];
  /**
   * Does what does not depend on the weights (sorting, losses of rows).
   * @returns the figures, in their order, of weights [n]; NaN where one has no value. What it returns may be overwritten by the next call.
   */
  prepare(sample: S): (weights: Float64Array) => ArrayLike<number>;
  /** Where a formula covers better than a bootstrap: its intervals, in the order of the figures; `undefined` asks for the bootstrap. */
  bounds?(sample: S, confidence: number): readonly (Bounds | undefined)[];
}

export const isClasses = (sample: Sample): sample is ClassSample => sample.kind === "classes";

/** How many examples. */
export const sizeOf = ({ truth }: Sample): number => truth.length;

/** The sample's own weights, or ones. */
export const weightsOf = (sample: Sample): Float64Array => sample.weights ?? new Float64Array(sizeOf(sample)).fill(1);

/** The likeliest class of each row, the first of equals, as in model.onnx. @param probabilities [n · k] */
export function likeliestClasses(probabilities: ArrayLike<number>, k: number): Int32Array {
  return Int32Array.from({ length: probabilities.length / k }, (_, row) => {
    let likeliest = 0;
    for (let c = 1; c < k; c++) if (probabilities[row * k + c]! > probabilities[row * k + likeliest]!) likeliest = c;
    return likeliest;
  });
}
