/** The contract of what watches a training's steps and changes nothing of it. */
import type { Device, Executor } from "../exec/session.ts";
import type { ParameterLayout } from "../nn/parameters.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { Finding } from "../util/finding.ts";
import { timed, type Clock } from "./clock.ts";
import type { Dataset, TrainingData } from "./dataset.ts";
import type { EpochFigures, NonFinite } from "./events.ts";
import type { Regularizer } from "./regularizer.ts";
import type { Stateful } from "./state.ts";
import type { Problem } from "./step-graph.ts";

/** A step that was taken. Its vectors are the loop's: what is to last is copied. */
export interface ObservedStep {
  readonly epoch: number;
  /** 1 for the first. */
  readonly step: number;
  /** Of the batch, as the step took it: before its update. */
  readonly loss: number;
  readonly learningRate: number;
  /** θ that the gradient was taken at. */
  readonly before: Float32Array;
  /** θ after the update. */
  readonly after: Float32Array;
  /** The step's own examples, augmented as they were, and which of these rows it took; made when asked for. */
  examples(): { readonly data: Dataset; readonly rows: Int32Array };
}

export interface StepObserver extends Stateful {
  /** Whether a step is to be seen: a function of the step and of what was seen before. */
  wants(step: number): boolean;
  see(step: ObservedStep): Promise<readonly Finding[]>;
  /** After every epoch that was measured, 0 among them. @param theta the weights that were measured */
  seeEpoch(figures: EpochFigures, theta: Float32Array): Promise<readonly Finding[]>;
  /** A number was not finite. */
  seeNonFinite(found: NonFinite): Promise<readonly Finding[]>;
  dispose(): Promise<void>;
}

/** Makes the observer of a training. */
export type Observe = (training: {
  readonly problem: Problem;
  readonly layout: ParameterLayout;
  readonly train: TrainingData;
  readonly validation?: TrainingData;
  readonly batch: number;
  readonly stepsPerEpoch: number;
  readonly epochs: number;
  readonly seed: number;
  readonly optimizer: Optimizer;
  readonly regularizer?: Regularizer | undefined;
  readonly executor: Executor;
  readonly runtime: { readonly threads?: number; readonly device?: Device };
}) => Promise<StepObserver>;

/** The same, its time being the monitors'. */
export const timedObserver = (observer: StepObserver, clock: Clock): StepObserver => ({
  wants: (step) => observer.wants(step),
  see: timed(clock, "monitors", (step) => observer.see(step)),
  seeEpoch: timed(clock, "monitors", (figures, theta) => observer.seeEpoch(figures, theta)),
  seeNonFinite: (found) => observer.seeNonFinite(found),
  snapshot: () => observer.snapshot(),
  restore: (state) => observer.restore(state),
  dispose: () => observer.dispose(),
});
