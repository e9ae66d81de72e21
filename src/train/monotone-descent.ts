/**
 * The lecture's procedure: with dropout J is not well defined, since every step has another mask. So dropout is turned off, and plain
 * gradient descent on the whole batch must lower J at every step, at the latest at a small enough learning rate; then it is turned on.
 */
import type { Device, Executor } from "../exec/session.ts";
import type { Layer } from "../nn/layer.ts";
import { initializeParameters } from "../nn/parameters.ts";
import { optimizerByName } from "../optim/optimizers/index.ts";
import type { Finding } from "../util/finding.ts";
import { counted } from "../util/format.ts";
import { rng } from "../util/rng.ts";
import { pickDataset, rowsOf, type TrainingData } from "./dataset.ts";
import { penalty, type Regularizer } from "./regularizer.ts";
import { layoutOf, type Problem } from "./step-graph.ts";
import { createStepper } from "./stepper.ts";

export interface DescentOptions {
  readonly executor: Executor;
  readonly seed: number;
  readonly regularizer?: Regularizer | undefined;
  readonly runtime?: { readonly threads?: number; readonly device?: Device };
  /** Steps that J must fall for. Default 40. */
  readonly steps?: number;
  /** The rate that is tried first. Default 1. */
  readonly learningRate?: number;
  /** Rows of the batch at most; a seeded sample of a larger training part. Default 4096. */
  readonly rows?: number;
}

export interface MonotoneDescent {
  /** Whether J fell at every step. */
  readonly falls: boolean;
  /** The rate of the last try. */
  readonly learningRate: number;
  readonly halvings: number;
  /** J of the last try, before each step: mean loss of the batch plus penalty. */
  readonly losses: readonly number[];
  readonly rows: number;
  /** Of the training part. */
  readonly of: number;
}

/** At 2⁻³⁰ of the first rate a step is lost in float32's rounding. */
const mostHalvings = 30;
/** A rise by less is rounding: the relative precision of a mean in float32, with room. */
const rounding = 1e-6;

/** Runs it from the initial weights that the training itself begins with. */
export async function monotoneDescent(given: Problem, data: TrainingData, options: DescentOptions): Promise<MonotoneDescent> {
  const { executor, seed, regularizer, runtime = {}, steps = 40, learningRate: first = 1, rows: most = 4096 } = options;
  const problem: Problem = { ...given, network: { ...given.network, layers: withoutDropout(given.network.layers) } };
  const layout = layoutOf(problem);
  const of = rowsOf(data);
  const rows = Math.min(of, most);
  const sample = rows < of ? pickDataset(data, rng(seed, "monotone descent").permutation(of).subarray(0, rows).sort()) : data;
  const terms = regularizer && { ...regularizer, proximal: false, maxNorm: undefined };
  const optimizer = optimizerByName("sgd");
  const batch = Int32Array.from({ length: rows }, (_, row) => row);
  const stepper = await createStepper({
    problem,
    layout,
    optimizer,
    data: sample,
    batch: rows,
    executor,
    seed,
    ...runtime,
    regularizer: terms,
  });
  const fall = async (learningRate: number): Promise<number[]> => {
    stepper.theta.fill(0);
    initializeParameters(layout, stepper.theta, seed);
    const losses: number[] = [];
    for (let step = 1; step <= steps + 1; step++) {
      const added = terms ? penalty(terms, layout, stepper.theta, rows) : 0;
      const [loss] = await stepper.run(batch, rows, step, () => learningRate);
      losses.push(loss! + added);
      if (!isFall(losses)) break;
    }
    return losses;
  };
  try {
    let halvings = 0;
    let losses = await fall(first);
    while (!falls(losses, steps) && halvings < mostHalvings) losses = await fall(first * 0.5 ** ++halvings);
    return { falls: falls(losses, steps), learningRate: first * 0.5 ** halvings, halvings, losses, rows, of };
  } finally {
    await stepper.dispose();
  }
}

const isFall = (losses: readonly number[]): boolean => {
  const [before, now] = [losses.at(-2) ?? Infinity, losses.at(-1)!];
  return Number.isFinite(now) && now <= before + rounding * Math.abs(before);
};

/** It did not rise on the way, and is lower at the end. */
const falls = (losses: readonly number[], steps: number): boolean => losses.length === steps + 1 && losses.at(-1)! < losses[0]!;

/** Masks and noise off, at any depth; names of parameters stay. */
function withoutDropout<L extends Layer>(layers: readonly L[]): L[] {
  return layers.map((layer) => {
    const { layers: inner } = layer as { readonly layers?: readonly Layer[] };
    return {
      ...layer,
      ...("keepProbability" in layer ? { keepProbability: 1 } : {}),
      ...(layer.kind === "noise" ? { deviation: 0 } : {}),
      ...(inner ? { layers: withoutDropout(inner) } : {}),
    };
  });
}

/** The verdict. @param gradientRight what a gradient check said, where J rose at every rate */
export function descentFinding(descent: MonotoneDescent, gradientRight?: boolean): Finding {
  const { falls: fell, learningRate, halvings, losses, rows, of } = descent;
  const on = rows < of ? `${rows} of ${of} training rows` : `all ${of} training rows`;
  const common = {
    rule: "monotone-descent",
    numbers: { learningRate, halvings, first: losses[0]!, last: losses.at(-1)!, steps: losses.length - 1 },
    threshold: { rise: rounding },
    source: "lecture text, Dropout; spec 2.5",
  };
  const by = `plain gradient descent on ${on}, dropout off`;
  if (fell) {
    const rate = `learning rate ${learningRate}${halvings > 0 ? `, halved ${counted(halvings, "time")}` : ""}`;
    return {
      ...common,
      severity: "pass",
      message: `J falls at every step from ${short(losses[0]!)} to ${short(losses.at(-1)!)} (${by}; ${rate})`,
    };
  }
  if (gradientRight === false)
    return {
      ...common,
      severity: "fail",
      message: `J rises at every learning rate down to ${short(learningRate)}, and the gradient check fails: there is a bug (${by})`,
      hint: "gradus check names the tensor and the operator",
    };
  return {
    ...common,
    severity: "warn",
    message: `J does not fall at any learning rate down to ${short(learningRate)} (${by}), though the gradient is right`,
    hint: "a start on a plateau or beside a kink; look at the initialisation and the scale of the inputs",
  };
}

const short = (value: number): string => String(Number(value.toPrecision(4)));
