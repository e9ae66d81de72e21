/** The lecture's measure of a gradient check, and its bands. */

/** ‖a − n‖ / (‖a‖ + ‖n‖), Euclidean; 0 where both are zero, and NaN where a number is not finite. */
export function relativeError(analytic: ArrayLike<number>, numeric: ArrayLike<number>): number {
  let [difference, a, n] = [0, 0, 0];
  for (let i = 0; i < analytic.length; i++) {
    difference += (analytic[i]! - numeric[i]!) ** 2;
    a += analytic[i]! ** 2;
    n += numeric[i]! ** 2;
  }
  const length = Math.sqrt(a) + Math.sqrt(n);
  if (!Number.isFinite(length)) return NaN;
  return length === 0 ? 0 : Math.sqrt(difference) / length;
}

export type Band = "very likely right" | "look at the components" | "worry" | "very likely wrong";

/** The lecture's words for a relative error: about 10⁻⁷, 10⁻⁵, 10⁻³. */
export function bandOf(error: number): Band {
  if (error <= 1e-7) return "very likely right";
  if (error <= 1e-5) return "look at the components";
  return error <= 1e-3 ? "worry" : "very likely wrong";
}
