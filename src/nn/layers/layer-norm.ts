/** Layer normalisation (Ba et al. 2016): each example, or each time step, over its last axis. */
import { ops } from "../../ops/build.ts";
import type { LayerDefinition } from "../layer.ts";
import { knownSizes } from "./numbers.ts";

export interface LayerNorm {
  readonly kind: "layerNorm";
  /** Added to the variance; 1e-5 where left out. */
  readonly epsilon?: number;
}

/** [batch, n] or [batch, time, n]: mean 0 and variance 1 over n, then ·γ + β; γ starts at 1, β at 0. */
export function layerNorm(options: Omit<LayerNorm, "kind"> = {}): LayerNorm {
  return { kind: "layerNorm", ...options };
}

export const layerNormLayer: LayerDefinition<LayerNorm> = {
  kind: "layerNorm",
  build({ epsilon = 1e-5 }, x, { name, parameter }) {
    const width = knownSizes(name, x, "[batch, n] or [batch, time, n]", [2, 3]).at(-1)!;
    const own = { shape: [width], fanIn: width, fanOut: width };
    const scale = parameter({ name: "scale", role: "scale", initializer: "ones", ...own });
    const bias = parameter({ name: "bias", role: "bias", initializer: "zeros", ...own });
    return ops.LayerNormalization(x, scale, bias, { axis: -1, epsilon })[0]!;
  },
  describe: () => "",
};
