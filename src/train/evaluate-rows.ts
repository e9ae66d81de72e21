/** A model on rows whose target is known: every metric, with intervals. */
import type { Table } from "../data/table.ts";
import { dependentAmounts } from "../data/target-plan.ts";
import { measureSample, type MeasureOptions, type MetricReport } from "../metrics/measure.ts";
import type { Sample } from "../metrics/metric.ts";
import type { Model } from "../nn/model.ts";
import { internal } from "../util/errors.ts";
import { amountsOf, drawingOf, groupsOf } from "./measure.ts";
import { checked, chooseClasses, measurePrediction, predictRows, type PredictOptions, type Prediction } from "./predict.ts";

/**
 * Every figure of a model on rows: those of a training (`error`; `r2`, `rmse`) first, then the others, see docs/metrics.md. Rows of one group of
 * the table are one piece of evidence.
 * @throws GradusError where the rows are none of the model's, or a metric of yours does not fit
 */
export async function evaluateRows(
  model: Model,
  table: Table,
  rows: Int32Array,
  options: PredictOptions & MeasureOptions = {},
): Promise<MetricReport> {
  const prediction = await predictRows(model, checked(model, table, rows), rows, options);
  return reportOf(model, prediction, table, rows, options);
}

/** The same of a prediction that was made. */
export function reportOf(model: Model, prediction: Prediction, table: Table, rows: Int32Array, options: MeasureOptions = {}): MetricReport {
  const first = measurePrediction(model, prediction, table, rows);
  const report = measureSample(sampleOf(model, prediction, table, rows), options);
  return { ...report, metrics: { ...first, ...report.metrics, ...first } };
}

/** Predictions beside the truth, as metrics take them. */
export function sampleOf({ plan: { target }, threshold }: Model, prediction: Prediction, table: Table, rows: Int32Array): Sample {
  const groups = groupsOf(table, rows);
  if (prediction.kind === "amount") {
    const truth = amountsOf(table, rows);
    const block = dependentAmounts(target);
    const together = groups
      ? drawingOf(target, groups).groups
      : block > 1
        ? Int32Array.from(truth, (_, i) => Math.floor(i / block))
        : undefined;
    return { kind: "amounts", truth, prediction: prediction.amounts, ...(together ? { groups: together } : {}) };
  }
  const column = table.target?.column;
  if (column?.kind !== "categorical") return internal("classes of a target that has none");
  return {
    kind: "classes",
    classes: prediction.classes,
    truth: rows.map((row) => column.codes[row]!),
    probabilities: prediction.probabilities,
    answers: chooseClasses(prediction, threshold),
    ...(groups ? { groups } : {}),
  };
}
