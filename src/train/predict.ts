/** Predictions of a trained model on raw rows, through the very graph that model.onnx holds. */
import { callsOf, rawInputs } from "../data/preprocess.ts";
import { naiveForecasts, pastAt } from "../data/naive-forecast.ts";
import { dependentAmounts, outputsOf, restored, targetTensor, type TargetPlan } from "../data/target-plan.ts";
import type { Table } from "../data/table.ts";
import type { CompileOptions, Executor } from "../exec/session.ts";
import { compile } from "../exec/executor.ts";
import { modelGraph, type Model } from "../nn/model.ts";
import { GradusError } from "../util/errors.ts";
import { regressionIntervals, wilsonInterval } from "../util/statistics.ts";
import type { Baseline, Metrics } from "./experiment-events.ts";
import { amountsOf, groupsOf, measure } from "./measure.ts";
import { rowsPerCall } from "./prepare.ts";

/** Of rows in order: amounts in the target's unit, or a probability per class. */
export type Prediction =
  | { readonly kind: "amount"; /** [rows · steps] */ readonly amounts: Float32Array; /** Amounts of a row. */ readonly steps: number }
  | { readonly kind: "classes"; readonly classes: readonly string[]; /** [rows · classes] */ readonly probabilities: Float32Array };

export interface PredictOptions extends CompileOptions {
  /** Default: the platform's ONNX Runtime. */
  readonly executor?: Executor;
}

/** @param rows of a table read with the model's schema */
export async function predictRows(model: Model, table: Table, rows: Int32Array, options: PredictOptions = {}): Promise<Prediction> {
  const { executor, ...runtime } = options;
  const graph = modelGraph(model);
  const most = rowsPerCall(model.plan);
  const calls = callsOf(table, rows, model.plan, most);
  const sizes = [...new Set(calls.map(({ length }) => length))].map((batch) => ({ batch }));
  const known = { sizes, ...runtime };
  const session = await (executor ? executor.compile(graph, known) : compile(graph, known));
  const { target } = model.plan;
  const width = target.kind === "classes" ? target.classes.length : outputsOf(target);
  const output = target.kind === "classes" ? "probabilities" : "prediction";
  const values = new Float32Array(rows.length * width);
  try {
    for (const positions of calls) {
      const results = await session.run(
        rawInputs(
          table,
          positions.map((at) => rows[at]!),
          model.plan,
        ),
      );
      const found = results[output]!.data as Float32Array;
      positions.forEach((at, i) => values.set(found.subarray(i * width, (i + 1) * width), at * width));
    }
  } finally {
    await session.dispose();
  }
  return target.kind === "classes"
    ? { kind: "classes", classes: target.classes, probabilities: values }
    : { kind: "amount", amounts: values, steps: width };
}

/** The figures of a model on rows whose target is known; rows of one group of the table are one piece of evidence. */
export async function measureRows(model: Model, table: Table, rows: Int32Array, options: PredictOptions = {}): Promise<Metrics> {
  return measurePrediction(model, await predictRows(model, checked(model, table, rows), rows, options), table, rows);
}

/** The same of a prediction that was made. */
export function measurePrediction({ plan: { target }, threshold }: Model, prediction: Prediction, table: Table, rows: Int32Array): Metrics {
  const groups = groupsOf(table, rows);
  if (prediction.kind === "amount") return measure(target, prediction.amounts, amountsOf(table, rows), prediction.steps, { groups });
  const { probabilities, classes } = prediction;
  const truth = targetTensor(table, rows, target).data as Float32Array;
  // Two classes have one unit: the second class's probability.
  const second = probabilities.filter((_, i) => i % 2 === 1);
  return classes.length === 2
    ? measure(target, second, truth, 1, { groups, threshold })
    : measure(target, probabilities, truth, classes.length, { groups });
}

/** The table, once its amounts are known to have what the model needs. */
export function checked({ plan: { target } }: Model, table: Table, rows: Int32Array): Table {
  if (target.kind === "amount" && target.log) refuseAmountsWithoutLogarithm(table, rows, target.name);
  return table;
}

/**
 * The training part's answer that needs no network, on rows of a file without that part: its most frequent class, its mean, or
 * after training on the logarithm or a power the mean there, taken back.
 * @param name of the baseline that the run stored: `always "no"`
 */
export function measureStoredBaseline(target: TargetPlan, name: string, table: Table, rows: Int32Array): Baseline {
  if (target.kind === "amount") {
    const steps = outputsOf(target);
    const naive = naiveForecasts(table).get(name);
    const guess = naive ? pastAt(table, rows, naive) : new Float64Array(rows.length * steps).fill(restored(target.mean, target));
    const metrics = regressionIntervals(amountsOf(table, rows), guess, { seed: 1, block: dependentAmounts(target) });
    if (naive) return { name, metrics };
    const power = target.lambda === undefined ? "the mean" : "the mean of the powers";
    return { name: target.log ? "the geometric mean" : power, metrics };
  }
  const most = target.classes.findIndex((candidate) => name === `always "${candidate}"`);
  const { column } = table.target!;
  let wrong = 0;
  for (const row of rows) if (column.kind === "categorical" && column.codes[row] !== most) wrong++;
  return { name, metrics: { error: wilsonInterval(wrong, rows.length) } };
}

function refuseAmountsWithoutLogarithm(table: Table, rows: Int32Array, target: string): void {
  const amounts = amountsOf(table, rows);
  const bad = amounts.findIndex((amount) => !(amount > 0));
  if (bad < 0) return;
  throw new GradusError(
    `${table.source.path}, row ${rows[Math.floor((bad * rows.length) / amounts.length)]! + 1}: the run was trained on the logarithm of "${target}", which needs amounts above 0, found ${amounts[bad]}.`,
    { hint: "leave such rows out, or train without --target-transform log." },
  );
}

/**
 * The class of each row: the likeliest, the first of equals, as in model.onnx (of two, the second where its probability is above ½).
 * With a threshold, of two classes the second one where its probability is at least that.
 * @returns positions in `classes`
 */
export function chooseClasses({ classes, probabilities }: Extract<Prediction, { kind: "classes" }>, threshold?: number): Int32Array {
  const k = classes.length;
  return Int32Array.from({ length: probabilities.length / k }, (_, row) => {
    if (k === 2 && threshold !== undefined) return probabilities[2 * row + 1]! >= threshold ? 1 : 0;
    let likeliest = 0;
    for (let c = 1; c < k; c++) if (probabilities[row * k + c]! > probabilities[row * k + likeliest]!) likeliest = c;
    return likeliest;
  });
}
