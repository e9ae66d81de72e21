/** Scan and If: captured values, names of dimensions, loops that never run. */
import { expect, test } from "vitest";
import { evaluateGraph } from "../../src/exec/reference.ts";
import { graph, input, scalar } from "../../src/ir/graph.ts";
import { ops } from "../../src/ops/build.ts";
import { verifyGraph } from "../../src/ops/verify.ts";

const floats = (shape: readonly number[], ...data: number[]) => ({ dtype: "float32" as const, shape, data: Float64Array.from(data) });

/** h' = tanh(x·w + h), every h' given. */
function recurrent() {
  const [h, x, w] = [
    input("h0", "float32", ["batch", 2]),
    input("sequence", "float32", ["steps", "batch", 3]),
    input("w", "float32", [3, 2]),
  ];
  const [state, slice] = [input("state", "float32", ["b", 2]), input("slice", "float32", ["b", 3])];
  const next = ops.Tanh(ops.Add(ops.MatMul(slice, w), state));
  const body = graph({ inputs: [state, slice], captures: [w], outputs: { next, twice: ops.Mul(next, 2) } });
  const [last, all] = ops.Scan(h, x, { body, num_scan_inputs: 1 });
  return graph({ inputs: [h, x, w], outputs: { last: last!, all: all! } });
}

test("a body reads captured values, and its dimensions take the names of the outside", () => {
  const made = recurrent();
  verifyGraph(made);
  expect(made.outputs.map(({ value }) => value.shape)).toEqual([
    ["batch", 2],
    ["steps", "batch", 2],
  ]);
  const { last, all } = evaluateGraph(made, {
    h0: floats([1, 2], 0, 1),
    sequence: floats([2, 1, 3], 1, 0, 0, 0, 1, 0),
    w: floats([3, 2], 0.5, -0.5, 1, 2, 0, 0),
  });
  const [a, b] = [Math.tanh(0.5), Math.tanh(0.5)];
  expect([...(all!.data as Float64Array)]).toEqual([2 * a, 2 * b, 2 * Math.tanh(1 + a), 2 * Math.tanh(2 + b)]);
  expect([...(last!.data as Float64Array)]).toEqual([Math.tanh(1 + a), Math.tanh(2 + b)]);
});

test("a loop over nothing gives the first state and an empty output", () => {
  const { last, all } = evaluateGraph(recurrent(), {
    h0: floats([1, 2], 3, 4),
    sequence: floats([0, 1, 3]),
    w: floats([3, 2], 0, 0, 0, 0, 0, 0),
  });
  expect([...(last!.data as Float64Array)]).toEqual([3, 4]);
  expect(all!.shape).toEqual([0, 1, 2]);
});

test("a body whose state changes its shape is refused, with both types", () => {
  const [s, x] = [input("s", "float32", [2]), input("x", "float32", [2])];
  const body = graph({ inputs: [s, x], captures: [], outputs: { next: ops.Concat(s, x, { axis: 0 }) } });
  const call = () => ops.Scan(input("s0", "float32", [2]), input("xs", "float32", [5, 2]), { body, num_scan_inputs: 1 });
  expect(call).toThrow("state 0 is float32[2], the body makes it float32[4]");
  expect(() => ops.Scan(input("s0", "float32", [3]), input("xs", "float32", [5, 2]), { body, num_scan_inputs: 1 })).toThrow(
    "state 0 is [3], the body expects [2]",
  );
});

test("If runs one branch, with what it captures", () => {
  const [condition, x] = [input("condition", "bool", []), input("x", "float32", [2])];
  const branch = (factor: number) => graph({ inputs: [], captures: [x], outputs: { y: ops.Mul(x, scalar("float32", factor)) } });
  const [y] = ops.If(condition, { then_branch: branch(2), else_branch: branch(-1) });
  const made = graph({ inputs: [condition, x], outputs: { y: y! } });
  const run = (holds: number) => [
    ...(evaluateGraph(made, { condition: { dtype: "bool", shape: [], data: Float64Array.of(holds) }, x: floats([2], 3, 4) })["y"]!
      .data as Float64Array),
  ];
  expect(run(1)).toEqual([6, 8]);
  expect(run(0)).toEqual([-3, -4]);
});
