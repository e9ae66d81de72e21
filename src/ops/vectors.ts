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

/** `x` with its last two axes swapped. */
export function swapLast(ops: Ops, x: Value): Value {
  const perm = x.shape.map((_, axis) => axis);
  perm.push(...perm.splice(-2).reverse());
  return ops.Transpose(x, { perm });
}

/** A scalar int64 constant, as Gather takes to drop an axis. */
export function index(value: number): Value {
  return constant(tensor("int64", value));
}
