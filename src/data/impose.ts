/** The types of a saved model put upon a file, and the typed table `data` made from `raw`. */
import { GradusError } from "../util/errors.ts";
import type { Database } from "./database.ts";
import { READINGS } from "./infer.ts";
import { numberText, type NumberFormat } from "./number-format.ts";
import { castTo, SQL_TYPES, type RawColumn, type RawTable, type SourceColumn, type SqlType } from "./raw-table.ts";
import type { ColumnType, ScalarColumn, TableSchema, Where } from "./table.ts";

/** Columns that are changed one by one; of more, the table is written anew. */
const MOST_CHANGED = 64;

const isScalar = (type: ColumnType): type is ColumnType & { readonly kind: ScalarColumn["kind"] } =>
  type.kind === "numeric" || type.kind === "categorical";

/**
 * The columns of a schema, found in a file and read as the schema says. A whole number may have become a fraction; those that a target
 * is computed from stay whole numbers where they can, so that its expression means what it meant.
 * @throws GradusError on a type that is none of ours
 */
export async function imposeTypes(database: Database, raw: RawTable, schema: TableSchema): Promise<SourceColumn[]> {
  const references = schema.target?.references ?? [];
  const columns: SourceColumn[] = [];
  for (const type of [...schema.columns, ...references]) {
    if (!isScalar(type)) continue;
    const { sqlType } = type;
    if (!(SQL_TYPES as readonly string[]).includes(sqlType) || (sqlType === "VARCHAR") !== (type.kind === "categorical"))
      throw new GradusError(
        `the model's schema should give column "${type.name}" a type of ${SQL_TYPES.join(", ")}, found "${sqlType}" (${type.kind}).`,
        { hint: "the saved model was changed or is damaged; train it again." },
      );
    const column = raw.columns.find(({ name }) => name === type.name)!;
    const whole = sqlType !== "BIGINT" || (references.includes(type) && (await isWhole(database, column, raw.numbers)));
    const to = whole ? (sqlType as SqlType) : "DOUBLE";
    columns.push({ ...type, sqlType: to, id: column.id, sql: castTo(column, to, raw.numbers, type.dates), missing: 0 });
  }
  return columns;
}

async function isWhole(database: Database, column: RawColumn, format: NumberFormat): Promise<boolean> {
  if (column.type === "BIGINT") return true;
  const text = castTo(column, "VARCHAR", format, undefined);
  const [row] = await database.query(
    `SELECT count(*) FILTER (${READINGS.present(text)}) AS present, count(*) FILTER (${READINGS.whole(text, numberText(text, format))}) AS whole FROM raw`,
  );
  return row!["present"] === row!["whole"];
}

/**
 * Creates `data`, typed, from `raw`: a table in its place; or where values are read but a few times, a view of it (with `rowid`), so that
 * no value is written twice.
 * @param imposed by the schema of a saved model
 * @throws GradusError where a value cannot be read as its column's type (possible only for imposed types)
 */
export async function createTyped(
  database: Database,
  path: string,
  columns: readonly SourceColumn[],
  where: Where,
  { imposed = false, view = false }: { readonly imposed?: boolean; readonly view?: boolean } = {},
): Promise<void> {
  const unique = [...new Map(columns.map((column) => [column.id, column])).values()];
  if (imposed) {
    for (const column of unique) {
      if (column.sql === column.id || column.kind === "categorical") continue;
      const [bad] = await database.query(
        `SELECT ${column.id}::VARCHAR AS text, rowid AS row FROM raw WHERE ${column.id} IS NOT NULL AND ${column.sql} IS NULL ORDER BY rowid LIMIT 1`,
      );
      if (bad)
        throw new GradusError(
          `${path}, ${where(Number(bad["row"]))}: column "${column.name}" should hold ${spoken(column.sqlType)}, found "${String(bad["text"])}".`,
          { hint: "the model was trained on such values; mend the field, or leave it empty where the value is missing." },
        );
    }
  }
  if (view) {
    const list = unique.map(({ id, sql, sqlType }) => (id === sql ? id : `(${sql})::${sqlType} AS ${id}`));
    await database.query(`CREATE VIEW data AS SELECT ${["rowid AS rowid", ...list].join(", ")} FROM raw`);
    return;
  }
  const changed = unique.filter(({ id, sql }) => id !== sql);
  if (unique.length > 0 && changed.length <= MOST_CHANGED) {
    // Column by column, so that no two copies of the whole are held.
    for (const { id, sql, sqlType } of changed) await database.query(`ALTER TABLE raw ALTER ${id} TYPE ${sqlType} USING ${sql}`);
    await database.query("ALTER TABLE raw RENAME TO data");
    return;
  }
  const list = unique.length > 0 ? unique.map(({ id, sql }) => `${sql} AS ${id}`).join(", ") : "true";
  await database.query(`CREATE TABLE data AS SELECT ${list} FROM raw`);
  await database.query("DROP TABLE raw");
}

const spoken = (sqlType: string): string =>
  ({ DATE: "a date (2024-01-31)", TIMESTAMP: "a date with time (2024-01-31 12:00:00)", TIME: "a time (12:00:00)" })[sqlType] ?? "a number";
