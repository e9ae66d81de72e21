/** Pairs of rows side by side: the copies, near copies and contradictions that an audit found, as the report shows them. */
import type { Column, Table } from "../data/table.ts";
import type { Finding } from "../util/finding.ts";
import { bitmapUrl } from "../report/bitmap.ts";
import { cellText } from "../report/cell.ts";
import type { AuditSubject } from "./rule.ts";

export interface GalleryRow {
  /** Where it stands, and in which part. */
  readonly place: string;
  /** By column; an image as a data URL. */
  readonly cells: readonly { readonly text?: string; readonly image?: string; readonly differs: boolean }[];
}

export interface Gallery {
  readonly finding: Finding;
  readonly columns: readonly string[];
  /** Columns that are not shown. */
  readonly more: number;
  readonly pairs: readonly (readonly [GalleryRow, GalleryRow])[];
}

const mostPairs = 8;
const mostColumns = 10;

/** One for each finding that has pairs. */
export function galleriesOf({ table, parts, place }: AuditSubject, findings: readonly Finding[]): Gallery[] {
  const partOf = (row: number) => parts.find(({ rows }) => includes(rows, row))?.name;
  const target = table.target ? [{ ...table.target.column, name: table.target.name }] : [];
  const group = table.roles.group ? [table.roles.group] : [];
  return findings
    .filter(({ pairs }) => pairs && pairs.length > 0)
    .map((finding) => {
      const pairs = finding.pairs!.slice(0, mostPairs).map(([a, b]) => [a - 1, b - 1] as const);
      const steering = [...target, ...group, ...(finding.rule === "time-overlap" && table.roles.time ? [table.roles.time] : [])];
      const columns = shownColumns(table, pairs, mostColumns);
      const shown: readonly Column[] = [...steering, ...columns];
      const row = (at: number, other: number): GalleryRow => ({
        place: [place(at), partOf(at)].filter(Boolean).join(", "),
        cells: shown.map((column) => cellOf(column, at, other)),
      });
      return {
        finding,
        columns: shown.map(({ name }) => name),
        more: table.columns.length - columns.length,
        pairs: pairs.map(([a, b]) => [row(a, b), row(b, a)] as const),
      };
    });
}

/** The first columns; where rows differ, those in which they do come first. */
function shownColumns({ columns }: Table, pairs: readonly (readonly [number, number])[], most: number): readonly Column[] {
  const differs = columns.filter((column) => pairs.some(([a, b]) => cellText(column, a) !== cellText(column, b)));
  return [...differs, ...columns.filter((column) => !differs.includes(column))].slice(0, most);
}

function cellOf(column: Column, row: number, other: number): GalleryRow["cells"][number] {
  if (column.kind === "image") return { image: bitmapUrl(column, row), differs: false };
  const text = cellText(column, row);
  return { text, differs: text !== cellText(column, other) };
}

function includes(rows: Int32Array, row: number): boolean {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle]! < row) low = middle + 1;
    else high = middle;
  }
  return rows[low] === row;
}
