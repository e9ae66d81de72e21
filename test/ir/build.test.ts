/** What a person sees who builds a wrong graph, and what the verifier sees in a broken one. */
import { describe, expect, test } from "vitest";
import { graph, input, makeNode, type Graph, type Value } from "../../src/ir/graph.ts";
import { applyOp, contentsOf, ops } from "../../src/ops/build.ts";
import { verifyGraph } from "../../src/ops/verify.ts";
import { GradusError } from "../../src/util/errors.ts";

const x = input("x", "float32", ["batch", 4]);
const message = (build: () => unknown): string => {
  try {
    build();
  } catch (error) {
    expect(error).toBeInstanceOf(GradusError);
    return (error as Error).message;
  }
  throw new Error("nothing was thrown");
};

describe("a wrong node is refused when it is built, with operator, names and shapes", () => {
  test("shapes that do not broadcast", () => {
    const bias = input("bias", "float32", [5]);
    expect(message(() => ops.Add(x, bias))).toBe(
      "Add(x float32[batch, 4], bias float32[5]): shapes [batch, 4] and [5] do not broadcast: 4 against 5",
    );
  });

  test("inner sizes of a product, of values without names too", () => {
    const w = input("w", "float32", [3, 10]);
    const text = message(() => ops.MatMul(ops.Exp(x), w));
    expect(text).toContain("MatMul(<Exp> float32[batch, 4], w float32[3, 10])");
    expect(text).toContain("4 against 3");
  });

  test("dtypes", () => {
    expect(message(() => ops.Add(x, input("n", "int64", [])))).toBe(
      "Add(x float32[batch, 4], n int64[]): dtypes differ: float32 and int64",
    );
    expect(message(() => ops.Exp(input("n", "int64", [])))).toBe("Exp(n int64[]): input must be a float tensor, got int64");
    expect(message(() => ops.And(x, x))).toContain("float32 tensors cannot be compared this way");
    expect(message(() => ops.Where(x, x, x))).toContain("the condition must be bool, got float32");
  });

  test("axes", () => {
    expect(message(() => ops.ReduceMean(x, { axes: [2] }))).toContain("axis 2 is outside a tensor of rank 2 (expected -2 to 1)");
    expect(message(() => ops.ReduceMax(x, { axes: [0, -2] }))).toContain("name one axis twice");
    expect(message(() => ops.Softmax(x, { axis: 5 }))).toContain("axis 5 is outside a tensor of rank 2");
  });

  test("how many inputs, and which attributes", () => {
    expect(message(() => applyOp("Add", [x]))).toBe("Add takes 2 inputs, got 1");
    expect(message(() => applyOp("Clip", []))).toBe("Clip takes 1 to 3 inputs, got 0");
    expect(message(() => applyOp("Max", []))).toBe("Max takes 1 or more inputs, got 0");
    expect(message(() => applyOp("Softmax", [x], { axes: 1 }))).toBe('Softmax has no attribute "axes"; it has axis');
    expect(message(() => applyOp("Add", [null, x]))).toContain("Add((none), x float32[batch, 4]): input 0 is missing");
  });

  test("an operator that is not ours", () => {
    expect(message(() => applyOp("Swish", [x]))).toMatch(/^operator Swish is not one of Gradus's \d+$/);
    expect(message(() => applyOp("toString", [x]))).toMatch(/^operator toString is not/);
  });
});

describe("numbers as operands", () => {
  test("become scalars of the first value's dtype, conditions passed over", () => {
    expect(ops.Sub(1, input("d", "float64", [2])).dtype).toBe("float64");
    expect(ops.Where(ops.Greater(x, 0), x, 0).dtype).toBe("float32");
    expect(message(() => ops.Mul(input("n", "int64", []), 0.5))).toContain("0.5 is no int64");
  });
});

describe("integers known at build time", () => {
  test("are followed through arithmetic on shapes, names included", () => {
    const [rows, columns] = [0, 1].map((i) => ops.Slice(ops.Shape(x), ops.Unsqueeze(int(i), zero), ops.Unsqueeze(int(i + 1), zero)));
    expect(contentsOf(ops.Mul(rows!, columns!))).toEqual(["4*batch"]);
    expect(contentsOf(ops.Div(ops.Mul(rows!, columns!), 2))).toEqual(["2*batch"]);
    expect(contentsOf(ops.Add(columns!, 3))).toEqual([7]);
    expect(contentsOf(ops.Sub(rows!, rows!))).toEqual([0]);
    expect(contentsOf(ops.ReduceProd(ops.Shape(x)))).toEqual(["4*batch"]);
    expect(contentsOf(ops.Cast(ops.Shape(x), { to: "int32" }))).toEqual(["batch", 4]);
    expect(contentsOf(ops.Cast(ops.Shape(x), { to: "float32" }))).toBeUndefined();
  });

  const int = (value: number) => ops.Size(input(`of ${value}`, "float32", [value]));
  const zero = ops.Shape(input("vector", "float32", [0]));
});

describe("the verifier", () => {
  const y = ops.Relu(ops.MatMul(x, input("w", "float32", [4, 3])));
  const sound = graph({ outputs: { y } });
  const broken = (change: Partial<Graph>): Graph => ({ ...sound, ...change });

  test("accepts a sound graph", () => {
    expect(() => verifyGraph(sound)).not.toThrow();
  });

  test("sees nodes out of order", () => {
    expect(() => verifyGraph(broken({ nodes: [...sound.nodes].reverse() }))).toThrow("Relu reads a value that no earlier node makes");
  });

  test("sees a node that is missing", () => {
    expect(() => verifyGraph(broken({ nodes: [] }))).toThrow('output "y" is made by no node');
  });

  test("sees an input that is missing", () => {
    expect(() => verifyGraph(broken({ inputs: [] }))).toThrow("MatMul reads a value that no earlier node makes");
  });

  test("sees a shape or dtype that inference does not give", () => {
    const wrong = (dtype: Value["dtype"], shape: Value["shape"]) => {
      const node = makeNode("Relu", "", [x], {}, [{ dtype, shape }]);
      return () => verifyGraph(graph({ outputs: { y: node.outputs[0]! } }));
    };
    expect(wrong("float32", ["batch", 5])).toThrow("Relu output 0 is float32[batch, 5], inference says float32[batch, 4]");
    expect(wrong("float64", ["batch", 4])).toThrow("Relu output 0 is float64[batch, 4]");
    expect(wrong("float32", ["batch", 4])).not.toThrow();
  });

  test("sees an operator that is not ours", () => {
    const node = makeNode("Swish", "", [x], {}, [x]);
    expect(() => verifyGraph(graph({ outputs: { y: node.outputs[0]! } }))).toThrow("operator Swish");
  });
});
