/** How well one feature alone tells the target: bins of it (for amounts with a line each), or its categories; fitted on some rows, scored on others. */
import type { CategoricalColumn, NumericColumn, ScalarColumn } from "../data/table.ts";
import { quantileSorted } from "../util/statistics.ts";

const mostBins = 64;
const rowsPerBin = 20;

/** Classification: rows answered wrong. Regression: the sum of squared errors. */
export interface Score {
  readonly loss: number;
  /** The same of the answer that needs no feature: the commonest class, the mean of the fitted rows. */
  readonly baseline: number;
  readonly rows: number;
}

/** 1 − loss/baseline: 0 tells nothing, 1 tells all. */
export const skill = ({ loss, baseline }: Score): number => (baseline === 0 ? 0 : 1 - loss / baseline);

/** @param fit,held rows to fit on and to score */
export function scoreFeature(feature: ScalarColumn, target: ScalarColumn, fit: Int32Array, held: Int32Array): Score {
  const classes = target.kind === "categorical" ? target : undefined;
  const groupOf = feature.kind === "categorical" ? (row: number) => feature.codes[row]! : binner(feature, classes, fit);
  return target.kind === "categorical" ? scoreClasses(groupOf, target, fit, held) : scoreAmounts(groupOf, feature, target, fit, held);
}

/** Bins between quantiles, of which one that holds a border between classes is cut there; −1 is missing. */
function binner({ values }: NumericColumn, classes: CategoricalColumn | undefined, fit: Int32Array): (row: number) => number {
  const sorted = Float64Array.from(fit, (row) => values[row]!)
    .filter((value) => !Number.isNaN(value))
    .sort();
  const bins = Math.max(2, Math.min(mostBins, Math.floor(sorted.length / rowsPerBin)));
  const quantiles = [...new Set(Array.from({ length: bins - 1 }, (_, i) => quantileSorted(sorted, (i + 1) / bins)))];
  const edges = classes ? withBorders(quantiles, values, classes, fit) : quantiles;
  return (row) => {
    const value = values[row]!;
    if (Number.isNaN(value)) return -1;
    let [low, high] = [0, edges.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value > edges[middle]!) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Of a bin's errors a cut spares at least so many, or leaves none. */
const leastSpared = 3;

/** The edges, and in each bin the cut that spares most errors of its commonest class, half way between two values. */
function withBorders(edges: readonly number[], values: Float64Array, { codes, categories }: CategoricalColumn, fit: Int32Array): number[] {
  const rows = fit.filter((row) => !Number.isNaN(values[row]!)).sort((a, b) => values[a]! - values[b]!);
  const found = [...edges];
  for (let from = 0, edge = 0; from < rows.length; edge++) {
    const end = edges[edge] ?? Infinity;
    let to = from;
    while (to < rows.length && values[rows[to]!]! <= end) to += 1;
    const border = borderOf(rows.subarray(from, to), values, codes, categories.length);
    if (border !== undefined) found.push(border);
    from = to;
  }
  return found.sort((a, b) => a - b);
}

/** @param rows of a bin, by value */
function borderOf(rows: Int32Array, values: Float64Array, codes: Int32Array, classes: number): number | undefined {
  const [below, above] = [new Int32Array(classes), new Int32Array(classes)];
  for (const row of rows) above[codes[row]!]! += 1;
  const whole = Math.max(...above);
  let [most, border] = [whole, 0];
  for (let i = 0; i + 1 < rows.length; i++) {
    below[codes[rows[i]!]!]! += 1;
    above[codes[rows[i]!]!]! -= 1;
    const [value, next] = [values[rows[i]!]!, values[rows[i + 1]!]!];
    if (value === next || codes[rows[i]!] === codes[rows[i + 1]!]) continue;
    const right = Math.max(...below) + Math.max(...above);
    if (right > most) [most, border] = [right, (value + next) / 2];
  }
  return most - whole >= leastSpared || (most > whole && most === rows.length) ? border : undefined;
}

function scoreClasses(
  groupOf: (row: number) => number,
  { codes, categories }: CategoricalColumn,
  fit: Int32Array,
  held: Int32Array,
): Score {
  const all = new Int32Array(categories.length);
  const groups = new Map<number, Int32Array>();
  for (const row of fit) {
    const group = groupOf(row);
    let counts = groups.get(group);
    if (!counts) groups.set(group, (counts = new Int32Array(categories.length)));
    counts[codes[row]!]! += 1;
    all[codes[row]!]! += 1;
  }
  const most = (counts: Int32Array) => counts.indexOf(Math.max(...counts));
  const usual = most(all);
  const answers = new Map([...groups].map(([group, counts]) => [group, most(counts)]));
  let [loss, baseline] = [0, 0];
  for (const row of held) {
    if ((answers.get(groupOf(row)) ?? usual) !== codes[row]) loss += 1;
    if (usual !== codes[row]) baseline += 1;
  }
  return { loss, baseline, rows: held.length };
}

/** Sums over a group's rows: n, x, y, x², xy. */
type Sums = [n: number, x: number, y: number, xx: number, xy: number];

function scoreAmounts(
  groupOf: (row: number) => number,
  feature: ScalarColumn,
  { values }: NumericColumn,
  fit: Int32Array,
  held: Int32Array,
): Score {
  const xOf = (row: number) => (feature.kind === "numeric" ? feature.values[row]! : 0);
  const mean = fit.reduce((sum, row) => sum + values[row]!, 0) / fit.length;
  const groups = new Map<number, Sums>();
  const origin = new Map<number, number>();
  for (const row of fit) {
    const group = groupOf(row);
    if (!origin.has(group)) origin.set(group, xOf(row));
    const x = group < 0 ? 0 : xOf(row) - origin.get(group)!;
    const y = values[row]! - mean;
    const sums = groups.get(group) ?? [0, 0, 0, 0, 0];
    groups.set(group, [sums[0] + 1, sums[1] + x, sums[2] + y, sums[3] + x * x, sums[4] + x * y]);
  }
  const predict = (row: number): number => {
    const group = groupOf(row);
    const sums = groups.get(group);
    if (!sums) return 0;
    const [n, x, y, xx, xy] = sums;
    const spread = xx - (x * x) / n;
    const slope = n >= rowsPerBin / 2 && spread > 1e-12 * xx ? (xy - (x * y) / n) / spread : 0;
    return y / n + (slope === 0 ? 0 : slope * (xOf(row) - origin.get(group)! - x / n));
  };
  let [loss, baseline] = [0, 0];
  for (const row of held) {
    const y = values[row]! - mean;
    loss += (y - predict(row)) ** 2;
    baseline += y * y;
  }
  return { loss, baseline, rows: held.length };
}
