/** What is audited: a table in the parts of a split, or two tables side by side. */
import { split, type Parts, type SplitOptions } from "../data/splitter.ts";
import type { CategoricalColumn, Column, ImageColumn, NumericColumn, ScalarColumn, SequenceColumn, Table } from "../data/table.ts";
import { GradusError } from "../util/errors.ts";
import { grouped } from "../util/format.ts";
import type { AuditPart, AuditSubject } from "./rule.ts";

export interface SubjectOptions extends SplitOptions {
  /** Judge a split at random, whatever group or time column was named. */
  readonly random?: boolean | undefined;
}

const place = (row: number): string => `row ${grouped(row + 1)}`;

/**
 * The parts that a table is, or would be, split into. A split column's own parts are taken as they are: where it names no validation
 * rows, none are taken from training.
 * @throws GradusError as `split` does
 */
export function subjectOf(table: Table, { random = false, ...options }: SubjectOptions = {}): AuditSubject {
  const { split: column, group, time, ...others } = table.roles;
  // One way to split: the column that says it, else group, else time, unless a random one is to be judged.
  const roles = { ...others, ...(column ? { split: column } : random ? {} : group ? { group } : time ? { time } : {}) };
  const parts = split({ ...table, roles }, options);
  return { ...partsSubject(table, parts), given: column !== undefined };
}

/** The parts of a split that was made. */
export function partsSubject(table: Table, { train, validation, test, policy }: Parts): AuditSubject {
  const column = table.roles.split as CategoricalColumn | undefined;
  const published = column && ((row: number) => !/^\s*tr/i.test(column.categories[column.codes[row]!]!));
  const own = published ? validation.filter(published) : validation;
  const taken = published ? validation.filter((row) => !published(row)) : new Int32Array();
  const parts: AuditPart[] = [
    { name: "train", rows: taken.length === 0 ? train : Int32Array.from([...train, ...taken]).sort() },
    { name: "validation", rows: own },
    { name: "test", rows: test },
  ];
  const words = taken.length === 0 ? policy : policy.replace(/, validation from training.*/, "");
  return { table, parts: parts.filter(({ rows }) => rows.length > 0), given: column !== undefined, policy: words, place };
}

/**
 * A table against another of the same columns, as one table in two parts.
 * @param other read by the schema of the first
 * @throws GradusError where a column is missing or of another kind
 */
export function againstSubject(table: Table, other: Table): AuditSubject {
  const joined = joinTables(table, other);
  const [name, otherName] = distinct(baseName(table.source.path), baseName(other.source.path));
  const all = (count: number, from: number) => Int32Array.from({ length: count }, (_, i) => from + i);
  return {
    table: joined,
    parts: [
      { name, rows: all(table.rows, 0) },
      { name: otherName, rows: all(other.rows, table.rows) },
    ],
    given: true,
    policy: `${name} against ${otherName}`,
    place: (row) => (row < table.rows ? `${place(row)} of ${name}` : `${place(row - table.rows)} of ${otherName}`),
  };
}

const baseName = (path: string): string => path.split(/[\\/]/).pop()!;
const distinct = (a: string, b: string): [string, string] => (a === b ? [`${a} (first)`, `${b} (second)`] : [a, b]);

function joinTables(table: Table, other: Table): Table {
  const twin = (column: Column): Column => {
    const found = other.columns.find(({ name }) => name === column.name);
    if (!found || found.kind !== column.kind)
      throw new GradusError(
        `${other.source.path} should have a ${column.kind} column "${column.name}", as ${table.source.path} has; found ${found ? `a ${found.kind} one` : "none"}.`,
        {
          hint: "leave it out of both: --drop",
        },
      );
    return found;
  };
  const targets =
    table.target && other.target ? { ...table.target, column: joinColumns(table.target.column, other.target.column) } : undefined;
  const roles: { [role: string]: ScalarColumn } = {};
  for (const [role, column] of Object.entries(table.roles)) {
    const found = other.roles[role as keyof Table["roles"]];
    if (column && found) roles[role] = joinColumns(column, found) as ScalarColumn;
  }
  return {
    ...table,
    rows: table.rows + other.rows,
    columns: table.columns.map((column) => joinColumns(column, twin(column))),
    target: targets as Table["target"],
    roles,
    notes: [...table.notes, ...other.notes],
  };
}

function joinColumns<C extends Column>(a: C, b: Column): C;
function joinColumns(a: Column, b: Column): Column {
  switch (a.kind) {
    case "numeric":
      return { ...a, values: Float64Array.from([...a.values, ...(b as NumericColumn).values]) };
    case "categorical": {
      const second = b as CategoricalColumn;
      const categories = [...new Set([...a.categories, ...second.categories])];
      const code = new Map(categories.map((category, i) => [category, i]));
      const codes = second.codes.map((own) => (own < 0 ? -1 : code.get(second.categories[own]!)!));
      return { ...a, categories, codes: Int32Array.from([...a.codes, ...codes]) };
    }
    case "image": {
      const second = b as ImageColumn;
      if (a.channels !== second.channels)
        throw new GradusError(`the images of "${a.name}" have ${a.channels} channels in one file and ${second.channels} in the other.`);
      const values = new Uint8Array(a.values.length + second.values.length);
      values.set(a.values);
      values.set(second.values, a.values.length);
      return {
        ...a,
        heights: Int32Array.from([...a.heights, ...second.heights]),
        widths: Int32Array.from([...a.widths, ...second.widths]),
        offsets: joinOffsets(a.offsets, second.offsets),
        values,
      };
    }
    case "sequence": {
      const second = b as SequenceColumn;
      const tokens = a.tokens && [...new Set([...a.tokens, ...(second.tokens ?? [])])];
      const code = new Map(tokens?.map((token, i) => [token, i]));
      const values = second.tokens ? second.values.map((own) => (own < 0 ? -1 : code.get(second.tokens![own]!)!)) : second.values;
      return {
        ...a,
        ...(tokens ? { tokens } : {}),
        offsets: joinOffsets(a.offsets, second.offsets),
        values: Float64Array.from([...a.values, ...values]),
      };
    }
  }
}

function joinOffsets(a: Float64Array, b: Float64Array): Float64Array {
  const joined = new Float64Array(a.length + b.length - 1);
  joined.set(a);
  const from = a.at(-1)!;
  for (let i = 1; i < b.length; i++) joined[a.length + i - 1] = from + b[i]!;
  return joined;
}
