/** What looks odd about a column's values, a sentence each. */
import type { ColumnProfile } from "./column-profile.ts";
import { literal, type Database } from "./database.ts";
import { COMPACT_DATE } from "./dates.ts";
import { asNumber } from "./extract.ts";
import type { SourceColumn } from "./raw-table.ts";
import { grouped, type Where } from "./table.ts";

/** Categories that differ in blanks or case only: most likely one. */
export async function variants(database: Database, id: string): Promise<string[]> {
  const found = await database.query(
    `SELECT list(v ORDER BY v)::VARCHAR AS list, list_transform(list(v ORDER BY n DESC, v), x -> '"' || x || '"') AS shown FROM (SELECT ${id} AS v, count(*) AS n FROM data WHERE ${id} IS NOT NULL GROUP BY v)
     GROUP BY lower(trim(regexp_replace(v, '\\s+', ' ', 'g'))) HAVING count(*) > 1 ORDER BY list LIMIT 4`,
  );
  const shown = found
    .map(({ shown }) => shown as unknown as { items?: string[] } | string[])
    .map((list) => (Array.isArray(list) ? list : (list.items ?? [])));
  return shown.slice(0, 3).map((list) => `${list.slice(0, 4).join(" and ")} differ in blanks or case only`);
}

/** Numbers that people write where there is none. */
const SENTINELS = [-1, -9, -99, -999, -9999, 99, 999, 9999, 99_999, 999_999];

/** Dates and identifiers among whole numbers, infinities, numbers that stand for no number. */
export async function oddNumbers(
  database: Database,
  { id, sqlType, name }: SourceColumn,
  { min, max }: NonNullable<ColumnProfile["numbers"]>,
  { rows, distinct, where }: { readonly rows: number; readonly distinct: number; readonly where: Where },
): Promise<string[]> {
  const remarks: string[] = [];
  const number = asNumber(id, sqlType);
  if (sqlType === "BIGINT" && min >= 18_000_101 && max <= 21_991_231) {
    const [other] = await database.query(
      `SELECT count(*) AS n FROM data WHERE ${id} IS NOT NULL AND NOT coalesce(regexp_matches(${id}::VARCHAR, ${COMPACT_DATE}) AND try_strptime(${id}::VARCHAR, '%Y%m%d') IS NOT NULL, false)`,
    );
    if (Number(other!["n"]) === 0)
      return [`all look like dates, as ${min}: if they are, --type ${/^[\w.-]+$/.test(name) ? `${name}=date` : `"${name}=date"`}`];
  }
  if (sqlType === "BIGINT" && distinct === rows && rows > 20) remarks.push("every row has its own whole number: an identifier?");
  if (sqlType === "BIGINT" && Math.max(Math.abs(min), Math.abs(max)) > Number.MAX_SAFE_INTEGER)
    remarks.push(`whole numbers beyond 2^53 are rounded (--type ${name}=category if they are codes)`);
  const [infinite] = await database.query(`SELECT min(rowid) AS row FROM data WHERE NOT isfinite(${number})`);
  if (infinite!["row"] !== null) remarks.push(`infinite in ${where(Number(infinite!["row"]))}`);
  for (const value of new Set([min, max])) {
    if (!SENTINELS.includes(value) || sqlType.startsWith("DATE") || sqlType.startsWith("TIME")) continue;
    const [rest] = await database.query(
      `SELECT count(*) FILTER (${number} = ${value}) AS n, min(${number}) FILTER (${number} <> ${value}) AS low, max(${number}) FILTER (${number} <> ${value}) AS high FROM data`,
    );
    const [low, high] = [Number(rest!["low"]), Number(rest!["high"])];
    const gap = value === min ? low - value : value - high;
    if (rest!["low"] !== null && gap > Math.max(1, high - low) && Number(rest!["n"]) > 1)
      remarks.push(
        `${value} in ${grouped(Number(rest!["n"]))} rows lies far from the others (${low} to ${high}): if it means missing, --missing ${literal(String(value)).replaceAll("'", '"')}`,
      );
  }
  return remarks;
}
