/** Values and conventions that samples cannot show: extremes, ties, kinks, integers, strings. */
import { describe, expect, test } from "vitest";
import { gradient } from "../../src/autodiff/gradient.ts";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { evaluateGraph, toNdArray } from "../../src/exec/reference.ts";
import type { DType } from "../../src/ir/dtype.ts";
import { constant, graph, input, int64, scalar, type Value } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { ops } from "../../src/ops/build.ts";

const values = (dtype: DType, data: readonly (number | string)[]) => constant(tensor(dtype, data as number[]));
const evaluated = (y: Value) => [...evaluateGraph(graph({ outputs: { y } }), {})["y"]!.data];

/** A function's derivative at points, by the gradient graph. */
function slopes(f: (x: Value) => Value, at: readonly number[]): unknown[] {
  const x = input("x", "float64", [at.length]);
  const [dx] = gradient(ops.ReduceSum(f(x), { keepdims: 0 }), [x], undefined, { cut: "zeros" });
  return [...evaluateGraph(graph({ outputs: { dx: dx! }, inputs: [x] }), { x: toNdArray(tensor("float64", at)) })["dx"]!.data];
}

describe("evaluation stays exact at the extremes", () => {
  test("Erf, to the last digits", () => {
    const known = [
      [1e-10, 1.1283791670955126e-10],
      [0.1, 0.1124629160182848922],
      [0.5, 0.5204998778130465377],
      [1, 0.8427007929497148693],
      [1.5, 0.9661051464753107271],
      [2, 0.9953222650189527342],
      [3, 0.9999779095030014146],
      [5, 0.9999999999984625402],
    ] as const; // DLMF 7.23, Abramowitz and Stegun table 7.1
    const got = evaluated(
      ops.Erf(
        values(
          "float64",
          known.map(([x]) => x),
        ),
      ),
    ) as number[];
    known.forEach(([x, y], i) => expect(Math.abs(got[i]! / y - 1), `erf ${x}`).toBeLessThanOrEqual(4e-16));
    expect(evaluated(ops.Erf(values("float64", [-0.5, 0, Infinity, -Infinity, NaN])))).toEqual([-0.5204998778130465, 0, 1, -1, NaN]);
  });

  test("Sigmoid and Softplus neither overflow nor lose small results", () => {
    expect(evaluated(ops.Sigmoid(values("float64", [-700, 0, 800])))).toEqual([Math.exp(-700), 0.5, 1]);
    expect(evaluated(ops.Softplus(values("float64", [-700, 0, 800])))).toEqual([Math.exp(-700), Math.LN2, 800]);
  });

  test("LogSoftmax, Softmax and ReduceLogSumExp of large logits", () => {
    const logits = values("float64", [1000, 1001, -1000]);
    const log = Math.log1p(Math.exp(-1));
    expect(evaluated(ops.ReduceLogSumExp(logits, { keepdims: 0 }))[0]).toBeCloseTo(1001 + log, 12);
    const [a, b, c] = evaluated(ops.LogSoftmax(logits)) as number[];
    expect(a).toBeCloseTo(-1 - log, 12);
    expect(b).toBeCloseTo(-log, 12);
    expect(c).toBeCloseTo(-2001 - log, 12);
    expect((evaluated(ops.Softmax(logits)) as number[]).reduce((x, y) => x + y)).toBeCloseTo(1, 15);
    expect(evaluated(ops.ReduceLogSumExp(values("float64", [-Infinity, -Infinity]), { keepdims: 0 }))).toEqual([-Infinity]);
  });

  test("NaN passes Relu, Max, Clip and ReduceMax", () => {
    const x = values("float64", [NaN, 1]);
    expect(evaluated(ops.Relu(x))).toEqual([NaN, 1]);
    expect(evaluated(ops.Max(x, 0))).toEqual([NaN, 1]);
    expect(evaluated(ops.Clip(x, 0, 0.5))).toEqual([NaN, 0.5]);
    expect(evaluated(ops.ReduceMax(x, { keepdims: 0 }))).toEqual([NaN]);
  });
});

describe("integers and strings", () => {
  test("Round goes to the even neighbour, in ONNX Runtime too", async () => {
    const x = values("float32", [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4999, -1.2]);
    const y = graph({ outputs: { y: ops.Round(x) } });
    const expected = [-2, -2, 0, 0, 2, 2, 2, -1];
    expect(evaluated(ops.Round(x)).map((v) => (v as number) + 0)).toEqual(expected);
    const session = await onnxruntimeNode.compile(y);
    expect(Array.from((await session.run({}))["y"]!.data as Float32Array, (v) => v + 0)).toEqual(expected);
    await session.dispose();
  });

  test("Div truncates towards zero; arithmetic wraps as its dtype does", () => {
    expect(evaluated(ops.Div(values("int32", [7, -7, 7, -7]), values("int32", [2, 2, -2, -2])))).toEqual([3, -3, -3, 3]);
    expect(evaluated(ops.Add(values("uint8", [250]), values("uint8", [10])))).toEqual([4]);
    expect(evaluated(ops.Neg(values("int8", [-128])))).toEqual([-128]);
    expect(evaluated(ops.Mul(values("int32", [65536]), values("int32", [65536])))).toEqual([0]);
  });

  test("Mod has the sign of the divisor, with fmod that of the dividend", () => {
    const a = values("int64", [7, -7, 7, -7]);
    const b = values("int64", [3, 3, -3, -3]);
    expect(evaluated(ops.Mod(a, b))).toEqual([1, 2, -2, -1]);
    expect(evaluated(ops.Mod(a, b, { fmod: 1 }))).toEqual([1, -1, 1, -1]);
    expect(() => ops.Mod(values("float32", [1]), 2)).toThrow("floats need fmod: 1");
  });

  test("Cast truncates floats, wraps integers, and reads and writes numbers as text", () => {
    expect(evaluated(ops.Cast(values("float64", [2.9, -2.9, -0.4]), { to: "int64" }))).toEqual([2, -2, 0]);
    expect(evaluated(ops.Cast(values("int32", [300, -1]), { to: "uint8" }))).toEqual([44, 255]);
    expect(evaluated(ops.Cast(values("float32", [0, -0.5, NaN]), { to: "bool" }))).toEqual([0, 1, 1]);
    expect(evaluated(ops.Cast(values("string", ["-1.25e2", "nan", "-INF"]), { to: "float32" }))).toEqual([-125, NaN, -Infinity]);
    expect(evaluated(ops.Cast(values("float64", [0.1, 1e-5, 1e20, -Infinity]), { to: "string" }))).toEqual([
      "0.1",
      "1e-05",
      "1e+20",
      "-INF",
    ]);
    expect(() => evaluated(ops.Cast(values("string", ["three"]), { to: "float32" }))).toThrow('"three" is not a number');
  });

  test("an empty reduction has the neutral element", () => {
    const none = constant(tensor("float64", new Float64Array(0), [0, 2]));
    expect(evaluated(ops.ReduceSum(none, { keepdims: 0 }))).toEqual([0]);
    expect(evaluated(ops.ReduceProd(none, { axes: [0], keepdims: 0 }))).toEqual([1, 1]);
  });
});

describe("gradients at kinks and ties follow PyTorch", () => {
  test.each([
    ["Relu", (x: Value) => ops.Relu(x), [0, 0, 1]],
    ["LeakyRelu", (x: Value) => ops.LeakyRelu(x, { alpha: 0.25 }), [0.25, 0.25, 1]],
    ["Abs", (x: Value) => ops.Abs(x), [-1, 0, 1]],
    ["Elu", (x: Value) => ops.Elu(x, { alpha: 1 }), [Math.exp(-1), 1, 1]],
    ["Clip", (x: Value) => ops.Clip(x, 0, 1), [0, 1, 1]],
    ["Max with a number", (x: Value) => ops.Max(x, 0), [0, 0.5, 1]],
    ["ReduceL1", (x: Value) => ops.ReduceL1(x), [-1, 0, 1]],
    ["Sign", (x: Value) => ops.Sign(x), [0, 0, 0]],
  ])("%s at -1, 0 and 1", (_, f, expected) => {
    slopes(f, [-1, 0, 1]).forEach((slope, i) => expect(slope).toBeCloseTo(expected[i]!, 15));
  });

  test("equal largest elements share the gradient", () => {
    expect(slopes((x) => ops.ReduceMax(x, { keepdims: 0 }), [3, 1, 3, 2])).toEqual([0.5, 0, 0.5, 0]);
    expect(slopes((x) => ops.ReduceMin(x, { keepdims: 0 }), [1, 1, 1, 2])).toEqual([1 / 3, 1 / 3, 1 / 3, 0]);
  });

  test("a norm at zero has the gradient 0", () => {
    expect(slopes((x) => ops.ReduceL2(x), [0, 0])).toEqual([0, 0]);
    expect(slopes((x) => ops.ReduceL2(x), [3, 4])).toEqual([0.6000000000000001, 0.8]);
  });

  test("a product with zeros in it: the product of the others", () => {
    expect(slopes((x) => ops.ReduceProd(x, { keepdims: 0 }), [2, 0, 3])).toEqual([0, 6, 0]);
    expect(slopes((x) => ops.ReduceProd(x, { keepdims: 0 }), [0, 0, 3])).toEqual([0, 0, 0]);
  });

  test("a product of updates with zeros in it: the product of the others and of what was there", () => {
    const base = values("float64", [5, 7, 11]);
    const at = values("int64", [0, 1, 0, 2, 2, 0]);
    const updates = [2, 3, 0, 0, 0, 4];
    const wanted = [0, 7, 40, 0, 0, 0]; // 5·2·4 for the only zero of place 0; two zeros at place 2
    expect(slopes((x) => ops.ScatterElements(base, at, x, { reduction: "mul" }), updates)).toEqual(wanted);
    const rows = ops.Unsqueeze(at, int64([1]));
    expect(slopes((x) => ops.ScatterND(base, rows, x, { reduction: "mul" }), updates)).toEqual(wanted);
    const u = values("float64", updates);
    expect(slopes((x) => ops.ScatterElements(x, at, u, { reduction: "mul" }), [5, 7, 11])).toEqual([0, 3, 0]);
  });

  test("powers at zero", () => {
    const zeros = values("float64", [0, 1, 2]);
    expect(slopes((x) => ops.Pow(x, zeros), [0, 0, 0])).toEqual([0, 1, 0]);
    expect(slopes((x) => ops.Pow(x, scalar("float64", 0)), [0, 3])).toEqual([0, 0]);
    expect(slopes((x) => ops.Pow(zeros, x), [1, 2, 1])).toEqual([0, 0, 2 * Math.LN2]);
  });
});
