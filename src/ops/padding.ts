/** Growing tensors: padding and tiling. */
import { int64, type Value } from "../ir/graph.ts";
import { formatShape, multiplyDims, sizeOf, stridesOf, unknownDim, type Dim, type Shape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import { vectorLength } from "./dims.ts";
import { requireDType, required } from "./infer.ts";
import { walk } from "./ndarray.ts";
import { defineOp, type GradientContext, type InferContext, type NdArray, type Op } from "./op.ts";
import { integers, pick, stridedOffsets } from "./pick.ts";
import { int, ints } from "./samples.ts";
import { dimOf, negated, rangeTo, scatterAlong, sizesVector } from "./vectors.ts";

interface PadAttributes {
  readonly mode?: string;
}

/** Where position i of a padded axis comes from in an axis of `size`; -1 is the fill. */
const sources: Readonly<Record<string, (i: number, size: number) => number>> = {
  constant: (i, size) => (i >= 0 && i < size ? i : -1),
  edge: (i, size) => Math.min(Math.max(i, 0), size - 1),
  reflect: (i, size) => {
    if (size === 1) return 0;
    const period = 2 * (size - 1);
    const at = ((i % period) + period) % period;
    return at < size ? at : period - at;
  },
};

function modeOf({ mode = "constant" }: PadAttributes): string {
  if (!Object.hasOwn(sources, mode)) throw new GradusError(`mode "${mode}" is not one of ${Object.keys(sources).join(", ")}`);
  return mode;
}

/** A per-axis vector input as dimensions; undefined where it is not known at build time. */
function perAxis(context: InferContext<unknown>, index: number, length: number, what: string): readonly Dim[] | undefined {
  const count = vectorLength(requireDType(required(context, index), ["int64"], what).shape, what);
  if (count !== length)
    throw new GradusError(`${what} must have ${length} elements for ${formatShape(required(context, 0).shape)}, got ${count}`);
  return context.contents(index);
}

function paddedDim(dim: Dim, before: Dim, after: Dim): Dim {
  if (typeof before !== "number" || typeof after !== "number") return unknownDim();
  if (typeof dim === "string") return before + after === 0 ? dim : unknownDim();
  if (dim + before + after < 0) throw new GradusError(`padding by ${before} and ${after} leaves less than nothing of ${dim}`);
  return dim + before + after;
}

/** Edge and reflected padding read x at positions that the same padding of 0, 1, 2, … names; their gradients add up there. */
function unrepeat({ ops, inputs: [x, pads], outputGradients: [dy], attributes }: GradientContext<PadAttributes>): Value {
  const rank = x!.shape.length;
  return x!.shape.reduce<Value>((gradient, _, axis) => {
    const size = dimOf(ops, x!, axis);
    const around = ops.Gather(pads!, int64([axis, axis + rank]));
    return scatterAlong(ops, gradient, ops.Pad(rangeTo(ops, size), around, attributes), axis, size);
  }, dy);
}

/** The elements of x and one more. */
function withElement(x: NdArray, element: number | string): NdArray {
  if (Array.isArray(x.data)) return { ...x, data: [...x.data, element as string] };
  const data = new Float64Array(x.data.length + 1);
  data.set(x.data as Float64Array);
  data[x.data.length] = element as number;
  return { ...x, data };
}

/** Elements around each axis (second input: all starts, then all ends): a fill, the edge, or a reflection. Negative pads crop. */
export const Pad: Op<PadAttributes> = defineOp<PadAttributes>({
  arity: [2, 3],
  attributes: { mode: "string" },
  infer: (context) => {
    const { dtype, shape } = required(context, 0);
    modeOf(context.attributes);
    const fill = context.inputs[2];
    if (fill) requireDType(fill, [dtype], "the fill");
    const pads = perAxis(context, 1, 2 * shape.length, "pads");
    return [{ dtype, shape: shape.map((dim, axis) => (pads ? paddedDim(dim, pads[axis]!, pads[axis + shape.length]!) : unknownDim())) }];
  },
  evaluate: ([x, pads, fill], { attributes }) => {
    const source = sources[modeOf(attributes)]!;
    const around = integers(pads);
    const rank = x!.shape.length;
    const shape = x!.shape.map((size, axis) => size + around[axis]! + around[axis + rank]!);
    const strides = stridesOf(x!.shape);
    const offsets = new Int32Array(sizeOf(shape));
    // Per axis a table of source offsets; NaN, which any sum keeps, for what lies outside.
    const tables = shape.map((size, axis) =>
      Array.from({ length: size }, (_, i) => {
        const at = source(i - around[axis]!, x!.shape[axis]!);
        return at < 0 ? NaN : at * strides[axis]!;
      }),
    );
    const unit = shape.map((_, axis) => shape.map((__, other) => (other === axis ? 1 : 0)));
    walk(shape, unit, (i, at) => {
      const offset = tables.reduce((sum, table, axis) => sum + table[at[axis]!]!, 0);
      offsets[i] = Number.isNaN(offset) ? x!.data.length : offset;
    });
    const filling = fill ? fill.data[0]! : Array.isArray(x!.data) ? "" : 0;
    return [pick(withElement(x!, filling), shape, offsets)];
  },
  gradient: (context) => {
    const { ops, inputs, outputGradients, attributes, needs } = context;
    const [dy] = outputGradients;
    if (modeOf(attributes) !== "constant") return [unrepeat(context)];
    const dx = ops.Pad(dy, negated(ops, inputs[1]!));
    // What did not come from x came from the fill.
    const total = (value: Value) => ops.ReduceSum(value, null, { keepdims: 0 });
    return [dx, null, needs(2) ? ops.Reshape(ops.Sub(total(dy), total(dx)), ops.Shape(inputs[2]!)) : null];
  },
  samples: [
    { inputs: [[2, 3], ints(1, 0, 0, 2)] },
    { inputs: [[2, 3], ints(0, 1, 1, 0), []] },
    { inputs: [[3, 4], ints(-1, 1, 0, -2), []] },
    { inputs: [[3, 4], ints(2, 1, 0, 3)], attributes: { mode: "reflect" } },
    { inputs: [[2, 3], ints(1, 2, 3, 0)], attributes: { mode: "edge" } },
    { inputs: [{ shape: [2], dtype: "int64", values: [4, 5] }, ints(1, 1), int(-1)] },
  ],
});

/** The tensor repeated along each axis as often as the second input says. */
export const Tile: Op = defineOp({
  arity: [2, 2],
  infer: (context) => {
    const { dtype, shape } = required(context, 0);
    const repeats = perAxis(context, 1, shape.length, "repeats");
    return [{ dtype, shape: repeats ? shape.map((dim, axis) => multiplyDims([dim, repeats[axis]!])) : shape.map(unknownDim) }];
  },
  evaluate: ([x, repeats]) => {
    // As [repeat, size] for each axis, where repeats have stride 0.
    const times = integers(repeats);
    const strides = stridesOf(x!.shape);
    const pairs = x!.shape.flatMap((size, axis) => [times[axis]!, size]);
    const offsets = stridedOffsets(
      pairs,
      strides.flatMap((stride) => [0, stride]),
    );
    return [
      pick(
        x!,
        x!.shape.map((size, axis) => size * times[axis]!),
        offsets,
      ),
    ];
  },
  gradient: ({ ops, inputs: [x, repeats], outputGradients: [dy] }) => {
    const pairs = x!.shape.flatMap((_, axis) => [ops.Slice(repeats!, int64([axis]), int64([axis + 1])), dimOf(ops, x!, axis)]);
    if (pairs.length === 0) return [dy];
    const apart = ops.Reshape(dy, sizesVector(ops, pairs), { allowzero: 1 });
    return [ops.ReduceSum(apart, int64(x!.shape.map((_, axis) => 2 * axis)), { keepdims: 0 })];
  },
  samples: [{ inputs: [[2, 3], ints(2, 1)] }, { inputs: [[3], ints(3)] }, { inputs: [[1, 2, 2], ints(2, 2, 3)] }],
});

interface BlockAttributes {
  readonly blocksize: number;
  readonly mode?: string;
}

/** Rearranges through a six-dimensional view: sizes of the view, their order, the resulting shape. */
function throughView(x: NdArray, view: readonly number[], order: readonly number[], shape: readonly number[]): NdArray {
  const strides = stridesOf(view);
  return pick(
    x,
    shape,
    stridedOffsets(
      order.map((axis) => view[axis]!),
      order.map((axis) => strides[axis]!),
    ),
  );
}

function requireImages(shape: Shape): readonly [Dim, Dim, Dim, Dim] {
  if (shape.length !== 4) throw new GradusError(`expected [batch, channels, height, width], got ${formatShape(shape)}`);
  return shape as readonly [Dim, Dim, Dim, Dim];
}

function dividedDim(dim: Dim, by: number): Dim {
  if (typeof dim === "string") return unknownDim();
  if (dim % by !== 0) throw new GradusError(`${dim} does not divide by ${by}`);
  return dim / by;
}

/** Blocks of channels become blocks of pixels. */
export const DepthToSpace: Op<BlockAttributes> = defineOp<BlockAttributes>({
  arity: [1, 1],
  attributes: { blocksize: "int", mode: "string" },
  infer: (context) => {
    const { dtype, shape } = required(context, 0);
    const [n, c, h, w] = requireImages(shape);
    const { blocksize: b, mode = "DCR" } = context.attributes;
    if (mode !== "DCR" && mode !== "CRD") throw new GradusError(`mode "${mode}" is not DCR or CRD`);
    return [{ dtype, shape: [n, dividedDim(c, b * b), multiplyDims([h, b]), multiplyDims([w, b])] }];
  },
  evaluate: ([x], { attributes: { blocksize: b, mode = "DCR" } }) => {
    const [n, channels, h, w] = x!.shape as [number, number, number, number];
    const c = channels / (b * b);
    const shape = [n, c, h * b, w * b];
    return [
      mode === "CRD"
        ? throughView(x!, [n, c, b, b, h, w], [0, 1, 4, 2, 5, 3], shape)
        : throughView(x!, [n, b, b, c, h, w], [0, 3, 4, 1, 5, 2], shape),
    ];
  },
  gradient: ({ ops, inputs: [x], outputGradients: [dy], attributes: { blocksize, mode } }) => {
    const back = ops.SpaceToDepth(dy, { blocksize });
    if (mode !== "CRD") return [back];
    const channels = x!.shape[1];
    if (typeof channels !== "number") throw new GradusError("the gradient of DepthToSpace needs a known number of channels");
    // Channel (c, block) of ours is channel (block, c) of SpaceToDepth.
    const blocks = blocksize * blocksize;
    const order = Array.from({ length: channels }, (_, i) => (i % blocks) * (channels / blocks) + Math.floor(i / blocks));
    return [ops.Gather(back, int64(order), { axis: 1 })];
  },
  samples: [
    { inputs: [[2, 8, 2, 3]], attributes: { blocksize: 2 } },
    { inputs: [[1, 8, 1, 2]], attributes: { blocksize: 2, mode: "CRD" } },
  ],
});

/** Blocks of pixels become channels. */
export const SpaceToDepth: Op<{ readonly blocksize: number }> = defineOp<{ readonly blocksize: number }>({
  arity: [1, 1],
  attributes: { blocksize: "int" },
  infer: (context) => {
    const { dtype, shape } = required(context, 0);
    const [n, c, h, w] = requireImages(shape);
    const b = context.attributes.blocksize;
    return [{ dtype, shape: [n, multiplyDims([c, b * b]), dividedDim(h, b), dividedDim(w, b)] }];
  },
  evaluate: ([x], { attributes: { blocksize: b } }) => {
    const [n, c, height, width] = x!.shape as [number, number, number, number];
    const [h, w] = [height / b, width / b];
    return [throughView(x!, [n, c, h, b, w, b], [0, 3, 5, 1, 2, 4], [n, c * b * b, h, w])];
  },
  gradient: ({ ops, outputGradients: [dy], attributes: { blocksize } }) => [ops.DepthToSpace(dy, { blocksize })],
  samples: [
    { inputs: [[1, 2, 4, 6]], attributes: { blocksize: 2 } },
    { inputs: [[2, 1, 3, 3]], attributes: { blocksize: 3 } },
  ],
});
