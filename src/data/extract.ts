/** Typed relations turned into columns in memory. */
import { identifier, type Database } from "./database.ts";
import type { CategoricalColumn, DateOrder, NumericColumn, ScalarColumn } from "./table.ts";

/** A column to be made: an SQL expression over `relation` and how to hold it. */
export interface Extraction {
  readonly name: string;
  readonly kind: ScalarColumn["kind"];
  /** The SQL type of the expression. */
  readonly sqlType: string;
  /** How its dates were written. */
  readonly dates?: DateOrder | undefined;
  readonly sql: string;
}

/** A value as the text that names its category; whole numbers without a fraction. */
export function asText({ sql, sqlType }: Pick<Extraction, "sql" | "sqlType">): string {
  if (sqlType !== "DOUBLE") return `(${sql})::VARCHAR`;
  return `CASE WHEN (${sql}) = trunc(${sql}) THEN coalesce(try_cast(${sql} AS BIGINT)::VARCHAR, (${sql})::VARCHAR) ELSE (${sql})::VARCHAR END`;
}

/** A typed column, or an expression of its type, as a DOUBLE. */
export function asNumber(sql: string, sqlType: string): string {
  return /^(DATE|TIME)/.test(sqlType) ? `epoch(${sql})` : `(${sql})::DOUBLE`;
}

/** How many distinct values an expression has over a relation, NULL apart. */
export async function countDistinct(database: Database, sql: string, relation: string): Promise<number> {
  return Number((await database.query(`SELECT count(DISTINCT ${sql}) AS n FROM ${relation}`))[0]!["n"]);
}

/** The categories of an expression over a relation, sorted (see `CategoricalColumn`), and the expression of a row's code, NULL where missing. */
export async function enumerate(
  database: Database,
  relation: string,
  extraction: Extraction,
  label: string,
): Promise<{ names: string[]; code: string }> {
  // Distinct values first: they are few, and few of them become texts.
  const once = `SELECT DISTINCT ${asText({ ...extraction, sql: "v" })} AS v FROM (SELECT DISTINCT ${extraction.sql} AS v FROM ${relation})`;
  await database.query(
    `CREATE TEMP TABLE names AS SELECT v FROM (${once}) WHERE v IS NOT NULL ORDER BY try_cast(v AS DOUBLE) NULLS LAST, v`,
  );
  const names = (await database.query("SELECT v FROM names")).map((row) => String(row["v"]));
  const type = identifier(`${label} ${extraction.name}`);
  if (names.length > 0) await database.query(`CREATE TYPE ${type} AS ENUM (SELECT v FROM names)`);
  await database.query("DROP TABLE names");
  return { names, code: names.length > 0 ? `enum_code((${asText(extraction)})::${type})` : "NULL" };
}

/** Columns of a relation, all in a few scans; categories are those found, sorted (see `CategoricalColumn`). */
export async function extract(database: Database, relation: string, rows: number, wanted: readonly Extraction[]): Promise<ScalarColumn[]> {
  const expressions: string[] = [];
  const found: string[][] = [];
  for (const [i, extraction] of wanted.entries()) {
    if (extraction.kind === "numeric") {
      expressions.push(asNumber(extraction.sql, extraction.sqlType));
      found.push([]);
      continue;
    }
    const { names, code } = await enumerate(database, relation, extraction, `${relation} enum ${i}`);
    found.push(names);
    expressions.push(code);
  }
  const arrays = await database.numbers(expressions, relation, rows);
  return wanted.map(({ name, kind, sqlType, dates }, i): ScalarColumn => {
    if (kind === "numeric") return { name, kind, sqlType, ...(dates ? { dates } : {}), values: arrays[i]! } satisfies NumericColumn;
    const codes = new Int32Array(rows);
    for (let row = 0; row < rows; row++) {
      const code = arrays[i]![row]!;
      codes[row] = Number.isNaN(code) ? -1 : code;
    }
    return { name, kind, sqlType, codes, categories: found[i]! } satisfies CategoricalColumn;
  });
}
