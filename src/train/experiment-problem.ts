/** What an experiment trains, without training it: the problem and rows of its training part, ready for the network. */
import { schemaOf, type Table } from "../data/table.ts";
import { outputsOf } from "../data/target-plan.ts";
import { compile } from "../exec/executor.ts";
import type { Executor } from "../exec/session.ts";
import { lossOf } from "../nn/losses/index.ts";
import type { Model } from "../nn/model.ts";
import { rng } from "../util/rng.ts";
import type { Dataset } from "./dataset.ts";
import { batchSizeFor } from "./batch-size.ts";
import { resolveExperiment, type Experiment, type ResolvedExperiment } from "./experiment.ts";
import { readExperimentTable, sizeOf } from "./experiment-run.ts";
import { choiceOf, withPretrained, type ModelReader } from "./model-choice.ts";
import { splitExperiment, withSavedSplit, type SplitReader } from "./experiment-split.ts";
import { planTable } from "./plan-table.ts";
import { prepareDatasets } from "./prepare.ts";
import { layoutOf, type Problem } from "./step-graph.ts";

export interface ExperimentProblem {
  readonly experiment: ResolvedExperiment;
  readonly problem: Problem;
  /** A seeded sample of the training part, in random order. */
  readonly data: Dataset;
  /** Rows of the whole training part. */
  readonly trainRows: number;
}

const platform: Executor = { name: "platform", compile };

/**
 * @param rows at most so many rows are prepared
 * @param readers of the ONNX file that an experiment begins with, of the split file it names
 */
export async function experimentProblem(
  given: Experiment,
  rows: number,
  { readModel, readSplit }: { readonly readModel?: ModelReader; readonly readSplit?: SplitReader } = {},
): Promise<ExperimentProblem> {
  const { experiment: begun, graph } = withPretrained(given, readModel);
  const { experiment, saved } = await withSavedSplit(begun, readSplit);
  const table = await readExperimentTable(experiment);
  const parts = await splitExperiment(table, experiment, { saved });
  const { train } = parts;
  const { task, name: target } = table.target!;
  const resolved = resolveExperiment(experiment, {
    task,
    target,
    classes: schemaOf(table).target?.classes?.length ?? 0,
    trainRows: train.length,
  });
  const { loss, model, data } = resolved;
  const { plan, problem } = planTable(choiceOf(model, graph), parts, {
    loss,
    targetTransform: data.targetTransform,
    maxLength: data.maxLength,
    transforms: experiment.transforms,
    size: sizeOf(data),
  });
  const batchSize = experiment.batchSize ?? batchSizeFor(train.length, problem, layoutOf(problem));
  return {
    experiment: { ...resolved, batchSize },
    problem,
    data: await sampled(table, train, plan, resolved.seed, rows),
    trainRows: train.length,
  };
}

/** The same of a trained model, on rows of the table it was trained on. */
export async function modelProblem(
  model: Model,
  table: Table,
  train: Int32Array,
  seed: number,
  rows: number,
): Promise<Omit<ExperimentProblem, "experiment">> {
  const { network, loss, plan } = model;
  const problem: Problem = {
    network,
    loss: lossOf(loss),
    inputShape: [plan.features.length],
    outputs: outputsOf(plan.target),
    saved: model.theta,
    ...(plan.variableLength ? { variableLength: true } : {}),
  };
  return { problem, data: await sampled(table, train, plan, seed, rows), trainRows: train.length };
}

async function sampled(table: Table, train: Int32Array, plan: Model["plan"], seed: number, rows: number): Promise<Dataset> {
  const order = rng(seed, "rows to check").permutation(train.length).subarray(0, rows);
  const [data] = await prepareDatasets(table, [order.map((at) => train[at]!)], plan, platform);
  return data!;
}
