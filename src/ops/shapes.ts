/** Operators that read shapes or make tensors from them. */
import { multiplyDims, sizeOf, unknownDim, type Dim, type Shape as Dims } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";
import { vectorLength } from "./dims.ts";
import { requireDType, required } from "./infer.ts";
import { defineOp, type Op } from "./op.ts";
import { integers } from "./pick.ts";
import { ints } from "./samples.ts";

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
  contents: (context) => shapePart(required(context, 0).shape, context.attributes),
  samples: [{ inputs: [[2, 3, 4]] }, { inputs: [[]] }, { inputs: [[2, 3, 4]], attributes: { start: -2 } }, { inputs: [[2, 3, 4]], attributes: { start: 1, end: -1 } }],
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
  contents: (context) => [multiplyDims(required(context, 0).shape)],
  samples: [{ inputs: [[2, 3]] }, { inputs: [[]] }],
});

interface ConstantOfShapeAttributes {
  readonly value?: Tensor;
}

/** The fill: one element, a float32 zero where it is left out. */
function fillOf({ value }: ConstantOfShapeAttributes): { dtype: Tensor["dtype"]; fill: number } {
  if (!value) return { dtype: "float32", fill: 0 };
  if (value.data.length !== 1 || value.dtype === "string") throw new GradusError(`value must be one number, got ${value.data.length} of ${value.dtype}`);
  return { dtype: value.dtype, fill: Number(value.data[0]) };
}

/** A tensor of one repeated number. */
export const ConstantOfShape: Op<ConstantOfShapeAttributes> = defineOp<ConstantOfShapeAttributes>({
  arity: [1, 1],
  attributes: { value: "tensor" },
  infer: (context) => {
    const target = requireDType(required(context, 0), ["int64"], "the shape");
    const shape: Dims = context.contents(0) ?? Array.from({ length: vectorLength(target.shape, "the shape") }, unknownDim);
    if (shape.some((dim) => typeof dim === "number" && dim < 0)) throw new GradusError(`sizes must not be negative, got [${shape.join(", ")}]`);
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
