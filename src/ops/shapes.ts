/** Operators that read shapes or make tensors from them. */
import type { DType } from "../ir/dtype.ts";
import { scalar, type Value } from "../ir/graph.ts";
import { halfToNumber } from "../ir/half.ts";
import { multiplyDims, sizeOf, unknownDim, type Dim, type Shape as Dims } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";
import { vectorLength } from "./dims.ts";
import { requireDType, requireSameDType, required } from "./infer.ts";
import { numbers } from "./ndarray.ts";
import { defineOp, type Op } from "./op.ts";
import { integers } from "./pick.ts";
import { int, ints } from "./samples.ts";

const integersOnly = { none: "the result is integers, which do not change with the input's values" };

interface ShapeAttributes {
  readonly start?: number;
  readonly end?: number;
}

/** `shape.slice(start, end)`, clamped as Python does. */
function shapePart<D extends Dim>(shape: readonly D[], { start = 0, end = shape.length }: ShapeAttributes): readonly D[] {
  return shape.slice(start, end);
}

/** The shape as int64, from dimension `start` to before `end`. */
export const Shape: Op<ShapeAttributes> = defineOp<ShapeAttributes>({
  arity: [1, 1],
  attributes: { start: "int", end: "int" },
  infer: (context) => [{ dtype: "int64", shape: [shapePart(required(context, 0).shape, context.attributes).length] }],
  evaluate: ([x], { attributes }) => {
    const part = shapePart(x!.shape, attributes);
    return [{ dtype: "int64", shape: [part.length], data: Float64Array.from(part) }];
  },
  gradient: integersOnly,
  follows: "shape",
  contents: (context) => shapePart(required(context, 0).shape, context.attributes),
  samples: [
    { inputs: [[2, 3, 4]] },
    { inputs: [[]] },
    { inputs: [[2, 3, 4]], attributes: { start: -2 } },
    { inputs: [[2, 3, 4]], attributes: { start: 1, end: -1 } },
  ],
});

/** Number of elements, an int64 scalar. */
export const Size: Op = defineOp({
  arity: [1, 1],
  infer: (context) => {
    required(context, 0);
    return [{ dtype: "int64", shape: [] }];
  },
  evaluate: ([x]) => [{ dtype: "int64", shape: [], data: Float64Array.of(x!.data.length) }],
  gradient: integersOnly,
  follows: "shape",
  contents: (context) => [multiplyDims(required(context, 0).shape)],
  samples: [{ inputs: [[2, 3]] }, { inputs: [[]] }],
});

interface ConstantOfShapeAttributes {
  readonly value?: Tensor;
}

/** The fill: one element, a float32 zero where it is left out. */
function fillOf({ value }: ConstantOfShapeAttributes): { dtype: Tensor["dtype"]; fill: number } {
  if (!value) return { dtype: "float32", fill: 0 };
  if (value.data.length !== 1 || value.dtype === "string")
    throw new GradusError(`value must be one number, got ${value.data.length} of ${value.dtype}`);
  const element = Number(value.data[0]);
  return { dtype: value.dtype, fill: value.dtype === "float16" ? halfToNumber(element) : element };
}

/** A tensor of one repeated number. */
export const ConstantOfShape: Op<ConstantOfShapeAttributes> = defineOp<ConstantOfShapeAttributes>({
  arity: [1, 1],
  attributes: { value: "tensor" },
  infer: (context) => {
    const target = requireDType(required(context, 0), ["int64"], "the shape");
    const shape: Dims = context.contents(0) ?? Array.from({ length: vectorLength(target.shape, "the shape") }, unknownDim);
    if (shape.some((dim) => typeof dim === "number" && dim < 0))
      throw new GradusError(`sizes must not be negative, got [${shape.join(", ")}]`);
    return [{ dtype: fillOf(context.attributes).dtype, shape }];
  },
  evaluate: ([to], { attributes }) => {
    const { dtype, fill } = fillOf(attributes);
    const shape = integers(to);
    return [{ dtype, shape, data: new Float64Array(sizeOf(shape)).fill(fill) }];
  },
  gradient: { none: "the result does not depend on any float" },
  contents: (context) => {
    const { dtype, fill } = fillOf(context.attributes);
    const shape = context.contents(0);
    const size = shape && shape.length < 2 ? multiplyDims(shape) : undefined;
    return (dtype === "int64" || dtype === "int32") && typeof size === "number" ? new Array<number>(size).fill(fill) : undefined;
  },
  samples: [{ inputs: [ints(2, 3)] }, { inputs: [ints()] }, { inputs: [{ shape: [2], dtype: "int64", values: [2, 2] }] }],
});

/** Number of steps from start to before limit. */
function rangeLength(start: number, limit: number, delta: number): number {
  if (delta === 0) throw new GradusError("a range with steps of 0");
  return Math.max(0, Math.ceil((limit - start) / delta));
}

/** start, start + delta, … up to before limit; all three scalars. */
export const Range: Op = defineOp({
  arity: [3, 3],
  infer: (context) => {
    const dtype = requireSameDType(context);
    requireDType({ dtype, shape: [] }, ["float32", "float64", "int16", "int32", "int64"], "the range");
    const [start, limit, delta] = [0, 1, 2].map((i) => {
      const { shape } = required(context, i);
      if (shape.length > 0) throw new GradusError(`start, limit and delta must be scalars, got shape [${shape.join(", ")}]`);
      return context.contents(i)?.[0];
    });
    if (start === 0 && delta === 1 && typeof limit === "string") return [{ dtype, shape: [limit] }];
    const known = typeof start === "number" && typeof limit === "number" && typeof delta === "number";
    return [{ dtype, shape: [known ? rangeLength(start, limit, delta) : unknownDim()] }];
  },
  evaluate: (inputs) => {
    const [start, limit, delta] = inputs.map((input) => numbers(input)[0]) as [number, number, number];
    const data = Float64Array.from({ length: rangeLength(start, limit, delta) }, (_, i) => start + i * delta);
    return [{ dtype: inputs[0]!.dtype, shape: [data.length], data }];
  },
  gradient: ({ ops, inputs: [start], outputGradients: [dy], needs }) => {
    const sum = (value: Value) => ops.ReduceSum(value, null, { keepdims: 0 });
    const { dtype } = start!;
    const steps = () => ops.Range(scalar(dtype, 0), ops.Cast(ops.Size(dy), { to: dtype }), scalar(dtype, 1));
    return [sum(dy), null, needs(2) ? sum(ops.Mul(dy, steps())) : null]; // y[i] = start + i·delta; limit only cuts
  },
  contents: (context) => {
    const [start, limit, delta] = [0, 1, 2].map((i) => context.contents(i)?.[0]);
    if (typeof start !== "number" || typeof limit !== "number" || typeof delta !== "number") return undefined;
    return Array.from({ length: rangeLength(start, limit, delta) }, (_, i) => start + i * delta);
  },
  samples: [
    { inputs: [int(0), int(5), int(1)] },
    { inputs: [int(7), int(-2), int(-3)] },
    {
      inputs: [
        { shape: [], values: [0.25] },
        { shape: [], values: [1.6] },
        { shape: [], values: [0.5] },
      ],
    },
  ],
});

interface EyeLikeAttributes {
  readonly dtype?: DType;
  readonly k?: number;
}

/** Ones on the k-th diagonal of a matrix of the input's shape (and dtype, unless one is given), zeros elsewhere. */
export const EyeLike: Op<EyeLikeAttributes> = defineOp<EyeLikeAttributes>({
  arity: [1, 1],
  attributes: { dtype: "dtype", k: "int" },
  infer: (context) => {
    const { dtype, shape } = required(context, 0);
    if (shape.length !== 2) throw new GradusError(`EyeLike needs a matrix, got shape [${shape.join(", ")}]`);
    return [{ dtype: context.attributes.dtype ?? dtype, shape }];
  },
  evaluate: ([x], { attributes: { dtype = x!.dtype, k = 0 } }) => {
    const columns = x!.shape[1]!;
    const data = Float64Array.from({ length: x!.data.length }, (_, i) => ((i % columns) - Math.floor(i / columns) === k ? 1 : 0));
    return [{ dtype, shape: x!.shape, data }];
  },
  gradient: () => [null],
  follows: "shape",
  samples: [{ inputs: [[3, 4]] }, { inputs: [[4, 3]], attributes: { k: -1, dtype: "int64" } }, { inputs: [[2, 4]], attributes: { k: 2 } }],
});
