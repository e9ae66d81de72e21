/** Losses and predictions in evaluation mode, in large batches. */
import type { Device, Executor } from "../exec/session.ts";
import { tensor } from "../ir/tensor.ts";
import { parameterViews, type ParameterLayout } from "../nn/parameters.ts";
import { rowsOf, sliceRows, type Dataset } from "./dataset.ts";
import { evaluationGraph, type Problem } from "./step-graph.ts";

export interface Evaluation {
  /** [rows] */
  readonly loss: Float32Array;
  /** [rows, outputs]: probabilities, or the number itself. */
  readonly prediction: Float32Array;
}

export interface Evaluator {
  /** @param theta the parameters, read only */
  evaluate(theta: Float32Array, data: Dataset): Promise<Evaluation>;
  dispose(): Promise<void>;
}

const rowsPerCall = 4096;
/** More rows than any layer has units, nearly always: then a matrix product is shared out by rows, whose bits no thread count changes. */
const steadyRows = 512;

export async function createEvaluator(
  problem: Problem,
  layout: ParameterLayout,
  executor: Executor,
  options: { threads?: number; device?: Device } = {},
): Promise<Evaluator> {
  const session = await executor.compile(evaluationGraph(problem, layout), { ...options, sizes: [{ batch: steadyRows }] });
  const batches = new WeakMap<Dataset, ReturnType<typeof cut>>();
  const cut = (data: Dataset) => {
    const rows = rowsOf(data);
    const loss = new Float32Array(rows);
    const prediction = new Float32Array(rows * problem.outputs);
    const calls = [];
    for (let from = 0; from < rows; from += rowsPerCall) {
      const to = Math.min(rows, from + rowsPerCall);
      calls.push({
        feeds: { x: sliceRows(data.features, from, to), y: sliceRows(data.targets, from, to) },
        into: {
          loss: tensor("float32", loss.subarray(from, to)),
          prediction: tensor("float32", prediction.subarray(from * problem.outputs, to * problem.outputs), [to - from, problem.outputs]),
        },
      });
    }
    return { calls, loss, prediction };
  };
  return {
    async evaluate(theta, data) {
      let cached = batches.get(data);
      if (!cached) batches.set(data, (cached = cut(data)));
      const parameters = parameterViews(layout, theta);
      for (const { feeds, into } of cached.calls) await session.run({ ...feeds, ...parameters }, into);
      return { loss: cached.loss, prediction: cached.prediction };
    },
    dispose: () => session.dispose(),
  };
}
