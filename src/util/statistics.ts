/** Intervals: how far a measured figure may lie from the truth (Wilson, Newcombe, t, bootstrap). */
import { standardNormalQuantile } from "./normal.ts";
import { rng } from "./rng.ts";
import { studentTQuantile } from "./special.ts";

/** A measured value and its confidence interval; `n` is the number of examples behind it. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly n: number;
}

const twoSided = (confidence: number): number => standardNormalQuantile(0.5 + confidence / 2);

/**
 * Wilson's score interval for a share, here of `count` in `n` (Wilson 1927); never leaves [0, 1], and says something at 0 and at n.
 * @example wilsonInterval(15, 100) // { value: 0.15, low: 0.0931…, high: 0.2328…, n: 100 }
 */
export function wilsonInterval(count: number, n: number, confidence = 0.95): Interval {
  if (n === 0) return { value: NaN, low: 0, high: 1, n };
  const z = twoSided(confidence);
  const share = count / n;
  const scale = 1 + (z * z) / n;
  const centre = (share + (z * z) / (2 * n)) / scale;
  const half = (z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n))) / scale;
  return { value: share, low: count === 0 ? 0 : centre - half, high: count === n ? 1 : centre + half, n };
}

/**
 * Newcombe's interval for the difference of two independent shares, first minus second: the square-and-add of two Wilson intervals
 * (Newcombe 1998, method 10). `n` is the smaller of the two.
 */
export function newcombeInterval(first: { count: number; n: number }, second: { count: number; n: number }, confidence = 0.95): Interval {
  return intervalDifference(wilsonInterval(first.count, first.n, confidence), wilsonInterval(second.count, second.n, confidence));
}

/**
 * The difference of two independently measured values, first minus second, from their intervals by square-and-add, which of Wilson's is
 * Newcombe's (Zou and Donner 2008). `n` is the smaller of the two.
 */
export function intervalDifference(a: Interval, b: Interval): Interval {
  const value = a.value - b.value;
  return {
    value,
    low: value - Math.hypot(a.value - a.low, b.high - b.value),
    high: value + Math.hypot(a.high - a.value, b.value - b.low),
    n: Math.min(a.n, b.n),
  };
}

/** The mean of a few independent values with Student's t interval (infinite below two values). */
export function meanInterval(values: ArrayLike<number>, confidence = 0.95): Interval {
  const n = values.length;
  let sum = 0;
  for (let i = 0; i < n; i++) sum += values[i]!;
  const value = sum / n;
  if (n < 2) return { value, low: -Infinity, high: Infinity, n };
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (values[i]! - value) ** 2;
  const half = studentTQuantile(0.5 + confidence / 2, n - 1) * Math.sqrt(squares / (n - 1) / n);
  return { value, low: value - half, high: value + half, n };
}

/** The p-quantile of sorted values, interpolated linearly (R's type 7); NaN of none. */
export function quantileSorted(sorted: ArrayLike<number>, p: number): number {
  if (sorted.length === 0) return NaN;
  const at = p * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below]!;
  return below + 1 < sorted.length ? low + (at - below) * (sorted[below + 1]! - low) : low;
}

/** How a bootstrap is drawn. */
export interface BootstrapOptions {
  readonly seed: number;
  /** How many resamples; default 1000. */
  readonly resamples?: number;
  /** Default 0.95. */
  readonly confidence?: number;
  /** So many values in a row belong together and are drawn together (the steps of one forecast); default 1. */
  readonly block?: number;
  /** [n], whole numbers from 0: values of one group belong together, wherever they stand; in place of `block`. */
  readonly groups?: ArrayLike<number>;
}

const GROUPS = 4096;

/** A figure that is a function of sums over rows and of the number of rows. */
export type SumStatistic = (sums: readonly number[], n: number) => number;

/** Percentile bootstrap of one statistic, see {@link bootstrapIntervals}. */
export function bootstrapInterval(columns: readonly ArrayLike<number>[], statistic: SumStatistic, options: BootstrapOptions): Interval {
  return bootstrapIntervals(columns, { statistic }, options).statistic;
}

/**
 * Percentile bootstrap (Efron 1979) of statistics that are functions of sums over rows: `columns` are the addends, one array of n numbers
 * each, every statistic gets their sums and the number of rows, from the same resamples. Above 4 096 rows whole groups of rows are drawn,
 * rows dealt to groups in turn, so the time stays bounded and the interval tends to the same.
 */
export function bootstrapIntervals<K extends string>(
  columns: readonly ArrayLike<number>[],
  statistics: Readonly<Record<K, SumStatistic>>,
  options: BootstrapOptions,
): Record<K, Interval> {
  const n = columns[0]?.length ?? 0;
  const names = Object.keys(statistics) as K[];
  const collect = (interval: (name: K) => Interval) =>
    Object.fromEntries(names.map((name) => [name, interval(name)])) as Record<K, Interval>;
  if (n === 0) return collect(() => ({ value: NaN, low: NaN, high: NaN, n }));
  const block = options.block ?? 1;
  const unitOf = options.groups ? unitsOfGroups(options.groups) : (row: number) => Math.floor(row / block);
  let units = 0;
  for (let row = 0; row < n; row++) units = Math.max(units, unitOf(row) + 1);
  const groups = Math.min(units, GROUPS);
  const counts = new Float64Array(groups);
  const grouped = columns.map(() => new Float64Array(groups));
  for (let row = 0; row < n; row++) {
    const group = unitOf(row) % groups;
    counts[group]! += 1;
    columns.forEach((column, c) => (grouped[c]![group]! += column[row]!));
  }
  const totals = grouped.map((sums) => sums.reduce((a, b) => a + b, 0));
  const resamples = options.resamples ?? 1000;
  const random = rng(options.seed, "bootstrap");
  const drawn = names.map(() => new Float64Array(resamples));
  const sums = new Array<number>(columns.length);
  for (let r = 0; r < resamples; r++) {
    sums.fill(0);
    let rows = 0;
    for (let i = 0; i < groups; i++) {
      const group = random.integer(groups);
      rows += counts[group]!;
      for (let c = 0; c < sums.length; c++) sums[c]! += grouped[c]![group]!;
    }
    names.forEach((name, s) => (drawn[s]![r] = statistics[name](sums, rows)));
  }
  const tail = (1 - (options.confidence ?? 0.95)) / 2;
  return collect((name) => {
    // Resamples in which the figure has no value (R² of equal amounts) are passed over.
    const sorted = drawn[names.indexOf(name)]!.filter((figure) => !Number.isNaN(figure)).sort();
    return { value: statistics[name](totals, n), low: quantileSorted(sorted, tail), high: quantileSorted(sorted, 1 - tail), n };
  });
}

/** Groups numbered in the order in which they come. */
function unitsOfGroups(groups: ArrayLike<number>): (row: number) => number {
  const known = new Map<number, number>();
  for (let row = 0; row < groups.length; row++) if (!known.has(groups[row]!)) known.set(groups[row]!, known.size);
  return (row) => known.get(groups[row]!)!;
}

/** The mean over rows (a loss, an absolute error) with its bootstrap interval. */
export function bootstrapMean(values: ArrayLike<number>, options: BootstrapOptions): Interval {
  return bootstrapInterval([values], ([sum], n) => sum! / n, options);
}

/** Root of the mean squared error, √(Σ(y−ŷ)²/n), in the target's unit, with its bootstrap interval over rows. */
export function rmseInterval(truth: ArrayLike<number>, prediction: ArrayLike<number>, options: BootstrapOptions): Interval {
  return regressionIntervals(truth, prediction, options).rmse;
}

/** R² = 1 − Σ(y−ŷ)² / Σ(y−ȳ)², ȳ of the rows at hand, with its bootstrap interval over rows; NaN where the truth is constant. */
export function r2Interval(truth: ArrayLike<number>, prediction: ArrayLike<number>, options: BootstrapOptions): Interval {
  return regressionIntervals(truth, prediction, options).r2;
}

/** R² and the root of the mean squared error from the same resamples. */
export function regressionIntervals(
  truth: ArrayLike<number>,
  prediction: ArrayLike<number>,
  options: BootstrapOptions,
): { readonly r2: Interval; readonly rmse: Interval } {
  const n = truth.length;
  let mean = 0;
  for (let i = 0; i < n; i++) mean += (truth[i]! - truth[0]!) / n;
  mean += truth[0] ?? 0;
  const residual = Float64Array.from(truth, (y, i) => (y - prediction[i]!) ** 2);
  const centred = Float64Array.from(truth, (y) => y - mean);
  const squares = centred.map((d) => d * d);
  return bootstrapIntervals(
    [residual, centred, squares],
    {
      r2: ([error, sum, square], count) => {
        const spread = square! - (sum! * sum!) / count;
        return spread > 1e-12 * square! ? 1 - error! / spread : NaN;
      },
      rmse: ([error], count) => Math.sqrt(error! / count),
    },
    options,
  );
}
