/** What pools share: shapes, the windows on them, whole channels. */
import { sizeOf, type Shape } from "../ir/shape.ts";
import { requireFloat, required } from "./infer.ts";
import { numbers } from "./ndarray.ts";
import type { InferContext, NdArray, TensorType } from "./op.ts";
import { axisOf, outputDim, poolWindows, spatialDims, type Axis, type Window, type WindowAttributes } from "./windows.ts";

/** Kinds of the attributes that pools share. */
export const poolKinds = { auto_pad: "string", ceil_mode: "int", kernel_shape: "ints", pads: "ints", strides: "ints" } as const;

export type PoolAttributes = Omit<WindowAttributes, "dilations"> & { readonly ceil_mode?: number };

/** Shape of a pool's output. */
export function pooledShape(shape: Shape, attributes: PoolAttributes): Shape {
  const windows = poolWindows(shape, attributes);
  return [shape[0]!, shape[1]!, ...windows.map((window, i) => outputDim(shape[i + 2]!, window, attributes.ceil_mode === 1))];
}

/** The windows of a pool on axes of known size. */
export function pooledAxes(shape: readonly number[], attributes: PoolAttributes): Axis[] {
  const windows = poolWindows(shape, attributes);
  return windows.map((window, i) => axisOf(shape[i + 2]!, window as Window & { kernel: number }, attributes.ceil_mode === 1));
}

/** Output of a pool of floats. */
export function inferPool(context: InferContext<PoolAttributes>): readonly TensorType[] {
  const { dtype, shape } = requireFloat(required(context, 0));
  return [{ dtype, shape: pooledShape(shape, context.attributes) }];
}

/** Output: every spatial axis becomes 1. */
export function inferGlobalPool(context: InferContext<unknown>): readonly TensorType[] {
  const { dtype, shape } = requireFloat(required(context, 0));
  return [{ dtype, shape: [shape[0]!, shape[1]!, ...spatialDims(shape).map(() => 1)] }];
}

/** A function of each channel of each example. */
export function mapChannels(x: NdArray, f: (values: Float64Array) => number): NdArray {
  const size = sizeOf(x.shape.slice(2));
  const data = Float64Array.from({ length: x.shape[0]! * x.shape[1]! }, (_, i) => f(numbers(x).subarray(i * size, (i + 1) * size)));
  return { dtype: x.dtype, shape: x.shape.map((dim, axis) => (axis < 2 ? dim : 1)), data };
}
