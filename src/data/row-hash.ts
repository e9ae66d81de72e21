/** Keyed hashes of rows: the same values give the same key wherever the row stands in the file. */
import { hashText } from "../util/rng.ts";
import type { Column, ImageColumn } from "./table.ts";

const MISSING = [0x6d697373, 0x696e6721] as const;
const scratch = new Float64Array(1);
const bits = new Int32Array(scratch.buffer);
/** Where the two words of a float64 stand on this platform. */
export const HIGH = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;
export const LOW = 1 - HIGH;

/**
 * One key per row, a whole number below 2⁵³, from the row's values in the given columns and the seed. Two different rows of a million
 * share one with probability about 10⁻⁴ in all; they would then only be kept together.
 * @param seed another one gives other keys; a text for what is drawn apart from the split itself
 */
export function hashRows(columns: readonly Column[], rows: number, seed: number | string): Float64Array {
  const [s0, s1] = hashText(`rows ${seed}`);
  const a = new Int32Array(rows).fill(s0);
  const b = new Int32Array(rows).fill(s1);
  const absorb = (row: number, low: number, high: number): void => {
    a[row] = round(a[row]! ^ low, 0xcc9e2d51, 0x1b873593) ^ high;
    b[row] = round(b[row]! ^ high, 0x85ebca6b, 0xc2b2ae35) ^ low;
  };
  const absorbNumber = (row: number, value: number): void => {
    scratch[0] = Number.isNaN(value) ? NaN : value + 0;
    absorb(row, bits[HIGH]!, bits[LOW]!);
  };
  for (const column of columns) {
    if (column.kind === "numeric") for (let row = 0; row < rows; row++) absorbNumber(row, column.values[row]!);
    else if (column.kind === "categorical") {
      const hashes = column.categories.map(hashText);
      for (let row = 0; row < rows; row++) {
        const [low, high] = hashes[column.codes[row]!] ?? MISSING;
        absorb(row, low | 0, high | 0);
      }
    } else if (column.kind === "image") absorbImages(column, rows, absorb);
    else {
      const { offsets, values, width, tokens } = column;
      const hashes = tokens?.map(hashText);
      for (let row = 0; row < rows; row++) {
        absorbNumber(row, offsets[row + 1]! - offsets[row]!);
        for (let at = offsets[row]! * width; at < offsets[row + 1]! * width; at++) {
          if (!hashes) absorbNumber(row, values[at]!);
          else {
            const [low, high] = hashes[values[at]!] ?? MISSING;
            absorb(row, low | 0, high | 0);
          }
        }
      }
    }
  }
  const keys = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const x = finish(a[row]!);
    const y = finish(b[row]! ^ x);
    keys[row] = (x >>> 0) * 2_097_152 + (y >>> 11);
  }
  return keys;
}

/** Sizes, then the bytes in words of eight. */
function absorbImages(
  { heights, widths, offsets, values }: ImageColumn,
  rows: number,
  absorb: (row: number, low: number, high: number) => void,
): void {
  const word = (at: number, end: number): number => {
    let bits = 0;
    for (let i = 0; i < 4 && at + i < end; i++) bits |= values[at + i]! << (8 * i);
    return bits;
  };
  for (let row = 0; row < rows; row++) {
    absorb(row, heights[row]!, widths[row]!);
    const end = offsets[row + 1]!;
    for (let at = offsets[row]!; at < end; at += 8) absorb(row, word(at, end), word(at + 4, end));
  }
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
