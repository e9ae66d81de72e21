/** Results that no thread count changes: each operator written out, each matrix product within its limit. */
import { describe, expect, test } from "vitest";
import { gradient } from "../../src/autodiff/gradient.ts";
import { evaluateGraph, toNdArray } from "../../src/exec/reference.ts";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { steadyThreads, turnProducts } from "../../src/exec/steady-products.ts";
import { steadyGraph } from "../../src/exec/steady.ts";
import { graph, input, int64, type Graph, type Value } from "../../src/ir/graph.ts";
import { tensor, type Tensor } from "../../src/ir/tensor.ts";
import { applyOp, ops } from "../../src/ops/build.ts";
import { rng } from "../../src/util/rng.ts";

const random = (shape: readonly number[], seed = 1) => {
  const data = rng(seed, "steady").fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1)));
  return tensor("float32", data, shape);
};

async function onThreads(
  made: Graph,
  feeds: Record<string, Tensor>,
  threads: number,
  sizes?: Record<string, number>[],
): Promise<Float32Array> {
  const session = await onnxruntimeNode.compile(made, { threads, ...(sizes ? { sizes } : {}) });
  const result = (await session.run(feeds))["y"]!.data as Float32Array;
  await session.dispose();
  return result;
}

const firstDifference = (a: Float32Array, b: Float32Array) => a.findIndex((x, i) => !Object.is(x, b[i]));

const x = input("x", "float32", ["batch", 257]);
const unsteady = {
  Log: ops.Log(ops.Add(ops.Abs(x), 0.5)),
  Softplus: ops.Softplus(x),
  Elu: ops.Elu(x, { alpha: 0.7 }),
  Selu: ops.Selu(x),
  Celu: ops.Celu(x, { alpha: 1.5 }),
};

describe.each(Object.entries(unsteady))("%s", (name, y) => {
  const made = graph({ outputs: { y } });

  test("is written with other operators", () => {
    expect(made.nodes.map(({ op }) => op)).toContain(name);
    expect(steadyGraph(made).nodes.map(({ op }) => op)).not.toContain(name);
  });

  test("has the same bits on 1 to 4 threads, and its own values", async () => {
    const feeds = { x: random([1531, 257]) };
    const one = await onThreads(made, feeds, 1);
    for (const threads of [2, 3, 4]) expect(firstDifference(await onThreads(made, feeds, threads), one), `${threads} threads`).toBe(-1);
    const exact = evaluateGraph(made, { x: toNdArray(feeds.x) })["y"]!.data as Float64Array;
    expect(Math.max(...Array.from(exact.subarray(0, 50_000), (value, i) => Math.abs(value - one[i]!)))).toBeLessThan(1e-5);
  });

  test("keeps infinities and NaN", async () => {
    const wide = new Float32Array(257).fill(0.5);
    wide.set([Infinity, -Infinity, NaN, 200, -200, 0, -0]);
    const feeds = { x: tensor("float32", wide, [1, 257]) };
    const found = await onThreads(made, feeds, 1);
    const exact = evaluateGraph(made, { x: toNdArray(feeds.x) })["y"]!.data as Float64Array;
    for (let i = 0; i < 7; i++) {
      if (Number.isFinite(exact[i])) expect(found[i], `at ${wide[i]}`).toBeCloseTo(exact[i]!, 4);
      else expect(found[i], `at ${wide[i]}`).toBe(exact[i]);
    }
  });
});

test("a body of Scan is written out too, and still reads what it captured", async () => {
  const scale = input("scale", "float32", []);
  const [s, part] = [input("s", "float32", [3]), input("part", "float32", [3])];
  const body = graph({
    inputs: [s, part],
    outputs: { next: ops.Add(s, ops.Softplus(ops.Mul(part, scale))) },
    captures: [scale],
  });
  const parts = input("parts", "float32", ["steps", 3]);
  const [y] = ops.Scan(input("start", "float32", [3]), parts, { body, num_scan_inputs: 1 });
  const made = graph({ outputs: { y: y! } });
  const feeds = { start: random([3]), parts: random([5, 3]), scale: tensor("float32", 2) };
  const exact = evaluateGraph(made, Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, toNdArray(value)])))["y"]!;
  const found = await onThreads(made, feeds, 1);
  found.forEach((value, i) => expect(value).toBeCloseTo((exact.data as Float64Array)[i]!, 5));
});

describe("matrix products", () => {
  const product = (m: number, k: number, n: number) => {
    const made = graph({ outputs: { y: ops.MatMul(input("a", "float32", ["batch", k]), input("b", "float32", [k, n])) } });
    return { made, feeds: { a: random([m, k]), b: random([k, n], 2) }, sizes: [{ batch: m }] };
  };

  test.each([
    [64, 256, 128],
    [128, 512, 256],
    [37, 300, 512],
    [20, 700, 48],
    [100, 1500, 130],
    [512, 300, 128],
    [33, 129, 65],
  ])("[%i, %i] · [.., %i] has the bits of one thread on 2 to 8 when its sizes are known", async (m, k, n) => {
    const { made, feeds, sizes } = product(m, k, n);
    const one = await onThreads(made, feeds, 1, sizes);
    for (const threads of [2, 3, 4, 8]) {
      expect(firstDifference(await onThreads(made, feeds, threads, sizes), one), `${threads} threads`).toBe(-1);
    }
  });

  test("a product of few rows whose columns two threads would change is turned, and then takes any number of threads", async () => {
    const [a, b, c] = [input("a", "float32", [300, "batch"]), input("b", "float32", [128, 300]), input("c", "float32", [128])];
    const made = graph({ outputs: { y: ops.Gemm(a, b, c, { transA: 1, transB: 1, alpha: 0.5, beta: 2 }) } });
    const sizes = [{ batch: 64 }, { batch: 33 }];
    const once = turnProducts(made, sizes);
    expect(once.nodes.map(({ op }) => op)).toEqual(["Unsqueeze", "Gemm", "Transpose"]);
    expect(steadyThreads(made, 2, sizes)).toBe(1);
    expect(steadyThreads(once, 8, sizes)).toBe(8);
    const feeds = { a: random([300, 64]), b: random([128, 300], 2), c: random([128], 3) };
    const exact = evaluateGraph(made, Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, toNdArray(value)])))["y"]!;
    const one = await onThreads(made, feeds, 1, sizes);
    one.forEach((value, i) => expect(value).toBeCloseTo((exact.data as Float64Array)[i]!, 3));
    for (const threads of [2, 3, 4]) expect(firstDifference(await onThreads(made, feeds, threads, sizes), one)).toBe(-1);
    // More rows than columns for one of the sizes: it stays, and the threads are limited.
    expect(turnProducts(made, [{ batch: 64 }, { batch: 129 }])).toBe(made);
    expect(turnProducts(made, [{ batch: 128 }])).toBe(made);
  });

  test.each([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ])("a turned product is the product: transA %i, transB %i", async (transA, transB) => {
    const [shapeA, shapeB] = [transA ? [700, 20] : [20, 700], transB ? [48, 700] : [700, 48]];
    const made = graph({ outputs: { y: ops.Gemm(input("a", "float32", shapeA), input("b", "float32", shapeB), { transA, transB }) } });
    expect(turnProducts(made, [{}]).nodes.map(({ op }) => op)).toEqual(["Gemm", "Transpose"]);
    const feeds = { a: random(shapeA), b: random(shapeB, 2) };
    const exact = evaluateGraph(made, { a: toNdArray(feeds.a), b: toNdArray(feeds.b) })["y"]!;
    const found = await onThreads(made, feeds, 2, [{}]);
    found.forEach((value, i) => expect(value).toBeCloseTo((exact.data as Float64Array)[i]!, 3));
  });

  test("threads are limited only where the columns of one thread would change the sums", () => {
    const limit = (m: number, k: number, n: number, threads = 2) => steadyThreads(product(m, k, n).made, threads, [{ batch: m }]);
    expect(limit(64, 256, 128)).toBe(1);
    expect(limit(128, 256, 128)).toBe(2); // as many rows as columns: shared out by rows
    expect(limit(64, 128, 128)).toBe(2); // a sum in one piece
    expect(limit(128, 784, 512)).toBe(2);
    expect(limit(128, 512, 256, 4)).toBe(3);
    expect(limit(512, 1024, 1024, 8)).toBe(8);
  });
});

test("a convolution of one image has one thread's bits on the threads it may take, one of several images on any number", async () => {
  const made = (batch: number, channels: number) => {
    const [x, w] = [input("x", "float32", ["batch", channels, 22, 22]), input("w", "float32", [24, channels, 3, 3])];
    return {
      graph: graph({ outputs: { y: ops.Conv(x, w) } }),
      feeds: { x: random([batch, channels, 22, 22]), w: random([24, channels, 3, 3], 2) },
    };
  };
  const cut = made(1, 77);
  expect(steadyThreads(cut.graph, 4, [{ batch: 1 }])).toBeLessThan(4);
  expect(steadyThreads(cut.graph, 4, [{ batch: 5 }])).toBe(4);
  expect(steadyThreads(made(1, 14).graph, 4, [{ batch: 1 }])).toBe(4); // sums of 126 in one piece
  for (const [batch, channels] of [
    [1, 77],
    [1, 14],
    [5, 77],
  ] as const) {
    const one = made(batch, channels);
    const expected = await onThreads(one.graph, one.feeds, 1);
    for (const threads of [2, 3, 4]) {
      const found = await onThreads(one.graph, one.feeds, threads, [{ batch }]);
      expect(firstDifference(found, expected), `${batch} images of ${channels} channels, ${threads} threads`).toBe(-1);
    }
  }
});

test("batch normalisation in training leaves the running statistics it is given as they are", async () => {
  const shape = ["batch", 2, 3] as const;
  const [x, scale, bias] = [input("x", "float32", shape), input("scale", "float32", [2]), input("bias", "float32", [2])];
  const [mean, variance] = [input("mean", "float32", [2]), input("variance", "float32", [2])];
  const [y, nextMean, nextVariance] = ops.BatchNormalization(x, scale, bias, mean, variance, { training_mode: 1, momentum: 0.5 });
  const session = await onnxruntimeNode.compile(
    graph({ inputs: [x, scale, bias, mean, variance], outputs: { y: y!, nextMean: nextMean!, nextVariance: nextVariance! } }),
  );
  const feeds = {
    x: tensor(
      "float32",
      Float32Array.from({ length: 12 }, (_, i) => i),
      [2, 2, 3],
    ),
    scale: tensor("float32", new Float32Array([1, 1])),
    bias: tensor("float32", new Float32Array(2)),
    mean: tensor("float32", new Float32Array([7, 9])),
    variance: tensor("float32", new Float32Array([3, 4])),
  };
  const next = tensor("float32", new Float32Array(2));
  for (let run = 0; run < 3; run++) {
    await session.run(feeds, { nextMean: next });
    expect([...(feeds.mean.data as Float32Array), ...(feeds.variance.data as Float32Array)]).toEqual([7, 9, 3, 4]);
    expect([...(next.data as Float32Array)]).toEqual([5.5, 8]);
  }
  await session.dispose();
});

describe.each(["LSTM", "GRU", "RNN"] as const)("%s", (op) => {
  test.each([
    [6, 3, 33, 17],
    [4, 2, 500, 256],
  ])("has the same bits on 1 to 4 threads, and so has its gradient: %i steps of %i sequences, %i features, %i hidden", async (...sizes) => {
    const [steps, batch, features, hidden] = sizes;
    const rows = hidden * { LSTM: 4, GRU: 3, RNN: 1 }[op];
    const shapes = { x: [steps, batch, features], w: [1, rows, features], r: [1, rows, hidden] };
    const [sequence, w, r] = Object.entries(shapes).map(([name, shape]) => input(name, "float32", shape)) as [Value, Value, Value];
    const [all] = applyOp(op, [sequence, w, ops.Mul(r, 0.1)], { hidden_size: hidden }).outputs;
    const loss = ops.ReduceSum(ops.Mul(all!, all!), { keepdims: 0 });
    const flat = [all!, ...gradient(loss, [sequence, w, r])].map((value) => ops.Reshape(value, int64([-1])));
    const made = graph({ outputs: { y: ops.Concat(...flat, { axis: 0 }) } });
    const feeds = Object.fromEntries(Object.entries(shapes).map(([name, shape], i) => [name, random(shape, i + 1)]));
    const one = await onThreads(made, feeds, 1, [{}]);
    for (const threads of [2, 3, 4])
      expect(firstDifference(await onThreads(made, feeds, threads, [{}]), one), `${threads} threads`).toBe(-1);
  });
});

test("many matrices times one are one product of all their rows, whose bits no thread changes", async () => {
  const product = (batch: number, rows: number, columns: number) => {
    const shapes = { a: [batch, rows, 900], b: [900, columns] } as const;
    const y = ops.MatMul(input("a", "float32", shapes.a), input("b", "float32", shapes.b));
    return { made: graph({ outputs: { y } }), feeds: { a: random(shapes.a), b: random(shapes.b) } };
  };
  const enough = product(5, 20, 90);
  expect(steadyThreads(enough.made, 4, [{}])).toBe(4);
  const one = await onThreads(enough.made, enough.feeds, 1);
  for (const threads of [2, 3, 4]) expect(firstDifference(await onThreads(enough.made, enough.feeds, threads), one)).toBe(-1);
  const few = product(2, 30, 61);
  expect(steadyThreads(few.made, 2, [{}])).toBe(1);
});
