/** Networks that PyTorch exported, taken apart: what they compute, what is replaced, what stays. */
import ort from "onnxruntime-node";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { reference } from "../../src/exec/reference.ts";
import { constant, graph, input, type Graph } from "../../src/ir/graph.ts";
import { tensor, type Tensor } from "../../src/ir/tensor.ts";
import { describeNetwork } from "../../src/nn/describe.ts";
import { frozenNames } from "../../src/nn/freeze.ts";
import type { Imported } from "../../src/nn/layers/imported.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { buildNetwork, sequential, type Network } from "../../src/nn/network.ts";
import { initializeParameters, layoutParameters, parameterInput, parameterViews } from "../../src/nn/parameters.ts";
import { pretrainedNetwork, type PretrainedOptions } from "../../src/nn/pretrained.ts";
import { readModel } from "../../src/onnx/read.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { ops } from "../../src/ops/build.ts";
import { optimizerByName } from "../../src/optim/optimizers/index.ts";
import { scheduleByName } from "../../src/optim/schedules/index.ts";
import { fit } from "../../src/train/fit.ts";
import { layoutOf, type Problem } from "../../src/train/step-graph.ts";
import { GradusError } from "../../src/util/errors.ts";
import { rng } from "../../src/util/rng.ts";

const bytesOf = (name: string) => new Uint8Array(readFileSync(join(import.meta.dirname, "fixtures", `${name}.onnx`)));
const graphOf = (name: string) => readModel(bytesOf(name)).graph;
const shapes = { mlp: [6], cnn: [1, 8, 8] } as const;
const classes = losses.categoricalCrossEntropy;
const network = (name: string, options: PretrainedOptions = {}, outputs = 5): Network =>
  pretrainedNetwork(graphOf(name), { outputs, loss: classes, ...options });

function signals(shape: readonly number[], rows: number): Tensor {
  const random = rng(5, "signals");
  return tensor("float32", random.fillNormal(new Float32Array(rows * shape.reduce((a, b) => a * b, 1))), [rows, ...shape]);
}

/** What a file computes, row by row where it was made for one row. */
async function original(name: string, x: Tensor): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(bytesOf(name), { logSeverityLevel: 3, intraOpNumThreads: 1 });
  const rows = x.shape[0]!;
  const width = x.data.length / rows;
  const found: number[] = [];
  for (let row = 0; row < rows; row++) {
    const one = (x.data as Float32Array).slice(row * width, (row + 1) * width);
    const { y } = await session.run({ [session.inputNames[0]!]: new ort.Tensor("float32", one, [1, ...x.shape.slice(1)]) });
    found.push(...(y!.data as Float32Array));
  }
  await session.release();
  return Float32Array.from(found);
}

async function outputOf(made: Network, x: Tensor, executor = reference): Promise<Float32Array> {
  const layout = layoutParameters(made, x.shape.slice(1));
  const theta = new Float32Array(layout.size);
  initializeParameters(layout, theta, 1);
  const start = input("x", "float32", ["batch", ...x.shape.slice(1)]);
  const { output } = buildNetwork(made, start, parameterInput);
  const session = await executor.compile(graph({ outputs: { output } }));
  const result = await session.run({ x, ...parameterViews(layout, theta) });
  await session.dispose();
  return result["output"]!.data as Float32Array;
}

const farthest = (a: ArrayLike<number>, b: ArrayLike<number>) => Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));

function softmax(logits: Float32Array, width: number): Float32Array {
  return logits.map((_, i) => {
    const row = logits.subarray(i - (i % width), i - (i % width) + width);
    return Math.exp(logits[i]!) / row.reduce((sum, value) => sum + Math.exp(value), 0);
  });
}

describe("a whole model", () => {
  test("computes what ONNX Runtime computes from the file, its Softmax left to the loss", async () => {
    const x = signals(shapes.mlp, 7);
    const made = network("mlp", { head: 0 }, 3);
    for (const executor of [reference, onnxruntimeNode]) {
      expect(farthest(softmax(await outputOf(made, x, executor), 3), await original("mlp", x)), executor.name).toBeLessThan(1e-6);
    }
  });

  test("made for one image takes batches of any size", async () => {
    const x = signals(shapes.cnn, 4);
    const made = network("cnn", { head: 0 }, 4);
    for (const executor of [reference, onnxruntimeNode])
      expect(farthest(await outputOf(made, x, executor), await original("cnn", x)), executor.name).toBeLessThan(2e-5);
  });

  test("keeps its Softmax where the loss applies none", () => {
    const [layer] = pretrainedNetwork(graphOf("mlp"), { head: 0, outputs: 3, loss: losses.meanSquared }).layers;
    expect(readModel(Buffer.from((layer as Imported).model, "base64")).graph.nodes.at(-1)?.op).toBe("Softmax");
  });
});

describe("a new head", () => {
  test.each([
    ["mlp", 1, ["imported_1", "dense_1"], 280, 8],
    ["mlp", 2, ["imported_1", "dense_1"], 6 * 16 + 16 + 32, 16],
    ["cnn", 1, ["imported_1", "dense_1"], 744, 48],
    // A convolution gives way to the mean over all places and a dense layer.
    ["cnn", 2, ["imported_1", "globalAveragePool_1", "dense_1"], 6 * 9 + 6 + 12, 6],
  ] as const)("%s without its last %i", (name, head, layers, kept, inputs) => {
    const table = describeNetwork(network(name, { head }), shapes[name]);
    expect(table.layers.map((layer) => layer.name)).toEqual(layers);
    expect(table.layers[0]!.parameters).toBe(kept);
    expect(table.layers.at(-1)).toMatchObject({ parameters: inputs * 5 + 5, output: [5] });
    expect(table.layers[0]!.multiplyAdds).toBeGreaterThan(0);
  });

  test("of more layers than there are, and between branches, is refused", () => {
    expect(() => network("mlp", { head: 3 })).toThrow("the model has 3 layers with weights; replacing the last 3 would leave none of it");
    const x = input("x", "float32", ["n", 4]);
    const w = (name: string, rows: number, columns: number) =>
      constant(tensor("float32", new Float32Array(rows * columns).fill(0.1), [rows, columns]), name);
    const stem = ops.MatMul(x, w("stem", 4, 4));
    const [left, right] = [ops.MatMul(stem, w("left", 4, 4)), ops.MatMul(stem, w("right", 4, 4))];
    const y = ops.MatMul(ops.Mul(ops.Relu(left), right), w("top", 4, 2));
    const branched = graph({ outputs: { y } });
    const made = (head: number) => pretrainedNetwork(branched, { head, outputs: 2, loss: classes });
    expect(refusal(() => made(2))).toEqual([
      "the last 2 layers with weights do not hang on the rest of the model by one tensor",
      "--head 1 or 3",
    ]);
    expect(describeNetwork(made(1), [4]).layers[0]!.parameters).toBe(48);
  });
});

describe("parameters", () => {
  const slotsOf = (made: Network, shape: readonly number[]) => layoutParameters(made, shape).slots;

  test("have the file's names, and roles from how they are used", () => {
    const roles = Object.fromEntries(slotsOf(network("cnn"), shapes.cnn).map(({ name, role }) => [name, role]));
    expect(roles).toEqual({
      "imported_1/features.0.weight": "weight",
      "imported_1/features.0.bias": "bias",
      "imported_1/features.1.weight": "scale",
      "imported_1/features.1.bias": "bias",
      "imported_1/features.4.weight": "weight",
      "imported_1/features.5.weight": "scale",
      "imported_1/features.5.bias": "bias",
      "imported_1/features.1.running_mean": "buffer",
      "imported_1/features.1.running_var": "buffer",
      "imported_1/features.5.running_mean": "buffer",
      "imported_1/features.5.running_var": "buffer",
      "dense_1/W": "weight",
      "dense_1/b": "bias",
    });
  });

  test("behind a transposition are weights too; numbers that steer an operator are none", () => {
    const x = input("x", "float32", [1, 3]);
    const w = constant(tensor("float32", [1, 2, 3, 4, 5, 6], [2, 3]), "kernel/w:0");
    const steep = constant(tensor("float32", [2, 2], [2]), "power");
    const hidden = ops.Pow(ops.MatMul(x, ops.Transpose(w, { perm: [1, 0] })), steep);
    const y = ops.MatMul(hidden, constant(tensor("float32", [1, 2], [2, 1]), "top"));
    const made = pretrainedNetwork(graph({ outputs: { y } }), { outputs: 1, loss: losses.meanSquared });
    expect((made.layers[0] as Imported).parameters.map(({ name, role }) => [name, role])).toEqual([["kernel/w:0", "weight"]]);
    // A name with a slash still counts for its layer.
    expect(describeNetwork(made, [3]).layers[0]!.parameters).toBe(6);
  });

  test("freeze by pattern; a pattern that means none lists the names", () => {
    const names = ["features.0.weight", "features.1.bias", "head.weight"];
    expect([...frozenNames(["features.*"], names)]).toEqual(names.slice(0, 2));
    expect([...frozenNames(["*.weight", "features.?.bias"], names)].sort()).toEqual([...names].sort());
    expect([...frozenNames(["all"], names)]).toEqual(names);
    expect([...frozenNames(["*e*e*w*t"], names)]).toEqual(["features.0.weight"]);
    expect([...frozenNames(["*e*w*t"], names)]).toEqual(["features.0.weight", "head.weight"]);
    expect(refusal(() => frozenNames(["feature.*"], names))).toEqual([
      'no weight of the imported part is called "feature.*"',
      expect.stringContaining("features.0.weight, features.1.bias, head.weight"),
    ]);
  });
});

function refusal(act: () => unknown): (string | undefined)[] {
  try {
    act();
  } catch (error) {
    if (error instanceof GradusError) return [error.message, error.hint];
    throw error;
  }
  throw new Error("not refused");
}

describe("what cannot be trained is refused", () => {
  test("two inputs", () => {
    expect(refusal(() => network("two-inputs"))).toEqual([
      "the model has 2 inputs (a float32[batch, 2], b float32[batch, 2])",
      "one that can be trained here has one",
    ]);
  });
  test("a shape that does not fit, and one that the file leaves open", () => {
    expect(() => network("cnn", { shape: [1, 28, 28] })).toThrow(
      "the shape 1×28×28 does not fit the model's input image float32[1, 1, 8, 8]",
    );
    const x = input("x", "float32", ["batch", "features"]);
    const y = ops.MatMul(x, constant(tensor("float32", [1, 2, 3, 4, 5, 6], [3, 2]), "w"));
    const open = graph({ outputs: { y: ops.MatMul(y, constant(tensor("float32", [1, 2], [2, 1]), "v")) } });
    expect(() => pretrainedNetwork(open, { outputs: 1, loss: classes })).toThrow("leaves axis 1 open");
    expect(describeNetwork(pretrainedNetwork(open, { shape: [3], outputs: 1, loss: classes }), [3]).layers[0]!.parameters).toBe(6);
  });
  test("an output that is no batch, and nothing left to train", () => {
    const x = input("x", "float32", ["batch", 3]);
    const w = constant(tensor("float32", [1, 2, 3], [3, 1]), "w");
    const sum: Graph = graph({ outputs: { y: ops.ReduceSum(ops.MatMul(x, w), null, { keepdims: 0 }) } });
    expect(() => pretrainedNetwork(sum, { head: 0, outputs: 1, loss: losses.meanSquared })).toThrow("its first axis is not the batch");
    expect(() => network("mlp", { head: 0, freeze: ["all"] }, 3)).toThrow("nothing is left to train");
  });
  test("a layer in a file that is not one", () => {
    const x = input("x", "float32", ["batch", 3]);
    const built = (layer: Partial<Imported>) => () =>
      buildNetwork(sequential([{ kind: "imported", model: "", parameters: [], ...layer }]), x, parameterInput);
    expect(built({ model: "*" })).toThrow("imported_1: its model is not base64");
    expect(built({ model: "aGVsbG8=" })).toThrow(GradusError);
    const whole = network("mlp").layers[0] as Imported;
    expect(built({ ...whole, parameters: whole.parameters.slice(1) })).toThrow("its model takes 8 parameters, 7 are named");
    expect(built(whole)).toThrow("imported_1 needs [batch, 6], got [batch, 3]");
    const two = Buffer.from(writeModel(graph({ outputs: { a: x, b: ops.Neg(x) } }))).toString("base64");
    expect(built({ model: two })).toThrow("its model has 1 inputs and 2 outputs");
  });
});

describe("training", () => {
  const options = {
    optimizer: optimizerByName("adamw"),
    schedule: scheduleByName("constant"),
    learningRate: 0.01,
    batchSize: 16,
    seed: 1,
    executor: onnxruntimeNode,
    epochs: 3,
  };
  const problemOf = (name: keyof typeof shapes, frozen: readonly string[]): Problem => ({
    network: network(name, { freeze: frozen }, 3),
    loss: classes,
    inputShape: shapes[name],
    outputs: 3,
  });
  function rows(shape: readonly number[]) {
    const features = signals(shape, 96);
    const targets = new Float32Array(96 * 3);
    for (let row = 0; row < 96; row++) {
      const first = features.data[(row * features.data.length) / 96] as number;
      targets[row * 3 + (first < -0.4 ? 0 : first < 0.4 ? 1 : 2)] = 1;
    }
    return { features, targets: tensor("float32", targets, [96, 3]) };
  }

  test.each(["mlp", "cnn"] as const)("%s: frozen weights and statistics stay to the bit, all others learn", async (name) => {
    for (const frozen of [[], ["features.0.*", "features.1.*"], ["all"]]) {
      const problem = problemOf(name, frozen);
      const layout = layoutOf(problem);
      let start = new Float32Array();
      const { theta } = await fit(problem, { train: rows(shapes[name]) }, { ...options, initialize: (at) => void (start = at.slice()) });
      for (const { name: slot, offset, size, frozen: stays = false } of layout.slots) {
        expect(stays, slot).toBe(
          slot.startsWith("imported_1/") && (frozen[0] === "all" || (frozen.length > 0 && /features\.[01]\./.test(slot))),
        );
        const moved = theta.subarray(offset, offset + size).some((value, i) => !Object.is(value, start[offset + i]));
        // The bias before a normalisation by the batch has no gradient but rounding's.
        if (slot.endsWith("features.0.bias") && !stays) continue;
        expect(moved, `${slot}, frozen: ${String(frozen)}`).toBe(!stays);
      }
    }
  });

  test("dropout draws its masks from the file's ratio, normalisation keeps its momentum", () => {
    const x = input("x", "float32", ["batch", 6]);
    const { masks, updates } = buildNetwork(network("mlp"), x, parameterInput, { training: true });
    expect(masks.map(({ name, shape, keepProbability }) => [name, shape, keepProbability])).toEqual([["imported_1", [16], 0.75]]);
    expect([...updates.keys()]).toEqual(["imported_1/features.1.running_mean", "imported_1/features.1.running_var"]);
    const frozen = buildNetwork(network("mlp", { freeze: ["*running_var"] }), x, parameterInput, { training: true });
    expect(frozen.updates.size).toBe(0);
  });

  test("takes the same steps on ONNX Runtime and on the reference interpreter", async () => {
    const problem = problemOf("cnn", []);
    const descent = { ...options, optimizer: optimizerByName("sgd"), epochs: 1 };
    const train = rows(shapes.cnn);
    const [ours, oracle] = [await fit(problem, { train }, descent), await fit(problem, { train }, { ...descent, executor: reference })];
    expect(farthest(ours.theta, oracle.theta)).toBeLessThan(2e-4);
  });
});
