/** A data file at a glance: what each column holds, how it is distributed, and what looks odd. Nothing is trained, nothing changed. */
import { GradusError } from "../util/errors.ts";
import { didYouMean } from "../util/closest.ts";
import { printable } from "../util/printable.ts";
import { arraySource } from "./arrays/source.ts";
import { orderLines, stepsNote } from "./by-id.ts";
import { identifier, openDatabase, type Database } from "./database.ts";
import type { ColumnProfile, DataProfile, Distribution } from "./column-profile.ts";
import { createTyped } from "./impose.ts";
import { asNumber, asText, countDistinct, extract } from "./extract.ts";
import { attachImages } from "./images/manifest.ts";
import { inferTypes } from "./infer.ts";
import { besideNotes, countRepeats, profileSequences } from "./profile-beside.ts";
import { oddNumbers, variants } from "./profile-remarks.ts";
import { lookAt, type SourceColumn } from "./raw-table.ts";
import type { Reading } from "./reading.ts";
import type { ArrayRequest, Staged } from "./reader.ts";
import { attachSequences } from "./sequence-columns.ts";
import { openSource } from "./source.ts";
import { applyQuery, stageSource, whereOf } from "./stage.ts";
import { grouped, type CategoricalColumn, type Column, type NumericColumn, type SequenceColumn, type Where } from "./table.ts";
import type { TextUnit } from "./tokens.ts";

export interface ProfileOptions extends Reading {
  /** Of IDX and NumPy files: where the labels are, if not under their usual name beside them. */
  readonly labels?: string | undefined;
  /** A column of paths of image files, relative to the folder of the file: its images are looked at. */
  readonly image?: string | undefined;
  /** Columns of text that are looked at as sequences, and what they are cut into. */
  readonly text?: Readonly<Record<string, TextUnit>> | undefined;
  /** A line per step: the column that names each sequence. */
  readonly sequenceId?: string | undefined;
  /** What orders the steps of a sequence. */
  readonly time?: string | undefined;
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
  const { bins = 24, labels, image, text = {}, sequenceId, time, ...reading } = options;
  const request = { labels, skipBad: reading.skipBadRows, labelled: true, mentioned: [], channels: undefined, formats: true };
  const arrays = await arraySource(path);
  if (arrays && (image ?? sequenceId ?? time ?? Object.keys(text)[0]) !== undefined)
    throw new GradusError(`--image, --text, --sequence-id and --time name columns of a table; ${path} gives images or arrays.`, {
      hint: "leave them out.",
    });
  if (arrays) return profileArrays(path, arrays, reading, request, bins);
  if (labels !== undefined)
    throw new GradusError(`--labels names the labels of IDX and NumPy files; ${path} holds neither.`, { hint: "leave out --labels." });
  if (time !== undefined && sequenceId === undefined)
    throw new GradusError(`--time orders the lines of sequences here, and nothing names these.`, { hint: "--sequence-id COLUMN" });
  if (image !== undefined && reading.query !== undefined)
    throw new GradusError("--query would lose the images that --image reads.", { hint: "leave out one of them." });
  const source = await openSource(path);
  const database = await openDatabase();
  const said = path === "-" ? "standard input" : path;
  try {
    const file = await stageSource(source, database, reading);
    const read = image === undefined ? file : await attachImages(database, path, file, image, request, source.fingerprint);
    await database.query("SET enable_external_access = false");
    const whole = reading.query === undefined ? read : await applyQuery(database, said, read, { ...reading, query: reading.query });
    await database.query("SET lock_configuration = true");
    const where = whereOf(whole);
    const { staged, refused } = await takeSequences(database, said, whole, where, { ...reading, text });
    checkNames(said, file.names, { "--type": Object.keys(reading.types ?? {}), "--sequence-id": [sequenceId], "--time": [time] });
    const raw = await lookAt(database, said, staged, where, reading);
    // A table of lists alone has no other column.
    const { columns, notes } = raw.columns.length > 0 ? await inferTypes(database, raw, reading) : { columns: [], notes: [] };
    if (columns.length > 0) await createTyped(database, said, columns, where);
    const shown = columns.filter(({ name }) => !staged.aside?.has(name));
    const profiles: ColumnProfile[] = [];
    for (const column of shown) profiles.push(await profileColumn(database, column, staged.rows, where, bins, notes));
    const beside = staged.columns ?? [];
    const sequences = beside.filter((column): column is SequenceColumn => column.kind === "sequence");
    profiles.push(...sequences.map((column) => profileSequences(column, bins, text[column.name])));
    const place = new Map(whole.names.map((name, i) => [printable(name), i]));
    const steps = sequenceId === undefined ? [] : await stepNotes(database, said, staged, columns, { sequenceId, time }, where);
    return {
      path: said,
      fingerprint: staged.fingerprint ?? source.fingerprint,
      rows: staged.rows,
      duplicates: await repeatsOf(database, shown, beside, staged.rows),
      columns: profiles.toSorted((a, b) => place.get(a.name)! - place.get(b.name)!),
      ...(staged.skipped?.length ? { skipped: staged.skipped } : {}),
      notes: [...besideNotes(beside.filter(({ kind }) => kind === "image")), ...staged.notes, ...refused, ...raw.notes, ...steps].map(
        printable,
      ),
    };
  } finally {
    database.close();
    await source.close();
  }
}

/** @throws GradusError where a flag names a column that is not there */
function checkNames(path: string, names: readonly string[], asked: Readonly<Record<string, readonly (string | undefined)[]>>): void {
  for (const [flag, wanted] of Object.entries(asked))
    for (const name of wanted)
      if (name !== undefined && !names.includes(name))
        throw new GradusError(`no column "${name}" (${flag}) in ${path} (line 1).`, { hint: didYouMean(name, names, "columns") });
}

/** Rows that are like an earlier one, in the table and in what stands beside it. */
async function repeatsOf(database: Database, columns: readonly SourceColumn[], beside: readonly Column[], rows: number): Promise<number> {
  if (beside.length === 0) {
    const all = columns.map(({ id }) => identifier(id)).join(", ");
    return rows - Number((await database.query(`SELECT count(*) AS n FROM (SELECT DISTINCT ${all} FROM data)`))[0]!["n"]);
  }
  const wanted = columns.map(({ name, kind, sqlType, dates, id }) => ({ name, kind, sqlType, dates, sql: id }));
  return countRepeats([...beside, ...(wanted.length > 0 ? await extract(database, "data", rows, wanted) : [])], rows);
}

/** What the lines of a long table are as sequences. @throws GradusError where their order is not known, as training would */
async function stepNotes(
  database: Database,
  path: string,
  { rows }: Staged,
  columns: readonly SourceColumn[],
  { sequenceId, time }: { readonly sequenceId: string; readonly time: string | undefined },
  where: Where,
): Promise<string[]> {
  const column = (name: string, flag: string): SourceColumn => {
    const found = columns.find((candidate) => candidate.name === name);
    if (!found) throw new GradusError(`column "${name}" of ${path} holds sequences and cannot serve as ${flag}.`);
    return found;
  };
  const { id, sqlType, missing } = column(sequenceId, "--sequence-id");
  if (missing > 0)
    throw new GradusError(`${path}: column "${sequenceId}" (--sequence-id) is empty in ${grouped(missing)} of ${grouped(rows)} lines.`, {
      hint: "every line needs the sequence that it is of.",
    });
  const clock = time === undefined ? undefined : column(time, "--time");
  if (clock && (clock.kind !== "numeric" || clock.missing > 0))
    throw new GradusError(
      `${path}: ${clock.problem?.message ?? `column "${time}" (--time) must hold a number, a date or a time in every line.`}`,
      {
        ...(clock.problem ? { hint: clock.problem.remedy } : {}),
      },
    );
  const [names, times] = await extract(database, "data", rows, [
    { name: sequenceId, kind: "categorical", sqlType, sql: id },
    ...(clock ? [{ name: clock.name, kind: clock.kind, sqlType: clock.sqlType, sql: clock.id }] : []),
  ]);
  const lines = orderLines(path, rows, names as CategoricalColumn, times as NumericColumn | undefined, where);
  return [stepsNote(sequenceId, time, lines.offsets), ...lines.notes];
}

/** Columns of lists, and texts that are named, out of the table as they are read; where a cell of a list is none, the lists stay, and that is said. */
async function takeSequences(
  database: Database,
  path: string,
  whole: Staged,
  where: Where,
  { types = {}, text }: Reading & { readonly text: Readonly<Record<string, TextUnit>> },
) {
  const request = { text, others: new Set([...Object.keys(types), ...(whole.aside?.keys() ?? [])]), schema: undefined };
  const refused: string[] = [];
  try {
    return { staged: await attachSequences(database, path, whole, where, request), refused };
  } catch (error) {
    if (!(error instanceof GradusError)) throw error;
    // Without the lists, whatever is wrong with the texts is an error.
    const staged = await attachSequences(database, path, whole, where, {
      ...request,
      others: new Set(whole.names.filter((name) => text[name] === undefined)),
    });
    return { staged, refused: [error.message] };
  }
}

/** Images and arrays: the labels and names beside them as columns, themselves as notes. */
async function profileArrays(
  path: string,
  arrays: NonNullable<Awaited<ReturnType<typeof arraySource>>>,
  reading: Reading,
  request: ArrayRequest,
  bins: number,
): Promise<DataProfile> {
  if (reading.query !== undefined)
    throw new GradusError(`--query reads tables; ${path} gives images or arrays.`, { hint: "leave out --query." });
  const database = await openDatabase();
  try {
    const staged = await arrays(database, request);
    const where = whereOf(staged);
    const raw = await lookAt(database, path, staged, where, reading);
    const { columns, notes } = await inferTypes(database, raw, reading);
    await createTyped(database, path, columns, where);
    const profiles: ColumnProfile[] = [];
    const shown = columns.filter(({ name }) => !staged.aside?.has(name));
    for (const column of shown) profiles.push(await profileColumn(database, column, staged.rows, where, bins, notes));
    return {
      path,
      fingerprint: staged.fingerprint ?? "",
      rows: staged.rows,
      // The same picture in two parts is there twice.
      duplicates: await repeatsOf(
        database,
        shown.filter(({ name }) => name !== staged.split),
        staged.columns ?? [],
        staged.rows,
      ),
      columns: profiles,
      ...(staged.skipped?.length ? { skipped: staged.skipped } : {}),
      notes: [...besideNotes(staged.columns ?? []), ...staged.notes].map(printable),
    };
  } finally {
    database.close();
  }
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
