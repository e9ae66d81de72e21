/** Positions out of data, and data at positions: one-hot, the largest, the non-zero. */
import { int64 } from "../ir/graph.ts";
import { formatShape, normalizeAxis, sizeOf, stridesOf, unknownDim } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import { agree } from "./dims.ts";
import { requireDType, required } from "./infer.ts";
import { numbers } from "./ndarray.ts";
import { defineOp, type Op } from "./op.ts";
import { integers, pick } from "./pick.ts";
import { indices, int, ints } from "./samples.ts";
import { dimOf, product, scatterAlong, zerosLike } from "./vectors.ts";

interface AxisAttribute {
  readonly axis?: number;
}

/** Along a new axis of size depth: values[1] where the index says, values[0] elsewhere; an index outside makes none. */
export const OneHot: Op<AxisAttribute> = defineOp<AxisAttribute>({
  arity: [3, 3],
  attributes: { axis: "int" },
  infer: (context) => {
    const { shape } = required(context, 0);
    required(context, 1);
    const values = required(context, 2);
    agree(2, values.shape[0] ?? 0, "values must be [off, on], got a different number");
    const axis = normalizeAxis(context.attributes.axis ?? -1, shape.length + 1);
    const depth = context.contents(1)?.[0] ?? unknownDim();
    return [{ dtype: values.dtype, shape: [...shape.slice(0, axis), depth, ...shape.slice(axis)] }];
  },
  evaluate: ([at, depths, values], { attributes }) => {
    const axis = normalizeAxis(attributes.axis ?? -1, at!.shape.length + 1);
    const depth = Math.trunc(numbers(depths)[0]!);
    const shape = [...at!.shape.slice(0, axis), depth, ...at!.shape.slice(axis)];
    const inner = sizeOf(at!.shape.slice(axis));
    const hot = new Uint8Array(sizeOf(shape));
    numbers(at).forEach((value, i) => {
      const index = Math.trunc(value);
      if (index < -depth || index >= depth) return;
      const outer = Math.floor(i / inner);
      hot[(outer * depth + (index < 0 ? index + depth : index)) * inner + (i % inner)] = 1;
    });
    return [pick(values!, shape, hot)];
  },
  gradient: ({ ops, inputs: [at, depth, values], outputGradients: [dy], attributes }) => {
    const hot = ops.Cast(ops.OneHot(at!, depth!, int64([0, 1]), attributes), { to: values!.dtype });
    const on = ops.ReduceSum(ops.Mul(dy, hot), null, { keepdims: 0 });
    const off = ops.Sub(ops.ReduceSum(dy, null, { keepdims: 0 }), on);
    return [null, null, ops.Concat(ops.Unsqueeze(off, int64([0])), ops.Unsqueeze(on, int64([0])), { axis: 0 })];
  },
  samples: [
    { inputs: [indices([3], [0, 2, -1]), int(4), { shape: [2], dtype: "float32", values: [0, 1] }] },
    { inputs: [indices([2, 2], [0, 1, 5, -2]), ints(3), { shape: [2], dtype: "int64", values: [-1, 7] }], attributes: { axis: 1 } },
    { inputs: [indices([2], [1, 0]), int(2), { shape: [2], dtype: "string", values: ["no", "yes"] }], attributes: { axis: 0 } },
  ],
});

interface TopKAttributes extends AxisAttribute {
  readonly largest?: number;
  readonly sorted?: number;
}

/** The k largest (or smallest) elements along an axis, in order, and where they were; of equals the first. */
export const TopK: Op<TopKAttributes, "many"> = defineOp<TopKAttributes, "many">({
  outputs: "many",
  arity: [2, 2],
  attributes: { axis: "int", largest: "int", sorted: "int" },
  infer: (context) => {
    const { dtype, shape } = required(context, 0);
    requireDType(required(context, 1), ["int64"], "k");
    const axis = normalizeAxis(context.attributes.axis ?? -1, shape.length);
    const k = context.contents(1)?.[0] ?? unknownDim();
    const size = shape[axis]!;
    if (typeof k === "number" && typeof size === "number" && k > size)
      throw new GradusError(`k is ${k}, axis ${axis} of ${formatShape(shape)} has ${size}`);
    const kept = shape.map((dim, i) => (i === axis ? k : dim));
    return [
      { dtype, shape: kept },
      { dtype: "int64", shape: kept },
    ];
  },
  evaluate: ([x, k], { attributes: { largest = 1, ...attributes } }) => {
    const axis = normalizeAxis(attributes.axis ?? -1, x!.shape.length);
    const count = numbers(k)[0]!;
    const size = x!.shape[axis]!;
    const shape = x!.shape.map((dim, i) => (i === axis ? count : dim));
    const stride = stridesOf(x!.shape)[axis]!;
    const data = numbers(x);
    const positions = new Float64Array(sizeOf(shape));
    const offsets = new Int32Array(positions.length);
    for (let row = 0; row < positions.length / (count || 1); row++) {
      const [outer, inner] = [Math.floor(row / stride), row % stride];
      const start = outer * size * stride + inner;
      const value = (i: number) => (largest ? -1 : 1) * data[start + i * stride]!;
      const order = Array.from({ length: size }, (_, i) => i).sort((a, b) => value(a) - value(b)); // stable: of equals the first
      for (let i = 0; i < count; i++) {
        const to = (outer * count + i) * stride + inner;
        positions[to] = order[i]!;
        offsets[to] = start + order[i]! * stride;
      }
    }
    return [pick(x!, shape, offsets), { dtype: "int64", shape, data: positions }];
  },
  gradient: ({ ops, inputs: [x], outputs: [, at], outputGradients: [dy], attributes }) => [
    ops.ScatterElements(zerosLike(ops, x!), at!, dy, { axis: attributes.axis ?? -1 }),
  ],
  samples: [
    { inputs: [{ shape: [2, 4], values: [0.3, 1.4, -0.6, 0.9, 2, -1, 0.1, 0.5] }, ints(2)] },
    { inputs: [{ shape: [3, 2], values: [0.3, 1.4, -0.6, 0.9, 2, -1] }, ints(2)], attributes: { axis: 0, largest: 0 } },
    { inputs: [{ shape: [5], dtype: "int64", values: [3, 1, 3, 2, 3] }, ints(2)] },
  ],
});

/** Coordinates of the elements that are not zero, one column each, row-major. */
export const NonZero: Op = defineOp({
  arity: [1, 1],
  infer: (context) => [{ dtype: "int64", shape: [Math.max(1, required(context, 0).shape.length), unknownDim()] }],
  evaluate: ([x]) => {
    const shape = x!.shape.length ? x!.shape : [1]; // a scalar is one element of a vector, as in ONNX Runtime
    const strides = stridesOf(shape);
    const isSet = Array.isArray(x!.data) ? (i: number) => x!.data[i] !== "" : (i: number) => x!.data[i] !== 0;
    const found = Array.from({ length: x!.data.length }, (_, i) => i).filter(isSet);
    const data = Float64Array.from(shape.flatMap((size, axis) => found.map((i) => Math.floor(i / strides[axis]!) % size)));
    return [{ dtype: "int64", shape: [shape.length, found.length], data }];
  },
  gradient: { none: "the result is positions, which do not change smoothly with the input" },
  samples: [{ inputs: [{ shape: [2, 3], values: [0, 1, 2, 0, 0, 3] }] }, { inputs: [{ shape: [4], dtype: "bool", values: [1, 0, 0, 1] }] }],
});

/** Slices along an axis (elements of the flattened tensor where none is named) at which the condition holds. */
export const Compress: Op<AxisAttribute> = defineOp<AxisAttribute>({
  arity: [2, 2],
  attributes: { axis: "int" },
  infer: (context) => {
    const { dtype, shape } = required(context, 0);
    const condition = requireDType(required(context, 1), ["bool"], "the condition").shape;
    if (condition.length !== 1) throw new GradusError(`the condition must be a vector, got shape ${formatShape(condition)}`);
    const { axis } = context.attributes;
    if (axis === undefined) return [{ dtype, shape: [unknownDim()] }];
    const at = normalizeAxis(axis, shape.length);
    return [{ dtype, shape: shape.map((dim, i) => (i === at ? unknownDim() : dim)) }];
  },
  evaluate: ([x, condition], { attributes }) => {
    const flat = attributes.axis === undefined;
    const from = flat ? [x!.data.length] : x!.shape;
    const axis = flat ? 0 : normalizeAxis(attributes.axis!, from.length);
    const kept = [...numbers(condition).slice(0, from[axis])].flatMap((holds, i) => (holds ? [i] : []));
    const inner = sizeOf(from.slice(axis + 1));
    const outer = sizeOf(from.slice(0, axis));
    const rows = Array.from({ length: outer }, (_, o) => kept.map((i) => (o * from[axis]! + i) * inner)).flat();
    const offsets = rows.flatMap((start) => Array.from({ length: inner }, (_, i) => start + i));
    return [
      pick(
        x!,
        from.map((size, i) => (i === axis ? kept.length : size)),
        offsets,
      ),
    ];
  },
  gradient: ({ ops, inputs: [x, condition], outputGradients: [dy], attributes }) => {
    const kept = ops.Squeeze(ops.NonZero(condition!), int64([0]));
    if (attributes.axis !== undefined) {
      const axis = normalizeAxis(attributes.axis, x!.shape.length);
      return [scatterAlong(ops, dy, kept, axis, dimOf(ops, x!, axis))];
    }
    const size = product(
      ops,
      x!.shape.map((_, axis) => dimOf(ops, x!, axis)),
    );
    return [ops.Reshape(scatterAlong(ops, dy, kept, 0, size), ops.Shape(x!), { allowzero: 1 })];
  },
  samples: [
    { inputs: [[3, 4], { shape: [4], dtype: "bool", values: [1, 0, 0, 1] }], attributes: { axis: 1 } },
    { inputs: [[3, 2], { shape: [2], dtype: "bool", values: [0, 1] }], attributes: { axis: -2 } },
    { inputs: [[2, 3], { shape: [5], dtype: "bool", values: [1, 0, 1, 0, 1] }] },
  ],
});

interface ReverseSequenceAttributes {
  readonly batch_axis?: number;
  readonly time_axis?: number;
}

/** The first lengths[b] steps of every sequence b in reverse. */
export const ReverseSequence: Op<ReverseSequenceAttributes> = defineOp<ReverseSequenceAttributes>({
  arity: [2, 2],
  attributes: { batch_axis: "int", time_axis: "int" },
  infer: (context) => {
    const { dtype, shape } = required(context, 0);
    const lengths = requireDType(required(context, 1), ["int64"], "lengths").shape;
    const { batch_axis = 1, time_axis = 0 } = context.attributes;
    if (batch_axis + time_axis !== 1 || batch_axis * time_axis !== 0)
      throw new GradusError(`batch_axis ${batch_axis} and time_axis ${time_axis} must be 0 and 1`);
    if (shape.length < 2 || lengths.length !== 1)
      throw new GradusError(
        `expected sequences of rank 2 or more and a vector of lengths, got ${formatShape(shape)} and ${formatShape(lengths)}`,
      );
    agree(shape[batch_axis]!, lengths[0]!, `${formatShape(shape)} and lengths ${formatShape(lengths)} differ in batch`);
    return [{ dtype, shape }];
  },
  evaluate: ([x, lengths], { attributes: { time_axis = 0 } }) => {
    const length = integers(lengths);
    const strides = stridesOf(x!.shape);
    const [step, across] = [strides[time_axis]!, strides[1 - time_axis]!];
    const [steps, batch] = [x!.shape[time_axis]!, x!.shape[1 - time_axis]!];
    const offsets = Int32Array.from({ length: x!.data.length }, (_, i) => {
      const time = Math.floor(i / step) % steps;
      const end = length[Math.floor(i / across) % batch]!;
      return time < end ? i + (end - 1 - 2 * time) * step : i;
    });
    return [pick(x!, x!.shape, offsets)];
  },
  gradient: ({ ops, inputs: [, lengths], outputGradients: [dy], attributes }) => [ops.ReverseSequence(dy, lengths!, attributes)],
  samples: [
    { inputs: [[4, 3], indices([3], [1, 4, 2])] },
    { inputs: [[2, 3, 2], indices([2], [3, 2])], attributes: { batch_axis: 0, time_axis: 1 } },
  ],
});
