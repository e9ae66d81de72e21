/** An activation as a layer of its own. */
import { activationByName, type ActivationName } from "../activation.ts";
import type { LayerDefinition } from "../layer.ts";

export interface ActivationLayer {
  readonly kind: "activation";
  readonly activation: ActivationName;
}

export function activation(name: ActivationName): ActivationLayer {
  return { kind: "activation", activation: name };
}

export const activationLayer: LayerDefinition<ActivationLayer> = {
  kind: "activation",
  build: ({ activation }, x) => activationByName(activation).apply(x),
  describe: ({ activation }) => activation,
};
