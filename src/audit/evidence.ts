/** What counts as evidence about a part: of windows that overlap one, and whether the part is of a later time. */
import type { CategoricalColumn, NumericColumn, Table } from "../data/table.ts";
import { grouped } from "../util/format.ts";
import type { Compared } from "./compared.ts";
import type { AuditPart } from "./rule.ts";

/** From one window to the next of the same series that has no line in common with it; 1 where rows are no windows. */
function windowsApart({ sequences }: Table): number {
  const windows = sequences?.windows;
  return windows ? Math.ceil((windows.window + (windows.season ?? 0)) / windows.step) : 1;
}

/** The parts with rows that have no line of a series in common: of windows that overlap the first; all rows where they are no windows. */
export function independentParts(table: Table, parts: readonly AuditPart[]): readonly AuditPart[] {
  const apart = windowsApart(table);
  if (apart === 1) return parts;
  const series = table.roles.series as CategoricalColumn | undefined;
  const seriesOf = (row: number) => series?.codes[row] ?? 0;
  const windows = new Map<number, number>();
  // Windows of one series stand in the order of time.
  const places = Int32Array.from({ length: table.rows }, (_, row) => {
    const place = windows.get(seriesOf(row)) ?? 0;
    windows.set(seriesOf(row), place + 1);
    return place;
  });
  return parts.map((part) => {
    const last = new Map<number, number>();
    const rows = part.rows.filter((row) => {
      if (places[row]! - (last.get(seriesOf(row)) ?? -apart) < apart) return false;
      last.set(seriesOf(row), places[row]!);
      return true;
    });
    return { ...part, rows };
  });
}

/**
 * `; of windows that overlap one counts: 19 in train, 3 in validation`; of large parts `; of a sample: 100 000 of 600 000 in train, all 900 in test`;
 * nothing where all rows count.
 */
export function evidenceOf(table: Table, parts: readonly AuditPart[], [feature]: readonly Compared[]): string {
  if (!feature) return "";
  const looked = feature.values.map(({ length }) => length);
  if (windowsApart(table) > 1)
    return `; of windows that overlap one counts: ${parts.map(({ name }, i) => `${grouped(looked[i]!)} in ${name}`).join(", ")}`;
  if (parts.every(({ rows }, i) => rows.length === looked[i])) return "";
  const share = (rows: number, seen: number) => (seen === rows ? `all ${grouped(rows)}` : `${grouped(seen)} of ${grouped(rows)}`);
  return `; of a sample: ${parts.map(({ name, rows }, i) => `${share(rows.length, looked[i]!)} in ${name}`).join(", ")}`;
}

/** Whether a part lies after training, as a split by time makes it. */
export function isLater({ roles }: Table, train: AuditPart, part: AuditPart): boolean {
  const time = roles.time as NumericColumn | undefined;
  if (!time) return false;
  const latest = train.rows.reduce((most, row) => Math.max(most, time.values[row]!), -Infinity);
  return part.rows.every((row) => time.values[row]! >= latest);
}

/** What to do about a part that is of a later time and differs: mixing times would hide it. */
export const laterHint = "what comes later differs: keep the split by time; train on more recent rows, or on changes instead of levels";
