/** A network's layers as the static rules read them: sequences of named layers, those inside another layer apart. */
import { input } from "../ir/graph.ts";
import type { Layer } from "../nn/layer.ts";
import type { ActivationLayer } from "../nn/layers/activation.ts";
import { buildNetwork } from "../nn/network.ts";
import { parameterInput } from "../nn/parameters.ts";
import type { Problem } from "../train/step-graph.ts";

export interface Placed {
  /** `dense_1`, `residual_1/dense_1`. */
  readonly name: string;
  readonly layer: Layer;
}

/** The top sequence last, those inside other layers before it. */
export function sequencesOf({ network, inputShape }: Problem): readonly (readonly Placed[])[] {
  const { signals } = buildNetwork(network, input("x", "float32", ["batch", ...inputShape]), parameterInput);
  const byPlace = new Map<string, Placed[]>();
  for (const { name, layer } of signals) {
    const place = name.slice(0, name.lastIndexOf("/") + 1);
    byPlace.set(place, [...(byPlace.get(place) ?? []), { name, layer }]);
  }
  const top = byPlace.get("")!;
  byPlace.delete("");
  return [...byPlace.values(), top];
}

/** Every layer in forward order, inner ones before the one around them. */
export function layersOf(problem: Problem): readonly Placed[] {
  const { signals } = buildNetwork(problem.network, input("x", "float32", ["batch", ...problem.inputShape]), parameterInput);
  return signals.map(({ name, layer }) => ({ name, layer }));
}

/** Maps of the signal by weights. */
export const isLinear = ({ kind }: Layer) => kind === "dense" || kind === "conv";

/** The activation's name, `identity` included; undefined for another layer. */
export function activationOf(layer: Layer): string | undefined {
  return layer.kind === "activation" ? (layer as ActivationLayer).activation : undefined;
}

/** Layers that leave a linear map of a linear map linear, in evaluation. */
const affine = new Set([
  "flatten",
  "reshape",
  "permute",
  "dropout",
  "averagePool",
  "globalAveragePool",
  "meanOverTime",
  "positions",
  "batchNorm",
]);
export const staysLinear = (layer: Layer) => affine.has(layer.kind) || activationOf(layer) === "identity";

/** Whether the whole network is one linear map of its input. */
export function isLinearModel(problem: Problem): boolean {
  return layersOf(problem).every(({ layer }) => isLinear(layer) || staysLinear(layer));
}
