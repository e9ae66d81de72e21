/** Graphs extracted from outputs: order, inputs, captures, names, depth. */
import { describe, expect, test } from "vitest";
import { evaluateGraph } from "../../src/exec/reference.ts";
import { constant, graph, input, nameValues, scalar, type Value } from "../../src/ir/graph.ts";
import { printGraph } from "../../src/ir/print.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { ops } from "../../src/ops/build.ts";

const x = input("x", "float32", ["batch", 3]);
const w = input("w", "float32", [3]);

describe("graph", () => {
  test("holds the nodes its outputs need, each once, after what they read", () => {
    const shared = ops.Mul(x, w);
    const y = ops.Add(shared, ops.Neg(shared));
    ops.Exp(shared); // nobody asks for it
    const made = graph({ outputs: { y } });
    expect(made.nodes.map(({ op }) => op)).toEqual(["Mul", "Neg", "Add"]);
    expect(made.inputs).toEqual([x, w]);
  });

  test("keeps the order of listed inputs, unused ones too, and appends those it meets", () => {
    const unused = input("unused", "float32", []);
    expect(graph({ outputs: { y: ops.Mul(x, w) }, inputs: [unused, w] }).inputs.map(({ name }) => name)).toEqual(["unused", "w", "x"]);
  });

  test("refuses two inputs of one name", () => {
    expect(() => graph({ outputs: { y: ops.Add(x, input("x", "float32", [3])) } })).toThrow('two graph inputs are called "x"');
    expect(() => input("", "float32", [])).toThrow("a graph input needs a name");
  });

  test("keeps the order of a list of outputs, and refuses an object whose whole numbers would change theirs", () => {
    const [a, b] = [ops.Exp(w), ops.Neg(w)];
    const listed = graph({ outputs: ["9", "y", "10"].map((name, i) => ({ name, value: i === 1 ? b : a })) });
    expect(listed.outputs.map(({ name, value }) => [name, value])).toEqual([
      ["9", a],
      ["y", b],
      ["10", a],
    ]);
    expect(() => graph({ outputs: { y: a, 2: b } })).toThrow('output "2" would not keep its place');
    expect(graph({ outputs: { 2: a } }).outputs).toEqual([{ name: "2", value: a }]);
    expect(() =>
      graph({
        outputs: [
          { name: "y", value: a },
          { name: "y", value: b },
        ],
      }),
    ).toThrow("two graph outputs have one name");
  });

  test("of a body reads what it captures, and refuses an input it does not list", () => {
    const state = input("state", "float32", [3]);
    const outer = ops.Exp(w);
    const body = graph({ inputs: [state], captures: [outer], outputs: { next: ops.Add(state, outer) } });
    expect(body.nodes.map(({ op }) => op)).toEqual(["Add"]);
    expect(() => graph({ inputs: [state], captures: [], outputs: { next: ops.Add(state, w) } })).toThrow('a body reads input "w"');
  });

  test("may be 20 000 nodes deep", () => {
    let y: Value = x;
    for (let i = 0; i < 20_000; i++) y = ops.Neg(y);
    const made = graph({ outputs: { y } });
    expect(made.nodes.length).toBe(20_000);
    expect(printGraph(made).split("\n").length).toBe(20_002);
    const array = { dtype: "float32", shape: [1, 3], data: Float64Array.of(1, 2, 3) } as const;
    expect(evaluateGraph(made, { x: array })["y"]!.data).toEqual(array.data);
  });
});

describe("names of values", () => {
  test("are unique, and those of inputs and outputs are kept", () => {
    const hidden = ops.Neg(x);
    const y = ops.Neg(ops.Neg(hidden));
    const named = input("Neg", "float32", []);
    const made = graph({ outputs: { y: ops.Add(y, named), Neg_1: hidden } });
    const names = [...nameValues(made).values()];
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(expect.arrayContaining(["x", "Neg", "y", "Neg_1"]));
    expect(nameValues(made).get(hidden)).toBe("Neg_1");
  });
});

describe("the printer", () => {
  test("writes a node a line with types, small constants in place and large ones by name", () => {
    const weights = constant(tensor("float32", new Float32Array(12), [3, 4]), "weights");
    const y = ops.ReduceSum(ops.Add(ops.MatMul(x, weights), scalar("float32", 0.5)), null, { keepdims: 0 });
    expect(printGraph(graph({ outputs: { y } }))).toMatchInlineSnapshot(`
      "inputs %x: float32[batch, 3]
      %MatMul: float32[batch, 4] = MatMul(%x, %weights)
      %Add: float32[batch, 4] = Add(%MatMul, float32(0.5))
      %y: float32[] = ReduceSum(%Add, keepdims=0)
      outputs y = %y"
    `);
  });

  test("shows several outputs, attributes and inputs left out", () => {
    const y = ops.Clip(ops.Softmax(x, { axis: 0 }), null, 0.5);
    expect(printGraph(graph({ outputs: { y, again: y, x } }))).toMatchInlineSnapshot(`
      "inputs %x: float32[batch, 3]
      %Softmax: float32[batch, 3] = Softmax(%x, axis=0)
      %y: float32[batch, 3] = Clip(%Softmax, _, float32(0.5))
      outputs y = %y, again = %y, x = %x"
    `);
  });
});
