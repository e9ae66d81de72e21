/** Graphs that tests of files and executors share. */
import { gradient } from "../../src/autodiff/gradient.ts";
import { constant, graph, input, type Graph } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { ops, registry } from "../../src/ops/build.ts";
import { build, describe, graphInputs } from "../conformance/sample.ts";

/** Every sample of every operator as a graph. */
export function sampleGraphs(): { name: string; graph: Graph; feeds: ReturnType<typeof build>["feeds"] }[] {
  return Object.entries(registry).flatMap(([op, record]) =>
    record.samples.map((sample) => {
      const made = build(op, sample, "float32");
      const outputs = Object.fromEntries(made.outputs.map((value, i) => [`y${i}`, value]));
      return { name: `${op}: ${describe(sample)}`, graph: graph({ outputs, inputs: graphInputs(made) }), feeds: made.feeds };
    }),
  );
}

/** A dense network's loss and gradients over a symbolic batch. */
export function denseStep(): Graph {
  const x = input("x", "float32", ["batch", 3]);
  const target = input("target", "float32", ["batch", 2]);
  const w = input("w", "float32", [3, 4]);
  const b = input("b", "float32", [4]);
  const v = input("v", "float32", [4, 2]);
  const hidden = ops.Tanh(ops.Add(ops.MatMul(x, w), b));
  const error = ops.Sub(ops.MatMul(hidden, v), target);
  const loss = ops.ReduceMean(ops.Mul(error, error), { keepdims: 0 });
  const [dw, db, dv] = gradient(loss, [w, b, v]);
  return graph({ outputs: { loss, dw: dw!, db: db!, dv: dv! }, inputs: [x, target, w, b, v] });
}

/** Outputs that are an input, a constant, and one value under two names. */
export function aliases(): Graph {
  const x = input("x", "float32", ["n"]);
  const table = constant(tensor("float32", [1, 2]), "table");
  const y = ops.Neg(ops.Add(x, 1));
  return graph({ outputs: { same: x, table, y, again: y, Neg: ops.Tanh(y) } });
}

/** A running sum by Scan; the body reads a value of the outer graph, and returns one thing twice. */
export function runningSum(): Graph {
  const xs = input("xs", "float32", ["time", 2]);
  const start = input("start", "float32", [2]);
  const factor = ops.Mul(start, 2);
  const state = input("start", "float32", [2]);
  const x = input("x", "float32", [2]);
  const next = ops.Add(state, ops.Mul(ops.Mul(x, factor), constant(tensor("float32", [0.5, 2]), "rate")));
  const body = graph({ inputs: [state, x], outputs: { next, trace: next, before: state }, captures: [factor] });
  const [last, trace, before] = ops.Scan(start, xs, { body, num_scan_inputs: 1 });
  return graph({ outputs: { last: last!, trace: trace!, before: before! }, inputs: [xs, start] });
}
