/** Permutation importance: how much worse a model answers when one raw column tells it nothing. */
import { selectColumn, type Column, type Table } from "../data/table.ts";
import type { Model } from "../nn/model.ts";
import { GradusError } from "../util/errors.ts";
import { rng } from "../util/rng.ts";
import { bootstrapIntervals, type Interval } from "../util/statistics.ts";
import type { Sample } from "../metrics/metric.ts";
import { drawingOf, groupsOf } from "./measure.ts";
import { sampleOf } from "./evaluate-rows.ts";
import { checked, predictRows, type PredictOptions } from "./predict.ts";

export interface ImportanceOptions extends PredictOptions {
  /** Permutations of each column; default 5. */
  readonly repeats?: number;
  /** Default 1. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
  /** After each column. */
  readonly onColumn?: (done: number, of: number) => void;
}

/** What a column is worth, in the unit of `metric`. */
export interface ColumnImportance {
  readonly column: string;
  /** `error` in shares, `rmse` in the target's unit: with the column permuted, less as it is. */
  readonly increase: Interval;
}

export interface Importance {
  readonly metric: "error" | "rmse";
  readonly repeats: number;
  /** The largest first. */
  readonly columns: readonly ColumnImportance[];
}

/**
 * Permutes each raw column among the rows, `repeats` times, and compares with the same rows as they are (Breiman 2001; Fisher, Rudin and Dominici
 * 2019). The interval is a bootstrap over rows, or groups of them, of the paired difference, permutations averaged. Of columns that say the same
 * neither looks important. Images and sequences are permuted whole.
 * @throws GradusError where there are fewer than two rows
 */
export async function permutationImportance(
  model: Model,
  table: Table,
  rows: Int32Array,
  { repeats = 5, seed = 1, signal, onColumn, ...options }: ImportanceOptions = {},
): Promise<Importance> {
  if (!Number.isSafeInteger(repeats) || repeats < 1)
    throw new GradusError(`importance: repeats must be a whole number of at least 1, found ${repeats}.`);
  if (rows.length < 2) throw new GradusError(`importance: a column is permuted among rows, and there are ${rows.length}.`);
  const losses = async (of: Table) => lossesOf(sampleOf(model, await predictRows(model, of, rows, options), table, rows));
  const plain = await losses(checked(model, table, rows));
  const used = model.plan.columns.map(({ column }) => column);
  const metric = model.plan.target.kind === "classes" ? "error" : "rmse";
  const drawing = drawingOf(model.plan.target, groupsOf(table, rows));
  const columns: ColumnImportance[] = [];
  for (const name of used) {
    const permuted = new Float64Array(plain.length);
    const column = table.columns.find((one) => one.name === name)!;
    for (let repeat = 0; repeat < repeats; repeat++) {
      if (signal?.aborted) throw new GradusError("interrupted; no importance was measured.", { exitCode: 1 });
      const order = rng(seed, `importance/${name}`, repeat).permutation(rows.length);
      const found = await losses(withColumn(table, permutedColumn(column, table.rows, rows, order)));
      for (let i = 0; i < found.length; i++) permuted[i]! += found[i]! / repeats;
    }
    const increase = ([before, after]: readonly number[], n: number) =>
      metric === "error" ? (after! - before!) / n : Math.sqrt(after! / n) - Math.sqrt(before! / n);
    columns.push({ column: name, ...bootstrapIntervals([plain, permuted], { increase }, drawing) });
    onColumn?.(columns.length, used.length);
  }
  return { metric, repeats, columns: columns.toSorted((a, b) => b.increase.value - a.increase.value) };
}

/** Of each row: 1 for a wrong class, or the squared error. */
function lossesOf(sample: Sample): Float64Array {
  return sample.kind === "classes"
    ? Float64Array.from(sample.truth, (code, i) => (sample.answers[i] === code ? 0 : 1))
    : Float64Array.from(sample.truth, (y, i) => (y - sample.prediction[i]!) ** 2);
}

/** A column in which row `rows[i]` has the value of `rows[order[i]]`. */
function permutedColumn(column: Column, all: number, rows: Int32Array, order: Int32Array): Column {
  const from = Int32Array.from({ length: all }, (_, row) => row);
  rows.forEach((row, i) => (from[row] = rows[order[i]!]!));
  return selectColumn(column, from);
}

const withColumn = (table: Table, column: Column): Table => ({
  ...table,
  columns: table.columns.map((one) => (one.name === column.name ? column : one)),
});
