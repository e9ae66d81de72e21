/** Networks with running statistics, masks, frozen parameters and sequences, through the training loop. */
import { describe, expect, test } from "vitest";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { reference } from "../../src/exec/reference.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { activation } from "../../src/nn/layers/activation.ts";
import { architectures, architectureByName } from "../../src/nn/architectures/index.ts";
import { batchNorm } from "../../src/nn/layers/batch-norm.ts";
import { dense } from "../../src/nn/layers/dense.ts";
import { dropout } from "../../src/nn/layers/dropout.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { sequential } from "../../src/nn/network.ts";
import { optimizerByName } from "../../src/optim/optimizers/index.ts";
import { scheduleByName } from "../../src/optim/schedules/index.ts";
import type { Dataset } from "../../src/train/dataset.ts";
import { createEvaluator } from "../../src/train/evaluate.ts";
import { fit } from "../../src/train/fit.ts";
import { createMasks } from "../../src/train/masks.ts";
import { layoutOf, type Problem } from "../../src/train/step-graph.ts";
import { hashText, philox4x32, rng } from "../../src/util/rng.ts";

const options = {
  optimizer: optimizerByName("adam"),
  schedule: scheduleByName("constant"),
  learningRate: 0.01,
  batchSize: 16,
  seed: 1,
  executor: onnxruntimeNode,
  epochs: 4,
};

/** Three classes whose examples lean towards one part of the features each. */
function examples(shape: readonly number[], rows = 96, seed = 1): Dataset {
  const width = shape.reduce((a, b) => a * b, 1);
  const random = rng(seed, "examples");
  const features = random.fillNormal(new Float32Array(rows * width));
  const targets = new Float32Array(rows * 3);
  for (let row = 0; row < rows; row++) {
    const label = row % 3;
    targets[row * 3 + label] = 1;
    for (let i = Math.floor((label * width) / 3); i < Math.floor(((label + 1) * width) / 3); i++) features[row * width + i]! += 1.5;
  }
  return { features: tensor("float32", features, [rows, ...shape]), targets: tensor("float32", targets, [rows, 3]) };
}

const problemOf = (network: Problem["network"], inputShape: readonly number[]): Problem => ({
  network,
  loss: losses.categoricalCrossEntropy,
  inputShape,
  outputs: 3,
});

const firstDifference = (a: Float32Array, b: Float32Array) => a.findIndex((x, i) => !Object.is(x, b[i]));

describe("ready architectures", () => {
  const shapes: Record<keyof typeof architectures, readonly number[]> = {
    logistic: [6],
    mlp: [6],
    cnn: [1, 9, 8],
    resnet: [1, 9, 8],
    rnn: [6, 3],
    lstm: [6, 3],
    gru: [6, 3],
    transformer: [6, 3],
  };
  const sizes = { logistic: [], mlp: [8], cnn: [4, 6, 8], resnet: [4, 6], rnn: [8], lstm: [8, 6], gru: [8], transformer: [8, 8] };
  test.each(Object.keys(architectures) as (keyof typeof architectures)[])(
    "%s learns, to the same bits on 1 and 2 threads",
    async (name) => {
      const inputShape = shapes[name];
      const network = architectureByName(name).build(
        { inputShape, outputs: 3 },
        { layers: sizes[name], keepProbability: name === "logistic" ? 1 : 0.9 },
      );
      const data = { train: examples(inputShape), validation: examples(inputShape, 60, 2) };
      const run = (threads: number) => fit(problemOf(network, inputShape), data, { ...options, epochs: 8, threads });
      const [one, two] = [await run(1), await run(2)];
      expect(firstDifference(one.theta, two.theta)).toBe(-1);
      expect(one.history.at(-1)!.validation!.loss).toBeLessThan(0.75 * one.history[0]!.validation!.loss);
    },
  );
  test("tokens are embedded, and lengths heeded", async () => {
    const network = architectureByName("gru").build({ inputShape: [7], outputs: 3, tokens: 5 }, { layers: [8] });
    const problem = { ...problemOf(network, [7]), variableLength: true };
    const random = rng(4, "tokens");
    const rows = 90;
    const [features, lengths, targets] = [new Float32Array(rows * 7), new Int32Array(rows), new Float32Array(rows * 3)];
    for (let row = 0; row < rows; row++) {
      lengths[row] = 1 + random.integer(7);
      targets[row * 3 + (row % 3)] = 1;
      // The class is the last valid token; what follows is noise.
      for (let t = 0; t < 7; t++) features[row * 7 + t] = t === lengths[row]! - 1 ? row % 3 : random.integer(5);
    }
    const train = {
      features: tensor("float32", features, [rows, 7]),
      targets: tensor("float32", targets, [rows, 3]),
      lengths: tensor("int32", lengths, [rows]),
    };
    const result = await fit(problem, { train, validation: train }, { ...options, epochs: 25 });
    expect(result.history.at(-1)!.validation!.error).toBe(0);
  });
  test("unfit data are refused with their shape", () => {
    expect(() => architectures.cnn.build({ inputShape: [12], outputs: 2 })).toThrow("cnn needs images [channels, height, width]");
    expect(() => architectures.lstm.build({ inputShape: [12], outputs: 2 })).toThrow("lstm needs sequences [time, features]");
    expect(() => architectureByName("crnn")).toThrow('no architecture "crnn"');
  });
});

describe("batch normalisation", () => {
  const network = sequential([batchNorm({ momentum: 0.8 }), dense(4), activation("relu"), dense(3)]);
  const train = examples([6]);
  test("running statistics become those of the data, by the gradient's side", async () => {
    const { theta, layout } = await fit(problemOf(network, [6]), { train }, { ...options, epochs: 12, batchSize: 96 });
    const slot = (name: string) => {
      const { offset, size } = layout.slots.find((one) => one.name === `batchNorm_1/${name}`)!;
      return theta.subarray(offset, offset + size);
    };
    expect(layout.trainable).toBe(layout.size - 12);
    const values = train.features.data as Float32Array;
    for (let column = 0; column < 6; column++) {
      const numbers = Array.from({ length: 96 }, (_, row) => values[row * 6 + column]!);
      const mean = numbers.reduce((a, b) => a + b, 0) / 96;
      const variance = numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 96;
      const kept = 0.8 ** 12;
      expect(slot("mean")[column]).toBeCloseTo(mean * (1 - kept), 4);
      expect(slot("variance")[column]).toBeCloseTo(variance * (1 - kept) + kept, 4);
    }
  });
  test("evaluation uses them, one example at a time as in a batch", async () => {
    const problem = problemOf(network, [6]);
    const { theta } = await fit(problem, { train }, { ...options, epochs: 3 });
    const evaluator = await createEvaluator(problem, layoutOf(problem), onnxruntimeNode);
    const { prediction } = await evaluator.evaluate(theta, train);
    const all = prediction.slice();
    for (const row of [0, 50, 95]) {
      const alone = {
        features: tensor("float32", (train.features.data as Float32Array).slice(row * 6, row * 6 + 6), [1, 6]),
        targets: tensor("float32", (train.targets.data as Float32Array).slice(row * 3, row * 3 + 3), [1, 3]),
      };
      const { prediction: own } = await evaluator.evaluate(theta, alone);
      own.forEach((p, i) => expect(p).toBeCloseTo(all[row * 3 + i]!, 6));
    }
    await evaluator.dispose();
  });
});

describe("dropout", () => {
  test("the lecture's 50 units at keep 0.8: 10 off on average, the expectation unchanged", () => {
    const masks = createMasks([{ name: "d", shape: [50], keepProbability: 0.8 }], 7);
    let [off, sum] = [0, 0];
    for (let step = 1; step <= 400; step++) {
      const values = masks.draw(step, 1)["mask/d"]!.data as Float32Array;
      expect(values.every((value) => value === 0 || value === 1.25)).toBe(true);
      off += values.filter((value) => value === 0).length / 400;
      sum += values.reduce((a, b) => a + b, 0) / (50 * 400);
    }
    // Standard errors 0.14 and 0.0035.
    expect(Math.abs(off - 10)).toBeLessThan(0.6);
    expect(Math.abs(sum - 1)).toBeLessThan(0.015);
  });
  test("the kernel's words are Philox's: four blocks side by side, a number is kept where its word is below keep · 2³²", () => {
    const [keep, seed, step, n] = [0.3, 2 ** 40 + 5, 9, 75];
    const drawn = createMasks([{ name: "d", shape: [n], keepProbability: keep }], seed).draw(step, 1)["mask/d"]!.data as Float32Array;
    const [s0, s1] = hashText("mask d");
    const expected = Float32Array.from({ length: n }, (_, i) => {
      const [four, within] = [Math.floor(i / 16), i % 16];
      const words = new Uint32Array(4);
      philox4x32(4 * four + (within % 4), step, s0, s1, seed, Math.floor(seed / 2 ** 32), words);
      return words[Math.floor(within / 4)]! < keep * 2 ** 32 ? 1 / keep : 0;
    });
    expect([...drawn]).toEqual([...expected]);
  });
  test("masks of several steps at once are those of each step; noise is normal", () => {
    const kinds = [
      { name: "d", shape: [5], keepProbability: 0.5 },
      { name: "n", shape: [3, 7], keepProbability: 1, deviation: 0.1 },
    ];
    const many = createMasks(kinds, 3).drawSteps(4, 3, 2);
    const one = createMasks(kinds, 3);
    for (const [name, size] of [
      ["d", 10],
      ["n", 42],
    ] as const) {
      expect(many[`masks/${name}`]!.shape.slice(0, 2)).toEqual([3, 2]);
      for (let k = 0; k < 3; k++) {
        const part = (many[`masks/${name}`]!.data as Float32Array).subarray(k * size, (k + 1) * size);
        expect([...part]).toEqual([...(one.draw(4 + k, 2)[`mask/${name}`]!.data as Float32Array)]);
      }
    }
    const draws = createMasks([{ name: "n", shape: [2000], keepProbability: 1, deviation: 0.1 }], 1).draw(1, 5)["mask/n"]!
      .data as Float32Array;
    expect(Math.abs(draws.reduce((a, b) => a + b, 0) / 10_000)).toBeLessThan(0.005);
    expect(Math.sqrt(draws.reduce((a, b) => a + b * b, 0) / 10_000)).toBeCloseTo(0.1, 2);
  });
  test("a mask is a function of seed, layer and step alone", () => {
    const draw = (seed: number, name: string, step: number) =>
      [...(createMasks([{ name, shape: [40], keepProbability: 0.5 }], seed).draw(step, 2)[`mask/${name}`]!.data as Float32Array)].join("");
    expect(draw(1, "a", 3)).toBe(draw(1, "a", 3));
    for (const other of [draw(2, "a", 3), draw(1, "b", 3), draw(1, "a", 4)]) expect(other).not.toBe(draw(1, "a", 3));
  });
  test("keep 1 is no dropout, bit for bit, and changes no draw", async () => {
    const train = examples([6]);
    const run = (keep: readonly number[]) =>
      fit(problemOf(sequential([dense(8), ...keep.map((k) => dropout(k)), activation("relu"), dense(3)]), [6]), { train }, options);
    const [without, one] = [await run([]), await run([1])];
    expect(firstDifference(without.theta, one.theta)).toBe(-1);
    const some = await run([0.5]);
    expect(firstDifference(without.theta, some.theta)).not.toBe(-1);
  });
  test("ONNX Runtime and the float64 interpreter take the same masked steps", async () => {
    const problem = problemOf(sequential([dense(8), batchNorm(), activation("tanh"), dropout(0.5), dense(3)]), [6]);
    const train = examples([6]);
    // Plain descent: Adam would blow up the rounding noise of the bias before the normalisation, whose gradient is 0.
    const descent = { ...options, optimizer: optimizerByName("sgd") };
    const [ours, oracle] = [await fit(problem, { train }, descent), await fit(problem, { train }, { ...descent, executor: reference })];
    expect(Math.max(...ours.theta.map((x, i) => Math.abs(x - oracle.theta[i]!)))).toBeLessThan(2e-4);
  });
});

test("frozen parameters stay to the bit while others learn", async () => {
  const network = sequential([dense(8), activation("relu"), dense(3)]);
  const problem = { ...problemOf(network, [6]), frozen: ["dense_1/W", "dense_1/b"] };
  const layout = layoutOf(problem);
  expect(layout.slots.map(({ name }) => name)).toEqual(["dense_2/W", "dense_2/b", "dense_1/W", "dense_1/b"]);
  expect(layout.trainable).toBe(27);
  let start: Float32Array | undefined;
  const initialize = (theta: Float32Array) => void (start = theta.slice());
  for (const optimizer of ["adam", "adamw"]) {
    const result = await fit(problem, { train: examples([6]) }, { ...options, optimizer: optimizerByName(optimizer), initialize });
    expect(firstDifference(result.theta.subarray(27), start!.subarray(27))).toBe(-1);
    expect(firstDifference(result.theta.subarray(0, 27), start!.subarray(0, 27))).not.toBe(-1);
  }
});
