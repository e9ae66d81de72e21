/** Networks: a sequence of layers as plain data, its parameters, and its graph. */
import { input, type Value } from "../ir/graph.ts";
import { GradusError } from "../util/errors.ts";
import type { ActivationName } from "./activation.ts";
import { activation, type ActivationLayer } from "./layers/activation.ts";
import { dense } from "./layers/dense.ts";
import { layerDefinition, type AnyLayer } from "./layers/index.ts";
import type { Layer, Mask, Parameter } from "./layer.ts";

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

/** A layer's output in the graph. */
export interface Signal {
  /** The layer's name. */
  readonly name: string;
  readonly layer: Layer;
  readonly input: Value;
  readonly value: Value;
}

export interface BuiltNetwork {
  readonly output: Value;
  readonly parameters: readonly Parameter[];
  /** Every layer's output in forward order; layers inside another come before it. */
  readonly signals: readonly Signal[];
  /** Masks of a training graph and the inputs that take them. */
  readonly masks: readonly (Mask & { readonly value: Value })[];
  /** What buffers become in a training graph, by their names. */
  readonly updates: ReadonlyMap<string, Value>;
}

export interface BuildOptions {
  /** A graph for a training step: false where left out. */
  readonly training?: boolean;
  /** Valid time steps of each sequence, int32 [batch]. */
  readonly lengths?: Value;
}

/** A mask's graph input. */
export function maskInput({ name, shape }: Mask, dtype: Value["dtype"] = "float32"): Value {
  return input(`mask/${name}`, dtype, ["batch", ...shape]);
}

/**
 * The network's graph on an input.
 * @param x [batch, …]
 * @param parameterValue gives each declared parameter's value; called once per parameter, in order
 * @throws GradusError where a layer does not fit its input, naming the layer
 */
export function buildNetwork(
  network: Network,
  x: Value,
  parameterValue: (parameter: Parameter) => Value,
  { training = false, lengths }: BuildOptions = {},
): BuiltNetwork {
  if (network.layers.length === 0) throw new GradusError("a network needs at least one layer");
  const parameters: Parameter[] = [];
  const signals: Signal[] = [];
  const masks: (Mask & { value: Value })[] = [];
  const updates = new Map<string, Value>();

  const buildLayers = (layers: readonly Layer[], start: Value, prefix: string, after: ActivationName): Value => {
    const counts = new Map<string, number>();
    let value = start;
    layers.forEach((layer, index) => {
      const base = layer.kind === "activation" ? (layer as ActivationLayer).activation : layer.kind;
      const number = (counts.get(base) ?? 0) + 1;
      counts.set(base, number);
      const name = `${prefix}${base}_${number}`;
      const nextActivation = followingActivation(layers, index, after);
      const before = value;
      let masksHere = 0;
      const draw = (drawn: Omit<Mask, "name">): Value => {
        const mask = { name: masksHere++ === 0 ? name : `${name}/${masksHere}`, ...drawn };
        const value = maskInput(mask, x.dtype);
        masks.push({ ...mask, value });
        return value;
      };
      value = layerDefinition(layer).build(layer, before, {
        name,
        nextActivation,
        training,
        lengths,
        parameter(spec) {
          const parameter = { ...spec, name: `${name}/${spec.name}` };
          parameters.push(parameter);
          return parameterValue(parameter);
        },
        update: (local, next) => void updates.set(`${name}/${local}`, next),
        mask: (shape, keepProbability) => draw({ shape, keepProbability }),
        noise: (shape, deviation) => draw({ shape, keepProbability: 1, deviation }),
        build: (inner, at) => buildLayers(inner, at, `${name}/`, nextActivation),
      });
      signals.push({ name, layer, input: before, value });
    });
    return value;
  };
  return { output: buildLayers(network.layers, x, "", "identity"), parameters, signals, masks, updates };
}

/** The first activation after a layer and before the next one with weights. */
function followingActivation(layers: readonly Layer[], index: number, after: ActivationName): ActivationName {
  for (const layer of layers.slice(index + 1)) {
    if (layer.kind === "activation") return (layer as ActivationLayer).activation;
    if (!transparent.has(layer.kind)) return "identity";
  }
  return after;
}

/** Kinds that hand a signal on at its scale, so that an initialiser looks past them. */
const transparent = new Set(["flatten", "batchNorm", "layerNorm", "groupNorm", "dropout", "noise", "maxPool", "averagePool", "reshape"]);
