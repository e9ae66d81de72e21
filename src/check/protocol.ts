/** The whole check of a problem: data loss, penalty, and their sum, at the start and again after some training (G6). */
import type { Executor } from "../exec/session.ts";
import { compile } from "../exec/executor.ts";
import { initializeParameters, type ParameterLayout } from "../nn/parameters.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { optimizerByName } from "../optim/optimizers/index.ts";
import { checkBatch } from "../train/batch-statistics.ts";
import { checkDataset } from "../train/check-dataset.ts";
import { pickDataset, rowsOf, type Dataset } from "../train/dataset.ts";
import { layoutOf, type Problem } from "../train/step-graph.ts";
import { createStepper } from "../train/stepper.ts";
import { rng } from "../util/rng.ts";
import { together, type Outcome } from "./check.ts";
import { checkGradient, type GradientCheck, type GradientCheckOptions } from "./gradient-check.ts";
import { hasModes, problemLoss, type Mode, type Penalty } from "./subject.ts";

export type Part = "data" | "penalty" | "sum";

export interface ProtocolOptions extends GradientCheckOptions {
  /** Seed of the weights at the start. Default 1. */
  readonly seed?: number;
  /** Rows checked; fewer rows, fewer kinks. Default 32. */
  readonly examples?: number;
  readonly penalty?: Penalty;
  /** Training steps between the two moments; 0 leaves the second out. Default 20. */
  readonly burnIn?: number;
  /** Of the burn-in; default Adam at 0.001. */
  readonly optimizer?: { readonly optimizer: Optimizer; readonly learningRate: number };
  /** Weights of a training that is done: a third moment. */
  readonly trained?: Float32Array;
  /** Default: evaluation, and training too where layers have modes. */
  readonly modes?: readonly Mode[];
  /** Runs the burn-in. Default: the platform's ONNX Runtime. */
  readonly trainer?: Executor;
  readonly onCheck?: (check: StageCheck) => void;
}

export interface StageCheck extends GradientCheck {
  /** `at the start`, `after 20 steps`, `trained`. */
  readonly moment: string;
  readonly part: Part;
  /** Undefined for a network whose layers have no modes. In training, masks are frozen and statistics are the batch's. */
  readonly mode?: Mode;
}

export interface ProblemCheck {
  readonly checks: readonly StageCheck[];
  /** `untested`: in no check there was a slope to compare. */
  readonly verdict: Outcome;
  /** The verdict is `right`. */
  readonly passed: boolean;
  readonly parameters: number;
  readonly examples: number;
  readonly seconds: number;
}

const platform: Executor = { name: "platform", compile };
export const defaultExamples = 32;
export const defaultBurnIn = 20;

/**
 * Checks a problem's gradient on the first rows of its data.
 * @param data rows in the order in which they are taken; nothing of it is changed
 * @throws GradusError where the data do not fit the network, or one example alone is normalised by its batch
 */
export async function checkProblem(problem: Problem, data: Dataset, options: ProtocolOptions = {}): Promise<ProblemCheck> {
  const started = performance.now();
  const { penalty, seed = 1, burnIn = defaultBurnIn, onCheck } = options;
  checkDataset(problem, data, "checked");
  const layout = layoutOf(problem);
  const moded = hasModes(problem);
  const modes: readonly Mode[] = options.modes ?? (moded ? ["evaluation", "training"] : ["evaluation"]);
  const examples = Math.min(options.examples ?? defaultExamples, rowsOf(data));
  if (modes.includes("training")) checkBatch(problem, examples);
  const sample = pickDataset(
    data,
    Int32Array.from({ length: examples }, (_, row) => row),
  );
  const start = new Float32Array(layout.size);
  initializeParameters(layout, start, seed);
  const moments = [
    { moment: "at the start", theta: start },
    ...(burnIn > 0 ? [{ moment: `after ${burnIn} steps`, theta: await burnedIn(problem, layout, data, start, options) }] : []),
    ...(options.trained ? [{ moment: "trained", theta: options.trained }] : []),
  ];
  const parts: readonly Part[] = penalty ? ["data", "penalty", "sum"] : ["data"];
  const checks: StageCheck[] = [];
  for (const { moment, theta } of moments) {
    for (const [number, mode] of modes.entries()) {
      for (const part of parts) {
        // A penalty knows no modes.
        if (part === "penalty" && number > 0) continue;
        const point = { problem, layout, theta, data: sample, part, mode, seed, ...(penalty ? { penalty } : {}) };
        const found = await checkGradient(problemLoss(point), options);
        const check: StageCheck = { ...found, moment, part, ...(moded && part !== "penalty" ? { mode } : {}) };
        checks.push(check);
        onCheck?.(check);
      }
    }
  }
  const verdict = together(checks.map((check) => check.verdict));
  const seconds = (performance.now() - started) / 1000;
  return { checks, verdict, passed: verdict === "right", parameters: layout.size, examples, seconds };
}

/** Weights after a few steps on all the rows: at the start tiny outputs can make wrong code look right. */
async function burnedIn(
  problem: Problem,
  layout: ParameterLayout,
  data: Dataset,
  start: Float32Array,
  { burnIn = defaultBurnIn, optimizer, seed = 1, trainer = platform }: ProtocolOptions,
): Promise<Float32Array> {
  const rows = rowsOf(data);
  const batch = Math.min(rows, 32);
  const { optimizer: rule, learningRate } = optimizer ?? { optimizer: optimizerByName("adam"), learningRate: 1e-3 };
  const stepper = await createStepper({ problem, layout, optimizer: rule, data, batch, executor: trainer, seed });
  try {
    stepper.theta.set(start);
    const draw = rng(seed, "burn-in");
    for (let done = 0; done < burnIn;) {
      const steps = Math.min(stepper.stepsPerCall, burnIn - done);
      const chosen = Int32Array.from({ length: steps * batch }, () => draw.integer(rows));
      await stepper.run(chosen, batch, done + 1, () => learningRate);
      done += steps;
    }
    return stepper.theta.slice();
  } finally {
    await stepper.dispose();
  }
}
