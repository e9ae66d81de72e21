import { describe, expect, test } from "vitest";
import { readTable } from "../../src/data/read-table.ts";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { architectures } from "../../src/nn/architectures/index.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { optimizerByName } from "../../src/optim/optimizers/index.ts";
import { scheduleByName } from "../../src/optim/schedules/index.ts";
import { previewAugmentation } from "../../src/train/augment-preview.ts";
import { batchesOf, planAugmentation, type AugmentOptions } from "../../src/train/augment.ts";
import { createEvaluator } from "../../src/train/evaluate.ts";
import type { ExperimentEvent } from "../../src/train/experiment-events.ts";
import { fit } from "../../src/train/fit.ts";
import { fitTable, splitTable } from "../../src/train/fit-table.ts";
import { mlp } from "../../src/train/model-choice.ts";
import { layoutOf, type Problem } from "../../src/train/step-graph.ts";
import { rng } from "../../src/util/rng.ts";
import { penguins } from "../cli/support.ts";

const shape = [1, 8, 8];
const problem: Problem = {
  network: architectures.cnn.build({ inputShape: shape, outputs: 2 }, { layers: [4, 8] }),
  loss: losses.categoricalCrossEntropy,
  inputShape: shape,
  outputs: 2,
};

/** Bars: the class is whether they stand or lie. */
function bars(rows: number, seed: number) {
  const draw = rng(seed, "bars");
  const features = new Float32Array(rows * 64);
  const targets = new Float32Array(rows * 2);
  for (let row = 0; row < rows; row++) {
    const [kind, at] = [draw.integer(2), draw.integer(8)];
    targets[row * 2 + kind] = 1;
    for (let i = 0; i < 8; i++) features[row * 64 + (kind === 0 ? i * 8 + at : at * 8 + i)] = 2;
  }
  return { features: tensor("float32", features, [rows, ...shape]), targets: tensor("float32", targets, [rows, 2]) };
}

const data = { train: bars(70, 1), validation: bars(40, 2) };
const loop = {
  optimizer: optimizerByName("adamw"),
  learningRate: 0.01,
  schedule: scheduleByName("constant"),
  epochs: 9,
  batchSize: 16,
  seed: 5,
  executor: onnxruntimeNode,
};
const steps = [{ kind: "flip" }, { kind: "crop", padding: 1 }, { kind: "noise", deviation: 0.3 }, { kind: "mixup" }];
const trained = (augment?: AugmentOptions) => fit(problem, data, { ...loop, ...(augment ? { augment } : {}) });

describe("training with augmentation", () => {
  test("gives the same weights to the bit with any number of workers, and others than without", async () => {
    const inline = await trained({ steps, workers: 0 });
    for (const augment of [{ steps, workers: 1 }, { steps, workers: 3 }, { steps }]) {
      const other = await trained(augment);
      expect(other.theta.findIndex((value, i) => !Object.is(value, inline.theta[i]))).toBe(-1);
      expect(other.history).toEqual(inline.history);
    }
    expect((await trained()).theta).not.toEqual(inline.theta);
  });

  test("changes neither the data nor what is measured: figures are those of the examples as they are", async () => {
    const before = data.train.features.data.slice() as Float32Array;
    const { theta, history, bestEpoch } = await trained({ steps, workers: 1 });
    expect(data.train.features.data).toEqual(before);
    const evaluator = await createEvaluator(problem, layoutOf(problem), onnxruntimeNode);
    for (const part of ["train", "validation"] as const) {
      const { loss } = await evaluator.evaluate(theta, data[part]);
      const mean = loss.reduce((sum, value) => sum + value, 0) / loss.length;
      expect(Math.abs(history[bestEpoch]![part]!.loss - mean)).toBeLessThan(1e-6);
    }
    await evaluator.dispose();
  });

  test("a step is taken on the very batch that can be shown again", async () => {
    const source = batchesOf(problem, data.train, { steps, workers: 0 }, { seed: 5, batch: 70 });
    const order = rng(5, "shuffle", 1).permutation(70);
    const { features, targets } = source.show(1, order);
    const shown = { features: tensor("float32", features, [70, ...shape]), targets: tensor("float32", targets, [70, 2]) };
    const one = { ...loop, epochs: 1, batchSize: 70 };
    const augmented = await fit(problem, { train: data.train }, { ...one, augment: { steps, workers: 0 } });
    // The same step on the shown batch as data: its rows are in order, so the shuffle is undone first.
    const back = new Int32Array(70);
    order.forEach((_, i) => (back[order[i]!] = i));
    const rows = (from: Float32Array, width: number) => {
      const out = new Float32Array(from.length);
      back.forEach((at, row) => out.set(from.subarray(at * width, (at + 1) * width), row * width));
      return out;
    };
    const plain = {
      features: tensor("float32", rows(shown.features.data as Float32Array, 64), [70, ...shape]),
      targets: tensor("float32", rows(shown.targets.data as Float32Array, 2), [70, 2]),
    };
    expect((await fit(problem, { train: plain }, one)).theta).toEqual(augmented.theta);
  });

  test("a training that diverges is looked into with the augmented step", async () => {
    const result = await fit(problem, data, { ...loop, learningRate: 1e30, augment: { steps, workers: 0 } });
    expect(result.reason).toBe("diverged");
    expect(result.finding?.tensor).not.toBe("");
  });
});

describe("from a table", () => {
  test("noise leaves one-hot columns and indicators alone; the run says what was done, and repeats", async () => {
    const parts = splitTable(await readTable(penguins, { target: "species" }), { seed: 1 });
    const events: ExperimentEvent[] = [];
    const options = { epochs: 2, augment: [{ kind: "noise", deviation: 0.2 }, { kind: "mixup" }] };
    const run = await fitTable(mlp({ layers: [8] }), parts, { ...options, onEvent: (event) => events.push(event) });
    const again = await fitTable(mlp({ layers: [8] }), parts, { ...options, threads: 1 });
    expect(again.theta).toEqual(run.theta);
    expect(events.find(({ type }) => type === "augmentation")).toEqual({
      type: "augmentation",
      steps: [
        { kind: "noise", deviation: 0.2, probability: 1 },
        { kind: "mixup", alpha: 0.2, probability: 1 },
      ],
      findings: [],
    });
    const { numeric } = planAugmentation(options.augment, run.plan, {}, 1);
    const amounts = [...numeric!].map((at) => run.plan.features[at]);
    expect(amounts).toContain("flipper_length_mm");
    expect(amounts.some((name) => /=|missing/.test(name!))).toBe(false);
    expect(run.plan.features.length).toBeGreaterThan(amounts.length);
  });

  test("a preview shows what a training sees, and no row of another part", async () => {
    const parts = splitTable(await readTable(penguins, { target: "species" }), { seed: 1 });
    const preview = await previewAugmentation(parts, { augment: [{ kind: "noise" }], examples: 3, epochs: 2 });
    expect(preview.examples).toHaveLength(3);
    for (const { example, row, original, augmented } of preview.examples) {
      expect(parts.train[example]).toBe(row - 1);
      expect(augmented.map(({ epoch }) => epoch)).toEqual([1, 2]);
      expect(augmented[0]!.values).not.toEqual(original);
      expect(augmented[0]!.values).not.toEqual(augmented[1]!.values);
    }
    const [first] = preview.examples;
    const one = await previewAugmentation(parts, { augment: [{ kind: "noise" }], rows: [first!.row], epochs: 2 });
    expect(one.examples[0]).toEqual(first);
    await expect(previewAugmentation(parts, { augment: [{ kind: "noise" }], rows: [parts.validation[0]! + 1] })).rejects.toThrow(
      "is not in the training part",
    );
  });

  test("images are asked for by what a row is", async () => {
    const parts = splitTable(await readTable(penguins, { target: "species" }), { seed: 1 });
    await expect(fitTable(mlp(), parts, { augment: [{ kind: "flip" }] })).rejects.toThrow("flip is for images; these examples are rows of");
  });
});
