/**
 * `node --conditions=gradus-source --import tsx bench/check.ts [--pairs N] [--fast-only]`: the gradient check of a dense network,
 * 784-120-40-10, 99 450 parameters, 32 examples, against `torch.autograd.gradcheck` in float64 at its best thread count;
 * and of a convolutional network of 20 000 parameters. Prints a line each.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { checkGradient } from "../src/check/gradient-check.ts";
import { problemLoss } from "../src/check/subject.ts";
import { tensor } from "../src/ir/tensor.ts";
import { activation } from "../src/nn/layers/activation.ts";
import { conv } from "../src/nn/layers/conv.ts";
import { dense } from "../src/nn/layers/dense.ts";
import { flatten } from "../src/nn/layers/flatten.ts";
import { maxPool } from "../src/nn/layers/pool.ts";
import { losses } from "../src/nn/losses/index.ts";
import { mlp, sequential, type Network } from "../src/nn/network.ts";
import { initializeParameters } from "../src/nn/parameters.ts";
import { layoutOf, type Problem } from "../src/train/step-graph.ts";
import { rng } from "../src/util/rng.ts";
import { startPeer, type Environment } from "./process.ts";
import { findPython } from "./python.ts";
import { median } from "./statistics.ts";

const { values } = parseArgs({ options: { pairs: { type: "string", default: "3" }, "fast-only": { type: "boolean", default: false } } });
const sizes = [784, 120, 40, 10] as const;
const examples = 32;

interface Reply {
  readonly seconds: number;
  readonly passed: boolean;
  readonly parameters: number;
}

/** A network's loss at its initial weights, on rows of noise. */
function lossOf(network: Network, inputShape: readonly number[], rows: number, outputs: number) {
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
  return { spec: problemLoss({ problem, layout, theta, data, part: "data" }), parameters: layout.size };
}

async function ours(network: Network, inputShape: readonly number[], rows: number, mode: "full" | "fast"): Promise<Reply> {
  const start = performance.now();
  const { spec, parameters } = lossOf(network, inputShape, rows, 10);
  const { passed, tensors } = await checkGradient(spec, { mode, coordinates: Infinity });
  const compared = tensors.every(({ coordinates, kinks, size }) => coordinates + kinks === size);
  if (mode === "full" && !compared) throw new Error("not every coordinate was compared");
  return { seconds: (performance.now() - start) / 1000, passed, parameters };
}

const threads: readonly Environment[] = [
  { OPENBLAS_NUM_THREADS: "1", OMP_NUM_THREADS: "1" },
  { OPENBLAS_NUM_THREADS: "2", OMP_NUM_THREADS: "2" },
];

/** The quickest of thread counts, each in a process of its own; fast mode after a first, uncounted call. */
async function theirs(mode: "slow" | "fast"): Promise<Reply> {
  const python = await findPython("torch");
  const script = fileURLToPath(new URL("peers/gradcheck.py", import.meta.url));
  let best: Reply | undefined;
  for (const environment of threads) {
    const peer = startPeer([python, script], environment);
    try {
      const request = { mode, sizes, examples, threads: Number(environment["OMP_NUM_THREADS"]) };
      if (mode === "fast") await peer.request<Reply>(request);
      const reply = await peer.request<Reply>(request);
      if (!best || reply.seconds < best.seconds) best = reply;
    } finally {
      await peer.quit();
    }
  }
  return best!;
}

const dense784 = mlp({ layers: sizes.slice(1, -1), outputs: 10, activation: "tanh" });
const small = sequential([
  ...[conv(8), activation("relu"), maxPool(), conv(16), activation("relu"), maxPool()],
  ...[flatten(), dense(24), activation("relu"), dense(10)],
]);

const say = (name: string, times: readonly Reply[], peer?: readonly Reply[]) => {
  const seconds = median(times.map((one) => one.seconds));
  const other = peer && median(peer.map((one) => one.seconds));
  const against = other === undefined ? "" : `; gradcheck ${other.toFixed(3)} s: ${(other / seconds).toFixed(2)} times as long`;
  const passed = [...times, ...(peer ?? [])].every((one) => one.passed);
  console.log(`${name}, ${times[0]!.parameters} parameters: ${seconds.toFixed(3)} s${against}${passed ? "" : "; NOT PASSED"}`);
};

const pairs = Number(values.pairs);
await ours(dense784, [784], examples, "fast"); // the runtime loaded, as PyTorch has been imported
for (const [mode, peerMode] of [["fast", "fast"], ...(values["fast-only"] ? [] : [["full", "slow"] as const])] as const) {
  const [mine, others]: [Reply[], Reply[]] = [[], []];
  for (let pair = 0; pair < pairs; pair++) {
    mine.push(await ours(dense784, [784], examples, mode));
    others.push(await theirs(peerMode));
  }
  say(`dense 784-120-40-10, ${examples} examples, ${mode}`, mine, others);
}
if (!values["fast-only"]) {
  const times: Reply[] = [];
  for (let i = 0; i < pairs; i++) times.push(await ours(small, [1, 28, 28], 8, "full"));
  say("convolutional, 8 examples of 28×28, full", times);
}
