/** Elementwise operators of one and two inputs. */
import { isInteger } from "../ir/dtype.ts";
import { broadcasting, sameAsFirst, sameAsFirstFloat } from "./infer.ts";
import { castNumber, map1, mapBroadcast } from "./ndarray.ts";
import { defineOp, type NdArray, type Op, type OpDefinition, type GradientRule, type NoAttributes, type Sample } from "./op.ts";

type Rule = GradientRule<NoAttributes>;

/** A float function of one input. */
function unary(f: (x: number) => number, gradient: Rule, samples: readonly Sample<NoAttributes>[] = [{ inputs: [[3, 4]] }, { inputs: [[]] }]): Op {
  return defineOp({ arity: [1, 1], infer: sameAsFirstFloat, evaluate: ([x]) => [map1(x!, f)], gradient, samples });
}

const pairs: readonly Sample<NoAttributes>[] = [
  { inputs: [[2, 3], [2, 3]] },
  { inputs: [[2, 3, 4], [4]] },
  { inputs: [[3, 1], [1, 5]] },
  { inputs: [[], [2, 2]] },
];

/** A function of two inputs of one dtype, broadcast together; integers wrap as their dtype does. */
function binary(f: (a: number, b: number) => number, gradient: OpDefinition<NoAttributes, "one">["gradient"], samples = pairs): Op {
  const evaluate = ([a, b]: readonly (NdArray | null)[]) => {
    const { dtype } = a!;
    return [mapBroadcast([a!, b!], isInteger(dtype) ? (x, y) => castNumber(f(x, y), dtype) : f)];
  };
  return defineOp({ arity: [2, 2], infer: broadcasting(), evaluate, gradient, samples });
}

export const Add: Op = binary((a, b) => a + b, ({ outputGradients: [dy] }) => [dy, dy]);

export const Sub: Op = binary((a, b) => a - b, ({ ops, outputGradients: [dy], needs }) => [dy, needs(1) ? ops.Neg(dy) : null]);

export const Mul: Op = binary(
  (a, b) => a * b,
  ({ ops, inputs: [a, b], outputGradients: [dy], needs }) => [needs(0) ? ops.Mul(dy, b!) : null, needs(1) ? ops.Mul(dy, a!) : null],
);

/** Division; integers truncate towards zero. */
export const Div: Op = binary(
  (a, b) => a / b,
  ({ ops, inputs: [, b], outputs: [y], outputGradients: [dy], needs }) => {
    const da = ops.Div(dy, b!);
    return [da, needs(1) ? ops.Neg(ops.Mul(da, y!)) : null]; // ∂(a/b)/∂b = -(a/b)/b
  },
  [2, 3].map((rows) => ({ inputs: [[rows, 3], { shape: [3], range: [0.5, 2] as const }] })),
);

export const Neg: Op = defineOp({
  arity: [1, 1],
  infer: sameAsFirst,
  evaluate: ([x]) => [map1(x!, (v) => -v)],
  gradient: ({ ops, outputGradients: [dy] }) => [ops.Neg(dy)],
  samples: [{ inputs: [[3, 4]] }, { inputs: [[]] }],
});

/** Hyperbolic tangent. */
export const Tanh: Op = unary(Math.tanh, ({ ops, outputs: [y], outputGradients: [dy] }) => [
  ops.Mul(dy, ops.Sub(1, ops.Mul(y!, y!))), // 1 - tanh²
]);
