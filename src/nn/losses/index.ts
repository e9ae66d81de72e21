/** Losses, by name. Classification losses take logits, so that they stay finite however sure the network is. */
import { int64, type Value } from "../../ir/graph.ts";
import { ops } from "../../ops/build.ts";
import { GradusError } from "../../util/errors.ts";
import type { Loss } from "../loss.ts";

const sumUnits = (value: Value) => ops.ReduceSum(value, int64([1]), { keepdims: 0 });
const meanUnits = (value: Value) => ops.ReduceMean(value, { axes: [1], keepdims: 0 });

/** −log p(y): softplus(z) − y·z with p = sigmoid(z). */
const bernoulli = (z: Value, y: Value) => ops.Sub(ops.Softplus(z), ops.Mul(y, z));

export const losses = {
  /** Two classes, one logit. */
  binaryCrossEntropy: {
    name: "binaryCrossEntropy",
    prediction: "sigmoid",
    perExample: (z, y) => sumUnits(bernoulli(z, y)),
  },
  /** Several labels at once, a logit each; the mean over labels. */
  multiLabelCrossEntropy: {
    name: "multiLabelCrossEntropy",
    prediction: "sigmoid",
    perExample: (z, y) => meanUnits(bernoulli(z, y)),
  },
  /** One of several classes: −Σ y·log softmax(z), y one-hot. */
  categoricalCrossEntropy: {
    name: "categoricalCrossEntropy",
    prediction: "softmax",
    perExample: (z, y) => ops.Neg(sumUnits(ops.Mul(y, ops.LogSoftmax(z, { axis: -1 })))),
  },
  /** (z − y)², the mean over units. */
  meanSquared: {
    name: "meanSquared",
    prediction: "identity",
    perExample: (z, y) => {
      const d = ops.Sub(z, y);
      return meanUnits(ops.Mul(d, d));
    },
  },
  meanAbsolute: {
    name: "meanAbsolute",
    prediction: "identity",
    perExample: (z, y) => meanUnits(ops.Abs(ops.Sub(z, y))),
  },
  /** ½d² within |d| ≤ 1, |d| − ½ beyond (Huber 1964, δ = 1): ½c² + |d| − c with c = min(|d|, 1). */
  huber: {
    name: "huber",
    prediction: "identity",
    perExample: (z, y) => {
      const size = ops.Abs(ops.Sub(z, y));
      const c = ops.Min(size, 1);
      return meanUnits(ops.Add(ops.Mul(ops.Mul(c, c), 0.5), ops.Sub(size, c)));
    },
  },
} as const satisfies Record<string, Loss>;

export type LossName = keyof typeof losses;

/** @throws GradusError for a name that is not a loss */
export function lossByName(name: string): Loss {
  const found = Object.hasOwn(losses, name) ? losses[name as LossName] : undefined;
  if (!found)
    throw new GradusError(`no loss "${name}"`, {
      hint: `one of ${Object.keys(losses).join(", ")}; one of your own is given as { name, prediction, perExample }`,
    });
  return found;
}

/** A loss of ours by its name, or one of the caller's. */
export type LossChoice = LossName | Loss;

/** @throws GradusError for a name that is not a loss, or a loss of the caller's that takes one of our names */
export function lossOf(choice: LossChoice): Loss {
  if (typeof choice === "string") return lossByName(choice);
  const { name } = choice;
  if (!Object.hasOwn(losses, name) || losses[name as LossName] === choice) return choice;
  throw new GradusError(`a loss of your own cannot be named "${name}": that is another one's name`);
}

/** As a model holds it: a loss of ours by its name alone. */
export function lossChoice(loss: Loss): LossChoice {
  const { name } = lossOf(loss);
  return Object.hasOwn(losses, name) ? (name as LossName) : loss;
}
