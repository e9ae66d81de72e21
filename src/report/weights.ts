/** What training made of the weights, layer by layer: figures and histograms; and how much of a tanh layer works where tanh is a line. */
import { outputsOf } from "../data/target-plan.ts";
import type { Executor } from "../exec/session.ts";
import { isInitializerName } from "../nn/initializers/index.ts";
import { lossOf } from "../nn/losses/index.ts";
import { modelLayout, type Model } from "../nn/model.ts";
import { initializeParameters } from "../nn/parameters.ts";
import { linearShares, weightFigures, type WeightFigures } from "../train/bought.ts";
import type { Dataset } from "../train/dataset.ts";
import type { Problem } from "../train/step-graph.ts";
import type { Bins } from "./charts.ts";

export interface WeightFacts extends WeightFigures {
  readonly bins: Bins;
}

export interface LinearFacts {
  /** `tanh_1` */
  readonly name: string;
  /** Share of its inputs with |z| < 0.5, by the weights that were kept. */
  readonly share: number;
  /** The same by the weights that training began with; left out where they cannot be drawn again. */
  readonly before?: number;
}

const bins = 41;

/** What a model was trained as. */
export function problemOf({ network, loss, plan }: Pick<Model, "network" | "loss" | "plan">): Problem {
  return { network, loss: lossOf(loss), inputShape: [plan.features.length], outputs: outputsOf(plan.target) };
}

/** Of every tensor of weights, in forward order. */
export function weightFacts(model: Pick<Model, "network" | "plan" | "theta">): WeightFacts[] {
  const layout = modelLayout(model);
  const slots = layout.slots.filter(({ role }) => role === "weight");
  return weightFigures(layout, model.theta).map((figures, i) => {
    const { offset, size } = slots[i]!;
    return { ...figures, bins: binsOf(model.theta.subarray(offset, offset + size)) };
  });
}

/** From minus the largest size to it. */
function binsOf(weights: Float32Array): Bins {
  const reach = weights.reduce((most, w) => Math.max(most, Math.abs(w)), 0) || 1;
  const counts = new Array<number>(bins).fill(0);
  for (const w of weights) counts[Math.min(bins - 1, Math.floor(((w + reach) / (2 * reach)) * bins))]! += 1;
  return { edges: Array.from({ length: bins + 1 }, (_, i) => -reach + (2 * reach * i) / bins), counts };
}

/**
 * Of every tanh layer, over examples, before the training and after it.
 * @param seed of the experiment, which the first weights were drawn by
 */
export async function linearFacts(model: Model, examples: Dataset, executor: Executor, seed: number): Promise<LinearFacts[]> {
  const layout = modelLayout(model);
  const shares = (theta: Float32Array) => linearShares(problemOf(model), layout, theta, examples, { executor });
  const after = await shares(model.theta);
  const drawn = layout.slots.every(({ initializer }) => typeof initializer === "string" && isInitializerName(initializer));
  if (!drawn || after.length === 0) return after;
  const first = new Float32Array(layout.size);
  initializeParameters(layout, first, seed);
  const before = await shares(first);
  return after.map((found, i) => ({ ...found, before: before[i]!.share }));
}
