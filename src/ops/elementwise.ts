/** Elementwise arithmetic: operators of one and two inputs. */
import { isInteger } from "../ir/dtype.ts";
import { scalar, type Value } from "../ir/graph.ts";
import { broadcastAll, broadcasting, requireNumber, required, sameAsFirst } from "./infer.ts";
import { indicator } from "./masks.ts";
import { castNumber, map1, mapBroadcast } from "./ndarray.ts";
import {
  defineOp,
  type InferContext,
  type NdArray,
  type Op,
  type OpDefinition,
  type GradientRule,
  type NoAttributes,
  type Sample,
} from "./op.ts";
import { bothSigns, integers, within } from "./samples.ts";
import { addContents, divideContents, multiplyContents, negateContents, subtractContents } from "./shape-arithmetic.ts";
import { unary } from "./unary.ts";
import { erf } from "./erf.ts";

type Samples = readonly Sample<NoAttributes>[];

const pairs: Samples = [
  {
    inputs: [
      [2, 3],
      [2, 3],
    ],
  },
  { inputs: [[2, 3, 4], [4]] },
  {
    inputs: [
      [3, 1],
      [1, 5],
    ],
  },
  { inputs: [[], [2, 2]] },
  { inputs: [integers([2, 3], -9, 9), integers([3], 1, 9)] },
];

/** A function of two inputs of one dtype, broadcast together; integers wrap as their dtype does. */
function binary(
  f: (a: number, b: number) => number,
  contents: OpDefinition<NoAttributes, "one">["contents"] & {},
  gradient: GradientRule<NoAttributes>,
  samples = pairs,
): Op {
  const infer = (context: InferContext<unknown>) => {
    requireNumber(required(context, 0));
    return broadcasting()(context);
  };
  return defineOp({ arity: [2, 2], infer, evaluate: ([a, b]) => [evaluateBinary(f, a!, b!)], gradient, contents, samples });
}

function evaluateBinary(f: (a: number, b: number) => number, a: NdArray, b: NdArray): NdArray {
  return mapBroadcast([a, b], isInteger(a.dtype) ? (x, y) => castNumber(f(x, y), a.dtype) : f);
}

/** A function of one input of numbers of any kind. */
function unaryNumber(f: (x: number) => number, gradient: OpDefinition<NoAttributes, "one">["gradient"], samples: Samples): Op {
  const infer = (context: InferContext<unknown>) => {
    requireNumber(required(context, 0));
    return sameAsFirst(context);
  };
  const evaluate = ([x]: readonly (NdArray | null)[]) => [map1(x!, isInteger(x!.dtype) ? (v) => castNumber(f(v), x!.dtype) : f)];
  return defineOp({ arity: [1, 1], infer, evaluate, gradient, samples });
}

export const Add: Op = binary(
  (a, b) => a + b,
  addContents,
  ({ outputGradients: [dy] }) => [dy, dy],
);

export const Sub: Op = binary(
  (a, b) => a - b,
  subtractContents,
  ({ ops, outputGradients: [dy], needs }) => [dy, needs(1) ? ops.Neg(dy) : null],
);

export const Mul: Op = binary(
  (a, b) => a * b,
  multiplyContents,
  ({ ops, inputs: [a, b], outputGradients: [dy], needs }) => [needs(0) ? ops.Mul(dy, b!) : null, needs(1) ? ops.Mul(dy, a!) : null],
);

/** Division; integers truncate towards zero. */
export const Div: Op = binary(
  (a, b) => a / b,
  divideContents,
  ({ ops, inputs: [, b], outputs: [y], outputGradients: [dy], needs }) => {
    const da = ops.Div(dy, b!);
    return [da, needs(1) ? ops.Neg(ops.Mul(da, y!)) : null]; // ∂(a/b)/∂b = -(a/b)/b
  },
  [
    { inputs: [[2, 3], within([2, 3], 0.5, 2)] },
    { inputs: [[3, 3], within([3], 0.5, 2)] },
    { inputs: [[], within([2, 1], -2, -0.5)] },
    { inputs: [integers([2, 3], -9, 9), integers([3], 1, 4)] },
  ],
);

const powers: Samples = [
  { inputs: [within([2, 3], 0.5, 2), [2, 3]] },
  { inputs: [within([2, 3], 0.5, 2), [3]] },
  { inputs: [bothSigns([2, 3]), { shape: [], values: [2], constant: true }] },
  { inputs: [bothSigns([2, 3]), { shape: [], dtype: "int64", values: [3], constant: true }] },
  { inputs: [bothSigns([2, 2]), { shape: [2], dtype: "int64", values: [3, 0] }] },
  { inputs: [integers([2, 3], -4, 4), { shape: [], dtype: "int32", values: [3] }] },
];

/** aᵇ in the dtype of a; b may have another. At 0⁰ the gradient with respect to a is 0, at a = 0 that with respect to b too. */
export const Pow: Op = defineOp({
  arity: [2, 2],
  infer: (context) => {
    requireNumber(required(context, 1), "the exponent");
    return [{ dtype: requireNumber(required(context, 0), "the base").dtype, shape: broadcastAll(context) }];
  },
  evaluate: ([a, b]) => [evaluateBinary(Math.pow, a!, b!)],
  gradient: ({ ops, inputs, outputs: [y], outputGradients: [dy], needs }) => {
    const a = inputs[0]!;
    const b = inputs[1]!.dtype === a.dtype ? inputs[1]! : ops.Cast(inputs[1]!, { to: a.dtype });
    const da = () => {
      const power = constantNumber(inputs[1]!);
      if (power === 0) return null;
      if (power === 1) return dy;
      if (power === 2) return ops.Mul(dy, ops.Mul(a, 2));
      if (power !== undefined) return ops.Mul(dy, ops.Mul(ops.Pow(a, scalar(a.dtype, power - 1)), power)); // b·aᵇ⁻¹
      const less = ops.Sub(b, indicator(ops, ops.Not(ops.Equal(b, 0)), a));
      return ops.Mul(dy, ops.Mul(b, ops.Pow(a, less)));
    };
    const db = () => ops.Mul(dy, ops.Mul(y!, ops.Log(ops.Add(a, indicator(ops, ops.Equal(a, 0), a))))); // aᵇ·ln a
    return [needs(0) ? da() : null, needs(1) ? db() : null];
  },
  samples: powers,
});

/** The number in a constant scalar. */
function constantNumber({ origin, shape }: Value): number | undefined {
  return origin.kind === "constant" && shape.length === 0 ? Number(origin.tensor.data[0]) : undefined;
}

const numbersOfBothKinds: Samples = [{ inputs: [bothSigns([3, 4])] }, { inputs: [bothSigns([])] }, { inputs: [integers([5], -9, 9)] }];

export const Neg: Op = {
  ...unaryNumber(
    (x) => -x,
    ({ ops, outputGradients: [dy] }) => [ops.Neg(dy)],
    numbersOfBothKinds,
  ),
  contents: negateContents,
};

export const Abs: Op = unaryNumber(
  Math.abs,
  ({ ops, inputs: [x], outputGradients: [dy] }) => [ops.Mul(dy, ops.Sign(x!))], // 0 at 0
  numbersOfBothKinds,
);

/** -1, 0 or 1. */
export const Sign: Op = { ...unaryNumber(Math.sign, () => [null], numbersOfBothKinds), follows: "steps" };

export const Reciprocal: Op = unary(
  (x) => 1 / x,
  ({ ops, outputs: [y], outputGradients: [dy] }) => [ops.Neg(ops.Mul(dy, ops.Mul(y!, y!)))], // -1/x²
  [{ inputs: [bothSigns([3, 4])] }, { inputs: [within([], 0.5, 2)] }],
);

export const Sqrt: Op = unary(
  Math.sqrt,
  ({ ops, outputs: [y], outputGradients: [dy] }) => [ops.Div(ops.Mul(dy, 0.5), y!)], // 1/(2√x)
  [{ inputs: [within([3, 4], 0.5, 4)] }, { inputs: [within([], 0.5, 4)] }],
);

export const Exp: Op = unary(Math.exp, ({ ops, outputs: [y], outputGradients: [dy] }) => [ops.Mul(dy, y!)]);

export const Log: Op = unary(Math.log, ({ ops, inputs: [x], outputGradients: [dy] }) => [ops.Div(dy, x!)], [
  { inputs: [within([3, 4], 0.5, 4)] },
  { inputs: [within([], 0.5, 4)] },
]);

const LN_TWO_OVER_ROOT_PI = Math.log(2 / Math.sqrt(Math.PI));

/** The error function. */
export const Erf: Op = unary(erf, ({ ops, inputs: [x], outputGradients: [dy] }) => [
  ops.Mul(dy, ops.Exp(ops.Sub(LN_TWO_OVER_ROOT_PI, ops.Mul(x!, x!)))), // 2/√π · exp(-x²)
]);

const steps: Samples = [
  { inputs: [{ shape: [2, 4], values: [-1.7, -1.2, -0.6, -0.3, 0.2, 0.7, 1.4, 2.6] }] },
  { inputs: [within([], 0.1, 0.4)] },
];

const stepwise = (f: (x: number) => number): Op => ({ ...unary(f, () => [null], steps), follows: "steps" });

export const Floor: Op = stepwise(Math.floor);

export const Ceil: Op = stepwise(Math.ceil);

/** To the nearest integer, halves to the even one. */
export const Round: Op = stepwise((x) => {
  const below = Math.floor(x);
  const part = x - below;
  return part < 0.5 || (part === 0.5 && below % 2 === 0) ? below : below + 1;
});
