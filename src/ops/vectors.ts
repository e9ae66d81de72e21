/** Graph pieces that gradients share: shapes as values, zeros, transposes. */
import { constant, int64, type Value } from "../ir/graph.ts";
import { staticShape } from "../ir/shape.ts";
import { tensor } from "../ir/tensor.ts";
import type { Ops } from "./build.ts";

/** The elements of `x` in the shape of `like`. */
export function reshapeLike(ops: Ops, x: Value, like: Value): Value {
  const known = staticShape(like.shape);
  return known && !known.includes(0) ? ops.Reshape(x, int64(known)) : ops.Reshape(x, ops.Shape(like), { allowzero: 1 });
}

/** One dimension of `x`: a number where it is known, else an int64 vector of length 1. */
export function dimOf(ops: Ops, x: Value, axis: number): number | Value {
  const dim = x.shape[axis]!;
  return typeof dim === "number" ? dim : ops.Shape(x, { start: axis, end: axis + 1 });
}

/** Sizes, some of them vectors known only when the graph runs, as one int64 vector. */
export function sizesVector(ops: Ops, parts: readonly (number | Value)[]): Value {
  if (parts.every((part) => typeof part === "number")) return int64(parts);
  return ops.Concat(...parts.map((part) => (typeof part === "number" ? int64([part]) : part)), { axis: 0 });
}

/** Zeros in the shape and dtype of `x`. */
export function zerosLike(ops: Ops, x: Value): Value {
  return ops.ConstantOfShape(ops.Shape(x), { value: tensor(x.dtype, [0]) });
}

export function onesLike(ops: Ops, x: Value): Value {
  return ops.ConstantOfShape(ops.Shape(x), { value: tensor(x.dtype, [1]) });
}

/** `x` with its last two axes swapped. */
export function swapLast(ops: Ops, x: Value): Value {
  const perm = x.shape.map((_, axis) => axis);
  perm.push(...perm.splice(-2).reverse());
  return ops.Transpose(x, { perm });
}

/** `size - before - length`. */
export function rest(ops: Ops, size: number | Value, before: number, length: number | Value): number | Value {
  if (typeof size === "number" && typeof length === "number") return size - before - length;
  return ops.Sub(ops.Sub(asVector(size), asVector(length)), int64([before]));
}

/** Product of sizes. */
export function product(ops: Ops, sizes: readonly (number | Value)[]): number | Value {
  return sizes.reduce<number | Value>((total, size) => {
    if (typeof size === "number" && typeof total === "number") return total * size;
    return total === 1 ? size : ops.Mul(asVector(total), asVector(size));
  }, 1);
}

function asVector(size: number | Value): Value {
  return typeof size === "number" ? int64([size]) : size;
}

/** 0, 1, …, size - 1 as int64. */
export function rangeTo(ops: Ops, size: number | Value): Value {
  if (typeof size === "number" && size <= 1024) return int64(Array.from({ length: size }, (_, i) => i));
  return ops.Range(int64Scalar(0), typeof size === "number" ? int64Scalar(size) : ops.Squeeze(size, int64([0])), int64Scalar(1));
}

/** A constant int64 scalar. */
export function int64Scalar(value: number): Value {
  return constant(tensor("int64", value));
}

/** Elements of a constant integer value. */
export function constantInts(value: Value): readonly number[] | undefined {
  return value.origin.kind === "constant" ? Array.from(value.origin.tensor.data as BigInt64Array | Int32Array, Number) : undefined;
}

/** A vector of sizes with the other sign. */
export function negated(ops: Ops, sizes: Value): Value {
  const known = constantInts(sizes);
  return known ? int64(known.map((size) => -size)) : ops.Neg(sizes);
}

/**
 * Adds slices of `x` along an axis into zeros: slice i goes to `indices[i]` of an axis of the given size.
 * ScatterElements, not ScatterND: ONNX Runtime's ScatterND adds equal indices in parallel, which loses updates.
 */
export function scatterAlong(ops: Ops, x: Value, indices: Value, axis: number, size: number | Value): Value {
  const sizes = x.shape.map((_, i) => (i === axis ? size : dimOf(ops, x, i)));
  const zeros = ops.ConstantOfShape(sizesVector(ops, sizes), { value: tensor(x.dtype, [0]) });
  const column = ops.Unsqueeze(indices, int64(x.shape.flatMap((_, i) => (i === axis ? [] : [i]))));
  return ops.ScatterElements(zeros, ops.Expand(column, ops.Shape(x)), x, { axis, reduction: "add" });
}
