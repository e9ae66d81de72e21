/** Rows of a part that were trained on as copies: rows with the features of a training row. */
import { hashRows } from "./row-hash.ts";
import type { Table } from "./table.ts";

/** Share of training rows that repeat another one, above which the features do not tell rows apart, and copies are to be expected. */
export const mostRepeated = 0.5;

/**
 * The rows of a part whose features are those of a training row, ascending; none where most training rows repeat each other, nor of windows: a series
 * that repeats itself is no copy.
 */
export function copiedRows({ columns, rows, sequences }: Table, train: Int32Array, part: Int32Array): Int32Array {
  if (sequences?.windows) return new Int32Array(0);
  const keys = hashRows(columns, rows, "copies");
  const known = Float64Array.from(train, (row) => keys[row]!).sort();
  const repeats = known.reduce((count, key, i) => count + (key === known[i - 1] || key === known[i + 1] ? 1 : 0), 0);
  return repeats > mostRepeated * known.length ? new Int32Array(0) : part.filter((row) => holds(known, keys[row]!));
}

/** Whether ascending numbers hold one. */
function holds(sorted: Float64Array, wanted: number): boolean {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === wanted;
}
