/** Tables for the audit's tests, made without files. */
import type { CategoricalColumn, Column, ImageColumn, NumericColumn, Role, ScalarColumn, Table } from "../../src/data/table.ts";
import type { AuditSubject } from "../../src/audit/rule.ts";
import { rng } from "../../src/util/rng.ts";

export const numbers = (name: string, values: ArrayLike<number>): NumericColumn => ({
  name,
  kind: "numeric",
  sqlType: "DOUBLE",
  values: Float64Array.from(values),
});

export function categories(name: string, values: readonly string[]): CategoricalColumn {
  const known = [...new Set(values)].toSorted();
  return {
    name,
    kind: "categorical",
    sqlType: "VARCHAR",
    categories: known,
    codes: Int32Array.from(values, (value) => known.indexOf(value)),
  };
}

/** Gray pictures of one size. @param pixel by row, y, x */
export function pictures(rows: number, side: (row: number) => number, pixel: (row: number, y: number, x: number) => number): ImageColumn {
  const sizes = Int32Array.from({ length: rows }, (_, row) => side(row));
  const offsets = new Float64Array(rows + 1);
  sizes.forEach((size, row) => (offsets[row + 1] = offsets[row]! + size * size));
  const values = new Uint8Array(offsets[rows]!);
  sizes.forEach((size, row) => {
    for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) values[offsets[row]! + y * size + x] = pixel(row, y, x);
  });
  return { name: "image", kind: "image", sqlType: "IMAGE", channels: 1, heights: sizes, widths: sizes.slice(), offsets, values };
}

export function tableOf(columns: readonly Column[], target?: ScalarColumn, roles: { readonly [R in Role]?: ScalarColumn } = {}): Table {
  const [first] = columns as [Column];
  const rows =
    first.kind === "numeric" ? first.values.length : first.kind === "categorical" ? first.codes.length : first.offsets.length - 1;
  const task = target?.kind === "categorical" ? "classification" : "regression";
  return {
    source: { path: "made.csv", fingerprint: "", rows },
    rows,
    columns,
    target: target && { name: target.name, task, reason: "made", column: target, references: [] },
    roles,
    notes: [],
  };
}

/** Rows by part, in a row: `{ train: 100, test: 50 }`. */
export function subjectWith(table: Table, sizes: Readonly<Record<string, number>>, given = true): AuditSubject {
  let from = 0;
  const parts = Object.entries(sizes).map(([name, size]) => {
    const rows = Int32Array.from({ length: size }, (_, i) => from + i);
    from += size;
    return { name, rows };
  });
  return { table, parts, given, policy: "made", place: (row) => `row ${row + 1}` };
}

export const normals = (n: number, seed: number, stream = "normals"): Float64Array => rng(seed, stream).fillNormal(new Float64Array(n));
