/** Texts that look like numbers and are not read as such: with a currency or percent sign, or in groups of three digits. */
import type { Database } from "./database.ts";
import { numberText, type NumberFormat } from "./number-format.ts";
import { grouped, type Where } from "./table.ts";

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const SIGNS = "[$€£¥%]";
const LIKE = quoted(
  String.raw`\s*[+-]?\s*${SIGNS}?\s*[+-]?(\d{1,3}([., '’\x{a0}\x{202f}]\d{3})+|\d+)?([.,]\d+)?([eE][+-]?\d+)?[\s\x{a0}\x{202f}]*${SIGNS}?\s*`,
);
/** A decimal point for certain: other than three digits behind it. */
const POINT = quoted(String.raw`[+-]?[\d,]*\.(\d{1,2}|\d{4,})`);
const FIRST_ROWS = 2048;
/** Of the values that are there: from here on a column is one of numbers. */
const MOST_OF_THEM = 0.9;

const FORMATS: readonly { readonly format: NumberFormat; readonly flags: string }[] = [
  { format: { decimal: ".", thousands: "," }, flags: "--thousands ," },
  { format: { decimal: ",", thousands: undefined }, flags: "--decimal ," },
  { format: { decimal: ",", thousands: "." }, flags: "--decimal , --thousands ." },
  { format: { decimal: ".", thousands: " " }, flags: '--thousands " "' },
  { format: { decimal: ",", thousands: " " }, flags: '--decimal , --thousands " "' },
  { format: { decimal: ".", thousands: "'" }, flags: `--thousands "'"` },
];

/**
 * What is to be said of a column of texts most of which look like numbers; undefined where they do not.
 * @param said of it already, by the look at the whole file: the ways of reading in brackets
 */
export async function likeNumbers(
  database: Database,
  { id, name }: { readonly id: string; readonly name: string },
  format: NumberFormat,
  where: Where,
  said?: string,
): Promise<{ what: string; remedy: string } | undefined> {
  const like = `regexp_full_match(${id}, ${LIKE}) AND regexp_matches(${id}, '[0-9]')`;
  const share = `count(*) FILTER (${like}) AS found, count(${id}) AS present`;
  const [first] = await database.query(`SELECT ${share} FROM (SELECT ${id} FROM raw LIMIT ${FIRST_ROWS})`);
  if (Number(first!["found"]) < MOST_OF_THEM * Number(first!["present"])) return undefined;
  const bare = `regexp_replace(${id}, '[$€£¥%\\s\\x{a0}\\x{202f}]', '', 'g')`;
  const counts: readonly (readonly [string, string])[] = [
    ["signed", `regexp_matches(${id}, '${SIGNS}')`],
    ["commas", `contains(${id}, ',')`],
    ["points", `contains(${id}, '.')`],
    ["certain", `regexp_full_match(${bare}, ${POINT})`],
    ["usual", `try_cast(${numberText(bare, FORMATS[0]!.format)} AS DOUBLE) IS NOT NULL`],
    ...FORMATS.map(({ format: one }, i) => [`f${i}`, `try_cast(${numberText(id, one)} AS DOUBLE) IS NOT NULL`] as const),
  ];
  const filters = counts.map(([what, condition]) => `count(*) FILTER (${like} AND ${condition}) AS ${what}`);
  const [row] = await database.query(`SELECT ${share}, ${filters.join(", ")} FROM raw`);
  const of = (what: string): number => Number(row![what]);
  const [found, present] = [of("found"), of("present")];
  if (found === 0 || found < MOST_OF_THEM * present) return undefined;
  const [example] = await database.query(
    `SELECT ${id} AS text, rowid AS row FROM raw WHERE ${like} AND try_cast(${numberText(id, format)} AS DOUBLE) IS NULL ORDER BY rowid LIMIT 1`,
  );
  if (!example) return undefined;
  const signed = of("signed") > 0;
  const number = `${grouped(found)} of ${grouped(present)} values look like numbers${signed ? " with a currency or percent sign" : ""}`;
  const plain = of("usual") === found && (of("certain") > 0 || of("points") + of("commas") === 0);
  const known = /\(([^()]*)\)$/.exec(said ?? "")?.[1];
  const ways = known !== undefined ? [known] : signed ? (plain ? cleaning(name) : []) : written((i) => of(`f${i}`) === found);
  return {
    what: `${number}, "${String(example["text"])}" in ${where(Number(example["row"]))}`,
    remedy: `${ways.length > 0 ? ways.join(" or ") : "write them as plain numbers"}; --type ${name}=drop leaves the column out`,
  };
}

/** The ways of writing that fit; one with groups only where it is not read without. */
function written(fits: (i: number) => boolean): string[] {
  const fitting = FORMATS.filter((_, i) => fits(i));
  const plainComma = fitting.some(({ format }) => format.decimal === "," && format.thousands === undefined);
  return fitting
    .filter(({ format }, i) => fitting.findIndex((other) => other.format.thousands === format.thousands) === i)
    .filter(({ format }) => !plainComma || format.decimal === "." || format.thousands === undefined)
    .map(({ flags }) => flags);
}

/** A query that takes the signs away, where the column's name needs no quotes in a shell. */
const cleaning = (name: string): string[] =>
  /^[A-Za-z_]\w*$/.test(name)
    ? [`--query "SELECT * REPLACE (try_cast(regexp_replace(${name}, '[^0-9.-]', '', 'g') AS DOUBLE) AS ${name}) FROM data"`]
    : [];
