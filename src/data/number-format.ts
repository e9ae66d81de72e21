/** How numbers are written in a text file: the decimal sign, and what stands between groups of three digits. */
import { identifier, type Database } from "./database.ts";
import type { Reading } from "./reading.ts";
import type { Where } from "./table.ts";

export interface NumberFormat {
  readonly decimal: "." | ",";
  readonly thousands?: string | undefined;
}

export const plainNumbers: NumberFormat = { decimal: "." };

const escape = (sign: string): string => (/[.*+?^${}()|[\]\\/]/.test(sign) ? `\\${sign}` : sign);
const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** A text expression as SQL reads numbers; NULL where it is written otherwise. */
export function numberText(c: string, { decimal, thousands }: NumberFormat): string {
  const usual = `CASE WHEN contains(${c}, '_') THEN NULL ELSE ${c} END`;
  if (decimal === "." && thousands === undefined) return usual;
  const group = thousands === undefined ? "" : escape(thousands);
  const whole = thousands === undefined ? String.raw`\d*` : String.raw`(\d{1,3}(${group}\d{3})+|\d*)`;
  const pattern = String.raw`\s*[+-]?${whole}(${escape(decimal)}\d*)?([eE][+-]?\d+)?\s*`;
  const ungrouped = thousands === undefined ? c : `replace(${c}, ${quoted(thousands)}, '')`;
  return `CASE WHEN regexp_full_match(${c}, ${quoted(pattern)}) THEN replace(${ungrouped}, ${quoted(decimal)}, '.') END`;
}

const DECIMAL = String.raw`'\s*[+-]?\d*,\d+([eE][+-]?\d+)?\s*'`;
const GROUPS = String.raw`'\s*[+-]?[1-9]\d{0,2}(,\d{3})+\s*'`;
const WHOLE = String.raw`'\s*[+-]?\d+\s*'`;
const DOTTED = String.raw`'\s*[+-]?\d*\.\d+\s*'`;
const DOTTED_GROUP = String.raw`'\s*[+-]?[1-9]\d{0,2}\.\d{3}\s*'`;

/**
 * The format of the numbers of a text file. Decimal commas are found only where commas separate no fields, a column has nothing else
 * (whole numbers apart), some number cannot be one in groups of three, and no column has decimal points. Groups are never guessed; points
 * that may be theirs are told where commas separate no fields.
 * @returns notes on columns that could be read either way
 */
export async function findNumberFormat(
  database: Database,
  columns: readonly { readonly id: string; readonly name: string }[],
  reading: Reading,
  delimiter: string | undefined,
  where: Where,
): Promise<{ format: NumberFormat; notes: string[] }> {
  const { decimal, thousands } = reading;
  if (decimal !== undefined || thousands !== undefined)
    return { format: { decimal: decimal ?? (thousands === "," ? "." : thousands === "." ? "," : "."), thousands }, notes: [] };
  // Between commas only a quoted field has one: a few rows tell whether there is something to be said.
  const relation = delimiter === "," ? "(SELECT * FROM raw LIMIT 2048)" : "raw";
  const commas = await counts(database, columns, (c) => [`count(*) FILTER (contains(${c}, ',')) AS ${identifier(c)}`], relation);
  const candidates = columns.filter(({ id }) => Number(commas[id]) > 0);
  const points = delimiter === "," ? undefined : await pointsOf(database, columns);
  const thousandsToo = candidates.length > 0 ? "--decimal , --thousands ." : "--thousands .";
  const notes: string[] = [];
  for (const { id, name } of points?.groups.slice(0, 8) ?? [])
    notes.push(
      `${name} read as numbers with a decimal point: ${await firstWith(database, id, ".", where)} may have thousands, as all its points stand before three digits (${thousandsToo} if so, --decimal . if not)`,
    );
  if (candidates.length === 0) return { format: plainNumbers, notes };
  const found = await counts(database, candidates, (c) => [
    `count(${c}) AS ${identifier(`${c} present`)}`,
    `count(*) FILTER (regexp_full_match(${c}, ${DECIMAL}) OR regexp_full_match(${c}, ${WHOLE})) AS ${identifier(`${c} decimal`)}`,
    `count(*) FILTER (regexp_full_match(${c}, ${DECIMAL}) AND NOT regexp_full_match(${c}, ${GROUPS})) AS ${identifier(`${c} certain`)}`,
    `count(*) FILTER (regexp_full_match(${c}, ${GROUPS}) OR regexp_full_match(${c}, ${WHOLE})) AS ${identifier(`${c} groups`)}`,
  ]);
  const of = (id: string, what: string): number => Number(found[`${id} ${what}`]);
  const decimals = candidates.filter(({ id }) => of(id, "decimal") === of(id, "present"));
  const certain = decimals.some(({ id }) => of(id, "certain") > 0);
  if (certain && points && !points.any)
    return { format: { decimal: "," }, notes: ["numbers read with a decimal comma (--decimal . for none)"] };
  const open = candidates.filter(({ id }) => Math.max(of(id, "decimal"), of(id, "groups")) === of(id, "present"));
  for (const { id, name } of open.slice(0, 8)) {
    const remedy = points && points.groups.length > 0 ? `--decimal , or ${thousandsToo}` : "--decimal , or --thousands ,";
    notes.push(
      `${name} read as categories: ${await firstWith(database, id, ",", where)} may have a decimal comma or thousands (${remedy})`,
    );
  }
  return { format: plainNumbers, notes };
}

/**
 * Decimal points of a file: whether there are any, and the columns of numbers in which each stands before exactly three digits; none of
 * them where some other number has a point that can only be a decimal one.
 */
async function pointsOf<C extends { readonly id: string }>(
  database: Database,
  columns: readonly C[],
): Promise<{ readonly any: boolean; readonly groups: readonly C[] }> {
  for (const relation of ["(SELECT * FROM raw LIMIT 2048)", "raw"]) {
    const pointed = (c: string, test: string): string => `count(*) FILTER (contains(${c}, '.') AND ${test})`;
    const found = await counts(
      database,
      columns,
      (c) => [
        `${pointed(c, `regexp_full_match(${c}, ${DOTTED})`)} AS ${identifier(`${c} dotted`)}`,
        `${pointed(c, `regexp_full_match(${c}, ${DOTTED_GROUP})`)} AS ${identifier(`${c} groups`)}`,
      ],
      relation,
    );
    const of = (id: string, what: string): number => Number(found[`${id} ${what}`]);
    if (columns.some(({ id }) => of(id, "dotted") > of(id, "groups"))) return { any: true, groups: [] };
    if (relation !== "raw") continue;
    const some = columns.filter(({ id }) => of(id, "groups") > 0);
    const whole = await counts(database, some, (c) => [
      `count(*) FILTER (NOT regexp_full_match(${c}, ${DOTTED_GROUP}) AND NOT regexp_full_match(${c}, ${WHOLE})) AS ${identifier(c)}`,
    ]);
    return { any: some.length > 0, groups: some.filter(({ id }) => Number(whole[id]) === 0) };
  }
  return { any: false, groups: [] };
}

/** The first value of a column with a sign in it, and where it stands. */
async function firstWith(database: Database, id: string, sign: string, where: Where): Promise<string> {
  const [first] = await database.query(
    `SELECT ${id} AS text, rowid AS row FROM raw WHERE contains(${id}, ${quoted(sign)}) ORDER BY rowid LIMIT 1`,
  );
  return `"${String(first!["text"])}" in ${where(Number(first!["row"]))}`;
}

async function counts(
  database: Database,
  columns: readonly { readonly id: string }[],
  list: (c: string) => readonly string[],
  relation = "raw",
): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (let at = 0; at < columns.length; at += 200) {
    const some = columns.slice(at, at + 200).flatMap(({ id }) => list(id));
    Object.assign(found, (await database.query(`SELECT ${some.join(", ")} FROM ${relation}`))[0]);
  }
  return found;
}
