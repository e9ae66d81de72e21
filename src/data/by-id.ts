/** A long table, a line per step, as sequences: one example per id, its lines in the order of time. */
import { GradusError } from "../util/errors.ts";
import {
  grouped,
  selectColumn,
  type CategoricalColumn,
  type NumericColumn,
  type ScalarColumn,
  type SequenceColumn,
  type Table,
  type Where,
} from "./table.ts";

/** The lines of a table in the order of their ids' first lines, those of an id in the order of time. */
export interface OrderedLines {
  readonly order: Int32Array;
  /** [ids + 1]: those of an id are `order` from `offsets[i]` to `offsets[i + 1]`. */
  readonly offsets: Float64Array;
  readonly notes: readonly string[];
}

/**
 * @param id all lines are of one sequence where left out
 * @param time the file's order where left out
 * @throws GradusError where two lines of an id have one time, or the lines of an id stand apart and no time orders them
 */
export function orderLines(
  path: string,
  rows: number,
  id: CategoricalColumn | undefined,
  time: NumericColumn | undefined,
  where: Where,
): OrderedLines {
  const codes = id?.codes ?? new Int32Array(rows);
  const rank = new Int32Array(id?.categories.length ?? 1).fill(-1);
  let [ids, apart, backwards] = [0, -1, -1];
  const last = new Int32Array(rank.length).fill(-1);
  for (let row = 0; row < rows; row++) {
    const code = codes[row]!;
    if (rank[code]! < 0) rank[code] = ids++;
    else if (apart < 0 && codes[row - 1] !== code) apart = row;
    if (time && backwards < 0 && last[code]! >= 0 && time.values[row]! < time.values[last[code]!]!) backwards = row;
    last[code] = row;
  }
  if (id && !time && apart >= 0)
    throw new GradusError(
      `${path}, ${where(apart)}: the lines of ${id.name} "${id.categories[codes[apart]!]}" do not stand together, and no column says their order.`,
      { hint: "name the column that orders them: --time COLUMN, or sort the file by the ids." },
    );
  const times = time?.values;
  const order = Int32Array.from({ length: rows }, (_, row) => row).sort(
    (a, b) => rank[codes[a]!]! - rank[codes[b]!]! || (times ? times[a]! - times[b]! : 0) || a - b,
  );
  const offsets = new Float64Array(ids + 1);
  for (let at = 0; at < rows; at++) offsets[rank[codes[order[at]!]!]! + 1] = at + 1;
  if (times)
    for (let at = 1; at < rows; at++) {
      const [before, row] = [order[at - 1]!, order[at]!];
      if (times[before] !== times[row] || codes[before] !== codes[row]) continue;
      const whose = id ? `${id.name} "${id.categories[codes[row]!]}" has` : "there are";
      throw new GradusError(
        `${path}, ${where(row)}: ${whose} two lines of one ${time!.name}, the other in ${where(before)}; a step of a sequence has its own time.`,
        {
          hint: id
            ? "remove one of them, or name a finer time column."
            : "remove one of them, or name what tells the series apart: --sequence-id COLUMN",
        },
      );
    }
  const notes =
    backwards < 0 ? [] : [`${time!.name} goes backwards in the file, first in ${where(backwards)}: the steps are put in its order`];
  return { order, offsets, notes };
}

/** How many sequences the lines of a table are, and how long. @param offsets of {@link OrderedLines} */
export function stepsNote(id: string, time: string | undefined, offsets: Float64Array): string {
  const lengths = offsets.subarray(1).map((end, i) => end - offsets[i]!);
  const [shortest, longest] = [lengths.reduce((a, b) => Math.min(a, b)), lengths.reduce((a, b) => Math.max(a, b))];
  const steps = shortest === longest ? grouped(longest) : `${grouped(shortest)} to ${grouped(longest)}`;
  return `${grouped(offsets.at(-1)!)} lines are ${grouped(lengths.length)} sequences by ${id}${time === undefined ? "" : `, in the order of ${time}`}, of ${steps} steps`;
}

/** A column of single values as a sequence per id. */
export function stepsOf(column: ScalarColumn, { order, offsets }: OrderedLines): SequenceColumn {
  const { name, sqlType } = column;
  const shared = { name, kind: "sequence", sqlType: `${sqlType}[]`, width: 1, offsets } as const;
  const sorted = selectColumn(column, order);
  if (sorted.kind === "numeric") return { ...shared, values: sorted.values, ...(sorted.dates ? { dates: sorted.dates } : {}) };
  return { ...shared, values: Float64Array.from(sorted.codes), tokens: sorted.categories };
}

/**
 * One example per id of a table whose lines are steps: the columns become sequences; the target and what steers the split have one value
 * per id.
 * @param table its role `id` names the sequences, its role `time`, if any, orders the lines
 * @param where what a line is called in messages
 * @throws GradusError where a target changes within an id, besides what `orderLines` refuses
 */
export function sequencesById(table: Table, where: Where = (row) => `row ${row + 1}`): Table {
  const { path } = table.source;
  const { id, time, ...others } = table.roles;
  if (!id) throw new GradusError(`${path}: no column names the sequences.`, { hint: "--sequence-id COLUMN" });
  const lines = orderLines(path, table.rows, id as CategoricalColumn, time as NumericColumn | undefined, where);
  const { order, offsets } = lines;
  const rows = offsets.length - 1;
  const firsts = Int32Array.from({ length: rows }, (_, i) => order[offsets[i]!]!);
  const one = (column: ScalarColumn, what: string, hint: string): ScalarColumn => {
    const values = column.kind === "numeric" ? column.values : column.codes;
    for (let i = 0; i < rows; i++)
      for (let at = offsets[i]! + 1; at < offsets[i + 1]!; at++) {
        const row = order[at]!;
        if (values[row] === values[firsts[i]!]) continue;
        const spoken = (line: number): string =>
          column.kind === "numeric" ? String(column.values[line]) : `"${column.categories[column.codes[line]!] ?? ""}"`;
        const name = (id as CategoricalColumn).categories[(id as CategoricalColumn).codes[row]!];
        throw new GradusError(
          `${path}, ${where(row)}: ${what} "${column.name}" is ${spoken(row)}, and ${spoken(firsts[i]!)} in ${where(firsts[i]!)} of the same ${id.name} "${name}"; a sequence has one.`,
          { hint },
        );
      }
    return selectColumn(column, firsts);
  };
  const target = table.target && {
    ...table.target,
    column: one(table.target.column as ScalarColumn, "target", "mend the value; to forecast a value of each line, use --window instead."),
  };
  const roles = Object.fromEntries(
    Object.entries(others).map(([role, column]) => [role, one(column, `--${role === "split" ? "split-column" : role}`, "mend the value.")]),
  );
  return {
    ...table,
    source: { ...table.source, rows },
    rows,
    columns: table.columns.map((column) => stepsOf(column as ScalarColumn, lines)),
    target,
    roles: { ...roles, id: selectColumn(id, firsts) },
    notes: [...table.notes, stepsNote(id.name, time?.name, offsets), ...lines.notes],
  };
}
