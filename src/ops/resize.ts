/** Resize: resampling along every axis. */
import { constant, int64, type Value } from "../ir/graph.ts";
import { formatShape, multiplyDims, sizeOf, stridesOf, unknownDim, type Dim, type Shape } from "../ir/shape.ts";
import { tensor } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";
import { constantFloats, contentsOf, type Ops } from "./build.ts";
import { vectorLength } from "./dims.ts";
import { requireDType, requireFloat, requireNumber, required } from "./infer.ts";
import { numbers } from "./ndarray.ts";
import { defineOp, type GradientContext, type InferContext, type NdArray, type Op, type Sample, type SampleInput } from "./op.ts";
import {
  checkAttributes,
  isCropping,
  isIdentity,
  matrixOf,
  repeats,
  rowsOf,
  type Axis,
  type ResizeAttributes,
  type Rows,
} from "./resampling.ts";
import { ints } from "./samples.ts";
import { dimOf, sizesVector } from "./vectors.ts";

/** An input that is there: a list without elements stands for one that is left out. */
const isGiven = (type: { readonly shape: Shape } | null | undefined): boolean => type !== null && type !== undefined && type.shape[0] !== 0;

/** A size times a scale. */
function scaledDim(dim: Dim, scale: number): Dim {
  if (!(scale > 0)) throw new GradusError(`scales must be positive, got ${scale}`);
  if (typeof dim === "number") return Math.floor(dim * scale);
  return Number.isInteger(scale) ? multiplyDims([dim, scale]) : unknownDim();
}

function inferResize(context: InferContext<ResizeAttributes>): Shape {
  const { shape } = requireNumber(required(context, 0));
  checkAttributes(context.attributes);
  const [, roi, scales, sizes] = [0, 1, 2, 3].map((i) => (isGiven(context.inputs[i]) ? context.inputs[i]! : null));
  const length = (type: { readonly shape: Shape }, count: number, what: string) => {
    const found = vectorLength(type.shape, what);
    if (found !== count) throw new GradusError(`${what} must have ${count} elements for ${formatShape(shape)}, got ${found}`);
  };
  if (!scales === !sizes) throw new GradusError(`scales or sizes must be given, one of them, got ${scales ? "both" : "neither"}`);
  if (isCropping(context.attributes)) {
    if (!roi) throw new GradusError("tf_crop_and_resize needs a region of interest (input 1)");
    length(requireFloat(roi, "roi"), 2 * shape.length, "roi");
  }
  if (sizes) {
    length(requireDType(sizes, ["int64"], "sizes"), shape.length, "sizes");
    return context.contents(3) ?? shape.map(unknownDim);
  }
  length(requireDType(scales!, ["float32"], "scales"), shape.length, "scales");
  const known = context.floats(2);
  return known ? shape.map((dim, i) => scaledDim(dim, known[i]!)) : shape.map(unknownDim);
}

/** What is given of the axes of a shape: the numbers in roi, scales and sizes. */
function axesOf(
  shape: readonly number[],
  roi: ArrayLike<number> | undefined,
  scales: ArrayLike<number> | undefined,
  sizes: ArrayLike<number> | undefined,
): Axis[] {
  return shape.map((from, i) => {
    const to = sizes ? sizes[i]! : Math.floor(from * scales![i]!);
    const length = sizes ? to : from * scales![i]!;
    return { from, to, length, scale: scales ? scales[i]! : to / from, start: roi?.[i] ?? 0, end: roi?.[i + shape.length] ?? 1 };
  });
}

/** An axis read by rows of weights; places outside become NaN where they are not yet, to be filled at the end. */
function readAlong(x: NdArray, axis: number, rows: Rows): NdArray {
  const shape = x.shape.map((size, i) => (i === axis ? rows.length : size));
  const inner = stridesOf(x.shape)[axis]!;
  const outer = sizeOf(x.shape.slice(0, axis));
  const from = numbers(x);
  const data = new Float64Array(sizeOf(shape));
  for (let o = 0; o < outer; o++) {
    rows.forEach((row, i) => {
      const to = (o * rows.length + i) * inner;
      for (const [place, weight] of row ?? []) {
        const start = (o * x.shape[axis]! + place) * inner;
        for (let k = 0; k < inner; k++) data[to + k]! += weight * from[start + k]!;
      }
    });
  }
  return { ...x, shape, data };
}

/** Places outside the input along any axis get the value. */
function extrapolate(y: NdArray, rows: readonly Rows[], value: number): NdArray {
  if (rows.every((each) => each.every((row) => row !== null))) return y;
  const strides = stridesOf(y.shape);
  const data = numbers(y).map((v, i) =>
    rows.every((each, axis) => each[Math.floor(i / strides[axis]!) % y.shape[axis]!] !== null) ? v : value,
  );
  return { ...y, data };
}

/** The rows of every axis, null where it is read as it is, from what the graph says when it is built. */
function knownRows({ inputs, outputs, attributes }: GradientContext<ResizeAttributes>): readonly (Rows | null)[] {
  const [x, roi, scales, sizes] = inputs as readonly (Value | null | undefined)[];
  const given = isGiven(scales) ? constantFloats(scales!) : undefined;
  const list = isGiven(sizes) ? contentsOf(sizes!) : undefined;
  const crop = isCropping(attributes) ? constantFloats(roi!) : undefined;
  if ((!given && !list) || (isCropping(attributes) && !crop))
    throw new GradusError("the gradient of Resize needs scales, sizes and roi that are known when the graph is built");
  return x!.shape.map((from, i) => {
    const to = outputs[0]!.shape[i]!;
    if (typeof from === "number" && typeof to === "number") {
      const [axis] = axesOf([from], crop && [crop[i]!, crop[i + x!.shape.length]!], given && [given[i]!], list && [to]);
      const rows = rowsOf(axis!, attributes);
      return isIdentity(rows, from) ? null : rows;
    }
    const whole = !crop || (crop[i] === 0 && crop[i + x!.shape.length] === 1);
    if (from === to && whole && attributes.coordinate_transformation_mode !== "tf_half_pixel_for_nn") return null;
    throw new GradusError(`the gradient of Resize needs a known size of axis ${i}, got ${from} and ${to}`);
  });
}

/** Back along one axis: repetitions are added up, other weights are a product with the transposed matrix. */
function backAlong(ops: Ops, dy: Value, axis: number, rows: Rows, from: number): Value {
  const sizes = dy.shape.map((_, i) => dimOf(ops, dy, i));
  const times = repeats(rows, from);
  if (times !== undefined) {
    const apart = ops.Reshape(dy, sizesVector(ops, [...sizes.slice(0, axis), from, times, ...sizes.slice(axis + 1)]));
    return ops.ReduceSum(apart, int64([axis + 1]), { keepdims: 0 });
  }
  const matrix = matrixOf(rows, from); // [to, from]
  const weights = (lines: number[][]) => constant(tensor(dy.dtype, lines));
  if (axis === dy.shape.length - 1) return ops.MatMul(dy, weights(matrix));
  const transposed = Array.from({ length: from }, (_, place) => matrix.map((row) => row[place]!));
  if (axis === dy.shape.length - 2) return ops.MatMul(weights(transposed), dy);
  const rest = ops.Reshape(dy, sizesVector(ops, [...sizes.slice(0, axis + 1), -1]));
  return ops.Reshape(
    ops.MatMul(weights(transposed), rest),
    sizesVector(
      ops,
      sizes.map((size, i) => (i === axis ? from : size)),
    ),
  );
}

const scaled = (...values: number[]): SampleInput => ({ shape: [values.length], dtype: "float32", values, constant: true });

const linear = { mode: "linear" } as const;
const cubic = { mode: "cubic" } as const;
const by = (shape: readonly number[], scales: readonly number[], attributes: ResizeAttributes): Sample<ResizeAttributes> => ({
  inputs: [shape, null, scaled(...scales)],
  attributes,
});
const to = (shape: readonly number[], sizes: readonly number[], attributes: ResizeAttributes): Sample<ResizeAttributes> => ({
  inputs: [shape, null, null, ints(...sizes)],
  attributes,
});
const cropped = (
  shape: readonly number[],
  roi: readonly number[],
  sizes: readonly number[],
  attributes: ResizeAttributes,
): Sample<ResizeAttributes> => ({
  inputs: [shape, scaled(...roi), null, ints(...sizes)],
  attributes: { coordinate_transformation_mode: "tf_crop_and_resize", ...attributes },
});

/**
 * x resampled by scales (input 2) or to sizes (input 3), one an axis; `roi` (input 1) is all starts, then all ends, for
 * tf_crop_and_resize. Every axis is read on its own, so that the gradient is a product with each axis's weights, transposed.
 */
export const Resize: Op<ResizeAttributes> = defineOp<ResizeAttributes>({
  arity: [1, 4],
  attributes: {
    coordinate_transformation_mode: "string",
    cubic_coeff_a: "float",
    exclude_outside: "int",
    extrapolation_value: "float",
    mode: "string",
    nearest_mode: "string",
  },
  infer: (context) => [{ dtype: required(context, 0).dtype, shape: inferResize(context) }],
  evaluate: ([x, roi, scales, sizes], { attributes }) => {
    const list = (array: NdArray | null | undefined) => (isGiven(array) ? numbers(array) : undefined);
    const axes = axesOf(x!.shape, isCropping(attributes) ? list(roi) : undefined, list(scales), list(sizes));
    const rows = axes.map((axis) => rowsOf(axis, attributes));
    const y = rows.reduce((array, each, axis) => readAlong(array, axis, each), x!);
    return [extrapolate(y, rows, attributes.extrapolation_value ?? 0)];
  },
  gradient: (context) => {
    const { ops, inputs, outputGradients } = context;
    const rows = knownRows(context);
    const from = inputs[0]!.shape;
    return [rows.reduce<Value>((dy, each, axis) => (each ? backAlong(ops, dy, axis, each, from[axis] as number) : dy), outputGradients[0])];
  },
  samples: [
    by([2, 1, 3, 4], [1, 1, 2, 3], {}),
    by([1, 2, 3, 4], [1, 1, 0.6, 0.6], { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" }),
    to([1, 1, 4, 4], [1, 1, 7, 3], { nearest_mode: "round_prefer_ceil", coordinate_transformation_mode: "asymmetric" }),
    to([1, 1, 4, 4], [1, 1, 3, 6], { nearest_mode: "ceil" }),
    to([1, 3], [2, 5], { coordinate_transformation_mode: "tf_half_pixel_for_nn", nearest_mode: "floor" }),
    by([1, 4], [2, 1.5], { nearest_mode: "round_prefer_ceil", coordinate_transformation_mode: "align_corners" }),
    by([1, 1, 4, 5], [1, 1, 0.6, 1.3], { ...linear, coordinate_transformation_mode: "align_corners" }),
    { inputs: [{ shape: [2, 3], dtype: "int32", values: [1, 2, 3, 4, 5, 6] }, null, scaled(2, 1)] },
    by([2, 2, 3, 4], [1, 1, 2, 0.5], linear),
    to([1, 1, 3, 4], [1, 1, 5, 1], { ...linear, coordinate_transformation_mode: "pytorch_half_pixel" }),
    to([1, 2, 3, 4], [1, 2, 5, 6], { ...linear, coordinate_transformation_mode: "align_corners" }),
    by([1, 3, 4], [1, 1.5, 2], { ...linear, coordinate_transformation_mode: "asymmetric" }),
    to([1, 1, 2, 3, 2], [1, 1, 3, 4, 4], linear),
    by([2, 1, 4, 4], [1, 1, 2, 0.8], cubic),
    to([1, 1, 4, 5], [1, 1, 9, 3], { ...cubic, coordinate_transformation_mode: "align_corners", cubic_coeff_a: -0.5 }),
    by([1, 1, 4, 4], [1, 1, 2, 2], { ...cubic, exclude_outside: 1, cubic_coeff_a: -0.5 }),
    by([1, 1, 4, 4], [1, 1, 1.5, 2], { ...cubic, coordinate_transformation_mode: "asymmetric" }),
    cropped([1, 1, 4, 4], [0, 0, 0.4, 0.6, 1, 1, 0.6, 0.8], [1, 1, 3, 3], linear),
    cropped([1, 2, 4, 4], [0, 0, 0.4, 0.6, 1, 1, 1.2, 1.7], [1, 2, 3, 5], { ...linear, extrapolation_value: 10 }),
    cropped([1, 1, 4, 4], [0, 0, -0.2, 0.1, 1, 1, 0.7, 0.9], [1, 1, 5, 3], { extrapolation_value: -2 }),
  ],
});
