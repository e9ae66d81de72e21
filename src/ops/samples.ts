/** Inputs that samples use again and again. */
import type { SampleInput } from "./op.ts";

/** A build-time int64 vector: axes, shapes. */
export function ints(...values: number[]): SampleInput {
  return { shape: [values.length], dtype: "int64", values, constant: true };
}

/** A build-time int64 scalar. */
export function int(value: number): SampleInput {
  return { shape: [], dtype: "int64", values: [value], constant: true };
}

/** Integers that are an input of the graph. */
export function indices(shape: readonly number[], values: readonly number[]): SampleInput {
  return { shape, dtype: "int64", values };
}

/** Strings that are an input of the graph. */
export function strings(shape: readonly number[], values: readonly string[]): SampleInput {
  return { shape, dtype: "string", values };
}
