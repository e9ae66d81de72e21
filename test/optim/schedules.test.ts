import { describe, expect, test } from "vitest";
import { factorAt } from "../../src/optim/schedule.ts";
import { scheduleByName, schedules, type ScheduleChoice } from "../../src/optim/schedules/index.ts";

const at = (choice: ScheduleChoice, done: number, planned = 100, perEpoch = 10) =>
  factorAt(scheduleByName(choice), { done, planned, perEpoch });

describe.each(Object.keys(schedules))("%s", (kind) => {
  test("has a finite factor of at most 1 at every step, and says its settings", () => {
    for (const planned of [1, 2, 7, 100])
      for (let done = 0; done < planned; done++) {
        const factor = at(kind, done, planned, 3);
        expect(factor).toBeGreaterThanOrEqual(0);
        expect(factor).toBeLessThanOrEqual(1);
      }
    expect(scheduleByName(kind).settings).toEqual(schedules[kind as keyof typeof schedules].settings);
  });
  test("past its end it is asked for what nobody has said", () => {
    expect(() => at(kind, 100)).toThrow(`the schedule ${kind} ends after 100 steps, and step 101 was asked for.`);
  });
  test("rises over a warm-up first, then runs over what is left", () => {
    const whole = scheduleByName({ kind, warmup: 20 });
    for (let done = 0; done < 20; done++) expect(factorAt(whole, { done, planned: 100, perEpoch: 10 })).toBeCloseTo((done + 1) / 20, 15);
    for (let done = 20; done < 100; done++) expect(factorAt(whole, { done, planned: 100, perEpoch: 10 })).toBe(at(kind, done - 20, 80));
    expect(factorAt(scheduleByName({ kind, warmup: 0.2 }), { done: 3, planned: 100, perEpoch: 10 })).toBeCloseTo(0.2, 15);
    // Longer than the training: it never gets further.
    expect(factorAt(scheduleByName({ kind, warmup: 200 }), { done: 99, planned: 100, perEpoch: 10 })).toBe(1);
  });
});

test("a plateau heeds no figure that is not a number, and never falls below its floor", () => {
  const { start, heed, factor } = scheduleByName({ kind: "reduceOnPlateau", patience: 1, factor: 0.5, floor: 0.3 });
  let state = start!;
  const factors = [1, NaN, 1, 1, 1, 1, 1].map((figure) => {
    state = heed!(state, figure);
    return factor({ done: 0, planned: 1, perEpoch: 1 }, state);
  });
  expect(factors).toEqual([1, 1, 0.5, 0.5, 0.3, 0.3, 0.3]);
  // As JSON it is the same state.
  expect(JSON.parse(JSON.stringify(state))).toEqual(state);
});

test("a threshold is a share of the best, whatever its sign, or a difference", () => {
  const waited = (mode: string, first: number, then: number) => {
    const { start, heed } = scheduleByName({ kind: "reduceOnPlateau", threshold: 0.1, mode });
    return heed!(heed!(start!, first), then)["waited"];
  };
  expect([
    waited("relative", 10, 9.5),
    waited("relative", 10, 8.9),
    waited("relative", -10, -10.5),
    waited("relative", -10, -11.5),
  ]).toEqual([1, 0, 1, 0]);
  expect([waited("absolute", 10, 9.95), waited("absolute", 10, 9.5)]).toEqual([1, 0]);
});

test.each([
  ["cosin", 'no schedule "cosin"'],
  [{ kind: "cosine", every: 3 }, 'schedule cosine has no setting "every"'],
  [{ kind: "step", every: 0 }, "every must be a whole number of at least 1, found 0."],
  [{ kind: "step", factor: 0 }, "factor must be a number above 0, at most 1, found 0."],
  [{ kind: "cosine", warmup: -1 }, "warmup must be a number of at least 0, found -1."],
  [{ kind: "cosine", warmup: 1.5 }, "warmup must be a share below 1 or a whole number of steps, found 1.5."],
  [{ kind: "reduceOnPlateau", mode: "percent" }, 'mode must be relative or absolute, found "percent".'],
  [{ kind: "reduceOnPlateau", patience: 0 }, "patience must be a whole number of at least 1, found 0."],
] as [ScheduleChoice, string][])("%j is refused", (choice, message) => {
  expect(() => scheduleByName(choice)).toThrow(message);
});
