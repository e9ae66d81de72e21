/**
 * Gradients of convolutions. Conv and ConvTranspose are each other's adjoint in x, and share one gradient in w: a matrix product
 * with the columns, which are what the taps of every window read.
 */
import { constant, int64, type Value } from "../ir/graph.ts";
import { multiplyDims, sizeOf, staticShape, type Shape } from "../ir/shape.ts";
import { tensor } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";
import type { Ops } from "./build.ts";
import { dimOf, product, reshapeLike, rest, sizesVector } from "./vectors.ts";
import { extent, halves, knownAxes, outputsOf, tapSources, type Axis, type Window } from "./windows.ts";

/** Channels moved behind the spatial axes. */
function channelsLast(ops: Ops, x: Value): Value {
  const rank = x.shape.length;
  return ops.Transpose(x, { perm: [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1] });
}

/** Fewer channels than this are faster sliced tap by tap than gathered. */
const fewChannels = 8;

/** What the taps of every window of x [batch, channels, spatial…] read: [batch, windows, taps·channels]. */
function windowColumns(ops: Ops, x: Value, axes: readonly Axis[]): Value {
  const channels = x.shape[1]!;
  const windows = sizeOf(outputsOf(axes));
  if (typeof channels === "number" && channels < fewChannels) {
    return ops.Transpose(ops.Reshape(ops.Concat(...tapSlices(ops, x, axes), { axis: 1 }), int64([0, -1, windows])), { perm: [0, 2, 1] });
  }
  const sources = tapSources(axes);
  const size = sizeOf(axes.map((axis) => axis.size));
  const rows = ops.Reshape(channelsLast(ops, x), int64([0, size, -1]));
  const padded = sources.includes(-1);
  const at = tensor(
    "int64",
    BigInt64Array.from(sources, (source) => BigInt(source < 0 ? size : source)),
  );
  const gathered = ops.Gather(padded ? ops.Pad(rows, int64([0, 0, 0, 0, 1, 0])) : rows, constant(at), { axis: 1 });
  return ops.Reshape(gathered, sizesVector(ops, [0, windows, product(ops, [sources.length / windows, dimOf(ops, x, 1)])]));
}

/** For each tap, what it reads in all windows: [batch, channels, windows…]. */
function tapSlices(ops: Ops, x: Value, axes: readonly Axis[]): Value[] {
  const around = [0, 0, ...axes.map(({ before }) => before), 0, 0, ...axes.map(({ after }) => after)];
  const padded = around.some((pad) => pad !== 0) ? ops.Pad(x, int64(around)) : x;
  const taps = axes.reduce<number[][]>(
    (all, { kernel }) => all.flatMap((tap) => Array.from({ length: kernel }, (_, k) => [...tap, k])),
    [[]],
  );
  const along = int64(axes.map((_, i) => i + 2));
  const steps = int64(axes.map(({ stride }) => stride));
  return taps.map((tap) => {
    const starts = tap.map((k, i) => k * axes[i]!.dilation);
    const ends = axes.map(({ outputs, stride }, i) => starts[i]! + (outputs - 1) * stride + 1);
    return ops.Slice(padded, int64(starts), int64(ends), along, steps);
  });
}

/** Geometry on the larger side: x of Conv, y of ConvTranspose. */
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
  if (dividesTaps(axes, x, dy, group)) return weightGradientByShifts(ops, x, dy, w, axes);
  const taps = sizeOf(axes.map(({ kernel }) => kernel));
  const windowCount = sizeOf(outputsOf(axes));
  const columns = windowColumns(ops, x, axes);
  if (group > 1) {
    const perGroup = ops.Reshape(dy, int64([0, group, numberOf(dy.shape, group), windowCount]));
    const split = ops.Reshape(columns, sizesVector(ops, [0, windowCount, taps, group, dimOf(ops, w, 1)]));
    const wide = ops.Reshape(ops.Transpose(split, { perm: [0, 3, 1, 2, 4] }), int64([0, group, windowCount, -1]));
    const sum = sumOverImages(ops, ops.MatMul(perGroup, wide)); // of [batch, group, features/group, taps·channels/group]
    const apart = ops.Reshape(sum, int64([group, numberOf(dy.shape, group), taps, -1]));
    return reshapeLike(ops, ops.Transpose(apart, { perm: [0, 1, 3, 2] }), w);
  }
  const features = dy.shape[1]!;
  const flat =
    typeof features === "number" && features > 2 * windowCount
      ? acrossImages(ops, columns, dy, features)
      : sumOverImages(ops, ops.MatMul(ops.Reshape(dy, int64([0, 0, windowCount])), columns));
  const apart = ops.Reshape(flat, sizesVector(ops, [dimOf(ops, dy, 1), taps, -1]));
  return reshapeLike(ops, ops.Transpose(apart, { perm: [0, 2, 1] }), w);
}

/** With more features than this a product with the columns of all taps is faster. */
const fewFeatures = 16;

/** Windows of images that move by 1, few enough features: then taps are divided between x and dy. */
function dividesTaps(axes: readonly Axis[], x: Value, dy: Value, group: number): boolean {
  const [channels, features] = [x.shape[1]!, dy.shape[1]!];
  const moving = axes.every(({ stride, before, after }) => stride === 1 && before >= 0 && after >= 0);
  const suited = typeof channels === "number" && channels >= fewChannels && typeof features === "number" && features <= fewFeatures;
  return moving && group === 1 && axes.length === 2 && suited;
}

/**
 * The gradient in w [features, channels, height, width] where windows move by 1: the rows of x that each row of the kernel reads, times
 * dy shifted by the columns of the kernel. With rows as long as those of x and its pads both are flat, and such a shift is a slice:
 * instead of height·width copies of x there are height of x and width of dy.
 */
function weightGradientByShifts(ops: Ops, x: Value, dy: Value, w: Value, axes: readonly Axis[]): Value {
  const [rows, columns] = axes as [Axis, Axis];
  const width = columns.size + columns.before + columns.after;
  const length = rows.outputs * width;
  const reach = (columns.kernel - 1) * columns.dilation;
  // The row behind the last is zero, for windows that reach out of x.
  const withZeros = ops.Pad(x, int64([0, 0, 0, columns.before, 0, 0, 1, columns.after]));
  const read = Array.from({ length: rows.kernel * rows.outputs }, (_, i) => {
    const row = (i % rows.outputs) + Math.floor(i / rows.outputs) * rows.dilation - rows.before;
    return row >= 0 && row < rows.size ? row : rows.size;
  });
  const byRows = ops.Reshape(ops.Gather(withZeros, int64(read), { axis: 2 }), sizesVector(ops, [0, -1, length]));
  const flat = ops.Reshape(ops.Pad(dy, int64([0, 0, 0, reach, 0, 0, 1, width - columns.outputs - reach])), int64([0, 0, -1]));
  const products = Array.from({ length: columns.kernel }, (_, k) => {
    const from = reach - k * columns.dilation;
    const shifted = ops.Slice(flat, int64([from]), int64([from + length]), int64([2]));
    return ops.MatMul(byRows, ops.Transpose(shifted, { perm: [0, 2, 1] }));
  });
  const sum = sumOverImages(ops, products.length === 1 ? products[0]! : ops.Concat(...products, { axis: 2 }));
  const apart = ops.Reshape(sum, sizesVector(ops, [-1, rows.kernel, columns.kernel, dimOf(ops, dy, 1)]));
  return reshapeLike(ops, ops.Transpose(apart, { perm: [3, 0, 1, 2] }), w);
}

/** Sum over the first axis; the runtime is several times faster with a row of ones than with a reduction. */
function sumOverImages(ops: Ops, x: Value): Value {
  const width = multiplyDims(x.shape.slice(1));
  if (typeof width === "number" && width < 1024) return ops.ReduceSum(x, int64([0]), { keepdims: 0 });
  const ones = ops.ConstantOfShape(sizesVector(ops, [1, dimOf(ops, x, 0)]), { value: tensor(x.dtype, [1]) });
  return ops.MatMul(ones, ops.Reshape(x, int64([0, -1])));
}

/**
 * Σ over images and windows of dy·columns: [features, taps·channels]. One product for all images, where one for each would make
 * matrices larger than the columns.
 */
function acrossImages(ops: Ops, columns: Value, dy: Value, features: number): Value {
  const rows = ops.Reshape(channelsLast(ops, dy), int64([-1, features]));
  const width = dimOf(ops, columns, 2);
  const wide = ops.Reshape(columns, sizesVector(ops, [-1, width]));
  // More rows than columns: then threads do not change how the long sums are cut.
  const tall = typeof width === "number" && features > width;
  return tall ? ops.Gemm(rows, wide, { transA: 1 }) : ops.Transpose(ops.Gemm(wide, rows, { transA: 1 }));
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
  const reversed = taps === 1 ? swapped : ops.Slice(swapped, int64([-1]), int64([-taps - 1]), int64([3]), int64([-1]));
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
