/** The ready `cnn` on Fashion-MNIST: accuracy on the published test part. */
import { executor } from "../../src/exec/onnxruntime-node.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { architectures } from "../../src/nn/architectures/index.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { optimizerByName } from "../../src/optim/optimizers/index.ts";
import { scheduleByName } from "../../src/optim/schedules/index.ts";
import { pickDataset, type Dataset } from "../../src/train/dataset.ts";
import { createEvaluator } from "../../src/train/evaluate.ts";
import { countWrong } from "../../src/train/events.ts";
import { fit } from "../../src/train/fit.ts";
import { layoutOf, type Problem } from "../../src/train/step-graph.ts";
import { rng } from "../../src/util/rng.ts";
import { wilsonInterval } from "../../src/util/statistics.ts";
import { readIdx } from "../idx.ts";
import type { QualityRow } from "../quality.ts";

const epochs = 10;
const validationRows = 5000;

export async function imagesQuality(data: string, say: (line: string) => void): Promise<QualityRow> {
  const [train, test] = [await part(`${data}/fashion-mnist/train`), await part(`${data}/fashion-mnist/t10k`)];
  const order = rng(1, "split").permutation(train.features.shape[0]!);
  const parts = {
    train: pickDataset(train, order.subarray(validationRows)),
    validation: pickDataset(train, order.subarray(0, validationRows)),
  };
  const problem: Problem = {
    network: architectures.cnn.build({ inputShape: [1, 28, 28], outputs: 10 }, { keepProbability: 0.7 }),
    loss: losses.categoricalCrossEntropy,
    inputShape: [1, 28, 28],
    outputs: 10,
  };
  const started = performance.now();
  const { theta } = await fit(problem, parts, {
    optimizer: optimizerByName("adamw"),
    learningRate: 0.002,
    schedule: scheduleByName("cosine"),
    epochs,
    batchSize: 128,
    seed: 1,
    executor,
    onEvent(event) {
      if (event.type === "epoch")
        say(`  fashion-mnist epoch ${event.figures.epoch}: validation error ${event.figures.validation!.error.toFixed(4)}`);
    },
  });
  const seconds = (performance.now() - started) / 1000;
  const evaluator = await createEvaluator(problem, layoutOf(problem), executor);
  const { prediction } = await evaluator.evaluate(theta, test);
  await evaluator.dispose();
  const wrong = wilsonInterval(countWrong(prediction, test.targets.data as Float32Array, 10), 10_000);
  return {
    name: "fashion-mnist",
    what: `\`cnn\`, keep probability 0.7, AdamW at 0.002, ${epochs} epochs, no augmentation; accuracy on the published test part`,
    figure: { value: 1 - wrong.value, low: 1 - wrong.high, high: 1 - wrong.low, n: wrong.n },
    wanted: "at least 0.915",
    met: 1 - wrong.value >= 0.915,
    seconds,
  };
}

/** Pixels as [rows, 1, 28, 28], centred and scaled by the figures of the training part. */
async function part(prefix: string): Promise<Dataset> {
  const [images, labels] = [await readIdx(`${prefix}-images-idx3-ubyte.gz`), await readIdx(`${prefix}-labels-idx1-ubyte.gz`)];
  const rows = labels.data.length;
  const features = Float32Array.from(images.data, (pixel) => (pixel - 72.94) / 90.02);
  const targets = new Float32Array(rows * 10);
  labels.data.forEach((label, row) => (targets[row * 10 + label] = 1));
  return { features: tensor("float32", features, [rows, 1, 28, 28]), targets: tensor("float32", targets, [rows, 10]) };
}
