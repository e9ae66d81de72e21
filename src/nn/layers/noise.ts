/** Normal noise on a signal, in training alone: on the inputs it acts as a penalty on steep functions (Bishop 1995). */
import { ops } from "../../ops/build.ts";
import { GradusError } from "../../util/errors.ts";
import type { LayerDefinition } from "../layer.ts";
import { knownSizes } from "./numbers.ts";

export interface Noise {
  readonly kind: "noise";
  /** Standard deviation, in the signal's own unit. */
  readonly deviation: number;
}

/** `noise(0.1)` adds N(0, 0.1²) to every number; inputs that are standardised have the deviation 1. Evaluation adds nothing. */
export function noise(deviation: number): Noise {
  return { kind: "noise", deviation };
}

export const noiseLayer: LayerDefinition<Noise> = {
  kind: "noise",
  build({ deviation }, x, { name, training, noise: draw }) {
    if (!(deviation >= 0 && Number.isFinite(deviation))) {
      throw new GradusError(`${name} has the standard deviation ${deviation}`, { hint: "a number of at least 0" });
    }
    const shape = knownSizes(name, x, "an input", [x.shape.length]);
    return training && deviation > 0 ? ops.Add(x, draw(shape, deviation)) : x;
  },
  describe: ({ deviation }) => `deviation ${deviation}`,
};
