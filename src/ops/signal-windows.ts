/** Windows of signals, and the weights of the mel scale. */
import type { DType } from "../ir/dtype.ts";
import { unknownDim, type Dim } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import { requireDType, required } from "./infer.ts";
import { numbers } from "./ndarray.ts";
import { defineOp, type InferContext, type Op } from "./op.ts";
import { int } from "./samples.ts";

interface WindowAttributes {
  readonly output_datatype?: DType;
  /** 1: of a signal that repeats, the next value would be the first one; 0: symmetric. */
  readonly periodic?: number;
}

/** a - b·cos(2πk/n) + c·cos(4πk/n), for k = 0 …; n is the size, or one less for a symmetric window. */
function cosineWindow(a: number, b: number, c: number): Op<WindowAttributes> {
  return defineOp<WindowAttributes>({
    arity: [1, 1],
    attributes: { output_datatype: "dtype", periodic: "int" },
    infer: (context) => {
      requireDType(required(context, 0), ["int32", "int64"], "the size");
      return [{ dtype: context.attributes.output_datatype ?? "float32", shape: [context.contents(0)?.[0] ?? unknownDim()] }];
    },
    evaluate: ([size], { attributes: { output_datatype = "float32", periodic = 1 } }) => {
      const [length] = numbers(size) as unknown as [number];
      const turn = (2 * Math.PI) / (periodic ? length : length - 1);
      const data = Float64Array.from({ length }, (_, k) => a - b * Math.cos(k * turn) + c * Math.cos(2 * k * turn));
      return [{ dtype: output_datatype, shape: [length], data }];
    },
    gradient: { none: "the size is an integer" },
    samples: [
      { inputs: [int(6)] },
      { inputs: [int(7)], attributes: { periodic: 0 } },
      { inputs: [int(5)], attributes: { output_datatype: "float64" } },
    ],
  });
}

export const HannWindow: Op<WindowAttributes> = cosineWindow(0.5, 0.5, 0);

export const HammingWindow: Op<WindowAttributes> = cosineWindow(25 / 46, 21 / 46, 0);

export const BlackmanWindow: Op<WindowAttributes> = cosineWindow(0.42, 0.5, 0.08);

interface MelAttributes {
  readonly output_datatype?: DType;
}

/** Frequencies of a spectrum, as indices, that are the corners of `count` triangles equally wide on the mel scale. */
function corners(count: number, length: number, rate: number, low: number, high: number): number[] {
  const mel = (hertz: number) => 2595 * Math.log10(1 + hertz / 700);
  const step = (mel(high) - mel(low)) / (count + 2);
  return Array.from({ length: count + 2 }, (_, i) => {
    const hertz = 700 * (10 ** ((mel(low) + i * step) / 2595) - 1);
    return Math.floor(((length + 1) * hertz) / rate);
  });
}

/** Weights that take a spectrum of ⌊n/2⌋ + 1 frequencies to triangles on the mel scale: [frequencies, triangles]. */
export const MelWeightMatrix: Op<MelAttributes> = defineOp<MelAttributes>({
  arity: [5, 5],
  attributes: { output_datatype: "dtype" },
  infer: (context: InferContext<MelAttributes>) => {
    for (const i of [0, 1, 2]) requireDType(required(context, i), ["int32", "int64"], "counts and rates");
    const [count, length] = [0, 1].map((i) => context.contents(i)?.[0]);
    const frequencies: Dim = typeof length === "number" ? Math.floor(length / 2) + 1 : unknownDim();
    return [{ dtype: context.attributes.output_datatype ?? "float32", shape: [frequencies, count ?? unknownDim()] }];
  },
  evaluate: (inputs, { attributes: { output_datatype = "float32" } }) => {
    const [count, length, rate, low, high] = inputs.map((input) => numbers(input)[0]!) as [number, number, number, number, number];
    const rows = Math.floor(length / 2) + 1;
    const at = corners(count, length, rate, low, high);
    if (at.some((index) => index < 0 || index >= rows))
      throw new GradusError(`frequencies from ${low} to ${high} Hz are not all in the spectrum`);
    const data = new Float64Array(rows * count);
    for (let i = 0; i < count; i++) {
      const [left, top, right] = at.slice(i, i + 3) as [number, number, number];
      if (left === top) data[top * count + i] = 1;
      for (let j = left; j <= top && left < top; j++) data[j * count + i] = (j - left) / (top - left);
      for (let j = top; j < right; j++) data[j * count + i] = (right - j) / (right - top);
    }
    return [{ dtype: output_datatype, shape: [rows, count], data }];
  },
  gradient: () => [null, null, null, null, null], // the corners are whole numbers
  follows: "steps",
  samples: [
    { inputs: [int(4), int(16), int(8000), ...[60, 3900].map((value) => ({ shape: [], values: [value] }))] },
    {
      inputs: [int(6), int(64), int(16000), ...[125, 7500].map((value) => ({ shape: [], values: [value] }))],
      attributes: { output_datatype: "float64" },
    },
  ],
});
