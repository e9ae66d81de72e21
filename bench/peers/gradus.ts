/** This project's own training engine behind the benchmark's protocol, from the sources. */
import { createInterface } from "node:readline";
import { executor } from "../../src/exec/onnxruntime-node.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { mlp } from "../../src/nn/network.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { initializeParameters, layoutParameters } from "../../src/nn/parameters.ts";
import { optimizerByName } from "../../src/optim/optimizers/index.ts";
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

async function prepare({ layers, batch, optimizer: name, rows }: SpeedCase, { threads, form }: Options): Promise<Trainer> {
  const classes = layers.at(-1)!;
  const random = rng(1, "benchmark");
  const features = Float32Array.from({ length: rows * layers[0]! }, () => random.normal());
  const targets = new Float32Array(rows * classes);
  for (let row = 0; row < rows; row++) targets[row * classes + random.integer(classes)] = 1;

  const problem = {
    network: mlp({ layers: layers.slice(1, -1), outputs: classes }),
    loss: losses.categoricalCrossEntropy,
    inputShape: [layers[0]!],
    outputs: classes,
  };
  const layout = layoutParameters(problem.network, problem.inputShape);
  const data = { features: tensor("float32", features, [rows, layers[0]!]), targets: tensor("float32", targets, [rows, classes]) };
  const stepper = await createStepper({
    problem,
    layout,
    optimizer: optimizerByName(name),
    data,
    batch,
    executor,
    threads,
    ...(form ? { form } : {}),
  });
  initializeParameters(layout, stepper.theta, 1);

  let order = rng(1, "shuffle", 0).permutation(rows);
  let [at, step, epoch] = [0, 1, 0];
  const rate = name === "sgd" ? 0.01 : 1e-3;
  const learningRate = (): number => rate;
  return {
    parameters: layout.size,
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

async function block(trainer: Trainer, { steps, warm }: { steps: number; warm: number }) {
  await trainer.steps(warm);
  const start = performance.now();
  const loss = await trainer.steps(steps);
  return { seconds: (performance.now() - start) / 1000, loss };
}

let trainer: Trainer | undefined;
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  if (request.cmd === "quit") break;
  let reply: object;
  try {
    if (request.cmd === "versions") reply = { versions: await versions() };
    else if (request.cmd === "prepare") {
      trainer = await prepare(request.case, request);
      reply = { ready: true, parameters: trainer.parameters };
    } else reply = await block(trainer!, request);
  } catch (error) {
    reply = { error: (error as Error).stack };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
process.exit(0);
