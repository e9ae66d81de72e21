/** Helpers for float64 evaluation: arrays, broadcasting, walking indices. */
import type { DType } from "../ir/dtype.ts";
import { isInteger } from "../ir/dtype.ts";
import { broadcastShapes, sizeOf, stridesOf } from "../ir/shape.ts";
import { internal } from "../util/errors.ts";
import type { NdArray } from "./op.ts";

export function ndarray(dtype: DType, shape: readonly number[], data: Float64Array | readonly string[]): NdArray {
  return { dtype, shape, data };
}

/** The numbers of an array that is not of strings. */
export function numbers(array: NdArray | null | undefined): Float64Array {
  if (!array || !(array.data instanceof Float64Array)) internal("numbers of a missing or string array");
  return array.data as Float64Array;
}

/** Element wise map of one array. */
export function map1(array: NdArray, f: (x: number) => number, dtype: DType = array.dtype): NdArray {
  return ndarray(dtype, array.shape, numbers(array).map(f));
}

/** Strides of an operand inside a broadcast shape: 0 along repeated axes. */
export function broadcastStrides(shape: readonly number[], into: readonly number[]): number[] {
  const strides = stridesOf(shape);
  const lead = into.length - shape.length;
  return into.map((_, axis) => (axis < lead || shape[axis - lead] === 1 ? 0 : strides[axis - lead]!));
}

/** Calls `visit(flat output index, offset in each operand)` over a shape, row-major. */
export function walk(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
  visit: (index: number, offsets: readonly number[]) => void,
): void {
  const size = sizeOf(shape);
  const at = new Array<number>(shape.length).fill(0);
  const offsets = new Array<number>(strides.length).fill(0);
  for (let index = 0; index < size; index++) {
    visit(index, offsets);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at[axis]!++;
      for (let k = 0; k < strides.length; k++) offsets[k]! += strides[k]![axis]!;
      if (at[axis]! < shape[axis]!) break;
      for (let k = 0; k < strides.length; k++) offsets[k]! -= strides[k]![axis]! * shape[axis]!;
      at[axis] = 0;
    }
  }
}

/** Elementwise function of several arrays with broadcasting. */
export function mapBroadcast(arrays: readonly NdArray[], f: (...xs: number[]) => number, dtype: DType = arrays[0]!.dtype): NdArray {
  const shape = arrays.map((array) => array.shape).reduce((a, b) => broadcastShapes(a, b) as readonly number[]);
  const data = arrays.map(numbers);
  const result = new Float64Array(sizeOf(shape));
  const strides = arrays.map((array) => broadcastStrides(array.shape, shape));
  if (arrays.length === 2) {
    const [a, b] = data as [Float64Array, Float64Array];
    walk(shape, strides, (i, offsets) => (result[i] = f(a[offsets[0]!]!, b[offsets[1]!]!)));
  } else {
    walk(shape, strides, (i, offsets) => (result[i] = f(...data.map((values, k) => values[offsets[k]!]!))));
  }
  return ndarray(dtype, shape, result);
}

const ranges: Partial<Record<DType, readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-2147483648, 2147483647],
  uint32: [0, 4294967295],
};

/** A number as an element of the dtype: integers truncate and wrap (NaN and ±∞ are 0), bool is 0 or 1, floats stay float64. */
export function castNumber(x: number, dtype: DType): number {
  if (dtype === "bool") return x === 0 ? 0 : 1;
  if (!isInteger(dtype)) return x;
  if (!Number.isFinite(x)) return 0;
  const whole = Math.trunc(x);
  const range = ranges[dtype];
  if (!range || (whole >= range[0] && whole <= range[1])) return whole === 0 ? 0 : whole;
  const span = range[1] - range[0] + 1;
  return ((((whole - range[0]) % span) + span) % span) + range[0];
}
