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
import type { Optimizer } from "../optim/optimizer.ts";

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

/** 1/batch as an input: the mean loss without asking the graph for its batch size. */
const share = () => input("share", "float32", []);

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
function lossAndGradients(problem: Problem, layout: ParameterLayout, { x, y, share, parameters, lengths }: Batch) {
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
function stepOf(problem: Problem, layout: ParameterLayout) {
  const { features, targets, lengths } = dataInputs(problem);
  const rows = input("rows", "int32", ["batch"]);
  const parameters = new Map(layout.slots.map((slot) => [slot.name, parameterInput(slot)]));
  const chosen = lengths.map((all) => pick(all, rows));
  const batch = {
    x: pick(features, rows),
    y: pick(targets, rows),
    share: share(),
    parameters,
    ...(chosen[0] ? { lengths: chosen[0] } : {}),
  };
  const step = lossAndGradients(problem, layout, batch);
  const masks = step.masks.map(({ value }) => value);
  const inputs = [features, targets, ...lengths, rows, batch.share, ...parameters.values(), ...masks];
  return { ...step, loss: meanLoss(step.perExample, batch.share), inputs };
}

const pick = (data: Value, rows: Value) => ops.Gather(data, rows, { axis: 0 });
const meanLoss = (perExample: Value, share: Value) => ops.Mul(ops.ReduceSum(perExample, null, { keepdims: 0 }), share);

/**
 * One step without the update. Inputs: `features`, `targets` (the whole training set), `lengths` where they vary, `rows` int32
 * [batch], `share` [] = 1/batch, every parameter by name, `mask/<layer>` each. Outputs: `loss` [], `gradient/<parameter>` of
 * each that is trained, `update/<buffer>` each.
 */
export function gradientGraph(problem: Problem, layout: ParameterLayout): Graph {
  const { inputs, loss, trained, gradients, updates } = stepOf(problem, layout);
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
 * K steps, update included, in one run: parameters and optimizer state are the Scan's loop state. Inputs: `features`,
 * `targets`, `rows` int32 [steps, batch], `scalars` [steps, n] (the optimizer's numbers, then the decay factor if it
 * decays), `share` [] = 1/batch, `theta` [P] and each slot [P]. Outputs: `losses` [steps], `theta/next`, `<slot>/next`.
 */
export function scanGraph(problem: Problem, layout: ParameterLayout, optimizer: Optimizer): Graph {
  const { features, targets } = dataInputs(problem);
  const scalarCount = optimizer.scalars(1, 1).length + (optimizer.weightDecay > 0 ? 1 : 0);
  const state = ["theta", ...optimizer.slots];
  const vector = (name: string) => input(name, "float32", [layout.size]);
  const rows = input("rows", "int32", ["steps", "batch"]);
  const scalars = input("scalars", "float32", ["steps", scalarCount]);
  const oneShare = share();

  // The body holds what depends on the parameters; all else is done for all steps at once, outside.
  const [theta, ...slots] = state.map((name) => vector(`${name}/in`));
  const x = input("x/step", "float32", ["batch", ...problem.inputShape]);
  const y = input("y/step", "float32", ["batch", problem.outputs]);
  const stepScalars = input("scalars/step", "float32", [scalarCount]);
  const parameters = splitParameters(layout, theta!);
  const { output, gradients } = lossAndGradients(problem, layout, { x, y, share: oneShare, parameters });
  const g = joinParameters(gradients);
  const numbers = scalarCount === 1 ? [stepScalars] : ops.Split(stepScalars, int64(new Array<number>(scalarCount).fill(1)));
  const start = optimizer.weightDecay > 0 ? decayed(theta!, layout, numbers[scalarCount - 1]!) : theta!;
  const next = optimizer.update(start, g, slots, numbers);
  const stateOutputs = state.map((name, i) => [`${name}/out`, i === 0 ? next.theta : next.slots[i - 1]!] as const);
  const body = graph({
    inputs: [theta!, ...slots, x, y, stepScalars],
    outputs: { ...Object.fromEntries(stateOutputs), "output/step": output },
    captures: [oneShare],
  });

  const outer = state.map(vector);
  const chosen = { x: pick(features, rows), y: pick(targets, rows) };
  const results = ops.Scan(...outer, chosen.x, chosen.y, scalars, { body, num_scan_inputs: 3 });
  const flat = (value: Value) => ops.Reshape(value, int64([-1, problem.outputs]));
  const perExample = lossPerExample(problem.loss, flat(results[state.length]!), flat(chosen.y));
  const losses = ops.ReduceMean(ops.Reshape(perExample, ops.Shape(rows)), { axes: [1], keepdims: 0 });
  return graph({
    inputs: [features, targets, rows, scalars, oneShare, ...outer],
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

/** θ with its weights shrunk by a factor and its biases as they are. */
function decayed(theta: Value, layout: ParameterLayout, factor: Value): Value {
  const pieces = ops.Split(theta, int64(layout.slots.map((slot) => slot.size)));
  return ops.Concat(...layout.slots.map((slot, i) => (slot.role === "weight" ? ops.Mul(pieces[i]!, factor) : pieces[i]!)), { axis: 0 });
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
export function inspectionGraph(problem: Problem, layout: ParameterLayout): Graph {
  const { inputs, loss, trained, gradients, signals } = stepOf(problem, layout);
  return graph({
    inputs,
    outputs: {
      ...Object.fromEntries(signals.map(({ name, value }) => [`output of ${name}`, value])),
      "the loss": loss,
      ...Object.fromEntries(trained.map(({ name }, i) => [`gradient of ${name}`, gradients[i]!])),
    },
  });
}
