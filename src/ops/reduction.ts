/** What reductions share: their axes, their shapes, their evaluation, and the way back to the input's shape. */
import { isInteger, type DType } from "../ir/dtype.ts";
import { int64, type Value } from "../ir/graph.ts";
import { multiplyDims, normalizeAxis, sizeOf, staticShape, stridesOf, unknownDim, type Shape } from "../ir/shape.ts";
import { GradusError, internal } from "../util/errors.ts";
import type { Ops } from "./build.ts";
import { castNumber, ndarray, numbers, walk } from "./ndarray.ts";
import type { InferContext, NdArray, TensorType } from "./op.ts";

/** Axes counted from the front, ascending; all of them where none are named. */
export function reducedAxes(axes: readonly number[] | undefined, rank: number): number[] {
  if (!axes || axes.length === 0) return Array.from({ length: rank }, (_, axis) => axis);
  const sorted = axes.map((axis) => normalizeAxis(axis, rank)).sort((a, b) => a - b);
  if (new Set(sorted).size < sorted.length) throw new GradusError(`axes ${axes.join(", ")} name one axis twice`);
  return sorted;
}

/** The shape that is left: reduced axes become 1, or go. */
export function reducedShape<D extends number | string>(shape: readonly D[], axes: readonly number[], keep: boolean): (D | 1)[] {
  return keep ? shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim)) : shape.filter((_, axis) => !axes.includes(axis));
}

/** Type of a reduction whose axes come as input 1: sizes are unknown where the axes are known only when the graph runs. */
export function inferWithAxesInput(
  context: InferContext<{ readonly keepdims?: number; readonly noop_with_empty_axes?: number }>,
  { dtype, shape }: TensorType,
): TensorType {
  const keep = context.attributes.keepdims !== 0;
  const given = context.inputs[1];
  if (given && given.dtype !== "int64") throw new GradusError(`axes must be int64, got ${given.dtype}`);
  if (given && given.shape.length !== 1) throw new GradusError(`axes must be a vector, got a tensor of rank ${given.shape.length}`);
  const axes = given ? context.contents(1) : [];
  const known = axes && staticShape(axes);
  if (known) {
    if (known.length === 0 && context.attributes.noop_with_empty_axes) return { dtype, shape };
    return { dtype, shape: reducedShape(shape, reducedAxes(known, shape.length), keep) };
  }
  if (keep) return { dtype, shape: shape.map(unknownDim) };
  const count = given?.shape[0];
  if (typeof count !== "number") throw new GradusError("without keepdims, how many axes are reduced must be known when the graph is built");
  return { dtype, shape: Array.from({ length: shape.length - count }, unknownDim) };
}

/** Reduces every group of elements along the axes to one number; elements of a group come in row-major order. */
export function reduceArray(
  x: NdArray,
  axes: readonly number[],
  keep: boolean,
  f: (group: Float64Array) => number,
  dtype: DType = x.dtype,
): NdArray {
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const order = [...kept, ...axes];
  const strides = stridesOf(x.shape);
  const source = numbers(x);
  const grouped = new Float64Array(source.length);
  walk(
    order.map((axis) => x.shape[axis]!),
    [order.map((axis) => strides[axis]!)],
    (index, offsets) => (grouped[index] = source[offsets[0]!]!),
  );
  const length = sizeOf(axes.map((axis) => x.shape[axis]!));
  const shape = reducedShape(x.shape, axes, keep);
  const result = new Float64Array(sizeOf(shape));
  for (let i = 0; i < result.length; i++) {
    const value = f(grouped.subarray(i * length, (i + 1) * length));
    result[i] = isInteger(dtype) ? castNumber(value, dtype) : value;
  }
  return ndarray(dtype, shape, result);
}

/** A reduction's output or its gradient with the reduced axes put back as 1, so that it broadcasts against the input. */
export function withReducedAxes(ops: Ops, value: Value, axes: readonly number[] | undefined, keepdims: number | undefined): Value {
  if (keepdims !== 0 || value.shape.length === 0) return value;
  if (!axes) internal("a reduction over all axes left some");
  return ops.Unsqueeze(value, int64(axes));
}

/** A value repeated to another's shape. */
export function expandLike(ops: Ops, value: Value, like: Value): Value {
  return ops.Expand(value, shapeValue(ops, like));
}

function shapeValue(ops: Ops, value: Value): Value {
  const known = staticShape(value.shape);
  return known ? int64(known) : ops.Shape(value);
}

/** `value` divided by how many elements of x went into each element of y. */
export function divideByCount(ops: Ops, value: Value, x: Value, y: Value): Value {
  const count = groupSize(x.shape, y.shape);
  if (count !== undefined) return ops.Div(value, count);
  const size = (of: Value) => ops.Cast(ops.Size(of), { to: value.dtype });
  return ops.Div(y.shape.length === 0 ? value : ops.Mul(value, size(y)), size(x));
}

function groupSize(from: Shape, to: Shape): number | undefined {
  const before = multiplyDims(from);
  const after = multiplyDims(to);
  if (before === after) return 1;
  return typeof before === "number" && typeof after === "number" && after > 0 ? before / after : undefined;
}

/** Replaces every lane along an axis by a function of it, of equal length. */
export function mapAxis(x: NdArray, axis: number, f: (lane: Float64Array) => Float64Array, dtype: DType = x.dtype): NdArray {
  const source = numbers(x);
  const result = new Float64Array(source.length);
  const length = x.shape[axis]!;
  const inner = sizeOf(x.shape.slice(axis + 1));
  for (let start = 0; start < source.length; start += length * inner) {
    for (let offset = start; offset < start + inner; offset++) {
      const lane = Float64Array.from({ length }, (_, i) => source[offset + i * inner]!);
      f(lane).forEach((value, i) => (result[offset + i * inner] = value));
    }
  }
  return ndarray(dtype, x.shape, result);
}

/** x less the logarithm of the sum of the lane's exponentials, with the largest taken out first. */
export function logSoftmax(lane: Float64Array): Float64Array {
  const top = lane.reduce((a, b) => Math.max(a, b), -Infinity);
  const logSum = Math.log(lane.reduce((sum, x) => sum + Math.exp(x - top), 0));
  return lane.map((x) => x - top - logSum);
}
