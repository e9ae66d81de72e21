/** Augmented images a second, and what augmentation adds to the steps of a convolutional network. */
import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { AugmentationSpec } from "../src/data/augmentation.ts";
import { augmentedBatches } from "../src/data/augment-threads.ts";
import { exampleShape } from "../src/data/augment-example.ts";
import { formatAugmentations } from "../src/data/augment-text.ts";
import { executor } from "../src/exec/onnxruntime-node.ts";
import { tensor } from "../src/ir/tensor.ts";
import { architectures } from "../src/nn/architectures/index.ts";
import { losses } from "../src/nn/losses/index.ts";
import { initializeParameters } from "../src/nn/parameters.ts";
import { optimizerByName } from "../src/optim/optimizers/index.ts";
import { batchesOf } from "../src/train/augment.ts";
import type { Dataset } from "../src/train/dataset.ts";
import { layoutOf, type Problem } from "../src/train/step-graph.ts";
import { createStepper } from "../src/train/stepper.ts";
import { rng } from "../src/util/rng.ts";
import type { Interval } from "../src/util/statistics.ts";
import { machine, type Machine } from "./machine.ts";
import { findPython } from "./python.ts";
import { median, medianInterval } from "./statistics.ts";

export interface AugmentationRates {
  /** `28×28×1` */
  readonly images: string;
  readonly list: string;
  /** Images a second on one thread, and on all cores. */
  readonly alone: number;
  readonly together: number;
  /** The same of Pillow in processes, where it does the same. */
  readonly pillow?: { readonly alone: number; readonly together: number };
}

export interface AugmentedSteps {
  readonly images: string;
  readonly list: string;
  readonly batch: number;
  /** Milliseconds a step: medians. */
  readonly without: number;
  readonly with: number;
  /** With over without, per pair. */
  readonly ratio: Interval;
}

export interface AugmentationResult {
  readonly machine: Machine;
  readonly cores: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly rates: readonly AugmentationRates[];
  readonly steps: readonly AugmentedSteps[];
}

const usual: readonly AugmentationSpec[] = [{ kind: "flip" }, { kind: "rotate", degrees: 10 }, { kind: "crop", padding: 2 }];
const lists: readonly (readonly AugmentationSpec[])[] = [
  usual,
  [{ kind: "resizedCrop" }, { kind: "flip" }],
  [...usual, { kind: "elastic" }],
  [...usual, { kind: "elastic" }, { kind: "color" }, { kind: "noise" }, { kind: "cutout" }],
];
const sizes = [
  { shape: [1, 28, 28], examples: 2048, batch: 128, measured: 8192 },
  { shape: [3, 224, 224], examples: 32, batch: 8, measured: 128 },
] as const;
const repeats = 3;
const named = ([channels = 1, height = 1, width = 1]: readonly number[]): string => `${height}×${width}×${channels}`;

export async function measureAugmentation(say: (line: string) => void, pairs = 6): Promise<AugmentationResult> {
  const cores = availableParallelism();
  const rates: AugmentationRates[] = [];
  const versions: Record<string, string> = {};
  for (const size of sizes) {
    for (const list of lists) {
      const alone = rate(size, list, 0);
      const together = rate(size, list, cores - 1);
      const pillow = list === usual ? await pillowRates(size.shape, cores, versions, say) : undefined;
      const one = { images: named(size.shape), list: formatAugmentations(list), alone, together, ...(pillow ? { pillow } : {}) };
      say(`${one.images} ${one.list}: ${alone.toFixed(0)} a second on one thread, ${together.toFixed(0)} on ${cores} cores`);
      rates.push(one);
    }
  }
  const steps: AugmentedSteps[] = [];
  for (const [size, list] of [
    [sizes[0], usual],
    [sizes[0], lists.at(-1)!],
    [sizes[1], usual],
  ] as const)
    steps.push(await compareSteps(size, list, pairs, say));
  return { machine: machine(), cores, versions, rates, steps };
}

type Size = (typeof sizes)[number];

function madeUp({ shape, examples }: Size): Dataset {
  const numbers = shape.reduce((a: number, b) => a * b, 1);
  const targets = new Float32Array(examples * 10);
  for (let i = 0; i < examples; i++) targets[i * 10 + (i % 10)] = 1;
  const features = rng(1, "images").fillUniform(new Float32Array(examples * numbers));
  return { features: tensor("float32", features, [examples, ...shape]), targets: tensor("float32", targets, [examples, 10]) };
}

/** Images a second: the best of some passes, each long enough to see the threads together. */
function rate(size: Size, specs: readonly AugmentationSpec[], workers: number): number {
  const { features, targets } = madeUp(size);
  const examples = { features: features.data as Float32Array, targets: targets.data as Float32Array };
  const source = augmentedBatches({ specs, example: exampleShape(size.shape), seed: 1, batch: size.batch }, examples, workers);
  const order = Int32Array.from({ length: size.measured }, (_, i) => i % size.examples);
  const passes = Array.from({ length: repeats + 1 }, (_, epoch) => {
    source.begin(epoch + 1, order);
    const begun = performance.now();
    for (let at = 0; at < order.length; at += size.batch) source.next();
    return (performance.now() - begun) / 1000;
  });
  source.dispose();
  // The first pass is not counted: code is compiled and threads start.
  return size.measured / median(passes.slice(1));
}

async function pillowRates(
  [channels, size]: readonly number[],
  cores: number,
  versions: Record<string, string>,
  say: (line: string) => void,
) {
  try {
    const python = await findPython("PIL");
    const script = fileURLToPath(new URL("peers/augment.py", import.meta.url));
    const { stdout } = await promisify(execFile)(python, [script, ...[size, channels, cores, 3].map(String)]);
    const { alone, together, version } = JSON.parse(stdout) as { alone: number; together: number; version: string };
    versions["Pillow"] = version;
    return { alone, together };
  } catch (error) {
    say(`  Pillow missing: ${(error as Error).message.split("\n")[0]}`);
    return undefined;
  }
}

/** Steps of the ready `cnn` with and without, block by block in turn, each with a session of its own. */
async function compareSteps(
  size: Size,
  specs: readonly AugmentationSpec[],
  pairs: number,
  say: (line: string) => void,
): Promise<AugmentedSteps> {
  const data = madeUp(size);
  const problem: Problem = {
    network: architectures.cnn.build({ inputShape: size.shape, outputs: 10 }, {}),
    loss: losses.categoricalCrossEntropy,
    inputShape: size.shape,
    outputs: 10,
  };
  const times: [number[], number[]] = [[], []];
  for (let pair = 0; pair < pairs; pair++) {
    for (const side of pair % 2 === 0 ? [0, 1] : [1, 0]) times[side]!.push(await block(problem, data, size, side === 1 ? specs : []));
  }
  const ratio = medianInterval(times[1].map((time, i) => time / times[0][i]!));
  const result = {
    images: named(size.shape),
    list: formatAugmentations(specs),
    batch: size.batch,
    without: median(times[0]),
    with: median(times[1]),
    ratio,
  };
  say(
    `cnn on ${result.images}, ${result.list}: ${result.without.toFixed(2)} ms a step, ${result.with.toFixed(2)} ms with; ratio ${ratio.value.toFixed(3)} [${ratio.low.toFixed(3)}, ${ratio.high.toFixed(3)}]`,
  );
  return result;
}

/** Milliseconds a step over one pass, after half a pass that is not counted. */
async function block(problem: Problem, data: Dataset, { examples, batch }: Size, specs: readonly AugmentationSpec[]): Promise<number> {
  const layout = layoutOf(problem);
  const batches = specs.length > 0 ? { batches: batchesOf(problem, data, { steps: specs }, { seed: 1, batch }) } : {};
  const stepper = await createStepper({ problem, layout, optimizer: optimizerByName("adamw"), data, batch, executor, seed: 1, ...batches });
  try {
    initializeParameters(layout, stepper.theta, 1);
    const perPass = examples / batch;
    const passes = Math.max(2, Math.ceil(12 / perPass));
    let [step, seconds] = [0, 0];
    for (let pass = 0; pass <= passes; pass++) {
      const order = rng(1, "order", pass).permutation(examples);
      batches.batches?.begin(pass + 1, order);
      const begun = performance.now();
      for (let at = 0; at < examples; at += batch) await stepper.run(order.subarray(at, at + batch), batch, ++step, () => 0.001);
      if (pass > 0) seconds += performance.now() - begun;
    }
    return seconds / (passes * perPass);
  } finally {
    batches.batches?.dispose();
    await stepper.dispose();
    await sleep(100);
  }
}
