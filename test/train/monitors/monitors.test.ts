/** The monitors of a training's health: rules on records, looks that change nothing, planted faults found. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { compile } from "../../../src/exec/executor.ts";
import { tensor } from "../../../src/ir/tensor.ts";
import { losses } from "../../../src/nn/losses/index.ts";
import { activation } from "../../../src/nn/layers/activation.ts";
import { dense } from "../../../src/nn/layers/dense.ts";
import { dropout } from "../../../src/nn/layers/dropout.ts";
import { sequential } from "../../../src/nn/network.ts";
import { parameterViews } from "../../../src/nn/parameters.ts";
import { optimizerByName } from "../../../src/optim/optimizers/index.ts";
import { scheduleByName } from "../../../src/optim/schedules/index.ts";
import { fit, type FitOptions } from "../../../src/train/fit.ts";
import { constantLoss } from "../../../src/train/constant-loss.ts";
import { unitGraph } from "../../../src/train/health-graphs.ts";
import { createLooks } from "../../../src/train/health-looks.ts";
import { isDue, schedules } from "../../../src/train/health-schedule.ts";
import { judgeRecord, runMonitor, watchHealth } from "../../../src/train/health.ts";
import type { EpochLook, HealthRecord, StepLook, TensorLook, UnitLook } from "../../../src/train/monitor.ts";
import { describeMonitors } from "../../../src/train/monitors/describe.ts";
import { monitors } from "../../../src/train/monitors/index.ts";
import { layoutOf, type Problem } from "../../../src/train/step-graph.ts";
import { cloudProblem, clouds } from "../problems.ts";
import { faults } from "./faults.ts";
import { judged } from "./kept.ts";
import { study } from "./study.ts";

const executor = { name: "platform", compile };
const data = { train: clouds({ rows: 300 }), validation: clouds({ rows: 100, seed: 2 }) };
const options = (more: Partial<FitOptions> = {}): FitOptions => ({
  optimizer: optimizerByName("adam", {}),
  learningRate: 0.003,
  schedule: scheduleByName("cosine"),
  epochs: 4,
  batchSize: 32,
  seed: 1,
  executor,
  threads: 1,
  ...more,
});

const monitor = (name: string) => monitors.find((each) => each.name === name)!;
const says = (name: string, record: HealthRecord) => runMonitor(monitor(name), record);

const facts = { epochs: 20, stepsPerEpoch: 10, batch: 32, rows: 320, constantLoss: 1 };
const tensorLook = (name: string, more: Partial<TensorLook> = {}): TensorLook => ({
  name,
  role: "weight",
  size: 100,
  weight: 1,
  gradient: 0.1,
  update: 1e-3,
  ...more,
});
const stepLook = (step: number, tensors: readonly TensorLook[], more: Partial<StepLook> = {}): StepLook => ({
  step,
  epoch: 1,
  learningRate: 0.1,
  loss: 0.8,
  signals: [],
  tensors,
  ...more,
});
const epochLook = (epoch: number, loss: number): EpochLook => ({ epoch, step: epoch * 10, loss, error: 0.5, n: 320 });
const unitLook = (more: Partial<UnitLook>): UnitLook => ({
  step: 0,
  epoch: 0,
  examples: 1024,
  layers: [],
  loss: 0.8,
  deviation: 0.5,
  ...more,
});
const record = (more: Partial<HealthRecord>): HealthRecord => ({ facts, steps: [], units: [], epochs: [], ...more });
const steps = (tensors: (step: number) => readonly TensorLook[], more: Partial<StepLook> = {}) =>
  Array.from({ length: 8 }, (_, i) => stepLook(i + 6, tensors(i + 1), more));

describe("rules on records", () => {
  test("update ratios: biases, and weights that start at zero, have none; what a schedule has put to sleep is not ill", () => {
    const fine = [tensorLook("dense_1/W"), tensorLook("dense_1/b", { role: "bias", weight: 1e-9 }), tensorLook("gate_1/W", { weight: 0 })];
    expect(says("update-ratio", record({ steps: steps(() => fine) }))).toBeUndefined();
    const high = says("update-ratio", record({ steps: steps(() => [...fine, tensorLook("dense_2/W", { update: 0.6 })]) }));
    expect(high).toMatchObject({ severity: "fail", subject: "dense_2/W", numbers: { ratio: 0.6 } });
    const low = says("update-ratio", record({ steps: steps(() => [tensorLook("dense_1/W", { update: 1e-7 })]) }));
    expect(low).toMatchObject({ severity: "fail", numbers: { ratio: 1e-7 } });
    const asleep = Array.from({ length: 8 }, (_, i) =>
      stepLook(20 + i, [tensorLook("dense_1/W", { update: 1e-9 })], { learningRate: 1e-4 }),
    );
    expect(says("update-ratio", record({ steps: [...steps(() => fine), ...asleep] }))).toBeUndefined();
  });

  test("update ratios: first steps that are far too long are told though what follows is calm", () => {
    const begun = (update: number) =>
      Array.from({ length: 12 }, (_, i) => stepLook(i + 1, [tensorLook("dense_1/W", { update: i < 4 ? update : 1e-3 })]));
    expect(says("update-ratio", record({ steps: begun(0.6).slice(0, 5) }))).toMatchObject({ severity: "fail", numbers: { ratio: 0.6 } });
    expect(says("update-ratio", record({ steps: begun(0.2) }))).toBeUndefined();
  });

  test("update ratios: steps too short to get anywhere, unless noise is what holds it up", () => {
    const slow = (update: number, variance: number, loss: number) =>
      record({
        steps: steps(() => [tensorLook("dense_1/W", { update })], { noise: { signal: 1, variance } }),
        epochs: Array.from({ length: 12 }, (_, epoch) => epochLook(epoch, loss)),
      });
    // 20 epochs of 10 steps.
    expect(says("update-ratio", slow(1e-3, 10, 0.8))).toMatchObject({ severity: "warn", numbers: { ratio: 1e-3 } });
    expect(says("update-ratio", slow(2e-3, 10, 0.8))).toBeUndefined();
    expect(says("update-ratio", slow(1e-3, 1000, 0.8))).toBeUndefined();
    expect(says("update-ratio", slow(1e-3, 10, 0.1))).toBeUndefined();
  });

  test("vanishing: an optimizer that makes up for small gradients is not accused, nor a training that has arrived", () => {
    const small = [tensorLook("dense_1/W", { gradient: 1e-7, update: 1e-8 }), tensorLook("dense_2/W")];
    expect(says("vanishing-gradient", record({ steps: steps(() => small) }))).toMatchObject({ severity: "fail", subject: "dense_1/W" });
    const adam = [tensorLook("dense_1/W", { gradient: 1e-7 }), tensorLook("dense_2/W")];
    expect(says("vanishing-gradient", record({ steps: steps(() => adam) }))).toBeUndefined();
    expect(says("vanishing-gradient", record({ steps: steps(() => small), epochs: [epochLook(9, 0.01)] }))).toBeUndefined();
  });

  test("exploding: by depth at the first step already, and not at one of the next", () => {
    const deep = [tensorLook("dense_1/W", { gradient: 5 }), tensorLook("dense_2/W")];
    expect(says("exploding-gradient", record({ steps: [stepLook(1, deep)] }))).toMatchObject({ numbers: { ratio: 50, step: 1 } });
    expect(says("exploding-gradient", record({ steps: [stepLook(2, deep)] }))).toBeUndefined();
  });

  test("exploding: by depth, and by a jump that happens twice; one jump is forgiven", () => {
    const deep = [tensorLook("dense_1/W", { gradient: 100 }), tensorLook("dense_2/W")];
    expect(says("exploding-gradient", record({ steps: steps(() => deep) }))).toMatchObject({
      subject: "dense_1/W",
      numbers: { ratio: 1000 },
    });
    const jumpAt = (at: readonly number[]) => steps((step) => [tensorLook("dense_1/W", { gradient: at.includes(step) ? 5 : 0.1 })]);
    expect(says("exploding-gradient", record({ steps: jumpAt([8]) }))).toBeUndefined();
    expect(says("exploding-gradient", record({ steps: jumpAt([7, 8]) }))).toMatchObject({ severity: "warn" });
  });

  test("dead units: zero on every example, not in half of the numbers; saturation by units", () => {
    const layer = { name: "relu_1", activation: "relu" as const, units: 20, dead: 0, saturated: 0 };
    expect(says("dead-units", record({ units: [unitLook({ layers: [layer] })] }))).toBeUndefined();
    expect(says("dead-units", record({ units: [unitLook({ layers: [{ ...layer, dead: 12 }] })] }))).toMatchObject({
      severity: "fail",
      subject: "relu_1",
    });
    const tanh = { ...layer, name: "tanh_1", activation: "tanh" as const };
    expect(says("saturation", record({ units: [unitLook({ layers: [{ ...tanh, saturated: 8 }] })] }))).toBeUndefined();
    expect(says("saturation", record({ units: [unitLook({ layers: [{ ...tanh, saturated: 15 }] })] }))).toMatchObject({
      subject: "tanh_1",
    });
  });

  test("not decreasing: only near what knowing nothing costs; a loss that rests low has arrived", () => {
    const curve = (from: number, slope: number) => Array.from({ length: 12 }, (_, i) => epochLook(i, from - slope * i));
    expect(says("not-decreasing", record({ epochs: curve(1, 0) }))).toMatchObject({ severity: "warn" });
    expect(says("not-decreasing", record({ epochs: curve(0.05, 0) }))).toBeUndefined();
    expect(says("not-decreasing", record({ epochs: curve(1, 0.01) }))).toBeUndefined();
  });

  test("oscillating: turns that are larger than the loss is uncertain; diverging: twice the best, and worse than knowing nothing", () => {
    const swing = (size: number) => Array.from({ length: 10 }, (_, i) => epochLook(i, 0.5 + (i % 2 === 0 ? size : 0)));
    const units = [unitLook({ deviation: 0.5 })];
    expect(says("oscillating", record({ epochs: swing(0.3), units }))).toMatchObject({ severity: "warn" });
    expect(says("oscillating", record({ epochs: swing(0.04), units }))).toBeUndefined();
    const wide = [unitLook({ deviation: 5 })];
    const sampled = { ...facts, rows: 32_000 };
    expect(says("oscillating", { ...record({ epochs: swing(0.3), units: wide }), facts: sampled })).toBeUndefined();
    expect(says("oscillating", { ...record({ epochs: swing(0.3), units }), facts: sampled })).toMatchObject({ severity: "warn" });
    // Evaluated on all rows, the loss is what it is.
    expect(says("oscillating", record({ epochs: swing(0.3), units: wide }))).toMatchObject({ severity: "warn" });
    const rise = (to: number) => [1, 0.5, to, to, to, to].map((loss, epoch) => epochLook(epoch, loss));
    expect(says("diverging", record({ epochs: rise(3) }))).toMatchObject({ severity: "fail" });
    expect(says("diverging", record({ epochs: rise(0.9) }))).toBeUndefined();
  });

  test("a penalty that is longer than the data's gradient dominates; one that is a hundred thousandth is a note; equal at rest is fine", () => {
    const pulled = (penalty: number) =>
      record({
        steps: [...steps(() => [tensorLook("dense_1/W", { penalty })]), ...steps(() => [tensorLook("dense_1/W", { penalty })])],
        epochs: [epochLook(9, 0.1)],
      });
    expect(says("penalty-dominates", pulled(0.5))).toMatchObject({ severity: "warn" });
    expect(says("penalty-dominates", pulled(0.1))).toBeUndefined();
    expect(says("penalty-dominates", pulled(1e-6))).toMatchObject({ severity: "note" });
  });

  test("a penalty as long as the data's gradient dominates where it has taken the weights away and the loss has not arrived", () => {
    const rested = (weight: number, loss: number) =>
      record({
        steps: steps((at) => [tensorLook("dense_1/W", { penalty: 0.1, weight: at === 1 ? 1 : weight })]),
        epochs: [epochLook(9, loss)],
      });
    expect(says("penalty-dominates", rested(0.2, 0.4))).toMatchObject({ severity: "warn" });
    expect(says("penalty-dominates", rested(0.7, 0.4))).toBeUndefined();
    expect(says("penalty-dominates", rested(0.2, 0.05))).toBeUndefined();
  });

  test("modes: evaluation that is much worse, twice in a row; dropout that makes training worse is as it should be", () => {
    const look = (epoch: number, difference: number) => unitLook({ epoch, switch: { training: 0.4, difference, error: 0.02 } });
    expect(says("train-eval-switch", record({ units: [look(3, 0.5), look(4, 0.5)] }))).toMatchObject({ severity: "warn" });
    expect(says("train-eval-switch", record({ units: [look(3, 0.5)] }))).toBeUndefined();
    expect(says("train-eval-switch", record({ units: [look(3, -0.3), look(4, -0.3)] }))).toBeUndefined();
  });

  test("batch size: advice where the noise scale is far above the batch", () => {
    const noisy = (variance: number) =>
      record({ steps: [...steps(() => [], { noise: { signal: 1, variance } }), ...steps(() => [], { noise: { signal: 1, variance } })] });
    expect(says("batch-size", noisy(2000))).toMatchObject({ severity: "note", numbers: { scale: 2000, batch: 32 } });
    expect(says("batch-size", noisy(100))).toBeUndefined();
  });

  test("batch size: advice stands beside steps that are too long or short, and is silent where a training has come to rest", () => {
    const noise = { noise: { signal: 1, variance: 2000 } };
    const seen = record({
      steps: [...steps(() => [], noise), ...steps(() => [], noise)],
      epochs: [0, 1, 2, 3, 4].map((at) => epochLook(at, 0.8)),
    });
    const rules = (rule: string) => judgeRecord(seen, [{ rule }]).map((finding) => finding.rule);
    expect(rules("update-ratio")).toContain("batch-size");
    expect(rules("dead-units")).not.toContain("batch-size");
  });
});

describe("looks", () => {
  test("are dense at first, then thin out, by the step alone", () => {
    const due = Array.from({ length: 1000 }, (_, i) => i + 1).filter((step) => isDue(step, schedules.default.steps));
    expect(due.slice(0, 8)).toEqual([1, 2, 3, 4, 5, 7, 10, 13]);
    expect(due.length).toBeLessThan(26);
    expect(isDue(1_000_000, schedules.default.steps)).toBe(isDue(1_000_000, schedules.default.steps));
  });

  test("change no bit of the weights, with dropout, inside Scan and outside", async () => {
    const small = cloudProblem();
    const dropped: Problem = { ...small, network: sequential([dense(16), activation("relu"), dropout(0.7), dense(3)]) };
    for (const problem of [small, dropped]) {
      const plain = await fit(problem, data, options());
      for (const schedule of ["default", "dense"] as const) {
        const watched = await fit(problem, data, options({ observe: watchHealth({ schedule }) }));
        expect(watched.theta).toEqual(plain.theta);
        expect(watched.history).toEqual(plain.history);
      }
    }
  });

  test("tell norms, updates and decay as they are", async () => {
    let seen: HealthRecord | undefined;
    const optimizer = optimizerByName("sgd", {});
    const problem = cloudProblem([6]);
    await fit(
      problem,
      data,
      options({
        optimizer,
        learningRate: 0.1,
        schedule: scheduleByName("constant"),
        epochs: 1,
        observe: watchHealth({ onRecord: (r) => (seen = r) }),
      }),
    );
    for (const { tensors } of seen!.steps) {
      // Plain descent: Δw = −α·g.
      for (const { update, gradient } of tensors) expect(update / (0.1 * gradient)).toBeCloseTo(1, 3);
    }
    expect(seen!.steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 7, 10]);
    expect(seen!.facts.constantLoss).toBeCloseTo(Math.log(3), 1);
    const decayed: HealthRecord[] = [];
    await fit(
      problem,
      data,
      options({
        optimizer: optimizerByName("adamw", { weightDecay: 0.5 }),
        epochs: 1,
        observe: watchHealth({ onRecord: (r) => decayed.push(r) }),
      }),
    );
    const [first] = decayed.at(-1)!.steps;
    const weight = first!.tensors.find(({ name }) => name === "dense_1/W")!;
    expect(weight.penalty! / (first!.learningRate * 0.5 * weight.weight)).toBeCloseTo(1, 6);
    expect(first!.tensors.find(({ name }) => name === "dense_1/b")!.penalty).toBeUndefined();
  });

  test("go on from a copied state as if nothing had been", async () => {
    const problem = cloudProblem([6]);
    const records: HealthRecord[] = [];
    const observe = watchHealth({ onRecord: (r) => records.push(r) });
    const again: FitOptions["observe"] = async (training) => {
      const observer = await observe(training);
      return {
        ...observer,
        seeEpoch: async (figures, theta) => {
          const found = await observer.seeEpoch(figures, theta);
          observer.restore(observer.snapshot());
          return found;
        },
      };
    };
    const plain = await fit(problem, data, options({ learningRate: 3, optimizer: optimizerByName("sgd", {}), observe }));
    const whole = records.at(-1);
    const copied = await fit(problem, data, options({ learningRate: 3, optimizer: optimizerByName("sgd", {}), observe: again }));
    expect(copied.findings).toEqual(plain.findings);
    expect(records.at(-1)).toEqual(whole);
  });

  test("what knowing nothing costs is the least that one answer costs", () => {
    const problem = cloudProblem();
    const shares = [0, 1, 2].map(
      (k) => (data.train.targets.data as Float32Array).filter((value, i) => i % 3 === k && value > 0).length / 300,
    );
    expect(constantLoss(problem, data.train)).toBeCloseTo(-shares.reduce((sum, p) => sum + p * Math.log(p), 0), 5);
    const own = { ...losses.meanSquared, name: "mine" };
    expect(constantLoss({ ...problem, loss: own }, data.train)).toBeUndefined();
  });

  test("limits that no monitor has are refused by name", () => {
    expect(() => watchHealth({ limits: { saturatoin: { share: 1 } } })).toThrow(/no monitor "saturatoin"/);
    expect(() => watchHealth({ limits: { saturation: { shares: 1 } } })).toThrow(/no limit "shares"/);
  });
});

test("a chain is one finding: what a learning rate that is far too high brings about follows from the first of it", async () => {
  const result = await fit(cloudProblem(), data, options({ optimizer: optimizerByName("sgd", {}), learningRate: 1e4 }));
  expect(result.reason).toBe("diverged");
  const watched = await fit(
    cloudProblem(),
    data,
    options({ optimizer: optimizerByName("sgd", {}), learningRate: 1e4, observe: watchHealth() }),
  );
  const causes = watched.findings.filter(({ follows, rule }) => follows === undefined && monitors.some(({ name }) => name === rule));
  expect(causes).toHaveLength(1);
  expect(watched.findings.filter(({ follows }) => follows === causes[0]!.rule).map(({ rule }) => rule)).toContain("non-finite");
});

test("planted faults are found, healthy trainings left alone: the study in small", { timeout: 120_000 }, async () => {
  const small = await study({ seed: 3, healthy: 18, planted: 2 });
  // Kept trainings are judged again as they were.
  for (const { trial } of small.planted) expect(judged(trial).findings).toEqual(trial.findings);
  const found = small.planted.filter(({ fault, trial }) => trial.findings.some(({ rule }) => rule === fault));
  expect(small.planted.length).toBeGreaterThanOrEqual(2 * faults.length - 2);
  expect(found.length / small.planted.length).toBeGreaterThan(0.85);
  const accused = small.healthy.filter(({ findings }) => findings.some(({ severity }) => severity !== "note"));
  expect(accused.length).toBeLessThanOrEqual(2);
});

test("docs/monitors.md has the monitors as their registry has them (npm run study:monitors writes it), and holds what is promised", () => {
  // Below the mark on the last study: its recall is 0.83.
  const below = ["batch-size"];
  const page = readFileSync(new URL("../../../docs/monitors.md", import.meta.url), "utf8");
  expect(page).toContain(describeMonitors(monitors));
  for (const { name } of monitors) {
    const row = page.split("\n").find((line) => line.startsWith(`| ${name} | `))!;
    const [, , planted, , , recall, , precision] = row.split("|").map((cell) => cell.trim());
    expect(Number(planted)).toBeGreaterThanOrEqual(60);
    for (const figure of below.includes(name) ? [precision!] : [recall!, precision!]) {
      const [value, low] = figure.match(/[\d.]+/g)!.map(Number);
      expect(value).toBeGreaterThanOrEqual(0.9);
      expect(low).toBeGreaterThanOrEqual(0.8);
    }
  }
});

test("units seen in several calls are those of one: the largest values, the shares that are saturated, every example's loss", async () => {
  const layers = [dense(12), activation("relu"), dense(9), activation("tanh"), dense(3), activation("softmax")];
  const problem: Problem = { ...cloudProblem(), network: sequential(layers) };
  const layout = layoutOf(problem);
  const theta = Float32Array.from({ length: layout.size }, (_, i) => 2 * Math.sin(i * 1.3));
  const { graph, layers: seen } = unitGraph(problem, layout);
  const session = await compile(graph);
  const rows = tensor(
    "int32",
    Int32Array.from({ length: 300 }, (_, row) => row),
  );
  const { features, targets } = data.train;
  const found = await session.run({ features, targets, rows, ...parameterViews(layout, theta) });
  await session.dispose();
  const pull = { penalty: () => 0, weightDecay: 0 };
  const looks = createLooks({ problem, layout, train: data.train, batch: 32, seed: 1, executor, runtime: {}, pull });
  const look = await looks.units({ step: 0, epoch: 0 }, theta);
  await looks.dispose();
  const [relu, tanh] = seen.map(({ name }) => found[`units/${name}`]!.data as Float32Array) as [Float32Array, Float32Array];
  const loss = found["loss"]!.data as Float32Array;
  expect(look.examples).toBe(300);
  expect(look.layers[0]).toMatchObject({ units: 12, dead: relu.filter((largest) => !(largest > 0)).length });
  expect(look.layers[1]).toMatchObject({ units: 9, saturated: tanh.filter((share) => share > 0.5).length });
  expect(look.layers[1]!.saturated).toBeGreaterThan(0);
  expect(look.loss).toBeCloseTo(loss.reduce((a, b) => a + b, 0) / 300, 4);
});
