/** Inference rules that operators share. */
import type { DType } from "../ir/dtype.ts";
import { isFloat, isInteger } from "../ir/dtype.ts";
import { broadcastShapes, type Shape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import type { InferContext, TensorType } from "./op.ts";

/** The type of an input that must be there. */
export function required(context: InferContext<unknown>, index: number): TensorType {
  const type = context.inputs[index];
  if (!type) throw new GradusError(`input ${index} is missing`);
  return type;
}

export function requireFloat(type: TensorType, what = "input"): TensorType {
  if (!isFloat(type.dtype)) throw new GradusError(`${what} must be a float tensor, got ${type.dtype}`);
  return type;
}

export function requireNumber(type: TensorType, what = "input"): TensorType {
  if (!isFloat(type.dtype) && !isInteger(type.dtype)) throw new GradusError(`${what} must be a tensor of numbers, got ${type.dtype}`);
  return type;
}

export function requireDType(type: TensorType, dtypes: readonly DType[], what: string): TensorType {
  if (!dtypes.includes(type.dtype)) throw new GradusError(`${what} must be ${dtypes.join(" or ")}, got ${type.dtype}`);
  return type;
}

/** All inputs of one dtype; returns it. */
export function requireSameDType(context: InferContext<unknown>, from = 0): DType {
  const types = context.inputs.slice(from).filter((type) => type !== null);
  const first = types[0];
  if (!first) throw new GradusError("no inputs");
  for (const type of types) {
    if (type.dtype !== first.dtype) throw new GradusError(`dtypes differ: ${first.dtype} and ${type.dtype}`);
  }
  return first.dtype;
}

/** Output: the first input's type. */
export function sameAsFirst(context: InferContext<unknown>): readonly TensorType[] {
  const { dtype, shape } = required(context, 0);
  return [{ dtype, shape }];
}

/** Output: the first input's type, which must be a float. */
export function sameAsFirstFloat(context: InferContext<unknown>): readonly TensorType[] {
  requireFloat(required(context, 0));
  return sameAsFirst(context);
}

/** Shape of all inputs broadcast together. */
export function broadcastAll(context: InferContext<unknown>): Shape {
  return context.inputs.map((_, i) => required(context, i).shape).reduce(broadcastShapes);
}

/** Output: inputs of one dtype broadcast together; `dtype` overrides the result's. */
export function broadcasting(dtype?: DType): (context: InferContext<unknown>) => readonly TensorType[] {
  return (context) => {
    const same = requireSameDType(context);
    return [{ dtype: dtype ?? same, shape: broadcastAll(context) }];
  };
}
