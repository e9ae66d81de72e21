/** How much each training example counts: a column of the table, its class, or both. What is measured counts every row alike. */
import { tensor } from "../ir/tensor.ts";
import type { Table } from "../data/table.ts";
import { didYouMean } from "../util/closest.ts";
import { GradusError } from "../util/errors.ts";
import type { TrainingData } from "./dataset.ts";

/** `balanced`: every class as much in all; or a factor of each class by name, 1 where it is left out. */
export type ClassWeight = "balanced" | Readonly<Record<string, number>>;

/**
 * Weights of rows, of mean 1: then J over all rows is their weighted mean, and a batch's part of it is right on average.
 * @returns undefined where every row counts alike
 * @throws GradusError where a class has no such name, a factor is below 0, there are no classes, or all rows weigh nothing
 */
export function exampleWeights(table: Table, rows: Int32Array, classWeight: ClassWeight | undefined): Float32Array | undefined {
  const column = table.roles.weight;
  if (!column && classWeight === undefined) return undefined;
  const own = column?.kind === "numeric" ? Float64Array.from(rows, (row) => column.values[row]!) : new Float64Array(rows.length).fill(1);
  const target = table.target!.column;
  if (classWeight !== undefined) {
    if (target.kind !== "categorical")
      throw new GradusError(`classWeight is for classes, and ${table.target!.name} is an amount.`, { hint: "leave it out" });
    const counts = new Float64Array(target.categories.length);
    for (const row of rows) counts[target.codes[row]!]! += 1;
    const factors = factorsOf(classWeight, target.categories, counts);
    rows.forEach((row, i) => (own[i]! *= factors[target.codes[row]!]!));
  }
  const mean = own.reduce((sum, weight) => sum + weight, 0) / rows.length;
  if (!(mean > 0))
    throw new GradusError("every training row has the weight 0: there is nothing to learn from.", { hint: "--weight, --class-weight" });
  return Float32Array.from(own, (weight) => weight / mean);
}

/** @param counts rows of each class */
function factorsOf(given: ClassWeight, classes: readonly string[], counts: Float64Array): number[] {
  if (given === "balanced") return classes.map((_, code) => 1 / Math.max(1, counts[code]!));
  const unknown = Object.keys(given).find((name) => !classes.includes(name));
  if (unknown !== undefined)
    throw new GradusError(`classWeight: no class "${unknown}".`, { hint: didYouMean(unknown, classes, "classes") });
  const bad = Object.entries(given).find(([, factor]) => !(Number.isFinite(factor) && factor >= 0));
  if (bad) throw new GradusError(`classWeight.${bad[0]} must be a number of at least 0, found ${String(bad[1])}.`);
  return classes.map((name) => given[name] ?? 1);
}

/** The same examples, with weights. */
export function weighted<D extends TrainingData>(data: D, weights: Float32Array | undefined): D {
  return weights ? { ...data, weights: tensor("float32", weights) } : data;
}
