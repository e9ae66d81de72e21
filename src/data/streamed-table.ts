/** A table that need not fit in memory: staged, typed and checked in a database on disk, its rows read some at a time. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GradusError } from "../util/errors.ts";
import { checkRanges, ranges } from "../util/range.ts";
import { arraySource } from "./arrays/source.ts";
import { literal, openDatabase, type Database } from "./database.ts";
import { asNumber, enumerate } from "./extract.ts";
import type { PreprocessPlan } from "./preprocess.ts";
import { askedAgain, readingOf, type ReadOptions } from "./read-table.ts";
import type { Reading } from "./reading.ts";
import { openSource } from "./source.ts";
import { stageSource } from "./stage.ts";
import { fitStreamed } from "./streamed-plan.ts";
import { grouped, type ScalarColumn, type Table, type Task } from "./table.ts";
import { referenceTypes, stageTarget, unknownClass, type TargetRequest } from "./target.ts";
import { pickFeatures, targetRequest, typeData, type TypedData } from "./typed-data.ts";

/** How a file is streamed; every name is a column of the file. */
export interface StreamOptions extends Reading {
  /** A column, or an SQL expression of columns; needed where there is no `plan`. */
  readonly target?: string | undefined;
  /** Inferred from the target where left out. */
  readonly task?: Task | undefined;
  /** Columns to leave out. */
  readonly drop?: readonly string[] | undefined;
  /** Rows of one group are held out together; no feature. */
  readonly group?: string | undefined;
  /** What a row is: it decides whether the row is held out, in place of the features; no feature. */
  readonly id?: string | undefined;
  /** The share of rows that is held out for validation, by a keyed hash; default 0. */
  readonly validation?: number | undefined;
  /** Of the hash, and of the order. Default 1. */
  readonly seed?: number | undefined;
  /** A plan that was fitted before: the file is read as it says, with its target. */
  readonly plan?: PreprocessPlan | undefined;
  /** Bytes that the database may hold in memory; default 512 MiB. */
  readonly databaseBytes?: number | undefined;
  /** Where the temporary folder is made; default the system's. */
  readonly folder?: string | undefined;
}

/** Rows some at a time: of each column of `table` its numbers or codes, then the target's; NaN is missing. */
export type RowChunks = AsyncGenerator<{ readonly rows: number; readonly columns: Float64Array[] }>;

export interface StreamedTable {
  /** The table without rows: columns, categories, target. */
  readonly table: Table;
  /** Fitted on the training rows. */
  readonly plan: PreprocessPlan;
  readonly notes: readonly string[];
  readonly rows: { readonly train: number; readonly validation: number };
  /** The rows of a part, in the file's order. */
  read(part: "train" | "validation"): RowChunks;
  /** Removes what is on disk. */
  close(): Promise<void>;
}

/** What the database holds as the relation `rows`: a column `v0`, `v1`, … of each of the table, `target`, and `held`. */
export interface StagedRows {
  /** Without rows; `source.rows` says how many there are. */
  readonly table: Table;
  readonly data: TypedData;
  readonly request: TargetRequest;
  /** Distinct values of the target. */
  readonly distinct: number;
  /** What is to be said of the choice of features, and of the target. */
  readonly notes: { readonly kept: readonly string[]; readonly target: readonly string[] };
}

const DEFAULT_BYTES = 2 ** 29;
/** A thread of the database needs so much. */
const BYTES_PER_THREAD = 2 ** 27;

/**
 * Stages a file on disk.
 * @throws GradusError as `readTable` does; where nothing names the target, data are no table, or a part would be empty
 */
export async function streamTable(path: string, options: StreamOptions): Promise<StreamedTable> {
  const { validation = 0, databaseBytes = DEFAULT_BYTES, plan, seed } = options;
  checkRanges({ validation, databaseBytes, seed }, { validation: ranges.share, databaseBytes: ranges.positive, seed: ranges.seed });
  checkPlan(path, options);
  if (await arraySource(path))
    throw new GradusError(`${path}: images and arrays are no table to be streamed.`, { hint: "readTable reads them." });
  const folder = await mkdtemp(join(options.folder ?? tmpdir(), "gradus-stream-"));
  const file = join(folder, "rows.duckdb");
  const settings = { memory_limit: `${Math.ceil(databaseBytes / 2 ** 20)}MiB`, temp_directory: join(folder, "spill") };
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const threads = String(Math.max(1, Math.min(16, Math.floor(databaseBytes / BYTES_PER_THREAD))));
    const staged = await withDatabase(await openDatabase(file, { ...settings, threads }), (database) => stage(database, path, options));
    // One thread adds numbers in one order, so that a plan is the same to the bit each time.
    const fixed = { threads: "1", access_mode: "READ_ONLY", enable_external_access: "false", lock_configuration: "true" };
    const database = await openDatabase(file, { ...settings, ...fixed });
    try {
      const rows = await countParts(database, path, validation);
      const { table, plan: fitted, notes } = await fitStreamed(database, staged, plan);
      const places = table.columns.map((column) => `v${staged.table.columns.findIndex(({ name }) => name === column.name)}`);
      const held =
        rows.validation > 0 ? [`${grouped(rows.validation)} of ${grouped(rows.train + rows.validation)} rows are held out by a hash`] : [];
      return {
        table,
        plan: fitted,
        notes: [...notes, ...held],
        rows,
        read: (part) => database.chunks([...places, "target"], `rows WHERE ${part === "train" ? "NOT " : ""}held`),
        async close() {
          database.close();
          await remove();
        },
      };
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    await remove();
    throw outOfRoom(path, error, databaseBytes);
  }
}

async function withDatabase<T>(database: Database, use: (database: Database) => Promise<T>): Promise<T> {
  try {
    return await use(database);
  } finally {
    database.close();
  }
}

const STREAMED: readonly string[] = ["standardise", "scale", "dateParts", "embedding", "oneHot"];

function checkPlan(path: string, { target, plan }: StreamOptions): void {
  if (!plan && target === undefined)
    throw new GradusError(`${path}: what is to be predicted? Neither a target nor a plan was given.`, {
      hint: 'e.g. { target: "delay > 15" }',
    });
  const other = plan?.columns.find(({ kind }) => !STREAMED.includes(kind));
  if (other)
    throw new GradusError(
      `${path}: a plan of ${other.kind} (column "${other.column}") cannot be streamed; numbers, dates and categories can.`,
    );
  if (plan && !plan.schema.target)
    throw new GradusError(`${path}: the plan's schema has no target.`, { hint: "give a plan that was fitted on a table with one." });
}

/** Phase one: everything that reads the file, or runs an expression of a person. */
async function stage(database: Database, path: string, options: StreamOptions): Promise<StagedRows> {
  const { plan, validation = 0, seed = 1, ...asked } = options;
  const { query, delimiter, encoding, decimal, thousands, missing, types, skipBadRows, target, task, drop, group, id } = asked;
  const own = { query, delimiter, encoding, decimal, thousands, missing, types, skipBadRows, target, task, drop, group, id };
  const reading: ReadOptions = readingOf({ ...own, ...(plan ? { schema: plan.schema } : {}) });
  const source = await openSource(path);
  try {
    const called = path === "-" ? "standard input" : path;
    const data = await typeData(database, called, await stageSource(source, database, reading), reading);
    const [direct] = data.direct;
    if (direct)
      throw new GradusError(`${called}: column "${direct.name}" holds lists, which cannot be streamed.`, {
        hint: "leave it out (drop), or take it apart with a query.",
      });
    const said: string[] = [];
    const request = targetRequest(called, data, (text) => said.push(text))!;
    const { sqlType, reason, distinct, task: found } = await stageTarget(database, request);
    const kept = await pickFeatures(database, called, data);
    const columns: ScalarColumn[] = [];
    const list: string[] = [];
    for (const [i, column] of kept.columns.entries()) {
      const { name, kind, sqlType: type, dates, id: sql } = column;
      const shared = { name, sqlType: type, ...(dates ? { dates } : {}) };
      if (kind === "numeric") {
        columns.push({ ...shared, kind, values: new Float64Array() });
        list.push(`${number(sql, type)} AS v${i}`);
        continue;
      }
      const { names, code } = await enumerate(database, "data", { name, kind, sqlType: type, sql }, `enum ${i}`);
      columns.push({ name, kind, sqlType: type, codes: new Int32Array(), categories: names });
      list.push(`${code} AS v${i}`);
    }
    const targetColumn = await targetOf(database, request, found === "classification", sqlType);
    const keyed = [data.roleNames.group ?? data.roleNames.id].flatMap((name) => data.byName.get(name ?? "") ?? []);
    const held =
      validation > 0
        ? heldOut(
            (keyed.length > 0 ? keyed : kept.columns).map((column) => column.id),
            validation,
            seed,
          )
        : "false";
    await database.query(
      `CREATE TABLE rows AS SELECT ${[...list, `${targetColumn.sql} AS target`, `${held} AS held`].join(", ")} FROM data POSITIONAL JOIN target`,
    );
    await database.query("DROP TABLE data");
    await database.query("DROP TABLE target");
    const table: Table = {
      source: { path: called, fingerprint: source.fingerprint, rows: data.staged.rows },
      rows: 0,
      columns,
      target: { name: request.name, task: found, reason, column: targetColumn.column, references: referenceTypes(request) },
      roles: {},
      ...askedAgain(data.options),
      ...(data.staged.skipped?.length ? { skipped: data.staged.skipped } : {}),
      notes: [],
    };
    return { table, data, request, distinct, notes: { kept: kept.notes, target: said } };
  } finally {
    await source.close();
  }
}

const number = (sql: string, sqlType: string): string => `nullif(${asNumber(sql, sqlType)}, 'NaN'::DOUBLE)`;

/** The target's column, and the expression of its number or of its class's. */
async function targetOf(
  database: Database,
  request: TargetRequest,
  classes: boolean,
  sqlType: string,
): Promise<{ column: ScalarColumn; sql: string }> {
  const { name, schema } = request;
  if (!classes) return { column: { name, kind: "numeric", sqlType, values: new Float64Array() }, sql: number("target", sqlType) };
  const { names, code } = await enumerate(database, "target", { name, kind: "categorical", sqlType, sql: "target" }, "enum target");
  const known = schema?.classes ?? names;
  const column = { name, kind: "categorical", sqlType, codes: new Int32Array(), categories: known } as const;
  const places = names.map((one) => known.indexOf(one));
  const strange = names.filter((_, i) => places[i]! < 0);
  if (strange.length > 0) {
    const codes = strange.map((one) => names.indexOf(one)).join(", ");
    const [row] = await database.query(`SELECT min(rowid) AS row, arg_min(${code}, rowid) AS code FROM target WHERE ${code} IN (${codes})`);
    throw unknownClass(request, Number(row!["row"]), names[Number(row!["code"])]!, known);
  }
  return { column, sql: `([${places.join(", ")}])[${code}::BIGINT + 1]` };
}

/** Whether a row is held out: by its values alone, wherever it stands and whatever else the file holds. */
function heldOut(columns: readonly string[], share: number, seed: number): string {
  const texts = columns.map((column) => `coalesce(${column}::VARCHAR, chr(30))`);
  return `md5_number_lower(concat_ws(chr(31), ${[literal(`validation ${seed}`), ...texts].join(", ")}))::DOUBLE < ${share * 2 ** 64}::DOUBLE`;
}

async function countParts(database: Database, path: string, share: number): Promise<StreamedTable["rows"]> {
  const [found] = await database.query("SELECT count(*) FILTER (held) AS held, count(*) AS n FROM rows");
  const [validation, all] = [Number(found!["held"]), Number(found!["n"])];
  if ((share > 0 && validation === 0) || validation === all)
    throw new GradusError(
      `${path}: of ${grouped(all)} rows ${validation === 0 ? "none" : "all"} would be held out for validation at a share of ${share}; rows that are alike stay together.`,
      { hint: "give another share, or name what a row is (id)." },
    );
  return { train: all - validation, validation };
}

/** What the database says where memory or disk do not suffice, as an error that can be mended; anything else as it is. */
function outOfRoom(path: string, error: unknown, bytes: number): unknown {
  const messages = [error, (error as { cause?: unknown }).cause].map((one) => (one instanceof Error ? one.message : ""));
  if (messages.some((text) => /No space left|disk.*full|max_temp_directory_size/i.test(text)))
    return new GradusError(`${path}: the disk has no room left for the rows.`, {
      hint: "name a folder on another one (folder).",
      cause: error,
    });
  if (!messages.some((text) => /Out of Memory/i.test(text))) return error;
  return new GradusError(`${path}: ${Math.round(bytes / 2 ** 20)} MiB do not suffice to read it.`, {
    hint: "give the database more (databaseBytes), or leave out columns of many distinct texts.",
    cause: error,
  });
}
