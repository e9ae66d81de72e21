/** How far an analytic gradient lies from the numeric one, and how far rounding alone may put it. */
import { relativeError } from "./relative-error.ts";
import type { Sides } from "./difference.ts";

/** A verdict needs an error this many times the predicted floor. */
export const floorFactor = 100;
/** A threshold above this could not tell a right gradient from a wrong one. */
export const bluntThreshold = 0.1;
/** The spacing of float64 at 1, and of float32. */
export const epsilons = { float64: 2 ** -52, float32: 2 ** -23 } as const;

export type Verdict = "passed" | "failed" | "untested" | "kink";

/** Errors of the differences themselves, in the gradient's own unit and per compared number. */
export interface Noise {
  /** Rounding of the loss. */
  readonly rounding: number;
  /** What the chord's curvature adds. */
  readonly truncation: number;
  /** ε: no slope is known better, however small the loss. */
  readonly relative?: number;
}

/**
 * Standard deviation of a difference of two rounded losses: each is off by up to half a unit in the last place, uniformly
 * (0.29 ε|L|), and the difference is divided by the distance of the two.
 */
export function roundingNoise(loss: number, distance: number, epsilon: number): number {
  return (0.41 * epsilon * Math.abs(loss)) / distance;
}

/** Truncation at step h, from the differences at h and 2h (Richardson): the error is of order h², one-sided of order h. */
export function truncationOf(atH: number, at2H: number, sides: Sides): number {
  return Math.abs(at2H - atH) / (sides === "two" ? 3 : 1);
}

/** What is compared: gradients along coordinates or directions. */
export interface Judged {
  readonly error: number;
  /** The predicted relative error of a right gradient. */
  readonly floor: number;
  readonly threshold: number;
  readonly verdict: "passed" | "failed" | "untested";
  readonly reason?: string;
}

const norm = (x: ArrayLike<number>) => {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]! ** 2;
  return Math.sqrt(sum);
};

/** The verdict on numbers that were compared. Both zero within the noise: there was nothing to test. */
export function judge(analytic: ArrayLike<number>, numeric: ArrayLike<number>, { rounding, truncation, relative = 0 }: Noise): Judged {
  const [a, n] = [norm(analytic), norm(numeric)];
  const error = relativeError(analytic, numeric);
  const noise = (rounding + truncation) * Math.sqrt(analytic.length);
  const floor = a + n > 0 ? Math.max(noise / (a + n), relative) : 0;
  const threshold = floorFactor * floor;
  const figures = { error, floor, threshold };
  if (!Number.isFinite(error)) return { ...figures, verdict: "failed", reason: "not finite" };
  const quiet = floorFactor * rounding * Math.sqrt(analytic.length);
  if (a <= quiet && n <= quiet) return { ...figures, verdict: "untested", reason: "zero gradient" };
  if (error > threshold) return { ...figures, verdict: "failed" };
  if (threshold > bluntThreshold) {
    const reason = truncation > rounding ? "lost in truncation: the loss bends more than the step bears" : "lost in rounding";
    return { ...figures, verdict: "untested", reason };
  }
  return { ...figures, verdict: "passed" };
}
