/** A whole problem: data, penalty and sum, at two moments, in both modes of its layers; networks of every kind. */
import { describe, expect, test } from "vitest";
import { checkProblem } from "../../src/check/protocol.ts";
import { gradientPicture } from "../../src/check/picture.ts";
import { checkGradient } from "../../src/check/gradient-check.ts";
import { l2Penalty, problemLoss } from "../../src/check/subject.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { activation } from "../../src/nn/layers/activation.ts";
import { attention } from "../../src/nn/layers/attention.ts";
import { batchNorm } from "../../src/nn/layers/batch-norm.ts";
import { conv } from "../../src/nn/layers/conv.ts";
import { dense } from "../../src/nn/layers/dense.ts";
import { dropout } from "../../src/nn/layers/dropout.ts";
import { flatten } from "../../src/nn/layers/flatten.ts";
import { layerNorm } from "../../src/nn/layers/layer-norm.ts";
import { globalAveragePool, maxPool } from "../../src/nn/layers/pool.ts";
import { gru, lstm, rnn } from "../../src/nn/layers/recurrent.ts";
import { meanOverTime } from "../../src/nn/layers/sequence.ts";
import { sequential } from "../../src/nn/network.ts";
import { initializeParameters } from "../../src/nn/parameters.ts";
import { layoutOf, type Problem } from "../../src/train/step-graph.ts";
import { rng } from "../../src/util/rng.ts";
import { denseLoss, densePoint, tampered, withRule } from "./planted.ts";

type Layers = Parameters<typeof sequential>[0];

function problemOf(layers: Layers, inputShape: readonly number[], outputs = 3): Problem {
  return { network: sequential(layers), loss: losses.categoricalCrossEntropy, inputShape, outputs };
}

function rowsFor({ inputShape, outputs }: Problem, rows: number) {
  const draw = rng(3, "rows");
  const size = inputShape.reduce((a, b) => a * b, 1);
  const targets = new Float32Array(rows * outputs);
  for (let row = 0; row < rows; row++) targets[row * outputs + draw.integer(outputs)] = 1;
  const features = draw.fillNormal(new Float32Array(rows * size));
  return { features: tensor("float32", features, [rows, ...inputShape]), targets: tensor("float32", targets, [rows, outputs]) };
}

describe("a problem", () => {
  test("is checked at the start and after a burn-in; a penalty alone and in the sum too (G6, P7)", async () => {
    const { problem, data, theta } = densePoint({ rows: 40 });
    const { checks, passed, examples } = await checkProblem(problem, data, { penalty: l2Penalty(0.1, 40), trained: theta, examples: 10 });
    expect(checks.map(({ moment, part }) => `${moment}: ${part}`)).toEqual(
      ["at the start", "after 20 steps", "trained"].flatMap((moment) => ["data", "penalty", "sum"].map((part) => `${moment}: ${part}`)),
    );
    expect({ passed, examples }).toEqual({ passed: true, examples: 10 });
    expect(new Set(checks.map(({ loss }) => loss)).size).toBe(9);
    expect(checks[2]!.loss).toBeCloseTo(checks[0]!.loss + checks[1]!.loss, 12);
    expect(checks[3]!.loss).toBeLessThan(checks[0]!.loss);
  });

  test("dropout: off, then with a mask that stays (P3)", async () => {
    const problem = problemOf([dense(12), activation("tanh"), dropout(0.6), dense(3)], [5]);
    const { checks, passed } = await checkProblem(problem, rowsFor(problem, 16), { burnIn: 0 });
    expect(checks.map(({ mode }) => mode)).toEqual(["evaluation", "training"]);
    expect(checks[0]!.loss).not.toBe(checks[1]!.loss);
    expect(passed).toBe(true);
  });

  test("batch normalisation in both modes; a bias before it has nothing to test in training (P5)", async () => {
    const problem = problemOf([dense(6), batchNorm(), activation("relu"), dense(3)], [5]);
    const data = rowsFor(problem, 16);
    const { checks, passed } = await checkProblem(problem, data, { burnIn: 0 });
    expect(passed).toBe(true);
    const of = (mode: string) => checks.find((check) => check.mode === mode)!.tensors.find(({ name }) => name === "dense_1/b")!;
    expect(of("evaluation").verdict).toBe("passed");
    expect(of("training")).toMatchObject({ verdict: "untested", reason: "zero gradient" });
    expect(checks[0]!.tensors.map(({ name }) => name)).not.toContain("batchNorm_1/mean");
  });

  test("convolution and pooling, whose losses are taken by other operators in float64", async () => {
    const problem = problemOf([conv(3), activation("relu"), maxPool(), conv(4, { stride: 2 }), globalAveragePool(), dense(3)], [2, 8, 8]);
    const { checks, passed } = await checkProblem(problem, rowsFor(problem, 4), { burnIn: 0 });
    expect(passed).toBe(true);
    expect(checks[0]!.executor).toContain("differences by ONNX Runtime");
    expect(checks[0]!.tensors.find(({ name }) => name === "conv_2/W")).toMatchObject({ method: "batched", verdict: "passed" });
  });

  const sequences: readonly (readonly [string, Layers])[] = [
    ["rnn", [rnn(4), dense(3)]],
    ["lstm", [lstm(3), dense(3)]],
    ["gru, whose kernel refuses float64 when it runs", [gru(3), dense(3)]],
    ["attention and layer normalisation, whose statistics are float32 unless asked", [attention(2), layerNorm(), meanOverTime(), dense(3)]],
  ];
  for (const [name, layers] of sequences) {
    test(`sequences: ${name}`, async () => {
      const problem = problemOf(layers, [4, 6]);
      const { checks, passed } = await checkProblem(problem, rowsFor(problem, 4), { burnIn: 3 });
      expect(passed).toBe(true);
      for (const { float32Only, error } of checks) expect({ float32Only, small: error < 1e-8 }).toEqual({ float32Only: [], small: true });
    });
  }

  test("a fault in the convolution's own rule is named although other operators take its losses", async () => {
    const problem = problemOf([conv(2), activation("tanh"), flatten(), dense(3)], [1, 5, 5]);
    const layout = layoutOf(problem);
    const theta = new Float32Array(layout.size);
    initializeParameters(layout, theta, 1);
    const wrong = () => checkGradient(problemLoss({ problem, layout, theta, data: rowsFor(problem, 3), part: "data" }));
    const found = await withRule("Conv", ([x, w, b], { ops }) => [x!, w ? ops.Mul(w, 0.5) : null, b!], wrong);
    expect(found.fault).toMatchObject({ operator: "Conv", layer: "conv_1", input: "conv_1/W", rule: true });
  });
});

describe("the picture", () => {
  test("is a well-formed SVG for light and dark, a point per coordinate and a line of the legend per tensor", async () => {
    const check = await checkGradient(tampered(denseLoss(), "dense_1/b", (g) => g));
    const svg = gradientPicture(check, { title: "a < b & c" });
    expect(svg).toContain("prefers-color-scheme: dark");
    expect(svg).toContain("a &lt; b &amp; c");
    expect(svg.match(/<circle /g)!.length).toBe(check.tensors.reduce((sum, { size }) => sum + size, 0) + check.tensors.length);
    for (const { name } of check.tensors) expect(svg).toContain(`>${name} `);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  test("draws a choice of many points, the farthest off among them, and says so", async () => {
    const check = await checkGradient(denseLoss({ layers: [20, 20], width: 10 }));
    const svg = gradientPicture(check, { points: 100 });
    expect(svg).toMatch(/100 of 703 points drawn/);
    expect(svg.match(/<circle /g)!.length).toBe(100 + check.tensors.length);
  });
});
