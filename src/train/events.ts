/** What a training says of itself: typed events, the figures of an epoch, and the result. */
import type { ParameterLayout } from "../nn/parameters.ts";
import type { Finding } from "../util/finding.ts";
import { rowsOf, type TrainingData } from "./dataset.ts";
import type { Evaluation } from "./evaluate.ts";
import type { Problem } from "./step-graph.ts";

/** Measured in evaluation mode over `n` examples. */
export interface PartFigures {
  /** Mean loss. */
  readonly loss: number;
  /** Share of wrong classes; for regression the root mean squared error in the network's own units. */
  readonly error: number;
  readonly n: number;
}

export interface EpochFigures {
  /** 0 is before the first step. */
  readonly epoch: number;
  /** On a fixed sample of the training part. */
  readonly train: PartFigures;
  readonly validation?: PartFigures;
  /** What the penalty on the weights adds to J; left out where there is none. Losses are without it. */
  readonly penalty?: number;
}

export type TrainingEvent =
  | {
      readonly type: "start";
      readonly parameters: number;
      readonly stepsPerEpoch: number;
      readonly figures: EpochFigures;
      /** Where it goes on, if it has been trained before. */
      readonly resumed?: { readonly epoch: number; readonly step: number };
    }
  | { readonly type: "step"; readonly epoch: number; readonly step: number; readonly examples: number; readonly loss: number }
  | { readonly type: "epoch"; readonly figures: EpochFigures; readonly best: number }
  /** The training diverged and goes on from its best epoch, at half the learning rate. */
  | ({ readonly type: "retry" } & Retry)
  /** What was noticed about a step or an epoch. */
  | { readonly type: "finding"; readonly epoch: number; readonly step: number; readonly finding: Finding };

/** A training that went back after it had diverged. */
export interface Retry {
  readonly finding: NonFinite;
  /** Whose weights it went back to. */
  readonly epoch: number;
  /** Of the learning rate from then on, against the one that was set: ½, ¼, … */
  readonly factor: number;
}

/** Which rule stopped a training, and why. */
export interface Stopped {
  /** `patience`. */
  readonly rule: string;
  /** The last epoch that was trained. */
  readonly epoch: number;
  /** `no improvement over noise for 10 epochs`. */
  readonly why: string;
}

/** Where a training met its first infinity or NaN. */
export interface NonFinite {
  /** 1 for the first step. */
  readonly step: number;
  /** `output of dense_1`, `dense_2/W`, `gradient of dense_1/b`. */
  readonly tensor: string;
}

export interface TrainingResult {
  /** `finished`: every epoch; `stopped`: by the rule that was asked for. */
  readonly reason: "finished" | "stopped" | "interrupted" | "diverged";
  readonly stop?: Stopped;
  readonly finding?: NonFinite;
  /** Times that it went back after a divergence. */
  readonly retries: readonly Retry[];
  /** What was noticed while it trained, and of its curves at the end. */
  readonly findings: readonly Finding[];
  /** θ of the best epoch: the lowest monitored validation figure. */
  readonly theta: Float32Array;
  readonly layout: ParameterLayout;
  readonly bestEpoch: number;
  readonly history: readonly EpochFigures[];
  readonly steps: number;
  /** In the loop, in every process that took part. */
  readonly seconds: number;
}

/** Mean loss and error of an evaluation. */
export function summarize(problem: Problem, data: TrainingData, { loss, prediction }: Evaluation): PartFigures {
  const n = rowsOf(data);
  let sum = 0;
  for (const value of loss) sum += value;
  const targets = data.targets.data as Float32Array;
  const wrong =
    problem.loss.prediction === "identity" ? squaredErrors(prediction, targets) : countWrong(prediction, targets, problem.outputs);
  return { loss: sum / n, error: problem.loss.prediction === "identity" ? Math.sqrt(wrong / targets.length) : wrong / n, n };
}

/** Examples whose likeliest class is not the target's; with one output, above ½ is the second class. */
export function countWrong(prediction: Float32Array, targets: Float32Array, outputs: number): number {
  let wrong = 0;
  for (let at = 0; at < targets.length; at += outputs) {
    if (outputs === 1) {
      if (prediction[at]! > 0.5 !== targets[at]! > 0.5) wrong++;
      continue;
    }
    let likeliest = 0;
    for (let k = 1; k < outputs; k++) if (prediction[at + k]! > prediction[at + likeliest]!) likeliest = k;
    if (targets[at + likeliest]! < 0.5) wrong++;
  }
  return wrong;
}

/** The monitored figure of each example: its loss; or whether its class is wrong (1, else 0), its mean squared error. */
export function examplesFigures(
  problem: Problem,
  data: TrainingData,
  { loss, prediction }: Evaluation,
  monitor: "loss" | "error",
): Float32Array {
  if (monitor === "loss") return loss.slice();
  const targets = data.targets.data as Float32Array;
  const width = targets.length / rowsOf(data);
  const squared = problem.loss.prediction === "identity";
  return loss.map((_, row) => {
    const [from, to] = [row * width, (row + 1) * width];
    const [own, truth] = [prediction.subarray(from, to), targets.subarray(from, to)];
    return squared ? squaredErrors(own, truth) / width : countWrong(own, truth, width);
  });
}

function squaredErrors(prediction: Float32Array, targets: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < targets.length; i++) sum += (prediction[i]! - targets[i]!) ** 2;
  return sum;
}
