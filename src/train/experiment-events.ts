/** What an experiment says of itself while it runs, and what came of it. Figures are plain numbers; wording is the reader's. */
import type { SkippedRow } from "../data/reading.ts";
import type { AugmentationSpec } from "../data/augmentation.ts";
import type { Task } from "../data/table.ts";
import type { Decision } from "../metrics/decision.ts";
import type { Finding } from "../util/finding.ts";
import type { Interval } from "../util/statistics.ts";
import type { RegularizerFacts } from "./regularizer.ts";
import type { ThreadChoice } from "./threads.ts";
import type { NonFinite, Retry, Stopped, TrainingEvent, TrainingResult } from "./events.ts";

/** Measured values with 95 % intervals, by name: `error`, `loss`; `r2`, `rmse`. */
export type Metrics = Readonly<Record<string, Interval>>;

/** What the network is compared with: the answer that needs no network. */
export interface Baseline {
  /** `always "no"`, `the mean`. */
  readonly name: string;
  /** On the validation part. */
  readonly metrics: Metrics;
}

/** Figures of k trainings, r times, each measured on the fold that it has not seen. */
export interface CrossValidation {
  readonly folds: number;
  readonly repeats: number;
  /** Means over the trainings, with Nadeau and Bengio's interval; `n` is the rows. */
  readonly metrics: Metrics;
  /** All out-of-fold predictions as one; a row is one piece of evidence, however often it was measured. */
  readonly outOfFold: Metrics;
  /** Of each training. */
  readonly trainings: readonly FoldFigures[];
}

export interface FoldFigures {
  /** From 1. */
  readonly repeat: number;
  /** From 1. */
  readonly fold: number;
  readonly rows: { readonly train: number; readonly validation: number };
  /** The epoch whose weights were kept. */
  readonly bestEpoch: number;
  readonly seconds: number;
  /** On the fold. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** What differs between validation and unseen rows of the training distribution: `metric` is `error` or `rmse`. */
export interface Mismatch extends Interval {
  readonly metric: "error" | "rmse";
  /**
   * Whether the network's own answers are distributed alike on both: Kolmogorov and Smirnov's statistic of the output that differs most, and its
   * p after Holm's correction for the number of outputs (Rabanser et al. 2019, "Failing Loudly").
   */
  readonly answers?: { readonly statistic: number; readonly p: number };
}

/** Validation rows with the features of a training row, and what they do to the figure. */
export interface CopiesImpact {
  readonly metric: "error" | "rmse";
  /** Copies, of so many rows. */
  readonly rows: number;
  readonly of: number;
  /** On the copies alone. */
  readonly copied: Interval;
  /** On the other rows, where there are any. */
  readonly without?: Interval;
  /** What the copies hide: the figure without them less that of all rows. */
  readonly impact?: Interval;
}

export type ExperimentEvent =
  /** What is being done now, for a screen that is waiting. */
  | { readonly type: "stage"; readonly text: string }
  | {
      readonly type: "data";
      readonly path: string;
      readonly rows: number;
      readonly numeric: number;
      readonly categorical: number;
      /** Columns of images, where there are any. */
      readonly images?: number;
      /** Columns of sequences, where there are any. */
      readonly sequences?: number;
      readonly target: string;
      readonly task: Task;
      /** Why this task. */
      readonly reason: string;
      /** Classification: classes in order and how many rows each has. */
      readonly classes?: readonly { readonly name: string; readonly rows: number }[];
      /** Lines that cannot be read and were left out as asked. */
      readonly skipped?: readonly SkippedRow[];
      readonly description: string;
      readonly notes: readonly string[];
    }
  | {
      readonly type: "split";
      readonly policy: string;
      readonly train: number;
      readonly validation: number;
      readonly test: number;
      readonly trainDev?: number;
      /** Half-width, in percentage points, of the interval of a validation error of 10 %. */
      readonly resolves?: number;
      /** The smallest difference of two networks, in percentage points, that the validation part tells apart (paired, power 80 %). */
      readonly detects?: number;
      readonly notes: readonly string[];
    }
  | {
      readonly type: "transforms";
      /** How many columns each transform took. */
      readonly columns: Readonly<Record<string, number>>;
      readonly inputs: number;
      readonly log: boolean;
      readonly notes: readonly string[];
    }
  | {
      readonly type: "model";
      /** A ready architecture's name. */
      readonly architecture?: string;
      /** Of one example, where the inputs are an image or a sequence. */
      readonly shape?: readonly number[];
      /** Inputs, units or filters of the layers, outputs. */
      readonly units: readonly number[];
      readonly activation?: string;
      readonly initializers: readonly string[];
      readonly parameters: number;
      /** Besides those: numbers of an imported model that stay as they are. */
      readonly frozen?: number;
      readonly loss: string;
      readonly optimizer: string;
      readonly learningRate: number;
      readonly schedule: string;
      readonly batchSize: number;
      readonly epochs: number;
      readonly seed: number;
      /** What the training's `error` figures mean: a share, or times `scale` the root mean squared error in the target's unit. */
      readonly error: { readonly name: "error" | "rmse"; readonly scale: number };
    }
  | ({ readonly type: "regularizer" } & RegularizerFacts)
  | {
      readonly type: "augmentation";
      /** Every setting filled in, in the order in which they act. */
      readonly steps: readonly AugmentationSpec[];
      /** Those that may make labels wrong. */
      readonly findings: readonly Finding[];
    }
  | ({ readonly type: "threads" } & ThreadChoice)
  | ({ readonly type: "fold"; readonly folds: number; readonly repeats: number } & FoldFigures)
  | ({ readonly type: "preflight" } & Inspection)
  | ({ readonly type: "audit"; readonly accepted: readonly string[] } & Inspection)
  | TrainingEvent;

/** What was checked before the first step. */
export interface Inspection {
  /** Titles of the rules. */
  readonly checked: readonly string[];
  /** In the order of the rules, those that passed among them. */
  readonly findings: readonly Finding[];
  readonly seconds: number;
}

/** What was found in the data and its split, before anything was trained. */
export interface AuditInspection extends Inspection {
  /** Rules whose findings someone has accepted. */
  readonly accepted: readonly string[];
  /** Validation comes from another distribution than training. */
  readonly differs: boolean;
  /** Why the training must not begin. */
  readonly stop?: { readonly message: string; readonly hint: string };
}

/** The closing figures, on the whole parts, in evaluation mode, with the weights that were kept. */
export interface ClosingFigures {
  readonly task: Task;
  readonly metrics: { readonly train: Metrics; readonly validation: Metrics; readonly trainDev?: Metrics };
  /** Where there is a train-dev set: the validation part's error less its own. */
  readonly mismatch?: Mismatch;
  /** Where validation rows are copies of training rows. */
  readonly copies?: CopiesImpact;
  /** Where wrong answers have their costs: the threshold chosen on the validation part. */
  readonly decision?: Decision;
  /** Where it was asked for: out-of-fold figures. */
  readonly crossValidation?: CrossValidation;
  readonly baseline: Baseline;
  readonly parameters: number;
  /** All of it: reading, preparing, training, measuring. */
  readonly seconds: number;
  /** The training loop alone. */
  readonly fitSeconds: number;
  readonly reason: TrainingResult["reason"];
  /** What stopped it before its last epoch. */
  readonly stop?: Stopped;
  readonly finding?: NonFinite;
  /** Times that it went back after a divergence, where it did. */
  readonly retries?: readonly Retry[];
  /** What the audit, the checks before the training and the training itself found that did not pass; left out where there is none. */
  readonly findings?: readonly Finding[];
  /** Epochs begun, and the one whose weights were kept. */
  readonly epochs: { readonly run: number; readonly best: number };
  readonly steps: number;
  readonly rows: { readonly train: number; readonly validation: number; readonly test: number; readonly trainDev?: number };
}
