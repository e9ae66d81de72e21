/** Errors with and without regularisation, in pairs: intervals by hand, verdicts at their borders. */
import { describe, expect, test } from "vitest";
import { deltaOf, pairedChange, type Errors } from "../../bench/paired-change.ts";

const errors = (...all: readonly (readonly [train: number, validation: number])[]): Errors[] =>
  all.map(([train, validation]) => ({ train, validation }));

const none = errors([0, 0.2], [0.02, 0.26], [0.01, 0.23]);

describe("paired changes of the gap", () => {
  test("Student's interval of the differences, not the difference of the means' intervals", () => {
    const found = pairedChange(none, errors([0.1, 0.2], [0.11, 0.26], [0.12, 0.23]));
    // Differences −0.10, −0.09, −0.11: mean −0.10, s = 0.01, t(0.975, 2) = 4.302653.
    expect(found.gap.value).toBeCloseTo(-0.1, 12);
    expect(found.gap.high).toBeCloseTo(-0.1 + (4.302653 * 0.01) / Math.sqrt(3), 6);
    expect(found.gap.n).toBe(3);
    expect(found.validation).toMatchObject({ value: 0, low: 0, high: 0 });
    expect(found).toMatchObject({ shrinks: true, raised: "no" });
  });

  test("δ is a tenth of the error without, a point where that is less", () => {
    expect(deltaOf(none)).toBeCloseTo(0.023, 12);
    expect(deltaOf(errors([0, 0.02], [0, 0.04]))).toBe(0.01);
  });

  test("a rise beyond δ, one within, and one that cannot be told", () => {
    const by = (...rises: readonly number[]) => none.map(({ train, validation }, i) => ({ train, validation: validation + rises[i]! }));
    expect(pairedChange(none, by(0.05, 0.05, 0.05)).raised).toBe("yes");
    expect(pairedChange(none, by(0.02, 0.02, 0.02)).raised).toBe("no");
    expect(pairedChange(none, by(0, 0.02, 0.04)).raised).toBe("cannot tell");
  });

  test("a gap that shrinks on average and not surely is not said to", () => {
    const found = pairedChange(none, errors([0.05, 0.2], [0, 0.26], [0.04, 0.23]));
    expect(found.gap.value).toBeLessThan(0);
    expect(found.shrinks).toBe(false);
  });

  test("trainings without a partner are refused", () => {
    expect(() => pairedChange(none, none.slice(1))).toThrow("3 trainings cannot be paired with 2");
  });
});
