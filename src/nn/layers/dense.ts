/** Fully connected layer: z = x·W + b. */
import { ops } from "../../ops/build.ts";
import { formatShape } from "../../ir/shape.ts";
import { GradusError } from "../../util/errors.ts";
import { activations } from "../activation.ts";
import type { InitializerName } from "../initializers/index.ts";
import type { LayerDefinition } from "../layer.ts";

export interface Dense {
  readonly kind: "dense";
  readonly units: number;
  /** Chosen from the activation that follows where left out. */
  readonly initializer?: InitializerName;
}

/** `dense(64)`: [batch, n] → [batch, 64]; W is [n, 64], b is [64], zero at the start. */
export function dense(units: number, options: { initializer?: InitializerName } = {}): Dense {
  return { kind: "dense", units, ...options };
}

export const denseLayer: LayerDefinition<Dense> = {
  kind: "dense",
  build({ units, initializer }, x, { name, nextActivation, parameter }) {
    if (!Number.isInteger(units) || units < 1) {
      throw new GradusError(`${name} has ${units} units`, { hint: "a layer needs at least 1 unit, a whole number" });
    }
    const inputs = x.shape[1];
    if (x.shape.length !== 2 || typeof inputs !== "number") {
      throw new GradusError(`${name} needs [batch, n] with n known, got ${formatShape(x.shape)}`, { hint: "put flatten() before it" });
    }
    const chosen = initializer ?? activations[nextActivation].initializer;
    const w = parameter({ name: "W", shape: [inputs, units], role: "weight", initializer: chosen, fanIn: inputs, fanOut: units });
    const b = parameter({ name: "b", shape: [units], role: "bias", initializer: "zeros", fanIn: inputs, fanOut: units });
    return ops.Gemm(x, w, b);
  },
  describe: ({ units }) => `${units} unit${units === 1 ? "" : "s"}`,
};
