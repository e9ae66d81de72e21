/** How many threads a step takes, by a short probe before the training. Weights do not depend on it, and the probe leaves no trace in them. */
import { initializeParameters } from "../nn/parameters.ts";
import { multiplyAdds } from "../ops/multiply-adds.ts";
import { rng } from "../util/rng.ts";
import { batchesOf } from "./augment.ts";
import { rowsOf, type TrainingData } from "./dataset.ts";
import type { FitOptions } from "./fit.ts";
import { gradientGraph, layoutOf, type Problem } from "./step-graph.ts";
import { createStepper, oneThreadLimit } from "./stepper.ts";

export interface ThreadChoice {
  /** Of a step. */
  readonly threads: number;
  /** The fastest step on so many threads, in milliseconds. */
  readonly tried: readonly { readonly threads: number; readonly milliseconds: number }[];
  readonly seconds: number;
}

/** The probe takes no more than this share of the training, as far as it can be foreseen, and no more than so many seconds. */
const share = 0.01;
const mostSeconds = 0.5;
/** Below so many expected seconds a probe could not tell the numbers apart in its share. */
const leastTraining = 10;
/** What a core is taken to do, in multiply-adds a second: an upper end, so that trainings come out short. */
const coreSpeed = 4e10;
/** Fewer threads are taken where a step is slower by no more than this share: they leave a core to others. */
const worthwhile = 0.03;
/** Calls on each number of threads before and while it is timed. */
const [warmCalls, timedCalls] = [2, 8];

/** 1, 2, 4, … and all cores, the most first. */
export function threadCounts(cores: number): number[] {
  const powers = Array.from({ length: Math.floor(Math.log2(cores)) + 1 }, (_, i) => 2 ** i);
  return [...new Set([...powers, cores])].toSorted((a, b) => b - a);
}

/** The fewest threads whose step is hardly slower than the fastest. */
export function fewestThreads(tried: ThreadChoice["tried"]): number {
  const fastest = Math.min(...tried.map(({ milliseconds }) => milliseconds));
  return Math.min(...tried.filter(({ milliseconds }) => milliseconds <= (1 + worthwhile) * fastest).map(({ threads }) => threads));
}

/**
 * Times a few steps of the training on 1, 2, 4, … threads.
 * @returns nothing where there is nothing to choose or no time to: threads or a device were given, one core, an executor that does not
 * tell its cores, a model that takes one thread, or a training that is too short
 */
export async function chooseThreads(problem: Problem, data: TrainingData, options: FitOptions): Promise<ThreadChoice | undefined> {
  const began = performance.now();
  const elapsed = () => (performance.now() - began) / 1000;
  const { executor, threads, device, seed, accumulate = 1 } = options;
  const cores = executor.cores?.() ?? 1;
  const layout = layoutOf(problem);
  if (threads !== undefined || (device ?? "cpu") !== "cpu" || cores === 1 || layout.size < oneThreadLimit) return undefined;
  const rows = rowsOf(data);
  const batch = Math.min(options.batchSize * accumulate, rows);
  const expected = (options.epochs * Math.ceil(rows / batch) * stepWork(problem, batch)) / coreSpeed / cores;
  if (expected < leastTraining) return undefined;
  const budget = Math.min(mostSeconds, share * expected);
  const order = rng(seed, "threads").permutation(rows);
  const tried: ThreadChoice["tried"][number][] = [];
  const counts = threadCounts(cores);
  for (const [i, count] of counts.entries()) {
    const until = ((i + 1) * budget) / counts.length;
    const milliseconds = await fastestStep(count, () => elapsed() < until);
    tried.push({ threads: count, milliseconds });
    // The time of a step has one valley over the number of threads.
    if (elapsed() > budget || milliseconds > 1.5 * Math.min(...tried.map((one) => one.milliseconds))) break;
  }
  return { threads: fewestThreads(tried), tried, seconds: elapsed() };

  async function fastestStep(count: number, inTime: () => boolean): Promise<number> {
    const batches =
      options.augment && batchesOf(problem, data, { ...options.augment, workers: 0 }, { seed, batch: Math.ceil(batch / accumulate) });
    const stepper = await createStepper({ ...options, problem, layout, data, batch, threads: count, ...(batches ? { batches } : {}) });
    initializeParameters(layout, stepper.theta, seed);
    const perCall = Math.min(stepper.stepsPerCall, Math.floor(rows / batch));
    const chosen = order.subarray(0, perCall * batch);
    let fastest = Infinity;
    for (let call = 0; call < warmCalls + timedCalls && (call <= warmCalls || inTime()); call++) {
      batches?.begin(1 + call, chosen);
      const from = performance.now();
      // At a rate of nearly nothing: no loss may pass what numbers hold.
      await stepper.run(chosen, batch, 1 + call * perCall, () => 1e-12);
      if (call >= warmCalls) fastest = Math.min(fastest, (performance.now() - from) / perCall);
    }
    batches?.dispose();
    await stepper.dispose();
    return fastest;
  }
}

/** Multiply-adds of a step. */
function stepWork(problem: Problem, batch: number): number {
  const size = (dim: number | string): number => (typeof dim === "number" ? dim : batch);
  return gradientGraph(problem, layoutOf(problem)).nodes.reduce((sum, node) => sum + multiplyAdds(node, size), 0);
}
