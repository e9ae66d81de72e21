/** The type of every column, from all its values: numbers, dates, times, else text. */
import { GradusError } from "../util/errors.ts";
import { identifier, type Database } from "./database.ts";
import { dateSql, findDates, type DateProblem } from "./dates.ts";
import { numberText, type NumberFormat } from "./number-format.ts";
import { likeNumbers } from "./number-like.ts";
import { castTo, SQL_TYPES, type RawColumn, type RawTable, type SourceColumn, type SqlType } from "./raw-table.ts";
import type { Reading, TypeName } from "./reading.ts";
import { grouped, type DateOrder, type Where } from "./table.ts";

const COLUMNS_PER_QUERY = 200;
/** The first rows are tried in every way; all rows only in the ways that these leave open. */
const FIRST_ROWS = 2048;
/** Among numbers so many texts stand for missing; more are categories. */
const FEW_TEXTS = 3;

/** Whether a value of a column can be read in some way, as SQL; n is the column as a number's text. */
export const READINGS = {
  present: (c: string) => `${c} IS NOT NULL`,
  numbers: (_: string, n: string) => `try_cast(${n} AS DOUBLE) IS NOT NULL`,
  whole: (_: string, n: string) => `try_cast(${n} AS DOUBLE) = trunc(try_cast(${n} AS DOUBLE)) AND try_cast(${n} AS BIGINT) IS NOT NULL`,
  codes: (c: string) => `regexp_matches(${c}, '^[+-]?0[0-9]+$')`,
  stamps: (c: string) => `${dateSql(c, "ymd")} IS NOT NULL`,
  clocks: (c: string) => `contains(${c}, ':')`,
  times: (c: string) => `contains(${c}, ':') AND try_cast(${c} AS TIME) IS NOT NULL`,
} as const;
type Reads = keyof typeof READINGS;
const NUMERIC: readonly Reads[] = ["present", "numbers", "whole", "codes"];
const TEMPORAL: readonly Reads[] = ["stamps", "clocks", "times"];
type Counts = Partial<Record<Reads, number>>;

/** Counts per column, of the readings asked for; each distinct value of a column that repeats itself is looked at once. */
async function countAll(
  database: Database,
  asked: ReadonlyMap<string, readonly Reads[]>,
  repeated: ReadonlySet<string>,
  numbers: NumberFormat,
): Promise<Map<string, Counts>> {
  const often = [...asked].filter(([id, readings]) => readings.length > 1 && repeated.has(id));
  const found = await count(database, "raw", new Map([...asked].filter((one) => !often.some(([id]) => id === one[0]))), numbers);
  for (const [id, readings] of often) {
    const relation = `(SELECT ${id}, count(*) AS n FROM raw GROUP BY ${id})`;
    for (const [key, counts] of await count(database, relation, new Map([[id, readings]]), numbers, "sum(n)")) found.set(key, counts);
  }
  return found;
}

/** Columns of which half the values or more have stood in a row before, as a relation shows. */
async function repeating(database: Database, relation: string, ids: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>();
  for (let at = 0; at < ids.length; at += COLUMNS_PER_QUERY) {
    const some = ids.slice(at, at + COLUMNS_PER_QUERY);
    const row = (
      await database.query(`SELECT ${some.map((id) => `2 * count(DISTINCT ${id}) <= count(${id}) AS ${id}`).join(", ")} FROM ${relation}`)
    )[0]!;
    for (const id of some) if (row[id] === true) found.add(id);
  }
  return found;
}

/** Counts per column, of the readings asked for. @param total of the rows that a condition filters */
async function count(
  database: Database,
  relation: string,
  asked: ReadonlyMap<string, readonly Reads[]>,
  numbers: NumberFormat,
  total = "count(*)",
): Promise<Map<string, Counts>> {
  const found = new Map<string, Counts>();
  const ids = [...asked.keys()];
  for (let at = 0; at < ids.length; at += COLUMNS_PER_QUERY) {
    const some = ids.slice(at, at + COLUMNS_PER_QUERY);
    const list = some.flatMap((id) =>
      asked
        .get(id)!
        .map(
          (reading) =>
            `coalesce(${total} FILTER (${READINGS[reading](id, numberText(id, numbers))}), 0) AS ${identifier(`${id} ${reading}`)}`,
        ),
    );
    const row = (await database.query(`SELECT ${list.join(", ")} FROM ${relation}`))[0]!;
    for (const id of some) found.set(id, Object.fromEntries(asked.get(id)!.map((reading) => [reading, Number(row[`${id} ${reading}`])])));
  }
  return found;
}

function merge(first: ReadonlyMap<string, Counts>, second: ReadonlyMap<string, Counts>): Map<string, Counts> {
  return new Map([...first].map(([id, counts]) => [id, { ...counts, ...second.get(id) }]));
}

/** The ways in which all values might still be read, after the first rows; one value that does not fit rules a way out. */
function openReadings({ present = 0, numbers = 0, whole = 0, stamps = 0, times = 0 }: Counts): Reads[] {
  if (present === 0) return [...NUMERIC, ...TEMPORAL];
  const open: Reads[] = ["present"];
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
 * @throws GradusError where a type that was asked for does not fit
 */
export async function inferTypes(
  database: Database,
  raw: RawTable,
  reading: Reading,
): Promise<{ columns: SourceColumn[]; notes: string[] }> {
  const { rows, numbers: format, typed } = raw;
  const notes: string[] = [];
  const texts = raw.columns.filter(({ type }) => type === "VARCHAR").map(({ id }) => id);
  const first = `(SELECT * FROM raw LIMIT ${FIRST_ROWS})`;
  const asNumbers = await count(database, first, new Map(texts.map((id) => [id, NUMERIC])), format);
  const noNumbers = texts.filter((id) => asNumbers.get(id)!.numbers! < asNumbers.get(id)!.present!);
  const asTimes = await count(database, first, new Map(noNumbers.map((id) => [id, TEMPORAL])), format);
  const open = new Map(texts.map((id) => [id, openReadings({ ...asNumbers.get(id), ...asTimes.get(id) })]));
  const counts =
    rows <= FIRST_ROWS ? merge(asNumbers, asTimes) : await countAll(database, open, await repeating(database, first, texts), format);
  const others = raw.columns.filter(({ type }) => type !== "VARCHAR").map(({ id }): [string, Reads[]] => [id, ["present"]]);
  const own = await count(database, "raw", new Map(others), format);
  const columns: SourceColumn[] = [];
  for (const column of raw.columns) {
    const asked = reading.types?.[column.name];
    const found =
      column.type === "VARCHAR"
        ? await textType(database, raw, column, { present: 0, ...counts.get(column.id) }, asked, notes)
        : await ownType(database, raw, column, asked);
    const { type, dates, problem, mixed } = found;
    if (type === "DATE" || type === "TIMESTAMP")
      notes.push(
        `${column.name} read as seconds since 1970-01-01 UTC${dates === undefined || dates === "ymd" ? "" : `, dates written ${ORDER_NAMES[dates]}`}`,
      );
    if (type === "TIME") notes.push(`${column.name} read as seconds since midnight`);
    if (typed && column.type === "VARCHAR" && asked === undefined && counts.get(column.id)!.numbers === counts.get(column.id)!.present)
      if (counts.get(column.id)!.present! > 0)
        notes.push(`${column.name} read as categories: texts of numbers (--type ${column.name}=number)`);
    const sql = castTo(column, type, format, dates);
    // Texts that are no numbers become missing only where a person asks for numbers.
    const present = asked === "number" ? await countPresent(database, sql) : ((counts.get(column.id) ?? own.get(column.id))?.present ?? 0);
    columns.push({
      id: column.id,
      name: column.name,
      kind: type === "VARCHAR" ? "categorical" : "numeric",
      sqlType: type,
      sql,
      missing: rows - present,
      ...(dates && dates !== "ymd" ? { dates } : {}),
      ...(asked ? { asked: true } : {}),
      ...(problem ? { problem } : {}),
      ...(mixed ? { mixed } : {}),
    });
  }
  return { columns, notes };
}

const countPresent = async (database: Database, sql: string): Promise<number> =>
  Number((await database.query(`SELECT count(${sql}) AS n FROM raw`))[0]!["n"]);

const ORDER_NAMES: Readonly<Record<DateOrder, string>> = {
  ymd: "year-month-day",
  dmy: "day/month/year",
  mdy: "month/day/year",
  named: "with the month's name",
};

interface TypeFinding {
  readonly type: SqlType;
  readonly dates?: DateOrder;
  readonly problem?: DateProblem;
  readonly mixed?: { readonly message: string; readonly hint: string };
}

/** A column whose type the file tells. */
async function ownType(
  database: Database,
  raw: RawTable,
  { id, name, type }: RawColumn,
  asked: TypeName | undefined,
): Promise<TypeFinding> {
  const own = (SQL_TYPES as readonly string[]).includes(type) ? (type as SqlType) : "VARCHAR";
  if (asked === "category" || asked === "text") return { type: "VARCHAR" };
  if (asked === "number" && !["BIGINT", "DOUBLE"].includes(own))
    throw new GradusError(
      `${raw.path}: --type ${name}=number: the file holds ${own === "VARCHAR" ? "no numbers" : "dates or times"} there (${type}).`,
    );
  // Whole numbers such as 20240131.
  if (asked?.startsWith("date") && own === "BIGINT") return datesAsked(database, raw, { id: `${id}::VARCHAR`, name }, asked);
  if (asked?.startsWith("date") && !["DATE", "TIMESTAMP"].includes(own))
    throw new GradusError(`${raw.path}: --type ${name}=${asked}: the file holds no dates there (${type}).`);
  return { type: own };
}

/** A column of texts: numbers, dates, times or categories, by all its values. */
async function textType(
  database: Database,
  raw: RawTable,
  { id, name }: RawColumn,
  { present = 0, numbers, whole, codes = 0, stamps, clocks, times }: Counts,
  asked: TypeName | undefined,
  notes: string[],
): Promise<TypeFinding> {
  const { typed, where, numbers: format, notes: said } = raw;
  if (asked === "category" || asked === "text" || asked === "drop") return { type: "VARCHAR" };
  if (asked === "number") return asNumbersAsked(database, raw, { id, name }, notes);
  if (asked?.startsWith("date")) return datesAsked(database, raw, { id, name }, asked);
  if (present === 0) return { type: "VARCHAR" };
  if (numbers === present && !typed) {
    if (whole !== present) return { type: "DOUBLE" };
    if (codes === 0) return { type: "BIGINT" };
    notes.push(`${name} read as categories: whole numbers with leading zeros are codes`);
    return { type: "VARCHAR" };
  }
  if (stamps === present) return { type: clocks === 0 ? "DATE" : "TIMESTAMP" };
  if (times === present) return { type: "TIME" };
  const found = await findDates(database, { id, name }, where);
  if (found.kind === "dates") return { type: found.clock ? "TIMESTAMP" : "DATE", dates: found.order };
  if (found.kind === "problem") return { type: "VARCHAR", problem: found };
  if (numbers === present) return { type: "VARCHAR" };
  const before = said.find((note) => note.startsWith(`${name} read as categories: `));
  const like = await likeNumbers(database, { id, name }, format, where, before);
  if (!like && !(await areNumbers(database, id, format, { numbers, present }))) return { type: "VARCHAR" };
  const { what, remedy } = like ?? (await mostlyNumbers(database, id, name, { texts: present - numbers!, present }, format, where));
  // What the look at the whole file has said of it already is not said again.
  if (before === undefined) notes.push(`${name} read as categories: ${what} (${remedy})`);
  return {
    type: "VARCHAR",
    mixed: {
      message: `column "${name}" ${like ? "is read as texts, but" : "holds numbers, but"} ${what}.`,
      hint: `${remedy}; --type ${name}=category if they are codes`,
    },
  };
}

/** Nine tenths of the values are numbers; or half of them and more, and the others are a few texts over and over, as "-" and "unknown" are. */
async function areNumbers(
  database: Database,
  id: string,
  format: NumberFormat,
  { numbers = 0, present }: { readonly numbers: number | undefined; readonly present: number },
): Promise<boolean> {
  if (numbers >= 0.9 * present || 2 * numbers < present) return numbers > 0 && 2 * numbers >= present;
  const condition = `${id} IS NOT NULL AND try_cast(${numberText(id, format)} AS DOUBLE) IS NULL`;
  const [kinds] = await database.query(`SELECT count(DISTINCT ${id}) AS n FROM raw WHERE ${condition}`);
  return Number(kinds!["n"]) <= FEW_TEXTS;
}

/** A text that is no number, and how many other such texts there are. */
async function noNumber(
  database: Database,
  id: string,
  format: NumberFormat,
  where: Where,
): Promise<{ text: string; example: string; kinds: number }> {
  const condition = `${id} IS NOT NULL AND try_cast(${numberText(id, format)} AS DOUBLE) IS NULL`;
  const [first] = await database.query(`SELECT ${id} AS text, rowid AS row FROM raw WHERE ${condition} ORDER BY rowid LIMIT 1`);
  const [kinds] = await database.query(`SELECT count(DISTINCT ${id}) AS n FROM raw WHERE ${condition}`);
  const text = String(first!["text"]);
  return { text, example: `"${text}" in ${where(Number(first!["row"]))}`, kinds: Number(kinds!["n"]) };
}

async function mostlyNumbers(
  database: Database,
  id: string,
  name: string,
  { texts, present }: { readonly texts: number; readonly present: number },
  format: NumberFormat,
  where: Where,
): Promise<{ what: string; remedy: string }> {
  const { text, example, kinds } = await noNumber(database, id, format, where);
  const what =
    texts === 1 ? `1 of ${grouped(present)} values is no number` : `${grouped(texts)} of ${grouped(present)} values are no numbers`;
  const more = kinds > 1 ? ` and ${kinds - 1} other text${kinds > 2 ? "s" : ""}` : "";
  return {
    what: `${what}, ${example}${more}`,
    remedy: `--missing "${text}" if it means missing; --type ${name}=number makes all of them missing`,
  };
}

/** Dates of the order that was asked for: `date`, `date:dmy`. @throws GradusError where a value is none */
async function datesAsked(
  database: Database,
  { path, where }: RawTable,
  column: { readonly id: string; readonly name: string },
  asked: string,
): Promise<TypeFinding> {
  const order = (asked.split(":")[1] ?? "ymd") as DateOrder;
  const found = await findDates(database, column, where, order);
  if (found.kind === "problem") throw new GradusError(`${path}: ${found.message}`, { hint: found.hint });
  return { type: found.kind === "dates" && found.clock ? "TIMESTAMP" : "DATE", dates: order };
}

async function asNumbersAsked(
  database: Database,
  { path, numbers: format, where }: RawTable,
  { id, name }: { readonly id: string; readonly name: string },
  notes: string[],
): Promise<TypeFinding> {
  const counts = (await count(database, "raw", new Map([[id, NUMERIC]]), format)).get(id)!;
  const { present = 0, numbers = 0, whole = 0 } = counts;
  if (numbers < present) {
    const { example } = await noNumber(database, id, format, where);
    if (2 * numbers < present)
      throw new GradusError(
        `${path}: --type ${name}=number: ${grouped(present - numbers)} of ${grouped(present)} values are no numbers, the first ${example}.`,
        {
          hint: "if the numbers are written in another way: --decimal , or --thousands ,",
        },
      );
    notes.push(
      `${name} read as numbers as asked: ${grouped(present - numbers)} of ${grouped(present)} values are none and count as missing, the first ${example}`,
    );
  }
  return { type: whole === numbers ? "BIGINT" : "DOUBLE" };
}
