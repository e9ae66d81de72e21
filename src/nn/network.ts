/** Networks: a sequence of layers as plain data, its parameters, and its graph. */
import type { Value } from "../ir/graph.ts";
import { GradusError } from "../util/errors.ts";
import type { ActivationName } from "./activation.ts";
import { activation } from "./layers/activation.ts";
import { dense } from "./layers/dense.ts";
import { layerDefinition, type AnyLayer } from "./layers/index.ts";
import type { Parameter } from "./layer.ts";

/** Layers in order; the last gives logits (classification) or the prediction itself (regression). */
export interface Network {
  readonly layers: readonly AnyLayer[];
}

export function sequential(layers: readonly AnyLayer[]): Network {
  return { layers };
}

/**
 * Hidden dense layers with an activation each, and a dense output; without hidden layers it is logistic
 * (or linear) regression.
 * @param options.outputs units of the output layer: 1 for regression and two classes, else the number of classes
 */
export function mlp(options: { layers: readonly number[]; outputs: number; activation?: ActivationName }): Network {
  const hidden = options.layers.flatMap((units) => [dense(units), activation(options.activation ?? "relu")]);
  return sequential([...hidden, dense(options.outputs)]);
}

export interface BuiltNetwork {
  readonly output: Value;
  readonly parameters: readonly Parameter[];
  /** Every layer's output under the layer's name, in forward order. */
  readonly signals: readonly { readonly name: string; readonly value: Value }[];
}

/**
 * The network's graph on an input.
 * @param x [batch, …]
 * @param parameterValue gives each declared parameter's value; called once per parameter, in order
 * @throws GradusError where a layer does not fit its input, naming the layer
 */
export function buildNetwork(network: Network, x: Value, parameterValue: (parameter: Parameter) => Value): BuiltNetwork {
  if (network.layers.length === 0) throw new GradusError("a network needs at least one layer");
  const parameters: Parameter[] = [];
  const signals: { name: string; value: Value }[] = [];
  const counts = new Map<string, number>();
  let value = x;
  network.layers.forEach((layer, index) => {
    const base = layer.kind === "activation" ? layer.activation : layer.kind;
    const number = (counts.get(base) ?? 0) + 1;
    counts.set(base, number);
    const name = `${base}_${number}`;
    value = layerDefinition(layer).build(layer, value, {
      name,
      nextActivation: followingActivation(network.layers, index),
      parameter(spec) {
        const parameter = { ...spec, name: `${name}/${spec.name}` };
        parameters.push(parameter);
        return parameterValue(parameter);
      },
    });
    signals.push({ name, value });
  });
  return { output: value, parameters, signals };
}

/** The first activation after a layer and before the next one with weights. */
function followingActivation(layers: readonly AnyLayer[], index: number): ActivationName {
  for (const layer of layers.slice(index + 1)) {
    if (layer.kind === "activation") return layer.activation;
    if (layer.kind !== "flatten") break;
  }
  return "identity";
}
