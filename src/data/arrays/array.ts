/** Arrays of numbers or texts as files hold them, and the columns they become. */
import { GradusError } from "../../util/errors.ts";
import type { Column, ImageColumn, NumericColumn, SequenceColumn } from "../table.ts";

/** Row-major, in this machine's order of bytes; 8-bit numbers stay bytes, all others are float64. */
export interface NdArray {
  readonly shape: readonly number[];
  readonly values: Uint8Array | Float64Array | readonly string[];
}

/** As much as is read into memory, in bytes. */
export const MOST_BYTES = 3 * 2 ** 30;

/** A number of bytes for messages: `47.0 MB`. */
export function spokenBytes(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"] as const;
  const unit = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return unit === 0 ? `${bytes} bytes` : `${(bytes / 1000 ** unit).toFixed(1)} ${units[unit]}`;
}

/** Whether an array can be one text per row, to be typed as those of a file are. */
export const isLabels = ({ shape }: NdArray): boolean => shape.length === 1 || (shape.length === 2 && shape[1] === 1);

/** The values of [rows] or [rows, 1] as a file would spell them; NaN is missing. */
export function spelled({ values }: NdArray): (string | null)[] {
  return Array.from(values as ArrayLike<number | string>, (value) => (Number.isNaN(value) ? null : String(value)));
}

/**
 * The columns of an array by its axes: [rows, n] numbers n columns; 8-bit [rows, height, width], with channels last or first, images;
 * other [rows, time, width] sequences.
 * @param name of an image or a sequence; of n columns with their number from 1
 * @throws GradusError on any other shape, and on texts of several axes
 */
export function columnsOf(path: string, name: string, { shape, values }: NdArray): { columns: Column[]; notes: string[] } {
  const refuse = (found: string): never => {
    throw new GradusError(`${path}: "${name}" is ${found} of shape [${shape.join(", ")}], which is no kind of column.`, {
      hint: "numbers [rows, columns], 8-bit images [rows, height, width] or [rows, height, width, 3], sequences [rows, time, width]",
    });
  };
  if (!(values instanceof Uint8Array || values instanceof Float64Array)) return refuse("text");
  const rows = shape[0]!;
  if (shape.length === 2) return { columns: matrixColumns(name, rows, shape[1]!, values), notes: [] };
  if (values instanceof Uint8Array && (shape.length === 3 || shape.length === 4)) {
    const found = channelsLast(shape, values);
    if (!found) return refuse("an array");
    const { height, width, channels, pixels, turned } = found;
    const notes = turned ? [`${name}: read as channels first, ${channels}×${height}×${width}`] : [];
    return { columns: [equalImages(name, rows, height, width, channels, pixels)], notes };
  }
  if (values instanceof Float64Array && shape.length === 3) {
    const [, time, width] = shape as [number, number, number];
    const offsets = Float64Array.from({ length: rows + 1 }, (_, row) => row * time);
    return { columns: [{ name, kind: "sequence", sqlType: "DOUBLE[]", width, offsets, values } satisfies SequenceColumn], notes: [] };
  }
  return refuse("an array");
}

/** Numbers [rows, n] column by column. */
export function matrixColumns(name: string, rows: number, n: number, values: Uint8Array | Float64Array): NumericColumn[] {
  return Array.from({ length: n }, (_, c) => {
    const column = new Float64Array(rows);
    for (let row = 0; row < rows; row++) column[row] = values[row * n + c]!;
    return { name: `${name}${c + 1}`, kind: "numeric", sqlType: "DOUBLE", values: column };
  });
}

/** Images of one size, over the given pixels. */
export function equalImages(
  name: string,
  rows: number,
  height: number,
  width: number,
  channels: ImageColumn["channels"],
  values: Uint8Array,
): ImageColumn {
  return {
    name,
    kind: "image",
    sqlType: "IMAGE",
    channels,
    heights: new Int32Array(rows).fill(height),
    widths: new Int32Array(rows).fill(width),
    offsets: Float64Array.from({ length: rows + 1 }, (_, row) => row * height * width * channels),
    values,
  };
}

const isChannels = (n: number | undefined): n is ImageColumn["channels"] => n === 1 || n === 3 || n === 4;

function channelsLast(shape: readonly number[], values: Uint8Array) {
  const [rows = 0, a = 0, b = 0, c] = shape;
  if (c === undefined) return { height: a, width: b, channels: 1 as const, pixels: values, turned: false };
  if (isChannels(c)) return { height: a, width: b, channels: c, pixels: values, turned: false };
  if (!isChannels(a)) return undefined;
  const [channels, size] = [a, b * c];
  const pixels = new Uint8Array(values.length);
  for (let row = 0; row < rows; row++) {
    const from = row * size * channels;
    for (let channel = 0; channel < channels; channel++)
      for (let at = 0; at < size; at++) pixels[from + at * channels + channel] = values[from + channel * size + at]!;
  }
  return { height: b, width: c, channels, pixels, turned: true };
}
