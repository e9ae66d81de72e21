/** Where the time goes: phases that add up, nodes in their places, threads by a probe; and weights that know nothing of either. */
import { describe, expect, test } from "vitest";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { optimizerByName } from "../../src/optim/optimizers/index.ts";
import { scheduleByName } from "../../src/optim/schedules/index.ts";
import { batchSizeFor } from "../../src/train/batch-size.ts";
import { phases, startClock } from "../../src/train/clock.ts";
import { architectureByName, architectures } from "../../src/nn/architectures/index.ts";
import { fit, type FitOptions } from "../../src/train/fit.ts";
import { watchHealth } from "../../src/train/health.ts";
import { placeNodes } from "../../src/train/kernel-phases.ts";
import { profileTraining } from "../../src/train/profile.ts";
import { gradientGraph, layoutOf, scanGraph, type Problem } from "../../src/train/step-graph.ts";
import { chooseThreads, fewestThreads, threadCounts } from "../../src/train/threads.ts";
import { updateRule } from "../../src/train/update.ts";
import type { RunGraph } from "../../src/exec/session.ts";
import { isGraph, type Graph } from "../../src/ir/graph.ts";
import { partOf, scopeOf, nameOf, type Scope } from "../../src/onnx/names.ts";
import { clouds } from "./problems.ts";

const classes = 4;
const problemOf = (width: number, layers: readonly number[]): Problem => ({
  network: architectures.mlp.build({ inputShape: [width], outputs: classes }, { layers, keepProbability: 0.8 }),
  loss: losses.categoricalCrossEntropy,
  inputShape: [width],
  outputs: classes,
});
const settings: FitOptions = {
  optimizer: optimizerByName("adamw"),
  learningRate: 0.003,
  schedule: scheduleByName("cosine"),
  epochs: 4,
  batchSize: 32,
  seed: 3,
  executor: onnxruntimeNode,
};

describe.each([
  { form: "inside Scan", width: 20, layers: [32] },
  { form: "a call a step", width: 300, layers: [256] },
])("a profile of a training $form", ({ width, layers }) => {
  const problem = problemOf(width, layers);
  const data = { train: clouds({ rows: 1000, width, classes }), validation: clouds({ rows: 300, width, classes, seed: 2 }) };

  test("changes no bit, and its phases are the whole time to 2 %", async () => {
    const plain = await fit(problem, data, { ...settings, observe: watchHealth() });
    const clock = startClock();
    const began = performance.now();
    const timed = await fit(problem, data, { ...settings, observe: watchHealth(), clock, checkpoint: () => {} });
    const wall = (performance.now() - began) / 1000;
    const { profile, trace } = await profileTraining(clock, problem, data, settings);
    expect(timed.theta.findIndex((value, i) => !Object.is(value, plain.theta[i]))).toBe(-1);
    const sum = profile.phases.reduce((total, { seconds }) => total + seconds, 0);
    expect(Math.abs(sum - wall) / wall).toBeLessThan(0.02);
    expect(profile.phases.reduce((total, { share }) => total + share, 0)).toBeCloseTo(1, 6);
    expect(profile.steps).toBe(timed.steps);
    const seconds = Object.fromEntries(profile.phases.map((phase) => [phase.name, phase.seconds]));
    for (const name of ["data", "forward", "backward", "optimizer", "monitors", "evaluation", "preparation"])
      expect(seconds[name], name).toBeGreaterThan(0);
    expect(profile.layers.map(({ layer }) => layer)).toEqual(["dense_1", "dense_2"]);
    for (const { forward, backward } of profile.layers) expect(Math.min(forward, backward)).toBeGreaterThan(0);
    expect(profile.operators.some(({ operator, phase }) => operator.includes("Gemm") && phase === "backward")).toBe(true);
    const events = trace.traceEvents.filter(({ ph }) => ph === "X") as unknown as { name: string; ts: number; dur: number; pid: number }[];
    expect(events.some(({ name }) => name.startsWith("step"))).toBe(true);
    for (const { ts, dur } of events) expect(Math.min(ts, dur)).toBeGreaterThanOrEqual(0);
    const steps = events.filter(({ name, pid }) => pid === 1 && name.startsWith("step"));
    for (const network of events.filter(({ name, pid }) => pid === 1 && name === "network"))
      expect(steps.some(({ ts, dur }) => ts <= network.ts + 1 && network.ts + network.dur <= ts + dur + 1)).toBe(true);
  });
});

/** A graph of ours as the runtime would say it, nothing fused. */
function asRun(graph: Graph, scope?: Scope): RunGraph {
  const part = partOf(graph);
  const names = scopeOf(part, scope);
  return {
    inputs: graph.inputs.map((value) => nameOf(value, names)),
    outputs: part.outputs.map((value) => nameOf(value, names)),
    nodes: part.nodes.map((node) => ({
      name: nameOf(node.outputs[0]!, names),
      op: node.op,
      inputs: node.inputs.flatMap((value) => (value ? [nameOf(value, names)] : [])),
      outputs: node.outputs.flatMap((value) => (names.values.has(value) ? [nameOf(value, names)] : [])),
      bodies: Object.values(node.attributes).flatMap((value) => (isGraph(value) ? [asRun(value, names)] : [])),
    })),
  };
}

test("nodes of a step stand in their phase and layer", () => {
  const problem = problemOf(6, [5]);
  const layout = layoutOf(problem);
  const slots = layout.slots.map(({ name }) => name);
  const placed = placeNodes({ graph: asRun(gradientGraph(problem, layout)), kernels: [], runs: [] }, slots);
  const of = (name: string) => {
    const { phase, layer } = placed.find(({ node }) => node.outputs.includes(name))!;
    return `${phase} ${layer ?? ""}`.trim();
  };
  expect(placed.filter(({ phase }) => phase === "data").map(({ node }) => node.op)).toEqual(["Gather", "Gather"]);
  expect(of("loss")).toBe("forward dense_2");
  expect(of("gradient/dense_1/W")).toBe("backward dense_1");
  expect(of("gradient/dense_2/b")).toBe("backward dense_2");
  const forward = placed.filter(({ phase }) => phase === "forward").map(({ node }) => node.op);
  expect(forward).toContain("Relu");
  expect(forward).not.toContain("Greater");
  expect(placed.some(({ phase }) => phase === "optimizer")).toBe(false);
});

test.each(["sgd", "adamw"] as const)("inside Scan the update by %s is the optimizer's, and what comes before it is not", (kind) => {
  const problem = problemOf(6, [5]);
  const layout = layoutOf(problem);
  const rule = updateRule(optimizerByName(kind), layout, {}, 100);
  const placed = placeNodes(
    { graph: asRun(scanGraph(problem, layout, rule)), kernels: [], runs: [] },
    layout.slots.map(({ name }) => name),
  );
  const operators = (phase: string) => placed.filter((one) => one.phase === phase).map(({ node }) => node.op);
  const made = (name: string) => placed.find(({ node }) => node.outputs.includes(name))!.phase;
  expect(made("theta/out")).toBe("optimizer");
  expect(operators("optimizer").includes("Sqrt")).toBe(kind === "adamw");
  expect(operators("backward").filter((op) => op === "MatMul" || op === "Gemm")).toHaveLength(3);
  expect(operators("forward").filter((op) => op === "MatMul" || op === "Gemm")).toHaveLength(2);
  expect(operators("optimizer").some((op) => op === "MatMul" || op === "Gemm")).toBe(false);
});

test("a clock's phases hold what was spent in them, and go back to the one before", async () => {
  const clock = startClock();
  const spend = (milliseconds: number): void => {
    const from = performance.now();
    while (performance.now() - from < milliseconds);
  };
  spend(5);
  clock.enter("overhead");
  clock.step(1, 1);
  const before = clock.enter("data");
  expect(before).toBe("overhead");
  spend(10);
  clock.enter("network");
  spend(20);
  clock.enter(before);
  clock.stop();
  const total = phases.reduce((sum, phase) => sum + clock.milliseconds[phase], 0);
  spend(5);
  clock.enter("data");
  expect(phases.reduce((sum, phase) => sum + clock.milliseconds[phase], 0)).toBe(total);
  expect(clock.milliseconds.preparation).toBeGreaterThanOrEqual(5);
  expect(clock.milliseconds.data).toBeGreaterThanOrEqual(10);
  expect(clock.milliseconds.network).toBeGreaterThanOrEqual(20);
  expect(clock.spans.map(({ name }) => name)).toEqual(["preparation", "data", "network", "step 1"]);
});

test("the spans of a long training are bounded", () => {
  const clock = startClock();
  for (let step = 1; step <= 100_000; step++) {
    clock.step(step, 1);
    for (const phase of ["data", "network", "optimizer", "monitors", "overhead"] as const) clock.enter(phase);
  }
  clock.stop();
  expect(clock.steps).toBe(100_000);
  expect(clock.spans.length).toBeLessThan(10_000);
  expect(clock.spans.filter(({ name }) => name.startsWith("step")).length).toBeGreaterThan(200);
});

describe("threads", () => {
  test("powers of two and all cores are tried, and of nearly equal times the fewest win", () => {
    expect([1, 2, 4, 6, 16].map(threadCounts)).toEqual([[1], [2, 1], [4, 2, 1], [6, 4, 2, 1], [16, 8, 4, 2, 1]]);
    expect(
      fewestThreads([
        { threads: 2, milliseconds: 1 },
        { threads: 1, milliseconds: 1.02 },
      ]),
    ).toBe(1);
    expect(
      fewestThreads([
        { threads: 2, milliseconds: 1 },
        { threads: 1, milliseconds: 1.04 },
      ]),
    ).toBe(2);
  });

  const problem = problemOf(400, [512, 256]);
  const train = clouds({ rows: 1024, width: 400, classes });
  const long = { ...settings, epochs: 100_000 };

  test("the probe times steps on each number within its time, and changes no bit of the training", async () => {
    const before = await fit(problem, { train }, { ...settings, epochs: 2 });
    const found = (await chooseThreads(problem, train, { ...long, executor: { ...onnxruntimeNode, cores: () => 2 } }))!;
    expect(found.tried.map(({ threads }) => threads)[0]).toBe(2);
    expect([1, 2]).toContain(found.threads);
    for (const { milliseconds } of found.tried) expect(milliseconds).toBeGreaterThan(0);
    const after = await fit(problem, { train }, { ...settings, epochs: 2, stepThreads: found.threads });
    expect(after.theta.findIndex((value, i) => !Object.is(value, before.theta[i]))).toBe(-1);
  });

  test("nothing is probed where there is nothing to choose, or no time", async () => {
    const on = (cores: number) => ({ ...onnxruntimeNode, cores: () => cores });
    const choices = [
      chooseThreads(problem, train, { ...long, executor: on(2), threads: 1 }),
      chooseThreads(problem, train, { ...long, executor: on(1) }),
      chooseThreads(problem, train, { ...settings, executor: on(2) }),
      chooseThreads(problemOf(10, [16]), clouds({ rows: 100, width: 10, classes }), { ...long, executor: on(2) }),
    ];
    expect(await Promise.all(choices)).toEqual([undefined, undefined, undefined, undefined]);
  });
});

test("the default batch is halved for models whose examples take much memory", () => {
  const imageProblem = (inputShape: readonly number[]): Problem => ({
    network: architectureByName("cnn").build({ inputShape, outputs: 10 }, {}),
    loss: losses.categoricalCrossEntropy,
    inputShape,
    outputs: 10,
  });
  const batch = (problem: Problem, rows: number) => batchSizeFor(rows, problem, layoutOf(problem));
  expect(batch(problemOf(20, [32]), 10 ** 7)).toBe(512);
  expect(batch(imageProblem([1, 28, 28]), 60_000)).toBe(256);
  expect(batch(imageProblem([3, 224, 224]), 60_000)).toBe(32);
  expect(batch(imageProblem([3, 224, 224]), 100)).toBe(16);
});
