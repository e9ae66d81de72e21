/** This project's own training engine behind the benchmark's protocol, from the sources. */
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { executor } from "../../src/exec/onnxruntime-node.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { architectureByName } from "../../src/nn/architectures/index.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { initializeParameters } from "../../src/nn/parameters.ts";
import { optimizerByName } from "../../src/optim/optimizers/index.ts";
import { scheduleByName } from "../../src/optim/schedules/index.ts";
import { sliceRows, type Dataset } from "../../src/train/dataset.ts";
import { fit } from "../../src/train/fit.ts";
import { layoutOf, type Problem } from "../../src/train/step-graph.ts";
import { createStepper } from "../../src/train/stepper.ts";
import { rng } from "../../src/util/rng.ts";
import type { SpeedCase } from "../cases.ts";
import { versions } from "./gradus-versions.ts";

interface Trainer {
  readonly parameters: number;
  /** Takes steps and returns the last one's loss; every step's loss comes back to the host. */
  steps(count: number): Promise<number>;
}

interface Options {
  readonly threads: number;
  /** The stepper's own choice where left out. */
  readonly form?: "scan" | "fused";
}

interface TrainingRequest {
  readonly case: SpeedCase;
  readonly epochs: number;
  readonly folder: string;
  readonly threads: number;
}

function problemOf({ layers, architecture, regularized }: Pick<SpeedCase, "layers" | "architecture" | "regularized">): Problem {
  const outputs = layers.at(-1)!;
  const inputShape = architecture?.inputShape ?? [layers[0]!];
  const keepProbability = regularized?.keepProbability ?? 1;
  const { name, layers: units } = architecture ?? { name: "mlp", layers: layers.slice(1, -1) };
  const network = architectureByName(name).build({ inputShape, outputs }, { layers: units, keepProbability });
  return { network, loss: losses.categoricalCrossEntropy, inputShape, outputs };
}

async function prepare(speedCase: SpeedCase, { threads, form }: Options): Promise<Trainer> {
  const { layers, batch, optimizer: name, rows, regularized } = speedCase;
  const classes = layers.at(-1)!;
  const random = rng(1, "benchmark");
  const features = Float32Array.from({ length: rows * layers[0]! }, () => random.normal());
  const targets = new Float32Array(rows * classes);
  for (let row = 0; row < rows; row++) targets[row * classes + random.integer(classes)] = 1;

  const problem = problemOf(speedCase);
  const layout = layoutOf(problem);
  const data = {
    features: tensor("float32", features, [rows, ...problem.inputShape]),
    targets: tensor("float32", targets, [rows, classes]),
  };
  const stepper = await createStepper({
    problem,
    layout,
    optimizer: optimizerByName(name),
    data,
    batch,
    executor,
    threads,
    ...(form ? { form } : {}),
    ...(regularized ? { regularizer: { l2: regularized.l2 } } : {}),
  });
  initializeParameters(layout, stepper.theta, 1);

  let order = rng(1, "shuffle", 0).permutation(rows);
  let [at, step, epoch] = [0, 1, 0];
  const rate = name === "sgd" ? 0.01 : 1e-3;
  const learningRate = (): number => rate;
  return {
    parameters: layout.trainable,
    async steps(count) {
      let loss = 0;
      while (count > 0) {
        if (at + batch > rows) [order, at] = [rng(1, "shuffle", ++epoch).permutation(rows), 0];
        const taken = Math.min(count, stepper.stepsPerCall, Math.floor((rows - at) / batch));
        const found = await stepper.run(order.subarray(at, at + taken * batch), batch, step, learningRate);
        loss = found[found.length - 1]!;
        at += taken * batch;
        step += taken;
        count -= taken;
      }
      return loss;
    },
  };
}

/** A whole training through the training loop itself, on the rows of a folder. */
async function training({ case: trainingCase, epochs, folder, threads }: TrainingRequest) {
  const { layers, batch, optimizer } = trainingCase;
  rowsOfTraining ??= await storedRows(folder, layers.at(-1)!);
  const start = performance.now();
  const problem = problemOf(trainingCase);
  const options = {
    optimizer: optimizerByName(optimizer),
    learningRate: 1e-3,
    schedule: scheduleByName("constant"),
    epochs,
    batchSize: batch,
  };
  const { history, layout } = await fit(problem, rowsOfTraining, { ...options, seed: ++trainings, executor, threads });
  const seconds = (performance.now() - start) / 1000;
  return { seconds, accuracy: 1 - history.at(-1)!.validation!.error, parameters: layout.size };
}

/** `x.f32`, `y.i32`, and `parts.json` {train, validation}: the count of each, one after the other. */
async function storedRows(folder: string, classes: number): Promise<{ train: Dataset; validation: Dataset }> {
  const read = async (name: string) => new Uint8Array(await readFile(`${folder}/${name}`)).buffer;
  const { train, validation } = JSON.parse(await readFile(`${folder}/parts.json`, "utf8")) as { train: number; validation: number };
  const [x, y] = [new Float32Array(await read("x.f32")), new Int32Array(await read("y.i32"))];
  const targets = new Float32Array(y.length * classes);
  y.forEach((label, row) => (targets[row * classes + label] = 1));
  const whole = {
    features: tensor("float32", x, [y.length, x.length / y.length]),
    targets: tensor("float32", targets, [y.length, classes]),
  };
  const part = (from: number, to: number): Dataset => ({
    features: sliceRows(whole.features, from, to),
    targets: sliceRows(whole.targets, from, to),
  });
  return { train: part(0, train), validation: part(train, train + validation) };
}

async function block(trainer: Trainer, { steps, warm }: { steps: number; warm: number }) {
  await trainer.steps(warm);
  const start = performance.now();
  const loss = await trainer.steps(steps);
  return { seconds: (performance.now() - start) / 1000, loss };
}

let trainer: Trainer | undefined;
let rowsOfTraining: { train: Dataset; validation: Dataset } | undefined;
let trainings = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  if (request.cmd === "quit") break;
  let reply: object;
  try {
    if (request.cmd === "versions") reply = { versions: await versions() };
    else if (request.cmd === "prepare") {
      trainer = await prepare(request.case, request);
      reply = { ready: true, parameters: trainer.parameters };
    } else if (request.cmd === "train") reply = await training(request);
    else reply = await block(trainer!, request);
  } catch (error) {
    reply = { error: (error as Error).stack };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
process.exit(0);
