/**
 * What a step makes of its gradient: clipped, penalised, descended, then soft threshold, limited lengths and the running average;
 * as graph and in place. A test holds the two equal.
 */
import { constant, int64, type Value } from "../ir/graph.ts";
import { tensor } from "../ir/tensor.ts";
import type { ParameterLayout } from "../nn/parameters.ts";
import { ops } from "../ops/build.ts";
import { plainDescent, type Descent, type Kernels } from "../optim/kernels/memory.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { GradusError } from "../util/errors.ts";
import { checkRanges, ranges, type Range } from "../util/range.ts";
import { termsOf, unitsOf, type Regularizer, type SlotTerms } from "./regularizer.ts";

/** Limits of the data's gradient, before a penalty's is added: first of every number, then of the whole. */
export interface Clip {
  /** g ← g · min(1, norm / (‖g‖ + 10⁻⁶)), over all that is trained. */
  readonly norm?: number | undefined;
  /** g ← min(max(g, −value), value) */
  readonly value?: number | undefined;
}

/** A running average of θ, which is measured and kept in place of θ. */
export interface Averaging {
  /** `ema`: a ← decay·a + (1 − decay)·θ; `swa`: the mean over all steps from a share of the training on. */
  readonly kind: "ema" | "swa";
  /** Of `ema`; 0.999 where left out. */
  readonly decay?: number | undefined;
  /** Of `swa`: the share of the steps after which it begins; 0.75 where left out. */
  readonly from?: number | undefined;
}

/** What a step does besides descending the mean loss of its examples. */
export interface StepOptions {
  readonly regularizer?: Regularizer | undefined;
  readonly clip?: Clip | undefined;
  /** ε of y ← (1 − ε)·y + ε/K over K classes, in training alone. */
  readonly labelSmoothing?: number | undefined;
  /** An update is made of so many batches' gradients. */
  readonly accumulate?: number | undefined;
  readonly average?: Averaging | undefined;
}

export const stepRanges = {
  labelSmoothing: ranges.share,
  accumulate: ranges.count,
} as const satisfies Record<string, Range>;
export const clipRanges = { norm: ranges.positive, value: ranges.positive } as const satisfies Record<string, Range>;
export const averageRanges = { decay: ranges.share, from: ranges.share } as const satisfies Record<string, Range>;

/** @throws GradusError naming the option, what was expected and found */
export function checkStepOptions({ clip = {}, average, labelSmoothing, accumulate }: StepOptions): void {
  checkRanges({ labelSmoothing, accumulate }, stepRanges);
  const placed = (place: string, values: object, fields: Readonly<Record<string, Range>>) =>
    checkRanges(
      Object.fromEntries(Object.entries(values).map(([key, value]) => [`${place}.${key}`, value])),
      Object.fromEntries(Object.entries(fields).map(([key, range]) => [`${place}.${key}`, range])),
    );
  placed("clip", clip, clipRanges);
  if (!average) return;
  const { kind, ...settings } = average;
  if (kind !== "ema" && kind !== "swa") throw new GradusError(`average.kind must be ema or swa, found ${String(kind)}.`);
  placed("average", settings, averageRanges);
}

/** Everything that says how θ changes. */
export interface UpdateRule {
  readonly optimizer: Optimizer;
  readonly layout: ParameterLayout;
  /** Of every tensor that is trained, in the order of the layout. */
  readonly terms: readonly SlotTerms[];
  readonly clip: Clip;
  readonly average: Averaging | undefined;
}

/** @param m training examples */
export function updateRule(
  optimizer: Optimizer,
  layout: ParameterLayout,
  { regularizer, clip = {}, average }: StepOptions,
  m: number,
): UpdateRule {
  return { optimizer, layout, terms: termsOf(regularizer, layout, m), clip, average };
}

/**
 * How much of the average stays at a step; 0 at the first, which makes it a copy of θ.
 * @param step 1 for the first
 * @param steps of the whole training
 */
export function averageKeeps({ kind, decay = 0.999, from = 0.75 }: Averaging, step: number, steps: number): number {
  if (kind === "ema") return step === 1 ? 0 : decay;
  const averaged = step - Math.floor(from * steps);
  return averaged <= 1 ? 0 : (averaged - 1) / averaged;
}

const norms = 1e-6;

/** The names of the numbers that one update takes, besides the optimizer's. */
const extras = ({ optimizer, terms, average }: UpdateRule) => ({
  decays: optimizer.weightDecay > 0,
  shrinks: terms.some(({ proximal, l1 }) => proximal && l1 > 0),
  averages: average !== undefined,
});

/** The numbers of a step: the optimizer's, then those that {@link updateGraph} takes besides. */
export function stepScalars(rule: UpdateRule, step: number, learningRate: number, steps: number): readonly number[] {
  const { decays, shrinks, averages } = extras(rule);
  const keep = averages ? averageKeeps(rule.average!, step, steps) : 0;
  return [
    ...rule.optimizer.scalars(step, learningRate),
    ...(decays ? [1 - learningRate * rule.optimizer.weightDecay] : []),
    ...(shrinks ? [learningRate] : []),
    ...(averages ? [keep, 1 - keep] : []),
  ];
}

/** Names of the vectors that go from step to step: `theta`, the optimizer's, `average`. */
export const stateNames = ({ optimizer, average }: UpdateRule): readonly string[] => [
  "theta",
  ...optimizer.slots,
  ...(average ? ["average"] : []),
];

/**
 * One update as graph.
 * @param state in the order of {@link stateNames}, [P] each
 * @param g the data's gradient, [P]
 * @param numbers in the order of {@link stepScalars}, [1] each
 */
export function updateGraph(rule: UpdateRule, state: readonly Value[], g: Value, numbers: readonly Value[]): Value[] {
  const { optimizer, terms } = rule;
  const { decays, shrinks, averages } = extras(rule);
  const [theta, ...rest] = state as [Value, ...Value[]];
  const slots = rest.slice(0, optimizer.slots.length);
  const more = numbers.slice(optimizer.scalars(1, 1).length);
  const factor = decays ? more.shift()! : undefined;
  const rate = shrinks ? more.shift()! : undefined;
  const descended = penalised(rule, theta, clipped(rule.clip, g));
  const next = optimizer.update(factor ? decayed(theta, terms, factor) : theta, descended, slots, numbers);
  const thresholds = terms.map(({ proximal, l1 }) => (proximal ? l1 : 0));
  const shrunk = rate ? softThreshold(next.theta, ops.Mul(perElement(terms, thresholds), rate)) : next.theta;
  const limited = terms.some(({ maxNorm }) => maxNorm !== undefined) ? limitedUnits(shrunk, terms) : shrunk;
  const average = averages ? [ops.Add(ops.Mul(rest.at(-1)!, more[0]!), ops.Mul(limited, more[1]!))] : [];
  return [limited, ...next.slots, ...average];
}

function clipped({ norm, value }: Clip, g: Value): Value {
  const cut = value === undefined ? g : ops.Clip(g, -value, value);
  if (norm === undefined) return cut;
  const length = ops.Sqrt(ops.ReduceSumSquare(cut, { keepdims: 0 }));
  return ops.Mul(cut, ops.Min(ops.Div(norm, ops.Add(length, norms)), 1));
}

function penalised({ terms }: UpdateRule, theta: Value, g: Value): Value {
  const smooth = terms.map(({ l2 }) => l2);
  const kinked = terms.map(({ l1, proximal }) => (proximal ? 0 : l1));
  const squares = smooth.some((factor) => factor > 0) ? ops.Add(g, ops.Mul(perElement(terms, smooth), theta)) : g;
  return kinked.some((factor) => factor > 0) ? ops.Add(squares, ops.Mul(perElement(terms, kinked), ops.Sign(theta))) : squares;
}

/** sign(θ)·max(|θ| − threshold, 0) */
const softThreshold = (theta: Value, threshold: Value) => ops.Mul(ops.Sign(theta), ops.Max(ops.Sub(ops.Abs(theta), threshold), 0));

/** A factor of each tensor as one of each number. */
function perElement(terms: readonly SlotTerms[], factors: readonly number[]): Value {
  const size = terms.reduce((sum, { slot }) => sum + slot.size, 0);
  const data = new Float32Array(size);
  terms.forEach(({ slot }, i) => data.fill(factors[i]!, slot.offset, slot.offset + slot.size));
  return constant(tensor("float32", data));
}

/** Tensors of θ apart, one after the other changed by a function, and together again. */
function byTensor(theta: Value, terms: readonly SlotTerms[], change: (piece: Value, terms: SlotTerms) => Value): Value {
  if (terms.length === 1) return change(theta, terms[0]!);
  const pieces = ops.Split(theta, int64(terms.map(({ slot }) => slot.size)));
  return ops.Concat(...terms.map((one, i) => change(pieces[i]!, one)), { axis: 0 });
}

/** θ with its weights shrunk by a factor and its biases as they are. */
const decayed = (theta: Value, terms: readonly SlotTerms[], factor: Value): Value =>
  byTensor(theta, terms, (piece, { slot }) => (slot.role === "weight" ? ops.Mul(piece, factor) : piece));

/** Every unit's weights times min(1, limit / their length). */
const limitedUnits = (theta: Value, terms: readonly SlotTerms[]): Value =>
  byTensor(theta, terms, (piece, { slot, maxNorm }) => {
    if (maxNorm === undefined) return piece;
    const { count, length, next } = unitsOf(slot);
    const matrix = ops.Reshape(piece, int64(next === 1 ? [count, length] : [length, count]));
    const lengths = ops.Sqrt(ops.ReduceSumSquare(matrix, { axes: [next === 1 ? 1 : 0], keepdims: 1 }));
    return ops.Reshape(ops.Mul(matrix, ops.Min(ops.Div(maxNorm, lengths), 1)), int64([-1]));
  });

/** Vectors of one arena. */
export interface UpdateVectors {
  /** All of θ; what is trained comes first. */
  readonly theta: Float32Array;
  /** As long as what is trained. */
  readonly g: Float32Array;
  readonly slots: readonly Float32Array[];
  /** As long as θ. */
  readonly average?: Float32Array;
}

/** The same in place. Tensors that are treated alike go at once. */
export function updateInPlace(
  rule: UpdateRule,
  kernels: Kernels,
  { theta, g, slots, average }: UpdateVectors,
): (step: number, learningRate: number, steps: number) => void {
  const { optimizer, terms, clip, layout } = rule;
  const { weightDecay } = optimizer;
  const trained = theta.subarray(0, layout.trainable);
  const parts = runs(terms, weightDecay > 0).map(({ from, to, first }) => {
    const part = (vector: Float32Array) => vector.subarray(from, to);
    const { l2, l1, proximal } = first;
    const decays = weightDecay > 0 && first.slot.role === "weight" ? weightDecay : 0;
    return { theta: part(theta), g: part(g), slots: slots.map(part), l2, l1: proximal ? 0 : l1, threshold: proximal ? l1 : 0, decays };
  });
  const limits = terms.filter(({ maxNorm }) => maxNorm !== undefined);
  return (step, learningRate, steps) => {
    if (clip.value !== undefined) kernels.clamp(g, clip.value);
    const scale = clip.norm === undefined ? 1 : Math.min(1, clip.norm / (Math.sqrt(kernels.sumSquares(g)) + norms));
    const scalars = optimizer.scalars(step, learningRate);
    for (const { l2, l1, decays, threshold, ...part } of parts) {
      const descent: Descent = scale === 1 && l2 === 0 && l1 === 0 ? plainDescent : { scale, l2, l1 };
      optimizer.updateInPlace(kernels, part.theta, part.g, part.slots, scalars, { decay: learningRate * decays, descent });
      if (threshold > 0) kernels.shrink(part.theta, learningRate * threshold);
    }
    for (const { slot, maxNorm } of limits) limitUnits(trained.subarray(slot.offset, slot.offset + slot.size), slot, maxNorm!);
    if (average) kernels.average(average, theta, averageKeeps(rule.average!, step, steps));
  };
}

/** Neighbours with the same terms, as one stretch of θ. */
function runs(terms: readonly SlotTerms[], decays: boolean): { readonly from: number; readonly to: number; readonly first: SlotTerms }[] {
  const found: { from: number; to: number; first: SlotTerms }[] = [];
  for (const one of terms) {
    const { slot, l2, l1, proximal } = one;
    const last = found.at(-1);
    const same =
      last &&
      last.first.l2 === l2 &&
      last.first.l1 === l1 &&
      last.first.proximal === proximal &&
      (!decays || (last.first.slot.role === "weight") === (slot.role === "weight"));
    if (same) last.to = slot.offset + slot.size;
    else found.push({ from: slot.offset, to: slot.offset + slot.size, first: one });
  }
  return found;
}

function limitUnits(weights: Float32Array, slot: SlotTerms["slot"], limit: number): void {
  const { count, length, next } = unitsOf(slot);
  if (next === 1) limitRows(weights, count, length, limit);
  else limitColumns(weights, length, count, limit);
}

function limitRows(weights: Float32Array, count: number, length: number, limit: number): void {
  for (let u = 0; u < count; u++) {
    let sum = 0;
    for (let at = u * length; at < (u + 1) * length; at++) sum += weights[at]! * weights[at]!;
    const norm = Math.sqrt(sum);
    if (norm > limit) for (let at = u * length; at < (u + 1) * length; at++) weights[at]! *= limit / norm;
  }
}

/** Row by row, as the columns lie in memory. */
function limitColumns(weights: Float32Array, rows: number, count: number, limit: number): void {
  const factors = new Float64Array(count);
  for (let row = 0, at = 0; row < rows; row++) for (let u = 0; u < count; u++, at++) factors[u]! += weights[at]! * weights[at]!;
  let binds = false;
  for (let u = 0; u < count; u++) {
    const norm = Math.sqrt(factors[u]!);
    factors[u] = norm > limit ? limit / norm : 1;
    binds ||= norm > limit;
  }
  if (!binds) return;
  for (let row = 0, at = 0; row < rows; row++) for (let u = 0; u < count; u++, at++) weights[at]! *= factors[u]!;
}
