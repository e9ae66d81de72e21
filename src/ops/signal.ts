/** Spectra: discrete Fourier transforms, of a whole signal and of its frames. A complex number is a pair along the last axis. */
import { graph, int64, scalar, type Value } from "../ir/graph.ts";
import { formatShape, normalizeAxis, sizeOf, stridesOf, unknownDim, type Dim, type Shape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import type { Ops } from "./build.ts";
import { agree } from "./dims.ts";
import { requireFloat, required } from "./infer.ts";
import { numbers } from "./ndarray.ts";
import { defineOp, type GradientContext, type NdArray, type Op } from "./op.ts";
import { integers } from "./pick.ts";
import { int } from "./samples.ts";
import { dimOf, rangeTo, rest, sizesVector } from "./vectors.ts";

interface DftAttributes {
  readonly axis?: number;
  readonly inverse?: number;
  /** Only the first ⌊n/2⌋ + 1 numbers: the others of a real signal are their conjugates. */
  readonly onesided?: number;
}

const half = (size: Dim): Dim => (typeof size === "number" ? Math.floor(size / 2) + 1 : unknownDim());

function requireComplex(shape: Shape, what: string): void {
  const last = shape[shape.length - 1];
  if (shape.length < 2 || (typeof last === "number" && last !== 1 && last !== 2))
    throw new GradusError(`${what} must end in an axis of 1 (real) or 2 (complex), got shape ${formatShape(shape)}`);
}

function transformAxis({ axis = 1 }: DftAttributes, rank: number): number {
  const normal = normalizeAxis(axis, rank);
  if (normal === rank - 1) throw new GradusError("the transform's axis must not be the one of real and imaginary parts");
  return normal;
}

function dftShape(shape: Shape, length: Dim | undefined, attributes: DftAttributes): Dim[] {
  requireComplex(shape, "the signal");
  const axis = transformAxis(attributes, shape.length);
  if (attributes.inverse && attributes.onesided) throw new GradusError("an inverse transform is not onesided");
  const size = length ?? shape[axis]!;
  return shape.map((dim, i) => (i === axis ? (attributes.onesided ? half(size) : size) : i === shape.length - 1 ? 2 : dim));
}

/** The transform of n complex numbers, by its definition: Σ xₖ·exp(∓2πi·jk/n), the inverse divided by n. */
function transform(re: Float64Array, im: Float64Array, outputs: number, inverse: boolean): { re: Float64Array; im: Float64Array } {
  const n = re.length;
  const cos = Float64Array.from({ length: n }, (_, k) => Math.cos((2 * Math.PI * k) / n));
  const sin = Float64Array.from({ length: n }, (_, k) => (inverse ? 1 : -1) * Math.sin((2 * Math.PI * k) / n));
  const result = { re: new Float64Array(outputs), im: new Float64Array(outputs) };
  for (let j = 0; j < outputs; j++) {
    for (let k = 0; k < n; k++) {
      const at = (j * k) % n;
      result.re[j]! += (re[k]! * cos[at]! - im[k]! * sin[at]!) / (inverse ? n : 1);
      result.im[j]! += (re[k]! * sin[at]! + im[k]! * cos[at]!) / (inverse ? n : 1);
    }
  }
  return result;
}

function evaluateDft(x: NdArray, length: number | undefined, attributes: DftAttributes): NdArray {
  const axis = transformAxis(attributes, x.shape.length);
  const n = length ?? x.shape[axis]!;
  const shape = dftShape(x.shape, length, attributes) as number[];
  const [from, to] = [stridesOf(x.shape), stridesOf(shape)];
  const data = new Float64Array(sizeOf(shape));
  const [source, parts] = [numbers(x), x.shape[x.shape.length - 1]!];
  // The other axes, flattened: those before the axis and those between it and the parts.
  const [before, between] = [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis + 1, -1))];
  for (let i = 0; i < before; i++) {
    for (let j = 0; j < between; j++) {
      const read = (part: number) =>
        Float64Array.from({ length: n }, (_, k) => {
          if (k >= x.shape[axis]! || part >= parts) return 0;
          return source[i * x.shape[axis]! * from[axis]! + k * from[axis]! + j * parts + part]!;
        });
      const { re, im } = transform(read(0), read(1), shape[axis]!, attributes.inverse === 1);
      re.forEach((_, k) => {
        const place = i * shape[axis]! * to[axis]! + k * to[axis]! + j * 2;
        data[place] = re[k]!;
        data[place + 1] = im[k]!;
      });
    }
  }
  return { dtype: x.dtype, shape, data };
}

/** `x` cut to a size along an axis, or filled up with zeros. */
function fitted(ops: Ops, x: Value, axis: number, from: number | Value, to: number | Value): Value {
  if (from === to) return x;
  const missing = rest(ops, to, 0, from); // negative where there is too much, which Pad takes away
  const zeros = (count: number) => new Array<number>(count).fill(0);
  const rank = x.shape.length;
  return ops.Pad(x, sizesVector(ops, [...zeros(rank + axis), missing, ...zeros(rank - axis - 1)]));
}

/** The transposed transform is the other one, times n or 1/n: what is missing on the way counts as zeros, what is too much is cut off. */
function dftGradient({ ops, inputs, outputs, outputGradients: [dy], attributes }: GradientContext<DftAttributes>) {
  const [x, length] = inputs as readonly [Value, Value | undefined];
  const axis = transformAxis(attributes, x.shape.length);
  const known = length?.origin.kind === "constant" ? Number(length.origin.tensor.data[0]) : undefined;
  const n = length ? (known ?? ops.Reshape(length, int64([1]))) : dimOf(ops, x, axis);
  const whole = attributes.onesided ? fitted(ops, dy, axis, dimOf(ops, outputs[0]!, axis), n) : dy;
  const back = ops.DFT(whole, { axis, inverse: attributes.inverse ? 0 : 1 });
  const count = typeof n === "number" ? scalar(x.dtype, n) : ops.Cast(ops.Squeeze(n, int64([0])), { to: x.dtype });
  const scaled = attributes.inverse ? ops.Div(back, count) : ops.Mul(back, count);
  const parts = x.shape[x.shape.length - 1] === 2 ? scaled : fitted(ops, scaled, x.shape.length - 1, 2, dimOf(ops, x, x.shape.length - 1));
  return [length ? fitted(ops, parts, axis, n, dimOf(ops, x, axis)) : parts];
}

const signal = (...shape: number[]) => ({ shape, range: [-1, 1] as const });

/** The discrete Fourier transform along an axis, of length n (the second input): a longer signal is cut, a shorter one filled up. */
export const DFT: Op<DftAttributes> = defineOp<DftAttributes>({
  arity: [1, 2],
  attributes: { axis: "int", inverse: "int", onesided: "int" },
  infer: (context) => {
    const { dtype, shape } = requireFloat(required(context, 0));
    const length = context.inputs[1] ? (context.contents(1)?.[0] ?? unknownDim()) : undefined;
    return [{ dtype, shape: dftShape(shape, length, context.attributes) }];
  },
  evaluate: ([x, length], { attributes }) => [evaluateDft(x!, length ? integers(length)[0] : undefined, attributes)],
  gradient: dftGradient,
  samples: [
    { inputs: [signal(2, 5, 1)] },
    { inputs: [signal(2, 4, 2)], attributes: { inverse: 1 } },
    { inputs: [signal(2, 6, 1)], attributes: { onesided: 1 } },
    { inputs: [signal(1, 3, 5, 1)], attributes: { axis: 2, onesided: 1 } },
    { inputs: [signal(2, 3, 1), int(5)] },
    { inputs: [signal(2, 6, 2), int(4)], attributes: { axis: -2 } },
  ],
});

interface StftAttributes {
  readonly onesided?: number;
}

const frameCount = (size: Dim, length: Dim, step: Dim): Dim =>
  typeof size === "number" && typeof length === "number" && typeof step === "number"
    ? Math.floor((size - length) / step) + 1
    : unknownDim();

/** A size as far as it is known, else a vector of it. */
function sizeFrom(ops: Ops, value: Value): number | Value {
  return value.origin.kind === "constant" ? Number(value.origin.tensor.data[0]) : ops.Reshape(value, int64([1]));
}

/** STFT as other operators: frames gathered, weighted, transformed. */
export function framewise(
  ops: Ops,
  [x, step, window, given]: readonly (Value | null | undefined)[],
  { onesided = 1 }: StftAttributes,
): Value {
  const size = dimOf(ops, x!, 1);
  const length = given ? sizeFrom(ops, given) : dimOf(ops, window!, 0);
  const stride = sizeFrom(ops, step!);
  const vector = (part: number | Value) => (typeof part === "number" ? int64([part]) : part);
  const known = [size, length, stride].every((part) => typeof part === "number");
  const count = known
    ? (frameCount(size as number, length as number, stride as number) as number)
    : ops.Add(ops.Div(ops.Sub(vector(size), vector(length)), vector(stride)), int64([1]));
  const starts = ops.Mul(ops.Unsqueeze(rangeTo(ops, count), int64([1])), vector(stride));
  const frames = ops.Gather(x!, ops.Add(starts, rangeTo(ops, length)), { axis: 1 });
  return ops.DFT(window ? ops.Mul(frames, ops.Unsqueeze(window, int64([1]))) : frames, { axis: 2, ...(onesided && { onesided: 1 }) });
}

/** Transforms of frames that follow each other by a step: [batch, size, 1 or 2] makes [batch, frames, frequencies, 2]. */
export const STFT: Op<StftAttributes> = defineOp<StftAttributes>({
  arity: [2, 4],
  attributes: { onesided: "int" },
  infer: (context) => {
    const { dtype, shape } = requireFloat(required(context, 0));
    requireComplex(shape, "the signal");
    if (shape.length !== 3) throw new GradusError(`the signal must be [batch, size, 1 or 2], got shape ${formatShape(shape)}`);
    const [step, given] = [1, 3].map((i) => context.contents(i)?.[0]);
    const window = context.inputs[2]?.shape;
    if (!window && !context.inputs[3]) throw new GradusError("a window or the length of a frame must be given");
    if (window && window.length !== 1) throw new GradusError(`the window must be a vector, got shape ${formatShape(window)}`);
    const length = context.inputs[3] ? (given ?? unknownDim()) : window![0]!;
    if (window) agree(window[0]!, length, "the window is not as long as a frame");
    const frames = frameCount(shape[1]!, length, step ?? unknownDim());
    return [{ dtype, shape: [shape[0]!, frames, (context.attributes.onesided ?? 1) ? half(length) : length, 2] }];
  },
  evaluate: ([x, steps, window, lengths], { attributes: { onesided = 1 } }) => {
    const step = integers(steps)[0]!;
    const length = lengths ? integers(lengths)[0]! : window!.shape[0]!;
    const [batch, size, parts] = x!.shape as [number, number, number];
    const count = frameCount(size, length, step) as number;
    const weights = window ? numbers(window) : new Float64Array(length).fill(1);
    const frames = Float64Array.from({ length: batch * count * length * parts }, (_, i) => {
      const [part, k] = [i % parts, Math.floor(i / parts) % length];
      const [frame, b] = [Math.floor(i / parts / length) % count, Math.floor(i / parts / length / count)];
      return numbers(x)[(b * size + frame * step + k) * parts + part]! * weights[k]!;
    });
    return [evaluateDft({ dtype: x!.dtype, shape: [batch, count, length, parts], data: frames }, undefined, { axis: 2, onesided })];
  },
  gradient: ({ ops, inputs, outputGradients: [dy], attributes, needs, pullback }) => {
    const y = framewise(ops, inputs, attributes);
    const [x, , window] = inputs as readonly (Value | null)[];
    const wrt = [x!, ...(window ? [window] : [])];
    const captures = inputs.filter((value) => value as Value | null);
    const [dx, dw] = pullback(graph({ inputs: [], captures, outputs: { y } }).nodes, [[y, dy]], wrt);
    return [needs(0) ? dx! : null, null, needs(2) ? dw! : null];
  },
  samples: [
    { inputs: [signal(2, 9, 1), int(2), { shape: [4], range: [0.2, 1] }] },
    { inputs: [signal(1, 7, 1), int(3), null, int(3)], attributes: { onesided: 0 } },
    { inputs: [signal(1, 7, 2), int(2), { shape: [3], range: [0.2, 1] }, int(3)], attributes: { onesided: 0 } },
  ],
});
