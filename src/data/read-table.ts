/** A file becomes a table: staged by a reader, typed, its target found, its features checked. */
import { didYouMean } from "../util/closest.ts";
import { GradusError } from "../util/errors.ts";
import { printable } from "../util/printable.ts";
import { arraySource } from "./arrays/source.ts";
import { openDatabase, type Database } from "./database.ts";
import { countDistinct, extract } from "./extract.ts";
import { chooseFeatures, checkColumns } from "./features.ts";
import { attachImages } from "./images/manifest.ts";
import { createTyped, imposeTypes } from "./impose.ts";
import { inferTypes } from "./infer.ts";
import { asTextColumn, lookAt, type RawTable, type SourceColumn } from "./raw-table.ts";
import type { Reading } from "./reading.ts";
import type { Staged, ArrayRequest } from "./reader.ts";
import { grouped, type Column, type Role, type Table, type TableSchema, type Task, type Where } from "./table.ts";
import { withSequences, type SequenceOptions } from "./sequence-reading.ts";
import { openSource } from "./source.ts";
import { applyQuery, stageSource, whereOf } from "./stage.ts";
import { readTarget, targetColumns } from "./target.ts";

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
function readingOf(options: ReadOptions): ReadOptions {
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

function arrayRequest({ labels, skipBadRows, schema, target, group, time, id, splitColumn }: ReadOptions): ArrayRequest {
  const mentioned = [schema ? schema.target?.name : target, group, time, id, splitColumn].filter((name) => name !== undefined);
  const channels = schema?.columns.find(({ kind }) => kind === "image")?.channels;
  return { labels, skipBad: skipBadRows, labelled: !schema || schema.target !== undefined, mentioned, channels };
}

async function buildTable(
  database: Database,
  file: { readonly path: string; readonly fingerprint: string },
  read: Staged,
  asked: ReadOptions,
): Promise<Table> {
  // From here on nothing outside the database can be reached, whatever an expression says.
  await database.query("SET enable_external_access = false");
  const { path } = file;
  const { query } = asked;
  const queried = query === undefined ? read : await applyQuery(database, path, read, { ...asked, query });
  await database.query("SET lock_configuration = true");
  if (asked.schema && !asked.schema.target && asked.schema.reading?.query === query && queried.rows !== read.rows)
    throw new GradusError(
      `the query that the model was trained with gives ${grouped(queried.rows)} rows from the ${grouped(read.rows)} of ${path}; a prediction for each was expected.`,
      { hint: 'give the query for this file, e.g. --query "SELECT * FROM data" where its columns need none' },
    );
  const where = whereOf(queried);
  const { staged, options, arrange } = await withSequences(database, path, queried, asked, where);
  const { names, rows } = staged;
  const direct = directColumns(path, staged, options);
  const { schema } = options;
  const targetName = schema ? schema.target?.name : (options.target ?? staged.target);
  const published = schema || options.publishedSplit === false || options.group || options.time ? undefined : staged.split;
  const roleNames = { group: options.group, time: options.time, id: options.id, split: options.splitColumn ?? published };
  checkNames(path, names, direct, options);

  const known = schema?.target ? schema.target.references.map(({ name }) => name) : names;
  const references = targetName === undefined ? [] : await targetColumns(database, path, targetName, known);
  const raw = await lookAt(database, staged, where, options);
  const { columns, notes } = schema
    ? { columns: await imposeTypes(database, raw, schema), notes: [] }
    : await inferTypes(database, raw, options);
  const used = withRoleColumns(columns, raw, Object.values(roleNames));
  await createTyped(database, path, used, where, schema !== undefined);
  const byName = new Map(used.map((column) => [column.name, column]));

  const roles = await readRoles(database, path, rows, where, byName, roleNames);
  const said: string[] = [];
  const target =
    targetName === undefined
      ? undefined
      : await readTarget(database, {
          path,
          rows,
          where,
          name: targetName,
          references: references.map((name) => byName.get(name)!),
          task: options.task,
          schema: schema?.target,
          note: (text) => said.push(text),
        });
  const aside = new Map(staged.aside);
  if (staged.split !== undefined) aside.set(staged.split, "it names the parts of the published split");
  for (const name of references) if (targetName !== name) aside.set(name, "the target is computed from it");
  for (const [role, name] of Object.entries(roleNames)) if (name !== undefined) aside.set(name, ROLE_REASONS[role as Role]);
  const types = Object.entries(options.types ?? {});
  for (const [name, type] of types) if (type === "text" && name !== targetName) aside.set(name, "free text, as asked");
  const kept = schema
    ? { columns: schema.columns.flatMap(({ name }) => byName.get(name) ?? []), notes: [] }
    : await chooseFeatures(database, path, rows, used, {
        aside,
        drop: [...(options.drop ?? []), ...types.filter(([, type]) => type === "drop").map(([name]) => name)],
        references,
        others: direct.length,
      });
  const scalars = await extract(
    database,
    "data",
    rows,
    kept.columns.map(({ name, kind, sqlType, dates, id }) => ({ name, kind, sqlType, dates, sql: id })),
  );
  const features = schema ? inOrderOf(schema, [...direct, ...scalars]) : [...direct, ...scalars];
  const checked = checkColumns(path, features, where, schema !== undefined || options.together === true);
  return arrange({
    source: { path, fingerprint: staged.fingerprint ?? file.fingerprint, rows },
    rows,
    columns: checked.columns,
    target,
    roles,
    ...askedAgain(options),
    ...(staged.rowNames ? { rowNames: staged.rowNames } : {}),
    ...(staged.skipped?.length ? { skipped: staged.skipped } : {}),
    notes: [
      ...staged.notes,
      ...skippedNotes(staged.skipped),
      ...raw.notes,
      ...notes.filter((note) => mentions(note, checked.columns)),
      ...kept.notes,
      ...checked.notes,
      ...said,
    ].map(printable),
  });
}

/** What of the reading a saved model needs again. */
function askedAgain({ missing, query }: Reading): Pick<Table, "reading"> {
  const asked = { ...(missing?.length ? { missing } : {}), ...(query === undefined ? {} : { query }) };
  return Object.keys(asked).length > 0 ? { reading: asked } : {};
}

/** The first lines that were left out, and how many there are. */
function skippedNotes(skipped: Staged["skipped"] = []): string[] {
  if (skipped.length === 0) return [];
  const files = new Set(skipped.map(({ file }) => file)).size;
  const shown = skipped.slice(0, 8).map(({ file, line, reason }) => `${files > 1 ? `${file} ` : ""}line ${line} (${reason})`);
  const more = skipped.length > 8 ? ` and ${grouped(skipped.length - 8)} more` : "";
  return [`${grouped(skipped.length)} line${skipped.length === 1 ? "" : "s"} left out as asked: ${shown.join(", ")}${more}`];
}

/**
 * The columns that a reader delivers itself, without those to be left out. Under a schema that has one column of images, and data that
 * have one, it takes the schema's name for it.
 */
function directColumns(path: string, { columns = [] }: Staged, { schema, drop = [] }: ReadOptions): Column[] {
  if (!schema) return columns.filter(({ name }) => !drop.includes(name));
  const wanted = schema.columns.filter(({ kind }) => kind === "image");
  const images = columns.filter(({ kind }) => kind === "image");
  const renamed = columns.map((column) =>
    column.kind === "image" && wanted.length === 1 && images.length === 1 ? { ...column, name: wanted[0]!.name } : column,
  );
  return renamed.filter(({ name, kind }) => {
    const type = schema.columns.find((candidate) => candidate.name === name);
    if (type && type.kind !== kind)
      throw new GradusError(`${path}: column "${name}" should hold ${type.kind} values, found ${kind} ones.`, {
        hint: "the model was trained on such values.",
      });
    return type !== undefined;
  });
}

const inOrderOf = ({ columns: order }: TableSchema, columns: readonly Column[]): Column[] =>
  order.flatMap(({ name }) => columns.find((column) => column.name === name) ?? []);

/** Notes on how a column was read matter only where it is kept. */
const mentions = (note: string, columns: readonly Column[]): boolean => columns.some(({ name }) => note.startsWith(`${name} read as`));

const ROLE_REASONS: Record<Role, string> = {
  group: "it names the groups of the split",
  time: "it orders the rows for the split",
  id: "it identifies the row",
  split: "it names the part of the split",
};

/** Columns the schema does not know but a role asks for are read as text (time as the number it must be). */
function withRoleColumns(columns: SourceColumn[], raw: RawTable, roles: readonly (string | undefined)[]): SourceColumn[] {
  const known = new Set(columns.map(({ name }) => name));
  const more = roles.filter((name) => name !== undefined && !known.has(name)) as string[];
  return [...columns, ...more.map((name) => asTextColumn(raw, name))];
}

function checkNames(path: string, staged: readonly string[], direct: readonly Column[], options: ReadOptions): void {
  const names = [...staged, ...direct.map(({ name }) => name)];
  const known = (name: string | undefined, flag: string): void => {
    if (name === undefined || names.includes(name)) return;
    throw new GradusError(`no column "${name}"${flag} in ${path} (line 1).`, { hint: didYouMean(name, names, "columns") });
  };
  for (const name of options.drop ?? []) known(name, " (--drop)");
  for (const name of Object.keys(options.types ?? {})) known(name, " (--type)");
  known(options.group, " (--group)");
  known(options.time, " (--time)");
  known(options.id, " (--id)");
  known(options.splitColumn, " (--split-column)");
  const absent = (options.schema?.columns ?? []).map(({ name }) => name).filter((name) => !names.includes(name));
  if (absent.length > 1) {
    const shown = `${absent
      .slice(0, 10)
      .map((name) => `"${name}"`)
      .join(", ")}${absent.length > 10 ? ` and ${absent.length - 10} more` : ""}`;
    throw new GradusError(`no columns ${shown}, which the model was trained on, in ${path} (line 1).`, {
      hint: `columns: ${names.slice(0, 30).join(", ")}${names.length > 30 ? `, … (${names.length} in all)` : ""}`,
    });
  }
  known(absent[0], ", which the model was trained on,");
  for (const { name } of options.schema?.target?.references ?? []) known(name, ", which the model's target is read from,");
  const role = [options.group, options.time, options.id, options.splitColumn].find((name) => name !== undefined && name === options.target);
  if (role !== undefined)
    throw new GradusError(`column "${role}" of ${path} cannot be the target and steer the split.`, {
      hint: "name another column for one of them.",
    });
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
      return { name, sqlType: column.sqlType, sql: column.id, kind: role === "time" ? "numeric" : "categorical" };
    }),
  );
  return Object.fromEntries(wanted.map(([role], i) => [role, columns[i]!]));
}
