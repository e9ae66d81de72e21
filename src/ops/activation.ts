/** Activation functions. At a kink the derivative is PyTorch's: the one from the left, 0 for Relu. */
import type { Value } from "../ir/graph.ts";
import { broadcastShapes, formatShape, sameShape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import type { Ops } from "./build.ts";
import { requireSameDType, required, sameAsFirst, sameAsFirstFloat } from "./infer.ts";
import { choose, indicator } from "./masks.ts";
import { map1, mapBroadcast } from "./ndarray.ts";
import { defineOp, type Op, type Sample } from "./op.ts";
import { bothSigns } from "./samples.ts";
import { notNearZero, unary } from "./unary.ts";

/** A float function with numbers as attributes; `derivative` of the output with respect to the input. */
function activation<K extends string>(
  defaults: Readonly<Record<K, number>>,
  f: (x: number, attributes: Readonly<Record<K, number>>) => number,
  derivative: (ops: Ops, x: Value, y: Value, attributes: Readonly<Record<K, number>>) => Value,
  samples: readonly Sample<Readonly<Partial<Record<K, number>>>>[],
): Op<Readonly<Partial<Record<K, number>>>> {
  type A = Readonly<Partial<Record<K, number>>>;
  const kinds = Object.fromEntries(Object.keys(defaults).map((key) => [key, "float"])) as { readonly [P in keyof A]-?: "float" };
  return defineOp<A>({
    attributes: kinds,
    arity: [1, 1],
    infer: sameAsFirstFloat,
    evaluate: ([x], { attributes }) => [map1(x!, (v) => f(v, { ...defaults, ...attributes }))],
    gradient: ({ ops, inputs: [x], outputs: [y], outputGradients: [dy], attributes }) => [
      ops.Mul(dy, derivative(ops, x!, y!, { ...defaults, ...attributes })),
    ],
    samples,
  });
}

/** max(0, x); NaN passes. */
export const Relu: Op = unary(
  (x) => Math.max(0, x),
  ({ ops, outputs: [y], outputGradients: [dy] }) => [ops.Mul(dy, indicator(ops, ops.Greater(y!, 0), y!))],
  notNearZero,
);

/** x, or αx below 0. */
export const LeakyRelu: Op<{ readonly alpha?: number }> = activation(
  { alpha: 0.01 },
  (x, { alpha }) => (x >= 0 ? x : alpha * x),
  (ops, x, _, { alpha }) => choose(ops, ops.Greater(x, 0), 1, alpha, x),
  [{ inputs: [bothSigns([3, 4])] }, { inputs: [bothSigns([2, 3])], attributes: { alpha: 0.2 } }, { inputs: [bothSigns([])] }],
);

/** x, or α(eˣ - 1) below 0. */
export const Elu: Op<{ readonly alpha?: number }> = activation(
  { alpha: 1 },
  (x, { alpha }) => (x > 0 ? x : alpha * Math.expm1(x)),
  (ops, x, y, { alpha }) => choose(ops, ops.Greater(x, 0), 1, ops.Add(y, alpha), x), // αeˣ = y + α
  [{ inputs: [bothSigns([3, 4])] }, { inputs: [bothSigns([2, 3])], attributes: { alpha: 0.5 } }, { inputs: [bothSigns([])] }],
);

/** γx, or γα(eˣ - 1) below 0. */
export const Selu: Op<{ readonly alpha?: number; readonly gamma?: number }> = activation(
  { alpha: 1.6732631921768188, gamma: 1.0507010221481323 },
  (x, { alpha, gamma }) => gamma * (x > 0 ? x : alpha * Math.expm1(x)),
  (ops, x, y, { alpha, gamma }) => choose(ops, ops.Greater(x, 0), gamma, ops.Mul(ops.Add(ops.Div(y, gamma), alpha), gamma), x),
  [{ inputs: [bothSigns([3, 4])] }, { inputs: [bothSigns([2, 3])], attributes: { alpha: 2, gamma: 0.5 } }],
);

/** max(0, x) + min(0, α(exp(x/α) - 1)). */
export const Celu: Op<{ readonly alpha?: number }> = activation(
  { alpha: 1 },
  (x, { alpha }) => (x > 0 ? x : alpha * Math.expm1(x / alpha)),
  (ops, x, y, { alpha }) => choose(ops, ops.Greater(x, 0), 1, ops.Add(ops.Div(y, alpha), 1), x), // exp(x/α) = y/α + 1
  [{ inputs: [bothSigns([3, 4])] }, { inputs: [bothSigns([2, 3])], attributes: { alpha: 2 } }],
);

/** x, or slope·x below 0; the slope (input 1) broadcasts to x. */
export const PRelu: Op = defineOp({
  arity: [2, 2],
  infer: (context) => {
    requireSameDType(context);
    const x = required(context, 0);
    const slope = required(context, 1);
    if (!sameShape(broadcastShapes(x.shape, slope.shape), x.shape)) {
      throw new GradusError(`the slope's shape ${formatShape(slope.shape)} does not broadcast to ${formatShape(x.shape)}`);
    }
    return sameAsFirst(context);
  },
  evaluate: ([x, slope]) => [mapBroadcast([x!, slope!], (v, s) => (v < 0 ? s * v : v))],
  gradient: ({ ops, inputs: [x, slope], outputGradients: [dy], needs }) => [
    needs(0) ? ops.Mul(dy, choose(ops, ops.Greater(x!, 0), 1, slope!, x!)) : null,
    needs(1) ? ops.Mul(dy, ops.Min(x!, 0)) : null,
  ],
  samples: [{ inputs: [bothSigns([3, 4]), [4]] }, { inputs: [bothSigns([2, 3, 2]), [3, 1]] }, { inputs: [bothSigns([2, 2]), [2, 2]] }],
});

/** 1/(1 + e⁻ˣ), without overflow on either side. */
export const Sigmoid: Op = unary(
  (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
  ({ ops, outputs: [y], outputGradients: [dy] }) => [ops.Mul(dy, ops.Mul(y!, ops.Sub(1, y!)))], // σ(1 - σ)
);

/** max(0, min(1, αx + β)). */
export const HardSigmoid: Op<{ readonly alpha?: number; readonly beta?: number }> = activation(
  { alpha: 0.2, beta: 0.5 },
  (x, { alpha, beta }) => Math.max(0, Math.min(1, alpha * x + beta)),
  (ops, x, y, { alpha }) => choose(ops, ops.And(ops.Greater(y, 0), ops.Less(y, 1)), alpha, 0, x),
  [
    { inputs: [{ shape: [2, 3], values: [-4, -2.2, -0.7, 0.4, 2.1, 3.3] }] },
    { inputs: [bothSigns([2, 3], 0.1, 0.6)], attributes: { alpha: 0.5, beta: 0.3 } },
  ],
);

/** x · max(0, min(1, x/6 + 1/2)). */
export const HardSwish: Op = unary(
  (x) => x * Math.max(0, Math.min(1, x / 6 + 0.5)),
  ({ ops, inputs: [x], outputGradients: [dy] }) => {
    const bent = ops.Less(ops.Abs(x!), 3);
    const slope = ops.Add(ops.Div(x!, 3), 0.5);
    return [ops.Mul(dy, ops.Where(bent, slope, indicator(ops, ops.Greater(x!, 0), x!)))]; // x/3 + 1/2 inside, else 0 or 1
  },
  [{ inputs: [{ shape: [2, 3], values: [-4, -2.2, -0.7, 0.4, 2.1, 3.3] }] }, { inputs: [[]] }],
);

/** ln(1 + eˣ) = max(0, x) + ln(1 + e^-|x|). */
export const Softplus: Op = unary(
  (x) => Math.max(0, x) + Math.log1p(Math.exp(-Math.abs(x))),
  ({ ops, inputs: [x], outputGradients: [dy] }) => [ops.Mul(dy, ops.Sigmoid(x!))],
);

/** x/(1 + |x|). */
export const Softsign: Op = unary(
  (x) => x / (1 + Math.abs(x)),
  ({ ops, outputs: [y], outputGradients: [dy] }) => {
    const root = ops.Sub(1, ops.Abs(y!));
    return [ops.Mul(dy, ops.Mul(root, root))]; // (1 - |y|)² = 1/(1 + |x|)²
  },
  notNearZero,
);

/** x above α, else 0. */
export const ThresholdedRelu: Op<{ readonly alpha?: number }> = activation(
  { alpha: 1 },
  (x, { alpha }) => (x > alpha ? x : 0),
  (ops, x, _, { alpha }) => indicator(ops, ops.Greater(x, alpha), x),
  [{ inputs: [{ shape: [2, 2], values: [-1.4, 0.3, 1.2, 1.9] }] }, { inputs: [bothSigns([2, 3])], attributes: { alpha: 0.1 } }],
);
