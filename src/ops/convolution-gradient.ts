/**
 * Gradients of convolutions. Conv and ConvTranspose are each other's adjoint in x, and share one gradient in w: with rows of
 * columns (the taps of every window, gathered) it is a matrix product.
 */
import { constant, int64, type Value } from "../ir/graph.ts";
import { sizeOf, staticShape, type Shape } from "../ir/shape.ts";
import { tensor } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";
import type { Ops } from "./build.ts";
import { dimOf, product, reshapeLike, rest, sizesVector } from "./vectors.ts";
import { extent, halves, knownAxes, tapSources, type Axis, type Window } from "./windows.ts";

/** Channels moved behind the spatial axes. */
function channelsLast(ops: Ops, x: Value): Value {
  const rank = x.shape.length;
  return ops.Transpose(x, { perm: [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1] });
}

/** What the taps of every window of x [batch, channels, spatial…] read: [batch, windows·taps, channels]. */
export function windowColumns(ops: Ops, x: Value, axes: readonly Axis[]): Value {
  const sources = tapSources(axes);
  const size = sizeOf(axes.map((axis) => axis.size));
  const rows = ops.Reshape(channelsLast(ops, x), int64([0, size, -1]));
  const padded = sources.includes(-1);
  const at = tensor(
    "int64",
    BigInt64Array.from(sources, (source) => BigInt(source < 0 ? size : source)),
  );
  return ops.Gather(padded ? ops.Pad(rows, int64([0, 0, 0, 0, 1, 0])) : rows, constant(at), { axis: 1 });
}

/** What a convolution's gradients have in common; `image` is the larger side (x of Conv, y of ConvTranspose). */
interface Correlation {
  readonly windows: readonly Window[];
  readonly group: number;
}

/**
 * Gradient of y = Conv(x, w) in w, or of x = ConvTranspose(y, w).
 * @param x [batch, channels, spatial…] and dy [batch, features, windows…], w [features, channels/group, kernel…]
 */
export function weightGradient(ops: Ops, x: Value, dy: Value, w: Value, { windows, group }: Correlation): Value {
  const axes = knownAxes(x.shape.slice(2), windows);
  if (!axes) return weightGradientByConv(ops, x, dy, w, { windows, group });
  const taps = sizeOf(axes.map(({ kernel }) => kernel));
  const columns = windowColumns(ops, x, axes);
  const channels = dimOf(ops, w, 1);
  const features = dimOf(ops, dy, 1);
  const last = channelsLast(ops, dy);
  if (group === 1) {
    const rows = ops.Reshape(last, sizesVector(ops, [-1, features]));
    const wide = ops.Reshape(columns, sizesVector(ops, [-1, product(ops, [taps, channels])]));
    // More rows than columns: then threads do not change how the long sums are cut.
    const tall = typeof features === "number" && typeof channels === "number" && features > taps * channels;
    const flat = tall ? ops.Gemm(rows, wide, { transA: 1 }) : ops.Gemm(wide, rows, { transA: 1 });
    const apart = ops.Reshape(flat, sizesVector(ops, tall ? [features, taps, channels] : [taps, channels, features]));
    return reshapeLike(ops, ops.Transpose(apart, { perm: tall ? [0, 2, 1] : [2, 1, 0] }), w);
  }
  const perGroup = ops.Reshape(last, int64([-1, group, numberOf(dy.shape, group)]));
  const split = ops.Reshape(columns, sizesVector(ops, [-1, taps, group, channels]));
  const wide = ops.Reshape(ops.Transpose(split, { perm: [2, 1, 3, 0] }), sizesVector(ops, [group, product(ops, [taps, channels]), -1]));
  const all = ops.MatMul(wide, ops.Transpose(perGroup, { perm: [1, 0, 2] })); // [group, taps·channels, features/group]
  const apart = ops.Reshape(all, sizesVector(ops, [group, taps, channels, numberOf(dy.shape, group)]));
  return reshapeLike(ops, ops.Transpose(apart, { perm: [0, 3, 2, 1] }), w);
}

function numberOf(shape: Shape, group: number): number {
  const features = shape[1]!;
  if (typeof features !== "number") throw new GradusError("the gradient of a convolution in groups needs a known number of channels");
  return features / group;
}

/** The same as a convolution over the batch, where strides and dilations change places: slower, for sizes known only when it runs. */
function weightGradientByConv(ops: Ops, x: Value, dy: Value, w: Value, { windows, group }: Correlation): Value {
  if (group > 1) {
    const parts = (value: Value) => ops.Split(value, int64(new Array<number>(group).fill(numberOf(value.shape, group))), { axis: 1 });
    const slices = ops.Split(w, int64(new Array<number>(group).fill(numberOf([0, w.shape[0]!], group))), { axis: 0 });
    const [xs, dys] = [parts(x), parts(dy)];
    return ops.Concat(...xs.map((part, i) => weightGradientByConv(ops, part, dys[i]!, slices[i]!, { windows, group: 1 })), { axis: 0 });
  }
  const swapped = (value: Value) => ops.Transpose(value, { perm: [1, 0, ...windows.map((_, i) => i + 2)] });
  const kernel = windows.map((window) => window.kernel);
  const all = ops.Conv(swapped(x), swapped(dy), {
    strides: windows.map(({ dilation }) => dilation),
    dilations: windows.map(({ stride }) => stride),
    pads: explicitPads(windows),
  });
  const along = kernel.map((_, i) => i + 2);
  const cut = ops.Slice(
    swapped(all),
    int64(along.map(() => 0)),
    sizesVector(
      ops,
      along.map((axis) => dimOf(ops, w, axis)),
    ),
    int64(along),
  );
  return reshapeLike(ops, cut, w);
}

/** Pads as an attribute, negative ones as 0; where the sizes decide them, they are not known. */
function explicitPads(windows: readonly Window[]): number[] {
  const pads = windows.map(({ autoPad, kernel, stride, dilation, before, after }) => {
    if (!autoPad.startsWith("SAME")) return [Math.max(before, 0), Math.max(after, 0)] as const;
    if (stride > 1 || typeof kernel !== "number")
      throw new GradusError(`the gradient of a convolution with auto_pad ${autoPad} and strides needs known sizes`);
    return halves(extent({ kernel, dilation }) - 1, autoPad);
  });
  return [...pads.map(([before]) => before), ...pads.map(([, after]) => after)];
}

/** Weights [features, channels/group, kernel…] as [channels, features/group, kernel…], taps in reverse. */
function mirrored(ops: Ops, w: Value, group: number, kernel: readonly number[]): Value {
  const taps = sizeOf(kernel);
  const features = group === 1 ? dimOf(ops, w, 0) : numberOf([0, w.shape[0]!], group);
  const split = ops.Reshape(w, sizesVector(ops, [group, features, dimOf(ops, w, 1), taps]));
  const swapped = ops.Transpose(split, { perm: [0, 2, 1, 3] });
  const reversed = taps === 1 ? swapped : ops.Gather(swapped, int64(Array.from({ length: taps }, (_, i) => taps - 1 - i)), { axis: 3 });
  return ops.Reshape(reversed, sizesVector(ops, [-1, features, ...kernel]));
}

/** Gradient of Conv in x: the transposed convolution of dy, in the size of x. */
export function correlateTransposed(ops: Ops, x: Value, dy: Value, w: Value, { windows, group }: Correlation): Value {
  const strides = windows.map(({ stride }) => stride);
  const dilations = windows.map(({ dilation }) => dilation);
  const axes = knownAxes(x.shape.slice(2), windows);
  const pads = axes ? [...axes.map(({ before }) => before), ...axes.map(({ after }) => after)] : explicitPads(windows);
  const kernel = staticShape(windows.map((window) => window.kernel));
  if (kernel && strides.every((stride) => stride === 1)) {
    // A convolution with mirrored weights, which the runtime computes faster.
    const around = pads.map((pad, i) => dilations[i % kernel.length]! * (kernel[i % kernel.length]! - 1) - pad);
    if (around.every((pad) => pad >= 0)) return ops.Conv(dy, mirrored(ops, w, group, kernel), { group, dilations, pads: around });
  }
  if (axes) {
    // Positions behind the last window are reached by output_padding; it is less than a stride.
    const left = axes.map((axis) => axis.size + axis.before + axis.after - (axis.outputs - 1) * axis.stride - extent(axis));
    return ops.ConvTranspose(dy, w, { group, strides, dilations, pads, ...(left.some((n) => n > 0) && { output_padding: left }) });
  }
  if (strides.every((stride) => stride === 1)) return ops.ConvTranspose(dy, w, { group, strides, dilations, pads });
  const full = ops.ConvTranspose(dy, w, { group, strides, dilations });
  const around = windows.map((_, i) => rest(ops, dimOf(ops, x, i + 2), -pads[i]!, dimOf(ops, full, i + 2)));
  return ops.Pad(full, sizesVector(ops, [0, 0, ...windows.map((_, i) => -pads[i]!), 0, 0, ...around]));
}

/** Sum over everything but channels. */
export function biasGradient(ops: Ops, dy: Value): Value {
  return ops.ReduceSum(dy, int64([0, ...Array.from({ length: dy.shape.length - 2 }, (_, i) => i + 2)]), { keepdims: 0 });
}
