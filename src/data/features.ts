/** Which columns of a file become features, and what is said of the others. */
import { GradusError } from "../util/errors.ts";
import type { Database } from "./database.ts";
import { countDistinct } from "./extract.ts";
import type { SourceColumn } from "./raw-table.ts";
import { countMissing, grouped, type Column, type Where } from "./table.ts";

/** More distinct texts than this in a feature is an error. */
const MOST_CATEGORIES = 100_000;
/** From this share of distinct values on, text identifies the row instead of describing it. */
const IDENTIFYING = 0.9;
/** More distinct values than this in a column of numbers with a few texts among them are no codes. */
const MOST_CODES = 20;
const ROW_NUMBER_NAME = /^(column1|unnamed: ?0|index|rownames?|row|row[ _.]?(id|number|no)|id|\.\.\.1)$/i;

/**
 * The columns that can be features: all but those set aside, dropped, all alike, or naming the row.
 * @param request.aside columns with another use, and why they are no features
 * @param request.others how many features there are besides
 * @throws GradusError on a column without any value, with too many categories, or where nothing is left
 */
export async function chooseFeatures(
  database: Database,
  path: string,
  rows: number,
  columns: readonly SourceColumn[],
  request: {
    readonly aside: ReadonlyMap<string, string>;
    readonly drop: readonly string[];
    readonly references: readonly string[];
    readonly others: number;
  },
): Promise<{ columns: SourceColumn[]; notes: string[] }> {
  const notes: string[] = [];
  const kept: SourceColumn[] = [];
  for (const column of columns) {
    const { name, id } = column;
    const reason = request.aside.get(name);
    if (request.drop.includes(name)) {
      notes.push(`${name} left out as asked`);
      continue;
    }
    if (reason !== undefined) notes.push(`${name} left out of the features: ${reason}`);
    if (reason !== undefined || request.references.includes(name)) continue;
    if (column.missing === rows)
      throw new GradusError(`${path}: column "${name}" has no value in any of its ${grouped(rows)} rows.`, {
        hint: `leave it out: --drop ${shellWord(name)}`,
      });
    if (column.kind === "numeric") {
      kept.push(column);
      continue;
    }
    if (column.problem) throw new GradusError(`${path}: ${column.problem.message}`, { hint: column.problem.hint });
    const distinct = await countDistinct(database, id, "data");
    const present = rows - column.missing;
    if (column.mixed && distinct > MOST_CODES) throw new GradusError(`${path}: ${column.mixed.message}`, { hint: column.mixed.hint });
    if (distinct > MOST_CATEGORIES)
      throw new GradusError(
        `${path}: column "${name}" has ${grouped(distinct)} distinct values in ${grouped(rows)} rows; a feature may have ${grouped(MOST_CATEGORIES)}.`,
        { hint: `leave it out: --drop ${shellWord(name)}` },
      );
    if (!column.asked && distinct >= 20 && distinct > IDENTIFYING * present)
      notes.push(
        `${name} left out: text with ${grouped(distinct)} distinct values in ${grouped(present)} rows names the row instead of describing it (--type ${shellWord(name)}=category to keep it, --text ${shellWord(name)}=words or =characters to read it)`,
      );
    else kept.push(column);
  }
  if (kept.length + request.others === 0)
    throw new GradusError(`${path}: no column is left to predict from.`, {
      hint: notes.length > 0 ? `${notes.slice(0, 5).join("; ")}.` : "the file needs at least one column besides the target.",
    });
  return { columns: kept, notes };
}

/** A name as `--drop` takes it from a shell: in quotes for the shell, and inside them in quotes for the list where it has a comma. */
function shellWord(name: string): string {
  if (/^[\w.-]+$/.test(name)) return name;
  return /[,"]/.test(name) ? `'"${name.replaceAll('"', '""')}"'` : `"${name}"`;
}

/**
 * What only the values show: infinities and numbers beyond single precision (an error), columns that are all alike or count the rows (dropped), missing values (said).
 * @param imposed the columns are those of a saved model or parts of one thing, so none is dropped
 */
export function checkColumns(
  path: string,
  columns: readonly Column[],
  where: Where,
  imposed: boolean,
): { columns: Column[]; notes: string[] } {
  return checkFacts(path, columns, factsOf, where, imposed);
}

/** What is asked of a column's values. */
export interface ColumnFacts {
  /** The first number too large to be computed with, and its row. */
  readonly huge: { readonly row: number; readonly value: number } | undefined;
  /** Rows without a value. */
  readonly absent: number;
  /** What all rows have, if they have one value. */
  readonly always: string | undefined;
  /** Whether it rises by one from row to row, from 0 or 1. */
  readonly countsRows: boolean;
  /** The first whole number beyond 2⁵³, and its row. */
  readonly rounded: { readonly row: number; readonly value: number } | undefined;
}

function factsOf(column: Column): ColumnFacts {
  const absent = countMissing(column);
  const always = absent === 0 && isConstant(column);
  if (column.kind !== "numeric") {
    const only = always && column.kind === "categorical" ? `"${column.categories[0]}"` : undefined;
    return { huge: undefined, absent, always: only, countsRows: false, rounded: undefined };
  }
  const { values, sqlType } = column;
  const firstBeyond = (limit: number): ColumnFacts["huge"] => {
    for (let row = 0; row < values.length; row++) if (Math.abs(values[row]!) > limit) return { row, value: values[row]! };
    return undefined;
  };
  return {
    huge: firstBeyond(LARGEST),
    absent,
    always: always ? String(values[0]) : undefined,
    countsRows: countsRows(values),
    rounded: sqlType === "BIGINT" ? firstBeyond(Number.MAX_SAFE_INTEGER) : undefined,
  };
}

/** What `checkColumns` decides and says, from what is known of the columns' values. */
export function checkFacts<C extends { readonly name: string; readonly kind: string; readonly categories?: readonly string[] }>(
  path: string,
  columns: readonly C[],
  facts: (column: C) => ColumnFacts,
  where: Where,
  imposed: boolean,
): { columns: C[]; notes: string[] } {
  const notes: string[] = [];
  const missing: string[] = [];
  const kept = columns.filter((column) => {
    const { huge, absent, always, countsRows: counts, rounded } = facts(column);
    if (huge) throw tooLarge(path, column.name, huge, where, imposed);
    if (imposed) return true;
    if (always !== undefined) {
      notes.push(`${column.name} left out: always ${always}`);
      return false;
    }
    if (counts) {
      if (ROW_NUMBER_NAME.test(column.name)) {
        notes.push(`${column.name} left out: it numbers the rows`);
        return false;
      }
      notes.push(`${column.name} rises by one from row to row: if it only numbers them, --drop ${shellWord(column.name)}`);
    }
    if (column.kind === "categorical" && namesParts(column.categories ?? []))
      notes.push(
        `${column.name} holds ${column.categories!.join(", ")}: if it names the parts of a split, --split-column ${shellWord(column.name)}`,
      );
    if (rounded)
      notes.push(
        `${column.name} holds whole numbers beyond 2^53, first ${rounded.value} in ${where(rounded.row)}, which are rounded: if they are codes, --type ${shellWord(column.name)}=category or --drop ${shellWord(column.name)}`,
      );
    if (absent > 0) missing.push(`${grouped(absent)} in ${column.name}`);
    return true;
  });
  if (missing.length > 0)
    notes.push(`missing: ${missing.slice(0, 8).join(", ")}${missing.length > 8 ? ` and in ${missing.length - 8} more columns` : ""}`);
  if (kept.length === 0) throw new GradusError(`${path}: no column is left to predict from.`, { hint: `${notes.slice(0, 5).join("; ")}.` });
  return { columns: kept, notes };
}

/** Whether categories read like the parts of a published split. */
function namesParts(categories: readonly string[]): boolean {
  return (
    categories.length <= 4 &&
    categories.some((category) => /^train/i.test(category)) &&
    categories.every((category) => /^(train|valid|val$|dev|test)/i.test(category))
  );
}

/** Numbers are computed with in single precision, which ends at 3.4e38; below this a deviation and its inverse are exact enough too. */
export const LARGEST = 1e37;

function tooLarge(path: string, name: string, { row, value }: { row: number; value: number }, where: Where, imposed: boolean): GradusError {
  const finite = Number.isFinite(value);
  const remedy = `${finite ? "if it stands for a missing value" : "mend the value, or"} leave the field empty (missing)`;
  return new GradusError(
    `${path}, ${where(row)}: column "${name}" should hold ${finite ? `numbers up to ${LARGEST} in size` : "finite numbers"}, found ${value}.`,
    { hint: imposed ? `${remedy}.` : `${remedy}, or leave the column out: --drop ${shellWord(name)}` },
  );
}

function isConstant(column: Column): boolean {
  if (column.kind === "categorical") return column.categories.length <= 1;
  return column.kind === "numeric" && column.values.every((value) => value === column.values[0]);
}

function countsRows(values: Float64Array): boolean {
  return values.length > 2 && (values[0] === 0 || values[0] === 1) && values.every((value, row) => value === values[0]! + row);
}
