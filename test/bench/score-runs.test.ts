/** The pure parts of the times to a score: runs that never get there, runs in pairs. */
import { describe, expect, test } from "vitest";
import { givenUp, ratios, timeToScore, type Run } from "../../bench/score-runs.ts";

const limit = 10;
const reached = (seconds: number): Run => ({ seconds, reached: true, epochs: 3, best: 0.9 });
const missed: Run = { seconds: limit, reached: false, epochs: 20, best: 0.8 };

describe("time to a score", () => {
  test("a run that never gets there counts as the limit", () => {
    expect(timeToScore([reached(1), reached(2), missed])).toEqual({ value: 2, low: 1, high: limit, n: 3 });
    expect(timeToScore([reached(1), missed, missed]).value).toBe(limit);
  });

  test("the interval of the median leaves out the ends from nine runs on", () => {
    const nine = timeToScore([missed, ...[8, 1, 7, 2, 6, 3, 5, 4].map(reached)]);
    // 2·P(Binomial(9, ½) ≤ 1) = 20 / 512 ≤ 5 %.
    expect(nine).toEqual({ value: 5, low: 2, high: 8, n: 9 });
  });

  test("ratios are per seed, and a library that was given up has the limit from then on", () => {
    expect(ratios([reached(1), reached(3)], [reached(2), reached(2)])).toEqual([0.5, 1.5]);
    expect(ratios([reached(1), reached(2), reached(5), reached(1)], [missed, missed])).toEqual([0.1, 0.2, 0.5, 0.1]);
  });

  test("a library is given up after two runs at the limit, unless one got there", () => {
    expect([[], [missed], [missed, missed], [reached(9), missed, missed]].map(givenUp)).toEqual([false, false, true, false]);
  });
});
