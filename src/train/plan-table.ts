/** What a fit trains, before it trains: a plan for the columns, a network and a loss that suit the target. */
import { fitPreprocessing, type PreprocessPlan } from "../data/preprocess.ts";
import { outputsOf } from "../data/target-plan.ts";
import { lossByName, lossChoice, lossOf } from "../nn/losses/index.ts";
import type { Loss } from "../nn/loss.ts";
import { GradusError } from "../util/errors.ts";
import { defaultLoss } from "./experiment.ts";
import type { FitTableOptions, TableParts } from "./fit-table.ts";
import { networkFor, type ModelChoice } from "./model-choice.ts";
import type { Problem } from "./step-graph.ts";

/**
 * What a fit trains, before it trains: preprocessing fitted on the training rows, the network and the loss that suit the target.
 * @throws GradusError where the network, the loss or the target do not fit each other
 */
export function planTable(
  model: ModelChoice,
  { table, train }: TableParts,
  options: Pick<FitTableOptions, "targetTransform" | "loss" | "maxLength" | "size" | "transforms">,
): { readonly plan: PreprocessPlan; readonly notes: readonly string[]; readonly problem: Problem } {
  const { plan, notes } = fitPreprocessing(table, train, {
    log: options.targetTransform === "log",
    power: options.targetTransform === "yeoJohnson",
    change: options.targetTransform === "change",
    together: "shape" in model && model.shape !== undefined,
    maxLength: options.maxLength,
    size: options.size ?? imageSize(model),
    settings: options.transforms,
  });
  refuseReservedNames(plan, table.source.path);
  const { task } = table.target!;
  const outputs = outputsOf(plan.target);
  const classes = plan.target.kind === "classes" ? plan.target.classes.length : 0;
  const loss = checkLoss(lossOf(options.loss ?? defaultLoss(task, classes)), task, classes);
  const problem: Problem = {
    network: networkFor(model, plan, loss),
    loss,
    inputShape: [plan.features.length],
    outputs,
    ...(plan.variableLength ? { variableLength: true } : {}),
  };
  return { plan, notes, problem };
}

/** [height, width] of what the model takes, where that is images. */
function imageSize(model: ModelChoice): readonly [number, number] | undefined {
  const [, height, width, more] = ("kind" in model ? model.shape : undefined) ?? [];
  return height === undefined || width === undefined || more !== undefined ? undefined : [height, width];
}

/** A model's inputs are named as the columns; its outputs have names of their own. */
function refuseReservedNames({ columns }: PreprocessPlan, path: string): void {
  const taken = columns.find(({ column }) => column === "prediction" || column === "probabilities");
  if (!taken) return;
  throw new GradusError(`${path}: a feature is named "${taken.column}", as an output of every model is.`, {
    hint: `rename the column, or leave it out: --drop ${taken.column}`,
  });
}

/** Of ours one alone fits classes; one of the caller's must predict as that one does. */
function checkLoss(loss: Loss, task: "classification" | "regression", classes: number): Loss {
  const usual = defaultLoss(task, classes);
  const { prediction } = lossByName(usual);
  const isOurs = typeof lossChoice(loss) === "string";
  if (isOurs && task === "classification" ? loss.name === usual : loss.prediction === prediction) return loss;
  const what = task === "regression" ? "regression" : `${classes} classes`;
  const hint = task === "regression" ? "meanSquared, meanAbsolute or huber" : usual;
  throw new GradusError(`loss ${loss.name} does not fit ${what}.`, {
    hint: isOurs ? hint : `its prediction must be "${prediction}", found "${loss.prediction}"`,
  });
}
