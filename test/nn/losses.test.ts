/** Every loss against its formula in plain arithmetic, and the network layers that only pass values on. */
import { describe, expect, test } from "vitest";
import { evaluateGraph, toNdArray } from "../../src/exec/reference.ts";
import { graph, input } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { activation } from "../../src/nn/layers/activation.ts";
import { dense } from "../../src/nn/layers/dense.ts";
import { flatten } from "../../src/nn/layers/flatten.ts";
import { lossByName, losses, type LossName } from "../../src/nn/losses/index.ts";
import { buildNetwork, mlp, sequential } from "../../src/nn/network.ts";
import { layoutParameters, parameterInput } from "../../src/nn/parameters.ts";

const outputs = [
  [0.3, -1.2, 2.5],
  [-0.4, 0, 40],
  [1.5, -60, 0.1],
];
const labels = [
  [1, 0, 0],
  [0, 0, 1],
  [0, 1, 1],
];
const amounts = [
  [0.1, -0.2, 2.6],
  [3, -0.5, 39],
  [1.5, -61, 4],
];

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const crossEntropy = (z: number, y: number) => Math.max(z, 0) - z * y + Math.log1p(Math.exp(-Math.abs(z)));
const byHand: Record<LossName, (z: readonly number[], y: readonly number[]) => number> = {
  binaryCrossEntropy: ([z], [y]) => crossEntropy(z!, y!),
  multiLabelCrossEntropy: (z, y) => mean(z.map((value, i) => crossEntropy(value, y[i]!))),
  categoricalCrossEntropy: (z, y) => {
    const top = Math.max(...z);
    const logSum = top + Math.log(z.reduce((sum, value) => sum + Math.exp(value - top), 0));
    return z.reduce((sum, value, i) => sum - y[i]! * (value - logSum), 0);
  },
  meanSquared: (z, y) => mean(z.map((value, i) => (value - y[i]!) ** 2)),
  meanAbsolute: (z, y) => mean(z.map((value, i) => Math.abs(value - y[i]!))),
  huber: (z, y) => mean(z.map((value, i) => Math.abs(value - y[i]!)).map((d) => (d <= 1 ? 0.5 * d * d : d - 0.5))),
};

describe.each(Object.keys(losses) as LossName[])("%s", (name) => {
  test("has its formula's value for each example, also where logits are large", () => {
    const units = name === "binaryCrossEntropy" ? 1 : 3;
    const targets = (lossByName(name).prediction === "identity" ? amounts : labels).map((row) => row.slice(0, units));
    const values = outputs.map((row) => row.slice(0, units));
    const [z, y] = [input("z", "float32", ["batch", units]), input("y", "float32", ["batch", units])];
    const made = graph({ outputs: { loss: lossByName(name).perExample(z, y) } });
    const found = evaluateGraph(made, { z: toNdArray(tensor("float32", values)), y: toNdArray(tensor("float32", targets)) });
    const exact = (row: readonly number[]) => row.map(Math.fround);
    values.forEach((row, i) =>
      expect((found["loss"]!.data as Float64Array)[i]).toBeCloseTo(byHand[name](exact(row), exact(targets[i]!)), 10),
    );
  });
});

test("a loss that is not there is refused with those that are", () => {
  expect(() => lossByName("hinge")).toThrow('no loss "hinge"');
});

test("flatten takes an image to a row, and leaves rows alone", () => {
  const net = sequential([flatten(), dense(4), activation("gelu"), flatten(), dense(2)]);
  const built = buildNetwork(net, input("x", "float32", ["batch", 2, 3, 5]), parameterInput);
  expect(built.output.shape).toEqual(["batch", 2]);
  expect(built.signals.map(({ name, value }) => [name, value.shape])).toEqual([
    ["flatten_1", ["batch", 30]],
    ["dense_1", ["batch", 4]],
    ["gelu_1", ["batch", 4]],
    ["flatten_2", ["batch", 4]],
    ["dense_2", ["batch", 2]],
  ]);
});

test("a network without hidden layers is logistic regression: one weight per input and a bias", () => {
  const { slots, size } = layoutParameters(mlp({ layers: [], outputs: 1 }), [7]);
  expect(slots.map(({ name, shape }) => [name, shape])).toEqual([
    ["dense_1/W", [7, 1]],
    ["dense_1/b", [1]],
  ]);
  expect(size).toBe(8);
});

test("a layer of 0 units is refused by name", () => {
  expect(() => layoutParameters(mlp({ layers: [8, 0], outputs: 1 }), [7])).toThrow("dense_2 has 0 units");
});

test("a network that no memory holds is refused with its largest tensor", () => {
  const huge = () => layoutParameters(mlp({ layers: [1_000_000_000], outputs: 1 }), [2]);
  expect(huge).toThrow("the network has 4000000001 parameters, 2000000000 of them in dense_1/W; at most 250000000 fit.");
});
