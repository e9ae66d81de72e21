/**
 * Gradient checks of ours, one JSON line in, one out: {"network": "dense" | "gelu" | "cnn", "mode": "full" | "fast", "examples": n}. What
 * is timed begins with the building of the graph and ends with the sessions' release; weights and rows lie ready.
 */
import { createInterface } from "node:readline";
import { checkGradient } from "../../src/check/gradient-check.ts";
import { problemLoss } from "../../src/check/subject.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { activation } from "../../src/nn/layers/activation.ts";
import { conv } from "../../src/nn/layers/conv.ts";
import { dense } from "../../src/nn/layers/dense.ts";
import { flatten } from "../../src/nn/layers/flatten.ts";
import { maxPool } from "../../src/nn/layers/pool.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { mlp, sequential, type Network } from "../../src/nn/network.ts";
import { initializeParameters } from "../../src/nn/parameters.ts";
import { layoutOf, type Problem } from "../../src/train/step-graph.ts";
import { rng } from "../../src/util/rng.ts";

const outputs = 10;

const networks: Readonly<Record<string, { readonly network: Network; readonly inputShape: readonly number[] }>> = {
  dense: { network: mlp({ layers: [120, 40], outputs, activation: "tanh" }), inputShape: [784] },
  gelu: { network: mlp({ layers: [120, 40], outputs, activation: "gelu" }), inputShape: [784] },
  cnn: {
    network: sequential([
      ...[conv(8), activation("relu"), maxPool(), conv(16), activation("relu"), maxPool()],
      ...[flatten(), dense(24), activation("relu"), dense(outputs)],
    ]),
    inputShape: [1, 28, 28],
  },
};

/** A network's loss at its initial weights, on rows of noise. */
function point({ network, inputShape }: (typeof networks)[string], rows: number) {
  const problem: Problem = { network, loss: losses.categoricalCrossEntropy, inputShape, outputs };
  const layout = layoutOf(problem);
  const theta = new Float32Array(layout.size);
  initializeParameters(layout, theta, 1);
  const width = inputShape.reduce((a, b) => a * b, 1);
  const targets = new Float32Array(rows * outputs);
  for (let row = 0; row < rows; row++) targets[row * outputs + (row % outputs)] = 1;
  const data = {
    features: tensor("float32", rng(1, "rows").fillUniform(new Float32Array(rows * width)), [rows, ...inputShape]),
    targets: tensor("float32", targets, [rows, outputs]),
  };
  return { problem, layout, theta, data, part: "data" } as const;
}

async function check(name: string, mode: "full" | "fast", examples: number) {
  const at = point(networks[name]!, examples);
  const start = performance.now();
  const { passed, tensors } = await checkGradient(problemLoss(at), { mode, coordinates: Infinity });
  const seconds = (performance.now() - start) / 1000;
  const compared = tensors.every(({ coordinates, kinks, size }) => coordinates + kinks === size);
  if (mode === "full" && !compared) throw new Error("not every coordinate was compared");
  return { seconds, passed, parameters: at.layout.size };
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as { cmd?: string; network: string; mode: "full" | "fast"; examples: number };
  if (request.cmd === "quit") break;
  const reply = await check(request.network, request.mode, request.examples).catch((error: unknown) => ({ error: String(error) }));
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
