import { describe, expect, test } from "vitest";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { optimizerByName } from "../../src/optim/optimizers/index.ts";
import { scheduleByName } from "../../src/optim/schedules/index.ts";
import { createEvaluator } from "../../src/train/evaluate.ts";
import { summarize, type TrainingEvent } from "../../src/train/events.ts";
import { fit, train, type FitOptions } from "../../src/train/fit.ts";
import { cloudProblem, clouds } from "./problems.ts";

const data = { train: clouds({ rows: 403 }), validation: clouds({ rows: 150, seed: 2 }) };
const problem = cloudProblem();
const options: FitOptions = {
  optimizer: optimizerByName("adam"),
  learningRate: 0.01,
  schedule: scheduleByName("constant"),
  epochs: 12,
  batchSize: 32,
  seed: 1,
  executor: onnxruntimeNode,
};

describe("training", () => {
  test("learns, and returns the weights of the best validation epoch", async () => {
    const result = await fit(problem, data, options);
    expect(result.reason).toBe("finished");
    expect(result.history.map(({ epoch }) => epoch)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const losses = result.history.map(({ validation }) => validation!.loss);
    expect(result.bestEpoch).toBe(losses.lastIndexOf(Math.min(...losses)));
    expect(losses[result.bestEpoch]!).toBeLessThan(0.5 * losses[0]!);

    const evaluator = await createEvaluator(problem, result.layout, onnxruntimeNode);
    const measured = summarize(problem, data.validation, await evaluator.evaluate(result.theta, data.validation));
    await evaluator.dispose();
    expect(measured).toEqual(result.history[result.bestEpoch]!.validation);
  });

  test("an epoch takes every row once: whole batches, then the rest", async () => {
    const events: TrainingEvent[] = [];
    const result = await fit(problem, data, { ...options, epochs: 2, onEvent: (event) => events.push(event) });
    expect(result.steps).toBe(2 * Math.ceil(403 / 32));
    const seen = events.filter((event) => event.type === "step").map((event) => event.examples);
    expect(seen.at(-1)).toBe(806);
    expect(seen).toContain(403);
    expect(events[0]).toMatchObject({ type: "start", stepsPerEpoch: 13 });
  });

  test("equal options give equal weights to the bit, whatever the threads; another seed gives others", async () => {
    const first = await fit(problem, data, options);
    expect((await fit(problem, data, { ...options, threads: 1 })).theta).toEqual(first.theta);
    expect((await fit(problem, data, { ...options, threads: 2 })).theta).toEqual(first.theta);
    expect((await fit(problem, data, { ...options, seed: 2 })).theta).not.toEqual(first.theta);
  });

  test("an abort stops at the next step and keeps the best weights so far", async () => {
    const signal = { aborted: false };
    const events = train(problem, data, { ...options, epochs: 1000, signal: signal as AbortSignal });
    for (;;) {
      const next = await events.next();
      if (next.done) {
        expect(next.value.reason).toBe("interrupted");
        expect(next.value.bestEpoch).toBe(3);
        return;
      }
      if (next.value.type === "epoch" && next.value.figures.epoch === 3) signal.aborted = true;
    }
  });

  test("a learning rate that diverges stops with the step and the tensor, and keeps finite weights", async () => {
    const result = await fit(problem, data, { ...options, optimizer: optimizerByName("sgd"), learningRate: 1e12 });
    expect(result.reason).toBe("diverged");
    expect(result.finding!.step).toBeGreaterThan(1);
    expect(result.finding!.tensor).toMatch(/dense_\d|the loss/);
    expect(result.theta.every(Number.isFinite)).toBe(true);
  });

  test("without a validation part the last epoch's weights are kept", async () => {
    const result = await fit(problem, { train: data.train }, { ...options, epochs: 3 });
    expect(result.history.every(({ validation }) => validation === undefined)).toBe(true);
    expect(result.bestEpoch).toBe(3);
  });
});
