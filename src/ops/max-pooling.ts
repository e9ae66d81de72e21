/** Largest elements of windows, and the way back. */
import { constant, int64, type Value } from "../ir/graph.ts";
import { formatShape, multiplyDims, sizeOf, stridesOf, unknownDim, type Dim, type Shape } from "../ir/shape.ts";
import { tensor } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";
import type { Ops } from "./build.ts";
import { agree, vectorLength } from "./dims.ts";
import { requireDType, required } from "./infer.ts";
import { indicator } from "./masks.ts";
import { numbers } from "./ndarray.ts";
import { defineOp, type NdArray, type Op } from "./op.ts";
import { integers } from "./pick.ts";
import { inferGlobalPool, mapChannels, pooledAxes, pooledShape } from "./pool-shape.ts";
import { checkIndex } from "./positions.ts";
import { indices, integers as integersWithin, ints } from "./samples.ts";
import { dimOf, product, rangeTo, reshapeLike, sizesVector } from "./vectors.ts";
import { outputsOf, poolWindows, tapSources, windowKinds, windowsOf, type WindowAttributes } from "./windows.ts";

interface MaxPoolAttributes extends WindowAttributes {
  readonly ceil_mode?: number;
  /** 1 counts indices with the first spatial axis running fastest. */
  readonly storage_order?: number;
}

/** A position in the spatial axes, counted with the first of them running fastest. */
function columnMajor(position: number, spatial: readonly number[]): number {
  const rows = stridesOf(spatial);
  const columns = stridesOf([...spatial].reverse()).reverse();
  return rows.reduce((sum, row, axis) => sum + (Math.floor(position / row) % spatial[axis]!) * columns[axis]!, 0);
}

/** Adds elements up at flat positions of an array like x: windows may overlap. */
function addAt(ops: Ops, x: Value, positions: Value, dy: Value): Value {
  const size = product(
    ops,
    x.shape.map((_, axis) => dimOf(ops, x, axis)),
  );
  const zeros = ops.ConstantOfShape(sizesVector(ops, [size]), { value: tensor(dy.dtype, [0]) });
  const flat = (value: Value) => ops.Reshape(value, int64([-1]));
  return reshapeLike(ops, ops.ScatterElements(zeros, flat(positions), flat(dy), { axis: 0, reduction: "add" }), x);
}

/** Each element of y in all places of its window, where windows lie side by side and cover x: [batch, channels, height, width]. */
function spread(ops: Ops, y: Value, kernel: readonly number[]): Value {
  const scales = constant(tensor("float32", [1, 1, ...kernel]));
  return ops.Resize(y, null, scales, null, { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" });
}

/** The kernel of windows that lie side by side and cover images exactly. */
function tiles(x: Value, attributes: MaxPoolAttributes): [number, number] | undefined {
  if (x.shape.length !== 4) return undefined;
  const windows = windowsOf(attributes.kernel_shape!, attributes);
  const exact = windows.every(({ kernel, stride, dilation, before, after, autoPad }, i) => {
    const size = x.shape[i + 2]!;
    const plain = dilation === 1 && before === 0 && after === 0 && !autoPad.startsWith("SAME");
    return plain && kernel === stride && typeof size === "number" && size % stride === 0;
  });
  return exact ? (windows.map(({ kernel }) => kernel) as [number, number]) : undefined;
}

/**
 * The gradient where windows lie side by side: 1 in the first of the places that hold the largest, times dy. Several times faster
 * than by indices, whose kernels in the runtime are slow: elements equal to the largest get a rank, the first the highest, and the one
 * with the highest rank of its window is the winner.
 */
function tiledGradient(ops: Ops, x: Value, y: Value, dy: Value, [high, wide]: [number, number]): Value {
  const [height, width] = x.shape.slice(2) as [number, number];
  const rank = Array.from({ length: height * width }, (_, at) => high * wide - (Math.floor(at / width) % high) * wide - (at % wide));
  const ranks = constant(tensor(x.dtype, rank, [1, 1, height, width]));
  const ranked = ops.Mul(indicator(ops, ops.Equal(x, spread(ops, y, [high, wide])), x), ranks);
  const first = ops.MaxPool(ranked, { kernel_shape: [high, wide], strides: [high, wide] })[0]!;
  return ops.Mul(indicator(ops, ops.Equal(ranked, spread(ops, first, [high, wide])), x), spread(ops, dy, [high, wide]));
}

/**
 * The largest element of each window, and where it stands in x as a flat index; of equal ones the first in the window's row-major
 * order, to which alone the gradient goes (PyTorch's rule).
 */
export const MaxPool: Op<MaxPoolAttributes, "many"> = defineOp<MaxPoolAttributes, "many">({
  outputs: "many",
  arity: [1, 1],
  attributes: { ...windowKinds, ceil_mode: "int", storage_order: "int" },
  infer: (context) => {
    const { dtype, shape } = requireDType(required(context, 0), ["float16", "float32", "float64", "int8", "uint8"], "input");
    const pooled = pooledShape(shape, context.attributes);
    return [
      { dtype, shape: pooled },
      { dtype: "int64", shape: pooled },
    ];
  },
  evaluate: ([x], { attributes }) => {
    const axes = pooledAxes(x!.shape, attributes);
    const sources = tapSources(axes);
    const from = numbers(x);
    const spatial = x!.shape.slice(2);
    const [image, windows] = [sizeOf(spatial), sizeOf(outputsOf(axes))];
    const taps = sources.length / windows;
    const shape = [...x!.shape.slice(0, 2), ...outputsOf(axes)];
    const largest = new Float64Array(sizeOf(shape));
    const positions = new Float64Array(sizeOf(shape));
    for (let i = 0; i < largest.length; i++) {
      const plane = Math.floor(i / windows) * image;
      const first = (i % windows) * taps;
      let best = -1;
      for (let tap = first; tap < first + taps; tap++) {
        const source = sources[tap]!;
        if (source >= 0 && (best < 0 || from[plane + source]! > from[plane + best]!)) best = source;
      }
      largest[i] = from[plane + best]!;
      positions[i] = plane + (attributes.storage_order ? columnMajor(best, spatial) : best);
    }
    return [
      { dtype: x!.dtype, shape, data: largest },
      { dtype: "int64", shape, data: positions },
    ];
  },
  gradient: ({ ops, inputs: [x], outputs, outputGradients: [dy], attributes }) => {
    const { storage_order: order, ...rowMajor } = attributes;
    const kernel = tiles(x!, attributes);
    if (kernel) return [tiledGradient(ops, x!, outputs[0]!, dy, kernel)];
    return [addAt(ops, x!, order ? ops.MaxPool(x!, rowMajor)[1]! : outputs[1]!, dy)];
  },
  samples: [
    { inputs: [[2, 3, 4, 6]], attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
    { inputs: [[2, 3, 7]], attributes: { kernel_shape: [3], strides: [2], pads: [1, 2] } },
    { inputs: [[2, 3, 7, 6]], attributes: { kernel_shape: [3, 3], strides: [1, 2], dilations: [2, 1], pads: [1, 0, 0, 2] } },
    { inputs: [[2, 3, 6, 8]], attributes: { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 } },
    { inputs: [[2, 3, 6, 7]], attributes: { kernel_shape: [3, 3], strides: [2, 3], pads: [1, 1, 0, 1], ceil_mode: 1 } },
    { inputs: [[2, 3, 5, 6]], attributes: { kernel_shape: [3, 3], storage_order: 1 } },
    { inputs: [[2, 1, 3, 5, 4]], attributes: { kernel_shape: [3, 3, 1], strides: [1, 2, 3], pads: [1, 1, 0, 1, 0, 0], storage_order: 1 } },
    { inputs: [[2, 3, 5, 6]], attributes: { kernel_shape: [3, 4], strides: [2, 1], auto_pad: "SAME_UPPER" } },
    { inputs: [[2, 3, 5, 6]], attributes: { kernel_shape: [3, 4], strides: [1, 3], auto_pad: "SAME_LOWER" } },
    { inputs: [[2, 3, 5, 6]], attributes: { kernel_shape: [3, 4], strides: [3, 1], auto_pad: "VALID" } },
    { inputs: [integersWithin([2, 1, 4, 5], -9, 9, "int8")], attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] } },
    { inputs: [integersWithin([2, 1, 4, 5], 0, 9, "uint8")], attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
  ],
});

/** The largest element over the spatial axes; of equal ones the first gets the gradient. */
export const GlobalMaxPool: Op = defineOp({
  arity: [1, 1],
  infer: inferGlobalPool,
  evaluate: ([x]) => [mapChannels(x!, (values) => values.reduce((a, b) => Math.max(a, b), -Infinity))],
  gradient: ({ ops, inputs: [x], outputGradients: [dy] }) => {
    const rows = ops.Reshape(x!, int64([0, 0, -1]));
    const size = product(
      ops,
      x!.shape.slice(2).map((_, axis) => dimOf(ops, x!, axis + 2)),
    );
    const first = ops.Equal(ops.ArgMax(rows, { axis: 2 }), rangeTo(ops, size));
    const dRows = ops.Mul(indicator(ops, first, x!), ops.Reshape(dy, int64([0, 0, 1])));
    return [reshapeLike(ops, dRows, x!)];
  },
  samples: [{ inputs: [[2, 3, 4, 5]] }, { inputs: [[2, 3, 4]] }, { inputs: [[2, 1, 3, 4, 3]] }],
});

type MaxUnpoolAttributes = Omit<WindowAttributes, "auto_pad" | "dilations">;

/** The shape that MaxPool with these windows had before it, where its windows just cover it. */
function unpooledShape(shape: Shape, attributes: MaxUnpoolAttributes): Dim[] {
  poolWindows(shape, attributes);
  const windows = windowsOf(attributes.kernel_shape!, attributes);
  const sizes = windows.map(({ kernel, stride, before, after }, i) => {
    const dim = shape[i + 2]!;
    const rest = (kernel as number) - stride - before - after;
    if (typeof dim === "number") return stride * dim + rest;
    return rest === 0 ? multiplyDims([dim, stride]) : unknownDim();
  });
  return [shape[0]!, shape[1]!, ...sizes];
}

/** Offsets in `shape` of flat indices into `natural`, which may be smaller. */
function widened(at: NdArray, natural: readonly number[], shape: readonly number[]): Float64Array {
  const [from, to] = [stridesOf(natural), stridesOf(shape)];
  const size = sizeOf(natural);
  return numbers(at).map((index) => {
    const position = checkIndex(index, size, 0);
    return from.reduce((sum, stride, axis) => sum + (Math.floor(position / stride) % natural[axis]!) * to[axis]!, 0);
  });
}

/**
 * Zeros with the elements of x where the second input says: flat indices into the shape that MaxPool had before it. The third input
 * names a larger shape, the rest of which is 0.
 */
export const MaxUnpool: Op<MaxUnpoolAttributes> = defineOp<MaxUnpoolAttributes>({
  arity: [2, 3],
  attributes: { kernel_shape: "ints", pads: "ints", strides: "ints" },
  infer: (context) => {
    const { dtype, shape } = required(context, 0);
    const at = requireDType(required(context, 1), ["int64"], "indices").shape;
    const what = `indices ${formatShape(at)} differ in shape from ${formatShape(shape)}`;
    if (at.length !== shape.length) throw new GradusError(what);
    at.forEach((dim, axis) => agree(dim, shape[axis]!, what));
    const natural = unpooledShape(shape, context.attributes);
    if (!context.inputs[2]) return [{ dtype, shape: natural }];
    const length = vectorLength(requireDType(required(context, 2), ["int64"], "output_shape").shape, "output_shape");
    const named = context.contents(2);
    if (length !== shape.length || named?.some((dim, axis) => typeof dim === "number" && dim < Number(natural[axis]))) {
      throw new GradusError(`output_shape ${formatShape(named ?? [])} must have ${shape.length} sizes, at least ${formatShape(natural)}`);
    }
    return [{ dtype, shape: named ?? shape.map(unknownDim) }];
  },
  evaluate: ([x, at, named], { attributes }) => {
    const natural = unpooledShape(x!.shape, attributes) as number[];
    const shape = named ? integers(named) : natural;
    const data = new Float64Array(sizeOf(shape));
    widened(at!, natural, shape).forEach((to, i) => (data[to] = numbers(x)[i]!));
    return [{ dtype: x!.dtype, shape, data }];
  },
  gradient: ({ ops, inputs: [x, at, named], outputGradients: [dy], attributes }) => {
    const natural = unpooledShape(x!.shape, attributes).slice(2);
    const axes = natural.map((_, i) => i + 2);
    if (named && !natural.every((dim) => typeof dim === "number"))
      throw new GradusError(`the gradient of MaxUnpool with output_shape needs known spatial sizes, got ${formatShape(natural)}`);
    const cut = named ? ops.Slice(dy, int64(axes.map(() => 0)), int64(natural as number[]), int64(axes)) : dy;
    const flat = (value: Value) => ops.Reshape(value, int64([-1]));
    return [reshapeLike(ops, ops.GatherElements(flat(cut), flat(at!)), x!)];
  },
  samples: [
    {
      inputs: [[2, 1, 2, 3], indices([2, 1, 2, 3], [0, 3, 11, 12, 14, 23, 24, 26, 35, 36, 39, 47])],
      attributes: { kernel_shape: [2, 2], strides: [2, 2] },
    },
    { inputs: [[1, 2, 3], indices([1, 2, 3], [1, 2, 4, 5, 8, 9])], attributes: { kernel_shape: [3], pads: [1, 1], strides: [2] } },
    {
      inputs: [[1, 1, 2, 2], indices([1, 1, 2, 2], [5, 7, 13, 15]), ints(1, 1, 5, 5)],
      attributes: { kernel_shape: [2, 2], strides: [2, 2] },
    },
  ],
});
