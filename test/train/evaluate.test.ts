/** How many rows an evaluation takes at once, and that it is no matter to what it says. */
import { expect, test } from "vitest";
import { plannedMemory } from "../../src/exec/memory.ts";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { architectures } from "../../src/nn/architectures/index.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { initializeParameters } from "../../src/nn/parameters.ts";
import { sliceDataset } from "../../src/train/dataset.ts";
import { createEvaluator, rowsOfCall } from "../../src/train/evaluate.ts";
import { evaluationGraph, layoutOf, type Problem } from "../../src/train/step-graph.ts";
import { cloudProblem, clouds } from "./problems.ts";

const images: Problem = {
  network: architectures.cnn.build({ inputShape: [1, 28, 28], outputs: 3 }),
  loss: losses.categoricalCrossEntropy,
  inputShape: [1, 28, 28],
  outputs: 3,
};

test("small networks take 4 096 rows at once, large ones as many as stay below 64 MiB as planned", () => {
  expect(rowsOfCall(evaluationGraph(cloudProblem(), layoutOf(cloudProblem())))).toBe(4096);
  const evaluated = evaluationGraph(images, layoutOf(images));
  const rows = rowsOfCall(evaluated);
  expect(rows).toBeGreaterThanOrEqual(128);
  expect(rows).toBeLessThan(2048);
  const held = (batch: number) => plannedMemory(evaluated, { batch }).peak - plannedMemory(evaluated, { batch: 1 }).peak;
  expect(held(rows)).toBeLessThan(2 ** 26 * 1.01);
  expect(held(2 * rows)).toBeGreaterThan(2 ** 26 * 0.9);
});

test("figures are those of rows asked a few at a time", async () => {
  const { features, targets } = clouds({ rows: 1100, width: 784 });
  const data = { features: { ...features, shape: [1100, 1, 28, 28] }, targets };
  const layout = layoutOf(images);
  const theta = new Float32Array(layout.size);
  initializeParameters(layout, theta, 1);
  const evaluator = await createEvaluator(images, layout, onnxruntimeNode, { rows: [1100] });
  const whole = await evaluator.evaluate(theta, data);
  expect(whole.loss.length).toBe(1100);
  for (const [from, to] of [
    [0, 90],
    [500, 640],
    [1050, 1100],
  ] as const) {
    const { loss } = await evaluator.evaluate(theta, sliceDataset(data, from, to));
    loss.forEach((value, i) => expect(value).toBeCloseTo(whole.loss[from + i]!, 4));
  }
  await evaluator.dispose();
});
