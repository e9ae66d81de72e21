/** The bootstrap of figures that are functions of how much each row counts: whole groups of rows are drawn. */
import { standardNormalCdf, standardNormalQuantile } from "../util/normal.ts";
import { rng, type Rng } from "../util/rng.ts";
import { quantileSorted } from "../util/statistics.ts";
import type { Bounds } from "./intervals.ts";

export interface ResampleOptions {
  readonly seed: number;
  /** How many resamples; where left out 1 000, of many rows fewer, 200 at least. */
  readonly resamples?: number;
}

const MOST_UNITS = 4096;
/** Rows times resamples that are gone through; what is left out of 1 000 resamples costs little where rows are many. */
const ROW_BUDGET = 20_000_000;

/** One figure of every resample, and how its spread changes with its value. */
export interface Draws {
  /** [resamples] */
  readonly values: Float64Array;
  /** Efron's acceleration, by a jackknife over blocks of units; 0 where it has none. */
  readonly acceleration: number;
}

const BLOCKS = 100;

/** The unit that each row is drawn with: its group, or itself; above 4 096 units are dealt to as many in turn. */
function unitsOf(n: number, groups: Int32Array | undefined): { readonly unitOf: Int32Array; readonly units: number } {
  const known = new Map<number, number>();
  const unitOf = Int32Array.from({ length: n }, (_, row) => {
    if (!groups) return row % MOST_UNITS;
    const group = groups[row]!;
    if (!known.has(group)) known.set(group, known.size);
    return known.get(group)! % MOST_UNITS;
  });
  return { unitOf, units: Math.min(groups ? known.size : n, MOST_UNITS) };
}

/**
 * Weights of resamples, each time anew into the same array.
 * @param weights [n] of the rows themselves
 */
export function drawUnits(weights: Float64Array, groups: Int32Array | undefined, random: Rng): () => Float64Array {
  const { unitOf, units } = unitsOf(weights.length, groups);
  const drawn = new Float64Array(units);
  const resampled = new Float64Array(weights.length);
  return () => {
    drawn.fill(0);
    for (let i = 0; i < units; i++) drawn[random.integer(units)]! += 1;
    for (let row = 0; row < resampled.length; row++) resampled[row] = weights[row]! * drawn[unitOf[row]!]!;
    return resampled;
  };
}

/**
 * Figures of resamples.
 * @param weights [n] of the rows themselves
 * @param compute the figures of weights [n]
 */
export function drawFigures(
  weights: Float64Array,
  groups: Int32Array | undefined,
  compute: (weights: Float64Array) => ArrayLike<number>,
  count: number,
  { seed, resamples }: ResampleOptions,
): Draws[] {
  const n = weights.length;
  const times = resamples ?? Math.max(200, Math.min(1000, Math.floor(ROW_BUDGET / Math.max(1, n))));
  const { unitOf, units } = unitsOf(n, groups);
  const draw = drawUnits(weights, groups, rng(seed, "bootstrap"));
  const values = Array.from({ length: count }, () => new Float64Array(times));
  for (let r = 0; r < times; r++) {
    const found = compute(draw());
    for (let f = 0; f < count; f++) values[f]![r] = found[f]!;
  }
  const resampled = new Float64Array(n);
  const blocks = times === 0 ? 0 : Math.min(units, BLOCKS);
  const left = Array.from({ length: count }, () => new Float64Array(blocks));
  for (let block = 0; block < blocks; block++) {
    for (let row = 0; row < n; row++) resampled[row] = unitOf[row]! % blocks === block ? 0 : weights[row]!;
    const found = compute(resampled);
    for (let f = 0; f < count; f++) left[f]![block] = found[f]!;
  }
  return values.map((of, f) => ({ values: of, acceleration: accelerationOf(left[f]!) }));
}

/** Σ(m − xᵢ)³ / 6(Σ(m − xᵢ)²)^1.5 of the figures with one block left out. */
function accelerationOf(left: Float64Array): number {
  const mean = left.reduce((sum, x) => sum + x, 0) / left.length;
  let [squares, cubes] = [0, 0];
  for (const x of left) {
    squares += (mean - x) ** 2;
    cubes += (mean - x) ** 3;
  }
  const found = cubes / (6 * squares ** 1.5);
  return Number.isFinite(found) ? found : 0;
}

/**
 * Efron's BCa interval (1987): percentiles of the resamples, moved by the place that the figure itself has among them and by its acceleration.
 * Resamples without a value are passed over; where fewer than half have one, there is no interval.
 * @param plain the percentiles as they are
 */
export function percentileBounds({ values, acceleration }: Draws, value: number, confidence: number, plain = false): Bounds {
  const sorted = values.filter((figure) => !Number.isNaN(figure)).sort();
  if (Number.isNaN(value) || sorted.length < values.length / 2) return { low: NaN, high: NaN };
  const tail = (1 - confidence) / 2;
  if (plain) return { low: quantileSorted(sorted, tail), high: quantileSorted(sorted, 1 - tail) };
  let [below, equal] = [0, 0];
  for (const figure of sorted) {
    if (figure < value) below += 1;
    else if (figure === value) equal += 1;
  }
  const least = 1 / sorted.length;
  const shift = standardNormalQuantile(Math.min(1 - least, Math.max(least, (below + equal / 2) / sorted.length)));
  const place = (p: number): number => {
    const z = shift + standardNormalQuantile(p);
    return standardNormalCdf(shift + z / Math.max(0.1, 1 - acceleration * z));
  };
  return { low: quantileSorted(sorted, place(tail)), high: quantileSorted(sorted, place(1 - tail)) };
}
