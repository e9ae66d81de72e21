/** Parameters without a slope by the graph alone: the check says which, and where they are cut off. */
import { describe, expect, test } from "vitest";
import { checkGradient } from "../../src/check/gradient-check.ts";
import { checkProblem } from "../../src/check/protocol.ts";
import { compile } from "../../src/exec/executor.ts";
import { input, type Value } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { dense } from "../../src/nn/layers/dense.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { sequential } from "../../src/nn/network.ts";
import { defineLayer } from "../../src/nn/own-layer.ts";
import { ops } from "../../src/ops/build.ts";
import { optimizerByName } from "../../src/optim/optimizers/index.ts";
import { scheduleByName } from "../../src/optim/schedules/index.ts";
import { fit } from "../../src/train/fit.ts";
import type { Problem } from "../../src/train/step-graph.ts";
import { rng } from "../../src/util/rng.ts";

const [w, u] = [input("w", "float32", [3]), input("u", "float32", [2])];
const inputs = { w: tensor("float32", [0.1, -0.2, 2.3]), u: tensor("float32", [1, 2]) };
const sum = (value: Value) => ops.ReduceSum(value, { keepdims: 0 });

describe("a loss", () => {
  for (const [name, cut, reason] of [
    ["ArgMax", ops.Cast(ops.ArgMax(w, { axis: 0 }), { to: "float32" }), "only through ArgMax (its output ArgMax int64[1])"],
    ["Round", ops.Round(w), "only through Round (its output Round float64[3])"],
    ["a cast", ops.Cast(ops.Cast(w, { to: "int32" }), { to: "float32" }), "only through Cast (its output Cast int32[3])"],
  ] as const) {
    for (const mode of ["full", "fast"] as const) {
      test(`${name} cuts a parameter off, and the check says so (${mode})`, async () => {
        const { tensors } = await checkGradient({ loss: ops.Add(sum(cut), sum(ops.Tanh(u))), parameters: [w, u], inputs }, { mode });
        expect(tensors[0]).toMatchObject({ verdict: "untested", reason: expect.stringContaining(`reaches the loss ${reason}`) });
        expect(tensors[1]).toMatchObject({ verdict: "passed" });
        expect(tensors[1]!.reason).toBeUndefined();
      });
    }
  }

  test("a parameter that it does not depend on does not reach it", async () => {
    const { tensors } = await checkGradient({ loss: sum(ops.Tanh(w)), parameters: [w, u], inputs });
    expect(tensors.map(({ verdict, reason }) => [verdict, reason])).toEqual([
      ["passed", undefined],
      ["untested", "does not reach the loss"],
    ]);
  });

  test("a slope that happens to be zero is called so", async () => {
    const { tensors } = await checkGradient({ loss: ops.Add(sum(ops.Mul(w, 0)), sum(u)), parameters: [w, u], inputs });
    expect(tensors[0]).toMatchObject({ verdict: "untested", reason: "zero gradient" });
  });
});

describe("a network", () => {
  const rounded = defineLayer({ kind: "rounded", build: (_: object, x) => ops.Round(x) });
  const problem: Problem = {
    network: sequential([dense(4), rounded(), dense(2)]),
    loss: losses.meanSquared,
    inputShape: [3],
    outputs: 2,
  };
  const draw = rng(1, "rows");
  const data = {
    features: tensor("float32", draw.fillNormal(new Float32Array(24)), [8, 3]),
    targets: tensor("float32", draw.fillNormal(new Float32Array(16)), [8, 2]),
  };
  const options = {
    optimizer: optimizerByName("adam"),
    learningRate: 0.01,
    schedule: scheduleByName("constant"),
    epochs: 1,
    batchSize: 4,
    seed: 1,
    executor: { name: "platform", compile },
  };

  test("a layer that rounds keeps what lies before it from learning: training refuses, the check says why", async () => {
    const refused =
      /^the loss depends on dense_1\/W only through Round \(its output .*\), which has no slope: it is constant almost everywhere$/;
    await expect(fit(problem, { train: data }, options)).rejects.toThrow(refused);
    const { checks } = await checkProblem(problem, data, { burnIn: 0 });
    const reasons = Object.fromEntries(checks[0]!.tensors.map(({ name, reason }) => [name, reason ?? ""]));
    expect(reasons["dense_1/W"]).toMatch(/^reaches the loss only through Round/);
    expect(reasons["dense_2/W"]).toBe("");
  });

  test("with those weights frozen it trains", async () => {
    const run = await fit({ ...problem, frozen: ["dense_1/W", "dense_1/b"] }, { train: data }, options);
    expect(run.reason).toBe("finished");
  });
});
