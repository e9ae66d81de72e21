/** Order statistics of paired ratios. */
import { quantileSorted, type Interval } from "../src/util/statistics.ts";

export function median(values: readonly number[]): number {
  return quantileSorted(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}

/**
 * The median with an interval of at least the given confidence, free of any assumption on the distribution: the order
 * statistics x₍ₖ₎ and x₍ₙ₊₁₋ₖ₎ with the largest k for which 2·P(Binomial(n, ½) < k) ≤ 1 - confidence.
 * The whole range where there are too few values (below 6 for 95 %).
 */
export function medianInterval(values: readonly number[], confidence = 0.95): Interval {
  const sorted = values.toSorted((a, b) => a - b);
  const n = sorted.length;
  let below = 0;
  let probability = 0.5 ** n;
  let k = 0;
  for (; k < n / 2; k++) {
    below += probability;
    if (2 * below > 1 - confidence) break;
    probability = (probability * (n - k)) / (k + 1);
  }
  const low = Math.max(0, k - 1);
  return { value: quantileSorted(sorted, 0.5), low: sorted[low]!, high: sorted[n - 1 - low]!, n };
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
