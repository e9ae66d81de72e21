/** A file becomes a table: staged by a reader, typed, its target found, its features checked. */
import { didYouMean } from "../util/closest.ts";
import { GradusError } from "../util/errors.ts";
import { printable } from "../util/printable.ts";
import { openDatabase, type Database } from "./database.ts";
import { countDistinct, extract } from "./extract.ts";
import { chooseFeatures, checkColumns } from "./features.ts";
import { inspectFile, type FileFacts } from "./file.ts";
import { createTyped, imposeTypes, inferTypes, type SourceColumn, type Where } from "./infer.ts";
import * as readers from "./readers/index.ts";
import type { Staged } from "./reader.ts";
import { grouped, type Column, type Role, type Table, type TableSchema, type Task } from "./table.ts";
import { readTarget, targetColumns } from "./target.ts";

/** How a file is to be read; every name is a column of the file. */
export interface ReadOptions {
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
}

/**
 * Reads a data file (CSV or TSV, UTF-8 or UTF-16, with a header line).
 * @example const table = await readTable("churn.csv", { target: "churn" });
 * @throws GradusError naming file, line or row, column, what was expected and found, and a remedy
 */
export async function readTable(path: string, options: ReadOptions = {}): Promise<Table> {
  const file = await inspectFile(path);
  const reader = Object.values(readers).find((candidate) => candidate.reads(file));
  if (!reader) throw new GradusError(`${path}: no reader for this kind of file.`, { hint: "convert it to CSV." });
  const database = await openDatabase();
  try {
    const staged = await reader.stage(file, database);
    // From here on nothing outside the database can be reached, whatever an expression says.
    await database.query("SET enable_external_access = false");
    await database.query("SET lock_configuration = true");
    return await buildTable(database, file, staged, options);
  } finally {
    database.close();
  }
}

async function buildTable(database: Database, file: FileFacts, staged: Staged, options: ReadOptions): Promise<Table> {
  const { path } = file;
  const { names, rows } = staged;
  const where: Where = (row) => {
    const line = staged.lineOf(row);
    return line === undefined ? `row ${row + 1}` : `line ${line}`;
  };
  const { schema } = options;
  const targetName = schema ? schema.target?.name : options.target;
  const roleNames = { group: options.group, time: options.time, id: options.id, split: options.splitColumn };
  checkNames(path, names, options);

  const known = schema?.target ? schema.target.references.map(({ name }) => name) : names;
  const references = targetName === undefined ? [] : await targetColumns(database, path, targetName, known);
  const { columns, notes } = schema
    ? { columns: await imposeTypes(database, names, schema), notes: [] }
    : await inferTypes(database, names, rows, where);
  const used = withRoleColumns(columns, names, Object.values(roleNames));
  await createTyped(database, path, used, where, schema !== undefined);
  const byName = new Map(used.map((column) => [column.name, column]));

  const roles = await readRoles(database, path, rows, where, byName, roleNames);
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
        });
  const aside = new Map<string, string>();
  for (const name of references) if (targetName !== name) aside.set(name, "the target is computed from it");
  for (const [role, name] of Object.entries(roleNames)) if (name !== undefined) aside.set(name, ROLE_REASONS[role as Role]);
  const kept = schema
    ? { columns: schema.columns.map(({ name }) => byName.get(name)!), notes: [] }
    : await chooseFeatures(database, path, rows, used, { aside, drop: options.drop ?? [], references });
  const features = await extract(
    database,
    "data",
    rows,
    kept.columns.map((column) => ({ ...column, sql: column.id })),
  );
  const checked = checkColumns(path, features, where, schema !== undefined || options.together === true);
  return {
    source: { path, fingerprint: file.fingerprint, rows },
    rows,
    columns: checked.columns,
    target,
    roles,
    notes: [...staged.notes, ...notes.filter((note) => mentions(note, checked.columns)), ...kept.notes, ...checked.notes].map(printable),
  };
}

/** Notes on how a column was read matter only where it is kept. */
const mentions = (note: string, columns: readonly Column[]): boolean => columns.some(({ name }) => note.startsWith(`${name} read as`));

const ROLE_REASONS: Record<Role, string> = {
  group: "it names the groups of the split",
  time: "it orders the rows for the split",
  id: "it identifies the row",
  split: "it names the part of the split",
};

/** Columns the schema does not know but a role asks for are read as text (time as the number it must be). */
function withRoleColumns(columns: SourceColumn[], names: readonly string[], roles: readonly (string | undefined)[]): SourceColumn[] {
  const known = new Set(columns.map(({ name }) => name));
  const more = roles.filter((name) => name !== undefined && !known.has(name)) as string[];
  return [
    ...columns,
    ...more.map((name): SourceColumn => ({ name, kind: "categorical", sqlType: "VARCHAR", id: `c${names.indexOf(name)}`, missing: 0 })),
  ];
}

function checkNames(path: string, names: readonly string[], options: ReadOptions): void {
  const known = (name: string | undefined, flag: string): void => {
    if (name === undefined || names.includes(name)) return;
    throw new GradusError(`no column "${name}"${flag} in ${path} (line 1).`, { hint: didYouMean(name, names, "columns") });
  };
  for (const name of options.drop ?? []) known(name, " (--drop)");
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
