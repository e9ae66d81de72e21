/** What a fit says of what it is about to train. */
import type { PreprocessPlan } from "../data/preprocess.ts";
import { detectablePoints, resolvablePoints } from "../data/part-sizes.ts";
import type { ActivationName } from "../nn/activation.ts";
import { initializerName } from "../nn/initializers/index.ts";
import type { Layer } from "../nn/layer.ts";
import type { ActivationLayer } from "../nn/layers/activation.ts";
import type { Network } from "../nn/network.ts";
import type { ParameterLayout } from "../nn/parameters.ts";
import type { ExperimentEvent } from "./experiment-events.ts";
import type { TableParts } from "./fit-table.ts";
import type { ModelChoice } from "./model-choice.ts";
import type { Problem } from "./step-graph.ts";

/** What is said of a split. */
export function describeSplit(parts: TableParts): Extract<ExperimentEvent, { type: "split" }> {
  const { policy, notes, train, validation, test, trainDev, table } = parts;
  return {
    type: "split",
    policy,
    train: train.length,
    validation: validation.length,
    test: test.length,
    ...(trainDev ? { trainDev: trainDev.length } : {}),
    ...(table.target?.task === "classification"
      ? { resolves: resolvablePoints(validation.length), detects: detectablePoints(validation.length) }
      : {}),
    notes,
  };
}

export function describeTransforms(plan: PreprocessPlan, notes: readonly string[]): ExperimentEvent {
  const columns: Record<string, number> = {};
  for (const { kind } of plan.columns) columns[kind] = (columns[kind] ?? 0) + 1;
  return { type: "transforms", columns, inputs: plan.features.length, log: plan.target.kind === "amount" && plan.target.log, notes };
}

/** What the network is. */
export function describeNetwork(model: ModelChoice, plan: PreprocessPlan, problem: Problem, layout: ParameterLayout) {
  const weights = layout.slots.filter(({ role }) => role === "weight");
  return {
    ...("kind" in model ? { architecture: model.kind } : {}),
    ...shapeOf(model, plan),
    units: unitsOf(problem),
    ...activationOf(problem.network),
    initializers: [...new Set(weights.map(({ initializer }) => initializerName(initializer)))],
    parameters: layout.trainable,
    ...frozenOf(layout),
    loss: problem.loss.name,
  };
}

/** Inputs, then the units or filters of every layer that has them. */
function unitsOf({ network, inputShape }: Problem): number[] {
  const units = (layers: readonly Layer[]): number[] =>
    layers.flatMap((layer) => {
      const own = layer as { readonly units?: number; readonly filters?: number; readonly layers?: readonly Layer[] };
      return [own.units ?? own.filters ?? [], own.layers ? units(own.layers) : []].flat();
    });
  return [...inputShape, ...units(network.layers)];
}

/** Of one example, where it is more than a row. */
export function shapeOf(model: ModelChoice, plan: PreprocessPlan): { shape?: readonly number[] } {
  const shape = ("kind" in model ? model.shape : undefined) ?? plan.shape;
  return shape ? { shape } : {};
}

/** Numbers that stay as they are, where there are any. */
function frozenOf({ slots }: ParameterLayout): { frozen?: number } {
  const frozen = slots.reduce((sum, slot) => sum + (slot.frozen ? slot.size : 0), 0);
  return frozen > 0 ? { frozen } : {};
}

/** The first activation layer's. */
function activationOf({ layers }: Network): { activation?: ActivationName } {
  const found = layers.find((layer): layer is ActivationLayer => layer.kind === "activation");
  return found ? { activation: found.activation } : {};
}
