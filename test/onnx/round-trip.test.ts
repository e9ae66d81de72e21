/** Files: what is written is read back the same, to the byte. */
import { describe as group, expect, test } from "vitest";
import { evaluateGraph } from "../../src/exec/reference.ts";
import { graph, input, type Graph } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { readModel } from "../../src/onnx/read.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { ops } from "../../src/ops/build.ts";
import { verifyGraph } from "../../src/ops/verify.ts";
import { aliases, denseStep, runningSum, sampleGraphs } from "./graphs.ts";

function roundTrip(made: Graph): Graph {
  const bytes = writeModel(made);
  expect(writeModel(made), "written twice").toEqual(bytes);
  const { graph: read } = readModel(bytes);
  verifyGraph(read);
  expect(writeModel(read), "written, read, written").toEqual(bytes);
  return read;
}

group("round trip", () => {
  for (const { name, graph: made, feeds } of sampleGraphs()) {
    test(name, () => {
      const read = roundTrip(made);
      expect(read.inputs.map((value) => value.name)).toEqual(made.inputs.map((value) => value.name));
      const expected = evaluateGraph(made, feeds);
      const results = evaluateGraph(read, feeds);
      for (const [output, array] of Object.entries(expected)) {
        expect(results[output]!.shape).toEqual(array.shape);
        if (array.dtype === "string") expect(results[output]!.data).toEqual(array.data);
        // A float attribute is float32 in a file.
        else [...array.data].forEach((number, i) => near(results[output]!.data[i] as number, number as number));
      }
    });
  }

  test("a step of training, an aliased output, a loop", () => {
    roundTrip(denseStep());
    const read = roundTrip(aliases());
    expect(read.outputs.map(({ name }) => name)).toEqual(["same", "table", "y", "again", "Neg"]);
    roundTrip(runningSum());
  });
});

function near(result: number, expected: number): void {
  if (Number.isFinite(expected)) expect(Math.abs(result - expected)).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(expected)));
  else expect(result).toBe(expected);
}

test("constants are stored once per tensor object, whatever their dtype", () => {
  const shared = tensor("float32", [1.5, NaN, -0]);
  const x = input("x", "float32", [3]);
  const value = { dtype: shared.dtype, shape: shared.shape, origin: { kind: "constant" as const, tensor: shared } };
  const y = ops.Add(ops.Mul(x, { ...value, name: "table" }), { ...value, name: "other" });
  const read = roundTrip(graph({ outputs: { y } }));
  const constants = new Set(read.nodes.flatMap((node) => node.inputs).filter((input) => input?.origin.kind === "constant"));
  expect([...constants].map((constant) => constant!.name)).toEqual(["table"]);
});

test("metadata and producer are kept", () => {
  const x = input("x", "float32", []);
  const made = graph({ outputs: { y: ops.Neg(x) } });
  const read = readModel(writeModel(made, { metadata: { b: "2", a: "é" }, producer: { name: "p", version: "1.0" } }));
  expect(Object.entries(read.metadata)).toEqual([
    ["b", "2"],
    ["a", "é"],
  ]);
  expect(read.producer).toEqual({ name: "p", version: "1.0" });
  expect(read.opset).toEqual({ "": 17 });
});

test("symbolic sizes keep their names, unknown ones stay unknown", () => {
  const x = input("x", "float32", ["batch", "4*batch", "?7"]);
  const [read] = roundTrip(graph({ outputs: { y: ops.Neg(x) } })).inputs;
  expect(read!.shape.slice(0, 2)).toEqual(["batch", "4*batch"]);
  expect(read!.shape[2]).toMatch(/^\?/);
});

test("an output may not have the name of an input", () => {
  const x = input("x", "float32", []);
  expect(() => writeModel(graph({ outputs: { x: ops.Neg(x) } }))).toThrow('"x" names an input and an output');
});
