/** The contract of a schedule: the learning rate's factor at a step, and how it heeds the figures of an epoch where it does. */
import { GradusError } from "../util/errors.ts";

/** Where a training stands. */
export interface Standing {
  /** Steps done: 0 at the first step. */
  readonly done: number;
  /** Steps of the whole training. */
  readonly planned: number;
  readonly perEpoch: number;
}

/** What a schedule remembers from epoch to epoch; plain, so that it can be stored. */
export type ScheduleState = Readonly<Record<string, number>>;

export interface Schedule {
  readonly kind: string;
  /** Resolved settings, as they stand in the experiment file. */
  readonly settings: Readonly<Record<string, number | string>>;
  /** A factor of the learning rate, 0 ≤ done < planned. @param state of a schedule that heeds figures */
  factor(standing: Standing, state?: ScheduleState): number;
  /** Before the first epoch; left out of a schedule that is a function of the step alone. */
  readonly start?: ScheduleState;
  /** After an epoch. @param figure lower is better: the loss of the validation part, or of the training part where there is none */
  heed?(state: ScheduleState, figure: number): ScheduleState;
}

/**
 * The factor at a step of the training.
 * @throws GradusError past the end: what a schedule is after its last step nobody has said
 */
export function factorAt(schedule: Schedule, standing: Standing, state: ScheduleState | undefined = schedule.start): number {
  const { done, planned } = standing;
  if (done < planned) return schedule.factor(standing, state);
  throw new GradusError(`the schedule ${schedule.kind} ends after ${planned} steps, and step ${done + 1} was asked for.`, {
    hint: "plan more epochs: a schedule is laid over all of them",
  });
}

/**
 * A linear rise from 1/W to 1 over the first W steps, then the schedule over those that are left.
 * @param warmup W as a share of all steps (below 1), or in steps
 */
export function withWarmup(schedule: Schedule, warmup: number): Schedule {
  if (warmup === 0) return schedule;
  const { start, heed } = schedule;
  return {
    kind: schedule.kind,
    settings: { ...schedule.settings, warmup },
    factor({ done, planned, perEpoch }, state) {
      const steps = Math.min(planned, warmup < 1 ? Math.round(warmup * planned) : warmup);
      if (done < steps) return (done + 1) / steps;
      return schedule.factor({ done: done - steps, planned: planned - steps, perEpoch }, state);
    },
    ...(start ? { start } : {}),
    ...(heed ? { heed: (state, figure) => heed(state, figure) } : {}),
  };
}
