/** The graphs of training: one step's loss and gradients, K whole steps in one Scan, and evaluation. */
import { gradient } from "../autodiff/gradient.ts";
import { graph, input, int64, type Graph, type Value } from "../ir/graph.ts";
import { isInitializerName } from "../nn/initializers/index.ts";
import type { Mask } from "../nn/layer.ts";
import { lossPerExample, type Loss } from "../nn/loss.ts";
import { activationByName } from "../nn/activation.ts";
import { buildNetwork, type Network } from "../nn/network.ts";
import { isTrainable, layoutParameters, parameterInput, type ParameterLayout, type Slot } from "../nn/parameters.ts";
import { ops } from "../ops/build.ts";
import { GradusError } from "../util/errors.ts";
import { stateNames, stepScalars, updateGraph, type UpdateRule } from "./update.ts";

/** What is trained. */
export interface Problem {
  readonly network: Network;
  readonly loss: Loss;
  /** One example's features, without the batch axis. */
  readonly inputShape: readonly number[];
  /** Units of the output and of the target. */
  readonly outputs: number;
  /** Whether the data say how many time steps of each sequence are valid. */
  readonly variableLength?: boolean;
  /** Names of parameters that stay as they are. */
  readonly frozen?: readonly string[];
  /** θ of the saved model that the network is of. */
  readonly saved?: Float32Array;
}

/** Where the problem's parameters lie in θ. */
export function layoutOf({ network, inputShape, frozen = [], saved }: Problem): ParameterLayout {
  const held = new Set(frozen);
  const layout = layoutParameters(network, inputShape, { frozen: (name) => held.has(name) });
  if (!saved) return layout;
  return { ...layout, slots: layout.slots.map((slot) => ({ ...slot, initializer: savedInitializer(slot, saved) })) };
}

/** The slot's own; where a saved network holds no more of it than its name, the numbers that were saved. */
function savedInitializer({ initializer, offset, size }: Slot, saved: Float32Array): Slot["initializer"] {
  if (typeof initializer !== "string" || isInitializerName(initializer)) return initializer;
  return { name: initializer, fill: (weights) => weights.set(saved.subarray(offset, offset + size)) };
}

/** How a step's loss is made of its examples'. */
export interface LossOptions {
  /** Each example has a share of its own in the loss. */
  readonly weighted?: boolean;
  /** ε of y ← (1 − ε)·y + ε/K over K classes. */
  readonly labelSmoothing?: number | undefined;
}

/** 1/batch as an input, the mean loss without asking the graph for its batch size; or each example's share, [batch]. */
const share = (weighted: boolean) => input("share", "float32", weighted ? ["batch"] : []);

/**
 * Targets with a part of the certainty taken away (Szegedy et al. 2016); one unit stands for two classes.
 * @throws GradusError where the loss is not one of classes
 */
function smoothed({ loss, outputs }: Problem, y: Value, epsilon = 0): Value {
  if (epsilon === 0) return y;
  if (loss.prediction === "identity") {
    throw new GradusError(`labelSmoothing is for classes, and the loss ${loss.name} predicts numbers.`, { hint: "leave it out" });
  }
  return ops.Add(ops.Mul(y, 1 - epsilon), epsilon / (loss.prediction === "softmax" ? outputs : 2));
}

function dataInputs(problem: Problem) {
  return {
    features: input("features", "float32", ["rows", ...problem.inputShape]),
    targets: input("targets", "float32", ["rows", problem.outputs]),
    lengths: problem.variableLength ? [input("lengths", "int32", ["rows"])] : [],
  };
}

interface Batch {
  readonly x: Value;
  readonly y: Value;
  readonly share: Value;
  readonly parameters: ReadonlyMap<string, Value>;
  readonly lengths?: Value;
}

/** In training mode: loss per example, and the gradient of their mean per trainable slot. */
function lossAndGradients(
  problem: Problem,
  layout: ParameterLayout,
  { x, y: given, share, parameters, lengths }: Batch,
  { labelSmoothing }: LossOptions,
) {
  const y = smoothed(problem, given, labelSmoothing);
  const options = { training: true, ...(lengths ? { lengths } : {}) };
  const built = buildNetwork(problem.network, x, ({ name }) => parameters.get(name)!, options);
  const perExample = lossPerExample(problem.loss, built.output, y);
  const trained = layout.slots.filter((slot) => isTrainable(layout, slot));
  const gradients = gradient(
    perExample,
    trained.map(({ name }) => parameters.get(name)!),
    share,
    { names: trained.map(({ name }) => name) },
  );
  return { ...built, perExample, trained, gradients };
}

/** A step's graph up to its gradients, with every input it needs. */
function stepOf(problem: Problem, layout: ParameterLayout, options: LossOptions) {
  const { features, targets, lengths } = dataInputs(problem);
  const rows = input("rows", "int32", ["batch"]);
  const parameters = new Map(layout.slots.map((slot) => [slot.name, parameterInput(slot)]));
  const chosen = lengths.map((all) => pick(all, rows));
  const batch = {
    x: pick(features, rows),
    y: pick(targets, rows),
    share: share(options.weighted ?? false),
    parameters,
    ...(chosen[0] ? { lengths: chosen[0] } : {}),
  };
  const step = lossAndGradients(problem, layout, batch, options);
  const masks = step.masks.map(({ value }) => value);
  const inputs = [features, targets, ...lengths, rows, batch.share, ...parameters.values(), ...masks];
  return { ...step, loss: meanLoss(step.perExample, batch.share), inputs };
}

const pick = (data: Value, rows: Value) => ops.Gather(data, rows, { axis: 0 });
const meanLoss = (perExample: Value, share: Value) =>
  share.shape.length === 0
    ? ops.Mul(ops.ReduceSum(perExample, null, { keepdims: 0 }), share)
    : ops.ReduceSum(ops.Mul(perExample, share), null, { keepdims: 0 });

/**
 * One step without the update. Inputs: `features`, `targets` (the whole training set), `lengths` where they vary, `rows` int32
 * [batch], `share` [] = 1/batch (or [batch] where examples are weighted), every parameter by name, `mask/<layer>` each. Outputs: `loss` [], `gradient/<parameter>` of
 * each that is trained, `update/<buffer>` each.
 */
export function gradientGraph(problem: Problem, layout: ParameterLayout, options: LossOptions = {}): Graph {
  const { inputs, loss, trained, gradients, updates } = stepOf(problem, layout, options);
  const outputs = trained.map(({ name }, i) => [`gradient/${name}`, gradients[i]!] as const);
  const buffers = [...updates].map(([name, value]) => [`update/${name}`, value] as const);
  return graph({ inputs, outputs: { loss, ...Object.fromEntries([...outputs, ...buffers]) } });
}

/** The masks that a training step of the problem takes. */
export function masksOf(problem: Problem): readonly Mask[] {
  const x = input("x", "float32", ["batch", ...problem.inputShape]);
  return buildNetwork(problem.network, x, parameterInput, { training: true }).masks;
}

/**
 * K steps, update included, in one run: parameters, optimizer state and average are the Scan's loop state. Inputs: `features`,
 * `targets`, `rows` int32 [steps, batch], `scalars` [steps, n] (see `stepScalars`), `share` [] = 1/batch (or [steps, batch] where
 * examples are weighted), `mask/<layer>` [steps, batch, …] each, and the state: `theta`, each slot, `average`, [P] each. Outputs:
 * `losses` [steps], `<state>/next`.
 */
export function scanGraph(problem: Problem, layout: ParameterLayout, rule: UpdateRule, options: LossOptions = {}): Graph {
  const { features, targets } = dataInputs(problem);
  const { weighted = false, labelSmoothing } = options;
  const scalarCount = stepScalars(rule, 1, 1, 1).length;
  const state = stateNames(rule);
  const vector = (name: string) => input(name, "float32", [layout.size]);
  const rows = input("rows", "int32", ["steps", "batch"]);
  const scalars = input("scalars", "float32", ["steps", scalarCount]);
  const shares = weighted ? input("share", "float32", ["steps", "batch"]) : share(false);

  // The body holds what depends on the parameters; all else is done for all steps at once, outside.
  const before = state.map((name) => vector(`${name}/in`));
  const x = input("x/step", "float32", ["batch", ...problem.inputShape]);
  const y = input("y/step", "float32", ["batch", problem.outputs]);
  const shareOfStep = weighted ? input("share/step", "float32", ["batch"]) : shares;
  const numbersOfStep = input("scalars/step", "float32", [scalarCount]);
  const parameters = splitParameters(layout, before[0]!);
  // Targets are smoothed outside.
  const { output, gradients, masks } = lossAndGradients(problem, layout, { x, y, share: shareOfStep, parameters }, {});
  const g = joinParameters(gradients);
  const numbers = scalarCount === 1 ? [numbersOfStep] : ops.Split(numbersOfStep, int64(new Array<number>(scalarCount).fill(1)));
  const after = updateGraph(rule, before, g, numbers);
  const scannedHere = [x, y, ...(weighted ? [shareOfStep] : []), ...masks.map(({ value }) => value), numbersOfStep];
  const body = graph({
    inputs: [...before, ...scannedHere],
    outputs: { ...Object.fromEntries(state.map((name, i) => [`${name}/out`, after[i]!])), "output/step": output },
    captures: weighted ? [] : [shares],
  });

  const outer = state.map(vector);
  const chosen = { x: pick(features, rows), y: smoothed(problem, pick(targets, rows), labelSmoothing) };
  const drawn = masks.map(({ name, shape }) => input(`masks/${name}`, "float32", ["steps", "batch", ...shape]));
  const scanned = [chosen.x, chosen.y, ...(weighted ? [shares] : []), ...drawn, scalars];
  const results = ops.Scan(...outer, ...scanned, { body, num_scan_inputs: scanned.length });
  const flat = (value: Value) => ops.Reshape(value, int64([-1, problem.outputs]));
  const perExample = ops.Reshape(lossPerExample(problem.loss, flat(results[state.length]!), flat(chosen.y)), ops.Shape(rows));
  const losses = weighted
    ? ops.ReduceSum(ops.Mul(perExample, shares), int64([1]), { keepdims: 0 })
    : ops.ReduceMean(perExample, { axes: [1], keepdims: 0 });
  return graph({
    inputs: [features, targets, rows, scalars, shares, ...drawn, ...outer],
    outputs: { ...Object.fromEntries(state.map((name, i) => [`${name}/next`, results[i]!])), losses },
  });
}

/** Parameters by name, as pieces of θ. */
function splitParameters({ slots }: ParameterLayout, theta: Value): Map<string, Value> {
  const pieces = slots.length === 1 ? [theta] : ops.Split(theta, int64(slots.map(({ size }) => size)));
  const shaped = (piece: Value, shape: readonly number[]) => (shape.length === 1 ? piece : ops.Reshape(piece, int64(shape)));
  return new Map(slots.map(({ name, shape }, i) => [name, shaped(pieces[i]!, shape)]));
}

/** Pieces as one vector, in order. */
function joinParameters(pieces: readonly Value[]): Value {
  const flat = pieces.map((piece) => (piece.shape.length === 1 ? piece : ops.Reshape(piece, int64([-1]))));
  return flat.length === 1 ? flat[0]! : ops.Concat(...flat, { axis: 0 });
}

/**
 * Evaluation. Inputs: `x`, `y` (and `lengths` where they vary) for a batch, every parameter. Outputs per example: `loss` [batch],
 * and `prediction` [batch, units] (probabilities, or the number itself).
 */
export function evaluationGraph(problem: Problem, layout: ParameterLayout): Graph {
  const x = input("x", "float32", ["batch", ...problem.inputShape]);
  const y = input("y", "float32", ["batch", problem.outputs]);
  const lengths = problem.variableLength ? [input("lengths", "int32", ["batch"])] : [];
  const parameters = new Map(layout.slots.map((slot) => [slot.name, parameterInput(slot)]));
  const options = lengths[0] ? { lengths: lengths[0] } : {};
  const built = buildNetwork(problem.network, x, (parameter) => parameters.get(parameter.name)!, options);
  const loss = lossPerExample(problem.loss, built.output, y);
  const prediction = activationByName(problem.loss.prediction).apply(built.output);
  return graph({ inputs: [x, y, ...lengths, ...parameters.values()], outputs: { loss, prediction: ops.Identity(prediction) } });
}

/** Every tensor of one step in forward order, by name, for finding the first that is not finite. */
export function inspectionGraph(problem: Problem, layout: ParameterLayout, options: LossOptions = {}): Graph {
  const { inputs, loss, trained, gradients, signals } = stepOf(problem, layout, options);
  return graph({
    inputs,
    outputs: {
      ...Object.fromEntries(signals.map(({ name, value }) => [`output of ${name}`, value])),
      "the loss": loss,
      ...Object.fromEntries(trained.map(({ name }, i) => [`gradient of ${name}`, gradients[i]!])),
    },
  });
}
