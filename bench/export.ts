/**
 * An exported model on raw rows in plain ONNX Runtime, against the network in float64 fed by preprocessing recomputed in SQL: how far
 * apart they are at most. Nothing of the preprocessing plan is used but the order of its inputs.
 */
import { join } from "node:path";
import { DuckDBInstance, type DuckDBConnection } from "@duckdb/node-api";
import * as ort from "onnxruntime-node";
import { readTable } from "../src/data/read-table.ts";
import { executor } from "../src/exec/onnxruntime-node.ts";
import { evaluateGraph } from "../src/exec/reference.ts";
import { graph, input } from "../src/ir/graph.ts";
import { activationByName } from "../src/nn/activation.ts";
import { lossOf } from "../src/nn/losses/index.ts";
import { modelGraph, type Model } from "../src/nn/model.ts";
import { buildNetwork } from "../src/nn/network.ts";
import { layoutParameters, parameterInput, parameterViews } from "../src/nn/parameters.ts";
import { writeModel } from "../src/onnx/write.ts";
import { ops } from "../src/ops/build.ts";
import { fitTable, splitTable } from "../src/train/fit-table.ts";
import { mlp } from "../src/train/model-choice.ts";
import { machine, type Machine } from "./machine.ts";
import { versions } from "./peers/gradus-versions.ts";

export interface ExportRow {
  readonly name: string;
  /** Raw rows asked, those made up for unseen categories and missing values among them. */
  readonly rows: number;
  readonly made: number;
  /** Raw columns, and inputs of the network behind them. */
  readonly columns: number;
  readonly inputs: number;
  /** Of probabilities; of amounts in deviations of the training part. */
  readonly difference: number;
}

export interface ExportResult {
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly limit: number;
  readonly rows: readonly ExportRow[];
}

export interface ExportCase {
  readonly name: string;
  /** A CSV file. */
  readonly path: string;
  /** A column, or an SQL expression of columns. */
  readonly target: string;
  readonly task?: "regression";
  readonly layers: readonly number[];
  readonly epochs: number;
}

/** The most that a probability may be off. */
const limit = 1e-5;
/** A category that no file has. */
const unseen = "Atlantis";

const cases: readonly ExportCase[] = [
  { name: "titanic, survived or not", path: "titanic/titanic.csv", target: "survived", layers: [64, 32], epochs: 20 },
  { name: "titanic, one of seven classes", path: "titanic/titanic.csv", target: "class", layers: [64, 32], epochs: 20 },
  {
    name: "titanic, the fare, nothing where none is known",
    path: "titanic/titanic.csv",
    target: "coalesce(fare, 0) / 10",
    task: "regression",
    layers: [64, 32],
    epochs: 20,
  },
];

export async function measureExport(options: {
  readonly data: string;
  readonly chosen: (name: string) => boolean;
  readonly say: (line: string) => void;
}): Promise<ExportResult> {
  const rows: ExportRow[] = [];
  for (const one of cases.filter(({ name }) => options.chosen(name))) {
    const { difference, rows: asked, made, columns, inputs } = await compareExport({ ...one, path: join(options.data, one.path) });
    rows.push({ name: one.name, rows: asked, made, columns, inputs, difference });
    options.say(
      `${one.name}: ${asked} raw rows (${made} made up), ${inputs} inputs: ${difference.toExponential(2)} apart at most, limit ${limit}`,
    );
  }
  return { machine: machine(), versions: await versions(), limit, rows };
}

export interface Comparison extends Omit<ExportRow, "name"> {
  /** Row by row, as the runtime says them: shares of the classes, or amounts. */
  readonly found: Float32Array;
  /** The runtime's prediction: a class, or an amount. */
  readonly prediction: readonly (string | number)[];
  readonly model: Model;
}

/** Trains on a file, exports, and asks both sides for all its rows and for some that are made up. */
export async function compareExport({ path, target, task, layers, epochs }: ExportCase): Promise<Comparison> {
  const table = await readTable(path, { target, ...(task ? { task } : {}) });
  const parts = splitTable(table, { seed: 3 });
  const { problem, plan, theta } = await fitTable(mlp({ layers }), parts, { epochs, executor });
  const model: Model = { network: problem.network, loss: problem.loss.name as Model["loss"], plan, theta };
  const sql = await (await DuckDBInstance.create()).connect();
  try {
    const made = await askedRows(
      sql,
      path,
      plan.schema.columns.map(({ name }) => name),
      parts.train,
    );
    const expected = inFloat64(model, await designMatrix(sql));
    const results = await inRuntime(model, sql);
    const amounts = plan.target.kind === "amount" ? plan.target : undefined;
    const found = (amounts ? results["prediction"] : results["probabilities"])!.data as Float32Array;
    const outputs = found.length / (table.rows + made);
    // Two classes are one output of the network, and two shares in the file.
    const wanted = (i: number): number => {
      if (amounts) return expected[i]! * amounts.deviation + amounts.mean;
      if (expected.length === found.length) return expected[i]!;
      return i % outputs === 0 ? 1 - expected[i >> 1]! : expected[i >> 1]!;
    };
    const difference = found.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted(i)) / (amounts?.deviation ?? 1)), 0);
    return {
      rows: table.rows + made,
      made,
      columns: plan.schema.columns.length,
      inputs: plan.features.length,
      difference,
      found,
      prediction: [...(results["prediction"]!.data as unknown as Iterable<string | number>)],
      model,
    };
  } finally {
    sql.closeSync();
  }
}

async function rowsOf(sql: DuckDBConnection, query: string): Promise<unknown[][]> {
  return (await sql.runAndReadAll(query)).getRows() as unknown[][];
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/**
 * `part`, the training rows, and `asked`: all rows; the first one with each column missing and with each category unseen in turn; one with
 * every category unseen and no numbers; one with nothing.
 * @returns how many are made up
 */
async function askedRows(sql: DuckDBConnection, path: string, columns: readonly string[], train: Int32Array): Promise<number> {
  await sql.run(
    `CREATE TABLE numbered AS SELECT row_number() OVER () - 1 AS line, * FROM read_csv(${literal(path)}, nullstr = ['', 'NA'], sample_size = -1, auto_type_candidates = ['BIGINT', 'DOUBLE', 'VARCHAR'])`,
  );
  await sql.run(`CREATE TABLE part AS SELECT * FROM numbered WHERE line IN (${[...train].join(", ")})`);
  const texts = new Set(await textColumns(sql, "numbered"));
  const row = (value: (column: string) => string): string =>
    `SELECT ${columns.map((name) => `${value(name)} AS ${quoted(name)}`).join(", ")}`;
  const first = (changed: string, to: string): string =>
    `${row((name) => (name === changed ? to : quoted(name)))} FROM numbered WHERE line = 0`;
  const made = [
    ...columns.map((name) => first(name, "NULL")),
    ...columns.filter((name) => texts.has(name)).map((name) => first(name, literal(unseen))),
    row((name) => (texts.has(name) ? literal(unseen) : "NULL")),
    row(() => "NULL"),
  ];
  const raw = `SELECT ${columns.map(quoted).join(", ")} FROM (SELECT * FROM numbered ORDER BY line)`;
  await sql.run("SET threads = 1");
  await sql.run(`CREATE TABLE asked AS SELECT row_number() OVER () AS line, * FROM (${[raw, ...made].join(" UNION ALL ")})`);
  return made.length;
}

async function textColumns(sql: DuckDBConnection, table: string): Promise<string[]> {
  const rows = await rowsOf(sql, `SELECT column_name FROM (DESCRIBE ${table}) WHERE column_type = 'VARCHAR'`);
  return rows.map(([name]) => name as string);
}

/** By SQL alone: standardised numbers, indicators of what was missing in training, a column per category seen there. */
async function designMatrix(sql: DuckDBConnection): Promise<Map<string, Float64Array>> {
  const texts = new Set(await textColumns(sql, "asked"));
  const names = (await rowsOf(sql, "SELECT column_name FROM (DESCRIBE asked)")).map(([name]) => name as string).slice(1);
  const columns = new Map<string, Float64Array>();
  const add = async (label: string, expression: string): Promise<void> => {
    const rows = await rowsOf(sql, `SELECT (${expression})::DOUBLE FROM asked ORDER BY line`);
    columns.set(
      label,
      Float64Array.from(rows, ([value]) => value as number),
    );
  };
  for (const name of names) {
    const column = quoted(name);
    const missing = (await rowsOf(sql, `SELECT count(*) - count(${column}) FROM part`))[0]![0] as bigint;
    if (missing > 0n) await add(`${name} is missing`, `(${column} IS NULL)::INT`);
    if (texts.has(name)) {
      for (const [value] of await rowsOf(sql, `SELECT DISTINCT ${column} FROM part WHERE ${column} IS NOT NULL`))
        await add(`${name} = ${value as string}`, `(${column} IS NOT DISTINCT FROM ${literal(value as string)})::INT`);
    } else {
      const of = (what: string): string => `(SELECT ${what}(${column}) FROM part)`;
      await add(name, `coalesce((${column} - ${of("avg")}) / ${of("stddev_pop")}, 0)`);
    }
  }
  return columns;
}

/** What the network says in float64 of a design matrix. */
function inFloat64({ network, loss, plan, theta }: Model, columns: ReadonlyMap<string, Float64Array>): Float64Array {
  const [own, theirs] = [plan.features, [...columns.keys()]].map((names) => names.toSorted().join("\n"));
  if (own !== theirs) throw new Error(`the inputs by SQL are not those of the plan:\n${theirs}\nin place of\n${own}`);
  const [rows, width] = [columns.get(plan.features[0]!)!.length, plan.features.length];
  const matrix = new Float64Array(rows * width);
  plan.features.forEach((name, j) => columns.get(name)!.forEach((value, i) => (matrix[i * width + j] = value)));
  const built = buildNetwork(network, input("x", "float32", ["batch", width]), parameterInput);
  const y = activationByName(lossOf(loss).prediction).apply(built.output);
  const views = Object.entries(parameterViews(layoutParameters(network, [width]), theta));
  const weights = views.map(
    ([name, { shape, data }]) => [name, { dtype: "float32", shape, data: Float64Array.from(data as Float32Array) }] as const,
  );
  const feeds = { x: { dtype: "float32", shape: [rows, width], data: matrix }, ...Object.fromEntries(weights) } as const;
  return evaluateGraph(graph({ outputs: { y: ops.Identity(y) } }), feeds)["y"]!.data as Float64Array;
}

/** The model's file in the runtime itself, fed with raw columns. */
async function inRuntime(model: Model, sql: DuckDBConnection): Promise<ort.InferenceSession.OnnxValueMapType> {
  const session = await ort.InferenceSession.create(writeModel(modelGraph(model)));
  const feeds: Record<string, ort.Tensor> = {};
  for (const metadata of session.inputMetadata) {
    const { name } = metadata;
    const text = metadata.isTensor && metadata.type === "string";
    const values = (await rowsOf(sql, `SELECT ${quoted(name)}${text ? "" : "::DOUBLE"} FROM asked ORDER BY line`)).map(([value]) => value);
    const shape = [values.length, 1];
    feeds[name] = text
      ? new ort.Tensor(
          values.map((value) => (value ?? "") as string),
          shape,
        )
      : new ort.Tensor(
          Float32Array.from(values, (value) => (value === null ? NaN : (value as number))),
          shape,
        );
  }
  const results = await session.run(feeds);
  await session.release();
  return results;
}
