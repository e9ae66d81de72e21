/** Trainings of a hundred steps against PyTorch's, recorded by training.py: in float64 through the graph of a step, in float32 as they run. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { evaluateGraph } from "../../src/exec/reference.ts";
import { graph } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { activation } from "../../src/nn/layers/activation.ts";
import { dense } from "../../src/nn/layers/dense.ts";
import { dropout } from "../../src/nn/layers/dropout.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { sequential } from "../../src/nn/network.ts";
import { inFloat64 } from "../../src/ops/rewrite.ts";
import type { NdArray } from "../../src/ops/op.ts";
import { optimizerByName, type OptimizerName } from "../../src/optim/optimizers/index.ts";
import { factorAt } from "../../src/optim/schedule.ts";
import { scheduleByName, type ScheduleSettings } from "../../src/optim/schedules/index.ts";
import type { Dataset } from "../../src/train/dataset.ts";
import { layoutOf, scanGraph, type Problem } from "../../src/train/step-graph.ts";
import { createStepper } from "../../src/train/stepper.ts";
import { stateNames, stepScalars, updateRule, type StepOptions } from "../../src/train/update.ts";

interface Recorded {
  readonly loss: number;
  readonly theta: readonly number[];
  readonly average?: readonly number[];
}

interface Case extends StepOptions {
  readonly name: string;
  readonly optimizer: OptimizerName;
  readonly learningRate: number;
  readonly keep?: number;
  readonly weighted?: boolean;
  readonly steps: Readonly<Record<string, Recorded>>;
}

interface RecordedSchedule {
  readonly settings: ScheduleSettings;
  readonly perEpoch: number;
  readonly rates: readonly number[];
  readonly figures?: readonly number[];
}

const fixture = JSON.parse(readFileSync(new URL("fixtures/training.json", import.meta.url), "utf8")) as {
  readonly cases: readonly Case[];
  readonly schedules: readonly RecordedSchedule[];
};

const [rows, inputs, hidden, classes, batch] = [12, 4, 6, 4, 4];

/** As in training.py: Lehmer's generator, in [-0.5, 0.5). */
function numbers(seed: number, count: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length: count }, () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647 - 0.5;
  });
}

const features = numbers(11, rows * inputs).map((value) => 4 * value);
const targets = new Float64Array(rows * classes);
for (let row = 0; row < rows; row++) targets[row * classes + ((5 * row + Math.floor(row / 3)) % classes)] = 1;
const weights = Float64Array.from({ length: rows }, (_, row) => [0.5, 1.75, 1, 0.75][row % 4]!);
const start = numbers(7, inputs * hidden + hidden + hidden * classes + classes);
const rowsOfSteps = (steps: number) => Int32Array.from({ length: steps * batch }, (_, at) => at % rows);

function problemOf(keep?: number): Problem {
  const drop = keep === undefined ? [] : [dropout(keep)];
  return {
    network: sequential([dense(hidden), activation("tanh"), ...drop, dense(classes)]),
    loss: losses.categoricalCrossEntropy,
    inputShape: [inputs],
    outputs: classes,
  };
}

const optimizerOf = (kind: OptimizerName) => optimizerByName(kind, kind === "adamw" ? { weightDecay: 0.25 } : {});
const float64 = (data: Float64Array, shape: readonly number[]): NdArray => ({ dtype: "float64", shape, data });

/** θ, its average and the last loss after some steps, in float64 throughout. */
function inWide(one: Case, steps: number): { theta: Float64Array; average: Float64Array | undefined; loss: number } {
  const { keep, weighted = false, labelSmoothing, learningRate } = one;
  const problem = problemOf(keep);
  const layout = layoutOf(problem);
  const rule = updateRule(optimizerOf(one.optimizer), layout, one, rows);
  const narrow = scanGraph(problem, layout, rule, { weighted, labelSmoothing });
  const { values, float32Only } = inFloat64(narrow.outputs.map(({ value }) => value));
  expect(float32Only).toEqual([]);
  const wide = graph({ outputs: narrow.outputs.map(({ name }, i) => ({ name, value: values[i]! })) });
  const chosen = rowsOfSteps(steps);
  const scalars = Array.from({ length: steps }, (_, k) => stepScalars(rule, k + 1, learningRate, 100));
  const masks = numbers(23, steps * batch * hidden).map((value) => (value + 0.5 < keep! ? 1 / keep! : 0));
  const state = Object.fromEntries(
    stateNames(rule).map((name) => [name, float64(name === "theta" ? start : new Float64Array(layout.size), [layout.size])]),
  );
  const found = evaluateGraph(wide, {
    ...state,
    features: float64(features, [rows, inputs]),
    targets: float64(targets, [rows, classes]),
    rows: { dtype: "int32", shape: [steps, batch], data: Float64Array.from(chosen) },
    scalars: float64(Float64Array.from(scalars.flat()), [steps, scalars[0]!.length]),
    share: weighted
      ? float64(
          Float64Array.from(chosen, (row) => weights[row]! / batch),
          [steps, batch],
        )
      : float64(Float64Array.of(1 / batch), []),
    ...(keep === undefined ? {} : { "masks/dropout_1": float64(masks, [steps, batch, hidden]) }),
  });
  return {
    theta: found["theta/next"]!.data as Float64Array,
    average: found["average/next"]?.data as Float64Array | undefined,
    loss: (found["losses"]!.data as Float64Array)[steps - 1]!,
  };
}

const distance = (a: ArrayLike<number>, b: ArrayLike<number>) => Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));
const largest = (a: ArrayLike<number>) => Math.max(...Array.from(a, Math.abs));

describe.each(fixture.cases)("$name", (one) => {
  test("in float64 every number is PyTorch's, after 1, 10 and 100 steps", () => {
    for (const [steps, { loss, theta, average }] of Object.entries(one.steps)) {
      const found = inWide(one, Number(steps));
      expect(Math.abs(found.loss - loss)).toBeLessThan(1e-12 * Math.max(1, loss));
      expect(distance(found.theta, theta)).toBeLessThan(1e-12 * largest(theta));
      if (average) expect(distance(found.average!, average)).toBeLessThan(1e-12 * largest(average));
    }
  });
});

const forms = fixture.cases
  // Masks are the stepper's own, so that a case with dropout has others than PyTorch's.
  .filter(({ keep }) => keep === undefined)
  .flatMap((one) => (one.accumulate ? (["fused"] as const) : (["scan", "fused"] as const)).map((form) => ({ ...one, form })));

describe("in float32, as it runs", () => {
  // A weight that L1 has driven to 0 swings around it: whether it is a hair above or below decides its sign, and rounding decides that.
  const stepsOf = ({ regularizer = {} }: Case) => ((regularizer.l1 ?? 0) > 0 && !regularizer.proximal ? 10 : 100);

  test.each(forms)("$name, $form, stays beside PyTorch's", async ({ form, ...one }) => {
    const steps = stepsOf(one);
    const problem = problemOf();
    const data: Dataset = {
      features: tensor("float32", Float32Array.from(features), [rows, inputs]),
      targets: tensor("float32", Float32Array.from(targets), [rows, classes]),
      ...(one.weighted ? { weights: tensor("float32", Float32Array.from(weights)) } : {}),
    };
    const { regularizer, clip, labelSmoothing, accumulate, average, learningRate } = one;
    const extras = { regularizer, clip, labelSmoothing, accumulate, average, steps: 100 };
    const stepper = await createStepper({
      problem,
      layout: layoutOf(problem),
      optimizer: optimizerOf(one.optimizer),
      data,
      batch,
      executor: onnxruntimeNode,
      form,
      ...extras,
    });
    stepper.theta.set(start);
    const losses = await stepper.run(rowsOfSteps(steps), batch, 1, () => learningRate);
    const recorded = one.steps[String(steps)]!;
    expect(losses.length).toBe(steps);
    expect(Math.abs(losses[steps - 1]! - recorded.loss)).toBeLessThan(2e-5);
    expect(distance(stepper.theta, recorded.theta)).toBeLessThan(2e-5);
    if (recorded.average) expect(distance(stepper.measured, recorded.average)).toBeLessThan(2e-5);
    await stepper.dispose();
  });
});

test("accumulated gradients are those of one batch", () => {
  const found = (name: string) => fixture.cases.find((one) => one.name === name)!.steps["100"]!;
  expect(distance(found("sgd, two batches to an update").theta, found("sgd, plain").theta)).toBeLessThan(1e-14);
});

test.each(fixture.schedules)(
  "the schedule $settings has PyTorch's learning rate at every step",
  ({ settings, perEpoch, rates, figures }) => {
    const schedule = scheduleByName(settings);
    let state = schedule.start;
    rates.forEach((rate, done) => {
      const factor = factorAt(schedule, { done, planned: rates.length, perEpoch }, state);
      expect(Math.abs(factor - rate)).toBeLessThan(1e-12 * Math.max(rate, 1e-3));
      if (figures && (done + 1) % perEpoch === 0) state = schedule.heed!(state!, figures[(done + 1) / perEpoch - 1]!);
    });
    // A schedule that never changes anything would prove nothing.
    expect(new Set(rates).size).toBeGreaterThan(3);
  },
);
