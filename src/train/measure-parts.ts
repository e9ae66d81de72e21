/** Closing figures of whole parts, with the weights that were kept. */
import type { PreprocessPlan } from "../data/preprocess.ts";
import type { Table } from "../data/table.ts";
import type { CompileOptions, Executor } from "../exec/session.ts";
import { checkCosts, chooseThreshold, type Costs, type Decision } from "../metrics/decision.ts";
import type { ParameterLayout } from "../nn/parameters.ts";
import { GradusError } from "../util/errors.ts";
import type { TrainingData } from "./dataset.ts";
import { createEvaluator } from "./evaluate.ts";
import type { Metrics } from "./experiment-events.ts";
import { amountsOf, groupsOf, measure, measureLoss, restoreAmounts } from "./measure.ts";
import type { Problem } from "./step-graph.ts";

interface MeasuredBy {
  readonly table: Table;
  readonly plan: PreprocessPlan;
  readonly executor: Executor;
  readonly runtime: CompileOptions;
  readonly costs?: Costs | undefined;
}

/**
 * The figures of parts; where wrong answers have their costs, by the threshold of least cost on the first.
 * @param parts rows of the table, and as the network takes them: the validation part first
 * @returns also the network's own answers for each part, [rows · outputs]
 */
export async function measureParts(
  problem: Problem,
  layout: ParameterLayout,
  theta: Float32Array,
  { table, plan, executor, runtime, costs }: MeasuredBy,
  parts: readonly (readonly [Int32Array, TrainingData])[],
): Promise<{ readonly metrics: Metrics[]; readonly decision?: Decision; readonly predictions: Float32Array[] }> {
  const evaluator = await createEvaluator(problem, layout, executor, { ...runtime, rows: parts.map(([rows]) => rows.length) });
  const { target } = plan;
  let decision: Decision | undefined;
  try {
    const metrics: Metrics[] = [];
    const predictions: Float32Array[] = [];
    for (const [rows, data] of parts) {
      const { loss, prediction } = await evaluator.evaluate(theta, data);
      predictions.push(prediction);
      const groups = groupsOf(table, rows);
      const targets = data.targets.data as Float32Array;
      if (costs) decision ??= chooseThreshold(prediction, targets, costs, { groups });
      const figures =
        target.kind === "classes"
          ? measure(target, prediction, targets, problem.outputs, { groups, threshold: decision?.threshold.value })
          : measure(target, restoreAmounts(prediction, target, table, rows), amountsOf(table, rows), problem.outputs, { groups });
      metrics.push({ ...figures, ...measureLoss(target, loss, groups) });
    }
    return { metrics, predictions, ...(decision ? { decision } : {}) };
  } finally {
    await evaluator.dispose();
  }
}

/** Costs of wrong answers make a threshold, which two classes have. @throws GradusError for others, or costs that are none */
export function refuseCosts(costs: Costs, { target }: PreprocessPlan): void {
  checkCosts(costs);
  if (target.kind === "classes" && target.classes.length === 2) return;
  const found = target.kind === "classes" ? `${target.classes.length} classes` : "amounts";
  throw new GradusError(`costs of false positives and false negatives are for two classes; the target has ${found}.`, {
    hint: target.kind === "classes" ? "leave them out; in a program answersByCost takes a matrix of costs." : "leave them out.",
  });
}
