/** Closing figures: predictions against the truth, each with its interval. */
import type { TargetPlan } from "../data/target-plan.ts";
import { countCategories, type Table } from "../data/table.ts";
import { internal } from "../util/errors.ts";
import { bootstrapMean, regressionIntervals, wilsonInterval } from "../util/statistics.ts";
import { countWrong } from "./events.ts";
import type { Baseline, Metrics } from "./experiment-events.ts";

/** Bootstraps are seeded alike in every run, so that equal predictions give equal intervals. */
const bootstrap = { seed: 1 };

/**
 * Classification: `error`, Wilson's interval. Regression: `r2` and `rmse` in the target's own unit, and `r2_log`, `rmse_log`
 * on the scale it was trained on where that is the logarithm; bootstrap intervals.
 * @param prediction [rows · outputs]: probabilities, or amounts in the target's own unit
 * @param targets classification: [rows · outputs], 0/1 or one-hot; regression: amounts [rows]
 */
export function measure(plan: TargetPlan, prediction: ArrayLike<number>, targets: ArrayLike<number>, outputs: number): Metrics {
  if (plan.kind === "classes") {
    const wrong = countWrong(Float32Array.from(prediction), Float32Array.from(targets), outputs);
    return { error: wilsonInterval(wrong, targets.length / outputs) };
  }
  const metrics = regressionIntervals(targets, prediction, bootstrap);
  if (!plan.log) return metrics;
  const { r2, rmse } = regressionIntervals(Float64Array.from(targets, Math.log), Float64Array.from(prediction, Math.log), bootstrap);
  return { ...metrics, r2_log: r2, rmse_log: rmse };
}

/** The mean loss with its interval. */
export function measureLoss(loss: Float32Array): Metrics {
  return { loss: bootstrapMean(loss, bootstrap) };
}

/** The network's own numbers in the target's unit. */
export function restoreAmounts(prediction: Float32Array, plan: Extract<TargetPlan, { kind: "amount" }>): Float64Array {
  return Float64Array.from(prediction, (value) => {
    const amount = value * plan.deviation + plan.mean;
    return plan.log ? Math.exp(amount) : amount;
  });
}

/** The amounts of rows, as the table has them. */
export function amountsOf(table: Table, rows: Int32Array): Float64Array {
  const column = table.target?.column;
  if (column?.kind !== "numeric") return internal("amounts of a target that is not numeric");
  return Float64Array.from(rows, (row) => column.values[row]!);
}

/** The training part's most frequent class, or its mean, as a prediction for other rows. */
export function measureBaseline(table: Table, train: Int32Array, rows: Int32Array): Baseline {
  const column = table.target?.column ?? internal("a baseline without a target");
  if (column.kind === "numeric") {
    const truth = amountsOf(table, rows);
    let sum = 0;
    for (const row of train) sum += column.values[row]!;
    const guess = new Float64Array(rows.length).fill(sum / train.length);
    return { name: "the mean", metrics: regressionIntervals(truth, guess, bootstrap) };
  }
  const counts = countCategories({ ...column, codes: Int32Array.from(train, (row) => column.codes[row]!) });
  const most = counts.indexOf(Math.max(...counts));
  let wrong = 0;
  for (const row of rows) if (column.codes[row] !== most) wrong++;
  return { name: `always "${column.categories[most]}"`, metrics: { error: wilsonInterval(wrong, rows.length) } };
}
