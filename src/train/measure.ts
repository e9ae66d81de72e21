/** Closing figures: predictions against the truth, each with its interval. */
import { holm } from "../util/hypothesis.ts";
import { kolmogorovSmirnov } from "../util/kolmogorov-smirnov.ts";
import { amountsAt, dependentAmounts, fitTarget, restored, stepsOf, type TargetPlan } from "../data/target-plan.ts";
import { nearestNaive, pastAt } from "../data/naive-forecast.ts";
import { countCategories, type Table } from "../data/table.ts";
import { shareBounds } from "../metrics/intervals.ts";
import { likeliestClasses } from "../metrics/metric.ts";
import { internal } from "../util/errors.ts";
import { bootstrapMean, intervalDifference, regressionIntervals, wilsonInterval, type BootstrapOptions } from "../util/statistics.ts";
import { countWrong } from "./events.ts";
import type { Baseline, Metrics, Mismatch } from "./experiment-events.ts";

/** Bootstraps are seeded alike in every run, so that equal predictions give equal intervals. */
const bootstrap = { seed: 1 };

/** What else a measurement takes into account. */
export interface MeasureChoices {
  /** [rows], whole numbers: rows of one group are one piece of evidence, see {@link groupsOf}. */
  readonly groups?: Int32Array | undefined;
  /** Of two classes the second is answered from this probability on; the likelier one where left out. */
  readonly threshold?: number | undefined;
}

/** Which rows belong together, by the table's group column, where it has one. */
export function groupsOf({ roles }: Table, rows: Int32Array): Int32Array | undefined {
  const { group } = roles;
  return group?.kind === "categorical" ? rows.map((row) => group.codes[row]!) : undefined;
}

/** How a bootstrap over amounts draws: steps of a row and rows of the same moments together, or whole groups. */
export function drawingOf(plan: TargetPlan, groups: Int32Array | undefined): BootstrapOptions & { readonly groups?: Int32Array } {
  if (!groups) return { ...bootstrap, block: dependentAmounts(plan) };
  const steps = plan.kind === "amount" ? (plan.steps ?? 1) : 1;
  return { ...bootstrap, groups: Int32Array.from({ length: groups.length * steps }, (_, i) => groups[Math.floor(i / steps)]!) };
}

/**
 * Classification: `error`, Wilson's interval. Regression: `r2` and `rmse` in the target's own unit, and `r2_log`, `rmse_log`
 * on the scale it was trained on where that is the logarithm; bootstrap intervals over rows.
 * @param prediction [rows · outputs]: probabilities, or amounts in the target's own unit
 * @param targets classification: [rows · outputs], 0/1 or one-hot; regression: amounts [rows · outputs]
 */
export function measure(
  plan: TargetPlan,
  prediction: ArrayLike<number>,
  targets: ArrayLike<number>,
  outputs: number,
  { groups, threshold }: MeasureChoices = {},
): Metrics {
  if (plan.kind === "classes") {
    const n = targets.length / outputs;
    if (!groups && threshold === undefined) {
      const wrong = countWrong(Float32Array.from(prediction), Float32Array.from(targets), outputs);
      return { error: wilsonInterval(wrong, n) };
    }
    const answers = answersOf(prediction, outputs, threshold);
    const isWrong = (row: number): boolean =>
      outputs === 1 ? targets[row]! > 0.5 !== (answers[row] === 1) : targets[row * outputs + answers[row]!]! < 0.5;
    let wrong = 0;
    for (let row = 0; row < n; row++) if (isWrong(row)) wrong += 1;
    return { error: { value: wrong / n, ...shareBounds(isWrong, n, groups ? { groups } : {}, 0.95), n } };
  }
  const drawing = drawingOf(plan, groups);
  const metrics = regressionIntervals(targets, prediction, drawing);
  if (!plan.log) return metrics;
  const { r2, rmse } = regressionIntervals(Float64Array.from(targets, Math.log), Float64Array.from(prediction, Math.log), drawing);
  return { ...metrics, r2_log: r2, rmse_log: rmse };
}

/** The class each row is answered with. @param prediction [rows · outputs]: of two classes one output, the second's probability */
function answersOf(prediction: ArrayLike<number>, outputs: number, threshold: number | undefined): Int32Array {
  if (outputs > 1) return likeliestClasses(prediction, outputs);
  return Int32Array.from(prediction, (p) => ((threshold === undefined ? p > 0.5 : p >= threshold) ? 1 : 0));
}

/** The mean loss with its interval. */
export function measureLoss(plan: TargetPlan, loss: Float32Array, groups?: Int32Array): Metrics {
  const block = plan.kind === "amount" ? (plan.overlap ?? 1) : 1;
  return { loss: bootstrapMean(loss, { ...bootstrap, ...(groups ? { groups } : { block }) }) };
}

/**
 * What the other distribution of the validation part costs: its error less that on rows of the training distribution which were not
 * trained on either (Newcombe's interval of two shares; of amounts the difference of the root mean squared errors).
 */
export function mismatchOf(validation: Metrics, trainDev: Metrics): Mismatch {
  const metric = validation["error"] ? "error" : "rmse";
  return { metric, ...intervalDifference(validation[metric]!, trainDev[metric]!) };
}

/** Whether a network answers alike on two parts. @param a,b [rows · outputs] */
export function compareAnswers(a: Float32Array, b: Float32Array, outputs: number): NonNullable<Mismatch["answers"]> {
  const column = (values: Float32Array, k: number) =>
    Float64Array.from({ length: values.length / outputs }, (_, i) => values[i * outputs + k]!);
  const found = Array.from({ length: outputs }, (_, k) => kolmogorovSmirnov(column(a, k), column(b, k)));
  const adjusted = holm(found.map(({ p }) => p));
  const least = adjusted.indexOf(Math.min(...adjusted));
  return { statistic: found[least]!.statistic, p: adjusted[least]! };
}

/** The network's own numbers for rows of a table in the target's unit. */
export function restoreAmounts(
  prediction: Float32Array,
  plan: Extract<TargetPlan, { kind: "amount" }>,
  table: Table,
  rows: Int32Array,
): Float64Array {
  const past = plan.base && pastAt(table, rows, plan.base.positions);
  return Float64Array.from(prediction, (value, i) => restored(value * plan.deviation + plan.mean, plan) + (past?.[i] ?? 0));
}

/** The amounts of rows, as the table has them; several of one row one after the other. */
export function amountsOf(table: Table, rows: Int32Array): Float64Array {
  const column = table.target?.column;
  if (!column || column.kind === "categorical") return internal("amounts of a target that is not numeric");
  return amountsAt(column, rows, stepsOf(column));
}

/**
 * The training part's most frequent class, or its mean, as a prediction for other rows; of forecasts the mean or a naive forecast, whichever
 * is nearer on the training part.
 */
export function measureBaseline(table: Table, train: Int32Array, rows: Int32Array): Baseline {
  const column = table.target?.column ?? internal("a baseline without a target");
  if (column.kind !== "categorical") {
    const known = amountsOf(table, train);
    const mean = known.reduce((sum, amount) => sum + amount, 0) / known.length;
    const steps = stepsOf(column);
    const naive = nearestNaive(table, train, known);
    const nearer = naive && naive.error < known.reduce((sum, amount) => sum + (amount - mean) ** 2, 0);
    const guess = nearer ? pastAt(table, rows, naive.positions) : new Float64Array(rows.length * steps).fill(mean);
    const metrics = regressionIntervals(amountsOf(table, rows), guess, { ...bootstrap, block: dependentAmounts(fitTarget(table, train)) });
    return { name: nearer ? naive.name : "the mean", metrics };
  }
  const counts = countCategories({ ...column, codes: Int32Array.from(train, (row) => column.codes[row]!) });
  const most = counts.indexOf(Math.max(...counts));
  let wrong = 0;
  for (const row of rows) if (column.codes[row] !== most) wrong++;
  return { name: `always "${column.categories[most]}"`, metrics: { error: wilsonInterval(wrong, rows.length) } };
}
