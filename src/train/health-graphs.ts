/** The graphs of the health monitors, apart from the step's own: a step seen from inside, units over many examples, both modes. */
import { gradient } from "../autodiff/gradient.ts";
import { graph, input, type Graph, type Value } from "../ir/graph.ts";
import type { ActivationLayer } from "../nn/layers/activation.ts";
import { lossPerExample } from "../nn/loss.ts";
import { buildNetwork, type Signal } from "../nn/network.ts";
import { ownDefinition } from "../nn/own-layer.ts";
import { isTrainable, parameterInput, type ParameterLayout } from "../nn/parameters.ts";
import { ops } from "../ops/build.ts";
import type { LayerUnits } from "./monitor.ts";
import type { Problem } from "./step-graph.ts";

/** Chosen rows of all examples, and the network on them. */
function networkOn(problem: Problem, layout: ParameterLayout, training: boolean) {
  const features = input("features", "float32", ["rows", ...problem.inputShape]);
  const targets = input("targets", "float32", ["rows", problem.outputs]);
  const lengths = problem.variableLength ? [input("lengths", "int32", ["rows"])] : [];
  const rows = input("rows", "int32", ["batch"]);
  const parameters = new Map(layout.slots.map((slot) => [slot.name, parameterInput(slot)]));
  const pick = (data: Value) => ops.Gather(data, rows, { axis: 0 });
  const chosen = lengths.map(pick);
  const built = buildNetwork(problem.network, pick(features), ({ name }) => parameters.get(name)!, {
    training,
    ...(chosen[0] ? { lengths: chosen[0] } : {}),
  });
  const loss = lossPerExample(problem.loss, built.output, pick(targets));
  const masks = built.masks.map(({ value }) => value);
  return { ...built, loss, parameters, inputs: [features, targets, ...lengths, rows, ...parameters.values(), ...masks] };
}

/**
 * A part of a step's batch in training mode. Inputs as of a step; `share` [rows], each row's part in the mean. Outputs: `loss` [rows], `square/<layer>` []
 * (the mean square of what it makes), `gradient/<parameter>` of each that is trained.
 */
export function lookGraph(problem: Problem, layout: ParameterLayout): Graph {
  const { inputs, loss, signals, parameters } = networkOn(problem, layout, true);
  const share = input("share", "float32", ["batch"]);
  const names = layout.slots.filter((slot) => isTrainable(layout, slot)).map(({ name }) => name);
  const wanted = names.map((name) => parameters.get(name)!);
  const gradients = gradient(loss, wanted, share, { names });
  const squares = signals
    .filter(({ value }) => value.dtype === "float32")
    .map(({ name, value }) => [`square/${name}`, ops.ReduceMean(ops.Mul(value, value), { keepdims: 0 })] as const);
  return graph({
    inputs: [...inputs, share],
    outputs: { loss, ...Object.fromEntries([...squares, ...names.map((name, i) => [`gradient/${name}`, gradients[i]!] as const)]) },
  });
}

export interface WatchedLayer {
  readonly name: string;
  readonly activation: LayerUnits["activation"];
}

const watched: ReadonlySet<string> = new Set<LayerUnits["activation"]>(["relu", "tanh", "sigmoid"]);

/**
 * Examples in evaluation mode. Outputs: `loss` [rows]; of each ReLU layer `units/<layer>` [units], a unit's largest value, of each tanh or
 * sigmoid layer the share of its values that are saturated.
 */
export function unitGraph(problem: Problem, layout: ParameterLayout): { readonly graph: Graph; readonly layers: readonly WatchedLayer[] } {
  const { inputs, loss, signals } = networkOn(problem, layout, false);
  const layers: WatchedLayer[] = [];
  const outputs: Record<string, Value> = {};
  let channelsFirst = false;
  for (const signal of signals) {
    if (signal.layer.kind === "conv") channelsFirst = true;
    if (signal.layer.kind === "dense" || signal.layer.kind === "flatten" || signal.layer.kind === "globalAveragePool")
      channelsFirst = false;
    const activation = (signal.layer as Partial<ActivationLayer>).activation;
    if (signal.layer.kind !== "activation" || !activation || !watched.has(activation)) continue;
    layers.push({ name: signal.name, activation: activation as LayerUnits["activation"] });
    outputs[`units/${signal.name}`] = unitsOf(signal, activation as LayerUnits["activation"], channelsFirst);
  }
  return { graph: graph({ inputs, outputs: { loss: ops.Identity(loss), ...outputs } }), layers };
}

function unitsOf({ value }: Signal, activation: LayerUnits["activation"], channelsFirst: boolean): Value {
  const rank = value.shape.length;
  const unitAxis = channelsFirst ? 1 : rank - 1;
  const axes = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => axis !== unitAxis);
  if (activation === "relu") return ops.ReduceMax(value, { axes, keepdims: 0 });
  // Both are odd about the middle of their range, and 0.9 of the half range is σ 0.05 and 0.95.
  const centred = activation === "tanh" ? value : ops.Sub(ops.Mul(value, 2), 1);
  const beyond = ops.Cast(ops.Greater(ops.Abs(centred), 0.9), { to: "float32" });
  return ops.ReduceMean(beyond, { axes, keepdims: 0 });
}

/** The loss per example in training mode, `loss` [rows]; undefined where no layer has modes. Of a program's own layer nobody knows. */
export function trainingModeGraph(problem: Problem, layout: ParameterLayout): Graph | undefined {
  const { inputs, loss, masks, updates, signals } = networkOn(problem, layout, true);
  const own = signals.some(({ layer }) => ownDefinition(layer));
  return masks.length > 0 || updates.size > 0 || own ? graph({ inputs, outputs: { loss } }) : undefined;
}
