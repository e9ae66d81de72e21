/** Losses and predictions in evaluation mode, in large batches. */
import type { Device, Executor } from "../exec/session.ts";
import { plannedMemory } from "../exec/memory.ts";
import type { Graph } from "../ir/graph.ts";
import { tensor, type Tensor } from "../ir/tensor.ts";
import { parameterViews, type ParameterLayout } from "../nn/parameters.ts";
import { isLazy, rowsOf, sliceDataset, sliceRows, type Dataset, type TrainingData } from "./dataset.ts";
import { evaluationGraph, type Problem } from "./step-graph.ts";

export interface Evaluation {
  /** [rows] */
  readonly loss: Float32Array;
  /** [rows, outputs]: probabilities, or the number itself. */
  readonly prediction: Float32Array;
}

export interface Evaluator {
  /** @param theta the parameters, read only */
  evaluate(theta: Float32Array, data: TrainingData): Promise<Evaluation>;
  dispose(): Promise<void>;
}

/** Rows of one call: so many as keep what its nodes hold at once below `callBytes`, as planned. */
const mostRows = 4096;
const leastRows = 128;
const callBytes = 2 ** 26;

export function rowsOfCall(evaluated: Graph): number {
  const [one, two] = [1, 2].map((times) => plannedMemory(evaluated, { batch: times * leastRows }).peak) as [number, number];
  return Math.max(leastRows, Math.min(mostRows, leastRows * Math.floor(callBytes / Math.max(1, two - one))));
}

/** Batches of nearly equal size, so that no small rest is left: `[[0, 3000], [3000, 6000]]`. */
function cuts(rows: number, most: number): (readonly [from: number, to: number])[] {
  const calls = Math.max(1, Math.ceil(rows / most));
  const at = (call: number) => Math.floor((call * rows) / calls);
  return Array.from({ length: calls }, (_, call) => [at(call), at(call + 1)] as const);
}

export interface EvaluatorOptions {
  readonly threads?: number;
  readonly device?: Device;
  /** Rows of the datasets that must be evaluated to the same bits whatever the threads. */
  readonly rows?: readonly number[];
}

export async function createEvaluator(
  problem: Problem,
  layout: ParameterLayout,
  executor: Executor,
  { rows = [], ...runtime }: EvaluatorOptions = {},
): Promise<Evaluator> {
  const evaluated = evaluationGraph(problem, layout);
  const most = rowsOfCall(evaluated);
  const batches = rows.flatMap((count) => cuts(count, most).map(([from, to]) => to - from));
  const sizes = [...new Set(batches)].map((batch) => ({ batch }));
  const session = await executor.compile(evaluated, { ...runtime, sizes });
  const known = new WeakMap<TrainingData, ReturnType<typeof cut>>();
  const cut = (data: TrainingData) => {
    const rows = rowsOf(data);
    const loss = new Float32Array(rows);
    const prediction = new Float32Array(rows * problem.outputs);
    const calls = [];
    const examples = examplesOf(data, most);
    for (const [from, to] of cuts(rows, most)) {
      const { features, targets, lengths, ready } = examples(from, to);
      calls.push({
        ready,
        feeds: { x: features, y: targets, ...(lengths ? { lengths } : {}) },
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
      let cached = known.get(data);
      if (!cached) known.set(data, (cached = cut(data)));
      const parameters = parameterViews(layout, theta);
      for (const { ready, feeds, into } of cached.calls) {
        ready?.();
        await session.run({ ...feeds, ...parameters }, into);
      }
      return { loss: cached.loss, prediction: cached.prediction };
    },
    dispose: () => session.dispose(),
  };
}

/** Consecutive examples; inputs that are made share the memory of one call, and `ready` writes them into it. */
function examplesOf(data: TrainingData, most: number): (from: number, to: number) => Dataset & { readonly ready?: () => void } {
  if (!isLazy(data)) return (from, to) => sliceDataset(data, from, to);
  const { width, targets, write } = data;
  const memory = new Float32Array(Math.min(most, rowsOf(data)) * width);
  const inputs = new Map<number, Tensor>();
  return (from, to) => {
    const n = to - from;
    const features = inputs.get(n) ?? tensor("float32", memory.subarray(0, n * width), [n, width]);
    inputs.set(n, features);
    const ready = () =>
      write(
        Int32Array.from({ length: n }, (_, i) => from + i),
        features.data as Float32Array,
      );
    return { features, targets: sliceRows(targets, from, to), ready };
  };
}
