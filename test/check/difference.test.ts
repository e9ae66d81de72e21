/** Numerical derivatives, the relative error, its bands, and the noise they rest on. */
import { describe, expect, test } from "vitest";
import { judge, roundingNoise, truncationOf } from "../../src/check/compare.ts";
import { numericalDerivative, numericalGradient, stepAt } from "../../src/check/difference.ts";
import { bandOf, relativeError } from "../../src/check/relative-error.ts";

const cube = (t: number) => t ** 3;

describe("differences", () => {
  test("the lecture's example: θ³ at 1 with ε = 0.01 is 3.0001 two-sided and 3.0301 one-sided", () => {
    expect(numericalDerivative(cube, 1, { step: 0.01 })).toBeCloseTo(3.0001, 12);
    expect(numericalDerivative(cube, 1, { step: 0.01, sides: "one" })).toBeCloseTo(3.0301, 12);
  });

  test("its relative error is 1.67·10⁻⁵", () => {
    const numeric = numericalDerivative(cube, 1, { step: 0.01 });
    expect(relativeError([3], [numeric])).toBeCloseTo(1.67e-5, 7);
    expect(bandOf(relativeError([3], [numeric]))).toBe("worry");
  });

  test("the step grows with |θ| beyond 1, unless asked not to", () => {
    expect(stepAt(0)).toBe(1e-5);
    expect(stepAt(-0.3)).toBe(1e-5);
    expect(stepAt(-40)).toBe(40e-5);
    expect(stepAt(-40, { scaled: false })).toBe(1e-5);
    expect(stepAt(2, { step: 1e-7 })).toBe(2e-7);
  });

  test("two-sided errors shrink with the square of the step, one-sided ones with the step", () => {
    const error = (step: number, sides: "one" | "two") => Math.abs(numericalDerivative(Math.exp, 0.5, { step, sides }) - Math.exp(0.5));
    expect(error(1e-2, "two") / error(1e-3, "two")).toBeCloseTo(100, 0);
    expect(error(1e-2, "one") / error(1e-3, "one")).toBeCloseTo(10, 1);
  });

  test("10⁻⁵ is less noisy than the lecture's 10⁻⁷ (P1)", () => {
    const error = (step: number) => {
      const points = Array.from({ length: 200 }, (_, i) => 0.3 + i / 300);
      return relativeError(
        points.map((t) => Math.cos(t)),
        points.map((t) => numericalDerivative(Math.sin, t, { step })),
      );
    };
    expect(error(1e-5)).toBeLessThan(1e-10);
    expect(error(1e-7) / error(1e-5)).toBeGreaterThan(10);
  });

  test("a gradient coordinate by coordinate leaves θ as it was, even where f throws", () => {
    const theta = Float64Array.of(0.1, -0.7, 1e9);
    const before = theta.slice();
    const found = numericalGradient(([a, b]) => a! * b! * b!, theta);
    expect(relativeError(Float64Array.of(0.49, -0.14, 0), found)).toBeLessThan(1e-9);
    expect(theta).toEqual(before);
    expect(() =>
      numericalGradient(() => {
        throw new Error("no");
      }, theta),
    ).toThrow("no");
    expect(theta).toEqual(before);
  });
});

describe("relative error", () => {
  test("is 0 for equal numbers and for zeros, 1 for opposite or missing ones, ⅓ for a factor of two", () => {
    expect(relativeError([1, 2], [1, 2])).toBe(0);
    expect(relativeError([0, 0], [0, 0])).toBe(0);
    expect(relativeError([1, 2], [-1, -2])).toBe(1);
    expect(relativeError([0, 0], [1, 2])).toBe(1);
    expect(relativeError([2, 4], [1, 2])).toBeCloseTo(1 / 3, 15);
    expect(relativeError([NaN], [1])).toBeNaN();
  });

  test("the lecture's bands", () => {
    expect([1e-8, 1e-6, 1e-4, 1e-2].map(bandOf)).toEqual(["very likely right", "look at the components", "worry", "very likely wrong"]);
  });
});

describe("judging", () => {
  const noise = { rounding: 1e-11, truncation: 0 };

  test("the threshold is 100 times the floor", () => {
    const { floor, threshold, verdict } = judge([1, 1, 1, 1], [1, 1, 1, 1 + 1e-10], noise);
    expect(floor).toBeCloseTo((1e-11 * 2) / 4, 14);
    expect(threshold).toBe(100 * floor);
    expect(verdict).toBe("passed");
    expect(judge([1, 1, 1, 1], [1, 1, 1, 1 + 1e-8], noise).verdict).toBe("failed");
  });

  test("two zeros are untested, a zero against a slope is wrong (G9)", () => {
    expect(judge([0, 0], [0, 0], noise)).toMatchObject({ verdict: "untested", reason: "zero gradient", error: 0 });
    expect(judge([0, 0], [1e-12, -1e-12], noise)).toMatchObject({ verdict: "untested", reason: "zero gradient" });
    expect(judge([0, 0], [0.1, 0], noise)).toMatchObject({ verdict: "failed", error: 1 });
  });

  test("what is not finite fails, what rounding drowns is untested", () => {
    expect(judge([NaN], [1], noise)).toMatchObject({ verdict: "failed", reason: "not finite" });
    expect(judge([1], [1.001], { rounding: 1e-2, truncation: 1e-3 })).toMatchObject({ verdict: "untested", reason: "lost in rounding" });
    expect(judge([1], [1.001], { rounding: 1e-3, truncation: 1e-2 })).toMatchObject({ verdict: "untested", reason: /^lost in truncation/ });
  });

  test("predicted rounding is what differences of a rounded loss show", () => {
    const h = 1e-5;
    const slopes = Array.from({ length: 4000 }, (_, i) => {
      const f = (t: number) => 2.3 + Math.sin(i) * t; // a straight line: nothing but rounding
      return (f(h) - f(-h)) / (2 * h) - Math.sin(i);
    });
    const measured = Math.hypot(...slopes) / Math.sqrt(slopes.length);
    const predicted = roundingNoise(2.3, 2 * h, 2 ** -52);
    expect(measured / predicted).toBeGreaterThan(0.5);
    expect(measured / predicted).toBeLessThan(2);
  });

  test("truncation from two steps", () => {
    const at = (h: number) => numericalDerivative(cube, 1, { step: h });
    expect(truncationOf(at(0.01), at(0.02), "two")).toBeCloseTo(1e-4, 10);
  });
});
