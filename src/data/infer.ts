/** The type of every column, from all its values: numbers, dates, times, else text; and the typed table `data` made from `raw`. */
import { GradusError } from "../util/errors.ts";
import { identifier, type Database } from "./database.ts";
import { grouped, type ColumnType, type ScalarColumn, type TableSchema, type Where } from "./table.ts";

export type { Where };

/** The types that columns of a file are read as. */
const SQL_TYPES = ["BIGINT", "DOUBLE", "DATE", "TIMESTAMP", "TIME", "VARCHAR"] as const;
type SqlType = (typeof SQL_TYPES)[number];

/** A column of the file with its type; `id` is its name in `raw` and `data`. */
export interface SourceColumn extends ColumnType {
  readonly kind: ScalarColumn["kind"];
  readonly id: string;
  /** Rows without a value. */
  readonly missing: number;
}

const DATE_PATTERN = String.raw`'^\s*\d{4}[-/]\d{1,2}[-/]\d{1,2}'`;
const COLUMNS_PER_QUERY = 200;
/** The first rows are tried in every way; all rows only in the ways that these leave open. */
const FIRST_ROWS = 2048;

/** How many values of a column can be read in some way, as SQL. */
const READINGS = {
  present: (c: string) => `count(${c})`,
  numbers: (c: string) => `count(try_cast(${c} AS DOUBLE))`,
  whole: (c: string) =>
    `count(*) FILTER (try_cast(${c} AS DOUBLE) = trunc(try_cast(${c} AS DOUBLE)) AND try_cast(${c} AS BIGINT) IS NOT NULL)`,
  codes: (c: string) => `count(*) FILTER (regexp_matches(${c}, '^[+-]?0[0-9]+$'))`,
  stamps: (c: string) => `count(*) FILTER (regexp_matches(${c}, ${DATE_PATTERN}) AND try_cast(${c} AS TIMESTAMPTZ) IS NOT NULL)`,
  clocks: (c: string) => `count(*) FILTER (contains(${c}, ':'))`,
  times: (c: string) => `count(*) FILTER (contains(${c}, ':') AND try_cast(${c} AS TIME) IS NOT NULL)`,
} as const;
type Reading = keyof typeof READINGS;
const NUMERIC: readonly Reading[] = ["present", "numbers", "whole", "codes"];
const TEMPORAL: readonly Reading[] = ["stamps", "clocks", "times"];
type Counts = Partial<Record<Reading, number>>;

/** Counts per column, of the readings asked for. */
async function count(database: Database, relation: string, asked: ReadonlyMap<string, readonly Reading[]>): Promise<Map<string, Counts>> {
  const found = new Map<string, Counts>();
  const ids = [...asked.keys()];
  for (let at = 0; at < ids.length; at += COLUMNS_PER_QUERY) {
    const some = ids.slice(at, at + COLUMNS_PER_QUERY);
    const list = some.flatMap((id) => asked.get(id)!.map((reading) => `${READINGS[reading](id)} AS ${identifier(`${id} ${reading}`)}`));
    const row = (await database.query(`SELECT ${list.join(", ")} FROM ${relation}`))[0]!;
    for (const id of some) found.set(id, Object.fromEntries(asked.get(id)!.map((reading) => [reading, Number(row[`${id} ${reading}`])])));
  }
  return found;
}

function merge(first: ReadonlyMap<string, Counts>, second: ReadonlyMap<string, Counts>): Map<string, Counts> {
  return new Map([...first].map(([id, counts]) => [id, { ...counts, ...second.get(id) }]));
}

/** The ways in which all values might still be read, after the first rows; one value that does not fit rules a way out. */
function openReadings({ present = 0, numbers = 0, whole = 0, stamps = 0, times = 0 }: Counts): Reading[] {
  if (present === 0) return [...NUMERIC, ...TEMPORAL];
  const open: Reading[] = ["present"];
  // Half are enough to look further: a column of numbers with a few texts is worth a word.
  if (2 * numbers >= present) open.push("numbers");
  if (whole === present) open.push("whole", "codes");
  if (stamps === present) open.push("stamps", "clocks");
  if (times === present) open.push("times");
  return open;
}

/**
 * The type of each column of `raw`, decided by all of its values: a column is numeric where every value is a number.
 * Whole numbers written with leading zeros (codes) stay text. True and false stay text, so that a saved model can take them raw.
 */
export async function inferTypes(
  database: Database,
  names: readonly string[],
  rows: number,
  where: Where,
): Promise<{ columns: SourceColumn[]; notes: string[] }> {
  const ids = names.map((_, i) => `c${i}`);
  const notes: string[] = [];
  const first = `(SELECT * FROM raw LIMIT ${FIRST_ROWS})`;
  const asNumbers = await count(database, first, new Map(ids.map((id) => [id, NUMERIC])));
  const noNumbers = ids.filter((id) => asNumbers.get(id)!.numbers! < asNumbers.get(id)!.present!);
  const asTimes = await count(database, first, new Map(noNumbers.map((id) => [id, TEMPORAL])));
  const open = new Map(ids.map((id) => [id, openReadings({ ...asNumbers.get(id), ...asTimes.get(id) })]));
  const counts = rows <= FIRST_ROWS ? merge(asNumbers, asTimes) : await count(database, "raw", open);
  const columns: SourceColumn[] = [];
  for (const [i, name] of names.entries()) {
    const id = ids[i]!;
    const { present = 0, numbers, whole, codes = 0, stamps, clocks, times } = counts.get(id)!;
    let sqlType: SqlType = "VARCHAR";
    if (present === 0) sqlType = "VARCHAR";
    else if (numbers === present) {
      sqlType = whole === present ? "BIGINT" : "DOUBLE";
      if (sqlType === "BIGINT" && codes > 0) {
        sqlType = "VARCHAR";
        notes.push(`${name} read as categories: whole numbers with leading zeros are codes`);
      }
    } else if (stamps === present) sqlType = clocks === 0 ? "DATE" : "TIMESTAMP";
    else if (times === present) sqlType = "TIME";
    else if (numbers !== undefined && numbers >= 0.9 * present)
      notes.push(await mostlyNumbers(database, id, name, present - numbers, where));
    if (sqlType === "DATE" || sqlType === "TIMESTAMP") notes.push(`${name} read as seconds since 1970-01-01 UTC`);
    if (sqlType === "TIME") notes.push(`${name} read as seconds since midnight`);
    columns.push({ id, name, kind: sqlType === "VARCHAR" ? "categorical" : "numeric", sqlType, missing: rows - present });
  }
  return { columns, notes };
}

async function mostlyNumbers(database: Database, id: string, name: string, texts: number, where: Where): Promise<string> {
  const [first] = await database.query(
    `SELECT ${id} AS text, rowid AS row FROM raw WHERE ${id} IS NOT NULL AND try_cast(${id} AS DOUBLE) IS NULL ORDER BY rowid LIMIT 1`,
  );
  const example = `"${String(first!["text"])}" in ${where(Number(first!["row"]))}`;
  return `${name} read as categories: ${texts === 1 ? "1 value is no number" : `${grouped(texts)} values are no numbers`}, e.g. ${example} (leave the field empty where a value is missing)`;
}

const isScalar = (type: ColumnType): type is ColumnType & { readonly kind: ScalarColumn["kind"] } =>
  type.kind === "numeric" || type.kind === "categorical";

/**
 * The columns of a schema, found in a file and read as the schema says. A whole number may have become a fraction; those that a target
 * is computed from stay whole numbers where they can, so that its expression means what it meant.
 * @throws GradusError on a type that is none of ours
 */
export async function imposeTypes(database: Database, names: readonly string[], schema: TableSchema): Promise<SourceColumn[]> {
  const references = schema.target?.references ?? [];
  const columns: SourceColumn[] = [];
  for (const type of [...schema.columns, ...references]) {
    if (!isScalar(type)) continue;
    if (!(SQL_TYPES as readonly string[]).includes(type.sqlType) || (type.sqlType === "VARCHAR") !== (type.kind === "categorical"))
      throw new GradusError(
        `the model's schema should give column "${type.name}" a type of ${SQL_TYPES.join(", ")}, found "${type.sqlType}" (${type.kind}).`,
        { hint: "the saved model was changed or is damaged; train it again." },
      );
    const id = `c${names.indexOf(type.name)}`;
    const whole = type.sqlType !== "BIGINT" || (references.includes(type) && (await isWhole(database, id)));
    columns.push({ ...type, sqlType: whole ? type.sqlType : "DOUBLE", id, missing: 0 });
  }
  return columns;
}

async function isWhole(database: Database, id: string): Promise<boolean> {
  const [row] = await database.query(`SELECT ${READINGS.present(id)} AS present, ${READINGS.whole(id)} AS whole FROM raw`);
  return row!["present"] === row!["whole"];
}

/** The value of a text column as its SQL type. */
function cast({ id, sqlType }: SourceColumn): string {
  if (sqlType === "VARCHAR") return id;
  if (sqlType === "TIMESTAMP") return `try_cast(${id} AS TIMESTAMPTZ)::TIMESTAMP`;
  return `try_cast(${id} AS ${sqlType})`;
}

/** A typed column, or an expression of its type, as a DOUBLE. */
export function asNumber(sql: string, sqlType: string): string {
  return /^(DATE|TIME)/.test(sqlType) ? `epoch(${sql})` : `(${sql})::DOUBLE`;
}

/**
 * Creates the typed table `data` from `raw`, which is dropped.
 * @throws GradusError where a value cannot be read as its column's type (possible only for imposed types)
 */
export async function createTyped(
  database: Database,
  path: string,
  columns: readonly SourceColumn[],
  where: Where,
  imposed: boolean,
): Promise<void> {
  const unique = [...new Map(columns.map((column) => [column.id, column])).values()];
  if (imposed) {
    for (const column of unique) {
      if (column.kind === "categorical") continue;
      const [bad] = await database.query(
        `SELECT ${column.id} AS text, rowid AS row FROM raw WHERE ${column.id} IS NOT NULL AND ${cast(column)} IS NULL ORDER BY rowid LIMIT 1`,
      );
      if (bad)
        throw new GradusError(
          `${path}, ${where(Number(bad["row"]))}: column "${column.name}" should hold ${spoken(column.sqlType)}, found "${String(bad["text"])}".`,
          { hint: "the model was trained on such values; mend the field, or leave it empty where the value is missing." },
        );
    }
  }
  const list = unique.length > 0 ? unique.map((column) => `${cast(column)} AS ${column.id}`).join(", ") : "true";
  await database.query(`CREATE TABLE data AS SELECT ${list} FROM raw`);
  await database.query("DROP TABLE raw");
}

const spoken = (sqlType: string): string =>
  ({ DATE: "a date (2024-01-31)", TIMESTAMP: "a date with time (2024-01-31 12:00:00)", TIME: "a time (12:00:00)" })[sqlType] ?? "a number";
