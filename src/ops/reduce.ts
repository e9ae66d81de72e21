/** Reductions. At opset 17 ReduceSum takes its axes as an input, the others as an attribute. */
import { int64, type Value } from "../ir/graph.ts";
import { requireNumber, required } from "./infer.ts";
import { isUnknown } from "../ir/shape.ts";
import { indicator } from "./masks.ts";
import { numbers } from "./ndarray.ts";
import { defineOp, type GradientContext, type Op, type OpDefinition, type Sample } from "./op.ts";
import { divideByCount, expandLike, inferWithAxesInput, reduceArray, reducedAxes, reducedShape, withReducedAxes } from "./reduction.ts";
import { ints } from "./samples.ts";
import { productContents } from "./shape-arithmetic.ts";

export interface ReduceSumAttributes {
  readonly keepdims?: number;
  readonly noop_with_empty_axes?: number;
}

export interface ReduceAttributes {
  readonly axes?: readonly number[];
  readonly keepdims?: number;
}

const sum = (group: Float64Array): number => group.reduce((total, x) => total + x, 0);
const largest = (group: Float64Array): number => group.reduce((a, b) => Math.max(a, b), -Infinity);
const smallest = (group: Float64Array): number => group.reduce((a, b) => Math.min(a, b), Infinity);

/** Sum over axes (input 1); over all where it is left out or empty, unless noop_with_empty_axes is 1. */
export const ReduceSum: Op<ReduceSumAttributes> = defineOp<ReduceSumAttributes>({
  attributes: { keepdims: "int", noop_with_empty_axes: "int" },
  arity: [1, 2],
  infer: (context) => [inferWithAxesInput(context, requireNumber(required(context, 0)))],
  evaluate: ([x, axes], { attributes }) => {
    const given = axes ? [...numbers(axes)] : [];
    if (given.length === 0 && attributes.noop_with_empty_axes) return [x!];
    return [reduceArray(x!, reducedAxes(given, x!.shape.length), attributes.keepdims !== 0, sum)];
  },
  gradient: ({ ops, inputs: [x, axes], outputs: [y], outputGradients: [dy], attributes }) => {
    const none = !axes || axes.shape[0] === 0;
    if (none && attributes.noop_with_empty_axes && x!.shape.length === y!.shape.length) return [dy];
    if (attributes.keepdims !== 0 || y!.shape.length === 0) return [expandLike(ops, dy, x!)];
    const known = !y!.shape.every(isUnknown); // then the axes were known too
    const kept = known ? ops.Unsqueeze(dy, axes!) : ops.Reshape(dy, ops.Shape(ops.ReduceSum(x!, axes!))); // axes put back as 1
    return [expandLike(ops, kept, x!)];
  },
  samples: [
    { inputs: [[3, 4]] },
    { inputs: [[2, 3, 4], ints(1)] },
    { inputs: [[2, 3, 4], ints(0, -1)], attributes: { keepdims: 0 } },
    { inputs: [[2, 3], ints()], attributes: { keepdims: 0 } },
    { inputs: [[2, 3], ints()], attributes: { noop_with_empty_axes: 1 } },
    { inputs: [[2, 3, 2], { shape: [2], dtype: "int64", values: [2, 0] }], attributes: { keepdims: 0 } },
    { inputs: [[]] },
    { inputs: [{ shape: [2, 3], dtype: "int64", range: [-9, 9] }, ints(1)] },
  ],
});

const variants: readonly Sample<ReduceAttributes>[] = [
  { inputs: [[3, 4]] },
  { inputs: [[2, 3, 4]], attributes: { axes: [1], keepdims: 0 } },
  { inputs: [[2, 3, 4]], attributes: { axes: [0, -1] } },
  { inputs: [[2, 3]], attributes: { keepdims: 0 } },
];
const positive: readonly Sample<ReduceAttributes>[] = variants.map((sample) => ({
  ...sample,
  inputs: [{ shape: sample.inputs[0] as readonly number[], range: [0.5, 2] }],
}));
const integers: readonly Sample<ReduceAttributes>[] = [
  { inputs: [{ shape: [3, 4], dtype: "int32", range: [-9, 9] }], attributes: { axes: [1] } },
];

/** What a rule of these reductions sees: dy and y broadcast against x. */
interface Reduced extends GradientContext<ReduceAttributes> {
  readonly x: Value;
  readonly dy: Value;
  /** The output with its reduced axes put back (a node only where it is asked for). */
  y(): Value;
}

/** A reduction with axes as an attribute. */
function reduction(
  f: (group: Float64Array) => number,
  rule: (context: Reduced) => Value,
  samples = variants,
  contents?: OpDefinition<ReduceAttributes, "one">["contents"] & {},
): Op<ReduceAttributes> {
  return defineOp<ReduceAttributes>({
    attributes: { axes: "ints", keepdims: "int" },
    arity: [1, 1],
    infer: (context) => {
      const { dtype, shape } = requireNumber(required(context, 0));
      const { axes, keepdims } = context.attributes;
      return [{ dtype, shape: reducedShape(shape, reducedAxes(axes, shape.length), keepdims !== 0) }];
    },
    evaluate: ([x], { attributes: { axes, keepdims } }) => [reduceArray(x!, reducedAxes(axes, x!.shape.length), keepdims !== 0, f)],
    gradient: (context) => {
      const { ops, inputs, outputs, outputGradients, attributes } = context;
      const restore = (value: Value) => withReducedAxes(ops, value, attributes.axes, attributes.keepdims);
      return [rule({ ...context, x: inputs[0]!, dy: restore(outputGradients[0]), y: () => restore(outputs[0]!) })];
    },
    ...(contents && { contents }),
    samples,
  });
}

/** Arithmetic mean; of integers, truncated. */
export const ReduceMean: Op<ReduceAttributes> = reduction(
  (group) => sum(group) / group.length,
  ({ ops, x, outputs: [y], dy }) => expandLike(ops, divideByCount(ops, dy, x, y!), x),
);

/** Equal extremes share the gradient, as in PyTorch's amax: dy · [x = y] / (how many are). */
function shareAmongExtremes({ ops, x, dy, y, attributes: { axes } }: Reduced): Value {
  const mask = indicator(ops, ops.Equal(x, y()), x);
  const all = reducedAxes(axes, x.shape.length);
  return ops.Mul(mask, ops.Div(dy, ops.ReduceSum(mask, int64(all))));
}

export const ReduceMax: Op<ReduceAttributes> = reduction(largest, shareAmongExtremes, [...variants, ...integers]);

export const ReduceMin: Op<ReduceAttributes> = reduction(smallest, shareAmongExtremes, [...variants, ...integers]);

/**
 * Product. ∂y/∂xᵢ is the product of the others, also where some are 0: y/xᵢ without zeros, and the product of the
 * rest for the only zero. (Second derivatives hold where no element is 0.)
 */
export const ReduceProd: Op<ReduceAttributes> = reduction(
  (group) => group.reduce((product, x) => product * x, 1),
  ({ ops, x, dy, attributes: { axes } }) => {
    const all = reducedAxes(axes, x.shape.length);
    const isZero = ops.Equal(x, 0);
    const zero = indicator(ops, isZero, x);
    const filled = ops.Add(x, zero);
    const otherZeros = ops.Sub(ops.ReduceSum(zero, int64(all)), zero);
    const others = ops.Div(ops.ReduceProd(filled, { axes: all }), filled);
    return ops.Mul(dy, ops.Mul(others, indicator(ops, ops.Equal(otherZeros, 0), x)));
  },
  [...variants, ...integers],
  productContents,
);

/** Sum of absolute values. */
export const ReduceL1: Op<ReduceAttributes> = reduction(
  (group) => sum(group.map(Math.abs)),
  ({ ops, x, dy }) => ops.Mul(dy, ops.Sign(x)),
);

/** Euclidean norm; its gradient at 0 is taken as 0, as in PyTorch. */
export const ReduceL2: Op<ReduceAttributes> = reduction(
  (group) => Math.sqrt(sum(group.map((x) => x * x))),
  ({ ops, x, dy, y }) => {
    const norm = y();
    return ops.Mul(x, ops.Div(dy, ops.Add(norm, indicator(ops, ops.Equal(norm, 0), norm)))); // x / ‖x‖
  },
);

/** ln Σx. */
export const ReduceLogSum: Op<ReduceAttributes> = reduction(
  (group) => Math.log(sum(group)),
  ({ ops, x, dy, y }) => expandLike(ops, ops.Div(dy, ops.Exp(y())), x), // 1 / Σx
  positive,
);

/** ln Σexp(x), with the largest taken out first. */
export const ReduceLogSumExp: Op<ReduceAttributes> = reduction(
  (group) => {
    const top = largest(group);
    return Number.isFinite(top) ? top + Math.log(sum(group.map((x) => Math.exp(x - top)))) : top;
  },
  ({ ops, x, dy, y }) => ops.Mul(dy, ops.Exp(ops.Sub(x, y()))),
);

/** Σx². */
export const ReduceSumSquare: Op<ReduceAttributes> = reduction(
  (group) => sum(group.map((x) => x * x)),
  ({ ops, x, dy }) => ops.Mul(ops.Mul(dy, 2), x),
);
