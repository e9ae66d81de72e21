import type { NumericColumn } from "../../data/table.ts";
import { counted } from "../../util/format.ts";
import { momentsOf } from "../image-properties.ts";
import { pickNumbers } from "../compared.ts";
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
    const all = Int32Array.from(parts.flatMap(({ rows }) => [...rows]));
    const scaled = table.columns.filter((column): column is NumericColumn => {
      if (column.kind !== "numeric" || all.length < 2) return false;
      const values = pickNumbers(column, all).filter((value) => !Number.isNaN(value));
      const { mean, variance } = momentsOf(values);
      const near = (deviation: number) => Math.abs(deviation - 1) < limits.tolerance;
      const standard = near(Math.sqrt(variance)) || near(Math.sqrt((variance * values.length) / (values.length - 1)));
      if (!(Math.abs(mean) < limits.tolerance && standard)) return false;
      const own = momentsOf(pickNumbers(column, parts[0]!.rows).filter((value) => !Number.isNaN(value)));
      return Math.abs(own.mean) > limits.train;
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
