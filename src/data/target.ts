/** The target: a column or an expression, classification or regression, and everything that can be wrong with it. */
import { GradusError } from "../util/errors.ts";
import { identifier, type Database } from "./database.ts";
import { referencedColumns } from "./expression.ts";
import { LARGEST } from "./features.ts";
import { asNumber, countDistinct, extract } from "./extract.ts";
import type { SourceColumn } from "./raw-table.ts";
import { grouped, type CategoricalColumn, type ScalarColumn, type TableSchema, type Target, type Task, type Where } from "./table.ts";

const FEW_CLASSES = 20;
const ROWS_PER_CLASS = 5;
const MOST_CLASSES = 10_000;

/** The columns a target reads. A name of a column is that column, whatever it looks like; anything else is an expression. */
export async function targetColumns(database: Database, path: string, target: string, names: readonly string[]): Promise<string[]> {
  return names.includes(target) ? [target] : referencedColumns(database, path, target, names);
}

/** What reading a target needs to know. */
export interface TargetRequest {
  readonly path: string;
  readonly rows: number;
  readonly where: Where;
  readonly name: string;
  /** The columns it is computed from, in `data`. */
  readonly references: readonly SourceColumn[];
  readonly task: Task | undefined;
  /** Of a saved model: its task and classes bind. */
  readonly schema: TableSchema["target"];
  /** Takes what is to be said of it. */
  readonly note: (text: string) => void;
}

/** The target as the relation `target`, of one column of that name. */
export interface StagedTarget {
  readonly sqlType: string;
  readonly task: Task;
  readonly reason: string;
  readonly distinct: number;
}

/**
 * Reads the target.
 * @throws GradusError on missing or infinite values, a single class, too many classes, a task that does not fit, an unknown class
 */
export async function readTarget(database: Database, request: TargetRequest): Promise<Target> {
  const { name, rows, schema } = request;
  const { sqlType, task, reason, distinct } = await stageTarget(database, request);
  const kind = task === "classification" ? "categorical" : "numeric";
  const [column] = await extract(database, "target", rows, [{ name, sql: "target", sqlType, kind }]);
  if (column!.kind === "numeric") {
    const bad = column!.values.findIndex((y) => !(Math.abs(y) <= LARGEST));
    checkNumbers(request, { distinct, first: column!.values[0]!, bad: bad < 0 ? undefined : { row: bad, value: column!.values[bad]! } });
  }
  const read = schema?.classes ? recode(request, column as CategoricalColumn, schema.classes) : column!;
  return { name, task, reason, column: read, references: referenceTypes(request) };
}

/** How the columns are read that a target is computed from. */
export function referenceTypes({ references }: TargetRequest): Target["references"] {
  return references.map(({ name, kind, sqlType, dates }) => ({ name, kind, sqlType, ...(dates ? { dates } : {}) }));
}

/**
 * Creates the relation `target`, a value for every row of `data`.
 * @throws GradusError on missing values, a single class, too many classes, a task that does not fit
 */
export async function stageTarget(database: Database, request: TargetRequest): Promise<StagedTarget> {
  const { name, references, path, rows, where } = request;
  const plain = references.length === 1 && references[0]!.name === name ? references[0]! : undefined;
  const relation = `(SELECT ${plain ? plain.id : `(\n${name}\n)`} AS target FROM (SELECT ${references
    .map(({ id, name: label }) => `${id} AS ${identifier(label)}`)
    .join(", ")}${plain ? `, ${plain.id}` : ""} FROM data))`;
  try {
    await database.query(`CREATE TABLE target AS SELECT * FROM ${relation}`);
  } catch (cause) {
    const message = (cause as Error).message.split("\n")[0];
    throw new GradusError(`--target "${name}" cannot be computed from ${path}: ${message}`, {
      hint: `columns it names: ${references.map((c) => `${c.name} (${c.sqlType})`).join(", ")}`,
      cause,
    });
  }
  const sqlType = String((await database.query("SELECT any_value(typeof(target)) AS type FROM target"))[0]!["type"]);
  if (sqlType === "VARCHAR") await trimClasses(database, request);
  const absent = /^(DOUBLE|FLOAT)$/.test(sqlType) ? "target IS NULL OR isnan(target)" : "target IS NULL";
  const [gaps] = await database.query(`SELECT count(*) AS n, min(rowid) AS first FROM target WHERE ${absent}`);
  const missing = Number(gaps!["n"]);
  if (missing > 0)
    throw new GradusError(
      `${path}: target "${name}" is missing in ${grouped(missing)} of ${grouped(rows)} rows, first in ${where(Number(gaps!["first"]))}; every row needs one.`,
      { hint: `remove these rows from the file, or fill the values in${plain ? leavingOut(name) : ""}.` },
    );
  const numeric = isNumeric(sqlType);
  if (!numeric && !["VARCHAR", "BOOLEAN"].includes(sqlType))
    throw new GradusError(
      `${path}: target "${name}" should be a number, a text, true or false, a date or a time; it is of SQL type ${sqlType}.`,
      { hint: sqlType === "INTERVAL" ? `take its seconds: --target "epoch(${name})"` : `compute one of these from it by an expression.` },
    );
  const distinct = await countDistinct(database, "target", "target");
  const { task, reason } = request.schema
    ? { task: request.schema.task, reason: "as in the run" }
    : await chooseTask(database, request, numeric, sqlType, distinct);
  const problem = request.schema || request.task === "classification" ? undefined : plain?.problem;
  if (problem)
    throw new GradusError(`${path}: ${problem.message}`, { hint: `${problem.remedy}; --type ${name}=category if they are classes` });
  const mixed = request.schema ? undefined : plain?.mixed;
  if (mixed && !numeric && (task === "regression" || tooManyClasses(request, distinct)))
    throw new GradusError(`${path}: target "${name}" cannot be read as numbers: ${mixed.message}`, { hint: mixed.hint });
  if (task === "classification" && !request.schema) checkClasses(request, distinct);
  if (task === "regression" && !numeric) await refuseText(database, request);
  return { sqlType, task, reason, distinct };
}

/** How rows without a value are left out, where the column's name needs no quotes in a shell. */
const leavingOut = (name: string): string =>
  /^[A-Za-z_]\w*$/.test(name) ? `, or leave them out: --query "SELECT * FROM data WHERE ${name} IS NOT NULL"` : "";

/** "yes " and "yes" are one class. */
async function trimClasses(database: Database, { where, note }: TargetRequest): Promise<void> {
  const trimmed = "trim(target, ' ' || chr(9) || chr(10) || chr(13) || chr(160))";
  const [found] = await database.query(
    `SELECT count(*) AS n, min(rowid) AS first, arg_min(target, rowid) AS text FROM target WHERE target <> ${trimmed}`,
  );
  const count = Number(found!["n"]);
  if (count === 0) return;
  await database.query(`UPDATE target SET target = nullif(${trimmed}, '') WHERE target <> ${trimmed}`);
  note(
    `blanks at the ends of ${grouped(count)} class name${count === 1 ? "" : "s"} trimmed, e.g. "${String(found!["text"])}" in ${where(Number(found!["first"]))}`,
  );
}

const isNumeric = (sqlType: string): boolean =>
  /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\b|DATE|TIME)/.test(sqlType) && !sqlType.endsWith("]");

async function chooseTask(
  database: Database,
  { task, rows }: TargetRequest,
  numeric: boolean,
  sqlType: string,
  distinct: number,
): Promise<{ task: Task; reason: string }> {
  if (task) return { task, reason: "as asked for" };
  if (!numeric)
    return { task: "classification", reason: sqlType === "BOOLEAN" ? "the target is true or false" : "the target's values are text" };
  const number = asNumber("target", sqlType);
  const fractions = `SELECT count(*) AS n FROM target WHERE ${number} IS DISTINCT FROM trunc(${number})`;
  const whole = Number((await database.query(fractions))[0]!["n"]) === 0;
  if (whole && distinct <= FEW_CLASSES && (distinct <= 2 || rows >= ROWS_PER_CLASS * distinct))
    return {
      task: "classification",
      reason: `the target has ${distinct} distinct whole numbers, ${FEW_CLASSES} or fewer (--task regression to treat them as amounts)`,
    };
  return {
    task: "regression",
    reason: whole
      ? `the target's whole numbers take ${grouped(distinct)} values${distinct <= FEW_CLASSES ? `, too many for ${rows} rows to be classes` : ""}`
      : "the target's values are fractions",
  };
}

const tooManyClasses = ({ rows }: TargetRequest, classes: number): boolean =>
  classes > MOST_CLASSES || (classes > FEW_CLASSES && classes > rows / 2);

function checkClasses(request: TargetRequest, classes: number): void {
  const { path, name, rows } = request;
  if (classes === 1)
    throw new GradusError(
      `${path}: target "${name}" has one class only in all ${grouped(rows)} rows; at least two are needed to tell apart.`,
      {
        hint: "check the column or the expression, and that the file holds all the rows.",
      },
    );
  if (tooManyClasses(request, classes))
    throw new GradusError(
      `${path}: target "${name}" has ${grouped(classes)} distinct values in ${grouped(rows)} rows; a class needs at least two rows, and there may be ${grouped(MOST_CLASSES)} classes.`,
      { hint: "name a column that repeats, group the values by an expression, or use --task regression for numbers." },
    );
}

/**
 * @param found.bad the first amount that is infinite or too large
 * @throws GradusError where there is one, or all amounts are alike
 */
export function checkNumbers(
  { path, name, rows, where }: TargetRequest,
  found: { readonly distinct: number; readonly first: number; readonly bad: { readonly row: number; readonly value: number } | undefined },
): void {
  const { distinct, first, bad } = found;
  if (bad && !Number.isFinite(bad.value))
    throw new GradusError(`${path}, ${where(bad.row)}: target "${name}" should be a finite number, found ${bad.value}.`, {
      hint: "mend the value or remove the row.",
    });
  if (bad)
    throw new GradusError(`${path}, ${where(bad.row)}: target "${name}" should be a number up to ${LARGEST} in size, found ${bad.value}.`, {
      hint: "if it stands for a missing value, remove the row; else give the target in a larger unit by an expression.",
    });
  if (distinct === 1 && rows > 1)
    throw new GradusError(`${path}: target "${name}" is ${first} in all ${grouped(rows)} rows; there is nothing to predict.`, {
      hint: "check the column or the expression, and that the file holds all the rows.",
    });
}

async function refuseText(database: Database, { path, name, where }: TargetRequest): Promise<void> {
  const [first] = await database.query(
    "SELECT target::VARCHAR AS text, rowid AS row FROM target WHERE try_cast(target::VARCHAR AS DOUBLE) IS NULL ORDER BY rowid LIMIT 1",
  );
  throw new GradusError(
    first
      ? `${path}, ${where(Number(first["row"]))}: regression needs numbers, target "${name}" is "${String(first["text"])}".`
      : `${path}: regression needs numbers, target "${name}" holds codes with leading zeros.`,
    { hint: 'leave out --task regression, or compute a number by an expression, e.g. --target "cast(price AS DOUBLE)".' },
  );
}

/** Codes by the classes of a saved model. */
function recode(request: TargetRequest, column: CategoricalColumn, classes: readonly string[]): ScalarColumn {
  const map = column.categories.map((category) => classes.indexOf(category));
  const codes = column.codes.map((code) => map[code]!);
  const unknown = codes.indexOf(-1);
  if (unknown >= 0) throw unknownClass(request, unknown, column.categories[column.codes[unknown]!]!, classes);
  return { ...column, codes, categories: classes };
}

/** What is said of a class that a saved model does not know. */
export function unknownClass({ path, name, where }: TargetRequest, row: number, found: string, classes: readonly string[]): GradusError {
  return new GradusError(`${path}, ${where(row)}: target "${name}" is "${found}", which is none of the model's classes.`, {
    hint: `classes: ${classes.slice(0, 30).join(", ")}${classes.length > 30 ? ", …" : ""}`,
  });
}
