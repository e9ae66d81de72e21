/** Examples that a program gives: tokens, lengths, and batches of one row under batch normalisation. */
import { describe, expect, test } from "vitest";
import { checkProblem } from "../../src/check/protocol.ts";
import { compile } from "../../src/exec/executor.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { activation } from "../../src/nn/layers/activation.ts";
import { batchNorm } from "../../src/nn/layers/batch-norm.ts";
import { conv } from "../../src/nn/layers/conv.ts";
import { dense } from "../../src/nn/layers/dense.ts";
import { embedding } from "../../src/nn/layers/embedding.ts";
import { globalAveragePool } from "../../src/nn/layers/pool.ts";
import { lstm } from "../../src/nn/layers/recurrent.ts";
import { meanOverTime } from "../../src/nn/layers/sequence.ts";
import { reshape } from "../../src/nn/layers/shape.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { sequential } from "../../src/nn/network.ts";
import { optimizerByName } from "../../src/optim/optimizers/index.ts";
import { scheduleByName } from "../../src/optim/schedules/index.ts";
import { preflight } from "../../src/preflight/preflight.ts";
import type { Dataset } from "../../src/train/dataset.ts";
import { fit, type FitOptions } from "../../src/train/fit.ts";
import type { Problem } from "../../src/train/step-graph.ts";
import { rng } from "../../src/util/rng.ts";

const options: FitOptions = {
  optimizer: optimizerByName("adam"),
  learningRate: 0.01,
  schedule: scheduleByName("constant"),
  epochs: 2,
  batchSize: 4,
  seed: 1,
  executor: { name: "platform", compile },
};

function rows(count: number, shape: readonly number[], features?: readonly number[]): Dataset {
  const size = shape.reduce((a, b) => a * b, 1);
  const targets = Float32Array.from({ length: 2 * count }, (_, i) => Number(i % 2 === Math.floor(i / 2) % 2));
  const numbers = features ? Float32Array.from({ length: count * size }, (_, i) => features[i % features.length]!) : undefined;
  const data = numbers ?? rng(1, "rows").fillNormal(new Float32Array(count * size));
  return { features: tensor("float32", data, [count, ...shape]), targets: tensor("float32", targets, [count, 2]) };
}

const problem = (layers: Parameters<typeof sequential>[0], inputShape: readonly number[], more: Partial<Problem> = {}): Problem => ({
  network: sequential(layers),
  loss: losses.categoricalCrossEntropy,
  inputShape,
  outputs: 2,
  ...more,
});

describe("tokens", () => {
  const words = problem([embedding(5, 4), meanOverTime(), dense(2)], [3]);
  const bad: readonly (readonly [string, readonly number[], string])[] = [
    ["beyond the table", [0, 1, 2, 3, 7, 4], "row 2, step 2: 7 is no token of embedding_1, which has 0 to 4"],
    ["negative", [0, -1, 2], "row 1, step 2: -1 is no token"],
    ["between two", [0, 1, 1.5], "row 1, step 3: 1.5 is no token"],
    ["not a number", [NaN, 1, 1], "row 1, step 1: NaN is no token"],
  ];
  for (const [name, tokens, message] of bad) {
    test(`${name} are refused where the data enter`, async () => {
      const [wrong, right] = [rows(4, [3], tokens), rows(4, [3], [0, 1, 4])];
      await expect(fit(words, { train: wrong }, options)).rejects.toThrow(`the training data's ${message}`);
      await expect(fit(words, { train: right, validation: wrong }, options)).rejects.toThrow(`the validation data's ${message}`);
      await expect(preflight(words, wrong)).rejects.toThrow(message);
      await expect(checkProblem(words, wrong, { burnIn: 0 })).rejects.toThrow(message);
    });
  }

  test("are found behind a change of shape; other inputs may be any number", async () => {
    const flat = problem([reshape([3]), embedding(5, 4), meanOverTime(), dense(2)], [1, 3]);
    await expect(fit(flat, { train: rows(4, [1, 3], [5]) }, options)).rejects.toThrow("5 is no token");
    expect((await fit(words, { train: rows(4, [3], [0, 4]) }, options)).reason).toBe("finished");
    const numbers = problem([dense(3), dense(2)], [3]);
    expect((await fit(numbers, { train: rows(4, [3], [7, -1.5]) }, options)).reason).toBe("finished");
  });
});

describe("lengths", () => {
  const sequences = problem([lstm(3), dense(2)], [4, 2], { variableLength: true });
  const withLengths = (lengths: readonly number[]) => ({ ...rows(4, [4, 2]), lengths: tensor("int32", Int32Array.from(lengths)) });
  for (const [lengths, message] of [
    [[1, 2, 9, 4], "row 3 has a length of 9, its sequences have 1 to 4 steps"],
    [[-1, 2, 3, 4], "row 1 has a length of -1"],
    [[1, 0, 3, 4], "row 2 has a length of 0"],
    [[1, 2], "lengths must be int32[4], one a row, found [2]"],
  ] as const) {
    test(`${lengths.join(", ")} are refused`, async () => {
      await expect(fit(sequences, { train: withLengths(lengths) }, options)).rejects.toThrow(message);
      await expect(checkProblem(sequences, withLengths(lengths), { burnIn: 0 })).rejects.toThrow(message);
    });
  }

  test("from 1 to all steps are taken", async () => {
    expect((await fit(sequences, { train: withLengths([1, 2, 3, 4]) }, options)).reason).toBe("finished");
  });
});

describe("batch normalisation on one row", () => {
  const normalised = problem([dense(4), batchNorm(), activation("relu"), dense(2)], [3]);

  test("a last batch of one row is left out of its epoch", async () => {
    const data = rows(9, [3]);
    const seen: number[] = [];
    const onEvent = (event: { type: string; examples?: number }) => event.type === "step" && seen.push(event.examples!);
    const run = await fit(normalised, { train: data }, { ...options, epochs: 3, onEvent });
    expect(run.steps).toBe(6);
    expect(seen).toEqual([4, 8, 12, 16, 20, 24]);
    const again = await fit(normalised, { train: data }, { ...options, epochs: 3 });
    expect([...again.theta]).toEqual([...run.theta]);
  });

  test("batches of one row, or one row of data, are refused with the layer's name", async () => {
    const message = "batchNorm_1 needs more than one value of each channel in a batch, and a batch of one row has one";
    await expect(fit(normalised, { train: rows(9, [3]) }, { ...options, batchSize: 1 })).rejects.toThrow(message);
    await expect(fit(normalised, { train: rows(1, [3]) }, options)).rejects.toThrow(message);
    await expect(checkProblem(normalised, rows(9, [3]), { examples: 1, burnIn: 0 })).rejects.toThrow(message);
    expect((await checkProblem(normalised, rows(9, [3]), { examples: 1, burnIn: 0, modes: ["evaluation"] })).passed).toBe(true);
  });

  test("images have many values a channel, and other networks no such layer: the last row takes part", async () => {
    const images = problem([conv(2), batchNorm(), globalAveragePool(), dense(2)], [1, 4, 4]);
    expect((await fit(images, { train: rows(5, [1, 4, 4]) }, { ...options, epochs: 1 })).steps).toBe(2);
    expect((await fit(images, { train: rows(3, [1, 4, 4]) }, { ...options, epochs: 1, batchSize: 1 })).steps).toBe(3);
    expect((await fit(problem([dense(2)], [3]), { train: rows(5, [3]) }, { ...options, epochs: 1 })).steps).toBe(2);
  });
});
