/** A small network for a question of the audit: trained on some rows of a table, asked about others. */
import type { PreprocessPlan } from "../data/preprocess.ts";
import type { Table } from "../data/table.ts";
import { optimizerByName, optimizers } from "../optim/optimizers/index.ts";
import { scheduleByName } from "../optim/schedules/index.ts";
import type { Dataset } from "../train/dataset.ts";
import { createEvaluator, type Evaluation } from "../train/evaluate.ts";
import { defaultBatchSize } from "../train/batch-size.ts";
import { fit } from "../train/fit.ts";
import { planTable } from "../train/plan-table.ts";
import { mlp } from "../train/model-choice.ts";
import { prepareDatasets } from "../train/prepare.ts";
import type { Problem } from "../train/step-graph.ts";
import type { AuditContext } from "./rule.ts";

export interface SmallNetwork {
  readonly problem: Problem;
  readonly plan: PreprocessPlan;
  /** Rows of the table as the network takes them. */
  prepare(rows: Int32Array): Promise<Dataset>;
  /** Losses and predictions, copied. */
  ask(data: Dataset): Promise<Evaluation>;
  dispose(): Promise<void>;
}

export interface SmallOptions {
  /** Units of the hidden layers. */
  readonly layers?: readonly number[];
  /** Steps at least; epochs are rounded up. */
  readonly steps?: number;
  readonly seed?: number;
}

/** Trains on rows of a table: an mlp with AdamW and a falling rate for a few hundred steps, the last weights kept. */
export async function trainSmall(
  table: Table,
  train: Int32Array,
  { executor, runtime, seed: usual, sees = {} }: Pick<AuditContext, "executor" | "runtime" | "seed" | "sees">,
  { layers = [32], steps = 400, seed = usual }: SmallOptions = {},
): Promise<SmallNetwork> {
  const parts = { table, train, validation: train, test: new Int32Array(), policy: "", notes: [] };
  const { plan, problem } = planTable(mlp({ layers }), parts, sees);
  const prepare = async (rows: Int32Array) => (await prepareDatasets(table, [rows], plan, executor, runtime))[0]!;
  const batchSize = Math.min(64, defaultBatchSize(train.length));
  const epochs = Math.max(1, Math.ceil(steps / Math.ceil(train.length / batchSize)));
  const { theta, layout } = await fit(
    problem,
    { train: await prepare(train) },
    {
      optimizer: optimizerByName("adamw"),
      learningRate: optimizers.adamw.learningRate,
      schedule: scheduleByName("cosine"),
      epochs,
      batchSize,
      seed,
      executor,
      ...(runtime.threads ? { threads: runtime.threads } : {}),
      ...(runtime.device ? { device: runtime.device } : {}),
    },
  );
  const evaluator = await createEvaluator(problem, layout, executor, runtime);
  return {
    problem,
    plan,
    prepare,
    async ask(data) {
      const { loss, prediction } = await evaluator.evaluate(theta, data);
      return { loss: loss.slice(), prediction: prediction.slice() };
    },
    dispose: () => evaluator.dispose(),
  };
}
