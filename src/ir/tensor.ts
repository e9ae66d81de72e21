/** Host tensors: a dtype, a shape of numbers, and row-major data in the dtype's own typed array. */
import { GradusError } from "../util/errors.ts";
import { isInteger, type DType } from "./dtype.ts";
import { numberToHalf } from "./half.ts";
import { formatShape, sizeOf } from "./shape.ts";

export type NumericArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;
export type TensorData = NumericArray | readonly string[];

/** float16 is held as its bits in a Uint16Array, bool as 0/1 in a Uint8Array. */
export interface Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const;

/** Zeros of a dtype's array type (empty strings for `string`). */
export function zeros(dtype: DType, length: number): TensorData {
  return dtype === "string" ? new Array<string>(length).fill("") : new arrays[dtype](length);
}

/** An array's bytes seen as another dtype's elements. */
export function viewBytes(dtype: Exclude<DType, "string">, bytes: Uint8Array): NumericArray {
  const array = arrays[dtype];
  const aligned = bytes.byteOffset % array.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes);
  return new array(aligned.buffer as ArrayBuffer, aligned.byteOffset, bytes.byteLength / array.BYTES_PER_ELEMENT);
}

type Nested = number | bigint | boolean | string | readonly Nested[];

/**
 * A tensor from a typed array, or from plain (nested) numbers, booleans or strings.
 * @param shape inferred from the nesting where it is left out
 * @throws GradusError where the data does not fill the shape
 */
export function tensor(dtype: DType, data: TensorData | Nested, shape?: readonly number[]): Tensor {
  const flat = ArrayBuffer.isView(data) ? (data as NumericArray) : flatten(dtype, data as Nested);
  const dims = shape ?? (ArrayBuffer.isView(data) ? [flat.length] : nestedShape(data as Nested));
  if (flat.length !== sizeOf(dims)) {
    throw new GradusError(`a tensor of shape ${formatShape(dims)} needs ${sizeOf(dims)} elements, got ${flat.length}`);
  }
  if (dtype !== "string" && !(flat instanceof arrays[dtype])) {
    throw new GradusError(`a ${dtype} tensor needs ${arrays[dtype].name}, got ${flat.constructor.name}`);
  }
  return { dtype, shape: dims, data: flat };
}

function nestedShape(data: Nested): number[] {
  return Array.isArray(data) ? [data.length, ...(data.length ? nestedShape(data[0] as Nested) : [])] : [];
}

function flatten(dtype: DType, data: Nested): TensorData {
  const items = (Array.isArray(data) ? (data as unknown[]).flat(Infinity) : [data]) as (number | bigint | boolean | string)[];
  if (dtype === "string") return items.map(String);
  const array = zeros(dtype, items.length) as NumericArray;
  const whole = isInteger(dtype);
  for (let i = 0; i < items.length; i++) {
    const item = items[i]!;
    if (whole && typeof item === "number" && !Number.isInteger(item)) throw new GradusError(`${item} is no ${dtype}`);
    if (dtype === "int64" || dtype === "uint64") array[i] = BigInt(item);
    else array[i] = dtype === "float16" ? numberToHalf(Number(item)) : Number(item);
  }
  return array;
}
