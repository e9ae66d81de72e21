/** The rows that a model is most wrong about, with their raw values. */
import type { Column, ImageColumn, Table } from "../data/table.ts";
import type { Sample } from "../metrics/metric.ts";
import { bitmapUrl } from "./bitmap.ts";
import { cellText } from "./cell.ts";

export interface WorstRow {
  /** Of the data, from 1. */
  readonly row: number;
  /** What it is called, where it is a file of its own. */
  readonly name?: string;
  readonly truth: string | number;
  readonly answer: string | number;
  /** Classes: the probability that the true one was given. */
  readonly probability?: number;
  /** Classes: −ln of that; amounts: |true − predicted| in the target's unit, of several steps the root of their mean square. */
  readonly loss: number;
  /** By column, see `columns`. */
  readonly cells: readonly { readonly text: string; readonly image?: string }[];
}

export interface Worst {
  readonly columns: readonly string[];
  /** Columns that are not shown. */
  readonly more: number;
  /** The worst first. */
  readonly rows: readonly WorstRow[];
}

const mostRows = 12;
const mostColumns = 10;

/**
 * @param sample of these rows in this order; amounts of several steps one after the other
 * @param shape of a row, where its numbers are one image: [channels, height, width]
 */
export function worstRows(sample: Sample, table: Table, rows: Int32Array, shape: readonly number[] = []): Worst {
  const losses = lossesOf(sample, rows.length);
  const order = Array.from(losses.keys()).toSorted((a, b) => losses[b]! - losses[a]! || rows[a]! - rows[b]!);
  const drawn = pixelImages(table, rows, shape);
  const columns: readonly Column[] = drawn ? [drawn] : table.columns.slice(0, mostColumns);
  const steps = sample.kind === "amounts" ? sample.truth.length / rows.length : 1;
  return {
    columns: columns.map(({ name }) => name),
    more: drawn ? 0 : table.columns.length - columns.length,
    rows: order.slice(0, mostRows).map((i) => ({
      row: rows[i]! + 1,
      ...(table.rowNames ? { name: table.rowNames[rows[i]!]! } : {}),
      ...saidOf(sample, i, steps),
      loss: losses[i]!,
      cells: columns.map((column) => ({
        text: cellText(column, rows[i]!),
        ...(column.kind === "image" ? { image: bitmapUrl(column, rows[i]!) } : {}),
      })),
    })),
  };
}

/** Columns of numbers that are an image's pixels as one column of images, black to white between their extremes; only these rows are drawn. */
function pixelImages(
  { columns, rows: n }: Table,
  rows: Int32Array,
  [channels, height = 0, width = 0]: readonly number[],
): ImageColumn | undefined {
  const pixels = columns.flatMap((column) => (column.kind === "numeric" ? column.values : []));
  const isImage = (channels === 1 || channels === 3) && height > 1 && width > 1;
  if (!isImage || pixels.length !== columns.length || pixels.length !== channels * height * width) return undefined;
  let [low, high] = [Infinity, -Infinity];
  for (const row of rows)
    for (const values of pixels) {
      if (values[row]! < low) low = values[row]!;
      if (values[row]! > high) high = values[row]!;
    }
  const size = pixels.length;
  const offsets = new Float64Array(n + 1);
  const [heights, widths] = [new Int32Array(n), new Int32Array(n)];
  const values = new Uint8Array(rows.length * size);
  const area = height * width;
  rows.forEach((row, i) => {
    heights[row] = height;
    widths[row] = width;
    offsets[row] = i * size;
    // A row has its channels one after the other, an image has a pixel's side by side.
    pixels.forEach((column, at) => {
      const value = Number.isNaN(column[row]!) ? low : column[row]!;
      values[i * size + (at % area) * channels + Math.floor(at / area)] = Math.round((255 * (value - low)) / (high - low || 1));
    });
  });
  return { name: "image", kind: "image", sqlType: "IMAGE", channels, heights, widths, offsets, values };
}

function saidOf(sample: Sample, i: number, steps: number): Pick<WorstRow, "truth" | "answer" | "probability"> {
  if (sample.kind === "classes") {
    const { classes, truth, answers, probabilities } = sample;
    return {
      truth: classes[truth[i]!]!,
      answer: classes[answers[i]!]!,
      probability: probabilities[i * classes.length + truth[i]!]!,
    };
  }
  const of = (values: ArrayLike<number>) =>
    steps === 1 ? values[i]! : Array.from({ length: steps }, (_, step) => Number(values[i * steps + step]!.toPrecision(4))).join(" ");
  return { truth: of(sample.truth), answer: of(sample.prediction) };
}

/** Of each row. */
function lossesOf(sample: Sample, n: number): Float64Array {
  const losses = new Float64Array(n);
  if (sample.kind === "classes") {
    const k = sample.classes.length;
    // A probability of 0 in float32 is at most so small.
    for (let i = 0; i < n; i++) losses[i] = -Math.log(Math.max(sample.probabilities[i * k + sample.truth[i]!]!, 2 ** -149));
    return losses;
  }
  const steps = sample.truth.length / n;
  for (let i = 0; i < sample.truth.length; i++) losses[Math.floor(i / steps)]! += (sample.truth[i]! - sample.prediction[i]!) ** 2 / steps;
  return losses.map(Math.sqrt);
}
