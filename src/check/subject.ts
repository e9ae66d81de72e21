/** What is checked: a scalar loss with its gradient as graph, in float64, and the numbers it is taken at. */
import { gradient } from "../autodiff/gradient.ts";
import { describeCut, waysTo } from "../autodiff/ways.ts";
import { graph, input, type Value } from "../ir/graph.ts";
import { isFloat } from "../ir/dtype.ts";
import { formatShape, unifyShape } from "../ir/shape.ts";
import { tensor, type Tensor } from "../ir/tensor.ts";
import type { Tensors } from "../exec/session.ts";
import type { Parameter } from "../nn/layer.ts";
import { lossPerExample } from "../nn/loss.ts";
import { buildNetwork } from "../nn/network.ts";
import { isTrainable, parameterInput, type ParameterLayout } from "../nn/parameters.ts";
import { ops } from "../ops/build.ts";
import { rowsOf, type Dataset } from "../train/dataset.ts";
import { createMasks } from "../train/masks.ts";
import { hasPenalty, penaltyGraph, type Regularizer } from "../train/regularizer.ts";
import type { Problem } from "../train/step-graph.ts";
import { GradusError } from "../util/errors.ts";
import { inFloat64, wideTensor, type Replacements } from "../ops/rewrite.ts";

/** A loss of one's own, in any float dtype. */
export interface LossGraph {
  /** A float of one element. */
  readonly loss: Value;
  /** What it is differentiated by: inputs of the graph. */
  readonly parameters: readonly Value[];
  /** One per parameter; differentiated by Gradus where left out. */
  readonly gradients?: readonly Value[];
  /** Values of all inputs, parameters included, by name. Frozen masks are inputs like others. */
  readonly inputs: Tensors;
  /** Where the loss is `share` · Σ `values` over examples (the first axis): lets many perturbed copies share a call. */
  readonly perExample?: { readonly values: Value; readonly share: number };
  /** Values inside the graph by name, for naming the place of a fault. */
  readonly signals?: readonly { readonly name: string; readonly value: Value }[];
}

/** The same in float64. */
export interface Subject {
  readonly loss: Value;
  readonly parameters: readonly Value[];
  readonly gradients: readonly Value[];
  /** Why a parameter has no slope, where the graph says so: `does not reach the loss`. */
  readonly unreached: readonly (string | undefined)[];
  /** Gradients were given rather than derived. */
  readonly given: boolean;
  /** Float64; arrays of the subject's own. */
  readonly inputs: Tensors;
  readonly perExample?: { readonly values: Value; readonly share: number };
  readonly signals: readonly { readonly name: string; readonly value: Value }[];
  readonly float32Only: readonly string[];
}

/**
 * @throws GradusError where the loss is no scalar, a parameter is no input, an input has no value or one of another shape, a given
 * gradient has another shape than its parameter, or an operator on the way has no gradient
 */
export function subjectOf(spec: LossGraph): Subject {
  const { loss, parameters, perExample, signals = [] } = spec;
  if (parameters.length === 0) throw new GradusError("there is nothing to check: the loss was given no parameters");
  for (const { origin, name, dtype } of parameters) {
    if (origin.kind !== "input") throw new GradusError(`parameter ${name ?? origin.kind} must be an input of the graph`);
    if (!isFloat(dtype)) throw new GradusError(`parameter ${name} is ${dtype}; only floats have a gradient`);
  }
  const given = spec.gradients ?? [];
  if (spec.gradients && given.length !== parameters.length) {
    throw new GradusError(`${parameters.length} parameters, but ${given.length} gradients`);
  }
  for (const [i, { dtype, shape }] of given.entries()) {
    const { name, shape: own } = parameters[i]!;
    const fits = shape.length === own.length && shape.every((dim, axis) => dim === own[axis] || typeof dim !== typeof own[axis]);
    if (isFloat(dtype) && fits) continue;
    throw new GradusError(`the gradient of ${name} must have its shape, ${formatShape(own)}; got ${dtype} ${formatShape(shape)}`);
  }
  const made: Replacements = new Map();
  const wanted = [loss, ...parameters, ...given, ...(perExample ? [perExample.values] : []), ...signals.map(({ value }) => value)];
  const { values, float32Only } = inFloat64(wanted, made);
  const now = (value: Value) => made.get(value)!;
  // In float64 from the start: constants of the rules (weights of Resize, a default of 0.2) are then not rounded to float32 first.
  const [whole, wrt] = [now(loss), parameters.map(now)];
  const gradients = spec.gradients ? given.map(now) : gradient(whole, wrt, undefined, { cut: "zeros" });
  const unreached = waysTo(whole, wrt).map((way) => {
    if (way === "smooth") return undefined;
    return way === "none" ? "does not reach the loss" : `reaches the loss ${describeCut(whole, way)}`;
  });
  const reached = graph({ outputs: Object.fromEntries([...values, ...gradients].map((value, i) => [`v${i}`, value])) }).inputs;
  return {
    loss: whole,
    parameters: wrt,
    gradients,
    unreached,
    given: spec.gradients !== undefined,
    inputs: inputsOf(reached, spec.inputs),
    ...(perExample ? { perExample: { values: now(perExample.values), share: perExample.share } } : {}),
    signals: signals.map(({ name, value }) => ({ name, value: now(value) })),
    float32Only,
  };
}

/** Copies in float64 of what the graph reads. */
function inputsOf(reached: readonly Value[], given: Tensors): Record<string, Tensor> {
  const dims = new Map<string, number>();
  return Object.fromEntries(
    reached.map(({ name, dtype, shape }) => {
      const found = Object.hasOwn(given, name!) ? given[name!] : undefined;
      if (!found) throw new GradusError(`input "${name}" has no value`);
      const held = wideTensor(found);
      if (held.dtype !== dtype || !unifyShape(shape, held.shape, dims)) {
        throw new GradusError(`input "${name}" must be ${dtype}[${shape.join(", ")}], got ${found.dtype}[${found.shape.join(", ")}]`);
      }
      return [name!, held === found && held.dtype === "float64" ? { ...held, data: (held.data as Float64Array).slice() } : held];
    }),
  );
}

/** A scalar added to the mean loss, of the parameters alone. */
export interface Penalty {
  readonly name: string;
  /** @param parameters by name, with role and shape as the layers declared them */
  build(parameters: ReadonlyMap<string, { readonly value: Value; readonly role: Parameter["role"] }>): Value;
}

/** λ/2m · Σ w² over weights; m is the number of training examples (spec §2.1). */
export function l2Penalty(lambda: number, examples: number): Penalty {
  return {
    name: `L2, λ = ${lambda}, m = ${examples}`,
    build(parameters) {
      const squares = [...parameters.values()]
        .filter(({ role }) => role === "weight")
        .map(({ value }) => ops.ReduceSumSquare(value, { keepdims: 0 }));
      if (squares.length === 0) throw new GradusError("an L2 penalty needs weights");
      return ops.Mul(
        squares.reduce((a, b) => ops.Add(a, b)),
        lambda / (2 * examples),
      );
    },
  };
}

/** What a regularizer adds to J; undefined where that is nothing. @param examples m, of the whole training part */
export function penaltyOf(regularizer: Regularizer | undefined, layout: ParameterLayout, examples: number): Penalty | undefined {
  if (!regularizer || !hasPenalty(regularizer)) return undefined;
  const { l2, l1 } = regularizer;
  const strengths = [...(l2 ? [`L2, λ = ${l2}`] : []), ...(l1 ? [`L1, λ = ${l1}`] : [])];
  return {
    name: `${strengths.length > 0 ? strengths.join("; ") : "of single layers"}, m = ${examples}`,
    build: (parameters) => penaltyGraph(regularizer, layout, parameters, examples),
  };
}

/** Layers with modes: dropout is off in evaluation, batch normalisation takes running statistics. */
export type Mode = "evaluation" | "training";

export interface ProblemPoint {
  readonly problem: Problem;
  readonly layout: ParameterLayout;
  /** Read, never written. */
  readonly theta: Float32Array | Float64Array;
  readonly data: Dataset;
  readonly penalty?: Penalty;
  readonly part: "data" | "penalty" | "sum";
  /** Default `evaluation`. In `training` the masks are drawn once, and are the same at θ + ε and at θ − ε. */
  readonly mode?: Mode;
  /** Of the masks. */
  readonly seed?: number;
}

/** The loss that training descends: the mean over the examples, a penalty, or both; the very graph of a step, widened. */
export function problemLoss(point: ProblemPoint): LossGraph {
  const { problem, layout, theta, data, penalty, part, mode = "evaluation", seed = 1 } = point;
  const rows = rowsOf(data);
  const parameters = new Map(layout.slots.map((slot) => [slot.name, parameterInput(slot)]));
  const trained = layout.slots.filter((slot) => isTrainable(layout, slot)).map(({ name }) => parameters.get(name)!);
  const numbers = Object.fromEntries(
    layout.slots.map(({ name, shape, offset, size }) => {
      return [name, tensor("float64", Float64Array.from(theta.subarray(offset, offset + size)), shape)];
    }),
  );
  const penaltyOf = () => {
    if (!penalty) throw new GradusError(`the ${part} needs a penalty`);
    return penalty.build(new Map(layout.slots.map(({ name, role }) => [name, { value: parameters.get(name)!, role }])));
  };
  if (part === "penalty") return { loss: penaltyOf(), parameters: trained, inputs: numbers };

  const x = input("features", "float32", ["batch", ...problem.inputShape]);
  const y = input("targets", "float32", ["batch", problem.outputs]);
  const lengths = data.lengths && input("lengths", "int32", ["batch"]);
  const built = buildNetwork(problem.network, x, ({ name }) => parameters.get(name)!, {
    training: mode === "training",
    ...(lengths ? { lengths } : {}),
  });
  const perExample = lossPerExample(problem.loss, built.output, y);
  const share = input("share", "float32", []);
  const mean = ops.Mul(ops.ReduceSum(perExample, null, { keepdims: 0 }), share);
  const inputs: Tensors = {
    ...numbers,
    ...(mode === "training" ? createMasks(built.masks, seed).draw(1, rows) : {}),
    ...(data.lengths ? { lengths: data.lengths } : {}),
    features: data.features,
    targets: data.targets,
    share: tensor("float64", 1 / rows),
  };
  const common = { parameters: trained, inputs, signals: built.signals };
  if (part === "sum") return { ...common, loss: ops.Add(mean, penaltyOf()) };
  // As a training step differentiates: from the share of each example.
  const gradients = gradient(perExample, trained, share, { cut: "zeros" });
  return { ...common, loss: mean, gradients, perExample: { values: perExample, share: 1 / rows } };
}

/** Whether training and evaluation compute different things. */
export function hasModes({ network, inputShape }: Problem): boolean {
  const { masks, updates } = buildNetwork(network, input("x", "float32", ["batch", ...inputShape]), parameterInput, { training: true });
  return masks.length > 0 || updates.size > 0;
}
