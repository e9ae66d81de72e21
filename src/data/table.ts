/** A table in memory: feature columns, the target, and the columns that steer the split. */
import { printable } from "../util/printable.ts";
import type { SkippedRow } from "./reading.ts";

/** Numbers, one per row; NaN is missing. Dates and times are seconds since 1970-01-01 UTC (times: since midnight). */
export interface NumericColumn {
  readonly name: string;
  readonly kind: "numeric";
  /** The SQL type the values were read as, e.g. `BIGINT`, `DOUBLE`, `DATE`. */
  readonly sqlType: string;
  /** Of dates in text: how they are written, year-month-day where left out. */
  readonly dates?: DateOrder;
  readonly values: Float64Array;
}

/** Categories: `categories[codes[row]]`; −1 is missing. Sorted: numbers first by value, then texts by code point. */
export interface CategoricalColumn {
  readonly name: string;
  readonly kind: "categorical";
  /** The SQL type the values were read as, e.g. `VARCHAR`, `BOOLEAN`. */
  readonly sqlType: string;
  readonly codes: Int32Array;
  readonly categories: readonly string[];
}

/** Pictures, one per row, as decoded: 8 bits a channel. Their sizes may differ; a height of 0 is missing. */
export interface ImageColumn {
  readonly name: string;
  readonly kind: "image";
  readonly sqlType: "IMAGE";
  /** 1 is gray, 3 is red, green, blue, 4 has alpha too. */
  readonly channels: 1 | 3 | 4;
  /** [rows], in pixels. */
  readonly heights: Int32Array;
  /** [rows], in pixels. */
  readonly widths: Int32Array;
  /** [rows + 1]: image i is `values` from `offsets[i]` to `offsets[i + 1]`. */
  readonly offsets: Float64Array;
  /** Row by row, pixel by pixel, channel by channel: height · width · channels numbers an image. */
  readonly values: Uint8Array;
}

/** Sequences of any lengths, one per row; a row of no steps is missing. */
export interface SequenceColumn {
  readonly name: string;
  readonly kind: "sequence";
  /** What the steps were read as, e.g. `DOUBLE[]`, `VARCHAR[]`. */
  readonly sqlType: string;
  /** Numbers per step. */
  readonly width: number;
  /** [rows + 1], in steps: sequence i has the steps from `offsets[i]` to `offsets[i + 1]`. */
  readonly offsets: Float64Array;
  /** [steps · width], step by step; NaN is missing. */
  readonly values: Float64Array;
  /** The vocabulary where values are token numbers, −1 being unknown. */
  readonly tokens?: readonly string[];
  /** Of dates in text: how they are written, year-month-day where left out. */
  readonly dates?: DateOrder;
}

/** A column with one value a row. */
export type ScalarColumn = NumericColumn | CategoricalColumn;

export type Column = ScalarColumn | ImageColumn | SequenceColumn;

export type Task = "classification" | "regression";

/**
 * What is to be predicted: a categorical column for classification (its categories are the classes), a numeric one for regression, or
 * for a forecast of several steps a sequence of as many numbers in each row.
 */
export interface Target {
  /** The column's name, or the SQL expression. */
  readonly name: string;
  readonly task: Task;
  /** Why this task, in a sentence. */
  readonly reason: string;
  /** No value is missing. */
  readonly column: ScalarColumn | SequenceColumn;
  /** The columns of the file it is computed from; they are no features. */
  readonly references: readonly ColumnType[];
}

/** The order of a date's parts; `named` has the name of the month. */
export type DateOrder = (typeof DATE_ORDERS)[number];
export const DATE_ORDERS = ["ymd", "dmy", "mdy", "named"] as const;

/** How a column of a file is read. */
export interface ColumnType {
  readonly name: string;
  readonly kind: Column["kind"];
  readonly sqlType: string;
  /** Of images: 1 gray, 3 colour, 4 with alpha. */
  readonly channels?: number;
  /** Of sequences: numbers per step, 1 where left out. */
  readonly width?: number;
  /** Of dates in text: how they are written, year-month-day where left out. */
  readonly dates?: DateOrder;
}

/** Every kind of column. */
export const COLUMN_KINDS = ["numeric", "categorical", "image", "sequence"] as const satisfies readonly Column["kind"][];

/** Where a row stands, for messages: its line in the file where that is certain, else its number. */
export type Where = (row: number) => string;

/** The uses a column may have besides feature and target. */
export type Role = "group" | "time" | "id" | "split" | "weight";

/** How lines and cells of a file became sequences. */
export interface SequenceReading {
  /** Columns of text, and what they are cut into. */
  readonly text?: Readonly<Record<string, "characters" | "words">>;
  /** The column that names the sequences of a long table, a line per step, or the series that windows are cut from. */
  readonly id?: string;
  /** The column that orders the lines, and how it is read. */
  readonly time?: ColumnType;
  readonly windows?: {
    readonly target: string;
    readonly window: number;
    readonly horizon: number;
    readonly step: number;
    readonly season?: number;
  };
}

export interface Table {
  /** The file: its path as given, the SHA-256 of its bytes in hex, the rows it gave. */
  readonly source: { readonly path: string; readonly fingerprint: string; readonly rows: number };
  readonly rows: number;
  /** The features, in the file's order. */
  readonly columns: readonly Column[];
  /** Absent where none was asked for (prediction). */
  readonly target: Target | undefined;
  /**
   * `time` and `weight` are numeric, the others categorical; never missing. `end`, of forecasts: when the last of what is forecast is known, in the
   * unit of `time`; `series`, of several series: which one.
   */
  readonly roles: { readonly [R in Role | "end" | "series"]?: ScalarColumn };
  /** Where columns are sequences. */
  readonly sequences?: SequenceReading;
  /** As asked for. */
  readonly reading?: TableSchema["reading"];
  /** Lines that could not be read and were left out, as asked. */
  readonly skipped?: readonly SkippedRow[];
  /** What each row is called, where it is a file of its own. */
  readonly rowNames?: readonly string[];
  /** What was done or noticed while reading, a sentence each. */
  readonly notes: readonly string[];
}

/** What a saved model remembers of the table it was trained on, so that another file is read the same way. */
export interface TableSchema {
  readonly columns: readonly ColumnType[];
  /** What of the reading other files share: texts that mean missing, and the query over them. */
  readonly reading?: { readonly missing?: readonly string[]; readonly query?: string };
  readonly sequences?: SequenceReading;
  readonly target?: {
    readonly name: string;
    readonly task: Task;
    readonly references: readonly ColumnType[];
    /** Classification only, in order. */
    readonly classes?: readonly string[];
  };
}

/** How a column was read. */
export function typeOf(column: Column): ColumnType {
  return {
    name: column.name,
    kind: column.kind,
    sqlType: column.sqlType,
    ...("dates" in column && column.dates ? { dates: column.dates } : {}),
    ...(column.kind === "image" ? { channels: column.channels } : {}),
    ...(column.kind === "sequence" && column.width > 1 ? { width: column.width } : {}),
  };
}

/** The schema of a table, for `readTable(other, { schema })`. */
export function schemaOf(table: Table): TableSchema {
  const read = {
    columns: table.columns.map(typeOf),
    ...(table.reading ? { reading: table.reading } : {}),
    ...(table.sequences ? { sequences: table.sequences } : {}),
  };
  if (!table.target) return read;
  const { name, task, references, column } = table.target;
  return {
    ...read,
    target: { name, task, references, ...(column.kind === "categorical" ? { classes: column.categories } : {}) },
  };
}

/** The given rows of a column, in the given order; categories and tokens stay as they are. */
export function selectColumn<C extends Column>(column: C, rows: Int32Array): C;
export function selectColumn(column: Column, rows: Int32Array): Column {
  switch (column.kind) {
    case "numeric":
      return { ...column, values: pick(column.values, rows, new Float64Array(rows.length)) };
    case "categorical":
      return { ...column, codes: pick(column.codes, rows, new Int32Array(rows.length)) };
    case "image": {
      const heights = pick(column.heights, rows, new Int32Array(rows.length));
      const widths = pick(column.widths, rows, new Int32Array(rows.length));
      const offsets = pickedOffsets(column.offsets, rows);
      return { ...column, heights, widths, offsets, values: pickRanges(column, rows, 1, new Uint8Array(offsets.at(-1)!)) };
    }
    case "sequence": {
      const offsets = pickedOffsets(column.offsets, rows);
      const values = pickRanges(column, rows, column.width, new Float64Array(offsets.at(-1)! * column.width));
      return { ...column, offsets, values };
    }
  }
}

function pick<A extends Float64Array | Int32Array>(from: A, rows: Int32Array, into: A): A {
  for (let i = 0; i < rows.length; i++) into[i] = from[rows[i]!]!;
  return into;
}

function pickedOffsets(offsets: Float64Array, rows: Int32Array): Float64Array {
  const picked = new Float64Array(rows.length + 1);
  for (let i = 0; i < rows.length; i++) picked[i + 1] = picked[i]! + offsets[rows[i]! + 1]! - offsets[rows[i]!]!;
  return picked;
}

function pickRanges<A extends Uint8Array | Float64Array>(
  { offsets, values }: { readonly offsets: Float64Array; readonly values: A },
  rows: Int32Array,
  width: number,
  into: A,
): A {
  let at = 0;
  for (const row of rows) {
    const range = values.subarray(offsets[row]! * width, offsets[row + 1]! * width);
    into.set(range, at);
    at += range.length;
  }
  return into;
}

/** The given rows of a table, in the given order. */
export function selectRows(table: Table, rows: Int32Array): Table {
  const roles = Object.fromEntries(Object.entries(table.roles).map(([role, column]) => [role, selectColumn(column, rows)]));
  return {
    ...table,
    rows: rows.length,
    ...(table.rowNames ? { rowNames: Array.from(rows, (row) => table.rowNames![row]!) } : {}),
    columns: table.columns.map((column) => selectColumn(column, rows)),
    target: table.target && { ...table.target, column: selectColumn(table.target.column, rows) },
    roles,
  };
}

/** How many values are missing. */
export function countMissing(column: Column): number {
  let missing = 0;
  if (column.kind === "numeric") missing = column.values.length - countPresent(column.values);
  else if (column.kind === "categorical") for (const code of column.codes) missing += code < 0 ? 1 : 0;
  else for (let row = 0; row + 1 < column.offsets.length; row++) missing += column.offsets[row] === column.offsets[row + 1] ? 1 : 0;
  return missing;
}

function countPresent(values: Float64Array): number {
  let present = 0;
  for (let i = 0; i < values.length; i++) if (!Number.isNaN(values[i])) present++;
  return present;
}

/** The values that are not missing: the same array where none is, read only. */
export function presentValues(values: Float64Array): Float64Array {
  const found = new Float64Array(countPresent(values));
  if (found.length === values.length) return values;
  let at = 0;
  for (let i = 0; i < values.length; i++) if (!Number.isNaN(values[i])) found[at++] = values[i]!;
  return found;
}

/** How many rows each category has. */
export function countCategories(column: CategoricalColumn): Int32Array {
  const counts = new Int32Array(column.categories.length);
  for (const code of column.codes) if (code >= 0) counts[code]! += 1;
  return counts;
}

/** A whole number with thin groups, as people read it: 7043 → `7 043`. */
export function grouped(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, " ");
}

/**
 * The table in a line, as the terminal shows it.
 * @example "7 043 rows · 19 columns (18 numeric, 1 categorical) · target churn: No 73.5 %, Yes 26.5 %"
 */
export function describeTable(table: Table): string {
  const kinds = COLUMN_KINDS.map((kind) => [table.columns.filter((column) => column.kind === kind).length, kind] as const);
  const sizes = table.columns.flatMap((column) => (column.kind === "image" ? describeImages(column) : []));
  const parts = [
    `${grouped(table.rows)} rows`,
    `${table.columns.length} column${table.columns.length === 1 ? "" : "s"} (${kinds
      .filter(([n]) => n > 0)
      .map(([n, kind]) => `${n} ${kind}`)
      .join(", ")})`,
  ];
  parts.push(...sizes);
  if (table.target) parts.push(`target ${table.target.name}: ${describeTarget(table.target, table.rows)}`);
  return printable(parts.join(" · "));
}

/** `28×28 gray`, `120 … 640 × 96 … 480 colour`: heights × widths. */
function describeImages({ heights, widths, channels }: ImageColumn): string {
  const spread = (sizes: Int32Array): string => {
    let [low, high] = [Infinity, -Infinity];
    for (const size of sizes) [low, high] = [Math.min(low, size), Math.max(high, size)];
    return low === high ? `${low}` : `${low} … ${high}`;
  };
  const [height, width] = [spread(heights), spread(widths)];
  return `${height}${/\D/.test(height + width) ? " × " : "×"}${width} ${channels === 1 ? "gray" : "colour"}`;
}

function describeTarget({ column }: Target, rows: number): string {
  if (column.kind !== "categorical") {
    let [low, high, mean] = [Infinity, -Infinity, 0];
    for (const y of column.values) {
      low = Math.min(low, y);
      high = Math.max(high, y);
      mean += y / column.values.length;
    }
    const short = (x: number): string => String(Number(x.toPrecision(4)));
    return `${short(low)} … ${short(high)}, mean ${short(mean)}`;
  }
  const counts = countCategories(column);
  const order = column.categories.map((_, code) => code).toSorted((a, b) => counts[b]! - counts[a]! || a - b);
  const shown = order.slice(0, 3).map((code) => `${column.categories[code]} ${((100 * counts[code]!) / rows).toFixed(1)} %`);
  const more = order.length - shown.length;
  return `${shown.join(", ")}${more > 0 ? ` and ${more} more classes` : ""}`;
}
