/** The learning-rate range test (Smith 2017): the rate rises step by step, and the loss shows from where on it is too high. */
import type { Device, Executor } from "../exec/session.ts";
import { initializeParameters } from "../nn/parameters.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { GradusError } from "../util/errors.ts";
import { rng } from "../util/rng.ts";
import { rowsOf, type Dataset } from "./dataset.ts";
import { layoutOf, type Problem } from "./step-graph.ts";
import { createStepper } from "./stepper.ts";
import type { StepOptions } from "./update.ts";

export interface RangeTestOptions extends StepOptions {
  readonly optimizer: Optimizer;
  readonly batchSize: number;
  readonly executor: Executor;
  readonly threads?: number;
  readonly device?: Device;
  /** Of the first test; the others have the seeds that follow. Default 1. */
  readonly seed?: number;
  /** Default 3: one alone cannot say whether it is right. */
  readonly seeds?: number;
  /** Default 1e-6 to 10. */
  readonly from?: number;
  readonly to?: number;
  /** From the lowest rate to the highest, in equal ratios. Default 140: twenty a decade. */
  readonly steps?: number;
  /** Training rows of the whole part, m of the penalty; those of the data where left out. */
  readonly examples?: number;
}

export interface RangeCurve {
  readonly seed: number;
  /** Of the steps that were taken; it ends where the loss has risen fourfold over its lowest, or is not finite. */
  readonly rates: readonly number[];
  /** Smoothed over about ten steps. */
  readonly losses: readonly number[];
  /** A tenth of the rate at which the loss was lowest; left out where it never fell clearly. */
  readonly suggestion?: number;
}

export interface RangeTest {
  readonly curves: readonly RangeCurve[];
  /** The geometric mean of the seeds' rates, to one digit; left out where they do not agree. */
  readonly suggestion?: number;
  /** Between the lowest and the highest of them, as a power of ten. */
  readonly decades?: number;
  /** Why there is no suggestion. */
  readonly reason?: string;
}

/** Suggestions farther apart than this many powers of ten are none. */
export const mostDecades = 1;
/** Part of the running mean that stays at a step. */
const smoothing = 0.9;
/** The lowest loss counts as a fall when it is below this share of the first. */
const clearFall = 0.95;
/** The loss has left for good when it is so many times its lowest. */
const leaves = 4;

/**
 * @throws GradusError where the rates or the steps are none
 * @example const { suggestion } = await learningRateRange(problem, data, { optimizer: optimizerByName("adam"), batchSize: 64, executor });
 */
export async function learningRateRange(problem: Problem, data: Dataset, options: RangeTestOptions): Promise<RangeTest> {
  const { seed = 1, seeds = 3, from = 1e-6, to = 10, steps = 140 } = options;
  if (!(from > 0 && to > from)) throw new GradusError(`the rates must rise from above 0, found ${from} to ${to}.`);
  if (!(Number.isInteger(steps) && steps >= 20)) throw new GradusError(`a range test takes at least 20 steps, found ${steps}.`);
  const curves: RangeCurve[] = [];
  for (let k = 0; k < seeds; k++) curves.push(await curveOf(problem, data, { ...options, from, to, steps }, seed + k));
  return { curves, ...judge(curves) };
}

type Range = RangeTestOptions & { readonly from: number; readonly to: number; readonly steps: number };

async function curveOf(problem: Problem, data: Dataset, options: Range, seed: number): Promise<RangeCurve> {
  const { from, to, steps, batchSize, accumulate = 1 } = options;
  const layout = layoutOf(problem);
  const rows = rowsOf(data);
  const batch = Math.min(batchSize * accumulate, rows);
  const stepper = await createStepper({ ...options, problem, layout, data, batch, seed, steps });
  const rate = (step: number) => from * (to / from) ** ((step - 1) / (steps - 1));
  try {
    initializeParameters(layout, stepper.theta, seed);
    const [rates, losses]: [number[], number[]] = [[], []];
    let [mean, lowest] = [0, Infinity];
    const chosen = rowsOfSteps(rows, batch, steps, seed);
    while (rates.length < steps) {
      const [done, count] = [rates.length, Math.min(stepper.stepsPerCall, steps - rates.length)];
      const found = await stepper.run(chosen.subarray(done * batch, (done + count) * batch), batch, done + 1, rate);
      for (const loss of found) {
        mean = smoothing * mean + (1 - smoothing) * loss;
        const smooth = mean / (1 - smoothing ** (rates.length + 1));
        lowest = Math.min(lowest, smooth);
        if (!(smooth <= leaves * lowest)) return withSuggestion({ seed, rates, losses });
        rates.push(rate(rates.length + 1));
        losses.push(smooth);
      }
    }
    return withSuggestion({ seed, rates, losses });
  } finally {
    await stepper.dispose();
  }
}

/** Whole batches of shuffled epochs, one after the other. */
function rowsOfSteps(rows: number, batch: number, steps: number, seed: number): Int32Array {
  const chosen = new Int32Array(steps * batch);
  const whole = Math.floor(rows / batch);
  for (let step = 0, order = new Int32Array(0); step < steps; step++) {
    const at = step % whole;
    if (at === 0) order = rng(seed, "shuffle", 1 + Math.floor(step / whole)).permutation(rows) as Int32Array<ArrayBuffer>;
    chosen.set(order.subarray(at * batch, (at + 1) * batch), step * batch);
  }
  return chosen;
}

function withSuggestion(curve: RangeCurve): RangeCurve {
  const { rates, losses } = curve;
  const best = losses.reduce((least, loss, at) => (loss < losses[least]! ? at : least), 0);
  return losses.length > 0 && losses[best]! < clearFall * losses[0]! ? { ...curve, suggestion: rates[best]! / 10 } : curve;
}

/** What the seeds say together. */
export function judge(curves: readonly Pick<RangeCurve, "suggestion">[]): Omit<RangeTest, "curves"> {
  const found = curves.flatMap(({ suggestion }) => (suggestion === undefined ? [] : [suggestion]));
  if (found.length < curves.length || found.length === 0) {
    return { reason: `with ${curves.length - found.length} of ${curves.length} seeds the loss never fell by a twentieth` };
  }
  const decades = Math.log10(Math.max(...found) / Math.min(...found));
  if (decades > mostDecades) return { decades, reason: `the seeds disagree by ${decades.toFixed(1)} powers of ten` };
  const mean = Math.exp(found.reduce((sum, rate) => sum + Math.log(rate), 0) / found.length);
  return { decades, suggestion: Number(mean.toPrecision(1)) };
}
