/** What the training loop turns on: the stepper, the order of rows, the evaluator, and what watches; all of it disposed at once. */
import { layoutOf, type Problem } from "./step-graph.ts";
import { batchDataset, isLazy, pickDataset, rowsOf, type Dataset, type TrainingData } from "./dataset.ts";
import { batchesOf } from "./augment.ts";
import { checkBatch, normalisesRows } from "./batch-statistics.ts";
import { noClock, timed } from "./clock.ts";
import { checkDataset } from "./check-dataset.ts";
import { createEvaluator } from "./evaluate.ts";
import { factorAt, type ScheduleState } from "../optim/schedule.ts";
import { penalty } from "./regularizer.ts";
import { createStepper } from "./stepper.ts";
import { checkStepOptions } from "./update.ts";
import { examplesFigures, summarize, type EpochFigures } from "./events.ts";
import type { FitOptions } from "./fit.ts";
import { timedObserver } from "./observer.ts";
import type { Stateful } from "./state.ts";
import { GradusError } from "../util/errors.ts";
import { rng } from "../util/rng.ts";
import { firstNonFinite } from "./divergence.ts";

export type Loop = Awaited<ReturnType<typeof openLoop>>;

/** Parts of the data that a training sees. */
export interface FitData {
  readonly train: TrainingData;
  readonly validation?: TrainingData;
}

interface Measured {
  readonly figures: EpochFigures;
  readonly examples?: Float32Array;
}

/** @throws GradusError where the network does not fit the data, or batches of one row are normalised */
export async function openLoop(problem: Problem, data: FitData, options: FitOptions) {
  const layout = layoutOf(problem);
  const rows = rowsOf(data.train);
  if (rows === 0) throw new GradusError("the training part has no rows");
  checkDataset(problem, data.train, "training");
  if (data.validation) checkDataset(problem, data.validation, "validation");
  const { executor, seed, schedule, accumulate = 1, regularizer, clock = noClock } = options;
  checkStepOptions(options);
  /** Rows of an update; a piece of them makes a gradient. */
  const batch = Math.min(options.batchSize * accumulate, rows);
  const piece = Math.ceil(batch / accumulate);
  checkBatch(problem, piece);
  const taken = (rows % batch) % piece === 1 && piece > 1 && normalisesRows(problem) !== undefined ? rows - 1 : rows;
  const whole = taken - (taken % batch);
  const stepsPerEpoch = Math.ceil(taken / batch);
  const runtime = { ...(options.threads ? { threads: options.threads } : {}), ...(options.device ? { device: options.device } : {}) };
  const batches = options.augment && batchesOf(problem, data.train, options.augment, { seed, batch: piece });
  const planned = options.epochs * stepsPerEpoch;
  const stepper = await createStepper({
    ...options,
    ...(options.stepThreads ? { threads: options.stepThreads } : {}),
    problem,
    layout,
    data: data.train,
    batch,
    steps: planned,
    ...(batches ? { batches } : {}),
  });
  let heeded = schedule.start;
  const sample = sampleRows(data.train, Math.max(1000, data.validation ? rowsOf(data.validation) : 0), seed);
  const evaluated = [sample, ...(data.validation ? [data.validation] : [])].map(rowsOf);
  const evaluator = await createEvaluator(problem, layout, executor, { ...runtime, rows: evaluated });
  const about = { optimizer: options.optimizer, regularizer, epochs: options.epochs };
  const observed = { problem, layout, ...data, batch, stepsPerEpoch, ...about, seed, executor, runtime };
  const watcher = await options.observe?.(observed);
  const observer = watcher && timedObserver(watcher, clock);
  /** What changes from step to step besides the stepper's vectors, by name: copied into states, and out of them. */
  const stateful: Readonly<Record<string, Stateful>> = {
    ...(observer ? { observer } : {}),
    ...(schedule.start ? { schedule: { snapshot: () => heeded, restore: (state) => (heeded = state as ScheduleState) } } : {}),
  };

  return {
    layout,
    batch,
    /** Rows of an epoch. */
    taken,
    stepsPerEpoch,
    stepper,
    observer,
    stateful,
    /** Rows of an epoch in its order, batch after batch; from `at` on they are made ready. */
    begin(epoch: number, at: number): Int32Array {
      const before = clock.enter("data");
      const order = rng(seed, "shuffle", epoch).permutation(rows).subarray(0, taken);
      batches?.begin(epoch, order.subarray(at));
      clock.enter(before);
      return order;
    },
    /** The next steps of an epoch that one call takes: how many, of how many rows each; a step that is observed is taken alone. */
    ahead(at: number, step: number): { readonly steps: number; readonly size: number } {
      const size = at < whole ? batch : taken - whole;
      const most = Math.min(stepper.stepsPerCall, Math.max(1, Math.floor((whole - at) / batch)));
      if (!observer) return { steps: most, size };
      let steps = observer.wants(step + 1) ? 1 : most;
      for (let k = 1; k < steps; k++) if (observer.wants(step + 1 + k)) steps = k;
      return { steps, size };
    },
    /** Of the learning rate at a step; 1 for the first. */
    factor: (step: number): number => factorAt(schedule, { done: step - 1, planned, perEpoch: stepsPerEpoch }, heeded),
    /** Tells the schedule how an epoch went. */
    heed(figures: EpochFigures): void {
      if (schedule.heed && heeded) heeded = schedule.heed(heeded, (figures.validation ?? figures.train).loss);
    },
    /** Figures in evaluation mode, and the monitored one of each validation example. */
    measure: timed(clock, "evaluation", async (epoch: number): Promise<Measured> => {
      const train = summarize(problem, sample, await evaluator.evaluate(stepper.measured, sample));
      const added = regularizer ? { penalty: penalty(regularizer, layout, stepper.measured, rows) } : {};
      if (!data.validation) return { figures: { epoch, train, ...added } };
      const evaluation = await evaluator.evaluate(stepper.measured, data.validation);
      const examples = examplesFigures(problem, data.validation, evaluation, options.stop?.monitor ?? "loss");
      return { figures: { epoch, train, validation: summarize(problem, data.validation, evaluation), ...added }, examples };
    }),
    /** The examples of one step again. */
    examplesOf(epoch: number, chosen: Int32Array): { readonly data: Dataset; readonly rows: Int32Array } {
      if (!batches && !isLazy(data.train)) return { data: data.train, rows: chosen };
      const made = batches ? batchDataset(batches.show(epoch, chosen), data.train) : pickDataset(data.train, chosen);
      return { data: made, rows: chosen.map((_, at) => at) };
    },
    /** Where the step that began at θ met its first infinity or NaN. */
    nonFinite(step: number, examples: { readonly data: Dataset; readonly rows: Int32Array }) {
      return firstNonFinite({ problem, layout, executor, seed, theta: stepper.theta, ...examples, step });
    },
    async dispose(): Promise<void> {
      batches?.dispose();
      await stepper.dispose();
      await evaluator.dispose();
      await observer?.dispose();
    },
  };
}

/** A fixed, seeded sample for the training curve; the whole part where it is small. */
function sampleRows(data: TrainingData, size: number, seed: number): TrainingData {
  const rows = rowsOf(data);
  if (rows <= size) return data;
  const chosen = rng(seed, "training curve").permutation(rows).subarray(0, size).sort();
  return pickDataset(data, chosen);
}
