/** A learnt vector for each token or category. */
import { ops } from "../../ops/build.ts";
import type { LayerDefinition } from "../layer.ts";
import { checkCount, knownSizes } from "./numbers.ts";

export interface Embedding {
  readonly kind: "embedding";
  /** How many there are: the numbers 0 … tokens − 1. */
  readonly tokens: number;
  readonly units: number;
}

/** `embedding(27, 16)`: token numbers [batch, time] → [batch, time, 16]; W is [27, 16], N(0, 1) at the start. */
export function embedding(tokens: number, units: number): Embedding {
  return { kind: "embedding", tokens, units };
}

export const embeddingLayer: LayerDefinition<Embedding> = {
  kind: "embedding",
  build({ tokens, units }, x, { name, parameter }) {
    checkCount(name, "tokens", tokens);
    checkCount(name, "units", units);
    knownSizes(name, x, "token numbers [batch, time]", [2]);
    const w = parameter({ name: "W", shape: [tokens, units], role: "weight", initializer: "lecunNormal", fanIn: 1, fanOut: units });
    return ops.Gather(w, ops.Cast(x, { to: "int64" }), { axis: 0 });
  },
  describe: ({ tokens, units }) => `${tokens} tokens, ${units} units`,
};
