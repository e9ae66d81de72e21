/** What a run exports, judged from outside: plain onnxruntime-node on raw rows against SQL preprocessing and a float64 network; the checker. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { DuckDBInstance } from "@duckdb/node-api";
import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { evaluateGraph, toNdArray } from "../../src/exec/reference.ts";
import { graph, input } from "../../src/ir/graph.ts";
import { activationByName } from "../../src/nn/activation.ts";
import { lossByName, type LossName } from "../../src/nn/losses/index.ts";
import { buildNetwork, type Network } from "../../src/nn/network.ts";
import { parameterInput } from "../../src/nn/parameters.ts";
import { readSafetensors } from "../../src/nn/safetensors.ts";
import { needs, pythonWith } from "../support/require.ts";
import { file, gradusJson, workFolder } from "./support.ts";

workFolder();

const numbers = ["width", "height", "year"] as const;
const texts = ["kind", "place"] as const;

/** 400 rows with gaps in a number and a category; `kind` of the last rows was never seen in training, `width` and `place` are missing there. */
function writeData(): void {
  const lines = ["width,height,year,kind,place,label,three,amount"];
  for (let i = 0; i < 400; i++) {
    const [width, height] = [20 + 4 * Math.sin(i * 1.7), 1e-3 * Math.cos(i * 2.3)];
    const kind = ["red", "green", "deep blue", "it's"][i % 4]!;
    const sum = Math.sin(i * 1.7) + Math.cos(i * 2.3) + (i % 4 === 0 ? 0.5 : 0);
    const three = sum > 0.7 ? "high" : sum > -0.7 ? "mid" : "low";
    const cells = [i % 11 === 3 ? "" : width.toFixed(5), height.toFixed(8), 1990 + (i % 30), kind, i % 7 === 2 ? "" : `p${i % 3}`];
    lines.push([...cells, sum > 0.1 ? "yes" : "no", three, Math.exp(1 + sum).toFixed(5)].join(","));
  }
  file("data.csv", `${lines.join("\n")}\n`);
  file(
    "new.csv",
    `${numbers.join()},${texts.join()}\n21.5,0.0004,2001,violet,p1\n,0.0001,1995,red,\n12,0.0019,2030,,p9\n19.25,-0.0007,2010,it's,p2\n`,
  );
}
writeData();

interface Description {
  readonly network: Network;
  readonly loss: LossName;
  readonly plan: {
    readonly features: readonly string[];
    readonly target: { kind: "classes"; classes: string[] } | { kind: "amount"; log: boolean; name: string };
  };
}

/** The design matrix of new.csv from nothing but SQL over the training rows; the plan gives the order of its columns. */
async function designBySql(run: string, { plan }: Description) {
  const { parts } = JSON.parse(readFileSync(`${run}/split.json`, "utf8")) as { parts: string };
  const rows = [...parts].flatMap((part, row) => (part === "r" ? [row] : []));
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const read = (name: string, also: string) =>
    `SELECT row_number() OVER () - 1 AS row, ${numbers.map((c) => `${c}::DOUBLE AS ${c}`).join()}, ${texts.join()}${also} FROM read_csv('${name}', header = true, all_varchar = true)`;
  await connection.run(
    `CREATE TABLE train AS SELECT * FROM (${read("data.csv", ", amount::DOUBLE AS amount")}) WHERE row IN (${rows.join()})`,
  );
  await connection.run(`CREATE TABLE fresh AS ${read("new.csv", "")}`);
  const expressions = plan.features.map((feature) => {
    const [column, category] = feature.split(" = ") as [string, string?];
    const missing = feature.endsWith(" is missing") ? feature.slice(0, -" is missing".length) : undefined;
    if (missing) return `(fresh.${missing} IS NULL)::INT::DOUBLE`;
    if (category !== undefined) return `coalesce(fresh.${column} = '${category.replaceAll("'", "''")}', false)::INT::DOUBLE`;
    return `coalesce((fresh.${column} - (SELECT avg(${column}) FROM train)) / (SELECT stddev_pop(${column}) FROM train), 0)::DOUBLE`;
  });
  const matrix = (await connection.runAndReadAll(`SELECT ${expressions.join()} FROM fresh ORDER BY row`)).getRows() as number[][];
  const moments = (
    await connection.runAndReadAll("SELECT avg(amount), stddev_pop(amount), avg(ln(amount)), stddev_pop(ln(amount)) FROM train")
  ).getRows()[0] as number[];
  return { matrix, moments };
}

/** The network in float64 on that matrix. */
async function predictIndependently(run: string) {
  const description = JSON.parse(readFileSync(`${run}/model.json`, "utf8")) as Description;
  const { matrix, moments } = await designBySql(run, description);
  const x = input("x", "float32", ["batch", description.plan.features.length]);
  const built = buildNetwork(description.network, x, parameterInput);
  const output = activationByName(lossByName(description.loss).prediction).apply(built.output);
  const { tensors } = readSafetensors(readFileSync(`${run}/model.safetensors`));
  const feeds = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, toNdArray(tensor)]));
  const shape = [matrix.length, description.plan.features.length];
  const results = evaluateGraph(graph({ outputs: { output } }), {
    ...feeds,
    x: { dtype: "float32", shape, data: Float64Array.from(matrix.flat()) },
  });
  const values = [...(results["output"]!.data as Float64Array)];
  const { target } = description.plan;
  if (target.kind === "classes") return target.classes.length === 2 ? values.flatMap((p) => [1 - p, p]) : values;
  const [mean, deviation, logMean, logDeviation] = moments as [number, number, number, number];
  return values.map((z) => (target.log ? Math.exp(z * logDeviation + logMean) : z * deviation + mean));
}

/** new.csv as raw inputs, by hand, into the runtime as anyone has it. */
async function runPlainly(run: string) {
  const session = await ort.InferenceSession.create(`${run}/model.onnx`);
  const rows = readFileSync("new.csv", "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(","));
  const feeds = Object.fromEntries(
    session.inputNames.map((name) => {
      const cells = rows.map((row) => row[[...numbers, ...texts].indexOf(name as "width")]!);
      const numeric = (numbers as readonly string[]).includes(name);
      const data = numeric ? Float32Array.from(cells, (cell) => (cell === "" ? NaN : Number(cell))) : cells;
      return [
        name,
        numeric
          ? new ort.Tensor("float32", data as Float32Array, [rows.length, 1])
          : new ort.Tensor("string", data as string[], [rows.length, 1]),
      ];
    }),
  );
  return session.run(feeds);
}

const cases = [
  { run: "two", argv: ["--target", "label", "--drop", "three,amount"], output: "probabilities" },
  { run: "three", argv: ["--target", "three", "--drop", "label,amount", "--activation", "tanh"], output: "probabilities" },
  { run: "amount", argv: ["--target", "amount", "--drop", "label,three", "--activation", "gelu"], output: "prediction" },
  { run: "log", argv: ["--target", "amount", "--drop", "label,three", "--target-transform", "log"], output: "prediction" },
] as const;

test.each(cases)(
  "model.onnx of a $run run agrees with SQL and float64, unseen category and missing values included",
  async ({ run, argv, output }) => {
    const { status } = await gradusJson(["train", "data.csv", ...argv, "--epochs", "25", "--out", run]);
    expect(status).toBe(0);
    const found = await runPlainly(run);
    const expected = await predictIndependently(run);
    const values = found[output]!.data as Float32Array;
    expect(values).toHaveLength(expected.length);
    for (const [i, value] of expected.entries()) expect(Math.abs(values[i]! - value)).toBeLessThan(1e-5 * Math.max(1, Math.abs(value)));
    if (output === "probabilities") {
      const { plan } = JSON.parse(readFileSync(`${run}/model.json`, "utf8")) as Description;
      const classes = plan.target.kind === "classes" ? plan.target.classes : [];
      const likeliest = found["prediction"]!.data as unknown as string[];
      for (const [row, name] of likeliest.entries()) {
        const shares = [...values.subarray(row * classes.length, (row + 1) * classes.length)];
        expect(name).toBe(classes[shares.indexOf(Math.max(...shares))]);
      }
    }
  },
);

const python = pythonWith("onnx");

needs(
  "Python's onnx",
  python !== undefined,
  "apt-get install python3-onnx, or set PYTHON to one that has it",
)("exported models pass the official checker", () => {
  const script = "import sys, onnx\nfor path in sys.argv[1:]: onnx.checker.check_model(onnx.load(path), full_check=True)";
  execFileSync(python!, ["-c", script, ...cases.map(({ run }) => `${run}/model.onnx`)], { stdio: "pipe" });
});
