/** Every kind of layer: one line each. */
import type { Layer, LayerDefinition } from "../layer.ts";
import { GradusError } from "../../util/errors.ts";
import { activationLayer, type ActivationLayer } from "./activation.ts";
import { denseLayer, type Dense } from "./dense.ts";
import { flattenLayer, type Flatten } from "./flatten.ts";

export type AnyLayer = Dense | ActivationLayer | Flatten;

export const layerKinds = { dense: denseLayer, activation: activationLayer, flatten: flattenLayer } as const;

/** @throws GradusError for a kind that is not a layer */
export function layerDefinition(layer: Layer): LayerDefinition<Layer> {
  const found = Object.hasOwn(layerKinds, layer.kind) ? layerKinds[layer.kind as keyof typeof layerKinds] : undefined;
  if (!found) throw new GradusError(`no layer "${layer.kind}"`, { hint: `one of ${Object.keys(layerKinds).join(", ")}` });
  return found as unknown as LayerDefinition<Layer>;
}
