import { describe, expect, test } from "vitest";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { optimizerByName } from "../../src/optim/optimizers/index.ts";
import { scheduleByName } from "../../src/optim/schedules/index.ts";
import { descentFinding, monotoneDescent } from "../../src/train/monotone-descent.ts";
import type { TrainingEvent } from "../../src/train/events.ts";
import { fit, type FitOptions } from "../../src/train/fit.ts";
import { pairedImprovement, type StopState } from "../../src/train/stopping.ts";
import { generalisationLossOf } from "../../src/train/stopping/generalisation-loss.ts";
import { stopOf, type StopOptions } from "../../src/train/stopping/index.ts";
import { progressOf } from "../../src/train/stopping/progress-quotient.ts";
import { dropout } from "../../src/nn/layers/dropout.ts";
import { rng } from "../../src/util/rng.ts";
import { cloudProblem, clouds } from "./problems.ts";

const data = { train: clouds({ rows: 120, spread: 3 }), validation: clouds({ rows: 200, seed: 2, spread: 3 }) };
const problem = cloudProblem([24, 16]);
const options: FitOptions = {
  optimizer: optimizerByName("adam"),
  learningRate: 0.01,
  schedule: scheduleByName("constant"),
  epochs: 80,
  batchSize: 16,
  seed: 1,
  executor: onnxruntimeNode,
};

/** Feeds a rule curves, one validation example per figure. @returns the epoch it stops at, and why */
function run(
  spec: StopOptions,
  validation: readonly number[],
  training: readonly number[] = validation,
): readonly [number, string] | undefined {
  const { rule, settings, unit } = stopOf(spec)!;
  let state: StopState = { epoch: 0, examples: Float32Array.of(validation[0]!) };
  for (let epoch = 1; epoch < validation.length; epoch++) {
    const view = {
      validation: validation.slice(0, epoch + 1),
      training: training.slice(0, epoch + 1),
      examples: Float32Array.of(validation[epoch]!),
    };
    const verdict = rule.see(state, view, settings, unit);
    if (verdict.stop !== undefined) return [epoch, verdict.stop];
    state = verdict.state;
  }
  return undefined;
}

describe("rules of stopping", () => {
  test("the standard error of a paired difference is the one of the differences", () => {
    const before = Float32Array.of(1, 2, 3, 4);
    const after = Float32Array.of(0, 2, 2, 2);
    const { mean, error } = pairedImprovement(before, after);
    expect(mean).toBe(1);
    expect(error).toBeCloseTo(Math.sqrt(2 / 3) / 2, 12);
  });

  test("patience counts epochs since the last improvement that is large enough, in the unit that is asked for", () => {
    const curve = [1, 0.5, 0.499, 0.498, 0.497, 0.2, 0.3, 0.3, 0.3, 0.3];
    const absolute = { kind: "patience", epochs: 3, unit: "absolute", minImprovement: 0.01 } as const;
    expect(run(absolute, curve)).toEqual([4, "no improvement by 0.01 for 3 epochs"]);
    expect(run({ ...absolute, minImprovement: 0 }, curve)).toEqual([8, "no improvement for 3 epochs"]);
    expect(run({ ...absolute, unit: "relative", minImprovement: 0.001 }, curve)).toEqual([8, "no improvement by 0.1 % for 3 epochs"]);
  });

  test("noise is no improvement, and a slow one adds up to one", () => {
    const { rule, settings, unit } = stopOf({ kind: "patience", epochs: 6 })!;
    const judge = (slope: number): number | undefined => {
      const draws = rng(5, "noise");
      const base = Float32Array.from({ length: 400 }, () => draws.normal());
      let state: StopState = { epoch: 0, examples: base };
      const validation = [1];
      for (let epoch = 1; epoch <= 30; epoch++) {
        const examples = base.map((value) => value - slope * epoch + 0.3 * draws.normal());
        validation.push(examples.reduce((sum, value) => sum + value, 0) / 400);
        const verdict = rule.see(state, { validation, training: validation, examples }, settings, unit);
        if (verdict.stop !== undefined) return epoch;
        state = verdict.state;
      }
      return undefined;
    };
    expect(judge(0)).toBeLessThan(16);
    // 0.004 an epoch is a fifth of a standard error; patience of 6 epochs sees it all the same.
    expect(judge(0.008)).toBeUndefined();
  });

  test("generalisation loss and progress are Prechelt's: 100·(E/E_opt − 1) and 1000·(mean/min − 1)", () => {
    expect(generalisationLossOf([2, 1, 1.06])).toBeCloseTo(6, 10);
    expect(generalisationLossOf([2, 1])).toBe(0);
    expect(progressOf([1.2, 1.1, 1, 1, 1])).toBeCloseTo(60, 10);
    const curve = [2, 1, 1.02, 1.04, 1.06, 1.2];
    expect(run({ kind: "generalisationLoss", threshold: 5 }, curve)).toEqual([4, "generalisation loss 6.00 % (above 5 %)"]);
    // At epoch 5, the end of a strip: GL = 20 %, P_5 = 1000·(1.064/1 − 1) = 64, of training that still moves; 0.31 is below 1.
    expect(run({ kind: "progressQuotient" }, curve, curve)).toBeUndefined();
    const still = [2, 1, 1, 1, 1, 0.999];
    expect(run({ kind: "progressQuotient" }, curve, still)?.[0]).toBe(5);
  });

  test.each([
    [{ kind: "patience", epochs: 0 }, "stop.epochs must be a whole number of at least 1, found 0."],
    [{ kind: "patience", minImprovement: -1 }, "stop.minImprovement must be a number of at least 0, found -1."],
    [{ kind: "patience", startEpoch: 0 }, "stop.startEpoch must be a whole number of at least 1, found 0."],
    [{ kind: "patience", threshold: 1 }, "stop: patience has no setting threshold."],
    [{ kind: "generalisationLoss", threshold: 0 }, "stop.threshold must be a number above 0, found 0."],
    [{ kind: "progressQuotient", strip: 1 }, "stop.strip must be a whole number of at least 2, found 1."],
    [{ kind: "patient" }, 'stop: there is no rule "patient".'],
    [{ kind: "patience", unit: "sigma" }, 'stop.unit must be one of noise, relative, absolute, found "sigma".'],
  ])("refused: %o", (spec, message) => {
    expect(() => stopOf(spec as StopOptions)).toThrow(message);
  });
});

describe("a training that stops", () => {
  test("keeps the weights of its best epoch, and says why it stopped", async () => {
    const whole = await fit(problem, data, options);
    const result = await fit(problem, data, { ...options, stop: { kind: "patience", epochs: 5 } });
    expect(result.reason).toBe("stopped");
    expect(result.stop).toMatchObject({
      rule: "patience",
      epoch: result.history.length - 1,
      why: expect.stringMatching(/^no improvement over noise for \d+ epochs$/),
    });
    expect(result.history).toEqual(whole.history.slice(0, result.history.length));
    const losses = result.history.map(({ validation }) => validation!.loss);
    expect(result.bestEpoch).toBe(losses.indexOf(Math.min(...losses)));
    const short = await fit(problem, data, { ...options, epochs: result.bestEpoch });
    expect(result.theta).toEqual(short.theta);
    expect(whole.findings.map(({ rule }) => rule)).toContain("overfitting");
  });

  test("not before the first epoch that is allowed, and by the error where that is watched", async () => {
    const late = await fit(problem, data, { ...options, stop: { kind: "patience", epochs: 5, startEpoch: 40 } });
    expect(late.stop!.epoch).toBeGreaterThanOrEqual(40);
    const byError = await fit(problem, data, { ...options, epochs: 30, stop: { kind: "none", monitor: "error" } });
    const errors = byError.history.map(({ validation }) => validation!.error);
    expect(errors[byError.bestEpoch]).toBe(Math.min(...errors));
  });

  test("needs a validation part", async () => {
    await expect(fit(problem, { train: data.train }, { ...options, stop: { kind: "patience" } })).rejects.toThrow(
      "early stopping watches the validation part, and there is none.",
    );
  });
});

test("after a divergence it tries again from the best epoch at half the rate, to the same bits every time", async () => {
  const events: TrainingEvent[] = [];
  // Steep enough to overflow at first, and no more after some halvings.
  const steep = { ...options, optimizer: optimizerByName("sgd"), learningRate: 4000, epochs: 6 };
  const stopped = await fit(problem, data, steep);
  expect(stopped.reason).toBe("diverged");
  const result = await fit(problem, data, { ...steep, onDivergence: "halve", onEvent: (event) => events.push(event) });
  expect(result.retries.length).toBeGreaterThan(0);
  expect(result.retries.map(({ factor }) => factor)).toEqual(result.retries.map((_, i) => 0.5 ** (i + 1)));
  expect(events.filter(({ type }) => type === "retry")).toHaveLength(result.retries.length);
  expect(result.theta.every(Number.isFinite)).toBe(true);
  expect((await fit(problem, data, { ...steep, onDivergence: "halve" })).theta).toEqual(result.theta);
});

describe("the lecture's procedure", () => {
  const masked = {
    ...problem,
    network: { ...problem.network, layers: [...problem.network.layers.slice(0, 2), dropout(0.5), ...problem.network.layers.slice(2)] },
  };

  test("J falls without dropout on the whole batch, at a rate that is halved until it does", async () => {
    const descent = await monotoneDescent(masked, data.train, {
      executor: onnxruntimeNode,
      seed: 1,
      regularizer: { l2: 2 },
      learningRate: 8,
    });
    expect(descent.falls).toBe(true);
    expect(descent.halvings).toBeGreaterThan(0);
    expect(descent.learningRate).toBe(8 * 0.5 ** descent.halvings);
    expect(descent.losses).toHaveLength(41);
    for (let i = 1; i < 41; i++) expect(descent.losses[i]!).toBeLessThanOrEqual(descent.losses[i - 1]! * (1 + 1e-6));
    expect(descentFinding(descent).severity).toBe("pass");
  });

  test("only a rise at every rate together with a failed gradient check is called a bug", () => {
    const descent = { falls: false, learningRate: 1e-9, halvings: 30, losses: [1, 1.1], rows: 10, of: 10 };
    expect(descentFinding(descent, true)).toMatchObject({ severity: "warn" });
    expect(descentFinding(descent, false)).toMatchObject({ severity: "fail", message: expect.stringContaining("there is a bug") });
  });
});
