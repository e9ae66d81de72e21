import { describe, expect, test } from "vitest";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { activation } from "../../src/nn/layers/activation.ts";
import { batchNorm } from "../../src/nn/layers/batch-norm.ts";
import { conv } from "../../src/nn/layers/conv.ts";
import { dense } from "../../src/nn/layers/dense.ts";
import { dropout } from "../../src/nn/layers/dropout.ts";
import { flatten } from "../../src/nn/layers/flatten.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { sequential } from "../../src/nn/network.ts";
import { optimizerByName } from "../../src/optim/optimizers/index.ts";
import { scheduleByName } from "../../src/optim/schedules/index.ts";
import type { TrainingResult } from "../../src/train/events.ts";
import { fit, train, type FitOptions } from "../../src/train/fit.ts";
import type { FitData } from "../../src/train/loop.ts";
import type { TrainingState } from "../../src/train/state.ts";
import type { Problem } from "../../src/train/step-graph.ts";
import { cloudProblem, clouds } from "./problems.ts";

const options: FitOptions = {
  optimizer: optimizerByName("adam"),
  learningRate: 0.01,
  schedule: scheduleByName("cosine"),
  epochs: 5,
  batchSize: 16,
  seed: 3,
  executor: onnxruntimeNode,
  stop: { kind: "patience", epochs: 3 },
};
const rows = { train: clouds({ rows: 403 }), validation: clouds({ rows: 90, seed: 2 }) };

/** 6×6 images of one channel. */
const pictures = (n: number, seed: number) => {
  const { features, targets } = clouds({ rows: n, width: 36, seed });
  return { features: tensor("float32", features.data, [n, 1, 6, 6]), targets };
};
const everything: Problem = {
  network: sequential([conv(4), batchNorm(), activation("relu"), flatten(), dense(12), activation("relu"), dropout(0.8), dense(3)]),
  loss: losses.categoricalCrossEntropy,
  inputShape: [1, 6, 6],
  outputs: 3,
};
const images = { train: pictures(120, 1), validation: pictures(60, 2) };

/** States at every step and epoch, as a file would give them back. */
async function states(problem: Problem, data: FitData, given: FitOptions): Promise<{ result: TrainingResult; taken: TrainingState[] }> {
  const taken: TrainingState[] = [];
  const result = await fit(problem, data, { ...given, checkpoint: (take) => void taken.push(structuredClone(take())) });
  return { result, taken };
}

const facts = ({ theta, history, reason, bestEpoch, steps, findings }: TrainingResult) => ({
  theta,
  history,
  reason,
  bestEpoch,
  steps,
  findings,
});

describe("a training goes on from a state", () => {
  test.each([
    ["many steps a call", cloudProblem(), rows, options],
    [
      "a convolution, running statistics, dropout and augmentation",
      everything,
      images,
      { ...options, augment: { steps: [{ kind: "flip", probability: 0.5 }], workers: 1 } },
    ],
  ] as const)("to the same bits as without interruption: %s", async (_, problem, data, given) => {
    const { result, taken } = await states(problem, data, given as FitOptions);
    expect(taken.length).toBeGreaterThan(7);
    expect(taken.some(({ at }) => at > 0) && taken.some(({ at }) => at === 0)).toBe(true);
    for (const resume of taken.filter((_, i) => i % Math.ceil(taken.length / 6) === 1)) {
      const again = await fit(problem, data, { ...(given as FitOptions), resume });
      expect(facts(again)).toEqual(facts(result));
    }
  });

  test("whichever states are taken, and an abort gives one too", async () => {
    const whole = await fit(cloudProblem(), rows, options);
    const signal = { aborted: false };
    let last: TrainingState | undefined;
    const events = train(cloudProblem(), rows, {
      ...options,
      signal: signal as AbortSignal,
      checkpoint: (take, moment) => void (moment === "interrupted" && (last = take())),
    });
    for (;;) {
      const next = await events.next();
      if (next.done) {
        expect(next.value.reason).toBe("interrupted");
        break;
      }
      if (next.value.type === "step" && next.value.step > 40) signal.aborted = true;
    }
    expect(last!.at).toBeGreaterThan(0);
    expect(last!.history).toHaveLength(last!.epoch);
    expect(facts(await fit(cloudProblem(), rows, { ...options, resume: last! }))).toEqual(facts(whole));
  });

  test("a state of another training is refused", async () => {
    const { taken } = await states(cloudProblem(), rows, { ...options, epochs: 1 });
    const resume = taken[0]!;
    await expect(fit(cloudProblem(), rows, { ...options, seed: 4, resume })).rejects.toThrow("another training: seed 3, expected 4.");
    await expect(fit(cloudProblem([8]), rows, { ...options, resume })).rejects.toThrow(
      /another training: vectors theta of \d+.*, expected theta of \d+/,
    );
    const sgd = { ...options, optimizer: optimizerByName("sgd") };
    await expect(fit(cloudProblem(), rows, { ...sgd, resume })).rejects.toThrow(/, expected theta of \d+\.$/);
  });
});
