/** A data file at a glance: what each column holds, how it is distributed, and what looks odd. Nothing is trained, nothing changed. */
import { GradusError } from "../util/errors.ts";
import { printable } from "../util/printable.ts";
import { arraySource } from "./arrays/source.ts";
import { identifier, literal, openDatabase, type Database } from "./database.ts";
import type { ColumnProfile, DataProfile, Distribution } from "./column-profile.ts";
import { COMPACT_DATE } from "./dates.ts";
import { createTyped } from "./impose.ts";
import { asNumber, asText, countDistinct } from "./extract.ts";
import { inferTypes } from "./infer.ts";
import { lookAt, type SourceColumn } from "./raw-table.ts";
import type { Reading } from "./reading.ts";
import type { Staged } from "./reader.ts";
import { attachSequences } from "./sequence-columns.ts";
import { openSource } from "./source.ts";
import { applyQuery, stageSource, whereOf } from "./stage.ts";
import { grouped, type Column, type SequenceColumn, type Where } from "./table.ts";
import { moments } from "./transforms/standardise.ts";

export interface ProfileOptions extends Reading {
  /** Of IDX and NumPy files: where the labels are, if not under their usual name beside them. */
  readonly labels?: string | undefined;
  /** Bins of a distribution, and texts that are listed. Default 24. */
  readonly bins?: number;
}

/**
 * Looks through a data file.
 * @param path as `readTable` takes it
 * @example const { columns } = await profileData("churn.csv");
 * @throws GradusError where it cannot be read
 */
export async function profileData(path: string, options: ProfileOptions = {}): Promise<DataProfile> {
  const { bins = 24, labels, ...reading } = options;
  const arrays = await arraySource(path);
  if (arrays) return profileArrays(path, arrays, reading, labels, bins);
  if (labels !== undefined)
    throw new GradusError(`--labels names the labels of IDX and NumPy files; ${path} holds neither.`, { hint: "leave out --labels." });
  const source = await openSource(path);
  const database = await openDatabase();
  const said = path === "-" ? "standard input" : path;
  try {
    const read = await stageSource(source, database, reading);
    await database.query("SET enable_external_access = false");
    const whole = reading.query === undefined ? read : await applyQuery(database, said, read, { ...reading, query: reading.query });
    await database.query("SET lock_configuration = true");
    const where = whereOf(whole);
    const { staged, lists, refused } = await takeLists(database, said, whole, where, reading);
    const unknown = Object.keys(reading.types ?? {}).find((name) => !whole.names.includes(name));
    if (unknown !== undefined) throw new GradusError(`no column "${unknown}" (--type) in ${said} (line 1).`);
    const raw = await lookAt(database, said, staged, where, reading);
    // A table of lists alone has no other column.
    const { columns, notes } = raw.columns.length > 0 ? await inferTypes(database, raw, reading) : { columns: [], notes: [] };
    if (columns.length > 0) await createTyped(database, said, columns, where);
    const profiles: ColumnProfile[] = [];
    for (const column of columns) profiles.push(await profileColumn(database, column, staged.rows, where, bins, notes));
    const all = columns.map(({ id }) => identifier(id)).join(", ");
    // Rows are told apart by all that they hold: with lists among it, that is not looked at.
    const repeats = lists.length > 0 ? [] : await database.query(`SELECT count(*) AS n FROM (SELECT DISTINCT ${all} FROM data)`);
    profiles.push(...lists.map((column) => profileLists(column, bins)));
    const place = new Map(whole.names.map((name, i) => [printable(name), i]));
    return {
      path: said,
      fingerprint: source.fingerprint,
      rows: staged.rows,
      duplicates: repeats[0] ? staged.rows - Number(repeats[0]["n"]) : 0,
      columns: profiles.toSorted((a, b) => place.get(a.name)! - place.get(b.name)!),
      ...(staged.skipped?.length ? { skipped: staged.skipped } : {}),
      notes: [...staged.notes, ...refused, ...raw.notes].map(printable),
    };
  } finally {
    database.close();
    await source.close();
  }
}

/** Columns of lists out of the table, as they are read; where a cell of one is none, they stay, and that is said. */
async function takeLists(database: Database, path: string, whole: Staged, where: Where, { types = {} }: Reading) {
  const others = new Set(Object.keys(types));
  const none: readonly SequenceColumn[] = [];
  try {
    const staged = await attachSequences(database, path, whole, where, { text: {}, others, schema: undefined });
    const lists = (staged.columns ?? []).filter((column): column is SequenceColumn => column.kind === "sequence");
    return { staged, lists, refused: [] };
  } catch (error) {
    if (!(error instanceof GradusError)) throw error;
    return { staged: whole, lists: none, refused: [error.message] };
  }
}

/** How long the lists are. */
function profileLists(column: SequenceColumn, bins: number): ColumnProfile {
  const { name, offsets, width, tokens } = column;
  const lengths = Float64Array.from({ length: offsets.length - 1 }, (_, i) => offsets[i + 1]! - offsets[i]!).toSorted();
  const m = lengths.length;
  const at = (share: number): number => {
    const place = share * (m - 1);
    const below = lengths[Math.floor(place)]!;
    return below + (place % 1) * ((lengths[Math.ceil(place)] ?? below) - below);
  };
  const { mean, deviation } = moments(lengths);
  const [min, max] = [at(0), at(1)];
  const step = Math.max(1, Math.ceil((max - min + 1) / bins));
  const counts = new Array<number>(Math.ceil((max - min + 1) / step)).fill(0);
  for (const length of lengths) counts[Math.floor((length - min) / step)]! += 1;
  const what = tokens ? "texts" : width > 1 ? `${width} numbers a step` : "numbers";
  const range = min === max ? grouped(min) : `${grouped(min)} to ${grouped(max)}`;
  const empty = lengths.filter((length) => length === 0).length;
  return {
    name: printable(name),
    type: "list",
    missing: empty,
    distinct: new Set(lengths).size,
    numbers: { min, quartiles: [at(0.25), at(0.5), at(0.75)], max, mean, deviation },
    distribution: {
      kind: "bins",
      edges: Array.from({ length: counts.length + 1 }, (_, i) => min - 0.5 + i * step),
      counts,
      clipped: false,
    },
    remarks: [`a sequence per row: lists of ${what}, ${range} steps long`],
  };
}

/** Images and arrays: the labels and names beside them as columns, themselves as notes. */
async function profileArrays(
  path: string,
  arrays: NonNullable<Awaited<ReturnType<typeof arraySource>>>,
  reading: Reading,
  labels: string | undefined,
  bins: number,
): Promise<DataProfile> {
  if (reading.query !== undefined)
    throw new GradusError(`--query reads tables; ${path} gives images or arrays.`, { hint: "leave out --query." });
  const database = await openDatabase();
  try {
    const request = { labels, skipBad: reading.skipBadRows, labelled: true, mentioned: [], channels: undefined };
    const staged = await arrays(database, request);
    const where = whereOf(staged);
    const raw = await lookAt(database, path, staged, where, reading);
    const { columns, notes } = await inferTypes(database, raw, reading);
    await createTyped(database, path, columns, where);
    const profiles: ColumnProfile[] = [];
    for (const column of columns.filter(({ name }) => !staged.aside?.has(name)))
      profiles.push(await profileColumn(database, column, staged.rows, where, bins, notes));
    return {
      path,
      fingerprint: staged.fingerprint ?? "",
      rows: staged.rows,
      duplicates: 0,
      columns: profiles,
      ...(staged.skipped?.length ? { skipped: staged.skipped } : {}),
      notes: [...besideNotes(staged.columns ?? []), ...staged.notes].map(printable),
    };
  } finally {
    database.close();
  }
}

/** What stands beside the table: images by their sizes, sequences by their lengths, columns of numbers by their count. */
function besideNotes(columns: readonly Column[]): string[] {
  const numbers = columns.filter(({ kind }) => kind === "numeric" || kind === "categorical");
  const range = (values: ArrayLike<number>): string => {
    const [low, high] = [
      Array.from(values).reduce((a, b) => Math.min(a, b), Infinity),
      Array.from(values).reduce((a, b) => Math.max(a, b), 0),
    ];
    return low === high ? String(low) : `${low} to ${high}`;
  };
  const others = columns.flatMap((column) => {
    if (column.kind === "image") {
      const colour = { 1: "gray", 3: "in colour", 4: "in colour, with alpha" }[column.channels];
      return [
        `${column.name}: ${grouped(column.heights.length)} ${column.heights.length === 1 ? "image" : "images"}, ${colour}, ${range(column.heights)} pixels high and ${range(column.widths)} wide`,
      ];
    }
    if (column.kind !== "sequence") return [];
    const lengths = column.offsets.slice(1).map((end, i) => end - column.offsets[i]!);
    return [`${column.name}: ${grouped(lengths.length)} sequences of ${range(lengths)} steps, ${column.width} numbers each`];
  });
  const named = numbers.length > 1 ? `${numbers[0]!.name} to ${numbers.at(-1)!.name}` : (numbers[0]?.name ?? "");
  return [...others, ...(numbers.length > 0 ? [`${grouped(numbers.length)} columns of an array: ${named}`] : [])];
}

/** From one value to the next. */
const STEPS: Readonly<Record<string, number>> = { BIGINT: 1, DATE: 86_400 };

const TYPES: Readonly<Record<string, ColumnProfile["type"]>> = {
  BIGINT: "whole number",
  DOUBLE: "number",
  DATE: "date",
  TIMESTAMP: "date and time",
  TIME: "time",
};

async function profileColumn(
  database: Database,
  column: SourceColumn,
  rows: number,
  where: Where,
  bins: number,
  notes: readonly string[],
): Promise<ColumnProfile> {
  const { id, name, sqlType, kind } = column;
  const present = rows - column.missing;
  const distinct = await countDistinct(database, id, "data");
  const identifying = kind === "categorical" && !column.mixed && distinct >= 20 && distinct > 0.9 * present;
  const numbers = kind === "numeric" && present > 0 ? await summary(database, asNumber(id, sqlType)) : undefined;
  const distribution =
    present === 0
      ? undefined
      : numbers
        ? await binned(database, asNumber(id, sqlType), numbers, STEPS[sqlType] ?? NaN, bins)
        : await listed(database, asText({ sql: id, sqlType }), present, bins);
  const remarks = [
    ...(column.problem ? [column.problem.message] : []),
    ...notes
      .filter((note) => note.startsWith(`${name} read as`) && !note.includes("read as seconds"))
      .map((note) => note.slice(name.length + 1)),
    ...(present === 0 ? ["no value in any row"] : []),
    ...(distinct === 1 && column.missing === 0 ? ["always the same"] : []),
    ...(present > 0 && 2 * column.missing > rows ? [`missing in ${((100 * column.missing) / rows).toFixed(0)} % of the rows`] : []),
    ...(identifying ? [`names the row: ${grouped(distinct)} different texts in ${grouped(present)} rows`] : []),
    ...(kind === "categorical" ? await variants(database, id) : []),
    ...(numbers ? await oddNumbers(database, column, numbers, { rows, distinct, where }) : []),
  ];
  return {
    name: printable(name),
    type: TYPES[sqlType] ?? (identifying || (column.mixed && distinct >= 20) ? "text" : "category"),
    missing: column.missing,
    distinct,
    ...(numbers ? { numbers } : {}),
    ...(distribution ? { distribution } : {}),
    remarks: remarks.map(printable),
  };
}

type Numbers = NonNullable<ColumnProfile["numbers"]>;

async function summary(database: Database, number: string): Promise<Numbers> {
  const finite = `(SELECT ${number} AS x FROM data WHERE ${number} IS NOT NULL AND isfinite(${number}))`;
  const [row] = await database.query(
    `SELECT min(x) AS min, max(x) AS max, avg(x) AS mean, stddev_pop(x) AS deviation, quantile_cont(x, [0.25, 0.5, 0.75])::VARCHAR AS quartiles FROM ${finite}`,
  );
  const quartiles = JSON.parse(String(row!["quartiles"]).replaceAll(/nan|inf/gi, "null")) as [number, number, number];
  return {
    min: Number(row!["min"]),
    quartiles,
    max: Number(row!["max"]),
    mean: Number(row!["mean"]),
    deviation: Number(row!["deviation"]),
  };
}

/** Bins over all values, or where a few lie far off, over the middle 99 % of them. */
async function binned(database: Database, number: string, { min, max }: Numbers, step: number, most: number): Promise<Distribution> {
  const [inner] = await database.query(`SELECT quantile_cont(${number}, 0.005) AS low, quantile_cont(${number}, 0.995) AS high FROM data`);
  const [innerLow, innerHigh] = [Number(inner!["low"]), Number(inner!["high"])];
  const clipped = innerHigh > innerLow && max - min > 4 * (innerHigh - innerLow);
  const [low, high] = clipped ? [innerLow, innerHigh] : [min, max];
  // Bins of whole numbers hold as many values each, lest some look fuller.
  const unit = Number.isInteger(low / step) ? step : 0;
  const width = unit > 0 ? unit * Math.max(1, Math.ceil((high - low + unit) / unit / most)) : high > low ? (high - low) / most : 1;
  const from = unit > 0 || low === high ? low - (unit || 1) / 2 : low;
  const bins = Math.max(1, Math.ceil((high - from) / width - 1e-9));
  const found = await database.query(
    `SELECT greatest(0, least(${bins - 1}, floor((${number} - ${from}) / ${width})))::INTEGER AS bin, count(*) AS n FROM data WHERE ${number} IS NOT NULL AND isfinite(${number}) GROUP BY bin`,
  );
  const counts = Array.from({ length: bins }, () => 0);
  for (const { bin, n } of found) counts[Number(bin)] = Number(n);
  return { kind: "bins", edges: Array.from({ length: bins + 1 }, (_, i) => from + i * width), counts, clipped };
}

async function listed(database: Database, text: string, present: number, most: number): Promise<Distribution> {
  const found = await database.query(
    `SELECT ${text} AS text, count(*) AS n FROM data WHERE ${text} IS NOT NULL GROUP BY text ORDER BY n DESC, text LIMIT ${most}`,
  );
  const texts = found.map(({ text: value, n }) => ({ text: printable(String(value)), rows: Number(n) }));
  return { kind: "texts", texts, others: present - texts.reduce((sum, { rows }) => sum + rows, 0) };
}

/** Categories that differ in blanks or case only: most likely one. */
async function variants(database: Database, id: string): Promise<string[]> {
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

async function oddNumbers(
  database: Database,
  { id, sqlType, name }: SourceColumn,
  { min, max }: Numbers,
  { rows, distinct, where }: { readonly rows: number; readonly distinct: number; readonly where: Where },
): Promise<string[]> {
  const remarks: string[] = [];
  const number = asNumber(id, sqlType);
  if (sqlType === "BIGINT" && min >= 18_000_101 && max <= 21_991_231) {
    const [other] = await database.query(
      `SELECT count(*) AS n FROM data WHERE ${id} IS NOT NULL AND NOT coalesce(regexp_matches(${id}::VARCHAR, ${COMPACT_DATE}) AND try_strptime(${id}::VARCHAR, '%Y%m%d') IS NOT NULL, false)`,
    );
    if (Number(other!["n"]) === 0) return [`all look like dates, as ${min}: if they are, --type ${name}=date`];
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
