/** Inputs that samples use again and again. */
import type { DType } from "../ir/dtype.ts";
import { sizeOf } from "../ir/shape.ts";
import type { SampleInput } from "./op.ts";

/** A build-time int64 vector: axes, shapes. */
export function ints(...values: number[]): SampleInput {
  return { shape: [values.length], dtype: "int64", values, constant: true };
}

/** A build-time int64 scalar. */
export function int(value: number): SampleInput {
  return { shape: [], dtype: "int64", values: [value], constant: true };
}

/** Build-time int64s of any shape. */
export function fixed(shape: readonly number[], values: readonly number[]): SampleInput {
  return { shape, dtype: "int64", values, constant: true };
}

/** Integers that are an input of the graph. */
export function indices(shape: readonly number[], values: readonly number[]): SampleInput {
  return { shape, dtype: "int64", values };
}

/** Strings that are an input of the graph. */
export function strings(shape: readonly number[], values: readonly string[]): SampleInput {
  return { shape, dtype: "string", values };
}

/** Distinct values of both signs with low ≤ |x| ≤ high: away from a kink at 0. */
export function bothSigns(shape: readonly number[], low = 0.3, high = 1.8): SampleInput {
  const values = Array.from({ length: sizeOf(shape) }, (_, i) => (i % 2 ? -1 : 1) * (low + (high - low) * ((i * 0.6180339887 + 0.2) % 1)));
  return { shape, values };
}

/** Uniform floats. */
export function within(shape: readonly number[], low: number, high: number): SampleInput {
  return { shape, range: [low, high] };
}

export function integers(shape: readonly number[], low: number, high: number, dtype: DType = "int32"): SampleInput {
  return { shape, dtype, range: [low, high] };
}

/** Alternating true and false. */
export function booleans(shape: readonly number[]): SampleInput {
  return { shape, dtype: "bool", values: Array.from({ length: sizeOf(shape) }, (_, i) => (i * 7 + (i >> 1)) % 2) };
}
