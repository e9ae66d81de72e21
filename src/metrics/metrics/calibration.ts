/** Whether probabilities are what they say: calibration error, reliability by bins, slope and intercept. */
import { standardNormalCdf, standardNormalQuantile } from "../../util/normal.ts";
import type { Bounds } from "../intervals.ts";
import { weightsOf, type ClassSample, type Metric } from "../metric.ts";

const BINS = 15;

/** Rows whose probability lies in (from, to], the first bin with its lower edge. */
export interface ReliabilityBin {
  readonly from: number;
  readonly to: number;
  /** Rows. */
  readonly n: number;
  /** Mean probability, NaN of an empty bin. */
  readonly confidence: number;
  /** Share in which it came true. */
  readonly share: number;
}

/** What was claimed of each row and whether it came true: of two classes the second's probability, of more that of the class answered. */
function claims({ truth, probabilities, classes, answers }: ClassSample): { claimed: Float64Array; came: Uint8Array; binOf: Int32Array } {
  const k = classes.length;
  const claimed = Float64Array.from(truth, (_, row) => probabilities[row * k + (k === 2 ? 1 : answers[row]!)]!);
  const came = Uint8Array.from(truth, (code, row) => (code === (k === 2 ? 1 : answers[row]!) ? 1 : 0));
  // The edges as i/15, so that a probability on one is in the bin below it.
  const binOf = Int32Array.from(claimed, (p) => {
    let bin = Math.min(BINS - 1, Math.max(0, Math.ceil(p * BINS) - 1));
    while (bin > 0 && p <= bin / BINS) bin -= 1;
    while (bin < BINS - 1 && p > (bin + 1) / BINS) bin += 1;
    return bin;
  });
  return { claimed, came, binOf };
}

/** The reliability diagram: 15 bins of equal width. */
export function reliabilityBins(sample: ClassSample, weights: Float64Array): ReliabilityBin[] {
  const { claimed, came, binOf } = claims(sample);
  return Array.from({ length: BINS }, (_, bin) => {
    let [n, whole, sum, true_] = [0, 0, 0, 0];
    binOf.forEach((at, row) => {
      if (at !== bin) return;
      const w = weights[row]!;
      n += 1;
      whole += w;
      sum += w * claimed[row]!;
      true_ += w * came[row]!;
    });
    return { from: bin / BINS, to: (bin + 1) / BINS, n, confidence: sum / whole, share: true_ / whole };
  });
}

/**
 * `calibration_error`: Σ |share − mean probability| over 15 bins of equal width, by their rows (Naeini, Cooper and Hauskrecht 2015; Guo et al.
 * 2017). By chance it lies above 0 where rows are few, even of perfect probabilities.
 */
export const calibrationError: Metric<ClassSample> = {
  name: "calibration-error",
  figures: () => [{ name: "calibration_error" }],
  prepare(sample) {
    const { claimed, came, binOf } = claims(sample);
    const gaps = new Float64Array(BINS);
    return (weights) => {
      gaps.fill(0);
      let whole = 0;
      for (let row = 0; row < weights.length; row++) {
        const w = weights[row]!;
        whole += w;
        gaps[binOf[row]!]! += w * (came[row]! - claimed[row]!);
      }
      return [gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / whole];
    };
  },
  bounds: (sample, confidence) => [errorBounds(sample, confidence)],
};

/**
 * Of what the figure would be with many rows. Chance adds to it in every bin: at least what the mean of |N(gap, s)| exceeds |gap| by, at most
 * what it is without a gap, s·√(2/π). The lower end takes off the most, the upper the least, and both z deviations.
 */
function errorBounds(sample: ClassSample, confidence: number): Bounds {
  const { claimed, came, binOf } = claims(sample);
  const weights = weightsOf(sample);
  const whole = weights.reduce((sum, w) => sum + w, 0);
  if (!(whole > 0)) return { low: NaN, high: NaN };
  const gaps = new Float64Array(BINS);
  const inBin = new Float64Array(BINS);
  // A bin of few rows may have no spread of its own; what its probabilities claim is the least.
  const claimedVariance = new Float64Array(BINS);
  binOf.forEach((bin, row) => {
    const w = weights[row]! / whole;
    gaps[bin]! += w * (came[row]! - claimed[row]!);
    inBin[bin]! += w;
    claimedVariance[bin]! += w * w * claimed[row]! * (1 - claimed[row]!);
  });
  const sums = new Map<string, number>();
  binOf.forEach((bin, row) => {
    const w = weights[row]! / whole;
    const key = `${bin} ${sample.groups ? sample.groups[row]! : row}`;
    sums.set(key, (sums.get(key) ?? 0) + w * (came[row]! - claimed[row]! - gaps[bin]! / inBin[bin]!));
  });
  const variance = new Float64Array(BINS);
  for (const [key, sum] of sums) variance[Number.parseInt(key, 10)]! += sum ** 2;
  let [value, least, most, all] = [0, 0, 0, 0];
  gaps.forEach((gap, bin) => {
    const squared = Math.max(variance[bin]!, claimedVariance[bin]!);
    const s = Math.sqrt(squared);
    const size = Math.abs(gap);
    value += size;
    all += squared;
    if (s === 0) return;
    const without = s * Math.sqrt(2 / Math.PI);
    most += without;
    least += without * Math.exp(-(size ** 2) / (2 * squared)) - 2 * size * standardNormalCdf(-size / s);
  });
  const half = standardNormalQuantile(0.5 + confidence / 2) * Math.sqrt(all);
  return { low: Math.max(0, value - most - half), high: Math.min(1, value - least + half) };
}

/**
 * Two classes (Cox 1958): logit P(second) = a + b·logit p. `calibration_slope` is b, 1 of right probabilities, below 1 where they are too
 * sure; `calibration_intercept` is a with b = 1, above 0 where they are too low. No value where the two are told apart completely.
 */
export const calibrationLine: Metric<ClassSample> = {
  name: "calibration-line",
  figures: ({ classes }) => (classes.length === 2 ? [{ name: "calibration_slope" }, { name: "calibration_intercept" }] : []),
  prepare(sample) {
    const logits = Float64Array.from(sample.truth, (_, row) => {
      const p = Math.min(1 - Number.EPSILON, Math.max(Number.EPSILON, sample.probabilities[2 * row + 1]!));
      return Math.log(p / (1 - p));
    });
    return (weights) => [fitLine(logits, sample.truth, weights), fitShift(logits, sample.truth, weights)];
  },
};

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const STEPS = 100;

/** The slope of the logistic regression of y on x, by Newton's method with halved steps; NaN where it has no maximum. */
function fitLine(x: Float64Array, y: Int32Array, weights: Float64Array): number {
  if (separated(x, y, weights)) return NaN;
  let [a, b] = [0, 1];
  let before = likelihood(x, y, weights, a, b);
  for (let step = 0; step < STEPS; step++) {
    let [ga, gb, haa, hab, hbb] = [0, 0, 0, 0, 0];
    for (let i = 0; i < x.length; i++) {
      const w = weights[i]!;
      if (w === 0) continue;
      const p = sigmoid(a + b * x[i]!);
      const gap = w * (y[i]! - p);
      const curve = w * p * (1 - p);
      ga += gap;
      gb += gap * x[i]!;
      haa += curve;
      hab += curve * x[i]!;
      hbb += curve * x[i]! * x[i]!;
    }
    const determinant = haa * hbb - hab * hab;
    if (!(determinant > 1e-14 * haa * hbb)) return NaN;
    let [da, db] = [(hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant];
    let now = likelihood(x, y, weights, a + da, b + db);
    for (let halved = 0; !(now >= before - 1e-12 * Math.abs(before)) && halved < 30; halved++) {
      [da, db] = [da / 2, db / 2];
      now = likelihood(x, y, weights, a + da, b + db);
    }
    [a, b, before] = [a + da, b + db, now];
    if (Math.abs(da) <= 1e-13 * (1 + Math.abs(a)) && Math.abs(db) <= 1e-13 * (1 + Math.abs(b))) break;
  }
  return b;
}

/** The shift a at which Σ w(y − σ(a + x)) = 0, by Newton's method inside a bracket; NaN where all are of one class. */
function fitShift(x: Float64Array, y: Int32Array, weights: Float64Array): number {
  let [ones, whole] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    whole += weights[i]!;
    ones += weights[i]! * y[i]!;
  }
  if (!(ones > 0 && ones < whole)) return NaN;
  let [low, high, a] = [-100, 100, 0];
  for (let step = 0; step < STEPS; step++) {
    let [gap, curve] = [0, 0];
    for (let i = 0; i < x.length; i++) {
      const w = weights[i]!;
      if (w === 0) continue;
      const p = sigmoid(a + x[i]!);
      gap += w * (y[i]! - p);
      curve += w * p * (1 - p);
    }
    if (gap > 0) low = a;
    else high = a;
    const next = a + gap / curve;
    const inside = next > low && next < high ? next : (low + high) / 2;
    if (Math.abs(inside - a) <= 1e-14 * (1 + Math.abs(a))) return inside;
    a = inside;
  }
  return a;
}

function likelihood(x: Float64Array, y: Int32Array, weights: Float64Array, a: number, b: number): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) {
    if (weights[i] === 0) continue;
    const z = (y[i] === 1 ? 1 : -1) * (a + b * x[i]!);
    // ln σ(z), without overflow.
    sum += weights[i]! * (z > 0 ? -Math.log1p(Math.exp(-z)) : z - Math.log1p(Math.exp(z)));
  }
  return sum;
}

/** Whether a threshold divides the classes, or one of them is missing: then the line is as steep as one likes. */
function separated(x: Float64Array, y: Int32Array, weights: Float64Array): boolean {
  const [least, most] = [
    [Infinity, Infinity],
    [-Infinity, -Infinity],
  ];
  for (let i = 0; i < x.length; i++) {
    if (weights[i] === 0) continue;
    const c = y[i]!;
    least[c] = Math.min(least[c]!, x[i]!);
    most[c] = Math.max(most[c]!, x[i]!);
  }
  return !(least[1]! < most[0]! && least[0]! < most[1]!);
}
