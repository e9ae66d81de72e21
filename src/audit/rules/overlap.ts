import type { CategoricalColumn, NumericColumn, Table } from "../../data/table.ts";
import { counted, grouped } from "../../util/format.ts";
import { defineAuditRule, type AuditPart, type Observation } from "../rule.ts";
import { listed } from "../words.ts";

/** One group on both sides. */
export const groupOverlap = defineAuditRule({
  name: "group-overlap",
  title: "groups",
  what:
    "Rows of one group (a patient, a speaker, a household) resemble each other. A group that is in two parts lets the network know it again, " +
    "and what is measured is no figure for groups that are new.",
  source: "skore SKD013",
  when: "train",
  stops: true,
  limits: {},
  check({ table, parts, place }) {
    const column = table.roles.group as CategoricalColumn | undefined;
    if (!column) return [];
    const groups = new Set(column.codes).size;
    const found = parts.slice(1).flatMap((part, i): Observation[] => {
      const first = firstRows(column, parts.slice(0, i + 1));
      const shared = [...firstRows(column, [part])].filter(([code]) => first.has(code));
      if (shared.length === 0) return [];
      const earlier = listed(parts.slice(0, i + 1).map(({ name }) => name));
      const names = listed(shared.map(([code]) => column.categories[code]!));
      const [code, row] = shared[0]!;
      return [
        {
          severity: "fail",
          part: part.name,
          message: `${counted(shared.length, "value")} of ${column.name} (of ${grouped(groups)}) ${shared.length === 1 ? "is" : "are"} in ${part.name} and in ${earlier}: ${names}; the first: ${place(row)} and ${place(first.get(code)!)}`,
          hint: `split with --group ${column.name}, which keeps each of them in one part`,
          numbers: { groups: shared.length, of: groups },
          pairs: shared.slice(0, 20).map(([each, at]) => [first.get(each)!, at] as const),
        },
      ];
    });
    if (found.length > 0) return found;
    return [
      { severity: "pass", message: `${counted(groups, "value")} of ${column.name}, none in two parts`, numbers: { groups: 0, of: groups } },
    ];
  },
});

function firstRows(column: CategoricalColumn, parts: readonly AuditPart[]): Map<number, number> {
  const first = new Map<number, number>();
  for (const { rows } of parts) for (const row of rows) if (!first.has(column.codes[row]!)) first.set(column.codes[row]!, row);
  return first;
}

/** The future in the training part. */
export const timeOverlap = defineAuditRule({
  name: "time-overlap",
  title: "time",
  what:
    "Where rows have a time, what is trained on must lie before what is measured on: whoever trains on later rows knows what will only " +
    "be known later. The latest training row must stand before the earliest of any other part; of forecasts, the last value that is forecast.",
  source: "skore SKD013",
  when: "train",
  stops: true,
  limits: {},
  check({ table, parts, place }) {
    const column = table.roles.time as NumericColumn | undefined;
    if (!column) return [];
    const until = (table.roles as { readonly end?: NumericColumn }).end ?? column;
    const train = parts[0]!;
    const latest = extreme(until, train.rows, (a, b) => a > b);
    const found = parts.slice(1).flatMap((part): Observation[] => {
      const earliest = extreme(column, part.rows, (a, b) => a < b);
      if (latest === undefined || earliest === undefined || until.values[latest]! < column.values[earliest]!) return [];
      const late = train.rows.filter((row) => until.values[row]! >= column.values[earliest]!).length;
      return [
        {
          severity: "fail",
          part: part.name,
          message: `${grouped(late)} of ${counted(train.rows.length, "training row")} are not earlier than the first of ${part.name}: ${place(latest)} is of ${moment(table, until.values[latest]!)}, ${place(earliest)} of ${moment(table, column.values[earliest]!)}`,
          hint: `split with --time ${column.name}, which trains on the earliest rows`,
          numbers: { late, of: train.rows.length, latest: until.values[latest]!, earliest: column.values[earliest]! },
          pairs: [[latest, earliest]],
        },
      ];
    });
    return found.length > 0 ? found : [{ severity: "pass", message: `all training rows are earlier, by ${column.name}` }];
  },
});

function extreme({ values }: NumericColumn, rows: Int32Array, beats: (a: number, b: number) => boolean): number | undefined {
  let best: number | undefined;
  for (const row of rows) if (best === undefined || beats(values[row]!, values[best]!)) best = row;
  return best;
}

function moment(table: Table, time: number): string {
  const { sqlType } = table.roles.time!;
  if (sqlType === "DATE") return new Date(time * 1000).toISOString().slice(0, 10);
  return sqlType.startsWith("TIMESTAMP") ? new Date(time * 1000).toISOString().slice(0, 19).replace("T", " ") : String(time);
}
