/** A staged file becomes the typed relation `data`, and of its columns those are chosen that can be features: no value leaves the database. */
import { didYouMean } from "../util/closest.ts";
import { GradusError } from "../util/errors.ts";
import { printable } from "../util/printable.ts";
import type { Database } from "./database.ts";
import { chooseFeatures } from "./features.ts";
import { createTyped, imposeTypes } from "./impose.ts";
import { inferTypes } from "./infer.ts";
import { asTextColumn, lookAt, type RawTable, type SourceColumn } from "./raw-table.ts";
import type { ReadOptions } from "./read-table.ts";
import type { Staged } from "./reader.ts";
import type { SkippedRow } from "./reading.ts";
import { withSequences, type WithSequences } from "./sequence-reading.ts";
import { applyQuery, whereOf } from "./stage.ts";
import { grouped, type Column, type Role, type Where } from "./table.ts";
import { targetColumns, type TargetRequest } from "./target.ts";

/** A file as the relation `data`, typed. */
export interface TypedData extends WithSequences<ReadOptions> {
  readonly where: Where;
  /** Columns that are in no relation. */
  readonly direct: readonly Column[];
  /** Columns of `data`, with those that roles name. */
  readonly columns: readonly SourceColumn[];
  readonly byName: ReadonlyMap<string, SourceColumn>;
  readonly targetName: string | undefined;
  /** Names of the columns that the target is computed from. */
  readonly references: readonly string[];
  readonly roleNames: Record<Role, string | undefined>;
  /** How the file as a whole was read, and how each column was. */
  readonly notes: { readonly file: readonly string[]; readonly columns: readonly string[] };
}

/**
 * Creates `data` from `raw`.
 * @param view where values are read but a few times
 * @throws GradusError where a query fails, a column that is named is not there, or values are not as a schema says
 */
export async function typeData(
  database: Database,
  path: string,
  read: Staged,
  asked: ReadOptions,
  { view = false }: { readonly view?: boolean } = {},
): Promise<TypedData> {
  // From here on nothing outside the database can be reached, whatever an expression says.
  await database.query("SET enable_external_access = false");
  const { query } = asked;
  const queried = query === undefined ? read : await applyQuery(database, path, read, { ...asked, query });
  await database.query("SET lock_configuration = true");
  if (asked.schema && !asked.schema.target && asked.schema.reading?.query === query && queried.rows !== read.rows)
    throw new GradusError(
      `the query that the model was trained with gives ${grouped(queried.rows)} rows from the ${grouped(read.rows)} of ${path}; a prediction for each was expected.`,
      { hint: 'give the query for this file, e.g. --query "SELECT * FROM data" where its columns need none' },
    );
  const where = whereOf(queried);
  const arranged = await withSequences(database, path, queried, asked, where);
  const { staged, options } = arranged;
  const { names } = staged;
  const direct = directColumns(path, staged, options);
  const { schema } = options;
  const targetName = schema ? schema.target?.name : (options.target ?? staged.target);
  const published = schema || options.publishedSplit === false || options.group || options.time ? undefined : staged.split;
  const roleNames = {
    group: options.group,
    time: options.time,
    id: options.id,
    split: options.splitColumn ?? published,
    weight: options.weight,
  };
  checkNames(path, names, direct, options);

  const known = schema?.target ? schema.target.references.map(({ name }) => name) : names;
  const references = targetName === undefined ? [] : await targetColumns(database, path, targetName, known);
  const raw = await lookAt(database, path, staged, where, options);
  const { columns, notes } = schema
    ? { columns: await imposeTypes(database, raw, schema), notes: [] }
    : await inferTypes(database, raw, options);
  const used = withRoleColumns(columns, raw, Object.values(roleNames));
  await createTyped(database, path, used, where, { imposed: schema !== undefined, view });
  const byName = new Map(used.map((column) => [column.name, column]));
  const file = [...staged.notes, ...skippedNotes(staged.skipped), ...raw.notes];
  return { ...arranged, where, direct, columns: used, byName, targetName, references, roleNames, notes: { file, columns: notes } };
}

/** What the reading of the target needs; undefined where there is none. */
export function targetRequest(path: string, data: TypedData, note: (text: string) => void): TargetRequest | undefined {
  const { staged, where, targetName: name, references, byName, options } = data;
  if (name === undefined) return undefined;
  const { task, schema } = options;
  return {
    path,
    rows: staged.rows,
    where,
    name,
    references: references.map((one) => byName.get(one)!),
    task,
    schema: schema?.target,
    note,
  };
}

/**
 * The columns of `data` that become features.
 * @throws GradusError where one has no values or too many categories, or none is left
 */
export async function pickFeatures(
  database: Database,
  path: string,
  data: TypedData,
): Promise<{ columns: SourceColumn[]; notes: string[] }> {
  const { staged, options, columns, byName, targetName, references, roleNames, direct } = data;
  const { schema } = options;
  if (schema) return { columns: schema.columns.flatMap(({ name }) => byName.get(name) ?? []), notes: [] };
  const aside = new Map(staged.aside);
  if (staged.split !== undefined) aside.set(staged.split, "it names the parts of the published split");
  for (const name of references) if (targetName !== name) aside.set(name, "the target is computed from it");
  for (const [role, name] of Object.entries(roleNames)) if (name !== undefined) aside.set(name, ROLE_REASONS[role as Role]);
  const types = Object.entries(options.types ?? {});
  for (const [name, type] of types) if (type === "text" && name !== targetName) aside.set(name, "free text, as asked");
  return chooseFeatures(database, path, staged.rows, columns, {
    aside,
    drop: [...(options.drop ?? []), ...types.filter(([, type]) => type === "drop").map(([name]) => name)],
    references,
    others: direct.length,
  });
}

/** Everything that is to be said of the reading, in order. */
export function notesOf(
  { notes }: TypedData,
  kept: readonly string[],
  checked: { readonly columns: readonly { readonly name: string }[]; readonly notes: readonly string[] },
  said: readonly string[],
): string[] {
  const columns = notes.columns.filter((note) => mentions(note, checked.columns));
  return [...notes.file, ...columns, ...kept, ...checked.notes, ...said].map(printable);
}

/** The first lines that were left out, and how many there are. */
function skippedNotes(skipped: Staged["skipped"] = []): string[] {
  if (skipped.length === 0) return [];
  // Of an image the reason names its file; of a line its number is said.
  const images = skipped.filter(({ line }) => line === 0);
  const lines = skipped.filter(({ line }) => line > 0);
  return [...(images.length > 0 ? [imagesNote(images)] : []), ...(lines.length > 0 ? [linesNote(lines)] : [])];
}

function imagesNote(images: readonly SkippedRow[]): string {
  const shown = images.slice(0, 10).map(({ reason }) => reason.replace(/\.$/, ""));
  const more = images.length > 10 ? `; and ${grouped(images.length - 10)} more` : "";
  return `${grouped(images.length)} image${images.length === 1 ? "" : "s"} left out as asked: ${shown.join("; ")}${more}`;
}

function linesNote(skipped: readonly SkippedRow[]): string {
  const files = new Set(skipped.map(({ file }) => file)).size;
  const shown = skipped.slice(0, 8).map(({ file, line, reason }) => `${files > 1 ? `${file} ` : ""}line ${line} (${reason})`);
  const more = skipped.length > 8 ? ` and ${grouped(skipped.length - 8)} more` : "";
  return `${grouped(skipped.length)} line${skipped.length === 1 ? "" : "s"} left out as asked: ${shown.join(", ")}${more}`;
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

/** Notes on how a column was read matter only where it is kept. */
const mentions = (note: string, columns: readonly { readonly name: string }[]): boolean =>
  columns.some(({ name }) => note.startsWith(`${name} read as`));

const ROLE_REASONS: Record<Role, string> = {
  group: "it names the groups of the split",
  time: "it orders the rows for the split",
  id: "it identifies the row",
  split: "it names the part of the split",
  weight: "it says how much the row counts",
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
  known(options.weight, " (--weight)");
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
  const role = [options.group, options.time, options.id, options.splitColumn, options.weight].find(
    (name) => name !== undefined && name === options.target,
  );
  if (role !== undefined)
    throw new GradusError(`column "${role}" of ${path} cannot be the target and steer the split or weigh the rows.`, {
      hint: "name another column for one of them.",
    });
}
