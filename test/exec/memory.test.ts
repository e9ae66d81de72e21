/** Planned memory against counts by hand. */
import { expect, test } from "vitest";
import { peakMemory, plannedMemory } from "../../src/exec/memory.ts";
import { constant, graph, input } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { ops } from "../../src/ops/build.ts";
import { runningSum } from "../onnx/graphs.ts";

test("results count from the node that makes them to the last that reads them", () => {
  const x = input("x", "float32", ["n", 10]);
  const a = ops.Tanh(x); // 40 n
  const b = ops.Tanh(a); // 40 n, then a is done with
  const c = ops.MatMul(b, constant(tensor("float32", new Float32Array(1000), [10, 100]))); // 400 n
  const made = graph({ outputs: { y: ops.ReduceSum(c, { keepdims: 0 }) } });
  const planned = plannedMemory(made, { n: 5 });
  expect(planned).toMatchObject({ inputs: 200, constants: 4000, results: 40 * 5 + 400 * 5, unknown: 0 });
  expect(planned.peak).toBe(200 + 4000 + 2200);
  expect(planned.at!.op).toBe("MatMul");
});

test("outputs are held to the end, and sizes computed from named dimensions are known", () => {
  const x = input("x", "float32", ["n"]);
  const y = ops.Concat(x, ops.Neg(x), { axis: 0 });
  expect(y.shape).toEqual([expect.stringMatching(/^\?|2\*n/)]);
  const made = graph({ outputs: { y, z: ops.Neg(ops.Neg(y)) } });
  expect(plannedMemory(made, { n: 100 })).toMatchObject({ inputs: 400, results: 3 * 800, unknown: 0 });
});

test("a loop holds what one pass of its body holds", () => {
  const { results, constants } = plannedMemory(runningSum(), { time: 10 });
  expect(constants).toBe(4 + 8);
  // Outside: start · 2, the last state, two outputs of 10 rows of 2. Inside, 8 bytes each: two products, or one and the next state.
  expect(results).toBe(8 + 8 + 2 * 80 + 2 * 8);
});

test("a dimension without a size is named", () => {
  const made = graph({ outputs: { y: ops.Neg(input("x", "float32", ["batch"])) } });
  expect(() => plannedMemory(made, {})).toThrow('input "x" has a dimension "batch" whose size is not given');
});

test("the process's peak grows with what it holds", () => {
  const before = peakMemory()!;
  // What earlier tests held and let go counts in the peak: fill that first.
  const free = before - process.memoryUsage.rss();
  const held = new Float64Array((free + 160e6) / 8).fill(1);
  expect(peakMemory()! - before).toBeGreaterThan(100e6);
  expect(held[1]).toBe(1);
});
