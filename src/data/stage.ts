/** The files of a source become one relation: each by its reader, one below the other, and what a query makes of them. */
import { basename } from "node:path";
import { GradusError } from "../util/errors.ts";
import { identifier, type Database } from "./database.ts";
import { checkQuery } from "./expression.ts";
import { createTyped } from "./impose.ts";
import { inferTypes } from "./infer.ts";
import { lookAt } from "./raw-table.ts";
import type { Staged, Staging } from "./reader.ts";
import { readers } from "./readers/index.ts";
import type { Source } from "./source.ts";
import { describe, stageRelation } from "./typed-source.ts";
import type { Where } from "./table.ts";

/** Rows by their lines where they are certain, else by their numbers. */
export const whereOf =
  (staged: Staged): Where =>
  (row) => {
    if (staged.nameOf) return staged.nameOf(row);
    const line = staged.lineOf(row);
    return line === undefined ? `row ${row + 1}` : `line ${line}`;
  };

/**
 * Creates `raw` from all files of a source.
 * @throws GradusError where a file cannot be read, or its columns are not those of the first
 */
export async function stageSource({ files, scratch }: Source, database: Database, reading: Staging["reading"]): Promise<Staged> {
  const parts: Staged[] = [];
  for (const [i, file] of files.entries()) {
    const reader = readers.find((candidate) => candidate.reads(file));
    if (!reader) throw new GradusError(`${file.path}: no reader for this kind of file.`, { hint: "convert it to CSV." });
    const staged = await reader.stage(file, { database, reading, scratch });
    if (files.length === 1) return staged;
    const [first = staged] = parts;
    sameColumns(files[0]!.path, first, file.path, staged);
    const list = first.names.map((name, c) => `c${staged.names.indexOf(name)} AS c${c}`);
    await database.query(`CREATE TABLE part${i} AS SELECT ${list.join(", ")} FROM raw`);
    await database.query("DROP TABLE raw");
    parts.push(staged);
  }
  const all = parts.map((_, i) => `SELECT * FROM part${i}`);
  try {
    await database.query(`CREATE TABLE raw AS ${all.join(" UNION ALL ")}`);
  } catch (cause) {
    throw new GradusError(
      `the columns of ${files[0]!.path} and the files beside it hold values of kinds that do not go together: ${(cause as Error).message.split("\n")[0]}`,
      {
        hint: "read them apart, or bring them to one kind with --query.",
        cause,
      },
    );
  }
  for (const i of parts.keys()) await database.query(`DROP TABLE part${i}`);
  const starts = parts.map((_, i) => parts.slice(0, i).reduce((sum, { rows }) => sum + rows, 0));
  const short = files.map(({ path }) => basename(path));
  return {
    names: parts[0]!.names,
    rows: parts.reduce((sum, { rows }) => sum + rows, 0),
    lineOf: () => undefined,
    nameOf: (row) => {
      const i = starts.findLastIndex((start) => start <= row);
      return `${short[i]} ${whereOf(parts[i]!)(row - starts[i]!)}`;
    },
    ...(parts.every(({ typed }) => typed) ? { typed: true } : {}),
    ...(parts.every(({ delimiter }) => delimiter === parts[0]!.delimiter) && parts[0]!.delimiter !== undefined
      ? { delimiter: parts[0]!.delimiter }
      : {}),
    skipped: parts.flatMap(({ skipped = [] }) => skipped),
    notes: [
      `${files.length} files, ${short[0]} to ${short.at(-1)}, one below the other`,
      ...new Set(parts.flatMap(({ notes }, i) => notes.map((note) => `${short[i]}: ${note}`)).slice(0, 20)),
    ],
  };
}

function sameColumns(firstPath: string, first: Staged, path: string, staged: Staged): void {
  const absent = first.names.find((name) => !staged.names.includes(name));
  const more = staged.names.find((name) => !first.names.includes(name));
  if (absent === undefined && more === undefined) return;
  throw new GradusError(
    absent !== undefined
      ? `${path} has no column "${absent}", which ${firstPath} has; files read together have the same columns.`
      : `${path} has a column "${more}", which ${firstPath} has not; files read together have the same columns.`,
    { hint: "leave the file out of the pattern, or give all files the same columns." },
  );
}

/**
 * Puts the result of a query over `data` (the columns named and typed as in the file) in the place of `raw`.
 * @throws GradusError where it is no single SELECT, depends on anything but the data, fails, or gives no rows
 */
export async function applyQuery(
  database: Database,
  path: string,
  staged: Staged,
  reading: Staging["reading"] & { query: string },
): Promise<Staged> {
  const where = whereOf(staged);
  await checkQuery(database, reading.query);
  const raw = await lookAt(database, path, staged, where, reading);
  const { columns } = await inferTypes(database, raw, { ...reading, types: {} });
  await createTyped(database, path, columns, where);
  await database.query("ALTER TABLE data RENAME TO source");
  await database.query(
    `CREATE VIEW data AS SELECT ${columns.map(({ id, name }) => `${id} AS ${identifier(name)}`).join(", ")} FROM source`,
  );
  try {
    await describe(database, `(${reading.query}\n)`);
    // Several threads may give the rows of a join or a group in any order; the split goes by rows.
    await database.query("SET threads = 1");
    await database.query(`CREATE TABLE result AS SELECT * FROM (${reading.query}\n)`);
    await database.query("RESET threads");
  } catch (cause) {
    const message = (cause as Error).message.split("\n")[0];
    throw new GradusError(`--query cannot be run over ${path}: ${message}`, {
      hint: `the table is called data; its columns: ${columns
        .slice(0, 20)
        .map(({ name }) => name)
        .join(", ")}${columns.length > 20 ? ", …" : ""}`,
      cause,
    });
  }
  await database.query("DROP VIEW data");
  await database.query("DROP TABLE source");
  const result = await stageRelation(database, `the result of --query over ${path}`, "result");
  await database.query("DROP TABLE result");
  return { ...result, skipped: staged.skipped ?? [], notes: [...staged.notes, "rows and columns as --query gives them", ...result.notes] };
}
