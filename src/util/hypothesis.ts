/** Tests of whether two samples differ: contingency tables, ranks, and the correction for many tests at once. */
import { standardNormalCdf } from "./normal.ts";
import { chiSquareTail } from "./special.ts";

export interface Contingency {
  /** Σ (observed − expected)²/expected, without a continuity correction (Pearson 1900). */
  readonly statistic: number;
  readonly degrees: number;
  readonly p: number;
  /** √(χ²/(n·min(rows − 1, columns − 1))), 0 … 1 (Cramér 1946). */
  readonly cramersV: number;
}

/**
 * Whether the rows of a table of counts have one distribution. Rows and columns without counts are left out.
 * @param table counts, a row a sample, each as long as the first
 */
export function contingency(table: readonly ArrayLike<number>[]): Contingency {
  const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0);
  const rows = table.filter((row) => sum(row) > 0);
  const totals = Array.from(rows[0] ?? [], (_, column) => rows.reduce((all, row) => all + row[column]!, 0));
  const used = totals.flatMap((total, column) => (total > 0 ? [column] : []));
  const n = sum(totals);
  let statistic = 0;
  for (const row of rows) {
    const share = sum(row) / n;
    for (const column of used) statistic += (row[column]! - share * totals[column]!) ** 2 / (share * totals[column]!);
  }
  const least = Math.min(rows.length, used.length) - 1;
  if (least < 1) return { statistic: 0, degrees: 0, p: 1, cramersV: 0 };
  const degrees = (rows.length - 1) * (used.length - 1);
  return { statistic, degrees, p: chiSquareTail(statistic, degrees), cramersV: Math.sqrt(statistic / (n * least)) };
}

/** Half the sum of the distances between two distributions given as counts, 0 … 1: the largest difference of any event's shares. */
export function totalVariation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((x, y) => x + y, 0);
  const [m, n] = [sum(a), sum(b)];
  return Array.from(a, (count, i) => Math.abs(count / m - b[i]! / n)).reduce((x, y) => x + y, 0) / 2;
}

export interface RankTest {
  /** P(x > y) + P(x = y)/2 of an x from the first and a y from the second sample: the area under the ROC curve. */
  readonly auc: number;
  /** Of the first sample being no larger: one-sided, normal approximation with ties and continuity corrected. */
  readonly p: number;
  /** Of the two being alike: two-sided. */
  readonly twoSided: number;
}

/** Mann and Whitney's test (1947) of two samples of numbers. */
export function mannWhitney(a: ArrayLike<number>, b: ArrayLike<number>): RankTest {
  const [m, n] = [a.length, b.length];
  const all = Float64Array.from({ length: m + n }, (_, i) => (i < m ? a[i]! : b[i - m]!));
  const order = Int32Array.from(all, (_, i) => i).sort((i, j) => all[i]! - all[j]!);
  let [ranks, ties] = [0, 0];
  for (let from = 0, to = 0; from < order.length; from = to) {
    let first = 0;
    for (; to < order.length && all[order[to]!] === all[order[from]!]; to++) if (order[to]! < m) first++;
    const size = to - from;
    ranks += first * ((from + to + 1) / 2);
    ties += size ** 3 - size;
  }
  const u = ranks - (m * (m + 1)) / 2;
  const total = m + n;
  const deviation = Math.sqrt(((m * n) / 12) * (total + 1 - ties / (total * (total - 1))));
  const above = (value: number): number => (deviation === 0 ? 1 : standardNormalCdf(-(value - (m * n) / 2 - 0.5) / deviation));
  return { auc: u / (m * n), p: above(u), twoSided: Math.min(1, 2 * above(Math.max(u, m * n - u))) };
}

/** Holm's step-down correction (1979): each p times the number of tests not yet passed, never falling; in the order given. */
export function holm(ps: readonly number[]): number[] {
  const order = ps.map((_, i) => i).toSorted((i, j) => ps[i]! - ps[j]!);
  const adjusted = new Array<number>(ps.length);
  let largest = 0;
  order.forEach((index, place) => {
    largest = Math.max(largest, Math.min(1, ps[index]! * (ps.length - place)));
    adjusted[index] = largest;
  });
  return adjusted;
}
