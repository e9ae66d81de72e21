/** Tables made of numbers, without files. */
import type { CategoricalColumn, NumericColumn, Role, ScalarColumn, Table } from "../../src/data/table.ts";

export const numeric = (name: string, values: ArrayLike<number>, sqlType = "DOUBLE"): NumericColumn => ({
  name,
  kind: "numeric",
  sqlType,
  values: Float64Array.from(values),
});
export function categorical(name: string, values: readonly (string | number)[]): CategoricalColumn {
  const categories = [...new Set(values.map(String))].toSorted();
  return {
    name,
    kind: "categorical",
    sqlType: "VARCHAR",
    categories,
    codes: Int32Array.from(values, (v) => categories.indexOf(String(v))),
  };
}

/** A table of the given feature values and labels (none: regression on the first column). */
export function tableOf(
  values: ArrayLike<number>,
  labels?: readonly (string | number)[],
  roles: { [R in Role]?: ScalarColumn } = {},
): Table {
  const rows = values.length;
  const column = labels ? categorical("y", labels) : numeric("y", values);
  return {
    source: { path: "t.csv", fingerprint: "", rows },
    rows,
    columns: [numeric("x", values)],
    target: { name: "y", task: labels ? "classification" : "regression", reason: "", column, references: [] },
    roles,
    notes: [],
  };
}
export const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
