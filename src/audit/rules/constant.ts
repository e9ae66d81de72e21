import { counted } from "../../util/format.ts";
import { defineAuditRule } from "../rule.ts";
import { listed } from "../words.ts";

/** Columns that say nothing in training. */
export const constant = defineAuditRule({
  name: "constant",
  title: "constant",
  what:
    "A column that has one value in all training rows cannot be learnt from, whatever it does elsewhere; it is left out. " +
    "Columns that are constant in the whole file are left out when it is read.",
  source: "SageMaker Debugger, UMLAUT",
  when: "train",
  stops: false,
  limits: {},
  check({ table, parts }) {
    const rows = parts[0]!.rows;
    const same = (values: Float64Array | Int32Array) => rows.every((row) => Object.is(values[row], values[rows[0]!]));
    const found = table.columns.filter((column) => {
      if (column.kind === "numeric") return same(column.values);
      return column.kind === "categorical" && same(column.codes);
    });
    if (found.length === 0) return [{ severity: "pass", message: "no column is constant in training" }];
    const names = listed(found.map(({ name }) => name));
    const message = `${counted(found.length, "column")} ${found.length === 1 ? "has" : "have"} one value in all training rows: ${names}`;
    return [{ severity: "warn", message, hint: "leave them out with --drop, or split otherwise", numbers: { columns: found.length } }];
  },
});
