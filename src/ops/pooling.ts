/** Means and norms of windows. Both are linear in something, axis by axis: their gradients are products with small matrices. */
import { constant, int64, type Value } from "../ir/graph.ts";
import { sizeOf } from "../ir/shape.ts";
import { tensor } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";
import type { Ops } from "./build.ts";
import { expandLike, divideByCount } from "./reduction.ts";
import { indicator } from "./masks.ts";
import { numbers } from "./ndarray.ts";
import { defineOp, type NdArray, type Op } from "./op.ts";
import { bothSigns } from "./samples.ts";
import { inferGlobalPool, inferPool, mapChannels, poolKinds, pooledAxes, type PoolAttributes } from "./pool-shape.ts";
import { outputsOf, poolWindows, requireAxes, tapSources, type Axis } from "./windows.ts";

function total(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

/** A function of what each window holds, given the window's number. */
function mapWindows(x: NdArray, axes: readonly Axis[], f: (values: readonly number[], window: number) => number): NdArray {
  const sources = tapSources(axes);
  const from = numbers(x);
  const [image, windows] = [sizeOf(x.shape.slice(2)), sizeOf(outputsOf(axes))];
  const taps = sources.length / windows;
  const inside = Array.from({ length: windows }, (_, o) => sources.subarray(o * taps, (o + 1) * taps).filter((source) => source >= 0));
  const planes = x.shape[0]! * x.shape[1]!;
  const data = new Float64Array(planes * windows);
  for (let plane = 0; plane < planes; plane++) {
    for (let o = 0; o < windows; o++) {
      const values = Array.from(inside[o]!, (source) => from[plane * image + source]!);
      data[plane * windows + o] = f(values, o);
    }
  }
  return { dtype: x.dtype, shape: [...x.shape.slice(0, 2), ...outputsOf(axes)], data };
}

/** Per window of an axis, how many positions count: those inside, or with `pads` those of the padded axis. */
function counts(axis: Axis, pads: boolean): number[] {
  return Array.from({ length: axis.outputs }, (_, o) => {
    const start = o * axis.stride - axis.before;
    const positions = Array.from({ length: axis.kernel }, (__, k) => start + k * axis.dilation);
    return positions.filter((at) => (pads ? at < axis.size + axis.after : at >= 0 && at < axis.size)).length;
  });
}

/**
 * Adds what belongs to windows up at the positions they hold: the adjoint of a sum over windows.
 * @param dy [batch, channels, windows…]
 */
function sumAtPositions(ops: Ops, dy: Value, axes: readonly Axis[]): Value {
  const sizes = axes.map(({ size }) => size);
  let result = dy;
  for (let i = axes.length - 1; i >= 0; i--) {
    const { size, outputs, kernel } = axes[i]!;
    const sources = tapSources([axes[i]!]);
    const matrix = new Float64Array(outputs * size);
    sources.forEach((at, tap) => {
      const o = Math.floor(tap / kernel);
      if (at >= 0) matrix[o * size + at]! += 1;
    });
    const value = (rows: number, columns: number, data: Float64Array) => constant(tensor(dy.dtype, Array.from(data), [rows, columns]));
    if (i === axes.length - 1) {
      result = ops.MatMul(result, value(outputs, size, matrix));
      continue;
    }
    const transposed = matrix.map((_, at) => matrix[(at % outputs) * size + Math.floor(at / outputs)]!);
    const behind = sizeOf(sizes.slice(i + 1));
    const view = axes.length > 2 ? ops.Reshape(result, int64([0, -1, outputs, behind])) : result;
    result = ops.MatMul(value(size, outputs, transposed), view);
  }
  return axes.length > 2 ? ops.Reshape(result, int64([0, 0, ...sizes])) : result;
}

type AveragePoolAttributes = PoolAttributes & { readonly count_include_pad?: number };

/** How many positions each window's mean is over, row-major: the products of the axes' counts. */
function divisors(axes: readonly Axis[], { count_include_pad = 0 }: AveragePoolAttributes): number[] {
  return axes.map((axis) => counts(axis, count_include_pad === 1)).reduce((all, axis) => all.flatMap((a) => axis.map((b) => a * b)), [1]);
}

/** Mean of each window, over the positions inside or, with count_include_pad, those of the padded input. */
export const AveragePool: Op<AveragePoolAttributes> = defineOp<AveragePoolAttributes>({
  arity: [1, 1],
  attributes: { ...poolKinds, count_include_pad: "int" },
  infer: inferPool,
  evaluate: ([x], { attributes }) => {
    const axes = pooledAxes(x!.shape, attributes);
    const divisor = divisors(axes, attributes);
    return [mapWindows(x!, axes, (values, window) => total(values) / divisor[window]!)];
  },
  gradient: ({ ops, inputs: [x], outputGradients: [dy], attributes }) => {
    const axes = requireAxes("AveragePool", x!.shape.slice(2), poolWindows(x!.shape, attributes), attributes.ceil_mode === 1);
    const divisor = divisors(axes, attributes);
    const one = divisor.every((count) => count === divisor[0]);
    // Divided, not multiplied by 1/count: that is no number of float32.
    const shared = ops.Div(dy, constant(one ? tensor(dy.dtype, divisor[0]!) : tensor(dy.dtype, divisor, outputsOf(axes))));
    return [sumAtPositions(ops, shared, axes)];
  },
  samples: [
    { inputs: [[2, 3, 5, 6]], attributes: { kernel_shape: [3, 3] } },
    { inputs: [[2, 3, 6, 4]], attributes: { kernel_shape: [3, 2], strides: [3, 2] } },
    { inputs: [[2, 3, 7]], attributes: { kernel_shape: [3], strides: [2], pads: [1, 2] } },
    { inputs: [[2, 3, 5, 6]], attributes: { kernel_shape: [3, 3], strides: [2, 1], pads: [1, 0, 2, 1], count_include_pad: 1 } },
    { inputs: [[2, 3, 6, 8]], attributes: { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 } },
    {
      inputs: [[2, 3, 6, 7]],
      attributes: { kernel_shape: [3, 3], strides: [2, 3], pads: [1, 1, 0, 1], ceil_mode: 1, count_include_pad: 1 },
    },
    { inputs: [[2, 1, 3, 5, 4]], attributes: { kernel_shape: [3, 3, 1], strides: [1, 2, 3], pads: [1, 1, 0, 1, 0, 0] } },
    { inputs: [[2, 3, 5, 6]], attributes: { kernel_shape: [3, 4], strides: [2, 1], auto_pad: "SAME_UPPER" } },
    { inputs: [[2, 3, 5, 6]], attributes: { kernel_shape: [3, 4], strides: [1, 3], auto_pad: "SAME_LOWER", count_include_pad: 1 } },
    { inputs: [[2, 3, 5, 6]], attributes: { kernel_shape: [3, 4], strides: [3, 1], auto_pad: "VALID" } },
  ],
});

const norm = (values: Iterable<number>, p: number): number => total(Array.from(values, (x) => Math.abs(x) ** p)) ** (1 / p);

function powerOf({ p = 2 }: { readonly p?: number }): number {
  if (p < 1) throw new GradusError(`p must be 1 or more, got ${p}`);
  return p;
}

/** ∂y/∂x of y = (Σ|x|^p)^(1/p) is |x|^(p-1)·sign(x) · y^(1-p): the first factor. */
function signedPower(ops: Ops, x: Value, p: number): Value {
  if (p === 2) return x;
  return p === 1 ? ops.Sign(x) : ops.Mul(ops.Sign(x), ops.Pow(ops.Abs(x), p - 1));
}

/** dy · y^(1-p), where a norm of 0 divides by 1: the other factor is 0 there. */
function overPower(ops: Ops, dy: Value, y: Value, p: number): Value {
  if (p === 1) return dy;
  const divisor = ops.Add(y, indicator(ops, ops.Equal(y, 0), y));
  return ops.Div(dy, p === 2 ? divisor : ops.Pow(divisor, p - 1));
}

type LpPoolAttributes = Omit<PoolAttributes, "ceil_mode"> & { readonly p?: number };

/** The p-norm of each window. */
export const LpPool: Op<LpPoolAttributes> = defineOp<LpPoolAttributes>({
  arity: [1, 1],
  attributes: { auto_pad: "string", kernel_shape: "ints", p: "int", pads: "ints", strides: "ints" },
  infer: (context) => {
    powerOf(context.attributes);
    return inferPool(context);
  },
  evaluate: ([x], { attributes }) => [mapWindows(x!, pooledAxes(x!.shape, attributes), (values) => norm(values, powerOf(attributes)))],
  gradient: ({ ops, inputs: [x], outputs: [y], outputGradients: [dy], attributes }) => {
    const p = powerOf(attributes);
    const axes = requireAxes("LpPool", x!.shape.slice(2), poolWindows(x!.shape, attributes));
    return [ops.Mul(signedPower(ops, x!, p), sumAtPositions(ops, overPower(ops, dy, y!, p), axes))];
  },
  samples: [
    { inputs: [bothSigns([2, 3, 5, 6])], attributes: { kernel_shape: [3, 3] } },
    { inputs: [bothSigns([2, 3, 7])], attributes: { kernel_shape: [3], strides: [2], pads: [1, 1], p: 1 } },
    { inputs: [bothSigns([2, 3, 5, 6])], attributes: { kernel_shape: [3, 1], strides: [1, 2], pads: [1, 0, 0, 0], p: 3 } },
    { inputs: [bothSigns([2, 1, 3, 4, 5])], attributes: { kernel_shape: [1, 3, 3], strides: [1, 1, 3], p: 4 } },
    { inputs: [bothSigns([2, 3, 5, 6])], attributes: { kernel_shape: [3, 4], strides: [3, 1], auto_pad: "SAME_UPPER" } },
    { inputs: [bothSigns([2, 3, 5, 6])], attributes: { kernel_shape: [3, 4], strides: [1, 3], auto_pad: "SAME_LOWER" } },
    { inputs: [bothSigns([2, 3, 5, 6])], attributes: { kernel_shape: [3, 4], strides: [3, 1], auto_pad: "VALID" } },
  ],
});

/** Mean over the spatial axes. */
export const GlobalAveragePool: Op = defineOp({
  arity: [1, 1],
  infer: inferGlobalPool,
  evaluate: ([x]) => [mapChannels(x!, (values) => total(values) / values.length)],
  gradient: ({ ops, inputs: [x], outputs: [y], outputGradients: [dy] }) => [expandLike(ops, divideByCount(ops, dy, x!, y!), x!)],
  samples: [{ inputs: [[2, 3, 4, 5]] }, { inputs: [[2, 3, 4]] }, { inputs: [[2, 1, 3, 4, 3]] }],
});

/** The p-norm over the spatial axes. */
export const GlobalLpPool: Op<{ readonly p?: number }> = defineOp<{ readonly p?: number }>({
  arity: [1, 1],
  attributes: { p: "int" },
  infer: (context) => {
    powerOf(context.attributes);
    return inferGlobalPool(context);
  },
  evaluate: ([x], { attributes }) => [mapChannels(x!, (values) => norm(values, powerOf(attributes)))],
  gradient: ({ ops, inputs: [x], outputs: [y], outputGradients: [dy], attributes }) => {
    const p = powerOf(attributes);
    return [ops.Mul(signedPower(ops, x!, p), overPower(ops, dy, y!, p))];
  },
  samples: [
    { inputs: [bothSigns([2, 3, 4, 5])] },
    { inputs: [bothSigns([2, 3, 4])], attributes: { p: 1 } },
    { inputs: [bothSigns([2, 1, 3, 4, 3])], attributes: { p: 3 } },
  ],
});
