/** Loops that compute the same run once, and make what is read alone. */
import { describe, expect, test } from "vitest";
import { gradient } from "../../src/autodiff/gradient.ts";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { evaluateGraph, toNdArray } from "../../src/exec/reference.ts";
import { sharedLoops } from "../../src/exec/shared-loops.ts";
import { steadyGraph } from "../../src/exec/steady.ts";
import { graph, input, type Attributes, type Graph, type Value } from "../../src/ir/graph.ts";
import { tensor, type Tensor } from "../../src/ir/tensor.ts";
import { applyOp, ops } from "../../src/ops/build.ts";
import { loop } from "../../src/ops/loop.ts";

const loopsOf = (made: Graph) => made.nodes.filter(({ op }) => op === "Scan");

/** How one loop differs from another. */
interface Parts {
  readonly reverse?: boolean;
  readonly scale?: number;
  readonly captured?: Value;
  readonly sequence?: Value;
  readonly noise?: boolean;
}

const [start, xs] = [input("start", "float32", [2]), input("xs", "float32", ["steps", 2])];
const [p, q] = [input("p", "float32", [2]), input("q", "float32", [2])];

/** The last state of s' = 2·tanh(s + x·p), then s, tanh(s + x·p) and x·p of every step. */
function loopOf({ reverse = false, scale = 2, captured = p, sequence = xs, noise = false }: Parts): readonly Value[] {
  return loop(ops, { states: [start], sequences: [sequence], captures: [captured], reverse }, ([s], [x]) => {
    const product = ops.Mul(x!, captured);
    const inner = noise ? ops.Add(product, ops.RandomNormalLike(product)) : product;
    const y = ops.Tanh(ops.Add(s!, inner));
    return { states: [ops.Mul(y, scale)], outputs: [s!, y, product] };
  });
}

function graphOf(first: Parts, second: Parts): Graph {
  const [one, other] = [loopOf(first), loopOf(second)];
  return graph({ outputs: { last: one[0]!, product: one[3]!, before: other[1]! } });
}

describe("two loops", () => {
  test.each([
    ["that are the same", {}, {}],
    ["that are the same, from the last step to the first", { reverse: true }, { reverse: true }],
    ["whose captured values are computed alike", { captured: ops.Add(p, q) }, { captured: ops.Add(p, q) }],
    ["whose sequences are computed alike", { sequence: ops.Mul(xs, 3) }, { sequence: ops.Mul(xs, 3) }],
  ] as const)("%s become one, without the output that nobody reads, and give what they gave", async (_, first, second) => {
    const given = graphOf(first, second);
    const made = sharedLoops(given);
    expect(loopsOf(given)).toHaveLength(2);
    expect(loopsOf(made).map(({ outputs }) => outputs.length)).toEqual([3]);
    const feeds: Record<string, Tensor> = {
      start: tensor("float32", [0.5, -1]),
      xs: tensor("float32", [
        [1, 2],
        [0.25, -0.5],
        [-1, 0.75],
      ]),
      p: tensor("float32", [0.5, 0.25]),
      ...(given.inputs.includes(q) && { q: tensor("float32", [1, -2]) }),
    };
    const exact = evaluateGraph(given, Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, toNdArray(value)])));
    const session = await onnxruntimeNode.compile(given);
    const found = await session.run(feeds);
    await session.dispose();
    for (const [name, { shape, data }] of Object.entries(exact)) {
      expect(found[name]!.shape).toEqual(shape);
      Array.from(found[name]!.data as Float32Array).forEach((value, i) => expect(value).toBeCloseTo(data[i] as number, 5));
    }
  });

  test.each([
    ["directions", {}, { reverse: true }],
    ["constants", {}, { scale: 3 }],
    ["captured values", {}, { captured: q }],
    ["sequences", {}, { sequence: ops.Mul(xs, 2) }],
    ["random numbers", { noise: true }, { noise: true }],
  ] as const)("of different %s stay two", (_, first, second) => {
    expect(loopsOf(sharedLoops(graphOf(first, second)))).toHaveLength(2);
  });

  test("in the body of a third become one", () => {
    const [x, rows] = [input("x", "float32", [2]), input("rows", "float32", ["steps", 2])];
    const [total] = loop(ops, { states: [start], sequences: [rows], captures: [xs, p], reverse: false }, ([s], [row]) => {
      const inner = () =>
        loop(ops, { states: [s!], sequences: [xs], captures: [p], reverse: false }, ([t], [x]) => {
          const next = ops.Add(t!, ops.Mul(x!, p));
          return { states: [next], outputs: [ops.Mul(next, next)] };
        });
      return { states: [ops.Add(ops.Add(inner()[0]!, ops.ReduceSum(inner()[1]!, { keepdims: 0 })), row!)], outputs: [] };
    });
    const made = sharedLoops(graph({ inputs: [x], outputs: { y: ops.Add(x, total!) } }));
    expect(loopsOf(loopsOf(made)[0]!.attributes["body"] as Graph)).toHaveLength(1);
  });
});

test("a graph without loops is the graph itself", () => {
  const made = graph({ outputs: { y: ops.Add(ops.Tanh(start), ops.Tanh(start)) } });
  expect(sharedLoops(made)).toBe(made);
});

describe("LSTM", () => {
  const shapes = { w: [1, 12, 2], r: [1, 12, 3], b: [1, 24] };
  const weights = Object.entries(shapes).map(([name, shape]) => input(name, "float32", shape));
  const lengths = input("lengths", "int32", ["batch"]);
  const timeFirst = input("x", "float32", [5, "batch", 2]);

  test.each<[string, Value, readonly (Value | null)[], Attributes]>([
    ["", timeFirst, [], {}],
    [", of sequences of different lengths, backwards", timeFirst, [lengths], { direction: "reverse" }],
    [", batches first", input("x", "float32", ["batch", 5, 2]), [], { layout: 1 }],
    [", with functions that are written out themselves", timeFirst, [], { activations: ["Sigmoid", "Elu", "Softplus"] }],
  ])("runs its loop once for itself and its gradient%s", (_, x, more, attributes) => {
    const [y] = applyOp("LSTM", [x, ...weights, ...more], { hidden_size: 3, ...attributes }).outputs;
    const loss = ops.ReduceSum(ops.Mul(y!, y!), { keepdims: 0 });
    const gradients = gradient(loss, [x, ...weights]).map((value, i) => [`d${i}`, value] as const);
    const made = steadyGraph(graph({ outputs: { loss, ...Object.fromEntries(gradients) } }));
    expect(loopsOf(made)).toHaveLength(2);
  });

  test("gives out no more than is read", () => {
    const [y, last] = applyOp("LSTM", [timeFirst, ...weights], { hidden_size: 3 }).outputs;
    const outputs = (given: Record<string, Value>) => loopsOf(steadyGraph(graph({ outputs: given }))).map((node) => node.outputs.length);
    expect(outputs({ last: last! })).toEqual([2]);
    expect(outputs({ y: y! })).toEqual([3]);
  });
});
