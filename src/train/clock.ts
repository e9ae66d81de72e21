/** Where a training's time goes: at every moment it is one phase's, so that the phases add up to the whole. */
import { isDue } from "./health-schedule.ts";

/** `network` is the runtime's calls: forward, backward, and in small models the optimizer as well. */
export const phases = ["preparation", "data", "network", "optimizer", "monitors", "evaluation", "checkpoints", "overhead"] as const;
export type Phase = (typeof phases)[number];

export interface Clock {
  /** From now on time is this phase's. @returns the phase before, to go back to */
  enter(phase: Phase): Phase;
  /** Steps that are about to be taken in one call. @param first 1 for the training's first */
  step(first: number, count: number): void;
}

/** Keeps no time. */
export const noClock: Clock = { enter: () => "overhead", step() {} };

/** The same, its time being a phase's. */
export const timed =
  <A extends readonly unknown[], R>(clock: Clock, phase: Phase, act: (...given: A) => R | Promise<R>) =>
  async (...given: A): Promise<R> => {
    const before = clock.enter(phase);
    try {
      return await act(...given);
    } finally {
      clock.enter(before);
    }
  };

/** A piece of time, in milliseconds from the clock's start. */
export interface Span {
  /** A phase, or `step 7`, `steps 1 to 32`, which holds phases. */
  readonly name: string;
  readonly start: number;
  readonly duration: number;
  /** The number of its first step. */
  readonly step?: number;
}

/** What a clock has seen so far. */
export interface Recording extends Clock {
  readonly milliseconds: Readonly<Record<Phase, number>>;
  readonly steps: number;
  /** Of the first steps and a thinned schedule of the others, and what lies between steps. */
  readonly spans: readonly Span[];
  /** The time after this is nobody's. */
  stop(): void;
}

/** Every step up to here has its spans, of the others ever fewer. */
const firstSteps = { each: 200, growth: 1.02, gap: 1e9 };
/** Spans between steps (evaluations, looks, checkpoints) that are kept. */
const mostBetween = 5000;

/** A clock that runs from now on. */
export function startClock(): Recording {
  const milliseconds = Object.fromEntries(phases.map((phase) => [phase, 0])) as Record<Phase, number>;
  const spans: Span[] = [];
  const started = performance.now();
  let [current, since]: [Phase, number] = ["preparation", started];
  let now: { readonly first: number; readonly count: number; readonly start: number; readonly kept: boolean } | undefined;
  let [steps, between, running] = [0, 0, true];
  const keep = (name: string, from: number, to: number): void => {
    const own = name === "data" || name === "network" || name === "optimizer";
    if (own ? !now?.kept : name === "overhead" || between++ >= mostBetween) return;
    spans.push({ name, start: from - started, duration: to - from, ...(own ? { step: now!.first } : {}) });
  };
  const pass = (next: Phase): number => {
    const at = performance.now();
    milliseconds[current] += at - since;
    keep(current, since, at);
    [current, since] = [next, at];
    return at;
  };
  /** The step under way ends where its own phases end. */
  const close = (at: number): void => {
    if (!now) return;
    const { first, count, start, kept } = now;
    const name = count === 1 ? `step ${first}` : `steps ${first} to ${first + count - 1}`;
    if (kept) spans.push({ name, start: start - started, duration: at - start, step: first });
    now = undefined;
  };
  return {
    milliseconds,
    spans,
    get steps() {
      return steps;
    },
    enter(phase) {
      const before = current;
      if (!running || phase === before) return before;
      const at = pass(phase);
      if (phase === "monitors" || phase === "evaluation" || phase === "checkpoints") close(at);
      return before;
    },
    step(first, count) {
      if (!running) return;
      close(pass(current));
      steps += count;
      now = { first, count, start: since, kept: isDue(first, firstSteps) || (count > 1 && first <= 32 * firstSteps.each) };
    },
    stop() {
      if (!running) return;
      close(pass("overhead"));
      running = false;
    },
  };
}
