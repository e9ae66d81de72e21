/** Answers by what they cost: a threshold for two classes, chosen on rows; the cheapest answer of many by a matrix of costs. */
import { GradusError } from "../util/errors.ts";
import { rng } from "../util/rng.ts";
import { bootstrapMean, quantileSorted, type Interval } from "../util/statistics.ts";
import { drawUnits } from "./resampling.ts";

/** What wrong answers cost, in any unit; right ones cost nothing. The second class is the positive one. */
export interface Costs {
  readonly falsePositive: number;
  readonly falseNegative: number;
}

/** A threshold and what it rests on. */
export interface Decision {
  /** The positive class is answered from this probability on; a float32. */
  readonly threshold: Interval;
  readonly costs: Costs;
  /** Mean cost of an example under it, on rows like those it was chosen on: what choosing flattered it by is added. */
  readonly cost: Interval;
  /** The same of answering the likelier class. */
  readonly likelier: Interval;
}

export interface DecisionOptions {
  /** Default 1. */
  readonly seed?: number;
  /** Default 1 000. */
  readonly resamples?: number;
  readonly confidence?: number;
  /** [n], rows that are one piece of evidence. */
  readonly groups?: Int32Array | undefined;
}

/** @throws GradusError unless both are finite and at least 0, and one above */
export function checkCosts({ falsePositive, falseNegative }: Costs): void {
  const fine = [falsePositive, falseNegative].every((cost) => Number.isFinite(cost) && cost >= 0) && falsePositive + falseNegative > 0;
  if (!fine)
    throw new GradusError(
      `costs of wrong answers must be numbers of at least 0, one of them above; found false positive ${falsePositive}, false negative ${falseNegative}.`,
      { hint: "e.g. a miss that costs five false alarms: false positive 1, false negative 5" },
    );
}

/**
 * The threshold of least mean cost on rows; of several the one nearest to falsePositive/(falsePositive + falseNegative), where it lies when
 * probabilities are right. Its interval is that of the thresholds chosen on resamples (percentiles), and what their costs are there and on
 * the rows themselves tells how much choosing flatters (Efron's optimism, 1983).
 * @param probabilities [n] of the positive class
 * @param truth [n], 1 is positive
 */
export function chooseThreshold(
  probabilities: ArrayLike<number>,
  truth: ArrayLike<number>,
  costs: Costs,
  { seed = 1, resamples = 1000, confidence = 0.95, groups }: DecisionOptions = {},
): Decision {
  checkCosts(costs);
  const n = truth.length;
  if (n === 0) throw new GradusError("a threshold is chosen on rows, and there are none.", { hint: "leave a validation part." });
  const search = thresholdSearch(Float32Array.from(probabilities), truth, costs);
  const ones = new Float64Array(n).fill(1);
  const chosen = search.cheapest(ones);
  const random = rng(seed, "threshold");
  const draw = drawUnits(ones, groups, random);
  const found = new Float64Array(resamples);
  let optimism = 0;
  for (let r = 0; r < resamples; r++) {
    const weights = draw();
    const { at, cost } = search.cheapest(weights);
    found[r] = search.thresholdAt(at);
    optimism += (search.costAt(at) / n - cost / weights.reduce((sum, w) => sum + w, 0)) / resamples;
  }
  const sorted = found.toSorted();
  const tail = (1 - confidence) / 2;
  const threshold = search.thresholdAt(chosen.at);
  const value = { value: threshold, low: quantileSorted(sorted, tail), high: quantileSorted(sorted, 1 - tail), n };
  const costOf = (answer: (p: number) => boolean): Interval => {
    const each = Float64Array.from(truth, (y, i) => {
      const positive = answer(Math.fround(probabilities[i]!));
      if (positive) return y === 1 ? 0 : costs.falsePositive;
      return y === 1 ? costs.falseNegative : 0;
    });
    return bootstrapMean(each, { seed, confidence, resamples, ...(groups ? { groups } : {}) });
  };
  const apparent = costOf((p) => p >= threshold);
  const added = Math.max(0, optimism);
  return {
    threshold: value,
    costs,
    cost: { ...apparent, value: apparent.value + added, low: apparent.low + added, high: apparent.high + added },
    likelier: costOf((p) => p > 0.5),
  };
}

/** Candidates between rows in order: at place a, the a likeliest distinct probabilities are answered positive. */
function thresholdSearch(probabilities: Float32Array, truth: ArrayLike<number>, { falsePositive, falseNegative }: Costs) {
  const order = Int32Array.from(probabilities, (_, row) => row).sort((a, b) => probabilities[b]! - probabilities[a]!);
  const thresholds: number[] = [];
  const ends: number[] = [];
  const between = (above: number, below: number): number => {
    const middle = Math.fround((above + below) / 2);
    return middle > below && middle <= above ? middle : above;
  };
  const most = probabilities[order[0]!]!;
  // With a probability of 1 among them there is no threshold that answers none.
  if (most < 1) {
    thresholds.push(between(1, most));
    ends.push(0);
  }
  for (let at = 0; at < order.length;) {
    const p = probabilities[order[at]!]!;
    while (at < order.length && probabilities[order[at]!] === p) at++;
    thresholds.push(at === order.length ? 0 : between(p, probabilities[order[at]!]!));
    ends.push(at);
  }
  const right = falsePositive / (falsePositive + falseNegative);
  const walk = (weights: Float64Array | undefined, see: (place: number, cost: number) => void): void => {
    let cost = 0;
    for (const row of order) if (truth[row] === 1) cost += falseNegative * (weights ? weights[row]! : 1);
    let at = 0;
    ends.forEach((end, place) => {
      for (; at < end; at++) {
        const row = order[at]!;
        const w = weights ? weights[row]! : 1;
        cost += w * (truth[row] === 1 ? -falseNegative : falsePositive);
      }
      see(place, cost);
    });
  };
  const costs = new Float64Array(ends.length);
  walk(undefined, (place, cost) => (costs[place] = cost));
  return {
    thresholdAt: (place: number): number => thresholds[place]!,
    /** The cost of all rows. */
    costAt: (place: number): number => costs[place]!,
    cheapest(weights: Float64Array): { readonly at: number; readonly cost: number } {
      let [best, least] = [0, Infinity];
      const slack = 1e-9 * (falsePositive + falseNegative);
      walk(weights, (place, cost) => {
        const nearer = Math.abs(thresholds[place]! - right) < Math.abs(thresholds[best]! - right);
        if (cost < least - slack || (cost <= least + slack && nearer)) [best, least] = [place, Math.min(cost, least)];
      });
      return { at: best, cost: least };
    },
  };
}

/**
 * The answer of least expected cost for each row, the first of equals.
 * @param probabilities [n · k]
 * @param costs [k][k]: the cost of answering a class, `costs[truth][answer]`
 * @example answersByCost([0.7, 0.3], [[0, 1], [5, 0]]) // [1]: 0.3 · 5 is more than 0.7 · 1
 */
export function answersByCost(probabilities: ArrayLike<number>, costs: readonly (readonly number[])[]): Int32Array {
  const k = costs.length;
  if (k < 2 || costs.some((row) => row.length !== k || !row.every(Number.isFinite)) || probabilities.length % k !== 0)
    throw new GradusError(`a matrix of costs must be square, a row per true class, of finite numbers; probabilities as many a row.`, {
      hint: "costs[truth][answer], e.g. [[0, 1], [5, 0]]",
    });
  return Int32Array.from({ length: probabilities.length / k }, (_, row) => {
    let [best, least] = [0, Infinity];
    for (let answer = 0; answer < k; answer++) {
      let expected = 0;
      for (let truth = 0; truth < k; truth++) expected += probabilities[row * k + truth]! * costs[truth]![answer]!;
      if (expected < least) [best, least] = [answer, expected];
    }
    return best;
  });
}
