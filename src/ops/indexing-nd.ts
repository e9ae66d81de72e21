/** Reading and writing slices at positions given as rows of coordinates. */
import { int64, type Value } from "../ir/graph.ts";
import { formatShape, sizeOf, stridesOf, type Dim } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import type { Ops } from "./build.ts";
import { agree } from "./dims.ts";
import { requireDType, required } from "./infer.ts";
import { numbers } from "./ndarray.ts";
import { defineOp, type NdArray, type Op } from "./op.ts";
import { pick } from "./pick.ts";
import { checkIndex, reductionOf, requireIndices, scatter, scatterGradients } from "./positions.ts";
import { fixed, indices } from "./samples.ts";
import { dimOf, int64Scalar, product, rangeTo, reshapeLike, scatterAlong, sizesVector } from "./vectors.ts";

/** Shape of the slices that coordinates name; the first `batch` axes run along. */
function slicesShape<D extends Dim>(shape: readonly D[], at: readonly D[], batch: number): D[] {
  const depth = at[at.length - 1];
  if (typeof depth !== "number") throw new GradusError(`the last size of indices ${formatShape(at)} must be known when the graph is built`);
  if (batch < 0 || batch >= at.length || depth + batch > shape.length) {
    throw new GradusError(`indices ${formatShape(at)} name ${depth} axes after ${batch}, data ${formatShape(shape)} has ${shape.length}`);
  }
  for (let i = 0; i < batch; i++)
    agree(shape[i]!, at[i]!, `data ${formatShape(shape)} and indices ${formatShape(at)} differ on batch axis ${i}`);
  return [...at.slice(0, -1), ...shape.slice(batch + depth)];
}

/** Offsets of all elements of the slices that coordinates name. */
function sliceOffsets(shape: readonly number[], at: NdArray, batch: number): Int32Array {
  const strides = stridesOf(shape);
  const depth = at.shape[at.shape.length - 1]!;
  const rows = sizeOf(at.shape.slice(0, -1));
  const rowsPerBatch = sizeOf(at.shape.slice(batch, -1));
  const inner = sizeOf(shape.slice(batch + depth));
  const data = numbers(at);
  const offsets = new Int32Array(rows * inner);
  for (let row = 0; row < rows; row++) {
    let offset = batch ? Math.floor(row / rowsPerBatch) * strides[batch - 1]! : 0;
    for (let k = 0; k < depth; k++) offset += checkIndex(data[row * depth + k]!, shape[batch + k]!, batch + k) * strides[batch + k]!;
    for (let i = 0; i < inner; i++) offsets[row * inner + i] = offset + i;
  }
  return offsets;
}

/** Gradient of GatherND: rows of coordinates become one number (Horner's rule), along which slices are added. */
function addSlices(ops: Ops, x: Value, at: Value, dy: Value, batch: number): Value {
  const depth = at.shape[at.shape.length - 1] as number;
  const rank = at.shape.length - 1;
  const sizes = x.shape.map((_, axis) => dimOf(ops, x, axis));
  const coordinate = (axis: number): Value => {
    if (axis < batch) {
      const others = Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axis);
      return ops.Unsqueeze(rangeTo(ops, sizes[axis]!), int64(others));
    }
    const given = ops.Gather(at, int64Scalar(axis - batch), { axis: -1 });
    return ops.Where(ops.Less(given, int64Scalar(0)), ops.Add(given, size(axis)), given);
  };
  const size = (axis: number): Value => {
    const known = sizes[axis]!;
    return typeof known === "number" ? int64Scalar(known) : ops.Squeeze(known, int64([0]));
  };
  let row = coordinate(0);
  for (let axis = 1; axis < batch + depth; axis++) row = ops.Add(ops.Mul(row, size(axis)), coordinate(axis));
  const slices = ops.Reshape(dy, sizesVector(ops, [-1, ...sizes.slice(batch + depth)]));
  const sum = scatterAlong(ops, slices, ops.Reshape(row, int64([-1])), 0, product(ops, sizes.slice(0, batch + depth)));
  return reshapeLike(ops, sum, x);
}

interface GatherNDAttributes {
  readonly batch_dims?: number;
}

/** Slices x[indices[i…, :]]; with batch_dims the first axes of both run along. */
export const GatherND: Op<GatherNDAttributes> = defineOp<GatherNDAttributes>({
  arity: [2, 2],
  attributes: { batch_dims: "int" },
  infer: (context) => {
    const { dtype, shape } = required(context, 0);
    return [{ dtype, shape: slicesShape(shape, requireIndices(context, ["int64"]).shape, context.attributes.batch_dims ?? 0) }];
  },
  evaluate: ([x, at], { attributes: { batch_dims = 0 } }) => [
    pick(x!, slicesShape(x!.shape, at!.shape, batch_dims), sliceOffsets(x!.shape, at!, batch_dims)),
  ],
  gradient: ({ ops, inputs: [x, at], outputGradients: [dy], attributes: { batch_dims = 0 } }) => [addSlices(ops, x!, at!, dy, batch_dims)],
  samples: [
    { inputs: [[3, 4], fixed([3, 2], [0, 1, -1, 2, 0, 1])] },
    { inputs: [[3, 4, 2], indices([2, 2, 1], [0, 2, 2, -2])] },
    { inputs: [[2, 3, 4], indices([2, 2, 1], [0, 2, 1, 1])], attributes: { batch_dims: 1 } },
  ],
});

interface ScatterNDAttributes {
  readonly reduction?: string;
}

/**
 * The first input with slices written where rows of coordinates say. ONNX Runtime adds slices in parallel, so with equal
 * coordinates it loses some: no gradient of Gradus is made of it, but that of its own product.
 */
export const ScatterND: Op<ScatterNDAttributes> = defineOp<ScatterNDAttributes>({
  arity: [3, 3],
  attributes: { reduction: "string" },
  infer: (context) => {
    const { dtype, shape } = required(context, 0);
    const slices = slicesShape(shape, requireIndices(context, ["int64"]).shape, 0);
    const updates = requireDType(required(context, 2), [dtype], "updates").shape;
    const what = `updates ${formatShape(updates)} must have shape ${formatShape(slices)}`;
    if (updates.length !== slices.length) throw new GradusError(what);
    slices.forEach((dim, i) => agree(dim, updates[i]!, what));
    reductionOf(context.attributes);
    return [{ dtype, shape }];
  },
  evaluate: ([x, at, updates], { attributes }) => [scatter(x!, sliceOffsets(x!.shape, at!, 0), updates!, reductionOf(attributes))],
  gradient: ({ ops, inputs: [x, at, updates], outputGradients: [dy], attributes, needs }) => {
    const write = (base: Value, by: Value, how: string) => ops.ScatterND(base, at!, by, { reduction: how });
    const read = (value: Value) => ops.GatherND(value, at!);
    const { dx, dUpdates } = scatterGradients(ops, reductionOf(attributes), { x: x!, updates: updates!, dy, write, read });
    return [needs(0) ? dx() : null, null, needs(2) ? dUpdates() : null];
  },
  samples: [
    { inputs: [[4, 3], indices([2, 1], [3, -4]), [2, 3]] },
    { inputs: [[3, 4], fixed([2, 2], [0, 1, 2, -1]), [2]], attributes: { reduction: "add" } },
    {
      inputs: [[3, 2], indices([3, 1], [0, 2, 2]), { shape: [3, 2], values: [0.7, -0.6, -1.3, 2, 0.4, 1.5] }],
      attributes: { reduction: "mul" },
    },
    {
      inputs: [{ shape: [3], dtype: "int64", values: [2, 3, 4] }, indices([2, 1], [1, 1]), indices([2], [5, 7])],
      attributes: { reduction: "mul" },
    },
  ],
});
