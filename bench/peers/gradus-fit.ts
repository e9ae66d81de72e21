/** This project's own training for the accuracy benchmark: splits, writes the rows for the others, fits, scores the test part. */
import { mkdir, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { readTable } from "../../src/data/read-table.ts";
import type { Table } from "../../src/data/table.ts";
import { executor } from "../../src/exec/onnxruntime-node.ts";
import type { Dataset } from "../../src/train/dataset.ts";
import { createEvaluator } from "../../src/train/evaluate.ts";
import { countWrong } from "../../src/train/events.ts";
import { mlp } from "../../src/train/model-choice.ts";
import { fitTable, splitTable, type FittedTable, type TableParts } from "../../src/train/fit-table.ts";
import { prepareDatasets } from "../../src/train/prepare.ts";
import { hiddenLayers, type AccuracyCase } from "../accuracy-cases.ts";
import { idxTable } from "../idx.ts";
import { versions } from "./gradus-versions.ts";

interface FitRequest {
  readonly seed: number;
  readonly epochs: number;
  /** Where to write the rows. */
  readonly folder: string;
}

let table: Table;
let accuracyCase: AccuracyCase;

async function load(data: string): Promise<void> {
  const { path, target, splitColumn } = accuracyCase;
  table = path.endsWith(".csv")
    ? await readTable(`${data}/${path}`, { target, ...(splitColumn === undefined ? {} : { splitColumn }) })
    : await idxTable(`${data}/${path}`);
}

async function fit({ seed, epochs, folder }: FitRequest) {
  const parts = splitTable(table, { seed });
  const times: number[] = [];
  let ended = 0;
  const fitted = await fitTable(mlp({ layers: hiddenLayers }), parts, {
    seed,
    epochs,
    executor,
    ...(accuracyCase.log ? { targetTransform: "log" } : {}),
    onEvent(event) {
      if (event.type === "start" || event.type === "epoch") times.push(performance.now());
      if (event.type === "stage") ended = performance.now();
    },
  });
  const [train, validation, test] = await prepareDatasets(table, [parts.train, parts.validation, parts.test], fitted.plan, executor);
  await writeRows(folder, parts, [train!, validation!, test!]);
  // The last stage begins as the fit ends.
  const started = ended - 1000 * fitted.fitSeconds;
  const spread = variance(validation!.targets.data as Float32Array);
  const score = (error: number): number => (fitted.task === "classification" ? 1 - error : 1 - error ** 2 / spread);
  const kept = fitted.history.find(({ epoch }) => epoch === fitted.epochs.best)!;
  return {
    task: fitted.task,
    validation: score(kept.validation!.error),
    test: await testScore(fitted, test!),
    seconds: fitted.fitSeconds,
    epochs: fitted.epochs.run,
    curve: fitted.history.map(({ validation: figures }, i) => [(times[i]! - started) / 1000, score(figures!.error)]),
    parameters: fitted.parameters,
    rows: fitted.rows,
  };
}

/** Accuracy, or R² on the scale that was trained on. */
async function testScore({ problem, layout, theta, task }: FittedTable, test: Dataset): Promise<number> {
  const evaluator = await createEvaluator(problem, layout, executor);
  const { prediction } = await evaluator.evaluate(theta, test);
  await evaluator.dispose();
  const targets = test.targets.data as Float32Array;
  const n = test.targets.shape[0]!;
  if (task === "classification") return 1 - countWrong(prediction, targets, problem.outputs) / n;
  const squares = targets.reduce((sum, target, i) => sum + (target - prediction[i]!) ** 2, 0);
  return 1 - squares / n / variance(targets);
}

function variance(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
}

/** The design matrix of all three parts one after the other, and what each row of it is to be. */
async function writeRows(folder: string, parts: TableParts, datasets: readonly Dataset[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  const width = datasets[0]!.features.shape[1]!;
  const counts = datasets.map(({ targets }) => targets.shape[0]!);
  const rows = counts.reduce((a, b) => a + b, 0);
  const x = new Float32Array(rows * width);
  const column = table.target!.column;
  const y = column.kind === "categorical" ? new Int32Array(rows) : new Float32Array(rows);
  const numbers: number[][] = [];
  const source = [parts.train, parts.validation, parts.test];
  let at = 0;
  datasets.forEach(({ features, targets }, part) => {
    x.set(features.data as Float32Array, at * width);
    if (column.kind === "categorical") source[part]!.forEach((row, i) => (y[at + i] = column.codes[row]!));
    else y.set(targets.data as Float32Array, at);
    numbers.push(Array.from({ length: counts[part]! }, (_, i) => at + i));
    at += counts[part]!;
  });
  const [train, validation, test] = numbers;
  await writeFile(`${folder}/x.f32`, x);
  await writeFile(`${folder}/y.${column.kind === "categorical" ? "i32" : "f32"}`, y);
  await writeFile(`${folder}/parts.json`, JSON.stringify({ rows, width, train, validation, test }));
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  if (request.cmd === "quit") break;
  let reply: object;
  try {
    if (request.cmd === "prepare") {
      accuracyCase = request.case;
      await load(request.data);
      reply = { versions: await versions() };
    } else reply = await fit(request);
  } catch (error) {
    reply = { error: (error as Error).stack };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
process.exit(0);
