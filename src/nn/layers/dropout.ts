/** Inverted dropout (Srivastava et al. 2014): in training each unit is kept with a probability and then scaled by its inverse. */
import { ops } from "../../ops/build.ts";
import { GradusError } from "../../util/errors.ts";
import type { LayerDefinition } from "../layer.ts";

export interface DropoutOptions {
  /** Whole channels of [batch, channels, …] at once (Tompson et al. 2015). */
  readonly spatial?: boolean;
  /** The same units at every step of [batch, time, features] (Gal & Ghahramani 2016). */
  readonly overTime?: boolean;
}

export interface Dropout extends DropoutOptions {
  readonly kind: "dropout";
  readonly keepProbability: number;
}

/** `dropout(0.8)` keeps four in five; evaluation leaves the signal as it is, and so does a keep probability of 1. */
export function dropout(keepProbability: number, options: DropoutOptions = {}): Dropout {
  return { kind: "dropout", keepProbability, ...options };
}

export const dropoutLayer: LayerDefinition<Dropout> = {
  kind: "dropout",
  build({ keepProbability, spatial = false, overTime = false }, x, { name, training, mask }) {
    if (!(keepProbability > 0 && keepProbability <= 1)) {
      throw new GradusError(`${name} has the keep probability ${keepProbability}`, { hint: "above 0, at most 1" });
    }
    const shape = x.shape.slice(1);
    if (!shape.every((size) => typeof size === "number")) throw new GradusError(`${name} needs an input of known sizes`);
    if (!training || keepProbability === 1) return x;
    const drawn = spatial ? [shape[0]!, ...shape.slice(1).map(() => 1)] : overTime ? [1, ...shape.slice(1)] : shape;
    return ops.Mul(x, mask(drawn, keepProbability));
  },
  describe: ({ keepProbability, spatial, overTime }) =>
    `keep ${keepProbability}${spatial ? ", whole channels" : ""}${overTime ? ", the same at every step" : ""}`,
};
