/** Joining tensors and cutting them. */
import { addDims, formatShape, normalizeAxis, sizeOf, stridesOf, unknownDim, type Dim, type Shape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import { agree, vectorLength } from "./dims.ts";
import { requireDType, requireSameDType, required } from "./infer.ts";
import { defineOp, type NdArray, type Op } from "./op.ts";
import { integers, pick, stridedOffsets } from "./pick.ts";
import { ints } from "./samples.ts";
import { dimOf, sizesVector, zerosLike } from "./vectors.ts";

interface ConcatAttributes {
  readonly axis: number;
}

/** Shapes joined along an axis; the other dimensions must agree. */
function joinedShape(shapes: readonly Shape[], axis: number): Dim[] {
  return shapes.reduce<Dim[]>((joined, shape) => {
    if (shape.length !== joined.length) throw new GradusError(`shapes ${formatShape(joined)} and ${formatShape(shape)} have different ranks`);
    return joined.map((dim, i) =>
      i === axis ? addDims(dim, shape[i]!) : agree(dim, shape[i]!, `shapes ${formatShape(joined)} and ${formatShape(shape)} differ on axis ${i}`),
    );
  }, shapes[0]!.map((dim, i) => (i === axis ? 0 : dim)));
}

/** Tensors joined along an axis. */
export const Concat: Op<ConcatAttributes> = defineOp<ConcatAttributes>({
  arity: [1, Infinity],
  attributes: { axis: "int" },
  infer: (context) => {
    const dtype = requireSameDType(context);
    const shapes = context.inputs.map((_, i) => required(context, i).shape);
    return [{ dtype, shape: joinedShape(shapes, normalizeAxis(context.attributes.axis, shapes[0]!.length)) }];
  },
  evaluate: (inputs, { attributes }) => {
    const arrays = inputs as readonly NdArray[];
    const axis = normalizeAxis(attributes.axis, arrays[0]!.shape.length);
    const shape = joinedShape(arrays.map((array) => array.shape), axis) as number[];
    const rows = sizeOf(shape.slice(0, axis));
    const size = sizeOf(shape);
    const { dtype, data: first } = arrays[0]!;
    const data = (first instanceof Float64Array ? new Float64Array(size) : new Array<string>(size)) as Float64Array; // strings move the same way
    let at = 0;
    for (let row = 0; row < rows; row++) {
      for (const array of arrays) {
        const width = sizeOf(array.shape.slice(axis));
        for (let i = 0; i < width; i++) data[at++] = array.data[row * width + i] as number;
      }
    }
    return [{ dtype, shape, data }];
  },
  gradient: ({ ops, inputs, outputGradients: [dy], attributes }) => {
    if (inputs.length === 1) return [dy];
    const axis = normalizeAxis(attributes.axis, dy.shape.length);
    const sizes = sizesVector(ops, inputs.map((x) => dimOf(ops, x, axis)));
    return ops.Split(dy, sizes, { axis });
  },
  contents: (context) => {
    const parts = context.inputs.map((_, i) => context.contents(i));
    if (context.inputs[0]?.shape.length !== 1 || !parts.every((part) => part !== undefined)) return undefined;
    return parts.flat();
  },
  samples: [
    { inputs: [[2, 3], [2, 1], [2, 2]], attributes: { axis: -1 } },
    { inputs: [[1, 2], [3, 2]], attributes: { axis: 0 } },
    { inputs: [[3]], attributes: { axis: 0 } },
    { inputs: [{ shape: [2, 1], dtype: "string", values: ["a", "b"] }, { shape: [2, 1], dtype: "string", values: ["c", "d"] }], attributes: { axis: 1 } },
  ],
});

interface SplitAttributes {
  readonly axis?: number;
}

/** Parts along an axis, of the sizes in the second input (here required: without it ONNX counts the outputs). */
export const Split: Op<SplitAttributes, "many"> = defineOp<SplitAttributes, "many">({
  outputs: "many",
  arity: [2, 2],
  attributes: { axis: "int" },
  infer: (context) => {
    const { dtype, shape } = required(context, 0);
    const axis = normalizeAxis(context.attributes.axis ?? 0, shape.length);
    const target = requireDType(required(context, 1), ["int64"], "split");
    const sizes = context.contents(1) ?? Array.from({ length: vectorLength(target.shape, "split") }, unknownDim);
    const total = sizes.reduce(addDims, 0);
    agree(total, shape[axis]!, `the parts [${sizes.join(", ")}] do not add up to axis ${axis} of ${formatShape(shape)}`);
    return sizes.map((size) => ({ dtype, shape: shape.map((dim, i) => (i === axis ? size : dim)) }));
  },
  evaluate: ([x, split], { attributes }) => {
    const axis = normalizeAxis(attributes.axis ?? 0, x!.shape.length);
    const strides = stridesOf(x!.shape);
    let start = 0;
    return integers(split).map((size) => {
      const shape = x!.shape.map((dim, i) => (i === axis ? size : dim));
      const part = pick(x!, shape, stridedOffsets(shape, strides, start * strides[axis]!));
      start += size;
      return part;
    });
  },
  gradient: ({ ops, outputs, outputGradients, attributes }) => {
    const parts = outputs.map((output, i) => outputGradients[i] ?? zerosLike(ops, output));
    return [ops.Concat(...parts, { axis: attributes.axis ?? 0 })];
  },
  samples: [
    { inputs: [[2, 6], ints(1, 2, 3)], attributes: { axis: 1 } },
    { inputs: [[4, 2], ints(2, 2)] },
    { inputs: [[2, 4], ints(0, 4)], attributes: { axis: -1 } },
  ],
});
