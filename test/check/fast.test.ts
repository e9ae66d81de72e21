/** Fast mode: what one direction cannot see, and what was computed with other operators. */
import { describe, expect, test } from "vitest";
import { gradient } from "../../src/autodiff/gradient.ts";
import { checkGradient } from "../../src/check/gradient-check.ts";
import { randomDirection, type Probe } from "../../src/check/probes.ts";
import { constant, input, type Value } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { ops } from "../../src/ops/build.ts";
import { rng } from "../../src/util/rng.ts";

describe("fast mode", () => {
  test("sees what lies across the direction of its tensor", async () => {
    const [u, v] = [input("u", "float64", [6]), input("v", "float64", [5])];
    const loss = ops.ReduceSum(ops.Concat(ops.Tanh(u), ops.Tanh(v), { axis: 0 }), { keepdims: 0 });
    const probe = randomDirection(6, 1, "u", 0) as Extract<Probe, { kind: "direction" }>;
    const [first, second] = probe.vector as unknown as [number, number];
    const across = constant(tensor("float64", [second / 10, -first / 10, 0, 0, 0, 0]));
    const [du, dv] = gradient(loss, [u, v]) as [Value, Value];
    const inputs = { u: tensor("float64", [0.1, -0.2, 0.3, 0.4, 0.5, -0.6]), v: tensor("float64", [0.3, 0.2, 0.1, -0.1, -0.4]) };
    const spec = { loss, parameters: [u, v], inputs };
    expect((await checkGradient(spec, { mode: "fast" })).passed).toBe(true);
    const found = await checkGradient({ ...spec, gradients: [ops.Add(du, across), dv] }, { mode: "fast", locate: false });
    expect(found.tensors.map(({ verdict }) => verdict)).toEqual(["failed", "passed"]);
  });

  test("looks at a difference again with the operators themselves", async () => {
    const [x, w] = [input("x", "float64", [2, 1, 6, 6]), input("w", "float64", [3, 1, 3, 3])];
    const loss = ops.ReduceSum(ops.Tanh(ops.Conv(x, w)), { keepdims: 0 });
    const inputs = {
      x: tensor("float64", rng(1, "x").fillNormal(new Float64Array(72)), [2, 1, 6, 6]),
      w: tensor("float64", rng(1, "w").fillNormal(new Float64Array(27)), [3, 1, 3, 3]),
    };
    const right = await checkGradient({ loss, parameters: [w], inputs }, { mode: "fast" });
    expect(right).toMatchObject({ passed: true, executor: expect.stringContaining("Conv written with other operators") as string });
    const [dw] = gradient(loss, [w]) as [Value];
    const wrong = await checkGradient({ loss, parameters: [w], inputs, gradients: [ops.Mul(dw, 1.001)] }, { mode: "fast", locate: false });
    expect(wrong).toMatchObject({
      passed: false,
      deterministic: true,
      executor: expect.stringContaining("reference interpreter") as string,
    });
    expect(wrong.tensors[0]!.coordinates).toBe(27);
  });
});
