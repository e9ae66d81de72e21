/** What a change of a training does to the gap between its two errors, seed by seed. */
import { meanInterval, type Interval } from "../src/util/statistics.ts";

/** Errors of one training at its end, both in evaluation mode: shares of wrong classes. */
export interface Errors {
  readonly train: number;
  readonly validation: number;
}

export interface PairedChange {
  /** Validation less training error, with less without; Student's 95 % interval over seeds. */
  readonly gap: Interval;
  /** Of the validation error. */
  readonly validation: Interval;
  /** What the validation error may rise by. */
  readonly delta: number;
  /** The gap's interval lies below 0. */
  readonly shrinks: boolean;
  /** Whether the validation error rose by more than δ: the interval lies above, below, or on both sides. */
  readonly raised: "yes" | "no" | "cannot tell";
}

/** δ, the difference of errors that counts: a point, or a tenth of the error where that is more. */
export function deltaOf(errors: readonly Errors[]): number {
  return Math.max(0.01, 0.1 * mean(errors.map(({ validation }) => validation)));
}

/**
 * @param without trainings of several seeds
 * @param changed the same seeds in the same order
 */
export function pairedChange(without: readonly Errors[], changed: readonly Errors[]): PairedChange {
  if (without.length !== changed.length) throw new Error(`${without.length} trainings cannot be paired with ${changed.length}`);
  const delta = deltaOf(without);
  const gapOf = ({ train, validation }: Errors) => validation - train;
  const gap = meanInterval(changed.map((one, i) => gapOf(one) - gapOf(without[i]!)));
  const validation = meanInterval(changed.map((one, i) => one.validation - without[i]!.validation));
  const raised = validation.low > delta ? "yes" : validation.high <= delta ? "no" : "cannot tell";
  return { gap, validation, delta, shrinks: gap.high < 0, raised };
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
