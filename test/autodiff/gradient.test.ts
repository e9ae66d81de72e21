/** Differentiation: accumulation, broadcasting, what is not reached, second order, what is refused. */
import { describe, expect, test } from "vitest";
import { gradient, undoBroadcast } from "../../src/autodiff/gradient.ts";
import { evaluateGraph } from "../../src/exec/reference.ts";
import { graph, input, int64, type Value } from "../../src/ir/graph.ts";
import { ops } from "../../src/ops/build.ts";
import { verifyGraph } from "../../src/ops/verify.ts";
import { GradusError } from "../../src/util/errors.ts";

const x = input("x", "float64", ["batch", 3]);
const w = input("w", "float64", [3]);
const feeds = {
  x: { dtype: "float64", shape: [2, 3], data: Float64Array.of(1, 2, 3, 4, 5, 6) },
  w: { dtype: "float64", shape: [3], data: Float64Array.of(0.5, -1, 2) },
} as const;
const sum = (value: Value) => ops.ReduceSum(value, { keepdims: 0 });

function values(outputs: readonly Value[]): number[][] {
  const made = graph({ outputs: Object.fromEntries(outputs.map((value, i) => [`y${i}`, value])), inputs: [x, w] });
  verifyGraph(made);
  return Object.values(evaluateGraph(made, feeds)).map(({ data }) => [...data] as number[]);
}

describe("gradient", () => {
  test("adds up what a value contributes on several ways", () => {
    const loss = sum(ops.Add(ops.Mul(w, w), ops.Add(w, w)));
    expect(values(gradient(loss, [w]))).toEqual([[3, 0, 6]]); // 2w + 2
  });

  test("sums over the axes along which a value was repeated", () => {
    const [dx, dw] = gradient(sum(ops.Mul(x, w)), [x, w]);
    expect(dw!.shape).toEqual([3]);
    expect(values([dx!, dw!])).toEqual([
      [0.5, -1, 2, 0.5, -1, 2],
      [5, 7, 9],
    ]);
  });

  test("undoes broadcasting of leading axes and of axes of size 1 together", () => {
    const big = input("big", "float64", [4, "batch", 3]);
    expect(undoBroadcast(big, [1, 3]).shape).toEqual([1, 3]);
    expect(undoBroadcast(big, []).shape).toEqual([]);
    expect(undoBroadcast(big, ["batch", 1]).shape).toEqual(["batch", 1]);
    expect(undoBroadcast(big, [4, "batch", 3])).toBe(big);
  });

  test("is zeros for what the loss does not depend on, and one for the loss itself", () => {
    const loss = sum(w);
    const [dx, dloss] = gradient(loss, [x, loss]);
    expect(values([dx!, dloss!])).toEqual([[0, 0, 0, 0, 0, 0], [1]]);
  });

  test("reaches values in the middle of a graph", () => {
    const middle = ops.Mul(w, 3);
    expect(values(gradient(sum(ops.Mul(middle, middle)), [middle, w]))).toEqual([
      [3, -6, 12],
      [9, -18, 36],
    ]);
  });

  test("does not pass through comparisons and integers, and through a condition to neither side of it", () => {
    const loss = sum(ops.Where(ops.Greater(w, 0), ops.Mul(w, 2), ops.Neg(w)));
    expect(values(gradient(loss, [w]))).toEqual([[2, -1, 2]]);
    const count = ops.Cast(ops.Cast(sum(w), { to: "int64" }), { to: "float64" });
    expect(values(gradient(ops.Mul(count, sum(w)), [w]))).toEqual([[1, 1, 1]]); // ⌊Σw⌋ counts as a constant
  });

  test("can be taken of a gradient: Hessian times vector", () => {
    const loss = sum(ops.Mul(ops.Mul(w, w), w));
    const [first] = gradient(loss, [w]);
    const v = ops.Exp(w);
    const [product] = gradient(sum(ops.Mul(first!, v)), [w]);
    const expected = feeds.w.data.map((value) => 6 * value * Math.exp(value) + 3 * value * value * Math.exp(value));
    values([product!])[0]!.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 12));
    const [third] = gradient(sum(gradient(sum(first!), [w])[0]!), [w]);
    expect(values([third!])).toEqual([[6, 6, 6]]);
  });

  test("builds a graph in proportion to a deep one, without overflowing the stack", () => {
    let y: Value = w;
    for (let i = 0; i < 20_000; i++) y = ops.Neg(y);
    expect(values(gradient(sum(y), [w]))).toEqual([[1, 1, 1]]);
  });

  test("adds 20 000 contributions to one value", () => {
    const terms = Array.from({ length: 20_000 }, () => ops.Neg(w));
    expect(values(gradient(sum(ops.Sum(...terms)), [w]))).toEqual([[-20000, -20000, -20000]]);
  });

  test("writes no repetition out: a mean's gradient meets its partners as one number", () => {
    const label = input("label", "float64", ["batch", 3]);
    const perExample = ops.Neg(ops.ReduceSum(ops.Mul(label, ops.LogSoftmax(ops.Relu(x))), int64([1]), { keepdims: 0 }));
    const loss = ops.ReduceMean(perExample, { axes: [0], keepdims: 0 });
    const forward = new Set(graph({ outputs: { loss } }).nodes);
    const [dx] = gradient(loss, [x]);
    const backward = graph({ outputs: { dx: dx! } })
      .nodes.filter((node) => !forward.has(node))
      .map(({ op }) => op);
    expect(backward.sort().join(" ")).toBe("Greater Cast Size Cast Div Neg Mul Exp ReduceSum Mul Sub Mul".split(" ").sort().join(" "));
  });

  test("repeats what must have the value's own shape", () => {
    const [dx] = gradient(ops.ReduceMean(ops.Neg(ops.ReduceMean(x, { axes: [1] })), { keepdims: 0 }), [x]);
    expect(dx!.shape).toEqual(["batch", 3]);
    values([dx!])[0]!.forEach((value) => expect(value).toBeCloseTo(-1 / 6, 15));
    const rows = ops.ReduceSum(x, int64([1])); // [batch, 1]
    const [again] = gradient(sum(ops.Mul(rows, rows)), [x]);
    expect(values([again!])).toEqual([[12, 12, 12, 30, 30, 30]]);
  });

  test("refuses what is no float scalar, with its dtype and shape", () => {
    expect(() => gradient(x, [x])).toThrow("gradient needs a float scalar, got float64[batch, 3]");
    expect(() => gradient(ops.Size(x), [x])).toThrow("gradient needs a float scalar, got int64[]");
  });

  test("refuses a gradient with respect to integers", () => {
    const n = input("n", "int64", []);
    expect(() => gradient(sum(w), [n])).toThrow("there is no gradient with respect to n of dtype int64, only to floats");
  });

  const wide = (value: Value) => ops.Cast(value, { to: "float64" });
  const cuts: readonly (readonly [string, Value, string])[] = [
    [
      "a cast to integers",
      wide(ops.Cast(ops.Mul(w, 2), { to: "int64" })),
      "Cast (its output Cast int64[3]), which has no slope: its output is int64",
    ],
    [
      "ArgMax",
      wide(ops.ArgMax(ops.Tanh(w), { axis: 0 })),
      "ArgMax (its output ArgMax int64[1]), which has no slope: its output is an index",
    ],
    ["NonZero", wide(ops.NonZero(w)), "NonZero (its output NonZero int64[1, ?]), which has no slope: the result is positions"],
    ["a comparison", wide(ops.Greater(w, 0)), "Greater (its output Greater bool[3]), which has no slope: its output is bool"],
    ["Round", ops.Mul(ops.Round(w), 2), "Round (its output Round float64[3]), which has no slope: it is constant almost everywhere"],
    ["indices of TopK", wide(ops.TopK(w, int64([2]))[1]!), "TopK (its output TopK_1 int64[2]), which has no slope: its output is int64"],
  ];
  for (const [name, made, message] of cuts) {
    test(`says where every way is cut off: ${name}; zeros where that is asked for`, () => {
      const loss = sum(made);
      const refused = () => gradient(loss, [w]);
      expect(refused).toThrow(GradusError);
      expect(refused).toThrow(`the loss depends on w only through ${message}`);
      expect(values(gradient(loss, [w], undefined, { cut: "zeros" }))).toEqual([[0, 0, 0]]);
      // Beside a smooth way it is a constant.
      expect(values(gradient(ops.Add(loss, sum(ops.Mul(w, 3))), [w]))).toEqual([[3, 3, 3]]);
    });
  }

  test("names the cut nearest the value of several, and passes over shapes", () => {
    const late = wide(ops.ArgMax(wide(ops.Cast(w, { to: "int64" })), { axis: 0 }));
    expect(() => gradient(sum(late), [w])).toThrow("only through Cast (its output Cast int64[3])");
    expect(values(gradient(sum(wide(ops.Shape(w))), [w]))).toEqual([[0, 0, 0]]);
  });

  test("steps that differentiation made cut nothing off: second derivatives of Relu and Abs are zeros", () => {
    for (const f of [ops.Relu, ops.Abs]) {
      const [first] = gradient(sum(f(w)), [w]);
      expect(values(gradient(sum(ops.Mul(first!, first!)), [w]))).toEqual([[0, 0, 0]]);
    }
  });

  test("an operator without a rule is named with its output", () => {
    const drawn = ops.Bernoulli(ops.Sigmoid(w));
    expect(() => gradient(sum(drawn), [w])).toThrow(/^Bernoulli has no gradient: .* \(its output Bernoulli float64\[3\]\)$/);
  });
});
