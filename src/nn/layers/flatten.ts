/** All axes after the batch become one. */
import { ops } from "../../ops/build.ts";
import type { LayerDefinition } from "../layer.ts";

export interface Flatten {
  readonly kind: "flatten";
}

/** [batch, h, w, …] → [batch, h·w·…] */
export function flatten(): Flatten {
  return { kind: "flatten" };
}

export const flattenLayer: LayerDefinition<Flatten> = {
  kind: "flatten",
  build: (_, x) => (x.shape.length === 2 ? x : ops.Flatten(x, { axis: 1 })),
  describe: () => "",
};
