/**
 * Operators for which ONNX Runtime 1.30 has no float64 kernel, written with others, for the losses of differences. Gradients are
 * computed from the operators themselves, and whoever uses this compares the two losses: a lowering proves nothing by itself.
 */
import { constant, graph, int64, type Node, type Value } from "../ir/graph.ts";
import { sizeOf } from "../ir/shape.ts";
import { tensor } from "../ir/tensor.ts";
import { ops } from "../ops/build.ts";
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

// erfc x = exp(−x²)·P(x)/Q(x) for 0 ≤ x ≤ 6, to within 4·10⁻¹⁷: rational least squares at 40 digits, weighted with exp(−x²). All positive.
const erfcP = [
  1, 1.4211609362654292, 1.0185491725475417, 0.43597052721490265, 0.11591710046154433, 0.018019356068432642, 0.0012835437635039966,
];
const erfcQ = [
  1, 2.549540103360958, 2.8953971108537164, 1.9057889822922098, 0.788871199434327, 0.20657778195028345, 0.03193968787944112,
  0.0022749807741150544,
];

/** The error function to within 4·10⁻¹⁶, in one piece: a graph computes every piece for every element, and operators are what costs. */
const erf: Lowering = ([x]) => {
  const size = ops.Min(ops.Abs(x!), 6);
  const polynomial = (coefficients: readonly number[]) =>
    coefficients
      .slice(0, -1)
      .reduceRight<Value | number>((sum, c) => ops.Add(ops.Mul(size, sum), c), coefficients[coefficients.length - 1]!) as Value;
  const power = ops.Exp(ops.Neg(ops.Mul(size, size)));
  const beyond = ops.Mul(power, ops.Div(polynomial(erfcP), polynomial(erfcQ)));
  return ops.Mul(ops.Sub(1, beyond), ops.Sign(x!));
};

/** Every element repeated, where the nearest one is asked for and sizes grow by whole factors. */
const resize: Lowering = ([x, , scales], { attributes }) => {
  const { mode = "nearest", coordinate_transformation_mode: coordinates, nearest_mode: rounding } = attributes;
  const factors = scales?.origin.kind === "constant" ? Array.from(scales.origin.tensor.data as Float32Array) : [];
  const sizes: Value["shape"] = x!.shape.slice(1);
  const whole = factors.length === x!.shape.length && factors[0] === 1 && factors.every((factor) => Number.isInteger(factor) && factor > 0);
  const named = mode === "nearest" && coordinates === "asymmetric" && rounding === "floor" && attributes["axes"] === undefined;
  if (!whole || !named || !allKnown(sizes)) return undefined;
  const apart = ops.Reshape(x!, int64([-1, ...sizes.flatMap((size) => [size, 1])]));
  const repeated = ops.Expand(apart, int64([1, ...factors.slice(1).flatMap((factor) => [1, factor])]));
  return ops.Reshape(repeated, int64([-1, ...sizes.map((size, i) => size * factors[i + 1]!)]));
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
  Resize: resize,
};

/** The operators on the way to values that `lowered` writes with others, by name. */
export function loweredOps(values: readonly Value[]): string[] {
  const { nodes } = graph({ outputs: Object.fromEntries(values.map((value, i) => [`v${i}`, value])) });
  const found = nodes.filter(({ op, inputs }) => Object.hasOwn(lowerings, op) && inputs[0]!.dtype === "float64");
  return [...new Set(found.map(({ op }) => op))];
}

/** Values computed without those operators, as far as their sizes are known; the same values where there is nothing to lower. */
export function lowered(values: readonly Value[]): Value[] {
  return rewritten(values, (node, inputs) => {
    const made = Object.hasOwn(lowerings, node.op) && inputs[0]!.dtype === "float64" ? lowerings[node.op]!(inputs, node) : undefined;
    return made && [made];
  });
}
