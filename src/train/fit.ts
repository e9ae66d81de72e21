/** The training loop, on one screen: shuffle, step, measure, keep the best. */
import type { BatchSource } from "../data/augment-batches.ts";
import type { Device, Executor } from "../exec/session.ts";
import { initializeParameters, type ParameterLayout } from "../nn/parameters.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { Schedule } from "../optim/schedule.ts";
import { checkRanges, ranges, type Range } from "../util/range.ts";
import { rng } from "../util/rng.ts";
import { GradusError } from "../util/errors.ts";
import { batchDataset, pickDataset, isLazy, rowsOf, type Dataset, type TrainingData } from "./dataset.ts";
import { firstNonFinite } from "./divergence.ts";
import { createEvaluator } from "./evaluate.ts";
import { batchesOf, type AugmentOptions } from "./augment.ts";
import { checkBatch, normalisesRows } from "./batch-statistics.ts";
import { checkDataset } from "./check-dataset.ts";
import { createStepper } from "./stepper.ts";
import { summarize, type EpochFigures, type TrainingEvent, type TrainingResult } from "./events.ts";
import { layoutOf, type Problem } from "./step-graph.ts";

export interface FitOptions {
  readonly optimizer: Optimizer;
  readonly learningRate: number;
  readonly schedule: Schedule;
  readonly epochs: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly executor: Executor;
  readonly threads?: number;
  readonly device?: Device;
  /** Changes the initial weights, after the initialisers: θ as `layout` lays it out. */
  readonly initialize?: (theta: Float32Array, layout: ParameterLayout) => void;
  /** What becomes of the examples of a step, and never of those that are measured. */
  readonly augment?: AugmentOptions;
  /** Stops at the next step; what was reached is kept. */
  readonly signal?: AbortSignal;
}

/** What the numbers of the loop may be. */
export const loopRanges = {
  learningRate: ranges.positive,
  epochs: ranges.count,
  batchSize: ranges.count,
  seed: ranges.seed,
} as const satisfies Record<string, Range>;

/**
 * Trains, yielding events; returns the weights of the best validation epoch (of the last, where there is no
 * validation set). A step is a pure function of (seed, step), so equal options give equal weights to the bit.
 * A last batch of one row is left out of its epoch where a layer normalises by the rows of a batch.
 * @throws GradusError where the network does not fit the data, a number is out of its range, or batches of one row are normalised
 */
export async function* train(
  problem: Problem,
  data: { readonly train: TrainingData; readonly validation?: TrainingData },
  options: FitOptions,
): AsyncGenerator<TrainingEvent, TrainingResult> {
  checkRanges({ ...options }, loopRanges);
  const layout = layoutOf(problem);
  const rows = rowsOf(data.train);
  if (rows === 0) throw new GradusError("the training part has no rows");
  checkDataset(problem, data.train, "training");
  if (data.validation) checkDataset(problem, data.validation, "validation");
  const batch = Math.min(options.batchSize, rows);
  checkBatch(problem, batch);
  const { executor, seed, schedule } = options;
  const taken = rows % batch === 1 && batch > 1 && normalisesRows(problem) !== undefined ? rows - 1 : rows;
  const stepsPerEpoch = Math.ceil(taken / batch);
  const learningRate = (step: number) => options.learningRate * schedule.factor((step - 1) / (options.epochs * stepsPerEpoch));
  const runtime = { ...(options.threads ? { threads: options.threads } : {}), ...(options.device ? { device: options.device } : {}) };
  const batches = options.augment && batchesOf(problem, data.train, options.augment, { seed, batch });
  const stepper = await createStepper({
    problem,
    layout,
    optimizer: options.optimizer,
    data: data.train,
    batch,
    executor,
    seed,
    ...runtime,
    ...(batches ? { batches } : {}),
  });
  const trainSample = sampleRows(data.train, Math.max(1000, data.validation ? rowsOf(data.validation) : 0), seed);
  const evaluated = [trainSample, ...(data.validation ? [data.validation] : [])].map(rowsOf);
  const evaluator = await createEvaluator(problem, layout, executor, { ...runtime, rows: evaluated });
  const measure = async (epoch: number): Promise<EpochFigures> => {
    const figures = async (part: TrainingData) => summarize(problem, part, await evaluator.evaluate(stepper.theta, part));
    return { epoch, train: await figures(trainSample), ...(data.validation ? { validation: await figures(data.validation) } : {}) };
  };

  try {
    initializeParameters(layout, stepper.theta, seed);
    options.initialize?.(stepper.theta, layout);
    let best = { figures: await measure(0), theta: stepper.theta.slice() };
    const history = [best.figures];
    yield { type: "start", parameters: layout.trainable, stepsPerEpoch, figures: best.figures };

    let step = 0;
    const consider = (figures: EpochFigures) => {
      history.push(figures);
      if (!figures.validation || figures.validation.loss <= best.figures.validation!.loss) best = { figures, theta: stepper.theta.slice() };
    };
    const ended = (reason: TrainingResult["reason"], finding?: TrainingResult["finding"]): TrainingResult => {
      return { reason, ...(finding ? { finding } : {}), theta: best.theta, layout, bestEpoch: best.figures.epoch, history, steps: step };
    };
    for (let epoch = 1; epoch <= options.epochs; epoch++) {
      const order = rng(seed, "shuffle", epoch).permutation(rows).subarray(0, taken);
      const whole = taken - (taken % batch);
      batches?.begin(epoch, order);
      for (let at = 0; at < taken;) {
        if (options.signal?.aborted) {
          if (at > 0) consider(await measure(epoch));
          return ended("interrupted");
        }
        const size = at < whole ? batch : taken - whole;
        const steps = Math.min(stepper.stepsPerCall, Math.max(1, Math.floor((whole - at) / batch)));
        const chosen = order.subarray(at, at + steps * size);
        const losses = await stepper.run(chosen, size, step + 1, learningRate);
        const bad = losses.findIndex((loss) => !Number.isFinite(loss));
        if (bad >= 0) {
          const rowsOfStep = chosen.subarray(bad * size, (bad + 1) * size);
          return ended(
            "diverged",
            await firstNonFinite({
              problem,
              layout,
              executor,
              seed,
              theta: stepper.theta,
              ...stepData(data.train, rowsOfStep, batches, epoch),
              step: step + bad + 1,
            }),
          );
        }
        step += steps;
        at += steps * size;
        yield { type: "step", epoch, step, examples: (epoch - 1) * taken + at, loss: losses[losses.length - 1]! };
      }
      const figures = await measure(epoch);
      if (!Number.isFinite((figures.validation ?? figures.train).loss)) return ended("diverged", { step, tensor: "the validation loss" });
      consider(figures);
      yield { type: "epoch", figures, best: best.figures.epoch };
    }
    return ended("finished");
  } finally {
    batches?.dispose();
    await stepper.dispose();
    await evaluator.dispose();
  }
}

/** The examples of one step again, for a look at what went wrong. */
function stepData(
  data: TrainingData,
  rows: Int32Array,
  batches: BatchSource | undefined,
  epoch: number,
): { data: Dataset; rows: Int32Array } {
  if (!batches && !isLazy(data)) return { data, rows };
  const made = batches ? batchDataset(batches.show(epoch, rows), data) : pickDataset(data, rows);
  return { data: made, rows: rows.map((_, at) => at) };
}

/** A fixed, seeded sample for the training curve; the whole part where it is small. */
function sampleRows(data: TrainingData, size: number, seed: number): TrainingData {
  const rows = rowsOf(data);
  if (rows <= size) return data;
  const chosen = rng(seed, "training curve").permutation(rows).subarray(0, size).sort();
  return pickDataset(data, chosen);
}

/** Runs a training to its end; `onEvent` sees every event. */
export async function fit(
  problem: Problem,
  data: { readonly train: TrainingData; readonly validation?: TrainingData },
  options: FitOptions & { readonly onEvent?: (event: TrainingEvent) => void },
): Promise<TrainingResult> {
  const events = train(problem, data, options);
  for (;;) {
    const next = await events.next();
    if (next.done) return next.value;
    options.onEvent?.(next.value);
  }
}

export type { ParameterLayout };
