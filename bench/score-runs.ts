/** Runs until a score: those that never get there count as the limit. */
import type { Interval } from "../src/util/statistics.ts";
import { medianInterval } from "./statistics.ts";

/** One training. */
export interface Run {
  /** The limit where it was not reached. */
  readonly seconds: number;
  readonly reached: boolean;
  readonly epochs: number;
  /** The best accuracy that it came to. */
  readonly best: number;
}

/** After so many runs at the limit, and none that got there, a library is given up. */
const giveUpAfter = 2;

/** Median over runs, with what never got there at the limit, as its run says. */
export function timeToScore(runs: readonly Run[]): Interval {
  return medianInterval(runs.map(({ seconds }) => seconds));
}

/** Per seed; a library that was given up has the limit, as its last run. */
export function ratios(own: readonly Run[], other: readonly Run[]): number[] {
  return own.map(({ seconds }, i) => seconds / (other[i] ?? other.at(-1)!).seconds);
}

/** A library that has never got there in its first runs is not run again. */
export function givenUp(runs: readonly Run[]): boolean {
  return runs.length >= giveUpAfter && !runs.some(({ reached }) => reached);
}
