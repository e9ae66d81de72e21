/** Reading and writing elements at positions that are data. */
import { int64, type Value } from "../ir/graph.ts";
import { formatShape, normalizeAxis, sizeOf, stridesOf, type Shape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import { agree } from "./dims.ts";
import { requireDType, required } from "./infer.ts";
import { numbers } from "./ndarray.ts";
import { defineOp, type NdArray, type Op } from "./op.ts";
import { integers, pick } from "./pick.ts";
import { checkIndex, reductionOf, requireIndices, scatter, scatterGradients } from "./positions.ts";
import { indices, int, ints } from "./samples.ts";
import { dimOf, scatterAlong, sizesVector, zerosLike } from "./vectors.ts";

interface AxisAttribute {
  readonly axis?: number;
}

function replaceAxis<T>(shape: readonly T[], axis: number, by: readonly T[]): T[] {
  return [...shape.slice(0, axis), ...by, ...shape.slice(axis + 1)];
}

/** Slices of the first input along an axis, at the positions in the second: y[…, i…, …] = x[…, indices[i…], …]. */
export const Gather: Op<AxisAttribute> = defineOp<AxisAttribute>({
  arity: [2, 2],
  attributes: { axis: "int" },
  infer: (context) => {
    const { dtype, shape } = required(context, 0);
    const axis = normalizeAxis(context.attributes.axis ?? 0, shape.length);
    return [{ dtype, shape: replaceAxis(shape, axis, requireIndices(context).shape) }];
  },
  evaluate: ([x, at], { attributes }) => {
    const axis = normalizeAxis(attributes.axis ?? 0, x!.shape.length);
    const size = x!.shape[axis]!;
    const shape = replaceAxis(x!.shape, axis, at!.shape);
    const inner = sizeOf(x!.shape.slice(axis + 1));
    const rows = integers(at).map((index) => checkIndex(index, size, axis) * inner);
    const offsets = new Int32Array(sizeOf(shape));
    for (let outer = 0, to = 0; outer < sizeOf(x!.shape.slice(0, axis)); outer++) {
      for (const row of rows) for (let i = 0; i < inner; i++) offsets[to++] = outer * size * inner + row + i;
    }
    return [pick(x!, shape, offsets)];
  },
  gradient: ({ ops, inputs: [x, at], outputGradients: [dy], attributes }) => {
    const axis = normalizeAxis(attributes.axis ?? 0, x!.shape.length);
    const sizes = x!.shape.map((_, i) => dimOf(ops, x!, i));
    const flat = at!.shape.length === 1;
    const list = flat ? at! : ops.Reshape(at!, int64([-1]));
    const slices = flat ? dy : ops.Reshape(dy, sizesVector(ops, replaceAxis(sizes, axis, [-1])));
    return [scatterAlong(ops, slices, list, axis, sizes[axis]!)];
  },
  contents: (context) => {
    const contents = context.contents(0);
    const at = context.contents(1);
    if (!contents || !at || context.inputs[0]?.shape.length !== 1) return undefined;
    return at.every((index) => typeof index === "number") ? at.map((index) => contents[checkIndex(index, contents.length, 0)]!) : undefined;
  },
  samples: [
    { inputs: [[4, 3], indices([5], [3, 0, 0, -1, 1])] },
    { inputs: [[2, 4, 3], indices([2, 2], [1, 3, -4, 1])], attributes: { axis: 1 } },
    { inputs: [[4], int(2)] },
    { inputs: [[3, 4], { shape: [2], dtype: "int32", values: [2, 2] }], attributes: { axis: -1 } },
    { inputs: [{ shape: [3], dtype: "string", values: ["a", "b", "c"] }, indices([2], [2, 0])] },
  ],
});

/** Offsets into `shape` of the elements that indices along an axis name. */
function elementOffsets(shape: readonly number[], at: NdArray, axis: number): Int32Array {
  const strides = stridesOf(shape);
  const positions = stridesOf(at.shape);
  const data = numbers(at);
  return Int32Array.from(data, (index, i) =>
    strides.reduce((offset, stride, k) => {
      const position = k === axis ? checkIndex(index, shape[axis]!, axis) : Math.floor(i / positions[k]!) % at.shape[k]!;
      return offset + position * stride;
    }, 0),
  );
}

function requireSameRank(shape: Shape, at: Shape): void {
  if (shape.length !== at.length) throw new GradusError(`data ${formatShape(shape)} and indices ${formatShape(at)} have different ranks`);
}

/** y[i][j] = x[indices[i][j]][j] for axis 0, likewise for others. */
export const GatherElements: Op<AxisAttribute> = defineOp<AxisAttribute>({
  arity: [2, 2],
  attributes: { axis: "int" },
  infer: (context) => {
    const { dtype, shape } = required(context, 0);
    const at = requireIndices(context).shape;
    normalizeAxis(context.attributes.axis ?? 0, shape.length);
    requireSameRank(shape, at);
    return [{ dtype, shape: at }];
  },
  evaluate: ([x, at], { attributes }) => {
    const axis = normalizeAxis(attributes.axis ?? 0, x!.shape.length);
    return [pick(x!, at!.shape, elementOffsets(x!.shape, at!, axis))];
  },
  gradient: ({ ops, inputs: [x, at], outputGradients: [dy], attributes }) => [
    ops.ScatterElements(zerosLike(ops, x!), at!, dy, { axis: attributes.axis ?? 0, reduction: "add" }),
  ],
  samples: [
    { inputs: [[3, 3], indices([2, 3], [1, 2, 0, 2, -3, 0])] },
    { inputs: [[2, 3], indices([2, 4], [0, 0, -1, 1, 2, 1, 2, 2])], attributes: { axis: 1 } },
  ],
});

interface ScatterElementsAttributes extends AxisAttribute {
  readonly reduction?: string;
}

/** The first input with updates written where indices along an axis say. */
export const ScatterElements: Op<ScatterElementsAttributes> = defineOp<ScatterElementsAttributes>({
  arity: [3, 3],
  attributes: { axis: "int", reduction: "string" },
  infer: (context) => {
    const { dtype, shape } = required(context, 0);
    const at = requireIndices(context).shape;
    const updates = requireDType(required(context, 2), [dtype], "updates").shape;
    normalizeAxis(context.attributes.axis ?? 0, shape.length);
    reductionOf(context.attributes);
    requireSameRank(shape, at);
    requireSameRank(updates, at);
    at.forEach((dim, i) => agree(dim, updates[i]!, `indices ${formatShape(at)} and updates ${formatShape(updates)} differ on axis ${i}`));
    return [{ dtype, shape }];
  },
  evaluate: ([x, at, updates], { attributes }) => {
    const axis = normalizeAxis(attributes.axis ?? 0, x!.shape.length);
    return [scatter(x!, elementOffsets(x!.shape, at!, axis), updates!, reductionOf(attributes))];
  },
  gradient: ({ ops, inputs: [x, at, updates], outputGradients: [dy], attributes, needs }) => {
    const axis = attributes.axis ?? 0;
    const write = (base: Value, by: Value, how: string) => ops.ScatterElements(base, at!, by, { axis, reduction: how });
    const read = (value: Value) => ops.GatherElements(value, at!, { axis });
    const { dx, dUpdates } = scatterGradients(ops, reductionOf(attributes), { x: x!, updates: updates!, dy, write, read });
    return [needs(0) ? dx() : null, null, needs(2) ? dUpdates() : null];
  },
  samples: [
    { inputs: [[3, 3], indices([2, 3], [1, 0, 2, 0, 2, -2]), [2, 3]] },
    { inputs: [[2, 4], indices([2, 3], [1, 1, -1, 0, 1, 0]), [2, 3]], attributes: { axis: 1, reduction: "add" } },
    {
      inputs: [[2, 3], indices([3, 2], [0, 0, 1, 0, 0, 0]), { shape: [3, 2], values: [2, 0.8, 0.5, -2, -1.3, 1.5] }],
      attributes: { reduction: "mul" },
    },
    { inputs: [{ shape: [3], dtype: "int64", values: [2, 3, 4] }, ints(0, 0), ints(5, 7)], attributes: { reduction: "mul" } },
  ],
});
