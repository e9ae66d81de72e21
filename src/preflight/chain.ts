/** A network's layers as the static rules read them: sequences of named layers, those inside another layer apart. */
import { input } from "../ir/graph.ts";
import type { Layer } from "../nn/layer.ts";
import type { ActivationLayer } from "../nn/layers/activation.ts";
import type { Conv } from "../nn/layers/conv.ts";
import { buildNetwork, type BuiltNetwork } from "../nn/network.ts";
import { parameterInput } from "../nn/parameters.ts";
import type { Problem } from "../train/step-graph.ts";
import { insideOf } from "./imported.ts";

export interface Placed {
  /** `dense_1`, `residual_1/dense_1`; of an operator in an imported graph `imported_1/Gemm_1`. */
  readonly name: string;
  /** Of an operator, one that does the same; of kind `joint` where an imported graph branches between what comes before and behind. */
  readonly layer: Layer;
  /** The parameter that it adds, by name. */
  readonly bias?: string | undefined;
  /** An operator in an imported graph. */
  readonly imported?: true;
}

interface InPlace extends Placed {
  /** What stands in one place follows each other; the top sequence's is empty. */
  readonly place: string;
}

function built({ network, inputShape }: Problem): BuiltNetwork {
  return buildNetwork(network, input("x", "float32", ["batch", ...inputShape]), parameterInput, { training: true });
}

/** Every layer in forward order, with the operators of imported graphs in their places. */
function inPlaces(problem: Problem): InPlace[] {
  const { signals, masks } = built(problem);
  return signals.flatMap((signal): InPlace[] => {
    const { name, layer } = signal;
    const place = name.slice(0, name.lastIndexOf("/") + 1);
    if (layer.kind !== "imported") return [{ name, layer, place, bias: ownBias(name, layer) }];
    const { operators, last } = insideOf(signal, masks);
    const isOuter = (stretch: number) => stretch === 0 || stretch === last;
    const plain = operators.map(({ name: own, layer: like, bias, stretch }): InPlace => {
      return { name: own, layer: like, bias, imported: true, place: isOuter(stretch) ? place : `${name}/${stretch}/` };
    });
    if (last === 0) return plain;
    const begins = operators.findIndex(({ stretch }) => stretch === last);
    return plain.toSpliced(begins < 0 ? plain.length : begins, 0, {
      name,
      layer: { kind: "joint" },
      bias: undefined,
      imported: true,
      place,
    });
  });
}

function ownBias(name: string, layer: Layer): string | undefined {
  const biased = layer.kind === "dense" || (layer.kind === "conv" && (layer as Conv).bias !== false);
  return biased ? `${name}/b` : undefined;
}

/** The top sequence last, those inside other layers before it. */
export function sequencesOf(problem: Problem): readonly (readonly Placed[])[] {
  const byPlace = new Map<string, Placed[]>();
  for (const { place, ...placed } of inPlaces(problem)) byPlace.set(place, [...(byPlace.get(place) ?? []), placed]);
  const top = byPlace.get("")!;
  byPlace.delete("");
  return [...byPlace.values(), top];
}

/** Every layer in forward order, inner ones before the one around them; imported ones as a whole. */
export function layersOf(problem: Problem): readonly Placed[] {
  return built(problem).signals.map(({ name, layer }) => ({ name, layer }));
}

/** The same, with the operators of imported graphs in place of those. */
export function stepsOf(problem: Problem): readonly Placed[] {
  return inPlaces(problem);
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
  "noise",
  "averagePool",
  "globalAveragePool",
  "meanOverTime",
  "positions",
  "batchNorm",
  "bias",
  "scale",
]);
export const staysLinear = (layer: Layer) => affine.has(layer.kind) || activationOf(layer) === "identity";

/** Whether the whole network is one linear map of its input. */
export function isLinearModel(problem: Problem): boolean {
  return stepsOf(problem).every(({ layer }) => isLinear(layer) || staysLinear(layer));
}
