/**
 * Operators for which ONNX Runtime 1.30 has no float64 kernel, written with others, for the losses of differences. Gradients are
 * computed from the operators themselves, and whoever uses this compares the two losses: a lowering proves nothing by itself.
 */
import { constant, int64, type Node, type Value } from "../ir/graph.ts";
import { sizeOf } from "../ir/shape.ts";
import { tensor } from "../ir/tensor.ts";
import { ops } from "../ops/build.ts";
import { erfPieces } from "../ops/erf.ts";
import type { PoolAttributes } from "../ops/pool-shape.ts";
import { knownAxes, outputsOf, poolWindows, tapSources, windowsOf, type Axis, type WindowAttributes } from "../ops/windows.ts";
import { rewritten } from "../ops/rewrite.ts";

type Lowering = (inputs: readonly (Value | null)[], node: Node) => Value | undefined;

const spatialAxes = (x: Value) => x.shape.slice(2).map((_, i) => i + 2);
const channelsLast = (x: Value) => ops.Transpose(x, { perm: [0, ...spatialAxes(x), 1] });
const allKnown = (shape: Value["shape"]): shape is readonly number[] => shape.every((dim) => typeof dim === "number");

/** What every tap of every window reads: x [batch, channels, spatial…] → [batch, windows·taps, channels]. */
function columns(x: Value, axes: readonly Axis[]): Value {
  const sources = tapSources(axes);
  const image = sizeOf(axes.map(({ size }) => size));
  const rows = ops.Reshape(channelsLast(x), int64([-1, image, x.shape[1] as number]));
  const indices = BigInt64Array.from(sources, (source) => BigInt(source < 0 ? image : source));
  const padded = sources.includes(-1) ? ops.Pad(rows, int64([0, 0, 0, 0, 1, 0])) : rows;
  return ops.Gather(padded, constant(tensor("int64", indices)), { axis: 1 });
}

/** [batch·windows, features] → [batch, features, spatial…] */
function channelsFirst(rows: Value, axes: readonly Axis[], features: number): Value {
  const outputs = outputsOf(axes);
  const apart = ops.Reshape(rows, int64([-1, sizeOf(outputs), features]));
  return ops.Reshape(ops.Transpose(apart, { perm: [0, 2, 1] }), int64([-1, features, ...outputs]));
}

/** A matrix product of what the taps read: y = columns·w + b. */
const conv: Lowering = ([x, w, b], { attributes }) => {
  const { shape } = w!;
  if ((attributes["group"] ?? 1) !== 1 || !allKnown(shape) || typeof x!.shape[1] !== "number") return undefined;
  const axes = knownAxes(x!.shape.slice(2), windowsOf(shape.slice(2), attributes as WindowAttributes));
  if (!axes) return undefined;
  const [features, channels, ...kernel] = shape as readonly [number, number, ...number[]];
  const width = sizeOf(kernel) * channels;
  const matrix = ops.Reshape(ops.Transpose(w!, { perm: [...spatialAxes(w!), 1, 0] }), int64([width, features]));
  const rows = ops.Reshape(columns(x!, axes), int64([-1, width]));
  return channelsFirst(b ? ops.Gemm(rows, matrix, b) : ops.Gemm(rows, matrix), axes, features);
};

/** The mean of what the taps read, where no window leaves the image. */
const averagePool: Lowering = ([x], { attributes }) => {
  const { ceil_mode = 0, ...rest } = attributes as PoolAttributes;
  const axes = knownAxes(x!.shape.slice(2), poolWindows(x!.shape, rest), ceil_mode === 1);
  const channels = x!.shape[1];
  if (!axes || typeof channels !== "number" || tapSources(axes).includes(-1)) return undefined;
  const [windows, taps] = [sizeOf(outputsOf(axes)), sizeOf(axes.map(({ kernel }) => kernel))];
  const mean = ops.ReduceMean(ops.Reshape(columns(x!, axes), int64([-1, windows, taps, channels])), { axes: [2], keepdims: 0 });
  return channelsFirst(mean, axes, channels);
};

/** The error function by the pieces of the operator's own evaluation. */
const erf: Lowering = ([x]) => {
  const polynomial = (at: Value, coefficients: readonly number[]) =>
    coefficients
      .slice(0, -1)
      .reduceRight<Value | number>((sum, c) => ops.Add(ops.Mul(at, sum), c), coefficients[coefficients.length - 1]!) as Value;
  const { near, middle, far, farthest, offset } = erfPieces;
  const ratio = (at: Value, { p, q }: { readonly p: readonly number[]; readonly q: readonly number[] }) =>
    ops.Div(polynomial(at, p), polynomial(at, q));
  const size = ops.Abs(x!);
  const small = ops.Min(size, 0.84375);
  const square = ops.Mul(small, small);
  const one = ops.Add(small, ops.Mul(small, ratio(square, near)));
  const two = ops.Add(ratio(ops.Sub(ops.Max(ops.Min(size, 1.25), 0.84375), 1), middle), offset);
  const large = ops.Min(ops.Max(size, 1.25), 6);
  const inverse = ops.Reciprocal(ops.Mul(large, large));
  const exponent = ops.Where(ops.Less(large, 1 / 0.35), ratio(inverse, far), ratio(inverse, farthest));
  const power = ops.Exp(ops.Add(ops.Sub(exponent, ops.Mul(large, large)), -0.5625));
  const three = ops.Sub(1, ops.Div(power, large));
  const whole = ops.Where(ops.Less(size, 0.84375), one, ops.Where(ops.Less(size, 1.25), two, three));
  return ops.Mul(whole, ops.Sign(x!));
};

/** scale·(x − mean)/√(variance + ε) + bias, over each channel's positions. */
const instanceNormalization: Lowering = ([x, scale, bias], { attributes }) => {
  const axes = spatialAxes(x!);
  const centred = ops.Sub(x!, ops.ReduceMean(x!, { axes, keepdims: 1 }));
  const variance = ops.ReduceMean(ops.Mul(centred, centred), { axes, keepdims: 1 });
  const perChannel = (value: Value) => ops.Unsqueeze(value, int64(axes.map((axis) => axis - 1)));
  const scaled = ops.Div(centred, ops.Sqrt(ops.Add(variance, (attributes["epsilon"] as number | undefined) ?? 1e-5)));
  return ops.Add(ops.Mul(scaled, perChannel(scale!)), perChannel(bias!));
};

const lowerings: Readonly<Record<string, Lowering>> = {
  InstanceNormalization: instanceNormalization,
  Conv: conv,
  AveragePool: averagePool,
  GlobalAveragePool: ([x]) => ops.ReduceMean(x!, { axes: spatialAxes(x!), keepdims: 1 }),
  GlobalMaxPool: ([x]) => ops.ReduceMax(x!, { axes: spatialAxes(x!), keepdims: 1 }),
  Erf: erf,
};

/** Values computed without those operators, as far as their sizes are known; the same values where there is nothing to lower. */
export function lowered(values: readonly Value[]): Value[] {
  return rewritten(values, (node, inputs) => {
    const made = Object.hasOwn(lowerings, node.op) && inputs[0]!.dtype === "float64" ? lowerings[node.op]!(inputs, node) : undefined;
    return made && [made];
  });
}
