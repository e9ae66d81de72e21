/** Keyed hashes of rows: the same values give the same key wherever the row stands in the file. */
import { hashText } from "../util/rng.ts";
import type { Column } from "./table.ts";

const words = new DataView(new ArrayBuffer(8));

/**
 * One key per row, a whole number below 2⁵³, from the row's values in the given columns and the seed. Two different rows of a million
 * share one with probability about 10⁻⁴ in all; they would then only be kept together.
 */
export function hashRows(columns: readonly Column[], rows: number, seed: number): Float64Array {
  const [s0, s1] = hashText(`rows ${seed}`);
  const a = new Int32Array(rows).fill(s0);
  const b = new Int32Array(rows).fill(s1);
  const absorb = (row: number, low: number, high: number): void => {
    a[row] = round(a[row]! ^ low, 0xcc9e2d51, 0x1b873593) ^ high;
    b[row] = round(b[row]! ^ high, 0x85ebca6b, 0xc2b2ae35) ^ low;
  };
  for (const column of columns) {
    if (column.kind === "numeric")
      for (let row = 0; row < rows; row++) {
        const value = column.values[row]!;
        words.setFloat64(0, Number.isNaN(value) ? NaN : value + 0);
        absorb(row, words.getInt32(0), words.getInt32(4));
      }
    else {
      const hashes = column.categories.map(hashText);
      for (let row = 0; row < rows; row++) {
        const [low, high] = hashes[column.codes[row]!] ?? [0x6d697373, 0x696e6721];
        absorb(row, low | 0, high | 0);
      }
    }
  }
  return Float64Array.from(a, (low, row) => {
    const x = finish(low);
    const y = finish(b[row]! ^ x);
    return (x >>> 0) * 2_097_152 + (y >>> 11);
  });
}

function round(word: number, first: number, second: number): number {
  let k = Math.imul(word, first);
  k = (k << 15) | (k >>> 17);
  k = Math.imul(k, second);
  k = (k << 13) | (k >>> 19);
  return (Math.imul(k, 5) + 0xe6546b64) | 0;
}

function finish(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
