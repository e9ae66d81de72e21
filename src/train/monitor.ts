/** The contract of a health monitor: a pure function of what was seen of a training so far, its limits by name, and what it says. */
import type { Severity } from "../util/finding.ts";

/** What is known of a training before its first step. */
export interface TrainingFacts {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  /** Rows of a step. */
  readonly batch: number;
  /** Of the training part. */
  readonly rows: number;
  /** Mean loss of the best answer that knows nothing of the inputs; left out for a loss of the caller's own. */
  readonly constantLoss?: number;
}

/** A trained tensor at a step; norms are Euclidean. */
export interface TensorLook {
  /** `dense_1/W` */
  readonly name: string;
  readonly role: "weight" | "bias" | "scale";
  readonly size: number;
  /** ‖w‖ before the step. */
  readonly weight: number;
  /** ‖∇J‖ of the data's loss, without penalties. */
  readonly gradient: number;
  /** ‖Δw‖, all that the step changed. */
  readonly update: number;
  /** ‖∇ penalty‖; of decoupled decay, in the units of the update: learningRate·decay·‖w‖. Left out where there is none. */
  readonly penalty?: number;
  /** ‖Δw + decay‖: what the step did apart from decoupled decay. */
  readonly learnt?: number;
}

/** One look at a training step, as it was taken: training mode, its own rows and masks. */
export interface StepLook {
  readonly step: number;
  readonly epoch: number;
  readonly learningRate: number;
  /** Mean loss of the batch. */
  readonly loss: number;
  /** Root mean square of what each layer makes, in forward order. */
  readonly signals: readonly { readonly name: string; readonly rms: number }[];
  /** In forward order. */
  readonly tensors: readonly TensorLook[];
  /**
   * From the two halves of the batch: estimates without bias of ‖E g‖², which may come out negative, and of the sum of the variances of
   * one example's gradient. Left out below 4 rows.
   */
  readonly noise?: { readonly signal: number; readonly variance: number };
}

/** One layer's units, each seen on every one of the examples. */
export interface LayerUnits {
  readonly name: string;
  readonly activation: "relu" | "tanh" | "sigmoid";
  readonly units: number;
  /** ReLU: units that are 0 on every example. */
  readonly dead: number;
  /** tanh and sigmoid: units saturated on more than half of the examples, |tanh| > 0.9 or σ outside [0.05, 0.95]. */
  readonly saturated: number;
}

/** A look at units and modes, on a fixed sample of training rows. */
export interface UnitLook {
  readonly step: number;
  readonly epoch: number;
  readonly examples: number;
  readonly layers: readonly LayerUnits[];
  /** Mean loss per example in evaluation mode, and its standard deviation. */
  readonly loss: number;
  readonly deviation: number;
  /** Evaluation less training mode by the same weights and examples, with the standard error of that mean; where layers have modes. */
  readonly switch?: { readonly training: number; readonly difference: number; readonly error: number };
}

/** An epoch's end, in evaluation mode. */
export interface EpochLook {
  readonly epoch: number;
  readonly step: number;
  readonly loss: number;
  readonly error: number;
  readonly n: number;
  readonly validation?: number;
}

/** What was seen of a training so far: plain data, bounded by the schedule of the looks. */
export interface HealthRecord {
  readonly facts: TrainingFacts;
  readonly steps: readonly StepLook[];
  readonly units: readonly UnitLook[];
  readonly epochs: readonly EpochLook[];
  /** Where a number was not finite, and what became of it. */
  readonly nonFinite?: { readonly step: number; readonly tensor: string };
}

/** What a monitor saw. */
export interface MonitorVerdict {
  readonly severity: Severity;
  readonly message: string;
  readonly subject?: string;
  readonly hint: string;
  readonly numbers: Readonly<Record<string, number>>;
}

export interface MonitorLimit {
  readonly value: number;
  readonly means: string;
}

export interface Monitor<L extends string = string> {
  /** `vanishing-gradient` */
  readonly name: string;
  readonly title: string;
  /** What is measured and what it means, in a sentence or two. */
  readonly what: string;
  readonly source: string;
  /** Monitors whose findings may be consequences of this one's. */
  readonly leadsTo: readonly string[];
  /** Speaks not before a fifth of the epochs, and only where nothing was found but what these monitors find. */
  readonly advice?: { readonly beside: readonly string[] };
  readonly limits: Readonly<Record<L, MonitorLimit>>;
  /** Undefined where all is well, or too little was seen. */
  judge(record: HealthRecord, limits: Readonly<Record<L, number>>): MonitorVerdict | undefined;
}

/** A monitor whose limits keep their names. */
export function defineMonitor<L extends string>(monitor: Monitor<L>): Monitor {
  return monitor as unknown as Monitor;
}
