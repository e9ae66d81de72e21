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

/**
 * The format of the numbers of a text file. Decimal commas are found only where commas separate no fields, a column has nothing else
 * (whole numbers apart), some number cannot be one in groups of three, and no column has decimal points. Groups are never guessed.
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
  if (candidates.length === 0) return { format: plainNumbers, notes: [] };
  const found = await counts(database, candidates, (c) => [
    `count(${c}) AS ${identifier(`${c} present`)}`,
    `count(*) FILTER (regexp_full_match(${c}, ${DECIMAL}) OR regexp_full_match(${c}, ${WHOLE})) AS ${identifier(`${c} decimal`)}`,
    `count(*) FILTER (regexp_full_match(${c}, ${DECIMAL}) AND NOT regexp_full_match(${c}, ${GROUPS})) AS ${identifier(`${c} certain`)}`,
    `count(*) FILTER (regexp_full_match(${c}, ${GROUPS}) OR regexp_full_match(${c}, ${WHOLE})) AS ${identifier(`${c} groups`)}`,
  ]);
  const of = (id: string, what: string): number => Number(found[`${id} ${what}`]);
  const decimals = candidates.filter(({ id }) => of(id, "decimal") === of(id, "present"));
  const certain = decimals.some(({ id }) => of(id, "certain") > 0);
  if (certain && delimiter !== ",") {
    const dotted = await counts(database, columns, (c) => [`count(*) FILTER (regexp_full_match(${c}, ${DOTTED})) AS ${identifier(c)}`]);
    if (columns.every(({ id }) => Number(dotted[id]) === 0))
      return { format: { decimal: "," }, notes: ["numbers read with a decimal comma (--decimal . for none)"] };
  }
  const open = candidates.filter(({ id }) => Math.max(of(id, "decimal"), of(id, "groups")) === of(id, "present"));
  const notes: string[] = [];
  for (const { id, name } of open.slice(0, 8)) {
    const [first] = await database.query(`SELECT ${id} AS text, rowid AS row FROM raw WHERE contains(${id}, ',') ORDER BY rowid LIMIT 1`);
    notes.push(
      `${name} read as categories: "${String(first!["text"])}" in ${where(Number(first!["row"]))} may have a decimal comma or thousands (--decimal , or --thousands ,)`,
    );
  }
  return { format: plainNumbers, notes };
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
