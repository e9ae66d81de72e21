/** Predictions of a trained model on raw rows, through the very graph that model.onnx holds. */
import { rawInputs } from "../data/preprocess.ts";
import { targetTensor } from "../data/target-plan.ts";
import type { Table } from "../data/table.ts";
import type { CompileOptions, Executor } from "../exec/session.ts";
import { compile } from "../exec/executor.ts";
import { modelGraph, type Model } from "../nn/model.ts";
import type { Metrics } from "./experiment-events.ts";
import { amountsOf, measure } from "./measure.ts";

/** Of rows in order: amounts in the target's unit, or a probability per class. */
export type Prediction =
  | { readonly kind: "amount"; readonly amounts: Float32Array }
  | { readonly kind: "classes"; readonly classes: readonly string[]; /** [rows · classes] */ readonly probabilities: Float32Array };

export interface PredictOptions extends CompileOptions {
  /** Default: the platform's ONNX Runtime. */
  readonly executor?: Executor;
}

const rowsPerCall = 8192;

/** @param rows of a table read with the model's schema */
export async function predictRows(model: Model, table: Table, rows: Int32Array, options: PredictOptions = {}): Promise<Prediction> {
  const { executor, ...runtime } = options;
  const graph = modelGraph(model);
  const session = await (executor ? executor.compile(graph, runtime) : compile(graph, runtime));
  const { target } = model.plan;
  const width = target.kind === "classes" ? target.classes.length : 1;
  const output = target.kind === "classes" ? "probabilities" : "prediction";
  const values = new Float32Array(rows.length * width);
  try {
    for (let from = 0; from < rows.length; from += rowsPerCall) {
      const results = await session.run(rawInputs(table, rows.subarray(from, from + rowsPerCall), model.plan));
      values.set(results[output]!.data as Float32Array, from * width);
    }
  } finally {
    await session.dispose();
  }
  return target.kind === "classes"
    ? { kind: "classes", classes: target.classes, probabilities: values }
    : { kind: "amount", amounts: values };
}

/** The figures of a model on rows whose target is known. */
export async function measureRows(model: Model, table: Table, rows: Int32Array, options: PredictOptions = {}): Promise<Metrics> {
  const prediction = await predictRows(model, table, rows, options);
  const { target } = model.plan;
  if (prediction.kind === "amount") return measure(target, prediction.amounts, amountsOf(table, rows), 1);
  const { probabilities, classes } = prediction;
  const truth = targetTensor(table, rows, target).data as Float32Array;
  // Two classes have one unit: the second class's probability.
  if (classes.length === 2)
    return measure(
      target,
      probabilities.filter((_, i) => i % 2 === 1),
      truth,
      1,
    );
  return measure(target, probabilities, truth, classes.length);
}

/**
 * The class of each row: the likeliest; of two, the second one from a probability of `threshold` on.
 * @returns positions in `classes`
 */
export function chooseClasses({ classes, probabilities }: Extract<Prediction, { kind: "classes" }>, threshold = 0.5): Int32Array {
  const k = classes.length;
  return Int32Array.from({ length: probabilities.length / k }, (_, row) => {
    if (k === 2) return probabilities[2 * row + 1]! >= threshold ? 1 : 0;
    let likeliest = 0;
    for (let c = 1; c < k; c++) if (probabilities[row * k + c]! > probabilities[row * k + likeliest]!) likeliest = c;
    return likeliest;
  });
}
