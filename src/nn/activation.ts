/** Activations by name: the graph of each, and the initialiser that keeps its signal's variance. */
import type { Value } from "../ir/graph.ts";
import { ops } from "../ops/build.ts";
import { GradusError } from "../util/errors.ts";
import type { InitializerName } from "./initializers/index.ts";

export interface Activation {
  readonly apply: (z: Value) => Value;
  /** Default initialiser of the dense layer before it (spec §3.3). */
  readonly initializer: InitializerName;
}

export const activations = {
  identity: { apply: (z) => z, initializer: "lecunNormal" },
  relu: { apply: (z) => ops.Relu(z), initializer: "heNormal" },
  leakyRelu: { apply: (z) => ops.LeakyRelu(z, { alpha: 0.01 }), initializer: "heNormal" },
  elu: { apply: (z) => ops.Elu(z), initializer: "heNormal" },
  /** Exact form, z·Φ(z) (Hendrycks & Gimpel 2016); opset 17 has no Gelu operator. */
  gelu: { apply: (z) => ops.Mul(ops.Mul(z, 0.5), ops.Add(ops.Erf(ops.Mul(z, Math.SQRT1_2)), 1)), initializer: "heNormal" },
  tanh: { apply: (z) => ops.Tanh(z), initializer: "lecunNormal" },
  sigmoid: { apply: (z) => ops.Sigmoid(z), initializer: "lecunNormal" },
  softmax: { apply: (z) => ops.Softmax(z, { axis: -1 }), initializer: "lecunNormal" },
} as const satisfies Record<string, Activation>;

export type ActivationName = keyof typeof activations;

/** @throws GradusError for a name that is not an activation */
export function activationByName(name: string): Activation {
  const found = Object.hasOwn(activations, name) ? activations[name as ActivationName] : undefined;
  if (!found) throw new GradusError(`no activation "${name}"`, { hint: `one of ${Object.keys(activations).join(", ")}` });
  return found;
}
