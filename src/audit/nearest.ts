/** Nearest neighbours by brute force, stopping early: of rows as numbers and categories, of images as small gray pictures. */
import type { ImageColumn, Table } from "../data/table.ts";
import { momentsOf, lumaOf } from "./image-properties.ts";

/** Rows as vectors: `numbers` [rows · width], and categories that count 1 where they differ. */
export interface Vectors {
  readonly width: number;
  /** [rows · width], by the rows' places in what was asked for. */
  readonly numbers: Float32Array;
  readonly codes: readonly Int32Array[];
}

/** Gray pictures are compared at this size. */
const side = 16;
/** Has no factor in common with 16². */
const stride = 97;

/**
 * Rows of a table as vectors: of images 16×16 grays with mean 0 and deviation 1, else numeric columns standardised by all rows given
 * (missing ones at the mean) and categories.
 */
export function vectorsOf(table: Table, rows: Int32Array): Vectors | undefined {
  const images = table.columns.filter((column) => column.kind === "image");
  if (images.length > 0) {
    const width = images.length * side * side;
    const numbers = new Float32Array(rows.length * width);
    rows.forEach((row, i) => images.forEach((column, c) => numbers.set(thumbnail(column, row), i * width + c * side * side)));
    return { width, numbers, codes: [] };
  }
  const numeric = table.columns.filter((column) => column.kind === "numeric");
  const categorical = table.columns.filter((column) => column.kind === "categorical");
  const width = numeric.length;
  if (width === 0) return undefined;
  const numbers = new Float32Array(rows.length * width);
  numeric.forEach(({ values }, c) => {
    const { mean, variance } = momentsOf(Float64Array.from(rows, (row) => values[row]!).filter((value) => !Number.isNaN(value)));
    const scale = variance > 0 ? 1 / Math.sqrt(variance) : 0;
    rows.forEach((row, i) => (numbers[i * width + c] = Number.isNaN(values[row]!) ? 0 : (values[row]! - mean) * scale));
  });
  return { width, numbers, codes: categorical.map(({ codes }) => Int32Array.from(rows, (row) => codes[row]!)) };
}

/** A picture's gray, averaged into 16×16 fields, mean 0 and deviation 1. */
function thumbnail(column: ImageColumn, row: number): Float32Array {
  const small = new Float32Array(side * side);
  const [height, width] = [column.heights[row]!, column.widths[row]!];
  if (height === 0) return small;
  const luma = lumaOf(column, row);
  for (let y = 0; y < side; y++) {
    const [top, bottom] = [Math.floor((y * height) / side), Math.max(Math.ceil(((y + 1) * height) / side), 1)];
    for (let x = 0; x < side; x++) {
      const [left, right] = [Math.floor((x * width) / side), Math.max(Math.ceil(((x + 1) * width) / side), 1)];
      let sum = 0;
      for (let v = top; v < bottom; v++) for (let u = left; u < right; u++) sum += luma[v * width + u]!;
      small[y * side + x] = sum / ((bottom - top) * (right - left));
    }
  }
  const { mean, variance } = momentsOf(small);
  const scale = variance > 0 ? 1 / Math.sqrt(variance) : 0;
  // Far places next to each other, so that a comparison finds differences soon.
  return small.map((_, i) => (small[(i * stride) % small.length]! - mean) * scale);
}

export interface Neighbour {
  /** The place of the nearest other row; −1 where there is none. */
  readonly at: number;
  readonly distance: number;
}

/** Equal rows are no neighbours here: copies are another matter. */
const equal = 1e-9;

/** The nearest of `among` for each of `asked`, both places in the vectors; rows at distance 0 are passed over. */
export function nearestNeighbours({ width, numbers, codes }: Vectors, asked: Int32Array, among: Int32Array): Neighbour[] {
  return Array.from(asked, (place) => {
    let [at, best] = [-1, Infinity];
    for (const other of among) {
      let square = 0;
      for (const column of codes) if (column[place] !== column[other]) square += 1;
      for (let i = 0; i < width && square < best; i++) {
        const difference = numbers[place * width + i]! - numbers[other * width + i]!;
        square += difference * difference;
      }
      if (square < best && square > equal) [at, best] = [other, square];
    }
    return { at, distance: Math.sqrt(best) };
  });
}
