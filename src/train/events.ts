/** What a training says of itself: typed events, the figures of an epoch, and the result. */
import type { ParameterLayout } from "../nn/parameters.ts";
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
}

export type TrainingEvent =
  | { readonly type: "start"; readonly parameters: number; readonly stepsPerEpoch: number; readonly figures: EpochFigures }
  | { readonly type: "step"; readonly epoch: number; readonly step: number; readonly examples: number; readonly loss: number }
  | { readonly type: "epoch"; readonly figures: EpochFigures; readonly best: number };

/** Where a training met its first infinity or NaN. */
export interface NonFinite {
  /** 1 for the first step. */
  readonly step: number;
  /** `output of dense_1`, `dense_2/W`, `gradient of dense_1/b`. */
  readonly tensor: string;
}

export interface TrainingResult {
  readonly reason: "finished" | "interrupted" | "diverged";
  readonly finding?: NonFinite;
  /** θ of the best epoch. */
  readonly theta: Float32Array;
  readonly layout: ParameterLayout;
  readonly bestEpoch: number;
  readonly history: readonly EpochFigures[];
  readonly steps: number;
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

function squaredErrors(prediction: Float32Array, targets: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < targets.length; i++) sum += (prediction[i]! - targets[i]!) ** 2;
  return sum;
}
