/** A file becomes a table: staged by a reader, typed, its target found, its features checked. */
import { GradusError } from "../util/errors.ts";
import { arraySource } from "./arrays/source.ts";
import { openDatabase, type Database } from "./database.ts";
import { countDistinct, extract } from "./extract.ts";
import { checkColumns } from "./features.ts";
import { attachImages } from "./images/manifest.ts";
import type { SourceColumn } from "./raw-table.ts";
import type { Reading } from "./reading.ts";
import type { Staged, ArrayRequest } from "./reader.ts";
import { grouped, type Column, type Role, type Table, type TableSchema, type Task, type Where } from "./table.ts";
import type { SequenceOptions } from "./sequence-reading.ts";
import { openSource } from "./source.ts";
import { stageSource } from "./stage.ts";
import { readTarget } from "./target.ts";
import { notesOf, pickFeatures, targetRequest, typeData } from "./typed-data.ts";

/** How a file is to be read; every name is a column of the file. */
export interface ReadOptions extends Reading, SequenceOptions {
  /** A column, or an SQL expression of columns such as `delay > 15`; the columns it names are no features. */
  readonly target?: string | undefined;
  /** The columns are one thing, as the pixels of an image are: none is left out. */
  readonly together?: boolean | undefined;
  /** Inferred from the target where left out. */
  readonly task?: Task | undefined;
  /** Columns to leave out. */
  readonly drop?: readonly string[] | undefined;
  /** Rows of one group stay in one part of the split; no feature. */
  readonly group?: string | undefined;
  /** A number, date or time that orders the rows; no feature. */
  readonly time?: string | undefined;
  /** What a row is, where feature values do not tell; keys the split; no feature. */
  readonly id?: string | undefined;
  /** Says to which part a row belongs; no feature. */
  readonly splitColumn?: string | undefined;
  /** How much a row counts in training, a number of at least 0; no feature. */
  readonly weight?: string | undefined;
  /** Of a saved model: its columns are read, as it read them, and nothing else; with its target if the schema has one. */
  readonly schema?: TableSchema | undefined;
  /** A column of paths of image files, relative to the folder of the file: the images themselves become the feature. */
  readonly image?: string | undefined;
  /** The path of a file of labels, where they are not in the data itself (IDX, NumPy). */
  readonly labels?: string | undefined;
  /** False overlooks the split that the data come with (folders `train` and `test`, files of both). */
  readonly publishedSplit?: boolean | undefined;
}

/**
 * Reads data: a table (CSV, TSV, JSON, NDJSON, Parquet, Arrow, also compressed), arrays (IDX, NumPy), or a folder of images.
 * @example const table = await readTable("churn.csv", { target: "churn" });
 * @throws GradusError naming file, line or row, column, what was expected and found, and a remedy
 */
export async function readTable(path: string, options: ReadOptions = {}): Promise<Table> {
  const request = arrayRequest(options);
  const arrays = await arraySource(path);
  if (arrays) {
    refuseQuery(path, options);
    return inDatabase(async (database) => buildTable(database, { path, fingerprint: "" }, await arrays(database, request), options));
  }
  const reading = readingOf(options);
  const source = await openSource(path);
  try {
    return await inDatabase(async (database) => {
      const staged = await stageSource(source, database, reading);
      const image = imageColumn(options, staged);
      if (image !== undefined) refuseQuery(path, reading);
      const complete = image === undefined ? staged : await attachImages(database, path, staged, image, request, source.fingerprint);
      return buildTable(database, { path: path === "-" ? "standard input" : path, fingerprint: source.fingerprint }, complete, reading);
    });
  } finally {
    await source.close();
  }
}

/** As asked for, else as the saved model's table was. */
export function readingOf(options: ReadOptions): ReadOptions {
  const { missing, query } = options.schema?.reading ?? {};
  return { ...options, missing: options.missing ?? missing, query: options.query ?? query };
}

async function inDatabase(build: (database: Database) => Promise<Table>): Promise<Table> {
  const database = await openDatabase();
  try {
    return await build(database);
  } finally {
    database.close();
  }
}

/** @throws GradusError where rows with images or arrays beside them would be queried */
function refuseQuery(path: string, { query }: Reading): void {
  if (query !== undefined)
    throw new GradusError(`--query reads tables; ${path} gives images or arrays, which a query would lose.`, {
      hint: "leave out --query.",
    });
}

/** The column of paths that was named, or that a saved model's images were read from. */
function imageColumn({ image, schema }: ReadOptions, { names }: Staged): string | undefined {
  if (image !== undefined) return image;
  return schema?.columns.find(({ name, kind }) => kind === "image" && names.includes(name))?.name;
}

function arrayRequest({ labels, skipBadRows, schema, target, group, time, id, splitColumn, weight }: ReadOptions): ArrayRequest {
  const mentioned = [schema ? schema.target?.name : target, group, time, id, splitColumn, weight].filter((name) => name !== undefined);
  const channels = schema?.columns.find(({ kind }) => kind === "image")?.channels;
  return { labels, skipBad: skipBadRows, labelled: !schema || schema.target !== undefined, mentioned, channels };
}

async function buildTable(
  database: Database,
  file: { readonly path: string; readonly fingerprint: string },
  read: Staged,
  asked: ReadOptions,
): Promise<Table> {
  const { path } = file;
  const data = await typeData(database, path, read, asked, { view: true });
  const { staged, options, where, byName, roleNames } = data;
  const { rows } = staged;
  const { schema } = options;
  const roles = await readRoles(database, path, rows, where, byName, roleNames);
  const said: string[] = [];
  const request = targetRequest(path, data, (text) => said.push(text));
  const target = request && (await readTarget(database, request));
  const kept = await pickFeatures(database, path, data);
  const scalars = await extract(
    database,
    "data",
    rows,
    kept.columns.map(({ name, kind, sqlType, dates, id }) => ({ name, kind, sqlType, dates, sql: id })),
  );
  const features = schema ? inOrderOf(schema, [...data.direct, ...scalars]) : [...data.direct, ...scalars];
  const checked = checkColumns(path, features, where, schema !== undefined || options.together === true);
  return data.arrange({
    source: { path, fingerprint: staged.fingerprint ?? file.fingerprint, rows },
    rows,
    columns: checked.columns,
    target,
    roles,
    ...askedAgain(options),
    ...(staged.rowNames ? { rowNames: staged.rowNames } : {}),
    ...(staged.skipped?.length ? { skipped: staged.skipped } : {}),
    notes: notesOf(data, kept.notes, checked, said),
  });
}

/** What of the reading a saved model needs again. */
export function askedAgain({ missing, query }: Reading): Pick<Table, "reading"> {
  const asked = { ...(missing?.length ? { missing } : {}), ...(query === undefined ? {} : { query }) };
  return Object.keys(asked).length > 0 ? { reading: asked } : {};
}

const inOrderOf = ({ columns: order }: TableSchema, columns: readonly Column[]): Column[] =>
  order.flatMap(({ name }) => columns.find((column) => column.name === name) ?? []);

/** @throws GradusError where a weight is no number, or below 0 */
async function checkWeights(database: Database, path: string, where: Where, { name, id, kind }: SourceColumn): Promise<void> {
  if (kind !== "numeric") {
    throw new GradusError(`${path}: column "${name}" (--weight) must hold a number of at least 0 in every row; it was read as text.`);
  }
  const wrong = `${id}::DOUBLE < 0 OR NOT isfinite(${id}::DOUBLE)`;
  const [bad] = await database.query(`SELECT rowid AS row, ${id}::VARCHAR AS text FROM data WHERE ${wrong} ORDER BY rowid LIMIT 1`);
  if (!bad) return;
  const place = where(Number(bad["row"]));
  throw new GradusError(`${path}, ${place}: column "${name}" (--weight) must be a number of at least 0, found ${String(bad["text"])}.`);
}

async function readRoles(
  database: Database,
  path: string,
  rows: number,
  where: Where,
  byName: ReadonlyMap<string, SourceColumn>,
  names: Record<Role, string | undefined>,
): Promise<Table["roles"]> {
  const wanted = Object.entries(names).filter((entry): entry is [Role, string] => entry[1] !== undefined);
  for (const [role, name] of wanted) {
    const column = byName.get(name)!;
    const missing = await database.query(`SELECT rowid AS row FROM data WHERE ${column.id} IS NULL ORDER BY rowid LIMIT 1`);
    if (missing.length > 0)
      throw new GradusError(
        `${path}, ${where(Number(missing[0]!["row"]))}: column "${name}" (--${role === "split" ? "split-column" : role}) is empty; every row needs a value.`,
        {
          hint: "fill it in, or remove the row.",
        },
      );
    if (role === "weight") await checkWeights(database, path, where, column);
    if (role === "time" && column.problem)
      throw new GradusError(`${path}: ${column.problem.message} It cannot order the rows (--time) as it is.`, {
        hint: `${column.problem.remedy}.`,
      });
    if (role === "time" && column.kind !== "numeric") {
      const distinct = await countDistinct(database, column.id, "data");
      const [first] = await database.query(`SELECT ${column.id} AS text FROM data LIMIT 1`);
      throw new GradusError(
        `${path}: column "${name}" (--time) must hold numbers, dates or times in every row; it was read as text (${grouped(distinct)} distinct values, first "${String(first!["text"])}").`,
        { hint: "write dates as 2024-01-31 and times as 2024-01-31 12:00:00." },
      );
    }
  }
  const columns = await extract(
    database,
    "data",
    rows,
    wanted.map(([role, name]) => {
      const column = byName.get(name)!;
      return { name, sqlType: column.sqlType, sql: column.id, kind: role === "time" || role === "weight" ? "numeric" : "categorical" };
    }),
  );
  return Object.fromEntries(wanted.map(([role], i) => [role, columns[i]!]));
}
