/** The functions that recurrent operators name in their attribute `activations`: evaluated, and as graph. */
import type { Value } from "../ir/graph.ts";
import { didYouMean } from "../util/closest.ts";
import { GradusError } from "../util/errors.ts";
import type { Ops } from "./build.ts";

/** A function with its parameters set. */
export interface Activation {
  readonly evaluate: (x: number) => number;
  readonly build: (ops: Ops, x: Value) => Value;
}

interface Family {
  /** Defaults of the parameters α and β; a function without one takes none from the node's lists. */
  readonly alpha?: number;
  readonly beta?: number;
  readonly evaluate: (x: number, alpha: number, beta: number) => number;
  readonly build: (ops: Ops, x: Value, alpha: number, beta: number) => Value;
}

const families: Readonly<Record<string, Family>> = {
  Tanh: { evaluate: Math.tanh, build: (ops, x) => ops.Tanh(x) },
  Sigmoid: { evaluate: (x) => 1 / (1 + Math.exp(-x)), build: (ops, x) => ops.Sigmoid(x) },
  Relu: { evaluate: (x) => Math.max(0, x), build: (ops, x) => ops.Relu(x) },
  Softsign: { evaluate: (x) => x / (1 + Math.abs(x)), build: (ops, x) => ops.Softsign(x) },
  Softplus: { evaluate: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), build: (ops, x) => ops.Softplus(x) },
  LeakyRelu: { alpha: 0.01, evaluate: (x, alpha) => (x >= 0 ? x : alpha * x), build: (ops, x, alpha) => ops.LeakyRelu(x, { alpha }) },
  Elu: { alpha: 1, evaluate: (x, alpha) => (x > 0 ? x : alpha * Math.expm1(x)), build: (ops, x, alpha) => ops.Elu(x, { alpha }) },
  ThresholdedRelu: {
    alpha: 1,
    evaluate: (x, alpha) => (x > alpha ? x : 0),
    build: (ops, x, alpha) => ops.ThresholdedRelu(x, { alpha }),
  },
  HardSigmoid: {
    alpha: 0.2,
    beta: 0.5,
    evaluate: (x, alpha, beta) => Math.max(0, Math.min(1, alpha * x + beta)),
    build: (ops, x, alpha, beta) => ops.HardSigmoid(x, { alpha, beta }),
  },
  // αx + β and α·tanh(βx) are no operators any more.
  Affine: {
    alpha: 1,
    beta: 0,
    evaluate: (x, alpha, beta) => alpha * x + beta,
    build: (ops, x, alpha, beta) => ops.Add(ops.Mul(x, alpha), beta),
  },
  ScaledTanh: {
    alpha: 1,
    beta: 1,
    evaluate: (x, alpha, beta) => alpha * Math.tanh(beta * x),
    build: (ops, x, alpha, beta) => ops.Mul(ops.Tanh(ops.Mul(x, beta)), alpha),
  },
};

const named = new Map(Object.entries(families).map(([name, family]) => [name.toLowerCase(), family]));

/**
 * The functions of a node, direction after direction. The lists of α and β are used up in order by the functions that have one.
 * @param defaults names of one direction's functions
 */
export function activationsOf(
  attributes: {
    readonly activations?: readonly string[];
    readonly activation_alpha?: readonly number[];
    readonly activation_beta?: readonly number[];
  },
  defaults: readonly string[],
  directions: number,
): Activation[][] {
  const names = attributes.activations ?? Array.from({ length: directions }, () => defaults).flat();
  if (names.length !== defaults.length * directions)
    throw new GradusError(`activations must name ${defaults.length * directions} functions, got ${names.length}`);
  const alphas = [...(attributes.activation_alpha ?? [])];
  const betas = [...(attributes.activation_beta ?? [])];
  const functions = names.map((name): Activation => {
    const family = named.get(name.toLowerCase());
    if (!family)
      throw new GradusError(`there is no activation "${name}"`, { hint: didYouMean(name, Object.keys(families), "activations") });
    const alpha = family.alpha === undefined ? 0 : (alphas.shift() ?? family.alpha);
    const beta = family.beta === undefined ? 0 : (betas.shift() ?? family.beta);
    return { evaluate: (x) => family.evaluate(x, alpha, beta), build: (ops, x) => family.build(ops, x, alpha, beta) };
  });
  return Array.from({ length: directions }, (_, d) => functions.slice(d * defaults.length, (d + 1) * defaults.length));
}
