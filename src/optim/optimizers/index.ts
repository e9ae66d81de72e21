/** Every optimizer by name, and its usual learning rate. */
import { didYouMean } from "../../util/closest.ts";
import { GradusError } from "../../util/errors.ts";
import { checkRanges, ranges, type Range } from "../../util/range.ts";
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

/** What each setting of any optimizer may be. */
export const settingRanges = {
  momentum: ranges.share,
  decay: ranges.share,
  beta1: ranges.share,
  beta2: ranges.share,
  epsilon: ranges.positive,
  weightDecay: ranges.notNegative,
} as const satisfies Record<string, Range>;

/** What trains where nothing is said. */
export const defaultOptimizer = "adamw";

export type OptimizerName = keyof typeof optimizers;

/**
 * @param settings as in the experiment file: `{ beta1: 0.9 }`; the usual one where left out or undefined
 * @throws GradusError for a name that is not an optimizer, a setting it has not, or one out of its range
 */
export function optimizerByName(name: string, settings: Readonly<Record<string, unknown>> = {}): Optimizer {
  const found = Object.hasOwn(optimizers, name) ? optimizers[name as OptimizerName] : undefined;
  if (!found) throw new GradusError(`no optimizer "${name}"`, { hint: `one of ${Object.keys(optimizers).join(", ")}` });
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  const known = Object.keys(found.make({}).settings);
  const unknown = given.find(([key]) => !known.includes(key))?.[0];
  if (unknown !== undefined) {
    const hint = known.length === 0 ? "it has none" : didYouMean(unknown, known, "settings");
    throw new GradusError(`optimizer ${name} has no setting "${unknown}".`, { hint });
  }
  checkRanges(settings, settingRanges);
  return found.make(Object.fromEntries(given) as Record<string, number>);
}
