/**
 * The four gaps between errors: bias, variance, mismatch, over-tuning, each with an interval and a verdict of three values. After Ng's
 * Machine Learning Yearning (2018, chapters 21-24 and 41), made a statement with an interval.
 */
import { intervalDifference, type Interval } from "../util/statistics.ts";

/** In the order in which they are treated. */
export const gapNames = ["bias", "variance", "mismatch", "over-tuning"] as const;
export type GapName = (typeof gapNames)[number];

/** `cannot tell`: the interval holds values on both sides of the limit; `not measured`: there is nothing to measure it by. */
export type Verdict = "high" | "fine" | "cannot tell" | "not measured";

/** What errors are compared with. */
export interface Reference {
  /** The error that no model beats, or that is wanted; of people, with its own interval. */
  readonly error: Interval;
  /** `bayes`: given as known; `human`: people's errors on examples; `target`: what is wanted. */
  readonly source: "bayes" | "human" | "target";
}

/** Errors of one model in evaluation mode: shares of wrong examples, or amounts such as the root mean squared error. */
export interface Errors {
  readonly train: Interval;
  /** On unseen rows of the training distribution. */
  readonly trainDev?: Interval | undefined;
  readonly validation: Interval;
  /** Once the test set has been opened. */
  readonly test?: Interval | undefined;
}

export interface GapOptions {
  readonly reference?: Reference | undefined;
  /** Validation errors of other models on the same data: one wholly below the training error shows bias, without any reference. */
  readonly rivals?: readonly Interval[] | undefined;
  /** A gap is high above this, in the unit of the errors; {@link defaultLimit} where left out. */
  readonly limit?: number | undefined;
  /** The unit of the errors. Default share. */
  readonly unit?: "share" | "number" | undefined;
}

export interface Gap {
  readonly rule: GapName;
  readonly verdict: Verdict;
  /** The difference and its interval, where it is measured. */
  readonly gap?: Interval;
  readonly limit: number;
  /** So many times the examples would settle a `cannot tell`, were the figures to stay: about; infinite where the gap is the limit. */
  readonly times?: number;
  /** Why it is not measured, or what the verdict rests on. */
  readonly because?: string;
}

/** One point or a tenth of the validation error, whichever is more; of amounts a tenth. */
export function defaultLimit(validation: number, unit: "share" | "number" = "share"): number {
  return unit === "share" ? Math.max(0.01, validation / 10) : validation / 10;
}

/** How many times the examples make an interval leave the limit: its reach shrinks by the root of their number. */
function timesToSettle({ value, low, high }: Interval, limit: number): number {
  if (value === limit) return Infinity;
  return value > limit ? ((value - low) / (value - limit)) ** 2 : ((high - value) / (limit - value)) ** 2;
}

/** The verdict of an interval against a limit: high above it, fine below it, else not to be told. */
export function judgeInterval(gap: Interval, limit: number): Pick<Gap, "verdict" | "times"> {
  if (gap.low > limit) return { verdict: "high" };
  if (gap.high < limit) return { verdict: "fine" };
  return { verdict: "cannot tell", times: timesToSettle(gap, limit) };
}

/**
 * Bias is training error less reference, variance unseen rows of the training distribution less training, mismatch validation less those,
 * over-tuning test less validation. Without a train-dev set variance is validation less training, and mismatch is not measured. Without a
 * reference bias is fine only where the training error itself is below the limit: the data alone do not say what can be reached.
 */
export function judgeGaps(errors: Errors, { reference, rivals = [], limit: given, unit = "share" }: GapOptions = {}): Gap[] {
  const { train, trainDev, validation, test } = errors;
  const limit = given ?? defaultLimit(validation.value, unit);
  const between = (rule: GapName, upper: Interval, lower: Interval, because?: string): Gap => {
    const gap = intervalDifference(upper, lower);
    return { rule, gap, limit, ...judgeInterval(gap, limit), ...(because === undefined ? {} : { because }) };
  };
  const missing = (rule: GapName, because: string): Gap => ({ rule, verdict: "not measured", limit, because });
  return [
    reference ? between("bias", train, reference.error) : biasByRivals(train, rivals, limit),
    between(
      "variance",
      trainDev ?? validation,
      train,
      trainDev ? undefined : "validation less training, which holds mismatch too: there is no train-dev set",
    ),
    trainDev ? between("mismatch", validation, trainDev) : missing("mismatch", "there is no train-dev set"),
    test ? between("over-tuning", test, validation) : missing("over-tuning", "the test set has not been opened"),
  ];
}

function biasByRivals(train: Interval, rivals: readonly Interval[], limit: number): Gap {
  const better = rivals.filter(({ high }) => high < train.low - limit).toSorted((a, b) => a.high - b.high)[0];
  if (!better && train.high < limit)
    return { rule: "bias", verdict: "fine", gap: train, limit, because: "at most, whatever the reference" };
  if (!better) return { rule: "bias", verdict: "cannot tell", limit, because: "there is no reference to compare the training error with" };
  const gap = intervalDifference(train, better);
  return { rule: "bias", verdict: "high", gap, limit, because: "another model's validation error is below this one's training error" };
}

/** The gap to treat first: of those that are high the one with the greatest lower bound, bias first among equals. */
export function firstGap(gaps: readonly Gap[]): Gap | undefined {
  const high = gaps.filter(({ verdict }) => verdict === "high");
  return high.toSorted((a, b) => (b.gap?.low ?? 0) - (a.gap?.low ?? 0) || gapNames.indexOf(a.rule) - gapNames.indexOf(b.rule))[0];
}

/** Whether the validation error lies wholly below what no model should beat: the reference is wrong, or there is a leak. */
export function beatsReference({ validation }: Errors, reference: Reference | undefined): boolean {
  return reference !== undefined && reference.source !== "target" && intervalDifference(validation, reference.error).high < 0;
}
