import type { NumericColumn } from "../../data/table.ts";
import { counted } from "../../util/format.ts";
import { rowsOfAll } from "../compared.ts";
import { defineAuditRule } from "../rule.ts";
import { listed } from "../words.ts";

/** Columns that somebody standardised by all rows. */
export const scaledBeforeSplit = defineAuditRule({
  name: "scaled-before-split",
  title: "scaled before",
  what:
    "A column whose mean is 0 and whose deviation is 1 over all rows, and whose mean over the training rows is not 0, was standardised before the split: " +
    "the other parts were used for it. Gradus fits what it does to columns on the training part alone.",
  source: "derived",
  when: "train",
  stops: false,
  limits: {
    tolerance: { value: 1e-6, means: "distance from mean 0 and deviation 1 of all rows below which a column counts as standardised" },
    train: { value: 1e-5, means: "mean of the training rows above which it was not theirs that made it 0" },
  },
  check({ table, parts }, limits) {
    const all = rowsOfAll(parts);
    const scaled = table.columns.filter((column): column is NumericColumn => {
      if (column.kind !== "numeric" || all.length < 2) return false;
      const { mean, variance, count } = momentsAt(column, all);
      const near = (deviation: number) => Math.abs(deviation - 1) < limits.tolerance;
      const standard = near(Math.sqrt(variance)) || near(Math.sqrt((variance * count) / (count - 1)));
      if (!(Math.abs(mean) < limits.tolerance && standard)) return false;
      return Math.abs(momentsAt(column, parts[0]!.rows).mean) > limits.train;
    });
    if (scaled.length === 0) return [{ severity: "pass", message: "no column was standardised over all rows" }];
    const names = listed(scaled.map(({ name }) => name));
    return [
      {
        severity: "warn",
        message: `${counted(scaled.length, "column")} ${scaled.length === 1 ? "has" : "have"} mean 0 and deviation 1 over all rows of all parts: ${names}; ${scaled.length === 1 ? "it was" : "they were"} standardised before the split`,
        hint: "give the columns as they were measured: they are standardised by the training part",
        numbers: { columns: scaled.length },
      },
    ];
  },
});

/** Of the values that there are, in two passes. */
function momentsAt(
  { values }: NumericColumn,
  rows: Int32Array,
): { readonly mean: number; readonly variance: number; readonly count: number } {
  let [sum, squares, count] = [0, 0, 0];
  for (const row of rows) {
    const value = values[row]!;
    if (Number.isNaN(value)) continue;
    sum += value;
    count += 1;
  }
  const mean = sum / count;
  for (const row of rows) if (!Number.isNaN(values[row]!)) squares += (values[row]! - mean) ** 2;
  return { mean, variance: squares / count, count };
}
