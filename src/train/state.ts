/** Where a training stands, as plain data: given back to `train` it goes on to the same weights, to the bit. */
import type { NumericArray } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";
import type { Finding } from "../util/finding.ts";
import type { EpochFigures, Retry } from "./events.ts";
import type { StopState } from "./stopping.ts";

/** What a state is made of; numbers may be infinite or NaN. */
export type Plain = undefined | null | boolean | number | string | NumericArray | readonly Plain[] | { readonly [key: string]: Plain };

/** Something that changes from step to step, besides the stepper's vectors: a plateau, monitors. */
export interface Stateful {
  /** A copy. */
  snapshot(): Plain;
  /** To be as when `snapshot` gave this. */
  restore(state: Plain): void;
}

/** The epoch whose weights are kept, and what to go on from there. */
export interface BestEpoch {
  readonly figures: EpochFigures;
  /** θ that was measured, and is kept. */
  readonly theta: Float32Array;
  /** The monitored figure of each validation example, where something is compared with them. */
  readonly examples?: Float32Array;
  /** Where a training that diverges is to go back there: steps done by then, what was trained, the optimizer's slots. */
  readonly again?: Pick<TrainingState, "step" | "vectors" | "parts" | "stopping">;
}

/** State of the {@link Stateful} by name. */
export type Parts = { readonly [name: string]: Plain };

export interface TrainingState {
  readonly format: 1;
  readonly seed: number;
  /** The epoch under way; 1 for the first. */
  readonly epoch: number;
  /** Rows of its order that are done. */
  readonly at: number;
  /** Steps done. */
  readonly step: number;
  /** Everything that goes from step to step, by name: `theta`, the optimizer's, `average`. */
  readonly vectors: Readonly<Record<string, Float32Array>>;
  readonly best: BestEpoch;
  readonly history: readonly EpochFigures[];
  readonly stopping: StopState;
  /** The monitored figures of the validation examples where the last quarter of the epochs begins. */
  readonly late?: Float32Array;
  /** Times that the training went back after a divergence, each halving the learning rate. */
  readonly retries: readonly Retry[];
  /** What was noticed so far. */
  readonly findings: readonly Finding[];
  readonly parts: Parts;
  /** In the loop so far, in every process that took part. */
  readonly seconds: number;
}

/** Why a state is asked for: between two steps, at the end of an epoch, or because the training is being stopped. */
export type Moment = "step" | "epoch" | "interrupted";

/**
 * Sees the training at every whole step; `take` copies its state. Which moments it takes changes nothing of the training.
 * What it returns is waited for.
 */
export type Checkpointer = (take: () => TrainingState, moment: Moment) => void | Promise<void>;

/** @throws GradusError where a state is of another training */
export function checkState(
  state: TrainingState,
  expected: {
    readonly seed: number;
    readonly vectors: Readonly<Record<string, Float32Array>>;
    readonly epochs: number;
    readonly taken: number;
  },
): void {
  const described = (vectors: Readonly<Record<string, Float32Array>>) =>
    Object.entries(vectors)
      .map(([name, { length }]) => `${name} of ${length}`)
      .join(", ");
  const facts: readonly (readonly [what: string, found: number | string, wanted: number | string])[] = [
    ["format", state.format, 1],
    ["seed", state.seed, expected.seed],
    ["vectors", described(state.vectors), described(expected.vectors)],
  ];
  const other = facts.find(([, found, wanted]) => found !== wanted);
  if (other) throw new GradusError(`the state is of another training: ${other[0]} ${other[1]}, expected ${other[2]}.`);
  if (state.epoch > expected.epochs || state.at > expected.taken)
    throw new GradusError(
      `the state is of another training: epoch ${state.epoch}, ${state.at} rows into it; there are ${expected.epochs} epochs of ${expected.taken} rows.`,
    );
}
