/** What readers of typed files share: a relation of the database becomes `raw`, and its columns' types become ours. */
import { GradusError } from "../util/errors.ts";
import { identifier, literal, type Database } from "./database.ts";
import { nameColumns } from "./delimited.ts";
import type { Staged } from "./reader.ts";

/** Columns and their SQL types. @throws whatever the database says of the relation */
export async function describe(database: Database, relation: string): Promise<{ name: string; type: string }[]> {
  const found = await database.query(`DESCRIBE SELECT * FROM ${relation}`);
  return found.map((row) => ({ name: String(row["column_name"]), type: String(row["column_type"]) }));
}

/**
 * Creates `raw` from a relation. Floating-point NaN and empty texts become NULL, as missing values are; lists become their text; columns
 * of other nested values are left out.
 * @param called the columns' names, where they are not those of the relation
 * @param missing texts that mean missing
 * @throws GradusError where it has no columns or rows
 */
export async function stageRelation(
  database: Database,
  path: string,
  relation: string,
  { called, missing = [] }: { readonly called?: readonly string[]; readonly missing?: readonly string[] | undefined } = {},
): Promise<Staged> {
  const all = (await describe(database, relation)).map((column, i) => ({ ...column, label: called?.[i] ?? column.name }));
  const sql = all.map(({ name, type }) => cleaned(type, identifier(name), missing));
  const columns = all.filter((_, i) => sql[i] !== undefined);
  const left = all.filter((_, i) => sql[i] === undefined);
  const { names, notes } = nameColumns(
    path,
    columns.map(({ label }) => label),
  );
  for (const { label, type } of left)
    notes.push(
      `${label} left out: values of type ${type.length > 40 ? `${type.slice(0, 39)}…` : type} are no numbers, texts or dates (--query can take them apart)`,
    );
  if (columns.length === 0) throw new GradusError(`${path} has no column of numbers, texts or dates.`, { hint: notes.join("; ") });
  const list = sql.filter((expression) => expression !== undefined).map((expression, i) => `${expression} AS c${i}`);
  await database.query(`CREATE TABLE raw AS SELECT ${list.join(", ")} FROM ${relation}`);
  const rows = Number((await database.query("SELECT count(*) AS n FROM raw"))[0]!["n"]);
  if (rows === 0) throw new GradusError(`${path} has ${names.length} columns and no rows.`, { hint: "check how the file was written." });
  return { names, rows, lineOf: () => undefined, typed: true, notes };
}

/** A column of a typed file as one of the types that are computed with; undefined where there is none for it. */
function cleaned(type: string, sql: string, missing: readonly string[]): string | undefined {
  if (/\[\d*\]$/.test(type)) return /STRUCT|MAP|UNION|BLOB/.test(type) ? undefined : `to_json(${sql})::VARCHAR`;
  const text = (expression: string): string =>
    missing.length === 0
      ? `nullif(${expression}, '')`
      : `CASE WHEN ${expression} NOT IN (${["", ...missing].map(literal).join(", ")}) THEN ${expression} END`;
  if (type === "DOUBLE") return `CASE WHEN isnan(${sql}) THEN NULL ELSE ${sql} END`;
  if (type === "FLOAT") return `CASE WHEN isnan(${sql}) THEN NULL ELSE ${sql}::DOUBLE END`;
  if (type === "BIGINT" || type === "DATE" || type === "TIMESTAMP" || type === "TIME") return sql;
  if (/^U?(TINY|SMALL)INT$|^U?INTEGER$/.test(type)) return `${sql}::BIGINT`;
  if (/^(UBIGINT|U?HUGEINT|DECIMAL\(\d+,\d+\))$/.test(type)) return `${sql}::DOUBLE`;
  if (type.startsWith("TIMESTAMP")) return `${sql}::TIMESTAMP`;
  if (/^TIME( |_|TZ|$)/.test(type)) return `${sql}::TIME`;
  if (/^(VARCHAR|UUID|BOOLEAN)$|^ENUM/.test(type)) return text(`${sql}::VARCHAR`);
  if (type === "JSON") return text(`json_extract_string(${sql}, '$')`);
  return undefined;
}
