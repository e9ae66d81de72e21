import { describe, expect, test } from "vitest";
import { gradient } from "../../src/autodiff/gradient.ts";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { evaluateGraph, reference } from "../../src/exec/reference.ts";
import { constant, graph, input, type Value } from "../../src/ir/graph.ts";
import { sizeOf } from "../../src/ir/shape.ts";
import { tensor } from "../../src/ir/tensor.ts";
import type { Layer } from "../../src/nn/layer.ts";
import { activation } from "../../src/nn/layers/activation.ts";
import { attention } from "../../src/nn/layers/attention.ts";
import { batchNorm } from "../../src/nn/layers/batch-norm.ts";
import { categoryEmbedding } from "../../src/nn/layers/category-embedding.ts";
import { conv } from "../../src/nn/layers/conv.ts";
import { dense } from "../../src/nn/layers/dense.ts";
import { dropout } from "../../src/nn/layers/dropout.ts";
import { noise } from "../../src/nn/layers/noise.ts";
import { embedding } from "../../src/nn/layers/embedding.ts";
import { flatten } from "../../src/nn/layers/flatten.ts";
import { groupNorm } from "../../src/nn/layers/group-norm.ts";
import { layerKinds, type AnyLayer } from "../../src/nn/layers/index.ts";
import { layerNorm } from "../../src/nn/layers/layer-norm.ts";
import { averagePool, globalAveragePool, globalMaxPool, maxPool } from "../../src/nn/layers/pool.ts";
import { gru, lstm, rnn } from "../../src/nn/layers/recurrent.ts";
import { residual } from "../../src/nn/layers/residual.ts";
import { meanOverTime, positions } from "../../src/nn/layers/sequence.ts";
import { permute, reshape } from "../../src/nn/layers/shape.ts";
import { transformerBlock } from "../../src/nn/layers/transformer.ts";
import { buildNetwork, sequential, type BuildOptions } from "../../src/nn/network.ts";
import { initializeParameters, layoutParameters } from "../../src/nn/parameters.ts";
import type { NdArray } from "../../src/ops/op.ts";
import { ops } from "../../src/ops/build.ts";
import { createMasks } from "../../src/train/masks.ts";
import { rng } from "../../src/util/rng.ts";
import { centralDifferences, relativeError } from "../conformance/differences.ts";

interface LayerCase {
  readonly name: string;
  readonly layers: readonly AnyLayer[];
  readonly inputShape: readonly number[];
  readonly output: readonly number[];
  readonly lengths?: readonly number[];
  /** Inputs are the numbers 0 … tokens − 1. */
  readonly tokens?: number;
}

const batch = 3;
const tanh = activation("tanh");
const cases: LayerCase[] = [
  { name: "dense over time", layers: [dense(4), tanh], inputShape: [5, 3], output: [5, 4] },
  { name: "conv 1-D", layers: [conv(4, { kernel: 3, stride: 2 }), tanh], inputShape: [2, 7], output: [4, 4] },
  { name: "conv same", layers: [conv(3), tanh], inputShape: [2, 5, 4], output: [3, 5, 4] },
  { name: "conv same, stride 2", layers: [conv(3, { stride: 2 }), tanh], inputShape: [2, 6, 5], output: [3, 3, 3] },
  { name: "conv valid", layers: [conv(2, { padding: "valid", kernel: [3, 2] })], inputShape: [2, 5, 4], output: [2, 3, 3] },
  { name: "conv dilated", layers: [conv(2, { dilation: 2 })], inputShape: [2, 5, 5], output: [2, 5, 5] },
  { name: "conv in groups, no bias", layers: [conv(4, { groups: 2, bias: false })], inputShape: [4, 4, 4], output: [4, 4, 4] },
  { name: "maxPool", layers: [conv(2), maxPool()], inputShape: [1, 5, 4], output: [2, 2, 2] },
  {
    name: "maxPool, overlapping, same",
    layers: [maxPool({ size: 3, stride: 2, padding: "same" })],
    inputShape: [2, 5, 5],
    output: [2, 3, 3],
  },
  { name: "averagePool", layers: [averagePool({ size: 3, stride: 2, padding: "same" })], inputShape: [2, 5, 5], output: [2, 3, 3] },
  { name: "globalAveragePool", layers: [globalAveragePool(), dense(2)], inputShape: [3, 4, 5], output: [2] },
  { name: "globalMaxPool", layers: [globalMaxPool()], inputShape: [3, 4, 5], output: [3] },
  { name: "batchNorm of images", layers: [conv(3, { bias: false }), batchNorm(), tanh], inputShape: [2, 4, 3], output: [3, 4, 3] },
  { name: "batchNorm of rows", layers: [batchNorm({ momentum: 0.5 }), tanh, dense(4)], inputShape: [3], output: [4] },
  { name: "layerNorm", layers: [dense(4), layerNorm(), tanh], inputShape: [3], output: [4] },
  { name: "layerNorm over time", layers: [layerNorm({ epsilon: 1e-3 })], inputShape: [4, 3], output: [4, 3] },
  { name: "groupNorm", layers: [groupNorm(2), tanh], inputShape: [4, 3, 2], output: [4, 3, 2] },
  { name: "dropout", layers: [dense(5), dropout(0.6), tanh, dropout(0.5), dense(2)], inputShape: [3], output: [2] },
  { name: "dropout of channels", layers: [conv(4), dropout(0.5, { spatial: true })], inputShape: [1, 3, 3], output: [4, 3, 3] },
  { name: "dropout, the same at every step", layers: [dense(4), dropout(0.5, { overTime: true })], inputShape: [5, 3], output: [5, 4] },
  { name: "noise", layers: [noise(0.1), dense(4), tanh, noise(0.2)], inputShape: [3], output: [4] },
  { name: "embedding", layers: [embedding(7, 3), flatten(), dense(2)], inputShape: [4], output: [2], tokens: 7 },
  {
    name: "categoryEmbedding",
    layers: [
      categoryEmbedding([
        { at: 2, tokens: 5, units: 3, unknown: "learnt" },
        { at: 0, tokens: 5, units: 2, unknown: "zeros" },
      ]),
      tanh,
    ],
    inputShape: [4],
    output: [7],
    tokens: 5,
  },
  {
    name: "categoryEmbedding of all inputs",
    layers: [categoryEmbedding([{ at: 0, tokens: 4, units: 3, unknown: "zeros" }])],
    inputShape: [1],
    output: [3],
    tokens: 4,
  },
  { name: "rnn", layers: [rnn(4)], inputShape: [5, 3], output: [4] },
  {
    name: "rnn, both directions, every step",
    layers: [rnn(3, { bidirectional: true, sequences: true })],
    inputShape: [4, 2],
    output: [4, 6],
  },
  { name: "lstm", layers: [lstm(4), dense(2)], inputShape: [5, 3], output: [2] },
  { name: "lstm stacked", layers: [lstm(3, { sequences: true }), lstm(2)], inputShape: [4, 2], output: [2] },
  { name: "lstm of varying length", layers: [lstm(3, { bidirectional: true })], inputShape: [5, 2], output: [6], lengths: [5, 2, 3] },
  { name: "gru", layers: [gru(4)], inputShape: [5, 3], output: [4] },
  { name: "gru of varying length", layers: [gru(3, { sequences: true })], inputShape: [4, 2], output: [4, 3], lengths: [1, 4, 2] },
  { name: "attention", layers: [attention(2)], inputShape: [3, 4], output: [3, 4] },
  { name: "attention of varying length", layers: [attention(2), meanOverTime()], inputShape: [4, 4], output: [4], lengths: [2, 4, 1] },
  { name: "positions", layers: [positions(), tanh], inputShape: [3, 2], output: [3, 2] },
  { name: "meanOverTime", layers: [meanOverTime()], inputShape: [4, 3], output: [3] },
  { name: "transformer block", layers: transformerBlock({ width: 4, heads: 2, hidden: 6 }), inputShape: [3, 4], output: [3, 4] },
  { name: "residual", layers: [residual([dense(3), tanh, dense(3)])], inputShape: [3], output: [3] },
  { name: "residual with projection", layers: [residual([dense(5), tanh])], inputShape: [3], output: [5] },
  {
    name: "residual of images with projection",
    layers: [residual([conv(4, { stride: 2, bias: false }), batchNorm(), tanh, conv(4)])],
    inputShape: [2, 5, 4],
    output: [4, 3, 2],
  },
  { name: "reshape and permute", layers: [reshape([2, 3]), permute([2, 1]), flatten(), dense(2)], inputShape: [6], output: [2] },
];

/** The network in float64 with values for every input: its graph and what to feed. */
function made({ name, layers, inputShape, lengths, tokens }: LayerCase, training: boolean) {
  const network = sequential(layers);
  const layout = layoutParameters(network, inputShape);
  const theta = new Float32Array(layout.size);
  initializeParameters(layout, theta, 3);
  const random = rng(5, name);
  const feeds: Record<string, NdArray> = {};
  const inputs: Value[] = [];
  const add = (value: Value, data: Float64Array) => {
    inputs.push(value);
    feeds[value.name!] = { dtype: value.dtype, shape: value.shape.map((dim) => (typeof dim === "number" ? dim : batch)), data };
    return value;
  };
  const count = batch * sizeOf(inputShape);
  const numbers = tokens ? Float64Array.from({ length: count }, () => random.integer(tokens)) : random.fillNormal(new Float64Array(count));
  const x = add(input("x", "float64", ["batch", ...inputShape]), numbers);
  const options: BuildOptions = {
    training,
    ...(lengths ? { lengths: add(input("lengths", "int32", ["batch"]), Float64Array.from(lengths)) } : {}),
  };
  const values = new Map(
    layout.slots.map(({ name, shape, offset, size, role }) => {
      // Biases and scales away from their plain beginnings, running variances positive.
      const start = Float64Array.from(theta.subarray(offset, offset + size), (w) => (role === "weight" ? w : w + 0.3 * random.uniform()));
      return [name, add(input(name, "float64", shape), start)] as const;
    }),
  );
  const built = buildNetwork(network, x, ({ name }) => values.get(name)!, options);
  const drawn = createMasks(built.masks, 1).draw(1, batch);
  for (const { name, value } of built.masks) add(value, Float64Array.from(drawn[`mask/${name}`]!.data as Float32Array));
  const wrt = [...(tokens ? [] : [x]), ...layout.slots.filter(({ role }) => role !== "buffer").map(({ name }) => values.get(name)!)];
  return { built, layout, feeds, inputs, wrt };
}

/** A scalar in which every output counts differently. */
function scalarOf(output: Value, sizes: readonly number[]): Value {
  const weights = rng(9, "weights").fillNormal(new Float64Array(batch * sizeOf(sizes)));
  const scaled = ops.Mul(ops.Mul(output, output), constant(tensor("float64", weights, [batch, ...sizes])));
  return ops.ReduceSum(scaled, null, { keepdims: 0 });
}

describe.each(cases)("$name", (one) => {
  test.each([true, false])("output shape, and gradients against central differences in float64 (training: %s)", (training) => {
    const { built, feeds, inputs, wrt } = made(one, training);
    expect(built.output.shape.slice(1)).toEqual(one.output);
    const scalar = scalarOf(built.output, one.output);
    const forward = graph({ inputs, outputs: { scalar } });
    const gradients = gradient(scalar, wrt);
    const found = evaluateGraph(graph({ inputs, outputs: Object.fromEntries(gradients.map((value, i) => [`g${i}`, value])) }), feeds);
    wrt.forEach(({ name }, i) => {
      const fed = feeds[name!]!;
      const f = (data: Float64Array) =>
        (evaluateGraph(forward, { ...feeds, [name!]: { ...fed, data } })["scalar"]!.data as Float64Array)[0]!;
      const error = relativeError(found[`g${i}`]!.data as Float64Array, centralDifferences(f, fed.data as Float64Array));
      expect(error, `${name}`).toBeLessThan(1e-7);
    });
  });

  test.each([true, false])("ONNX Runtime agrees with the interpreter in float32 (training: %s)", async (training) => {
    const network = sequential(one.layers);
    const layout = layoutParameters(network, one.inputShape);
    const { feeds } = made(one, training);
    const x = input("x", "float32", ["batch", ...one.inputShape]);
    const lengths = one.lengths ? { lengths: input("lengths", "int32", ["batch"]) } : {};
    const parameters = new Map(layout.slots.map(({ name, shape }) => [name, input(name, "float32", shape)]));
    const built = buildNetwork(network, x, ({ name }) => parameters.get(name)!, { training, ...lengths });
    const wrt = layout.slots.filter(({ role }) => role !== "buffer").map(({ name }) => parameters.get(name)!);
    const gradients = gradient(ops.ReduceSum(ops.Mul(built.output, built.output), null, { keepdims: 0 }), wrt);
    const inputs = [x, ...Object.values(lengths), ...parameters.values(), ...built.masks.map(({ value }) => value)];
    const updates = [...built.updates].map(([name, value]) => [`update/${name}`, value] as const);
    const outputs = { y: built.output, ...Object.fromEntries([...updates, ...wrt.map(({ name }, i) => [name!, gradients[i]!] as const)]) };
    const made32 = graph({ inputs, outputs });
    const tensors = Object.fromEntries(
      Object.entries(feeds).map(([name, { shape, data }]) => {
        const numbers = data as Float64Array;
        return [
          name,
          name === "lengths" ? tensor("int32", Int32Array.from(numbers), shape) : tensor("float32", Float32Array.from(numbers), shape),
        ];
      }),
    );
    const [ours, oracle] = [await onnxruntimeNode.compile(made32), await reference.compile(made32)];
    const [a, b] = [await ours.run(tensors), await oracle.run(tensors)];
    await ours.dispose();
    for (const { name } of made32.outputs) {
      const [left, right] = [a[name]!.data as Float32Array, b[name]!.data as Float32Array];
      const scale = Math.max(1e-3, ...right.map(Math.abs));
      left.forEach((value, i) => expect(Math.abs(value - right[i]!) / scale, `${name}[${i}]`).toBeLessThan(2e-5));
    }
  });
});

test("every kind of layer is among these cases", () => {
  const kinds = new Set<string>();
  const visit = (layer: Layer) => {
    kinds.add(layer.kind);
    for (const inner of (layer as { layers?: readonly Layer[] }).layers ?? []) visit(inner);
  };
  for (const { layers } of cases) layers.forEach(visit);
  // Imported layers have tests of their own, test/nn/pretrained.test.ts.
  expect(Object.keys(layerKinds).filter((kind) => !kinds.has(kind))).toEqual(["imported"]);
});
