/** Backpropagation through Scan and If: captured values, states, both directions, second order, ONNX Runtime. */
import { expect, test } from "vitest";
import { gradient } from "../../src/autodiff/gradient.ts";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { evaluateGraph, toNdArray, toTensor } from "../../src/exec/reference.ts";
import { graph, input, int64, type Value } from "../../src/ir/graph.ts";
import { ops } from "../../src/ops/build.ts";
import type { NdArray } from "../../src/ops/op.ts";
import { verifyGraph } from "../../src/ops/verify.ts";
import { rng } from "../../src/util/rng.ts";
import { centralDifferences, largestError, relativeError } from "../conformance/differences.ts";

const sum = (value: Value) => ops.ReduceSum(value, { keepdims: 0 });
const square = (value: Value) => ops.Mul(value, value);

/** Random numbers for inputs, their named sizes as given. */
function feedsFor(inputs: readonly Value[], sizes: Readonly<Record<string, number>>): Record<string, NdArray> {
  const random = rng(3, "feeds");
  return Object.fromEntries(
    inputs.map(({ name, dtype, shape }) => {
      const known = shape.map((dim) => (typeof dim === "number" ? dim : sizes[dim]!));
      const data = Float64Array.from({ length: known.reduce((a, b) => a * b, 1) }, () => Math.fround(random.normal()));
      return [name!, { dtype, shape: known, data }];
    }),
  );
}

/** A scalar's first and second derivatives against differences, and the first in ONNX Runtime against the interpreter. */
async function check(loss: Value, inputs: readonly Value[], feeds: Readonly<Record<string, NdArray>>): Promise<void> {
  const first = gradient(loss, inputs);
  against(loss, first, inputs, feeds, 1e-7);
  const curved = first.map((value, i) => sum(ops.Mul(square(value), 0.1 * (i + 1)))).reduce((a, b) => ops.Add(a, b));
  against(curved, gradient(curved, inputs), inputs, feeds, 1e-6);

  const made = graph({ outputs: Object.fromEntries(first.map((value, i) => [`d${i}`, value])), inputs });
  const session = await onnxruntimeNode.compile(made, { threads: 1 });
  const results = await session.run(Object.fromEntries(Object.entries(feeds).map(([name, array]) => [name, toTensor(array)])));
  await session.dispose();
  for (const [name, { data }] of Object.entries(evaluateGraph(made, feeds))) {
    expect(largestError(toNdArray(results[name]!).data as Float64Array, data as Float64Array)).toBeLessThanOrEqual(1e-6);
  }
}

function against(
  loss: Value,
  gradients: readonly Value[],
  inputs: readonly Value[],
  feeds: Readonly<Record<string, NdArray>>,
  tolerance: number,
): void {
  const forward = graph({ outputs: { loss }, inputs });
  const backward = graph({ outputs: Object.fromEntries(gradients.map((value, i) => [`d${i}`, value])), inputs });
  verifyGraph(backward);
  const found = evaluateGraph(backward, feeds);
  inputs.forEach(({ name }, i) => {
    const fed = feeds[name!]!;
    const f = (data: Float64Array) => (evaluateGraph(forward, { ...feeds, [name!]: { ...fed, data } })["loss"]!.data as Float64Array)[0]!;
    const { shape, data } = found[`d${i}`]!;
    expect(shape).toEqual(fed.shape);
    expect(relativeError(data as Float64Array, centralDifferences(f, fed.data as Float64Array)), `d${name}`).toBeLessThanOrEqual(tolerance);
  });
}

/** s' = tanh(x·W + s·tanh(R) + b)·g, y = s'·s with x scanned along `axis`; W, R, b and g are captured. */
function recurrent(float: "float32" | "float64", options: { axis: number; reverse: 0 | 1; out: 0 | 1; given: boolean }) {
  const of = (name: string, shape: readonly (number | string)[]) => input(name, float, shape);
  const steps = options.axis === 0 ? ["steps", "batch", 3] : ["batch", "steps", 3];
  const [x, h, w, r, b, g] = [of("x", steps), of("h", ["batch", 2]), of("w", [3, 2]), of("r", [2, 2]), of("b", [2]), of("g", [])] as const;
  const [state, slice] = [of("state", ["n", 2]), of("slice", ["n", 3])];
  const inner = ops.Add(ops.Add(ops.MatMul(slice, w), ops.MatMul(state, ops.Tanh(r))), b);
  const next = ops.Mul(ops.Tanh(inner), g);
  const body = graph({
    inputs: [state, slice],
    captures: [w, r, b, g],
    outputs: { next, y: ops.Mul(next, state), ...(options.given && { all: ops.Identity(next) }) },
  });
  const [last, y, all] = ops.Scan(h, x, {
    body,
    num_scan_inputs: 1,
    scan_input_axes: [options.axis],
    scan_input_directions: [options.reverse],
    scan_output_axes: options.given ? [1, 0] : [1],
    scan_output_directions: options.given ? [options.out, options.out] : [options.out],
  });
  const weight = of("weight", ["batch", "steps", 2]);
  const loss = sum(ops.Add(ops.Mul(y!, weight), 0));
  const total = ops.Add(ops.Add(loss, sum(square(last!))), all ? sum(ops.Mul(square(all), 0.5)) : 0);
  return { loss: total, inputs: [x, h, w, r, b, g, weight] };
}

for (const axis of [0, 1]) {
  for (const reverse of [0, 1] as const) {
    for (const given of [false, true]) {
      const what = `axis ${axis}, ${reverse ? "backwards" : "forwards"}${given ? ", every state given out" : ""}`;
      test(`a loop has the gradient of its steps one after the other: ${what}`, async () => {
        const { loss, inputs } = recurrent("float64", { axis, reverse, out: axis === 0 ? reverse : ((1 - reverse) as 0 | 1), given });
        await check(loss, inputs, feedsFor(inputs, { batch: 2, steps: 3 }));
      });
    }
  }
}

test("a loop that counts, branches and loops inside has the gradient of what it does", async () => {
  const of = (name: string, shape: readonly (number | string)[]) => input(name, "float64", shape);
  const [x, s0, w, unread] = [of("x", ["steps", 2]), of("s0", [2]), of("w", [2]), of("unread", [2])];
  const [count, s, slice] = [input("count", "int64", []), of("s", [2]), of("slice", [2])];
  const [t, y] = [of("t", [2]), of("y", [])];
  // Inside: t' = t·w + y·s over the two elements of the slice.
  const inner = graph({ inputs: [t, y], captures: [w, s], outputs: { next: ops.Add(ops.Mul(t, w), ops.Mul(y, s)) } });
  const [looped] = ops.Scan(s, slice, { body: inner, num_scan_inputs: 1 });
  const branch = (value: Value, captures: readonly Value[]) => graph({ inputs: [], captures, outputs: { value } });
  const even = ops.Equal(ops.Mod(count, 2), 0);
  const [chosen] = ops.If(even, { then_branch: branch(ops.Sin(looped!), [looped!]), else_branch: branch(ops.Mul(s, w), [s, w]) });
  const body = graph({
    inputs: [count, s, slice],
    captures: [w, unread],
    outputs: { more: ops.Add(count, 1), next: chosen!, kept: slice, counted: count },
  });
  const [, last, kept] = ops.Scan(ops.Squeeze(int64([0])), s0, x, { body, num_scan_inputs: 1 });
  const loss = ops.Add(sum(square(last!)), sum(ops.Mul(square(kept!), 0.5)));
  await check(loss, [x, s0, w, unread], feedsFor([x, s0, w, unread], { steps: 3 }));
});

test("the branch that is taken gives the gradient, the other one nothing", async () => {
  const of = (name: string) => input(name, "float64", [2]);
  const [a, b, c] = [of("a"), of("b"), of("c")];
  const branch = (outputs: Readonly<Record<string, Value>>, captures: readonly Value[]) => graph({ inputs: [], captures, outputs });
  const [p, q] = ops.If(ops.Greater(sum(c), 100), {
    then_branch: branch({ p: ops.Mul(a, b), q: c }, [a, b, c]),
    else_branch: branch({ p: ops.Mul(ops.Sin(a), c), q: ops.Mul(a, 3) }, [a, c]),
  });
  await check(sum(ops.Mul(p!, square(q!))), [a, b, c], feedsFor([a, b, c], {}));
});

test("weights and biases of a loop are summed outside of it", () => {
  const { loss, inputs } = recurrent("float32", { axis: 0, reverse: 0, out: 0, given: true });
  const gradients = gradient(loss, [inputs[2]!, inputs[4]!]);
  const made = graph({ outputs: Object.fromEntries(gradients.map((value, i) => [`d${i}`, value])), inputs });
  const loops = made.nodes.filter(({ op }) => op === "Scan");
  expect(loops).toHaveLength(3); // forwards, once more for what is not given out, backwards
  const inside = (loops[2]!.attributes["body"] as { nodes: readonly { op: string }[] }).nodes.map(({ op }) => op);
  expect(inside.filter((op) => op === "Gemm")).toHaveLength(1); // back to the state before
  expect(inside).not.toContain("ReduceSum");
});
