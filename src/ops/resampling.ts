/** How Resize reads an axis: for every place of the result the places of the input and their weights. */
import { GradusError } from "../util/errors.ts";

export interface ResizeAttributes {
  readonly coordinate_transformation_mode?: string;
  /** The a of Keys' cubic convolution. */
  readonly cubic_coeff_a?: number;
  /** 1: places outside the input have weight 0, and the others are divided by their sum. For cubic. */
  readonly exclude_outside?: number;
  /** What tf_crop_and_resize gives outside the input. */
  readonly extrapolation_value?: number;
  /** "nearest" (the default), "linear" or "cubic". */
  readonly mode?: string;
  readonly nearest_mode?: string;
}

/** One axis: sizes, their ratio as given, and the part of the input that tf_crop_and_resize takes (0 to 1: all of it). */
export interface Axis {
  readonly from: number;
  readonly to: number;
  /** Size of the result before it is rounded down. */
  readonly length: number;
  readonly scale: number;
  readonly start: number;
  readonly end: number;
}

/** A row for each place of the result; null for a place outside the input, which gets the extrapolation value. */
export type Rows = readonly (readonly (readonly [place: number, weight: number])[] | null)[];

/** Where place i of the result lies in the input. */
const coordinates: Readonly<Record<string, (i: number, axis: Axis) => number>> = {
  half_pixel: (i, { scale }) => (i + 0.5) / scale - 0.5,
  pytorch_half_pixel: (i, { scale, to }) => (to > 1 ? (i + 0.5) / scale - 0.5 : 0),
  align_corners: (i, { from, to, length }) => (to > 1 ? (i * (from - 1)) / (length - 1) : 0),
  asymmetric: (i, { scale }) => i / scale,
  tf_half_pixel_for_nn: (i, { scale }) => (i + 0.5) / scale,
  tf_crop_and_resize: (i, { from, to, start, end }) =>
    to > 1 ? start * (from - 1) + (i * (end - start) * (from - 1)) / (to - 1) : 0.5 * (start + end) * (from - 1),
};

const nearest: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** Keys' kernel at distances t + 1, t, 1 − t and 2 − t. */
function cubicWeights(t: number, a: number): number[] {
  const near = (d: number) => ((a + 2) * d - (a + 3)) * d * d + 1;
  const far = (d: number) => ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  return [far(t + 1), near(t), near(1 - t), far(2 - t)];
}

/** The places and weights of one coordinate, which may lie outside. */
function taps(x: number, { mode = "nearest", nearest_mode = "round_prefer_floor", cubic_coeff_a = -0.75 }: ResizeAttributes) {
  if (mode === "nearest") return [[nearest[nearest_mode]!(x), 1] as const];
  const below = Math.floor(x);
  const t = x - below;
  if (mode === "linear") return t === 0 ? [[below, 1] as const] : [[below, 1 - t] as const, [below + 1, t] as const];
  return cubicWeights(t, cubic_coeff_a).map((weight, i) => [below - 1 + i, weight] as const);
}

/** One word of a list. */
function requireWord(word: string, words: readonly string[], what: string): void {
  if (!words.includes(word)) throw new GradusError(`${what} "${word}" is not one of ${words.join(", ")}`);
}

export function checkAttributes(attributes: ResizeAttributes): void {
  requireWord(attributes.mode ?? "nearest", ["nearest", "linear", "cubic"], "mode");
  requireWord(attributes.nearest_mode ?? "round_prefer_floor", Object.keys(nearest), "nearest_mode");
  requireWord(attributes.coordinate_transformation_mode ?? "half_pixel", Object.keys(coordinates), "coordinate_transformation_mode");
}

export function isCropping({ coordinate_transformation_mode }: ResizeAttributes): boolean {
  return coordinate_transformation_mode === "tf_crop_and_resize";
}

/** Beyond its ends the input goes on as it ends, unless places outside are excluded. */
export function rowsOf(axis: Axis, attributes: ResizeAttributes): Rows {
  const { coordinate_transformation_mode = "half_pixel", exclude_outside = 0, mode = "nearest" } = attributes;
  const last = axis.from - 1;
  return Array.from({ length: axis.to }, (_, i) => {
    const x = coordinates[coordinate_transformation_mode]!(i, axis);
    if (isCropping(attributes) && (x < 0 || x > last)) return null;
    const found = taps(x, attributes);
    const inside = exclude_outside && mode === "cubic" ? found.filter(([place]) => place >= 0 && place <= last) : found;
    const total = inside === found ? 1 : inside.reduce((sum, [, weight]) => sum + weight, 0);
    const weights = new Map<number, number>();
    for (const [place, weight] of inside) {
      const at = Math.min(Math.max(place, 0), last);
      weights.set(at, (weights.get(at) ?? 0) + weight / total);
    }
    return [...weights];
  });
}

/** Whether the axis is read as it is. */
export function isIdentity(rows: Rows, from: number): boolean {
  return rows.length === from && rows.every((row, i) => row?.length === 1 && row[0]![0] === i && row[0]![1] === 1);
}

/** How often every place is repeated, where all are equally often and in order. */
export function repeats(rows: Rows, from: number): number | undefined {
  const times = rows.length / from;
  if (!Number.isInteger(times)) return undefined;
  return rows.every((row, i) => row?.length === 1 && row[0]![1] === 1 && row[0]![0] === Math.floor(i / times)) ? times : undefined;
}

/** Weights as a matrix [to, from]. */
export function matrixOf(rows: Rows, from: number): number[][] {
  return rows.map((row) => {
    const line = new Array<number>(from).fill(0);
    for (const [place, weight] of row ?? []) line[place] = weight;
    return line;
  });
}
