/** Operators that change how elements are arranged, never what they are. */
import {
  broadcastShapes,
  divideDims,
  formatShape,
  multiplyDims,
  normalizeAxis,
  stridesOf,
  unknownDim,
  type Dim,
  type Shape,
} from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import { knownInts, normalizeAxes, sameContents, vectorLength } from "./dims.ts";
import { requireDType, required, sameAsFirst } from "./infer.ts";
import { broadcastStrides } from "./ndarray.ts";
import { defineOp, type GradientRule, type Op } from "./op.ts";
import { integers, reshaped, strided } from "./pick.ts";
import { ints } from "./samples.ts";
import { reshapeLike } from "./vectors.ts";

/** Gradient of every operator that keeps the order of elements. */
const backToShape: GradientRule<object> = ({ ops, inputs: [x], outputGradients: [dy] }) => [reshapeLike(ops, dy, x!)];

/** The same tensor. */
export const Identity: Op = defineOp({
  arity: [1, 1],
  infer: sameAsFirst,
  evaluate: ([x]) => [x!],
  gradient: ({ outputGradients: [dy] }) => [dy],
  contents: sameContents,
  samples: [{ inputs: [[2, 3]] }, { inputs: [[]] }],
});

/** The names in a product of sizes; of two with the same names, the numbers decide. */
const symbols = (product: Dim) => String(product).replace(/^\d+\*?/, "");

/** The shape Reshape makes: 0 keeps a dimension (unless allowzero), one -1 takes what is left. */
function reshapedShape(from: Shape, to: readonly Dim[], allowzero: number): Dim[] {
  const fail = (why: string): never => {
    throw new GradusError(`${formatShape(from)} cannot become ${formatShape(to)}: ${why}`);
  };
  const shape = to.map((dim, axis) => (dim === 0 && !allowzero ? (from[axis] ?? fail(`there is no dimension ${axis} to keep`)) : dim));
  if (shape.some((dim) => typeof dim === "number" && dim < -1)) fail("sizes are -1, 0 or positive");
  const total = multiplyDims(from);
  const free = shape.indexOf(-1);
  const rest = multiplyDims(shape.filter((dim) => dim !== -1));
  if (free >= 0) {
    if (shape.indexOf(-1, free + 1) >= 0) fail("two sizes are -1");
    if (rest === 0) fail("-1 beside a size of 0 could be anything");
    const known = divideDims(total, rest);
    if (known === undefined && symbols(total) === symbols(rest)) fail(`${total} elements do not divide by ${rest}`);
    shape[free] = known ?? unknownDim();
  } else if (total !== rest && symbols(total) === symbols(rest)) fail(`${total} elements against ${rest}`);
  return shape;
}

interface ReshapeAttributes {
  readonly allowzero?: number;
}

/** The same elements, in the same order, under another shape (the second input). */
export const Reshape: Op<ReshapeAttributes> = defineOp<ReshapeAttributes>({
  arity: [2, 2],
  attributes: { allowzero: "int" },
  infer: (context) => {
    const { dtype, shape: from } = required(context, 0);
    const target = requireDType(required(context, 1), ["int64"], "the new shape");
    const to = context.contents(1);
    if (to) return [{ dtype, shape: reshapedShape(from, to, context.attributes.allowzero ?? 0) }];
    return [{ dtype, shape: Array.from({ length: vectorLength(target.shape, "the new shape") }, unknownDim) }];
  },
  evaluate: ([x, shape], { attributes: { allowzero = 0 } }) => [
    reshaped(x!, reshapedShape(x!.shape, integers(shape), allowzero) as number[]),
  ],
  gradient: backToShape,
  contents: sameContents,
  samples: [
    { inputs: [[2, 6], ints(3, -1)] },
    { inputs: [[2, 3, 4], ints(0, 12)] },
    { inputs: [[1], ints()] },
    { inputs: [[0, 3], ints(3, 0)], attributes: { allowzero: 1 } },
  ],
});

interface TransposeAttributes {
  readonly perm?: readonly number[];
}

function permutation({ perm }: TransposeAttributes, rank: number): readonly number[] {
  const axes = perm ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  if (axes.length !== rank || new Set(axes).size !== rank || !axes.every((axis) => axis >= 0 && axis < rank)) {
    throw new GradusError(`perm [${axes.join(", ")}] is no order of ${rank} axes`);
  }
  return axes;
}

/** Axes in the order of `perm` (reversed where it is left out). */
export const Transpose: Op<TransposeAttributes> = defineOp<TransposeAttributes>({
  arity: [1, 1],
  attributes: { perm: "ints" },
  infer: (context) => {
    const { dtype, shape } = required(context, 0);
    return [{ dtype, shape: permutation(context.attributes, shape.length).map((axis) => shape[axis]!) }];
  },
  evaluate: ([x], { attributes }) => {
    const perm = permutation(attributes, x!.shape.length);
    const strides = stridesOf(x!.shape);
    const shape = perm.map((axis) => x!.shape[axis]!);
    const view = perm.map((axis) => strides[axis]!);
    return [strided(x!, shape, view)];
  },
  gradient: ({ ops, inputs: [x], outputGradients: [dy], attributes }) => {
    const perm = permutation(attributes, x!.shape.length);
    return [ops.Transpose(dy, { perm: perm.map((_, axis) => perm.indexOf(axis)) })]; // the inverse order
  },
  samples: [{ inputs: [[2, 3]] }, { inputs: [[2, 3, 4]], attributes: { perm: [1, 2, 0] } }, { inputs: [[]] }],
});

/** Shape without `axes`, or without every axis of size 1. */
function squeezedShape(shape: Shape, axes: readonly number[] | undefined): Shape {
  const gone = axes ? normalizeAxes(axes, shape.length) : shape.flatMap((dim, axis) => (dim === 1 ? [axis] : []));
  for (const axis of gone) {
    const dim = shape[axis]!;
    if (typeof dim === "number" && dim !== 1) throw new GradusError(`axis ${axis} of shape ${formatShape(shape)} has size ${dim}, not 1`);
  }
  return shape.filter((_, axis) => !gone.includes(axis));
}

/** Drops axes of size 1: those of the second input, or all. */
export const Squeeze: Op = defineOp({
  arity: [1, 2],
  infer: (context) => {
    const { dtype, shape } = required(context, 0);
    return [{ dtype, shape: squeezedShape(shape, context.inputs[1] ? knownInts(context, 1, "axes") : undefined) }];
  },
  evaluate: ([x, axes]) => [reshaped(x!, squeezedShape(x!.shape, axes ? integers(axes) : undefined) as readonly number[])],
  gradient: ({ ops, inputs: [x, axes], outputGradients: [dy] }) => [axes ? ops.Unsqueeze(dy, axes) : reshapeLike(ops, dy, x!)],
  contents: sameContents,
  samples: [{ inputs: [[2, 1, 3], ints(1)] }, { inputs: [[1, 2, 1], ints(-1, 0)] }, { inputs: [[1, 3, 1]] }],
});

/** Shape with axes of size 1 put in; `axes` count in the result. */
function unsqueezedShape(shape: Shape, axes: readonly number[]): Dim[] {
  const rank = shape.length + axes.length;
  const fresh = new Set(normalizeAxes(axes, rank));
  const rest = [...shape];
  return Array.from({ length: rank }, (_, axis) => (fresh.has(axis) ? 1 : rest.shift()!));
}

/** Puts in axes of size 1 where the second input says, counted in the result. */
export const Unsqueeze: Op = defineOp({
  arity: [2, 2],
  infer: (context) => {
    const { dtype, shape } = required(context, 0);
    return [{ dtype, shape: unsqueezedShape(shape, knownInts(context, 1, "axes")) }];
  },
  evaluate: ([x, axes]) => [reshaped(x!, unsqueezedShape(x!.shape, integers(axes)) as number[])],
  gradient: ({ ops, inputs: [, axes], outputGradients: [dy] }) => [ops.Squeeze(dy, axes!)],
  contents: sameContents,
  samples: [{ inputs: [[2, 3], ints(0)] }, { inputs: [[2, 3], ints(-1, 1)] }, { inputs: [[], ints(0)] }],
});

/** Repeats along axes of size 1 until the shape (second input) is reached; broadcasting works both ways. */
export const Expand: Op = defineOp({
  arity: [2, 2],
  infer: (context) => {
    const { dtype, shape } = required(context, 0);
    const target = requireDType(required(context, 1), ["int64"], "the shape");
    const to = context.contents(1) ?? Array.from({ length: vectorLength(target.shape, "the shape") }, unknownDim);
    return [{ dtype, shape: broadcastShapes(shape, to) }];
  },
  evaluate: ([x, to]) => {
    const shape = broadcastShapes(x!.shape, integers(to)) as readonly number[];
    return [strided(x!, shape, broadcastStrides(x!.shape, shape))];
  },
  gradient: ({ outputGradients: [dy] }) => [dy],
  contents: (context) => {
    const contents = context.contents(0);
    const to = context.contents(1);
    if (contents?.length !== 1 || to?.length !== 1 || typeof to[0] !== "number") return undefined;
    return new Array<Dim>(to[0]).fill(contents[0]!);
  },
  samples: [{ inputs: [[3, 1], ints(2, 3, 4)] }, { inputs: [[], ints(2, 2)] }, { inputs: [[2, 3], ints(1)] }],
});

interface FlattenAttributes {
  readonly axis?: number;
}

/** A matrix: dimensions before `axis` are its rows, the others its columns. */
function flattenedShape(shape: Shape, axis: number): Dim[] {
  const split = axis === shape.length ? axis : normalizeAxis(axis, shape.length);
  return [multiplyDims(shape.slice(0, split)), multiplyDims(shape.slice(split))];
}

export const Flatten: Op<FlattenAttributes> = defineOp<FlattenAttributes>({
  arity: [1, 1],
  attributes: { axis: "int" },
  infer: (context) => {
    const { dtype, shape } = required(context, 0);
    return [{ dtype, shape: flattenedShape(shape, context.attributes.axis ?? 1) }];
  },
  evaluate: ([x], { attributes: { axis = 1 } }) => [reshaped(x!, flattenedShape(x!.shape, axis) as number[])],
  gradient: backToShape,
  samples: [{ inputs: [[2, 3, 4]] }, { inputs: [[2, 3, 4]], attributes: { axis: -1 } }, { inputs: [[2, 3]], attributes: { axis: 0 } }],
});
