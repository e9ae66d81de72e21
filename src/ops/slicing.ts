/** Joining tensors and cutting them. */
import { int64, type Value } from "../ir/graph.ts";
import { addDims, formatShape, normalizeAxis, sizeOf, stridesOf, unknownDim, type Dim, type Shape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import { agree, normalizeAxes, vectorLength } from "./dims.ts";
import { requireDType, requireSameDType, required } from "./infer.ts";
import { defineOp, type GradientContext, type NdArray, type NoAttributes, type Op } from "./op.ts";
import { integers, strided } from "./pick.ts";
import { indices, ints } from "./samples.ts";
import { constantInts, dimOf, rangeTo, rest, scatterAlong, sizesVector, zerosLike } from "./vectors.ts";

interface ConcatAttributes {
  readonly axis: number;
}

/** Shapes joined along an axis; the other dimensions must agree. */
function joinedShape(shapes: readonly Shape[], axis: number): Dim[] {
  return shapes.reduce<Dim[]>(
    (joined, shape) => {
      if (shape.length !== joined.length)
        throw new GradusError(`shapes ${formatShape(joined)} and ${formatShape(shape)} have different ranks`);
      return joined.map((dim, i) =>
        i === axis
          ? addDims(dim, shape[i]!)
          : agree(dim, shape[i]!, `shapes ${formatShape(joined)} and ${formatShape(shape)} differ on axis ${i}`),
      );
    },
    shapes[0]!.map((dim, i) => (i === axis ? 0 : dim)),
  );
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
    const shape = joinedShape(
      arrays.map((array) => array.shape),
      axis,
    ) as number[];
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
    const sizes = sizesVector(
      ops,
      inputs.map((x) => dimOf(ops, x, axis)),
    );
    return ops.Split(dy, sizes, { axis });
  },
  contents: (context) => {
    const parts = context.inputs.map((_, i) => context.contents(i));
    if (context.inputs[0]?.shape.length !== 1 || !parts.every((part) => part !== undefined)) return undefined;
    return parts.flat();
  },
  samples: [
    {
      inputs: [
        [2, 3],
        [2, 1],
        [2, 2],
      ],
      attributes: { axis: -1 },
    },
    {
      inputs: [
        [1, 2],
        [3, 2],
      ],
      attributes: { axis: 0 },
    },
    { inputs: [[3]], attributes: { axis: 0 } },
    {
      inputs: [
        { shape: [2, 1], dtype: "string", values: ["a", "b"] },
        { shape: [2, 1], dtype: "string", values: ["c", "d"] },
      ],
      attributes: { axis: 1 },
    },
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
      const part = strided(x!, shape, strides, start * strides[axis]!);
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

/** One axis of a slice as Python counts it: where it starts, its step, how many elements. */
function sliceAxis(size: number, from: number, to: number, step: number): { start: number; step: number; length: number } {
  if (step === 0) throw new GradusError("a step of 0");
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const clamp = (at: number) => Math.min(Math.max(at < 0 ? at + size : at, low), high);
  const start = Math.max(clamp(from), 0);
  return { start, step, length: Math.max(0, Math.ceil((clamp(to) - start) / step)) };
}

const farAway = 2 ** 31 - 1;

/** Size of a sliced axis; a symbolic one is known only where all of it is kept. */
function slicedDim(dim: Dim, from: Dim, to: Dim, step: Dim): Dim {
  if (typeof from !== "number" || typeof step !== "number") return unknownDim();
  if (step === 1 && from === 0 && (to === dim || (typeof to === "number" && to >= farAway))) return dim;
  if (typeof to !== "number") return unknownDim();
  if (typeof dim === "number") return sliceAxis(dim, from, to, step).length;
  return step === -1 && (from === -1 || from >= farAway) && to <= -farAway ? dim : unknownDim();
}

/** Axes a Slice names: all of the first ones where it names none. */
function slicedAxes(axes: readonly number[] | undefined, count: number, rank: number): number[] {
  const named = axes ?? Array.from({ length: count }, (_, axis) => axis);
  if (named.length !== count) throw new GradusError(`${count} starts for ${named.length} axes`);
  return normalizeAxes(named, rank);
}

/** Gradient of a slice: padding where the step is 1 and the starts are known, else elements are put back axis by axis. */
function unslice({ ops, inputs, outputs, outputGradients: [dy] }: GradientContext<NoAttributes>): Value {
  const [x, starts, ends, axesInput, steps] = inputs as readonly [Value, Value, Value, Value?, Value?];
  const named = axesInput ? constantInts(axesInput) : undefined;
  if (axesInput && !named) throw new GradusError("the gradient of Slice needs constant axes");
  const axes = slicedAxes(named, vectorLength(starts.shape, "starts"), x.shape.length);
  const sizes = axes.map((axis) => dimOf(ops, x, axis));
  const from = constantInts(starts);
  const step = steps ? constantInts(steps) : axes.map(() => 1);
  const pads = axes.every((_, k) => step?.[k] === 1 && from && (typeof sizes[k] === "number" || from[k]! >= 0));
  if (from && pads) {
    const around: (number | Value)[] = new Array<number>(2 * x.shape.length).fill(0);
    axes.forEach((axis, k) => {
      const size = sizes[k]!;
      const before = typeof size === "number" ? sliceAxis(size, from[k]!, farAway, 1).start : from[k]!;
      around[axis] = before;
      around[axis + x.shape.length] = rest(ops, size, before, dimOf(ops, outputs[0]!, axis));
    });
    return ops.Pad(dy, sizesVector(ops, around));
  }
  const part = (vector: Value | undefined, k: number) => (vector ? ops.Slice(vector, int64([k]), int64([k + 1])) : null);
  return axes.reduce((gradient, axis, k) => {
    const kept = ops.Slice(rangeTo(ops, sizes[k]!), part(starts, k), part(ends, k), int64([0]), part(steps, k));
    return scatterAlong(ops, gradient, kept, axis, sizes[k]!);
  }, dy);
}

/** Input vectors of a Slice, where axes and steps may be left out. */
function resolveSlices(x: NdArray, [starts, ends, axes, steps]: readonly (NdArray | null | undefined)[]) {
  const [from, to] = [integers(starts), integers(ends)];
  const by = steps ? integers(steps) : from.map(() => 1);
  const along = slicedAxes(axes ? integers(axes) : undefined, from.length, x.shape.length);
  const all = x.shape.map((size) => ({ start: 0, step: 1, length: size }));
  along.forEach((axis, k) => (all[axis] = sliceAxis(x.shape[axis]!, from[k]!, to[k]!, by[k]!)));
  return all;
}

/** Every `step`-th element from `start` to before `end`, along the axes that are named; ends are clamped. */
export const Slice: Op = defineOp({
  arity: [3, 5],
  infer: (context) => {
    const { dtype, shape } = required(context, 0);
    for (let i = 1; i < 5; i++)
      if (context.inputs[i]) requireDType(required(context, i), ["int64", "int32"], ["starts", "ends", "axes", "steps"][i - 1]!);
    const count = vectorLength(required(context, 1).shape, "starts");
    const [from, to] = [context.contents(1), context.contents(2)];
    const step = context.inputs[4] ? context.contents(4) : new Array<number>(count).fill(1);
    const along = context.inputs[3] ? context.contents(3) : undefined;
    if (context.inputs[3] && !along) return [{ dtype, shape: shape.map(unknownDim) }];
    const axes = slicedAxes(along as readonly number[] | undefined, count, shape.length);
    return [
      {
        dtype,
        shape: shape.map((dim, axis) => {
          const k = axes.indexOf(axis);
          return k < 0 ? dim : from && to && step ? slicedDim(dim, from[k]!, to[k]!, step[k]!) : unknownDim();
        }),
      },
    ];
  },
  evaluate: ([x, ...bounds]) => {
    const slices = resolveSlices(x!, bounds);
    const strides = stridesOf(x!.shape);
    const start = slices.reduce((offset, slice, axis) => offset + slice.start * strides[axis]!, 0);
    const shape = slices.map((slice) => slice.length);
    const view = slices.map((slice, axis) => slice.step * strides[axis]!);
    return [strided(x!, shape, view, start)];
  },
  gradient: (context) => [unslice(context)],
  contents: (context) => {
    const contents = context.contents(0);
    if (!contents || context.inputs[0]?.shape.length !== 1) return undefined;
    const [from, to, step] = [context.contents(1)?.[0], context.contents(2)?.[0], context.inputs[4] ? context.contents(4)?.[0] : 1];
    if (typeof from !== "number" || typeof to !== "number" || typeof step !== "number") return undefined;
    const { start, length } = sliceAxis(contents.length, from, to, step);
    return Array.from({ length }, (_, i) => contents[start + i * step]!);
  },
  samples: [
    { inputs: [[4, 5], ints(1, 0), ints(3, 4)] },
    { inputs: [[4, 5], ints(-1), ints(-100), ints(0), ints(-2)] },
    { inputs: [[3, 6], ints(-4), ints(100), ints(-1)] },
    { inputs: [[3, 7], ints(1, 5), ints(3, 0), ints(0, 1), ints(1, -2)] },
    { inputs: [[4, 5], indices([1], [1]), indices([1], [3]), ints(1)] },
  ],
});
