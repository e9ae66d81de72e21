/** How reading a table makes sequences of it: before its columns are typed, texts and lists; after, lines by id and windows over a series. */
import { didYouMean } from "../util/closest.ts";
import { GradusError } from "../util/errors.ts";
import { printable } from "../util/printable.ts";
import { sequencesById } from "./by-id.ts";
import type { Database } from "./database.ts";
import type { Staged } from "./reader.ts";
import { attachSequences } from "./sequence-columns.ts";
import { typeOf, type ColumnType, type SequenceReading, type Table, type TableSchema, type Task, type Where } from "./table.ts";
import type { TextUnit } from "./tokens.ts";
import { cutWindows, type WindowOptions } from "./windows.ts";

/** How a file is read as sequences. */
export interface SequenceOptions {
  /** Columns of text, and what they are cut into: `{ name: "characters" }`. */
  readonly text?: Readonly<Record<string, TextUnit>> | undefined;
  /** The column that names the sequences of a long table, a line per step, which `time` orders; with `windows`, what tells series apart. */
  readonly sequenceId?: string | undefined;
  /** Examples are windows over a series, and forecast its next values; `time` orders its lines. */
  readonly windows?: WindowOptions | undefined;
}

/** The other options that matter here. */
interface Others {
  readonly target?: string | undefined;
  readonly task?: Task | undefined;
  readonly drop?: readonly string[] | undefined;
  readonly id?: string | undefined;
  readonly group?: string | undefined;
  readonly time?: string | undefined;
  readonly splitColumn?: string | undefined;
  readonly schema?: TableSchema | undefined;
}

/** What is to be read in place of what was asked for, and what is to be made of the table. */
export interface WithSequences<O> {
  readonly staged: Staged;
  readonly options: O;
  readonly arrange: (table: Table) => Table;
}

/** @throws GradusError where options contradict each other, or columns do not hold what they say */
export async function withSequences<O extends SequenceOptions & Others>(
  database: Database,
  path: string,
  staged: Staged,
  options: O,
  where: Where,
): Promise<WithSequences<O>> {
  const { schema } = options;
  const reading = schema ? (schema.sequences ?? {}) : readingOf(path, staged.names, options);
  const lines = reading.id !== undefined || reading.windows !== undefined;
  const time = schema ? reading.time?.name : options.time;
  for (const name of schema ? [reading.id, time] : [])
    if (name !== undefined && !staged.names.includes(name))
      throw new GradusError(`no column "${name}", by which the model's sequences are put together, in ${path} (line 1).`, {
        hint: didYouMean(name, staged.names, "columns"),
      });
  const { target, group, splitColumn, drop = [] } = options;
  const others = [target, reading.id, time, options.id, group, splitColumn, ...drop];
  const attached = await attachSequences(database, path, staged, where, {
    text: reading.text ?? {},
    others: new Set(others.filter((name) => name !== undefined)),
    schema,
  });
  if (!lines) {
    const said = reading.text ? { sequences: reading } : {};
    return { staged: attached, options, arrange: (table) => ({ ...table, ...said }) };
  }
  const arranged = {
    ...options,
    ...(reading.id === undefined ? {} : { id: reading.id }),
    time,
    // What windows forecast is a column like the others until they are cut.
    ...(reading.windows ? { target: undefined } : {}),
    ...(schema ? { schema: linesOf(schema, reading) } : {}),
  };
  const known = !schema || schema.target !== undefined;
  return { staged: attached, options: arranged, arrange: (table) => arrangeLines(table, reading, known, where) };
}

function readingOf(path: string, names: readonly string[], options: SequenceOptions & Others): SequenceReading {
  const { text, sequenceId, windows, target, task, id } = options;
  if (sequenceId !== undefined && !names.includes(sequenceId))
    throw new GradusError(`no column "${sequenceId}" (--sequence-id) in ${path} (line 1).`, {
      hint: didYouMean(sequenceId, names, "columns"),
    });
  if (sequenceId !== undefined && id !== undefined)
    throw new GradusError(`an example is a sequence, named by --sequence-id ${sequenceId}; --id ${id} cannot name it too.`, {
      hint: "leave --id out.",
    });
  if (sequenceId !== undefined && sequenceId === target)
    throw new GradusError(`column "${sequenceId}" of ${path} cannot name the sequences and be the target.`, {
      hint: "name another column for one of them.",
    });
  if (windows && (target === undefined || !names.includes(target)))
    throw new GradusError(
      `a forecast (--window) needs the column whose next values are to be predicted, found ${target === undefined ? "no target" : `"${target}"`}.`,
      {
        hint: `--target COLUMN; ${didYouMean(target ?? "", names, "columns")}`,
      },
    );
  if (windows && task === "classification")
    throw new GradusError(`a forecast (--window) is of amounts; --task classification contradicts it.`, { hint: "leave --task out." });
  const { window, horizon = 1, step = horizon, season } = windows ?? { window: 0 };
  return {
    ...(text && Object.keys(text).length > 0 ? { text } : {}),
    ...(sequenceId === undefined ? {} : { id: sequenceId }),
    ...(windows ? { windows: { target: target!, window, horizon, step, ...(season === undefined ? {} : { season }) } } : {}),
  };
}

/** The schema of the lines that the sequences of a schema are made of. */
function linesOf({ target, ...schema }: TableSchema, { windows, time }: SequenceReading): TableSchema {
  const columns = schema.columns.map((column): ColumnType => {
    if (column.kind !== "sequence") return column;
    const sqlType = column.sqlType.replace(/\[\]$/, "");
    return { ...column, sqlType, kind: sqlType === "VARCHAR" ? "categorical" : "numeric" };
  });
  return { ...schema, columns: time ? [...columns, time] : columns, ...(target && !windows ? { target } : {}) };
}

/** @param known whether what windows forecast is in the file */
function arrangeLines(table: Table, reading: SequenceReading, known: boolean, where: Where): Table {
  const whole = table.columns.find(({ kind }) => kind !== "numeric" && kind !== "categorical");
  if (whole)
    throw new GradusError(
      `${table.source.path}: column "${whole.name}" holds a whole ${whole.kind} in each line; a line is one step of a sequence here and holds single values.`,
      { hint: `leave the column out: --drop ${whole.name}` },
    );
  const { id, windows } = reading;
  const { time: clock } = table.roles;
  const time = clock?.name;
  const reasons = new Map([
    [`${id} left out of the features: it identifies the row`, `${id} left out of the features: it names the sequences`],
    [`${time} left out of the features: it orders the rows for the split`, `${time} left out of the features: it orders the steps`],
  ]);
  const { text } = reading;
  const sequences = {
    ...(text ? { text } : {}),
    ...(id === undefined ? {} : { id }),
    ...(clock ? { time: typeOf(clock) } : {}),
    ...(windows ? { windows } : {}),
  };
  // Of a saved model's schema the times came as a column too.
  const columns = table.columns.filter(({ name }) => name !== time);
  const lines = { ...table, columns, sequences, notes: table.notes.map((note) => reasons.get(note) ?? note) };
  const arranged = windows ? cutWindows(lines, windows.target, { ...windows, known }, where) : sequencesById(lines, where);
  return { ...arranged, notes: arranged.notes.map(printable) };
}
