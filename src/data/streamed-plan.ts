/** The plan of a table in a database: what its columns hold, their moments in one pass, counts of categories, all by SQL. */
import { GradusError, internal } from "../util/errors.ts";
import { printable } from "../util/printable.ts";
import type { Database } from "./database.ts";
import { checkFacts, LARGEST, type ColumnFacts } from "./features.ts";
import { nothingLeft, planOf, type FittedColumn, type PreprocessPlan } from "./preprocess.ts";
import type { StagedRows } from "./streamed-table.ts";
import { schemaOf, type CategoricalColumn, type NumericColumn, type ScalarColumn, type Table } from "./table.ts";
import { checkNumbers } from "./target.ts";
import type { TargetPlan } from "./target-plan.ts";
import { CYCLES, dateParts, datePartsBy, type Cycle } from "./transforms/date-parts.ts";
import { oneHotBy } from "./transforms/one-hot.ts";
import { standardiseBy, type NumberFacts } from "./transforms/standardise.ts";
import { notesOf } from "./typed-data.ts";

const COLUMNS_PER_QUERY = 50;
/** Values that the origin of a column's sums is taken from. */
const FIRST_VALUES = 2048;
const TRAINING = "rows WHERE NOT held";

/** Checks the columns as `readTable` does, and fits preprocessing on the training rows as `fitPreprocessing` does, where no plan is given. */
export async function fitStreamed(
  database: Database,
  { table, data, request, distinct, notes }: StagedRows,
  given: PreprocessPlan | undefined,
): Promise<{ table: Table; plan: PreprocessPlan; notes: string[] }> {
  const { path, rows } = table.source;
  const columns = table.columns as readonly ScalarColumn[];
  const facts = await factsOf(database, columns, rows);
  const place = new Map(columns.map(({ name }, i) => [name, `v${i}`]));
  const { columns: kept, notes: said } = checkFacts(path, columns, ({ name }) => facts.get(name)!, data.where, given !== undefined);
  const checked: Table = { ...table, columns: kept };
  const reading = notesOf(data, notes.kept, { columns: kept, notes: said }, notes.target);
  const target = checked.target!;
  if (target.column.kind === "numeric") {
    const own = await numberFacts(database, "target", false);
    checkNumbers(request, { distinct, first: own.first, bad: own.huge });
  }
  if (given) {
    const { log } = given.target as { log?: boolean };
    if (log) await refuseNoLogarithm(database, path, target.name);
    return { table: checked, plan: given, notes: reading };
  }
  const peeks = new Map<string, Peek>();
  const numbers = kept.filter((column) => column.kind === "numeric");
  const measured = numbers.map(({ name, sqlType }) => ({
    id: place.get(name)!,
    temporal: dateParts.applies({ ...numericOf(sqlType) }, {}),
  }));
  if (target.column.kind === "numeric") measured.push({ id: "target", temporal: false });
  for (const { id } of measured) peeks.set(id, await peek(database, id));
  const moments = await measure(database, measured, peeks);
  const fitted: FittedColumn[] = [];
  for (const column of kept) {
    const id = place.get(column.name)!;
    const { plan, notes: more } =
      column.kind === "categorical" ? await fitCategories(database, id, column) : fitNumbers(column, moments.get(id)!);
    reading.push(...more.map(printable));
    if (plan) fitted.push(plan);
  }
  if (fitted.length === 0) throw nothingLeft(path, reading);
  return { table: checked, plan: planOf(fitted, targetPlan(checked, moments.get("target")), schemaOf(checked)), notes: reading };
}

const numericOf = (sqlType: string): NumericColumn => ({ name: "", kind: "numeric", sqlType, values: new Float64Array() });

function targetPlan({ target }: Table, measured: Measured | undefined): TargetPlan {
  const { name, column } = target!;
  if (column.kind === "categorical") return { kind: "classes", name, classes: column.categories };
  const { mean, deviation } = measured ?? internal("a target that was not measured");
  return { kind: "amount", name, log: false, mean, deviation: deviation === 0 ? 1 : deviation };
}

async function refuseNoLogarithm(database: Database, path: string, name: string): Promise<void> {
  const [bad] = await database.query("SELECT rowid AS row, target FROM rows WHERE target <= 0 ORDER BY rowid LIMIT 1");
  if (bad)
    throw new GradusError(
      `${path}, row ${Number(bad["row"]) + 1}: the plan takes the logarithm of the target, which needs amounts above 0; "${name}" is ${String(bad["target"])}.`,
    );
}

/** What is asked of all rows, training or not. */
async function factsOf(database: Database, columns: readonly ScalarColumn[], rows: number): Promise<Map<string, ColumnFacts>> {
  const facts = new Map<string, ColumnFacts>();
  for (const [i, column] of columns.entries()) {
    if (column.kind === "numeric") {
      const { huge, rounded, absent, low, high, from, to } = await numberFacts(database, `v${i}`, column.sqlType === "BIGINT");
      const countsRows = rows > 2 && absent === 0 && from === to && (from === 0 || from === 1);
      facts.set(column.name, { huge, rounded, absent, always: absent === 0 && low === high ? String(low) : undefined, countsRows });
      continue;
    }
    const [found] = await database.query(`SELECT count(*) - count(v${i}) AS absent FROM rows`);
    const absent = Number(found!["absent"]);
    const always = absent === 0 && column.categories.length <= 1 ? `"${column.categories[0]}"` : undefined;
    facts.set(column.name, { huge: undefined, rounded: undefined, absent, always, countsRows: false });
  }
  return facts;
}

/** @param whole whether whole numbers too large to be exact are looked for */
async function numberFacts(database: Database, id: string, whole: boolean) {
  const first = (label: string, test: string): string =>
    `min(rowid) FILTER (${test}) AS "${label} row", arg_min(${id}, rowid) FILTER (${test}) AS "${label} value"`;
  const [found] = await database.query(
    `SELECT count(*) - count(${id}) AS absent, min(${id}) AS low, max(${id}) AS high, min(${id} - rowid) AS "from", max(${id} - rowid) AS "to",
      arg_min(${id}, rowid) AS first, ${first("huge", `abs(${id}) > ${LARGEST}::DOUBLE`)},
      ${first("rounded", whole ? `abs(${id}) > ${Number.MAX_SAFE_INTEGER}::DOUBLE` : "false")} FROM rows`,
  );
  const number = (label: string): number => Number(found![label]);
  const at = (label: string): ColumnFacts["huge"] =>
    found![`${label} row`] === null ? undefined : { row: number(`${label} row`), value: number(`${label} value`) };
  return {
    huge: at("huge"),
    rounded: at("rounded"),
    absent: number("absent"),
    low: number("low"),
    high: number("high"),
    first: number("first"),
    from: number("from"),
    to: number("to"),
  };
}

interface Peek {
  /** The first training value, and the mean of the first ones. */
  readonly first: number;
  readonly origin: number;
}

async function peek(database: Database, id: string): Promise<Peek> {
  const [found] = await database.query(
    `SELECT first(x) AS first, avg(x) AS origin FROM (SELECT ${id} AS x FROM ${TRAINING} AND ${id} IS NOT NULL LIMIT ${FIRST_VALUES})`,
  );
  return { first: Number(found!["first"] ?? 0), origin: Number(found!["origin"] ?? 0) };
}

/** What a pass over the training rows says of a column of numbers. */
interface Measured extends NumberFacts {
  readonly apart: (cycle: Cycle) => number;
}

/** As the database takes it to the bit: without quotes it would be a decimal. */
const double = (value: number): string => `'${value}'::DOUBLE`;

/**
 * Moments in one pass: with o the mean of the first k values, d = x − o, μ = o + (1/m)Σd and σ² = (1/m)Σd² − ((1/m)Σd)², all sums
 * compensated (Kahan). Since k of m values have the mean o, (μ − o)² ≤ σ²·m/k: the difference loses no more than that, wherever the
 * values lie and however they are sorted.
 */
async function measure(
  database: Database,
  columns: readonly { readonly id: string; readonly temporal: boolean }[],
  peeks: ReadonlyMap<string, Peek>,
): Promise<Map<string, Measured>> {
  const measured = new Map<string, Measured>();
  for (let at = 0; at < columns.length; at += COLUMNS_PER_QUERY) {
    const some = columns.slice(at, at + COLUMNS_PER_QUERY);
    const list = some.flatMap(({ id, temporal }) => {
      const { first, origin } = peeks.get(id)!;
      const d = `(${id} - ${double(origin)})`;
      const own = [
        `count(${id}) AS "${id} present"`,
        `min(${id}) AS "${id} low"`,
        `max(${id}) AS "${id} high"`,
        `fsum(${d}) AS "${id} sum"`,
        `fsum(${d} * ${d}) AS "${id} squares"`,
        `max(abs(${id}::FLOAT::DOUBLE - ${id})) AS "${id} moved"`,
      ];
      return temporal
        ? [...own, ...(Object.keys(CYCLES) as Cycle[]).map((cycle) => `${apartSql(id, first, cycle)} AS "${id} ${cycle}"`)]
        : own;
    });
    const [row] = await database.query(`SELECT count(*) AS rows, ${list.join(", ")} FROM ${TRAINING}`);
    const rows = Number(row!["rows"]);
    for (const { id } of some) {
      const number = (label: string): number => Number(row![`${id} ${label}`] ?? 0);
      const present = number("present");
      const shift = number("sum") / present;
      const alike = number("low") === number("high");
      measured.set(id, {
        present,
        missing: rows - present,
        first: peeks.get(id)!.first,
        moved: number("moved"),
        mean: alike ? number("low") : peeks.get(id)!.origin + shift,
        deviation: alike ? 0 : Math.sqrt(Math.max(0, number("squares") / present - shift * shift)),
        apart: number,
      });
    }
  }
  return measured;
}

/** How far from the first value others lie in a cycle at most. */
function apartSql(id: string, first: number, cycle: Cycle): string {
  const { period, step } = CYCLES[cycle];
  const turns = (sql: string): string => `floor(${sql} / ${double(step)}) * ${double(step)} / ${double(period)}`;
  const phase = (sql: string): string => `(${turns(sql)} - floor(${turns(sql)}))`;
  const distance = `abs(${phase(id)} - ${phase(double(first))})`;
  return `max(least(${distance}, 1 - ${distance}))`;
}

function fitNumbers(column: NumericColumn, measured: Measured): { plan: FittedColumn | undefined; notes: string[] } {
  return dateParts.applies(column, {}) ? datePartsBy(column, measured, measured.apart) : standardiseBy(column, measured);
}

async function fitCategories(
  database: Database,
  id: string,
  column: CategoricalColumn,
): Promise<{ plan: FittedColumn | undefined; notes: string[] }> {
  const counts = new Int32Array(column.categories.length);
  let rows = 0;
  for (const { code, n } of await database.query(`SELECT ${id} AS code, count(*) AS n FROM ${TRAINING} GROUP BY ${id}`)) {
    if (code !== null) counts[Number(code)] = Number(n);
    rows += Number(n);
  }
  return oneHotBy(column, counts, rows);
}
