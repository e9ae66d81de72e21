/** Every optimizer by name, and its usual learning rate. */
import { GradusError } from "../../util/errors.ts";
import type { Optimizer } from "../optimizer.ts";
import { adam, adamw } from "./adam.ts";
import { rmsprop } from "./rmsprop.ts";
import { momentum, sgd } from "./sgd.ts";

export const optimizers = {
  sgd: { make: () => sgd(), learningRate: 0.1 },
  momentum: { make: (s) => momentum(s), learningRate: 0.01 },
  nesterov: { make: (s) => momentum({ ...s, nesterov: true }), learningRate: 0.01 },
  rmsprop: { make: (s) => rmsprop(s), learningRate: 0.001 },
  adam: { make: (s) => adam(s), learningRate: 0.001 },
  adamw: { make: (s) => adamw(s), learningRate: 0.003 },
} as const satisfies Record<string, { make: (settings: Record<string, number>) => Optimizer; learningRate: number }>;

/** What trains where nothing is said. */
export const defaultOptimizer = "adamw";

export type OptimizerName = keyof typeof optimizers;

/**
 * @param settings as in the experiment file: `{ beta1: 0.9 }`
 * @throws GradusError for a name that is not an optimizer
 */
export function optimizerByName(name: string, settings: Record<string, number> = {}): Optimizer {
  const found = Object.hasOwn(optimizers, name) ? optimizers[name as OptimizerName] : undefined;
  if (!found) throw new GradusError(`no optimizer "${name}"`, { hint: `one of ${Object.keys(optimizers).join(", ")}` });
  return found.make(settings);
}
