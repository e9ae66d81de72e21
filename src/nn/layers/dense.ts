/** Fully connected layer: z = x·W + b. */
import { ops } from "../../ops/build.ts";
import { formatShape } from "../../ir/shape.ts";
import { GradusError } from "../../util/errors.ts";
import { activations } from "../activation.ts";
import type { Initializer } from "../initializer.ts";
import { chosenInitializer, type InitializerChoice, type InitializerName } from "../initializers/index.ts";
import type { LayerDefinition } from "../layer.ts";

export interface Dense {
  readonly kind: "dense";
  readonly units: number;
  /** Chosen from the activation that follows where left out. A saved model holds the name alone. */
  readonly initializer?: InitializerName | Initializer;
}

/**
 * `dense(64)`: [batch, n] → [batch, 64], or [batch, time, n] → [batch, time, 64]; W is [n, 64], b is [64], zero at the start.
 * @param options.initializer fills W: a name, or a function of your own that takes numbers from the random stream it is given,
 * so that equal seeds give equal weights. A saved model keeps its name, and loads without it.
 * @example
 * dense(64, { initializer: "orthogonal" });
 * const narrow: Initializer["fill"] = (weights, { fanIn }, rng) => {
 *   for (let i = 0; i < weights.length; i++) weights[i] = rng.normal() / fanIn;
 * };
 * dense(64, { initializer: narrow });
 * dense(64, { initializer: { name: "narrow", formula: "N(0, 1/n[l-1]²)", fill: narrow } });
 * @throws GradusError where an initialiser of your own has the name of another
 */
export function dense(units: number, options: { readonly initializer?: InitializerChoice } = {}): Dense {
  const { initializer } = options;
  return { kind: "dense", units, ...(initializer === undefined ? {} : { initializer: chosenInitializer(initializer) }) };
}

export const denseLayer: LayerDefinition<Dense> = {
  kind: "dense",
  build({ units, initializer }, x, { name, nextActivation, parameter }) {
    if (!Number.isInteger(units) || units < 1) {
      throw new GradusError(`${name} has ${units} units`, { hint: "a layer needs at least 1 unit, a whole number" });
    }
    const inputs = x.shape.at(-1);
    if (x.shape.length < 2 || x.shape.length > 3 || typeof inputs !== "number") {
      const found = formatShape(x.shape);
      throw new GradusError(`${name} needs [batch, n] or [batch, time, n] with n known, got ${found}`, { hint: "put flatten() before it" });
    }
    const chosen = initializer ?? activations[nextActivation].initializer;
    const w = parameter({ name: "W", shape: [inputs, units], role: "weight", initializer: chosen, fanIn: inputs, fanOut: units });
    const b = parameter({ name: "b", shape: [units], role: "bias", initializer: "zeros", fanIn: inputs, fanOut: units });
    return x.shape.length === 2 ? ops.Gemm(x, w, b) : ops.Add(ops.MatMul(x, w), b);
  },
  describe: ({ units }) => `${units} unit${units === 1 ? "" : "s"}`,
};
