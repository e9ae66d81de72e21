/** The exported model on raw rows, in plain ONNX Runtime, against preprocessing recomputed in SQL and the float64 interpreter. */
import { DuckDBInstance, type DuckDBConnection } from "@duckdb/node-api";
import * as ort from "onnxruntime-node";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { evaluateGraph } from "../../src/exec/reference.ts";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { fit, mlp, modelGraph, readTable, split, writeModel, type Model } from "../../src/index.ts";
import { graph, input } from "../../src/ir/graph.ts";
import { activationByName } from "../../src/nn/activation.ts";
import { lossOf } from "../../src/nn/losses/index.ts";
import { buildNetwork } from "../../src/nn/network.ts";
import { layoutParameters, parameterInput, parameterViews } from "../../src/nn/parameters.ts";
import { ops } from "../../src/ops/build.ts";

const penguins = join(import.meta.dirname, "../../examples/penguins.csv");
const numeric = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g", "year"];

// The raw rows asked: from the file, and one of an unseen island with everything else missing.
const strange = "SELECT NULL, 'Atlantis', NULL, NULL, NULL, NULL, NULL, NULL";
const asked = `SELECT species, island, ${numeric.slice(0, 4).join(", ")}, sex, "year" FROM raw UNION ALL ${strange}`;

let sql: DuckDBConnection;
let train: Int32Array;

async function rowsOf(query: string): Promise<unknown[][]> {
  return (await sql.runAndReadAll(query)).getRows() as unknown[][];
}

beforeAll(async () => {
  sql = await (await DuckDBInstance.create()).connect();
  await sql.run(`CREATE TABLE numbered AS SELECT row_number() OVER () - 1 AS line, * FROM read_csv('${penguins}', nullstr = ['', 'NA'])`);
  await sql.run("CREATE VIEW raw AS SELECT * EXCLUDE line FROM numbered ORDER BY line");
});

afterAll(() => sql.closeSync());

async function trained(target: string, options: { task?: "regression" } = {}): Promise<Model> {
  const parts = split(await readTable(penguins, { target, ...options }), { seed: 3 });
  train = parts.train;
  const run = await fit(mlp({ layers: [16, 8] }), parts, { epochs: 8, executor: onnxruntimeNode });
  return { network: run.problem.network, loss: run.problem.loss.name as Model["loss"], plan: run.plan, theta: run.theta };
}

/** The design matrix by SQL alone: standardised numbers, indicators of what was missing in training, one column per category seen there. */
async function designMatrix(numbers: readonly string[], categories: readonly string[]): Promise<Map<string, Float64Array>> {
  await sql.run(`CREATE OR REPLACE TABLE part AS SELECT * FROM numbered WHERE line IN (${[...train].join(", ")})`);
  await sql.run(`CREATE OR REPLACE TABLE asked AS SELECT row_number() OVER () AS line, * FROM (${asked})`);
  const columns = new Map<string, Float64Array>();
  const add = async (name: string, expression: string) => {
    const rows = await rowsOf(`SELECT (${expression})::DOUBLE FROM asked ORDER BY line`);
    columns.set(
      name,
      Float64Array.from(rows, ([value]) => value as number),
    );
  };
  for (const name of numbers) {
    const of = (what: string) => `(SELECT ${what}("${name}") FROM part)`;
    await add(name, `coalesce(("${name}" - ${of("avg")}) / ${of("stddev_pop")}, 0)`);
    const [[missing]] = (await rowsOf(`SELECT count(*) - count("${name}") FROM part`)) as [[bigint]];
    if (missing > 0n) await add(`${name} is missing`, `("${name}" IS NULL)::INT`);
  }
  for (const name of categories) {
    for (const [value] of await rowsOf(`SELECT DISTINCT "${name}" FROM part`)) {
      const label = value === null ? `${name} is missing` : `${name} = ${value as string}`;
      const condition = value === null ? "IS NULL" : `IS NOT DISTINCT FROM '${value as string}'`;
      await add(label, `("${name}" ${condition})::INT`);
    }
  }
  return columns;
}

/** What the network says in float64 of a design matrix. */
function oracle({ network, loss, plan, theta }: Model, columns: Map<string, Float64Array>): Float64Array {
  const [rows, width] = [columns.get(plan.features[0]!)!.length, plan.features.length];
  expect([...columns.keys()].sort()).toEqual([...plan.features].sort());
  const matrix = new Float64Array(rows * width);
  plan.features.forEach((name, j) => columns.get(name)!.forEach((value, i) => (matrix[i * width + j] = value)));
  const layout = layoutParameters(network, [width]);
  const built = buildNetwork(network, input("x", "float32", ["batch", width]), parameterInput);
  const y = activationByName(lossOf(loss).prediction).apply(built.output);
  const views = Object.entries(parameterViews(layout, theta));
  const weights = views.map(
    ([name, { shape, data }]) => [name, { dtype: "float32", shape, data: Float64Array.from(data as Float32Array) }] as const,
  );
  const feeds = { x: { dtype: "float32", shape: [rows, width], data: matrix }, ...Object.fromEntries(weights) } as const;
  return evaluateGraph(graph({ outputs: { y: ops.Identity(y) } }), feeds)["y"]!.data as Float64Array;
}

/** The model file in the runtime itself, fed with raw columns. */
async function exported(model: Model): Promise<ort.InferenceSession.OnnxValueMapType> {
  const session = await ort.InferenceSession.create(writeModel(modelGraph(model)));
  const feeds: Record<string, ort.Tensor> = {};
  for (const metadata of session.inputMetadata) {
    const { name } = metadata;
    const type = metadata.isTensor ? metadata.type : "float32";
    const values = (await rowsOf(`SELECT "${name}" FROM asked ORDER BY line`)).map(([value]) => value);
    feeds[name] =
      type === "string"
        ? new ort.Tensor(
            values.map((value) => (value ?? "") as string),
            [values.length, 1],
          )
        : new ort.Tensor(
            Float32Array.from(values, (value) => (value === null ? NaN : Number(value))),
            [values.length, 1],
          );
  }
  const results = await session.run(feeds);
  await session.release();
  return results;
}

describe("model.onnx on raw rows, an unseen category and missing values among them", () => {
  test("classes: probabilities within 1e-5 of the float64 interpreter, the prediction the likeliest", async () => {
    const model = await trained("species");
    const expected = oracle(model, await designMatrix(numeric, ["island", "sex"]));
    const { probabilities, prediction } = await exported(model);
    const found = probabilities!.data as Float32Array;
    expect(found.length).toBe(345 * 3);
    expect(Math.max(...found.map((p, i) => Math.abs(p - expected[i]!)))).toBeLessThan(1e-5);
    const classes = ["Adelie", "Chinstrap", "Gentoo"];
    (prediction!.data as unknown as string[]).forEach((name, i) => {
      const row = [...found.subarray(3 * i, 3 * i + 3)];
      expect(name).toBe(classes[row.indexOf(Math.max(...row))]);
    });
  });

  test("an amount: the prediction in the target's own unit, within 1e-5 of its deviation", async () => {
    const whole = await trained("year - 2008", { task: "regression" });
    const { mean, deviation } = whole.plan.target as { mean: number; deviation: number };
    const expected = oracle(whole, await designMatrix(numeric.slice(0, 4), ["species", "island", "sex"]));
    const { prediction } = await exported(whole);
    const found = prediction!.data as Float32Array;
    expect(Math.abs(mean)).toBeLessThan(1); // so that float32 holds the amounts far more finely than the tolerance
    found.forEach((value, i) => expect(Math.abs(value - (expected[i]! * deviation + mean)) / deviation).toBeLessThan(1e-5));
  });
});
