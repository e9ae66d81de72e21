/** Layers against PyTorch's of the same weights, in float64: what they compute, where gradients only prove that they are consistent. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { evaluateGraph } from "../../src/exec/reference.ts";
import { graph, input, type Value } from "../../src/ir/graph.ts";
import { sizeOf } from "../../src/ir/shape.ts";
import { attention } from "../../src/nn/layers/attention.ts";
import { batchNorm } from "../../src/nn/layers/batch-norm.ts";
import { conv } from "../../src/nn/layers/conv.ts";
import { embedding } from "../../src/nn/layers/embedding.ts";
import { groupNorm } from "../../src/nn/layers/group-norm.ts";
import type { AnyLayer } from "../../src/nn/layers/index.ts";
import { layerNorm } from "../../src/nn/layers/layer-norm.ts";
import { maxPool } from "../../src/nn/layers/pool.ts";
import { gru, lstm, rnn } from "../../src/nn/layers/recurrent.ts";
import { meanOverTime, positions } from "../../src/nn/layers/sequence.ts";
import { buildNetwork, sequential } from "../../src/nn/network.ts";
import { initializeParameters, layoutParameters } from "../../src/nn/parameters.ts";
import type { NdArray } from "../../src/ops/op.ts";
import { rng } from "../../src/util/rng.ts";
import { needs, pythonWith } from "../support/require.ts";

interface LayerCase {
  readonly layer: AnyLayer;
  readonly inputShape: readonly number[];
  readonly lengths?: readonly number[];
  readonly tokens?: number;
}

const batch = 3;
const lengths = [2, 5, 3];
const cases: LayerCase[] = [
  { layer: rnn(4), inputShape: [5, 3] },
  { layer: rnn(3, { bidirectional: true, sequences: true }), inputShape: [5, 3], lengths },
  { layer: lstm(4), inputShape: [5, 3] },
  { layer: lstm(3, { bidirectional: true }), inputShape: [5, 2], lengths },
  { layer: gru(4, { sequences: true }), inputShape: [5, 3] },
  { layer: gru(3, { bidirectional: true }), inputShape: [5, 2], lengths },
  { layer: attention(1), inputShape: [5, 4] },
  { layer: attention(2), inputShape: [5, 6], lengths },
  { layer: meanOverTime(), inputShape: [5, 3], lengths },
  { layer: groupNorm(2), inputShape: [4, 3, 3] },
  { layer: layerNorm(), inputShape: [5, 4] },
  { layer: batchNorm(), inputShape: [3, 4, 2] },
  { layer: conv(3), inputShape: [2, 5, 6] },
  { layer: conv(4, { groups: 2, dilation: 2 }), inputShape: [2, 7, 6] },
  { layer: conv(3, { stride: 2 }), inputShape: [2, 6, 4] },
  { layer: maxPool(), inputShape: [2, 6, 5] },
  { layer: embedding(6, 3), inputShape: [4], tokens: 6 },
];

const plain = ({ shape, data }: NdArray) => ({ shape, data: [...(data as Float64Array)] });

/** A case with random weights, its output beside it, as the script takes it. */
function computed({ layer, inputShape, lengths: valid, tokens }: LayerCase, seed: number) {
  const network = sequential([layer]);
  const random = rng(seed, "layers");
  const numbers = (shape: readonly number[], make: () => number): NdArray => ({
    dtype: "float64",
    shape,
    data: Float64Array.from({ length: sizeOf(shape) }, make),
  });
  const feeds: Record<string, NdArray> = {};
  const inputs: Value[] = [];
  const add = (value: Value, array: NdArray) => {
    inputs.push(value);
    feeds[value.name!] = array;
    return value;
  };
  const x = add(
    input("x", "float64", ["batch", ...inputShape]),
    numbers([batch, ...inputShape], tokens ? () => random.integer(tokens) : () => random.normal()),
  );
  const steps = valid
    ? {
        lengths: add(input("lengths", "int32", ["batch"]), {
          ...numbers([batch], () => 0),
          dtype: "int32",
          data: Float64Array.from(valid),
        }),
      }
    : {};
  const { output } = buildNetwork(
    network,
    x,
    ({ name, shape }) =>
      add(
        input(name, "float64", shape),
        numbers(shape, () => 0.3 + random.normal()),
      ),
    { training: true, ...steps },
  );
  // Running statistics are declared, and not read in training.
  const read = graph({ outputs: { y: output } }).inputs;
  const fed = Object.fromEntries(read.map(({ name }) => [name!, feeds[name!]!]));
  const { y } = evaluateGraph(graph({ inputs: read, outputs: { y: output } }), fed);
  const { kind, ...options } = layer;
  const parameters = Object.entries(feeds).filter(([name]) => name.includes("/"));
  return {
    kind,
    options,
    x: plain(feeds["x"]!),
    ...(valid ? { lengths: valid } : {}),
    parameters: Object.fromEntries(parameters.map(([name, array]) => [name.split("/")[1]!, plain(array)])),
    y: plain(y!),
  };
}

const python = pythonWith("torch");
needs(
  "Python's torch",
  python !== undefined,
  "apt-get install python3-torch, or set PYTHON to one that has it",
)("layers compute what PyTorch's do with the same weights", () => {
  const told = JSON.stringify(cases.map((one, i) => computed(one, i)));
  const errors = JSON.parse(execFileSync(python!, [join(import.meta.dirname, "layers.py")], { input: told, encoding: "utf8" })) as number[];
  expect(errors).toHaveLength(cases.length);
  errors.forEach((error, i) => expect(error, `${cases[i]!.layer.kind} ${i}`).toBeLessThan(1e-10));
});

describe("initial values", () => {
  const drawn = (layer: AnyLayer, inputShape: readonly number[], name: string) => {
    const layout = layoutParameters(sequential([layer]), inputShape);
    const theta = new Float32Array(layout.size);
    initializeParameters(layout, theta, 1);
    const { offset, size } = layout.slots.find((slot) => slot.name.endsWith(`/${name}`))!;
    return theta.subarray(offset, offset + size);
  };
  test("an LSTM's forget gate starts at 1, in each direction, all else of the bias at 0", () => {
    const one = [0, 0, 0, 0, 1, 1, 0, 0, ...new Array<number>(8).fill(0)];
    expect([...drawn(lstm(2, { bidirectional: true }), [3, 4], "b")]).toEqual([...one, ...one]);
  });
  test("each gate's recurrent matrix is orthogonal", () => {
    const r = drawn(gru(4), [3, 2], "R");
    for (let gate = 0; gate < 3; gate++) {
      const at = (row: number, column: number) => r[gate * 16 + row * 4 + column]!;
      for (let a = 0; a < 4; a++) {
        for (let b = 0; b < 4; b++) {
          const dot = [0, 1, 2, 3].reduce((sum, k) => sum + at(a, k) * at(b, k), 0);
          expect(dot).toBeCloseTo(a === b ? 1 : 0, 5);
        }
      }
    }
  });
  test("positions start as sinusoids", () => {
    const w = drawn(positions(), [3, 4], "W");
    const wanted = [0, 1, 2].flatMap((t) => [Math.sin(t), Math.cos(t), Math.sin(t / 100), Math.cos(t / 100)]);
    wanted.forEach((value, i) => expect(w[i]).toBeCloseTo(value, 6));
  });
});
