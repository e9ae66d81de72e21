/** Intervals by formula, for rows that count differently or belong together: shares, order statistics, areas, means over trainings. */
import { binomialTail } from "../util/binomial.ts";
import { standardNormalQuantile } from "../util/normal.ts";
import { studentTQuantile } from "../util/special.ts";
import { wilsonInterval, type Interval } from "../util/statistics.ts";

/** The two ends of an interval. */
export interface Bounds {
  readonly low: number;
  readonly high: number;
}

const twoSided = (confidence: number): number => standardNormalQuantile(0.5 + confidence / 2);

/** How much each row counts, and which belong together. */
export interface Evidence {
  readonly weights?: Float64Array;
  readonly groups?: Int32Array;
}

/**
 * Wilson's interval of a share. Where rows are weighted or grouped, it is Wilson's of as many independent rows as tell as much: the share's
 * variance is that of a ratio of sums over groups (Korn and Graubard 1998); where it is 0, groups count by their weights (Kish 1965).
 * @param hit [n] whether a row counts to the share
 * @param among [n] the rows the share is taken of; all where left out
 */
export function shareBounds(
  hit: (row: number) => boolean,
  n: number,
  { weights, groups }: Evidence,
  confidence: number,
  among: (row: number) => boolean = () => true,
): Bounds {
  let [count, whole, rows] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    if (!among(i)) continue;
    const w = weights ? weights[i]! : 1;
    rows += 1;
    whole += w;
    if (hit(i)) count += w;
  }
  if (!weights && !groups) return wilsonInterval(count, rows, confidence);
  if (!(whole > 0)) return { low: 0, high: 1 };
  const share = count / whole;
  const scores = new Map<number, { weight: number; deviation: number }>();
  for (let i = 0; i < n; i++) {
    if (!among(i)) continue;
    const w = weights ? weights[i]! : 1;
    const key = groups ? groups[i]! : i;
    const at = scores.get(key) ?? { weight: 0, deviation: 0 };
    at.weight += w;
    at.deviation += w * ((hit(i) ? 1 : 0) - share);
    scores.set(key, at);
  }
  let [variance, squares] = [0, 0];
  for (const { weight, deviation } of scores.values()) {
    variance += deviation ** 2;
    squares += weight ** 2;
  }
  const kish = whole ** 2 / squares;
  const factor = scores.size > 1 ? scores.size / (scores.size - 1) : 1;
  const effective = variance > 1e-20 * whole ** 2 ? (share * (1 - share) * whole ** 2) / (factor * variance) : kish;
  return wilsonInterval(share * Math.min(effective, rows), Math.min(effective, rows), confidence);
}

/** The mean of independent shares by square-and-add of their intervals (Zou and Donner 2008). */
export function meanOfBounds(values: readonly number[], bounds: readonly Bounds[]): Bounds {
  const k = values.length;
  const value = values.reduce((sum, x) => sum + x, 0) / k;
  const reach = (end: "low" | "high") => Math.sqrt(values.reduce((sum, x, i) => sum + (x - bounds[i]![end]) ** 2, 0)) / k;
  return { low: value - reach("low"), high: value + reach("high") };
}

/** value ± z·deviation on the scale of the logit, for figures between 0 and 1; deviation is the figure's own. */
export function logitBounds(value: number, deviation: number, confidence: number): Bounds {
  const slope = value * (1 - value);
  const half = (twoSided(confidence) * deviation) / slope;
  const at = Math.log(value / (1 - value));
  return { low: 1 / (1 + Math.exp(half - at)), high: 1 / (1 + Math.exp(-half - at)) };
}

/**
 * Newcombe's score-like interval of an area under the ROC curve (2006, method 5): the areas from which the one found is not further than z
 * deviations, by Hanley and McNeil's variance. It has a width at 0 and at 1 too.
 */
export function newcombeAreaBounds(area: number, positives: number, negatives: number, confidence: number): Bounds {
  const z = twoSided(confidence);
  const n = (positives + negatives) / 2;
  const deviation = (a: number): number =>
    Math.sqrt((a * (1 - a) * (1 + (n - 1) * ((1 - a) / (2 - a) + a / (1 + a)))) / (positives * negatives));
  const edge = (from: number, to: number): number => {
    // From the far end, where the found area is too far, towards it.
    let [outside, inside] = [from, to];
    for (let i = 0; i < 200 && Math.abs(outside - inside) > 1e-15; i++) {
      const middle = (outside + inside) / 2;
      if (Math.abs(middle - area) > z * deviation(middle)) outside = middle;
      else inside = middle;
    }
    return inside;
  };
  return { low: area === 0 ? 0 : edge(0, area), high: area === 1 ? 1 : edge(1, area) };
}

/**
 * Ranks (from 1) of two order statistics between which the p-quantile lies with at least the confidence, whatever the distribution; 0 and
 * n + 1 where there are too few (the smallest and the largest possible value).
 */
export function quantileRanks(n: number, p: number, confidence: number): { readonly low: number; readonly high: number } {
  const tail = (1 - confidence) / 2;
  // P(at most r − 1 of n lie below) ≤ tail
  const last = (fits: (k: number) => boolean): number => {
    let [yes, no] = [-1, n + 1];
    while (no - yes > 1) {
      const middle = (yes + no) >> 1;
      if (fits(middle)) yes = middle;
      else no = middle;
    }
    return yes;
  };
  const low = last((k) => k === 0 || 1 - binomialTail(k, n, p) <= tail);
  // The smallest r with P(X ≥ r) ≤ tail.
  const high = last((k) => binomialTail(k, n, p) > tail) + 1;
  return { low, high };
}

/**
 * A mean over trainings on overlapping rows, with Nadeau and Bengio's corrected interval (2003): mean ± t·√((1/J + ratio)·S²), J − 1 degrees of
 * freedom, S² the variance of the J values. Infinite below two values.
 * @param ratio test rows of a training for each of its training rows
 * @param n the examples behind it, for the record
 */
export function correctedInterval(values: readonly number[], ratio: number, n: number, confidence = 0.95): Interval {
  const count = values.length;
  const value = values.reduce((sum, x) => sum + x, 0) / count;
  if (count < 2) return { value, low: -Infinity, high: Infinity, n };
  const variance = values.reduce((sum, x) => sum + (x - value) ** 2, 0) / (count - 1);
  const half = studentTQuantile(0.5 + confidence / 2, count - 1) * Math.sqrt((1 / count + ratio) * variance);
  return { value, low: value - half, high: value + half, n };
}
