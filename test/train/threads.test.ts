/** Equal bits whatever the threads, through whole trainings: every activation, on shapes that threads share out unevenly. */
import { describe, expect, test } from "vitest";
import { readTable } from "../../src/data/read-table.ts";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { activations, type ActivationName } from "../../src/nn/activation.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { mlp } from "../../src/nn/network.ts";
import { optimizerByName } from "../../src/optim/optimizers/index.ts";
import { scheduleByName } from "../../src/optim/schedules/index.ts";
import { createEvaluator } from "../../src/train/evaluate.ts";
import { fitTable, splitTable } from "../../src/train/fit-table.ts";
import { mlp as mlpOf } from "../../src/train/model-choice.ts";
import { fit } from "../../src/train/fit.ts";
import { measureRows, predictRows } from "../../src/train/predict.ts";
import type { Problem } from "../../src/train/step-graph.ts";
import { modelOf } from "../../src/store/save-run.ts";
import { penguins } from "../cli/support.ts";
import { clouds } from "./problems.ts";

const names = Object.keys(activations) as ActivationName[];
/** Odd everywhere, and no multiple of the vectors that kernels work in; the last batch of an epoch is smaller. */
const shapes = [
  { name: "inside Scan", width: 31, layers: [61, 37], rows: 2 * 1031 + 517, batch: 1031 },
  { name: "a call a step", width: 151, layers: [331, 77], rows: 2 * 257 + 131, batch: 257 },
] as const;

describe.each(names)("%s", (activation) => {
  test.each(shapes)(
    "$name: weights, losses and predictions are the same to the bit on 1 to 4 threads",
    async ({ width, layers, rows, batch }) => {
      const classes = 5;
      const network = mlp({ layers, activation, outputs: classes });
      const problem: Problem = { network, loss: losses.categoricalCrossEntropy, inputShape: [width], outputs: classes };
      const data = { train: clouds({ rows, width, classes }), validation: clouds({ rows: 3001, width, classes, seed: 2 }) };
      const on = async (threads: number) => {
        const result = await fit(problem, data, {
          optimizer: optimizerByName("adamw"),
          learningRate: 0.003,
          schedule: scheduleByName("constant"),
          epochs: 1,
          batchSize: batch,
          seed: 1,
          executor: onnxruntimeNode,
          threads,
        });
        const evaluator = await createEvaluator(problem, result.layout, onnxruntimeNode, { threads, rows: [3001] });
        const { loss, prediction } = await evaluator.evaluate(result.theta, data.validation);
        await evaluator.dispose();
        return { history: result.history, theta: result.theta, loss, prediction };
      };
      const one = await on(1);
      expect(one.history).toHaveLength(2);
      for (const threads of [2, 3, 4]) {
        const other = await on(threads);
        expect(other.history, `figures on ${threads} threads`).toEqual(one.history);
        for (const part of ["theta", "loss", "prediction"] as const) {
          expect(firstDifference(other[part], one[part]), `${part} on ${threads} threads`).toBe(-1);
        }
      }
    },
  );
});

test("so are the closing figures, the predictions and what evaluate measures, where the columns are shared out", async () => {
  const table = await readTable(penguins, { target: "species" });
  const parts = splitTable(table);
  const on = async (threads: number) => {
    const run = await fitTable(mlpOf({ layers: [512, 300] }), parts, { epochs: 1, threads, executor: onnxruntimeNode });
    const model = modelOf(run);
    const prediction = await predictRows(model, table, parts.test, { threads, executor: onnxruntimeNode });
    const metrics = await measureRows(model, table, parts.test, { threads, executor: onnxruntimeNode });
    if (prediction.kind !== "classes") throw new Error("classes were expected");
    return { closing: run.metrics, metrics, probabilities: prediction.probabilities };
  };
  const one = await on(1);
  for (const threads of [2, 3, 4, 8]) {
    const other = await on(threads);
    expect(other.closing).toEqual(one.closing);
    expect(other.metrics).toEqual(one.metrics);
    expect(firstDifference(other.probabilities, one.probabilities)).toBe(-1);
  }
});

const firstDifference = (a: Float32Array, b: Float32Array) => a.findIndex((x, i) => !Object.is(x, b[i]));
