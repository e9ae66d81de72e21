/** Moving elements, numbers or strings alike: the arrays behind the operators that only rearrange. */
import type { DType } from "../ir/dtype.ts";
import { sizeOf } from "../ir/shape.ts";
import { numbers, walk } from "./ndarray.ts";
import type { NdArray } from "./op.ts";

/** An array of `source[offsets[i]]`. */
export function pick(source: NdArray, shape: readonly number[], offsets: ArrayLike<number>): NdArray {
  const from = source.data as Float64Array; // strings move the same way
  const to = (source.data instanceof Float64Array ? new Float64Array(offsets.length) : new Array<string>(offsets.length)) as Float64Array;
  for (let i = 0; i < offsets.length; i++) to[i] = from[offsets[i]!]!;
  return { dtype: source.dtype, shape, data: to };
}

/** Offsets of a strided view, row-major: `start + Σ index·stride`. */
export function stridedOffsets(shape: readonly number[], strides: readonly number[], start = 0): Int32Array {
  const offsets = new Int32Array(sizeOf(shape));
  walk(shape, [strides], (i, [offset]) => (offsets[i] = start + offset!));
  return offsets;
}

/** The elements of a strided view, see {@link stridedOffsets}, as an array of their own. */
export function strided(source: NdArray, shape: readonly number[], strides: readonly number[], start = 0): NdArray {
  return pick(source, shape, stridedOffsets(shape, strides, start));
}

/** The same elements under another shape. */
export function reshaped({ dtype, data }: NdArray, shape: readonly number[]): NdArray {
  return { dtype, shape, data };
}

/** The elements of an input of integers, as plain numbers. */
export function integers(array: NdArray | null | undefined): number[] {
  return Array.from(numbers(array));
}

/** The elements of arrays of one dtype, one array after the other. */
export function joinedData(dtype: DType, arrays: readonly NdArray[]): NdArray["data"] {
  if (dtype === "string") return arrays.flatMap((array) => array.data as readonly string[]);
  const data = new Float64Array(arrays.reduce((total, array) => total + array.data.length, 0));
  let at = 0;
  for (const array of arrays) {
    data.set(numbers(array), at);
    at += array.data.length;
  }
  return data;
}
