/** Columns of a file that are sequences themselves: texts cut into tokens, cells that hold lists. */
import { GradusError } from "../util/errors.ts";
import { didYouMean } from "../util/closest.ts";
import type { Database } from "./database.ts";
import { listColumn } from "./lists.ts";
import type { Staged } from "./reader.ts";
import { grouped, type SequenceColumn, type TableSchema, type Where } from "./table.ts";
import { tokenColumn, tokenise, type TextUnit } from "./tokens.ts";

/** Cells of this many characters are read as text at most: ten megabytes. */
const LONGEST_TEXT = 10_000_000;

export interface SequenceRequest {
  /** Columns of text, and what they are cut into. */
  readonly text: Readonly<Record<string, TextUnit>>;
  /** Columns with another use, or none. */
  readonly others: ReadonlySet<string>;
  /** Of a saved model: these columns of lists, and no others. */
  readonly schema: TableSchema | undefined;
}

/**
 * Takes the columns that are sequences out of `raw` and beside it; a column is one of lists where every cell of it is.
 * @throws GradusError where a column of text is not there, a cell is no list, or a text is too long
 */
export async function attachSequences(
  database: Database,
  path: string,
  staged: Staged,
  where: Where,
  request: SequenceRequest,
): Promise<Staged> {
  const { names, rows } = staged;
  const { text, others, schema } = request;
  for (const name of Object.keys(text)) {
    if (!names.includes(name))
      throw new GradusError(`no column "${name}"${schema ? ", a text that the model was trained on," : " (--text)"} in ${path} (line 1).`, {
        hint: didYouMean(name, names, "columns"),
      });
    if (others.has(name))
      throw new GradusError(`column "${name}" of ${path} cannot be a text to learn from (--text) and have another use.`, {
        hint: "name another column for one of them.",
      });
  }
  const lists = schema
    ? names.flatMap((name, i) => (isList(schema, name) ? [i] : []))
    : await findLists(database, names, (name) => text[name] === undefined && !others.has(name));
  const found = new Map<number, SequenceColumn>();
  const notes: string[] = [];
  for (const [i, name] of names.entries()) {
    const unit = text[name];
    if (unit === undefined && !lists.includes(i)) continue;
    const cells = (await database.query(`SELECT c${i}::VARCHAR AS cell FROM raw`)).map(({ cell }) => cell as string | null);
    const column = unit === undefined ? readLists(path, name, cells, where, schema) : readTexts(path, name, cells, unit, where);
    found.set(i, column);
    const steps = column.offsets[rows]!;
    notes.push(
      unit === undefined
        ? `${name} read as lists: ${grouped(steps)} steps${column.width > 1 ? ` of ${column.width} numbers` : column.tokens ? ", texts" : ""}`
        : `${name} read in ${unit}: ${grouped(steps)}, ${grouped(column.tokens!.length)} of them different`,
    );
  }
  if (found.size === 0) return staged;
  const kept = names.map((_, i) => i).filter((i) => !found.has(i));
  const columns = kept.length > 0 ? kept.map((i, at) => `c${i} AS c${at}`).join(", ") : "NULL AS c0";
  await database.query(`CREATE TABLE others AS SELECT ${columns} FROM raw`);
  await database.query("DROP TABLE raw");
  await database.query("ALTER TABLE others RENAME TO raw");
  return {
    ...staged,
    names: kept.map((i) => names[i]!),
    columns: [...(staged.columns ?? []), ...found.values()],
    notes: [...staged.notes, ...notes],
  };
}

/** A sequence of the schema that is no text, and no lines of a long table. */
function isList({ columns, sequences }: TableSchema, name: string): boolean {
  const lines = sequences?.id !== undefined || sequences?.windows !== undefined;
  return !lines && sequences?.text?.[name] === undefined && columns.some((column) => column.name === name && column.kind === "sequence");
}

/** Columns whose cells are all lists, as the database says, or as their text looks. */
async function findLists(database: Database, names: readonly string[], free: (name: string) => boolean): Promise<number[]> {
  const types = (await database.query("DESCRIBE raw")).map(({ column_type }) => String(column_type));
  const looks = names.flatMap((name, i) => (types[i] === "VARCHAR" && free(name) ? [i] : []));
  const found = names.flatMap((name, i) => (types[i]?.endsWith("]") && free(name) ? [i] : []));
  if (looks.length === 0) return found;
  // A first look at a few rows leaves few columns to be looked at as a whole.
  const like = (i: number): string => `bool_and(regexp_matches(c${i}, '^\\s*\\[.*\\]\\s*$', 's')) AS c${i}`;
  const [sample] = await database.query(`SELECT ${looks.map(like).join(", ")} FROM (SELECT * FROM raw LIMIT 100)`);
  const likely = looks.filter((i) => sample![`c${i}`] === true);
  if (likely.length === 0) return found;
  const [all] = await database.query(`SELECT ${likely.map(like).join(", ")} FROM raw`);
  return [...found, ...likely.filter((i) => all![`c${i}`] === true)].toSorted((a, b) => a - b);
}

function readLists(
  path: string,
  name: string,
  cells: readonly (string | null)[],
  where: Where,
  schema: TableSchema | undefined,
): SequenceColumn {
  const known = schema?.columns.find((column) => column.name === name);
  const column = listColumn(path, name, cells, where, known?.width);
  if (known && known.sqlType !== column.sqlType && column.values.length > 0)
    throw new GradusError(
      `${path}: column "${name}" should hold lists of type ${known.sqlType}, as the model was trained on, found ${column.sqlType}.`,
      {
        hint: "write the lists as they were written for the training.",
      },
    );
  return column;
}

function readTexts(path: string, name: string, cells: readonly (string | null)[], unit: TextUnit, where: Where): SequenceColumn {
  const long = cells.findIndex((cell) => cell !== null && cell.length > LONGEST_TEXT);
  if (long >= 0)
    throw new GradusError(
      `${path}, ${where(long)}: column "${name}" should hold texts of at most ${grouped(LONGEST_TEXT)} characters, found ${grouped(cells[long]!.length)}.`,
      { hint: "split the text into several rows." },
    );
  return tokenColumn(
    name,
    (function* () {
      for (const cell of cells) yield cell === null ? [] : tokenise(cell, unit);
    })(),
  );
}
