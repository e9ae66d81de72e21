/** A staged file as the database holds it, before its values have types: its columns, how its numbers are written, and casts of them. */
import type { Database } from "./database.ts";
import { dateSql, type DateProblem } from "./dates.ts";
import { asText } from "./extract.ts";
import { findNumberFormat, numberText, plainNumbers, type NumberFormat } from "./number-format.ts";
import type { Staged } from "./reader.ts";
import type { Reading } from "./reading.ts";
import type { ColumnType, DateOrder, ScalarColumn, Where } from "./table.ts";

/** The types that columns of a file are read as. */
export const SQL_TYPES = ["BIGINT", "DOUBLE", "DATE", "TIMESTAMP", "TIME", "VARCHAR"] as const;
export type SqlType = (typeof SQL_TYPES)[number];

/** A column of `raw`, and the SQL type it has there. */
export interface RawColumn {
  readonly id: string;
  readonly name: string;
  readonly type: string;
}

/** A column of the file with its type; `id` is its name in `raw` and `data`. */
export interface SourceColumn extends ColumnType {
  readonly kind: ScalarColumn["kind"];
  readonly id: string;
  /** The value as its type, from the columns of `raw`; NULL where it cannot be read so. */
  readonly sql: string;
  /** Rows without a value. */
  readonly missing: number;
  /** Its type was asked for. */
  readonly asked?: boolean;
  /** Why it cannot be a feature as it is. */
  readonly problem?: DateProblem;
  /** It is numbers but for a few texts: why many of them are no categories. */
  readonly mixed?: { readonly message: string; readonly hint: string };
}

/** What of a file the reading of its values needs. */
export interface RawTable {
  /** For messages. */
  readonly path: string;
  readonly columns: readonly RawColumn[];
  readonly rows: number;
  readonly where: Where;
  /** Texts are texts; else they may stand for numbers. */
  readonly typed: boolean;
  readonly numbers: NumberFormat;
  readonly notes: readonly string[];
}

/** The columns of `raw` and how its numbers are written. */
export async function lookAt(database: Database, path: string, staged: Staged, where: Where, reading: Reading): Promise<RawTable> {
  const types = await database.query("SELECT column_name AS id, column_type AS type FROM (DESCRIBE raw)");
  const columns = staged.names.map((name, i) => ({ id: `c${i}`, name, type: String(types.find(({ id }) => id === `c${i}`)?.["type"]) }));
  const typed = staged.typed === true;
  const texts = columns.filter(({ type }) => type === "VARCHAR");
  const { format, notes } =
    typed || texts.length === 0
      ? { format: plainNumbers, notes: [] }
      : await findNumberFormat(database, texts, reading, staged.delimiter, where);
  return { path, columns, rows: staged.rows, where, typed, numbers: format, notes };
}

/** A column of `raw` as a value of one of our types, NULL where it cannot be. */
export function castTo({ id, type }: RawColumn, to: SqlType, format: NumberFormat, dates: DateOrder | undefined): string {
  if (type === to) return id;
  const number = ["BIGINT", "DOUBLE"];
  if (number.includes(type) && number.includes(to)) return `try_cast(${id} AS ${to})`;
  if (/^(DATE|TIMESTAMP)$/.test(type) && /^(DATE|TIMESTAMP)$/.test(to)) return `${id}::${to}`;
  const text = type === "VARCHAR" ? id : `(${asText({ sql: id, sqlType: type })})`;
  if (to === "VARCHAR") return text;
  if (to === "DATE" || to === "TIMESTAMP") {
    const stamp = dateSql(text, dates ?? "ymd");
    return to === "DATE" ? `(${stamp})::DATE` : stamp;
  }
  return `try_cast(${number.includes(to) ? numberText(text, format) : text} AS ${to})`;
}

/** A column of `raw` read as text, whatever it is. */
export function asTextColumn(raw: RawTable, name: string): SourceColumn {
  const column = raw.columns.find((candidate) => candidate.name === name)!;
  return {
    name,
    kind: "categorical",
    sqlType: "VARCHAR",
    id: column.id,
    sql: castTo(column, "VARCHAR", raw.numbers, undefined),
    missing: 0,
  };
}
