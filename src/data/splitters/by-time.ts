/** By time: train on the earliest rows, test on the latest; rows of one moment stay together. */
import { GradusError } from "../../util/errors.ts";
import type { Splitter } from "../splitter.ts";
import type { NumericColumn, Table } from "../table.ts";

export const byTime: Splitter = {
  name: "time",
  applies: (table) => table.roles.time !== undefined,
  split({ table, sizes }) {
    const column = table.roles.time as NumericColumn;
    const { values } = column;
    const order = Int32Array.from(values, (_, row) => row).sort((a, b) => values[a]! - values[b]! || a - b);
    const testFrom = boundary(values, order, table.rows - sizes.test, 0);
    const validationFrom = boundary(values, order, Math.max(0, testFrom - sizes.validation), 0, testFrom);
    if (validationFrom === 0 || validationFrom >= testFrom || (sizes.test > 0 && testFrom >= table.rows))
      throw new GradusError(
        `${table.source.path}: column "${column.name}" (--time) has too few distinct times to cut ${sizes.policy} between them.`,
        {
          hint: "name a finer time column, or leave out --time.",
        },
      );
    return {
      train: order.slice(0, validationFrom).sort(),
      validation: order.slice(validationFrom, testFrom).sort(),
      test: order.slice(testFrom).sort(),
      policy: `${sizes.policy} by ${column.name}, earliest to latest`,
      notes: [
        `validation from ${moment(table, values[order[validationFrom]!]!)} on${testFrom < table.rows ? `, test from ${moment(table, values[order[testFrom]!]!)} on` : ""}`,
      ],
    };
  },
};

/** The place between two different times nearest to `wanted`, within (least, most]; `most` itself counts as a place. */
function boundary(values: Float64Array, order: Int32Array, wanted: number, least: number, most = order.length): number {
  const fits = (at: number): boolean => at >= most || at <= least || values[order[at]!] !== values[order[at - 1]!];
  for (let far = 0; far <= order.length; far++) {
    if (wanted - far > least && fits(wanted - far)) return wanted - far;
    if (wanted + far < most && wanted + far > least && fits(wanted + far)) return wanted + far;
    if (wanted + far === most && wanted === most) return most;
  }
  return least;
}

function moment(table: Table, time: number): string {
  const sqlType = table.roles.time!.sqlType;
  if (sqlType === "DATE") return new Date(time * 1000).toISOString().slice(0, 10);
  if (sqlType === "TIMESTAMP") return new Date(time * 1000).toISOString().slice(0, 19).replace("T", " ");
  return String(time);
}
