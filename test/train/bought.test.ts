import { expect, test } from "vitest";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { reference } from "../../src/exec/reference.ts";
import { activation } from "../../src/nn/layers/activation.ts";
import { dense } from "../../src/nn/layers/dense.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { sequential } from "../../src/nn/network.ts";
import { initializeParameters } from "../../src/nn/parameters.ts";
import { optimizerByName } from "../../src/optim/optimizers/index.ts";
import { scheduleByName } from "../../src/optim/schedules/index.ts";
import { linearShares, weightFigures } from "../../src/train/bought.ts";
import { fit } from "../../src/train/fit.ts";
import { layoutOf, type Problem } from "../../src/train/step-graph.ts";
import { clouds } from "./problems.ts";

const problem: Problem = {
  network: sequential([dense(4), activation("tanh"), dense(3), activation("tanh"), dense(3)]),
  loss: losses.categoricalCrossEntropy,
  inputShape: [2],
  outputs: 3,
};
const layout = layoutOf(problem);
const data = clouds({ rows: 300, width: 2 });

test("figures of weights are what they are called", () => {
  const theta = new Float32Array(layout.size);
  // dense_1/W is [2, 4]: units (3, 4), (0, 0), (0, 2), (1e-4, 1e-4).
  theta.set([3, 0, 0, 1e-4, 4, 0, 2, 1e-4]);
  const [first] = weightFigures(layout, theta);
  expect(first).toMatchObject({ name: "dense_1/W", count: 8, zeros: 3 / 8, small: 5 / 8 });
  expect(first!.norm).toBeCloseTo(Math.sqrt(29), 6);
  expect(first!.concentration).toBeCloseTo((0.8 + 1 + Math.SQRT1_2) / 3, 6);
});

test("the share of tanh's inputs where it is nearly linear, counted by hand", async () => {
  const theta = new Float32Array(layout.size);
  initializeParameters(layout, theta, 1);
  const { offset } = layout.slots[0]!;
  const x = data.features.data as Float32Array;
  let near = 0;
  for (let row = 0; row < 300; row++)
    for (let u = 0; u < 4; u++) {
      const z = x[2 * row]! * theta[offset + u]! + x[2 * row + 1]! * theta[offset + 4 + u]!;
      if (Math.abs(z) < 0.5) near++;
    }
  for (const executor of [onnxruntimeNode, reference]) {
    const [first, second, ...none] = await linearShares(problem, layout, theta, data, { executor });
    expect(none).toEqual([]);
    expect(first!.name).toBe("tanh_1");
    expect(Math.abs(first!.share - near / 1200)).toBeLessThan(1 / 1200);
    expect(second!.share).toBeGreaterThan(0);
  }
});

test("L2 shortens weights and makes tanh units linear, L1 makes zeros, as the lecture says", async () => {
  const options = {
    optimizer: optimizerByName("sgd"),
    learningRate: 0.3,
    schedule: scheduleByName("constant"),
    epochs: 60,
    batchSize: 30,
    seed: 1,
    executor: onnxruntimeNode,
  };
  const of = async (regularizer: Parameters<typeof fit>[2]["regularizer"]) => {
    const { theta } = await fit(problem, { train: data }, { ...options, regularizer });
    const shares = await linearShares(problem, layout, theta, data, { executor: onnxruntimeNode });
    const figures = weightFigures(layout, theta);
    return { norm: Math.hypot(...figures.map(({ norm }) => norm)), linear: shares[0]!.share, zeros: figures[0]!.zeros };
  };
  const [none, l2, l1] = [await of(undefined), await of({ l2: 10 }), await of({ l1: 40, proximal: true })];
  expect(l2.norm).toBeLessThan(0.7 * none.norm);
  expect(l2.linear).toBeGreaterThan(none.linear + 0.1);
  expect(none.zeros).toBe(0);
  expect(l1.zeros).toBeGreaterThan(0.1);
});
