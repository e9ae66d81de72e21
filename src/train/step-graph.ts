/** The graphs of training: one step's loss and gradients, K whole steps in one Scan, and evaluation. */
import { gradient } from "../autodiff/gradient.ts";
import { graph, input, int64, type Graph, type Value } from "../ir/graph.ts";
import type { Loss } from "../nn/loss.ts";
import { activationByName } from "../nn/activation.ts";
import { buildNetwork, type Network } from "../nn/network.ts";
import { parameterInput, type ParameterLayout } from "../nn/parameters.ts";
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
}

/** 1/batch as an input: the mean loss without asking the graph for its batch size. */
const share = () => input("share", "float32", []);

function dataInputs(problem: Problem) {
  return {
    features: input("features", "float32", ["rows", ...problem.inputShape]),
    targets: input("targets", "float32", ["rows", problem.outputs]),
  };
}

interface StepValues {
  readonly features: Value;
  readonly targets: Value;
  readonly rows: Value;
  readonly share: Value;
  readonly parameters: ReadonlyMap<string, Value>;
}

/** Mean loss over the chosen rows, and the gradient per parameter. */
function lossAndGradients(problem: Problem, { features, targets, rows, share, parameters }: StepValues) {
  const x = ops.Gather(features, rows, { axis: 0 });
  const y = ops.Gather(targets, rows, { axis: 0 });
  const built = buildNetwork(problem.network, x, (parameter) => parameters.get(parameter.name)!);
  const loss = ops.Mul(ops.ReduceSum(problem.loss.perExample(built.output, y), null, { keepdims: 0 }), share);
  const values = built.parameters.map((parameter) => parameters.get(parameter.name)!);
  return { loss, gradients: gradient(loss, values), signals: built.signals };
}

/**
 * One step without the update. Inputs: `features`, `targets` (the whole training set), `rows` int32 [batch],
 * `share` [] = 1/batch, every parameter by name. Outputs: `loss` [], `gradient/<parameter>` each.
 */
export function gradientGraph(problem: Problem, layout: ParameterLayout): Graph {
  const { features, targets } = dataInputs(problem);
  const rows = input("rows", "int32", ["batch"]);
  const parameters = new Map(layout.slots.map((slot) => [slot.name, parameterInput(slot)]));
  const values = { features, targets, rows, share: share(), parameters };
  const { loss, gradients } = lossAndGradients(problem, values);
  const outputs = Object.fromEntries(layout.slots.map((slot, i) => [`gradient/${slot.name}`, gradients[i]!]));
  return graph({ inputs: [features, targets, rows, values.share, ...parameters.values()], outputs: { loss, ...outputs } });
}

/**
 * K steps, update included, in one run: parameters and optimizer state are the Scan's loop state. Inputs: `features`,
 * `targets`, `rows` int32 [steps, batch], `scalars` [steps, n] (the optimizer's numbers, then the decay factor if it
 * decays), `share` [] = 1/batch, `theta` [P] and each slot [P]. Outputs: `losses` [steps], `theta/next`, `<slot>/next`.
 */
export function scanGraph(problem: Problem, layout: ParameterLayout, optimizer: Optimizer): Graph {
  const { features, targets } = dataInputs(problem);
  const scalarCount = optimizer.scalars(1, 1).length + (optimizer.weightDecay > 0 ? 1 : 0);
  const vector = (name: string) => input(name, "float32", [layout.size]);
  const state = ["theta", ...optimizer.slots];

  const [theta, ...slots] = state.map((name) => vector(`${name}/in`));
  const rows = input("rows/step", "int32", ["batch"]);
  const scalars = input("scalars/step", "float32", [scalarCount]);
  const pieces = ops.Split(theta!, int64(layout.slots.map((slot) => slot.size)));
  const parameters = new Map(layout.slots.map((slot, i) => [slot.name, ops.Reshape(pieces[i]!, int64(slot.shape))]));
  const values = { features, targets, rows, share: share(), parameters };
  const { loss, gradients } = lossAndGradients(problem, values);
  const g = ops.Concat(...gradients.map((part) => ops.Reshape(part, int64([-1]))), { axis: 0 });
  const numbers = ops.Split(scalars, int64(new Array<number>(scalarCount).fill(1)));
  const start = optimizer.weightDecay > 0 ? decayed(theta!, layout, numbers[scalarCount - 1]!) : theta!;
  const next = optimizer.update(start, g, slots, numbers);
  const body = graph({
    inputs: [theta!, ...slots, rows, scalars],
    outputs: {
      ...Object.fromEntries(state.map((name, i) => [`${name}/out`, i === 0 ? next.theta : next.slots[i - 1]!])),
      "loss/step": loss,
    },
    captures: [features, targets, values.share],
  });

  const outer = state.map(vector);
  const rowsIn = input("rows", "int32", ["steps", "batch"]);
  const scalarsIn = input("scalars", "float32", ["steps", scalarCount]);
  const results = ops.Scan(...outer, rowsIn, scalarsIn, { body, num_scan_inputs: 2 });
  const outputs = Object.fromEntries(state.map((name, i) => [`${name}/next`, results[i]!]));
  return graph({
    inputs: [features, targets, rowsIn, scalarsIn, values.share, ...outer],
    outputs: { ...outputs, losses: results[state.length]! },
  });
}

/** θ with its weights shrunk by a factor and its biases as they are. */
function decayed(theta: Value, layout: ParameterLayout, factor: Value): Value {
  const pieces = ops.Split(theta, int64(layout.slots.map((slot) => slot.size)));
  return ops.Concat(...layout.slots.map((slot, i) => (slot.role === "weight" ? ops.Mul(pieces[i]!, factor) : pieces[i]!)), { axis: 0 });
}

/**
 * Evaluation. Inputs: `x`, `y` for a batch, every parameter. Outputs per example: `loss` [batch], and `prediction`
 * [batch, units] (probabilities, or the number itself).
 */
export function evaluationGraph(problem: Problem, layout: ParameterLayout): Graph {
  const x = input("x", "float32", ["batch", ...problem.inputShape]);
  const y = input("y", "float32", ["batch", problem.outputs]);
  const parameters = new Map(layout.slots.map((slot) => [slot.name, parameterInput(slot)]));
  const built = buildNetwork(problem.network, x, (parameter) => parameters.get(parameter.name)!);
  const loss = problem.loss.perExample(built.output, y);
  const prediction = activationByName(problem.loss.prediction).apply(built.output);
  return graph({ inputs: [x, y, ...parameters.values()], outputs: { loss, prediction: ops.Identity(prediction) } });
}

/** Every tensor of one step in forward order, by name, for finding the first that is not finite. */
export function inspectionGraph(problem: Problem, layout: ParameterLayout): Graph {
  const { features, targets } = dataInputs(problem);
  const rows = input("rows", "int32", ["batch"]);
  const parameters = new Map(layout.slots.map((slot) => [slot.name, parameterInput(slot)]));
  const values = { features, targets, rows, share: share(), parameters };
  const { loss, gradients, signals } = lossAndGradients(problem, values);
  return graph({
    inputs: [features, targets, rows, values.share, ...parameters.values()],
    outputs: {
      ...Object.fromEntries(signals.map(({ name, value }) => [`output of ${name}`, value])),
      "the loss": loss,
      ...Object.fromEntries(layout.slots.map((slot, i) => [`gradient of ${slot.name}`, gradients[i]!])),
    },
  });
}
