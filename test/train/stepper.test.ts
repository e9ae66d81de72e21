import { describe, expect, test } from "vitest";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { reference } from "../../src/exec/reference.ts";
import type { Executor } from "../../src/exec/session.ts";
import { initializeParameters, layoutParameters } from "../../src/nn/parameters.ts";
import { optimizerByName, optimizers } from "../../src/optim/optimizers/index.ts";
import { createStepper } from "../../src/train/stepper.ts";
import { rng } from "../../src/util/rng.ts";
import { cloudProblem, clouds } from "./problems.ts";

const problem = cloudProblem();
const layout = layoutParameters(problem.network, problem.inputShape);
const data = clouds({ rows: 200 });
const batch = 10;

/** Weights and losses after `steps` steps. */
async function run(form: "scan" | "fused", optimizer: string, executor: Executor, steps = 20, options: { threads?: number } = {}) {
  const stepper = await createStepper({ problem, layout, optimizer: optimizerByName(optimizer), data, batch, executor, form, ...options });
  initializeParameters(layout, stepper.theta, 1);
  const rows = rng(1, "order").permutation(200);
  const losses: number[] = [];
  for (let step = 0; step < steps; step += 5) {
    const at = (step * batch) % 200;
    losses.push(...(await stepper.run(rows.subarray(at, at + 5 * batch), batch, step + 1, () => (optimizer === "sgd" ? 0.1 : 0.01))));
  }
  const theta = stepper.theta.slice();
  await stepper.dispose();
  return { theta, losses };
}

/** Where two vectors differ first, to the bit; -1 nowhere. */
const firstDifference = (a: Float32Array, b: Float32Array) => a.findIndex((x, i) => !Object.is(x, b[i]));
const distance = (a: Float32Array, b: Float32Array) => Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));

describe.each(Object.keys(optimizers))("%s", (optimizer) => {
  test("steps inside Scan, steps with the fused kernel and the float64 interpreter agree", async () => {
    const scanned = await run("scan", optimizer, onnxruntimeNode);
    const fused = await run("fused", optimizer, onnxruntimeNode);
    const oracle = await run("fused", optimizer, reference);
    expect(scanned.losses.length).toBe(20);
    expect(distance(scanned.theta, fused.theta)).toBeLessThan(2e-6);
    expect(distance(fused.theta, oracle.theta)).toBeLessThan(1e-5);
    scanned.losses.forEach((loss, i) => expect(Math.abs(loss - oracle.losses[i]!)).toBeLessThan(1e-5));
    expect(oracle.losses[19]!).toBeLessThan(oracle.losses[0]!);
  });

  test.each(["scan", "fused"] as const)("%s: equal weights to the bit with 1, 2 and 3 threads", async (form) => {
    const one = await run(form, optimizer, onnxruntimeNode, 20, { threads: 1 });
    for (const threads of [2, 3]) {
      const other = await run(form, optimizer, onnxruntimeNode, 20, { threads });
      expect(firstDifference(other.theta, one.theta)).toBe(-1);
    }
  });
});

test("decoupled decay shrinks weights and leaves biases alone", async () => {
  const { weightDecay } = optimizerByName("adamw", { weightDecay: 0.5 });
  expect(weightDecay).toBe(0.5);
  for (const form of ["scan", "fused"] as const) {
    const at = async (settings: Record<string, number>) => {
      const stepper = await createStepper({
        problem,
        layout,
        optimizer: optimizerByName("adamw", settings),
        data,
        batch,
        executor: onnxruntimeNode,
        form,
      });
      stepper.theta.fill(1);
      await stepper.run(rng(1, "o").permutation(200).subarray(0, batch), batch, 1, () => 0.01);
      const theta = stepper.theta.slice();
      await stepper.dispose();
      return theta;
    };
    const [without, withDecay] = [await at({ weightDecay: 0 }), await at({ weightDecay: 0.5 })];
    for (const { role, offset } of layout.slots) {
      expect(withDecay[offset]! - without[offset]!).toBeCloseTo(role === "weight" ? -0.005 : 0, 5);
    }
  }
});

test("a step whose loss is not finite ends the run with the parameters it had", async () => {
  for (const form of ["scan", "fused"] as const) {
    const stepper = await createStepper({
      problem,
      layout,
      optimizer: optimizerByName("sgd"),
      data,
      batch,
      executor: onnxruntimeNode,
      form,
    });
    initializeParameters(layout, stepper.theta, 1);
    const rows = rng(1, "o").permutation(200);
    const losses = await stepper.run(rows, batch, 1, () => 1e20);
    expect(losses.length).toBeLessThan(20);
    expect([...losses.subarray(0, -1)].every(Number.isFinite)).toBe(true);
    expect(Number.isFinite(losses.at(-1))).toBe(false);
    const again = await stepper.run(rows.subarray((losses.length - 1) * batch, losses.length * batch), batch, losses.length, () => 0);
    expect(Number.isFinite(again[0])).toBe(false);
    await stepper.dispose();
  }
});

test("a network large enough for its matrix products to be shared out gives equal weights to the bit with 1, 2 and 4 threads", async () => {
  const wide = cloudProblem([512, 256], 300, 10);
  const wideLayout = layoutParameters(wide.network, wide.inputShape);
  const wideData = clouds({ rows: 1024, width: 300, classes: 10 });
  const at = async (threads: number) => {
    const options = {
      problem: wide,
      layout: wideLayout,
      optimizer: optimizerByName("adamw"),
      data: wideData,
      batch: 128,
      executor: onnxruntimeNode,
      threads,
    };
    const stepper = await createStepper(options);
    initializeParameters(wideLayout, stepper.theta, 1);
    const losses = await stepper.run(rng(1, "o").permutation(1024), 128, 1, () => 0.003);
    const theta = stepper.theta.slice();
    await stepper.dispose();
    return { losses: [...losses], theta };
  };
  const one = await at(1);
  for (const threads of [2, 4]) {
    const other = await at(threads);
    expect(other.losses).toEqual(one.losses);
    expect(firstDifference(other.theta, one.theta)).toBe(-1);
  }
});
