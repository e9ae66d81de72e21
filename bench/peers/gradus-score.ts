/** This project's own training until a network reaches a score, behind the benchmark's protocol: the loop itself on rows in memory. */
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { executor } from "../../src/exec/onnxruntime-node.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { mlp } from "../../src/nn/network.ts";
import { defaultOptimizer, optimizerByName, optimizers } from "../../src/optim/optimizers/index.ts";
import { scheduleByName } from "../../src/optim/schedules/index.ts";
import { rowsOf, sliceDataset, type Dataset } from "../../src/train/dataset.ts";
import { defaultBatchSize } from "../../src/train/batch-size.ts";
import { train, type FitOptions } from "../../src/train/fit.ts";
import type { Problem } from "../../src/train/step-graph.ts";
import { versions } from "./gradus-versions.ts";

interface Request {
  readonly folder: string;
  readonly layers: readonly number[];
  /** The default where left out. */
  readonly batch?: number;
  /** As measured by a probe where left out. */
  readonly threads?: number;
}

interface Rows {
  readonly train: Dataset;
  readonly validation: Dataset;
}

function problemOf({ layers }: Request): Problem {
  const outputs = layers.at(-1)!;
  return {
    network: mlp({ layers: layers.slice(1, -1), outputs }),
    loss: losses.categoricalCrossEntropy,
    inputShape: [layers[0]!],
    outputs,
  };
}

/** What a training has where nothing is said. */
function optionsOf({ batch, threads }: Request, rows: number, epochs: number): FitOptions {
  return {
    optimizer: optimizerByName(defaultOptimizer),
    learningRate: optimizers[defaultOptimizer].learningRate,
    schedule: scheduleByName("cosine"),
    epochs,
    batchSize: batch ?? defaultBatchSize(rows),
    seed: 1,
    executor,
    ...(threads ? { threads } : {}),
  };
}

/** An epoch over the first rows, its end included. */
async function trial(request: Request & { readonly rows: number }, rows: Rows) {
  const few = sliceDataset(rows.train, 0, Math.min(request.rows, rowsOf(rows.train)));
  const times: number[] = [];
  for await (const { type } of train(problemOf(request), { train: few }, optionsOf(request, rowsOf(rows.train), 2)))
    if (type === "epoch") times.push(performance.now());
  return { seconds: (times[1]! - times[0]!) / 1000 };
}

async function score(
  request: Request & { readonly seed: number; readonly score: number; readonly limit: number; readonly epochs: number },
  rows: Rows,
) {
  const { seed, limit, score: wanted } = request;
  const start = performance.now();
  const options = { ...optionsOf(request, rowsOf(rows.train), request.epochs), seed };
  let [epochs, best] = [0, 0];
  for await (const event of train(problemOf(request), rows, options)) {
    const seconds = (performance.now() - start) / 1000;
    if (event.type === "epoch") {
      epochs = event.figures.epoch;
      best = Math.max(best, 1 - event.figures.validation!.error);
    }
    if (seconds >= limit) break;
    if (best >= wanted) return { seconds, reached: true, epochs, best };
  }
  return { seconds: limit, reached: false, epochs, best };
}

/** `x.f32`, `y.i32`, and `parts.json` {train, validation}, the count of each, one after the other. */
async function storedRows({ folder, layers }: Request): Promise<Rows> {
  const read = async (name: string) => new Uint8Array(await readFile(`${folder}/${name}`)).buffer;
  const parts = JSON.parse(await readFile(`${folder}/parts.json`, "utf8")) as { train: number; validation: number };
  const [x, y] = [new Float32Array(await read("x.f32")), new Int32Array(await read("y.i32"))];
  const classes = layers.at(-1)!;
  const targets = new Float32Array(y.length * classes);
  y.forEach((label, row) => (targets[row * classes + label] = 1));
  const whole: Dataset = {
    features: tensor("float32", x, [y.length, layers[0]!]),
    targets: tensor("float32", targets, [y.length, classes]),
  };
  return { train: sliceDataset(whole, 0, parts.train), validation: sliceDataset(whole, parts.train, y.length) };
}

let rows: Rows | undefined;
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  if (request.cmd === "quit") break;
  let reply: object;
  try {
    if (request.cmd === "versions") reply = { versions: await versions() };
    else {
      rows ??= await storedRows(request);
      reply = await (request.cmd === "trial" ? trial : score)(request, rows);
    }
  } catch (error) {
    reply = { error: (error as Error).stack };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
process.exit(0);
