/** Sizes that are computed in the graph are known when it is built, names included. */
import { expect, test } from "vitest";
import { input, int64 } from "../../src/ir/graph.ts";
import { contentsOf, ops } from "../../src/ops/build.ts";
import { int64Scalar } from "../../src/ops/vectors.ts";

const x = input("x", "float32", ["batch", 28, 28]);

test("flattening by a shape made of the batch and -1 keeps the name of the batch", () => {
  const batch = ops.Slice(ops.Shape(x), int64([0]), int64([1]));
  expect(ops.Reshape(x, ops.Concat(batch, int64([-1]), { axis: 0 })).shape).toEqual(["batch", 784]);
});

test("a product of sizes is taken apart again", () => {
  const tall = ops.Reshape(x, int64([-1, 28]));
  expect(tall.shape).toEqual(["28*batch", 28]);
  expect(ops.Reshape(tall, int64([-1, 28, 28])).shape).toEqual(["batch", 28, 28]);
});

test("a size picked out of a shape sizes an Expand, a Range and a ConstantOfShape", () => {
  const size = ops.Gather(ops.Shape(x), int64Scalar(0));
  expect(ops.Range(int64Scalar(0), size, int64Scalar(1)).shape).toEqual(["batch"]);
  const vector = ops.Unsqueeze(size, int64([0]));
  expect(ops.ConstantOfShape(ops.Concat(vector, int64([3]), { axis: 0 })).shape).toEqual(["batch", 3]);
  expect(ops.Expand(input("row", "float32", [1, 3]), ops.Concat(vector, int64([3]), { axis: 0 })).shape).toEqual(["batch", 3]);
});

test("integers computed from constants are known", () => {
  const range = ops.Range(int64Scalar(5), int64Scalar(-1), int64Scalar(-2));
  expect(contentsOf(range)).toEqual([5, 3, 1]);
  expect(contentsOf(ops.Slice(range, int64([-1]), int64([-100]), int64([0]), int64([-1])))).toEqual([1, 3, 5]);
  expect(contentsOf(ops.Gather(range, int64([2, -3])))).toEqual([1, 5]);
  expect(contentsOf(input("n", "int64", [2]))).toBeUndefined();
});

test("what does not fit says so, with both shapes", () => {
  const w = input("w", "float32", [784, 10]);
  expect(() => ops.MatMul(x, w)).toThrow(
    "MatMul(x float32[batch, 28, 28], w float32[784, 10]): shapes [batch, 28, 28] and [784, 10] have different inner sizes: 28 against 784",
  );
  expect(() => ops.Gemm(w, w)).toThrow("different inner sizes: 10 against 784");
  expect(() => ops.Gemm(w, w, input("c", "float32", [11]), { transA: 1 })).toThrow("shape [11] does not broadcast to [10, 10]");
  expect(() => ops.Reshape(w, int64([10, 10]))).toThrow("[784, 10] cannot become [10, 10]: 7840 elements against 100");
  expect(() => ops.Reshape(x, int64([0, 783]))).toThrow("[batch, 28, 28] cannot become [0, 783]: 784*batch elements against 783*batch");
  expect(() => ops.Concat(w, input("v", "float32", [784, 9]), { axis: 0 })).toThrow("and [784, 9] differ on axis 1: 10 against 9");
  expect(() => ops.Squeeze(w, int64([1]))).toThrow("axis 1 of shape [784, 10] has size 10, not 1");
  expect(() => ops.Unsqueeze(w, input("axes", "int64", [1]))).toThrow("axes must be known when the graph is built");
  expect(() => ops.Transpose(w, { perm: [0, 0] })).toThrow("perm [0, 0] is no order of 2 axes");
  expect(() => ops.Split(w, int64([5, 6]), { axis: 1 })).toThrow("the parts [5, 6] do not add up to axis 1 of [784, 10]");
});
