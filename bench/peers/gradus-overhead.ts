/**
 * One training of ours, an epoch at a request: {"cmd": "open", "case", "side", "epochs", "folder", "every"} begins one with or without what is asked
 * about, {"cmd": "epoch"} goes on to the end of the next epoch and answers with its seconds.
 */
import { createInterface } from "node:readline";
import { executor } from "../../src/exec/onnxruntime-node.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { architectures } from "../../src/nn/architectures/index.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { mlp } from "../../src/nn/network.ts";
import { optimizerByName } from "../../src/optim/optimizers/index.ts";
import { scheduleByName } from "../../src/optim/schedules/index.ts";
import { checkpointWriter } from "../../src/store/checkpoints.ts";
import type { Dataset } from "../../src/train/dataset.ts";
import type { TrainingEvent, TrainingResult } from "../../src/train/events.ts";
import { train } from "../../src/train/fit.ts";
import { watchHealth } from "../../src/train/health.ts";
import type { Problem } from "../../src/train/step-graph.ts";
import { rng } from "../../src/util/rng.ts";
import type { OverheadCase, OverheadSide } from "../overhead.ts";
import { versions } from "./gradus-versions.ts";

const outputs = 10;

/** Noise about the mean of each class. */
function rowsOf(count: number, inputShape: readonly number[], seed: number): Dataset {
  const width = inputShape.reduce((a, b) => a * b, 1);
  const means = new Float32Array(outputs * width);
  rng(1, "means").fillNormal(means);
  const features = new Float32Array(count * width);
  const random = rng(seed, "rows");
  random.fillNormal(features);
  const targets = new Float32Array(count * outputs);
  for (let row = 0; row < count; row++) {
    const label = random.integer(outputs);
    targets[row * outputs + label] = 1;
    for (let k = 0; k < width; k++) features[row * width + k]! += 0.1 * means[label * width + k]!;
  }
  return { features: tensor("float32", features, [count, ...inputShape]), targets: tensor("float32", targets, [count, outputs]) };
}

interface OpenRequest {
  readonly case: OverheadCase;
  readonly side: OverheadSide;
  readonly epochs: number;
  readonly folder: string;
  /** Seconds between checkpoints. */
  readonly every: number;
}

let training: AsyncGenerator<TrainingEvent, TrainingResult>;

function open({ case: { layers, architecture, batch, steps }, side, epochs, folder, every }: OpenRequest): void {
  const inputShape = architecture?.inputShape ?? [layers[0]!];
  const network = architecture
    ? architectures[architecture.name].build({ inputShape, outputs }, { layers: architecture.layers })
    : mlp({ layers: layers.slice(1, -1), outputs });
  const problem: Problem = { network, loss: losses.categoricalCrossEntropy, inputShape, outputs };
  const data = { train: rowsOf(steps * batch, inputShape, 1), validation: rowsOf(1000, inputShape, 2) };
  training = train(problem, data, {
    optimizer: optimizerByName("adamw"),
    learningRate: 0.001,
    schedule: scheduleByName("cosine"),
    epochs,
    batchSize: batch,
    seed: 1,
    executor,
    ...(side === "monitors" ? { observe: watchHealth() } : {}),
    ...(side === "checkpoints" ? { checkpoint: checkpointWriter(folder, { every }).checkpoint } : {}),
  });
}

async function epoch(): Promise<{ readonly seconds: number }> {
  const began = performance.now();
  for (;;) {
    const { value, done } = await training.next();
    if (done || value.type === "epoch") return { seconds: (performance.now() - began) / 1000 };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  if (request.cmd === "quit") break;
  let reply: object;
  try {
    if (request.cmd === "open") {
      open(request);
      reply = { versions: await versions() };
    } else reply = await epoch();
  } catch (error) {
    reply = { error: (error as Error).stack };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
process.exit(0);
