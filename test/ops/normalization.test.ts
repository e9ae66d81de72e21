/** Normalization: what is stored, what is reused, and what ONNX Runtime asks of the file. */
import { expect, test } from "vitest";
import { gradient } from "../../src/autodiff/gradient.ts";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { evaluateGraph, toNdArray } from "../../src/exec/reference.ts";
import type { Tensors } from "../../src/exec/session.ts";
import { graph, input, type Graph, type Value } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { ops } from "../../src/ops/build.ts";

const data = [0.5, -1, 2, 0.25, 3, -0.5, 1, 1.5];
const vector = (name: string) => input(name, "float32", [2]);
const [x, scale, bias, mean, variance] = [input("x", "float32", ["batch", 2]), ...["scale", "bias", "mean", "variance"].map(vector)] as [
  Value,
  Value,
  Value,
  Value,
  Value,
];
const feeds: Tensors = {
  x: tensor("float32", data, [4, 2]),
  scale: tensor("float32", [2, 0.5]),
  bias: tensor("float32", [0.1, -0.2]),
  mean: tensor("float32", [10, 20]),
  variance: tensor("float32", [4, 5]),
};
const batchNorm = (momentum: number) => ops.BatchNormalization(x, scale, bias, mean, variance, { training_mode: 1, momentum });
const onReference = (made: Graph, of: Tensors) =>
  evaluateGraph(made, Object.fromEntries(made.inputs.map(({ name }) => [name!, toNdArray(of[name!]!)])));

async function onRuntime(made: Graph, of: Tensors): Promise<Tensors> {
  const session = await onnxruntimeNode.compile(made, { threads: 1 });
  try {
    return await session.run(Object.fromEntries(made.inputs.map(({ name }) => [name!, of[name!]!])));
  } finally {
    await session.dispose();
  }
}

test("the running variance takes in the batch's variance of the population, as ONNX has it", async () => {
  const [, , running] = batchNorm(0.75) as [Value, Value, Value];
  const made = graph({ outputs: { running } });
  const columns = [0, 1].map((c) => data.filter((_, i) => i % 2 === c));
  const expected = columns.map((column, c) => {
    const average = column.reduce((a, b) => a + b) / 4;
    return 0.75 * [4, 5][c]! + 0.25 * (column.reduce((sum, v) => sum + (v - average) ** 2, 0) / 4);
  });
  const found = [onReference(made, feeds)["running"]!.data, (await onRuntime(made, feeds))["running"]!.data];
  for (const numbers of found) expected.forEach((value, c) => expect(numbers[c]).toBeCloseTo(value, 5));
});

test("a batch normalization of which only y is read still runs on ONNX Runtime", async () => {
  const made = graph({ outputs: { y: batchNorm(0.9)[0]! } });
  const found = (await onRuntime(made, feeds))["y"]!.data as Float32Array;
  (onReference(made, feeds)["y"]!.data as Float64Array).forEach((value, i) => expect(found[i]).toBeCloseTo(value, 5));
});

test("with momentum 0 the gradient reuses the statistics, and is the one of other momenta", async () => {
  const slopes = (momentum: number) => {
    const y = batchNorm(momentum)[0]!;
    const [dx, ds] = gradient(ops.ReduceSum(ops.Tanh(y), { keepdims: 0 }), [x, scale]);
    return graph({ outputs: { dx: dx!, ds: ds! } });
  };
  const [reused, computed] = [slopes(0), slopes(0.9)];
  const means = (made: Graph) => made.nodes.filter(({ op }) => op === "ReduceMean").length;
  expect([means(reused), means(computed)]).toEqual([0, 2]);
  const expected = onReference(computed, feeds);
  const runs = [onReference(reused, feeds), await onRuntime(reused, feeds), await onRuntime(computed, feeds)];
  for (const found of runs) {
    for (const name of ["dx", "ds"]) {
      (expected[name]!.data as Float64Array).forEach((value, i) => expect(found[name]!.data[i]).toBeCloseTo(value, 4));
    }
  }
});

test("the gradient of a layer normalization reads the saved mean and deviation, and sums many rows by a product", () => {
  const rows = (batch: number) => {
    const wide = input("x", "float32", [batch, 32]);
    const [g, b] = ["g", "b"].map((name) => input(name, "float32", [32])) as [Value, Value];
    const [y] = ops.LayerNormalization(wide, g, b) as [Value];
    const [dx, dg, db] = gradient(ops.ReduceSum(ops.Mul(y, y), { keepdims: 0 }), [wide, g, b]);
    const made = graph({ outputs: { dx: dx!, dg: dg!, db: db! } });
    return (op: string) => made.nodes.filter((node) => node.op === op).length;
  };
  const [few, many] = [rows(4), rows(4096)];
  // Two means go into dx; neither the mean nor the deviation of x is computed again.
  expect([few("ReduceMean"), few("Sqrt"), few("MatMul"), few("ReduceSum")]).toEqual([2, 0, 0, 2]);
  expect([many("ReduceMean"), many("Sqrt"), many("MatMul"), many("ReduceSum")]).toEqual([2, 0, 2, 0]);
});
