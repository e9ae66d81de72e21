/** Operators that draw at random: what holds of any generator, and what the interpreter promises of its own. */
import { describe, expect, test } from "vitest";
import { gradient } from "../../src/autodiff/gradient.ts";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { evaluateGraph, toNdArray } from "../../src/exec/reference.ts";
import { constant, graph, input, type Value } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { ops } from "../../src/ops/build.ts";

const drawn = (y: Value) => evaluateGraph(graph({ outputs: { y } }), {})["y"]!.data as Float64Array;
const mean = (numbers: ArrayLike<number>) => Array.from(numbers).reduce((a, b) => a + b, 0) / numbers.length;
const full = (value: number, length: number) => constant(tensor("float32", new Float32Array(length).fill(value)));

async function onRuntime(y: Value): Promise<Float32Array> {
  const session = await onnxruntimeNode.compile(graph({ outputs: { y } }), { threads: 1 });
  try {
    return (await session.run({}))["y"]!.data as Float32Array;
  } finally {
    await session.dispose();
  }
}

describe("draws of the interpreter", () => {
  const many = 20_000;

  test("RandomNormal has the mean and the deviation that are asked for", () => {
    const numbers = drawn(ops.RandomNormal({ shape: [many], mean: 2, scale: 3, seed: 4 }));
    expect(mean(numbers)).toBeCloseTo(2, 1);
    expect(Math.sqrt(mean(numbers.map((x) => (x - 2) ** 2)))).toBeCloseTo(3, 1);
  });

  test("RandomUniform fills its interval evenly and stays inside", () => {
    const numbers = drawn(ops.RandomUniform({ shape: [many], low: -1, high: 3, seed: 4 }));
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(-1);
    expect(Math.max(...numbers)).toBeLessThan(3);
    expect(mean(numbers)).toBeCloseTo(1, 1);
    expect(mean(numbers.map((x) => Number(x < 0)))).toBeCloseTo(0.25, 1);
  });

  test("Multinomial draws classes as often as their probabilities say", () => {
    const logs = constant(tensor("float32", [[Math.log(1), Math.log(3), Math.log(4)]]));
    const classes = drawn(ops.Multinomial(logs, { sample_size: many, seed: 1 }));
    [1 / 8, 3 / 8, 4 / 8].forEach((share, k) => expect(mean(classes.map((x) => Number(x === k)))).toBeCloseTo(share, 1));
  });

  test("equal seeds draw equal numbers, others others", () => {
    const of = (seed: number) => drawn(ops.RandomNormal({ shape: [8], seed }));
    expect(of(1.5)).toEqual(of(1.5));
    expect(of(1.5)).not.toEqual(of(1.25));
  });

  test("without a seed nothing is drawn, and the message says why", () => {
    expect(() => drawn(ops.RandomUniform({ shape: [2] }))).toThrow("RandomUniform draws at random without a seed");
    const training = constant(tensor("bool", true));
    expect(() => drawn(ops.Dropout(full(1, 3), 0.5, training)[0]!)).toThrow("Dropout draws at random without a seed");
  });
});

test("Bernoulli gives 1 with the probability of its input, on both executors", async () => {
  const ones = ops.Bernoulli(full(0.9, 20_000), { seed: 3 });
  expect(mean(drawn(ones))).toBeCloseTo(0.9, 1);
  expect(mean(await onRuntime(ones))).toBeCloseTo(0.9, 1);
});

describe("Dropout in training", () => {
  const x = input("x", "float32", [4000]);
  const fed = Float32Array.from({ length: 4000 }, (_, i) => 1 + (i % 7));
  const feeds = { x: tensor("float32", fed) };
  const ratio = constant(tensor("float32", 0.25));
  const [y, kept] = ops.Dropout(x, ratio, constant(tensor("bool", true)), { seed: 5 }) as [Value, Value];
  const [dx] = gradient(ops.ReduceSum(ops.Mul(y, y), { keepdims: 0 }), [x]);
  const made = graph({ outputs: { y, kept, dx: dx! }, inputs: [x] });

  /** y = kept·x/(1 − ratio), and the gradient of Σy² passes the same elements. */
  function check(found: { readonly y: ArrayLike<number>; readonly kept: ArrayLike<number>; readonly dx: ArrayLike<number> }): void {
    expect(mean(found.kept)).toBeCloseTo(0.75, 1);
    Array.from(found.y).forEach((value, i) => {
      const scaled = (found.kept[i]! * fed[i]!) / 0.75;
      expect(value).toBeCloseTo(scaled, 5);
      expect(found.dx[i]).toBeCloseTo((2 * scaled) / 0.75, 4);
    });
  }

  test("on the interpreter", () => {
    const found = evaluateGraph(made, { x: toNdArray(feeds.x) });
    check({ y: found["y"]!.data as Float64Array, kept: found["kept"]!.data as Float64Array, dx: found["dx"]!.data as Float64Array });
  });

  test("on ONNX Runtime", async () => {
    const session = await onnxruntimeNode.compile(made, { threads: 1 });
    try {
      const found = await session.run(feeds);
      check({ y: found["y"]!.data as Float32Array, kept: found["kept"]!.data as Uint8Array, dx: found["dx"]!.data as Float32Array });
    } finally {
      await session.dispose();
    }
  });
});
