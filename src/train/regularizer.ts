/** Penalties on weights and limits of their length: what they add to J and to its gradient, tensor by tensor (spec §2.1, §2.2). */
import type { Value } from "../ir/graph.ts";
import { isTrainable, type ParameterLayout, type Slot } from "../nn/parameters.ts";
import { ops } from "../ops/build.ts";
import { didYouMean } from "../util/closest.ts";
import { GradusError } from "../util/errors.ts";
import { checkRanges, ranges, type Range } from "../util/range.ts";

/** Strengths; what is left out is not applied. */
export interface RegularizerTerms {
  /** λ of J += λ/(2m) Σ‖W‖²_F, m being the number of training examples. */
  readonly l2?: number | undefined;
  /** λ of J += λ/(2m) Σ|w|. */
  readonly l1?: number | undefined;
  /** L1 by soft threshold after each update, θ ← sign(θ)·max(|θ| − αλ/(2m), 0): weights become exactly 0. */
  readonly proximal?: boolean | undefined;
  /** Biases too. */
  readonly biases?: boolean | undefined;
  /** After each update, every unit's incoming weights are scaled back to a length of at most this. */
  readonly maxNorm?: number | undefined;
}

/** L2 and L1 together are the elastic net. Weights alone, neither biases nor scales, unless `biases`; what is frozen is left out. */
export interface Regularizer extends RegularizerTerms {
  /** Other terms for layers by name: `{ dense_1: { l2: 0 } }`. What a layer leaves out is the whole's. */
  readonly layers?: Readonly<Record<string, RegularizerTerms>> | undefined;
}

/** What each number may be. */
export const regularizerRanges = {
  l2: ranges.notNegative,
  l1: ranges.notNegative,
  maxNorm: ranges.positive,
} as const satisfies Record<string, Range>;

/** What one tensor's update takes: factors of its own numbers. */
export interface SlotTerms {
  readonly slot: Slot;
  /** λ/m: the gradient is this times θ. */
  readonly l2: number;
  /** λ/(2m): the gradient is this times sign(θ), or the threshold is α times this. */
  readonly l1: number;
  readonly proximal: boolean;
  readonly maxNorm: number | undefined;
}

/**
 * The terms of every tensor that is trained, in the order of the layout.
 * @param m training examples
 * @throws GradusError where a strength is out of its range, a layer has no such name, or `proximal` or `layers` say nothing
 */
export function termsOf(regularizer: Regularizer | undefined, layout: ParameterLayout, m: number): SlotTerms[] {
  const trained = layout.slots.filter((slot) => isTrainable(layout, slot));
  if (regularizer) checkRegularizer(regularizer, trained);
  return trained.map((slot) => {
    const { l2 = 0, l1 = 0, proximal = false, biases = false, maxNorm } = regularizer ? ofSlot(regularizer, slot) : {};
    const isPenalised = slot.role === "weight" || (slot.role === "bias" && biases);
    return {
      slot,
      l2: isPenalised ? l2 / m : 0,
      l1: isPenalised ? l1 / (2 * m) : 0,
      proximal,
      maxNorm: slot.role === "weight" ? maxNorm : undefined,
    };
  });
}

/** The longest name of a layer that a parameter belongs to: `residual_1` and `residual_1/conv_1` are both of `residual_1/conv_1/W`. */
function ofSlot({ layers = {}, ...whole }: Regularizer, { name }: Slot): RegularizerTerms {
  const own = Object.keys(layers)
    .filter((layer) => isIn(name, layer))
    .toSorted((a, b) => b.length - a.length)[0];
  if (own === undefined) return whole;
  const given = Object.entries(layers[own]!).filter(([, value]) => value !== undefined);
  return { ...whole, ...Object.fromEntries(given) };
}

const isIn = (parameter: string, layer: string) => parameter === layer || parameter.startsWith(`${layer}/`);

function checkRegularizer(regularizer: Regularizer, trained: readonly Slot[]): void {
  const { layers = {} } = regularizer;
  for (const [place, terms] of [["regularizer", regularizer], ...Object.entries(layers)] as const) {
    checkRanges(
      Object.fromEntries(Object.keys(regularizerRanges).map((key) => [`${place}.${key}`, terms[key as keyof RegularizerTerms]])),
      Object.fromEntries(Object.entries(regularizerRanges).map(([key, range]) => [`${place}.${key}`, range])),
    );
  }
  const unknown = Object.keys(layers).find((layer) => !trained.some(({ name }) => isIn(name, layer)));
  if (unknown !== undefined) {
    const names = [...new Set(trained.map(({ name }) => name.slice(0, name.lastIndexOf("/"))))];
    throw new GradusError(`regularizer.layers: no layer "${unknown}" with parameters that are trained.`, {
      hint: didYouMean(unknown, names, "layers"),
    });
  }
  const proximal = [regularizer, ...Object.values(layers)].some((terms) => terms.proximal);
  if (proximal && ![regularizer, ...Object.values(layers)].some(({ l1 = 0 }) => l1 > 0)) {
    throw new GradusError("regularizer.proximal is a way to descend L1, and there is none.", { hint: "{ l1: 1, proximal: true }" });
  }
}

/**
 * What the penalty adds to J at θ: λ₂/(2m) Σw² + λ₁/(2m) Σ|w|, in float64.
 * @param m training examples
 */
export function penalty(regularizer: Regularizer, layout: ParameterLayout, theta: ArrayLike<number>, m: number): number {
  let sum = 0;
  for (const { slot, l2, l1 } of termsOf(regularizer, layout, m)) {
    if (l2 === 0 && l1 === 0) continue;
    for (let i = slot.offset; i < slot.offset + slot.size; i++) sum += (l2 / 2) * theta[i]! ** 2 + l1 * Math.abs(theta[i]!);
  }
  return sum;
}

/** The penalty's gradient at θ, as long as what is trained; of L1 by its sign, also where it is descended by a soft threshold. */
export function penaltyGradient(regularizer: Regularizer, layout: ParameterLayout, theta: ArrayLike<number>, m: number): Float64Array {
  const gradient = new Float64Array(layout.trainable);
  for (const { slot, l2, l1 } of termsOf(regularizer, layout, m))
    for (let i = slot.offset; i < slot.offset + slot.size; i++) gradient[i] = l2 * theta[i]! + l1 * Math.sign(theta[i]!);
  return gradient;
}

/**
 * The same number as graph, of parameters by name.
 * @throws GradusError where nothing is penalised
 */
export function penaltyGraph(
  regularizer: Regularizer,
  layout: ParameterLayout,
  parameters: ReadonlyMap<string, { readonly value: Value }>,
  m: number,
): Value {
  const whole = (value: Value) => ({
    squares: ops.ReduceSumSquare(value, { keepdims: 0 }),
    sizes: ops.ReduceSum(ops.Abs(value), null, { keepdims: 0 }),
  });
  const parts = termsOf(regularizer, layout, m).flatMap(({ slot, l2, l1 }) => {
    const { value } = parameters.get(slot.name)!;
    return [...(l2 > 0 ? [ops.Mul(whole(value).squares, l2 / 2)] : []), ...(l1 > 0 ? [ops.Mul(whole(value).sizes, l1)] : [])];
  });
  if (parts.length === 0) throw new GradusError("the regularizer has no penalty", { hint: "{ l2: 1 } or { l1: 1 }" });
  return parts.reduce((a, b) => ops.Add(a, b));
}

/** Whether J has a term of the weights: max-norm alone adds none. */
export function hasPenalty({ l2 = 0, l1 = 0, layers = {} }: Regularizer): boolean {
  return l2 > 0 || l1 > 0 || Object.values(layers).some((terms) => (terms.l2 ?? 0) > 0 || (terms.l1 ?? 0) > 0);
}

/** One strength in the conventions of others, whose losses are means over the examples as ours is. */
export interface PenaltyConventions {
  readonly lambda: number;
  /** The gradient's factor: λ/m of L2, λ/(2m) of L1. */
  readonly gradient: number;
  /** PyTorch's `weight_decay` of SGD or Adam (not AdamW); of L1 the factor of Σ|w| that a program adds to its loss. */
  readonly pytorch: number;
  /** Keras's `l2(…)` or `l1(…)`. */
  readonly keras: number;
}

/** λ as it is written elsewhere: the gradient of PyTorch's weight_decay is c·w, that of Keras's l2(c) 2c·w, that of l1(c) c·sign(w). */
export function conventions(lambda: number, m: number, kind: "l2" | "l1"): PenaltyConventions {
  const gradient = kind === "l2" ? lambda / m : lambda / (2 * m);
  return { lambda, gradient, pytorch: gradient, keras: lambda / (2 * m) };
}

/** What a training says of its regularizer. */
export interface RegularizerFacts {
  /** m */
  readonly examples: number;
  /** The whole's; layers of their own are in the experiment. */
  readonly l2?: PenaltyConventions;
  readonly l1?: PenaltyConventions;
  readonly proximal?: boolean;
  readonly biases?: boolean;
  readonly maxNorm?: number;
  /** Layers with terms of their own. */
  readonly layers?: readonly string[];
}

/** @throws GradusError see {@link termsOf} */
export function describeRegularizer(regularizer: Regularizer, layout: ParameterLayout, m: number): RegularizerFacts {
  termsOf(regularizer, layout, m);
  const { l2 = 0, l1 = 0, proximal = false, biases = false, maxNorm, layers = {} } = regularizer;
  return {
    examples: m,
    ...(l2 > 0 ? { l2: conventions(l2, m, "l2") } : {}),
    ...(l1 > 0 ? { l1: conventions(l1, m, "l1") } : {}),
    ...(proximal ? { proximal } : {}),
    ...(biases ? { biases } : {}),
    ...(maxNorm === undefined ? {} : { maxNorm }),
    ...(Object.keys(layers).length > 0 ? { layers: Object.keys(layers) } : {}),
  };
}

/** Below this share of the data's gradient a penalty changes nothing that shows. */
export const weakPenaltyShare = 1e-4;

/**
 * ‖∇penalty‖ / ‖∇data‖ at θ.
 * @param g the data's gradient, as long as what is trained
 */
export function penaltyShare(
  regularizer: Regularizer,
  layout: ParameterLayout,
  { theta, g, m }: { readonly theta: ArrayLike<number>; readonly g: ArrayLike<number>; readonly m: number },
): number {
  const norm = (values: ArrayLike<number>) => {
    let sum = 0;
    for (let i = 0; i < layout.trainable; i++) sum += values[i]! ** 2;
    return Math.sqrt(sum);
  };
  return norm(penaltyGradient(regularizer, layout, theta, m)) / norm(g);
}

/** A unit's incoming weights within a tensor: element k of unit u lies at u·`unit` + k·`next`. */
export interface Units {
  readonly count: number;
  /** Weights of one unit. */
  readonly length: number;
  readonly unit: number;
  readonly next: number;
}

/** Dense matrices hold a unit in a column; convolutions, recurrences and tables of vectors in consecutive numbers. */
export function unitsOf({ shape, size, fanIn }: Pick<Slot, "shape" | "size" | "fanIn">): Units {
  const [rows = 1, columns] = shape;
  if (shape.length === 2 && rows === fanIn) return { count: columns!, length: rows, unit: 1, next: columns! };
  const length = shape.length > 2 && size % fanIn === 0 ? fanIn : shape[shape.length - 1]!;
  return { count: size / length, length, unit: length, next: 1 };
}
