/** Dates as people write them: which order of day, month and year a column has, where its values leave no doubt. */
import { literal, type Database } from "./database.ts";
import { DATE_ORDERS as orders, grouped, type DateOrder, type Where } from "./table.ts";

/** Why a column's dates cannot be read as such: what would make them dates, and with that what else can be done. */
export interface DateProblem {
  readonly message: string;
  readonly remedy: string;
  readonly hint: string;
}

/** What a column's dates turned out to be. */
export type DateFinding =
  | { readonly kind: "dates"; readonly order: DateOrder; readonly clock: boolean }
  | ({ readonly kind: "problem" } & DateProblem)
  | { readonly kind: "none" };

const ISO_DATE = String.raw`'^\s*\d{4}[-/]\d{1,2}[-/]\d{1,2}'`;
/** 20240131, of the years 1800 to 2199: read so where dates are asked for, since they may be any numbers. */
export const COMPACT_DATE = String.raw`'^\s*(18|19|20|21)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\s*$'`;
const CLOCKS = ["", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f"];
const ORDERS: Readonly<Record<Exclude<DateOrder, "ymd">, { readonly pattern: string; readonly formats: readonly string[] }>> = {
  dmy: { pattern: String.raw`'^\s*\d{1,2}[-/.]\d{1,2}[-/.]\d{4}(\s|$)'`, formats: ["%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y"] },
  mdy: { pattern: String.raw`'^\s*\d{1,2}[-/.]\d{1,2}[-/.]\d{4}(\s|$)'`, formats: ["%m/%d/%Y", "%m-%d-%Y"] },
  named: {
    pattern: String.raw`'^\s*(\d{1,2}[ -][A-Za-z]{3,9}[ -]|[A-Za-z]{3,9} \d{1,2}, ?)\d{4}(\s|$)'`,
    formats: ["%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%b %d, %Y", "%B %d, %Y"],
  },
};
const spoken: Readonly<Record<DateOrder, string>> = {
  ymd: "year-month-day",
  dmy: "day/month/year",
  mdy: "month/day/year",
  named: "with the month's name",
};

/** A text expression as a TIMESTAMP, NULL where it is no date of that order; years have four digits. */
export function dateSql(c: string, order: DateOrder): string {
  if (order === "ymd") {
    // Exactly a date, or with hours, minutes and seconds, has no room for a time zone; looking for one takes three times as long.
    const plain = `${c} LIKE '____-__-__ __:__:__' OR ${c} LIKE '____-__-__'`;
    return `CASE WHEN ${plain} THEN try_cast(${c} AS TIMESTAMP) WHEN regexp_matches(${c}, ${ISO_DATE}) THEN try_cast(${c} AS TIMESTAMPTZ)::TIMESTAMP WHEN regexp_matches(${c}, ${COMPACT_DATE}) THEN try_strptime(trim(${c}), '%Y%m%d') END`;
  }
  const { pattern, formats } = ORDERS[order];
  const all = formats.flatMap((format) => CLOCKS.map((clock) => literal(format + clock)));
  return `CASE WHEN regexp_matches(${c}, ${pattern}) THEN try_strptime(trim(${c}), [${all.join(", ")}]) END`;
}

const ONE_FORMAT = "write all of them as 2024-01-31";

/** Looks like a date of any kind, two-digit years among them. */
const DATE_LIKE = String.raw`'^\s*(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{2,4}|[A-Za-z]{3,9} \d{1,2}, ?\d{2,4})(\s+\d{1,2}:\d{2}\S*)?\s*$'`;

/**
 * The dates of a column of texts, decided by all its values.
 * @param id the column of `raw`, or an expression of it
 * @param asked the order, where it is known; then values that are no such dates are a problem
 */
export async function findDates(
  database: Database,
  { id, name }: { readonly id: string; readonly name: string },
  where: Where,
  asked?: DateOrder,
): Promise<DateFinding> {
  const [head] = await database.query(
    `SELECT count(v) AS present, count(*) FILTER (regexp_matches(v, ${DATE_LIKE})) AS alike FROM (SELECT ${id} AS v FROM raw WHERE ${id} IS NOT NULL LIMIT 2048)`,
  );
  if (!asked && !(Number(head!["alike"]) >= 0.9 * Number(head!["present"]))) return { kind: "none" };
  const parsed = orders.map((order) => dateSql(id, order));
  const [row] = await database.query(
    `SELECT count(${id}) AS present, count(*) FILTER (contains(${id}, ':')) AS clocks, count(coalesce(${parsed.join(", ")})) AS some,
     ${orders.map((order, i) => `count(${parsed[i]}) AS ${order}`).join(", ")} FROM raw`,
  );
  const counted = (key: string): number => Number(row![key]);
  const present = counted("present");
  const clock = counted("clocks") > 0;
  const reads = (order: DateOrder): string => `(${parsed[orders.indexOf(order)]}) IS NOT NULL`;
  /** The first value of which something holds, with its line and the orders that it is a date in. */
  const first = async (condition: string): Promise<{ text: string; as: string } | undefined> => {
    const [found] = await database.query(
      `SELECT ${id} AS text, rowid AS row, ${orders.map((order) => `${reads(order)} AS ${order}`).join(", ")} FROM raw WHERE ${id} IS NOT NULL AND ${condition} ORDER BY rowid LIMIT 1`,
    );
    if (!found) return undefined;
    const as = orders.filter((order) => found[order] === true).map((order) => spoken[order]);
    return { text: `"${String(found["text"])}" in ${where(Number(found["row"]))}`, as: as.join(" or ") };
  };
  if (asked) {
    if (counted(asked) === present) return { kind: "dates", order: asked, clock };
    const other = (await first(`NOT ${reads(asked)}`))!;
    const remedy = "mend them, leave them empty, or name the text that means missing: --missing";
    return {
      kind: "problem",
      message: `column "${name}" should hold dates ${spoken[asked]} (--type), ${grouped(present - counted(asked))} of ${grouped(present)} are none: ${other.text}${other.as === "" ? "" : ` is ${other.as}`}.`,
      remedy,
      hint: other.as === "" ? remedy : `${ONE_FORMAT}, or ask for another order by --type`,
    };
  }
  const whole = orders.filter((order) => counted(order) === present);
  const [certain] = whole;
  if (whole.length === 1) return { kind: "dates", order: certain!, clock };
  if (whole.length > 1) {
    const remedy = `say which: --type ${name}=date:dmy or --type ${name}=date:mdy`;
    return {
      kind: "problem",
      message: `the dates of column "${name}" may be day/month or month/day, e.g. ${(await first("true"))!.text}; no value of ${grouped(present)} decides it.`,
      remedy,
      hint: `${remedy} (or ${name}=category, ${name}=drop)`,
    };
  }
  if (counted("some") < 0.9 * present) return { kind: "none" };
  const main = orders.toSorted((a, b) => counted(b) - counted(a))[0]!;
  const others = orders.filter((order) => order !== main).map((order) => reads(order));
  const another = await first(`NOT ${reads(main)} AND (${others.join(" OR ")})`);
  if (another === undefined) {
    const remedy = "mend them, or name the text that means missing (--missing)";
    return {
      kind: "problem",
      message: `column "${name}" holds dates ${spoken[main]}, but ${grouped(present - counted(main))} of ${grouped(present)} values are none: ${(await first(`NOT ${reads(main)}`))!.text}.`,
      remedy,
      hint: `${remedy}; --type ${name}=category, --type ${name}=drop`,
    };
  }
  // A value that is a date in one order alone shows it best.
  const one = (await first(`${reads(main)} AND NOT (${others.join(" OR ")})`)) ?? (await first(reads(main)))!;
  return {
    kind: "problem",
    message: `column "${name}" holds dates in two formats: ${one.text} is ${one.as}, ${another.text} is ${another.as}; ${grouped(present - counted(main))} of ${grouped(present)} values are not ${spoken[main]}.`,
    remedy: ONE_FORMAT,
    hint: `${ONE_FORMAT}, or leave the column out: --drop ${name}`,
  };
}
