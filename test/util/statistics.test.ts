/** Distributions and intervals against SciPy and R. */
import { describe, expect, test } from "vitest";
import { portableLog, standardNormalCdf, standardNormalQuantile } from "../../src/util/normal.ts";
import { rng } from "../../src/util/rng.ts";
import { incompleteBeta, logGamma, studentTCdf, studentTQuantile } from "../../src/util/special.ts";
import {
  bootstrapMean,
  meanInterval,
  newcombeInterval,
  quantileSorted,
  r2Interval,
  regressionIntervals,
  rmseInterval,
  wilsonInterval,
} from "../../src/util/statistics.ts";

const near = (found: number, expected: number, relative = 1e-13): void =>
  expect(Math.abs(found - expected)).toBeLessThanOrEqual(relative * Math.abs(expected));

describe("distributions", () => {
  test("the logarithm agrees with the engine's to one unit in the last place", () => {
    const random = rng(1, "log");
    for (let i = 0; i < 20_000; i++) {
      const x = random.uniform() * 10 ** (random.integer(40) - 20) + Number.MIN_VALUE * 2 ** 60;
      near(portableLog(x), Math.log(x), 2.3e-16 * 2);
    }
  });

  // scipy 1.10: stats.norm.ppf(p)
  test.each([
    [1e-300, -37.0470962993612],
    [1e-20, -9.262340089798409],
    [1e-6, -4.753424308822899],
    [0.025, -1.9599639845400545],
    [0.3, -0.5244005127080409],
    [0.9, 1.2815515655446004],
    [0.999999, 4.753424308817087],
  ])("the normal quantile at %s is SciPy's", (p, x) => near(standardNormalQuantile(p), x, 1e-14));

  // scipy 1.10: stats.norm.cdf(x); R: pnorm(-10)
  test.each([
    [-10, 7.619853024160527e-24],
    [-3, 0.0013498980316300933],
    [-0.5, 0.3085375387259869],
    [0, 0.5],
    [0.3, 0.6179114221889526],
    [1.96, 0.9750021048517795],
    [5.8, 0.999999996684254],
    [8, 0.9999999999999993],
  ])("the normal cdf at %s is SciPy's", (x, p) => near(standardNormalCdf(x), p, 3e-15));

  // R 4.2: qt(p, nu) (SciPy 1.10 is good to nine digits only)
  test.each([
    [0.975, 1, 12.706204736174694],
    [0.975, 2, 4.302652729749462],
    [0.975, 9, 2.262157162798205],
    [0.9, 30, 1.310415025391396],
    [0.999, 3.5, 8.315567604516113],
    [0.01, 12, -2.680997993120914],
    [0.975, 1e6, 1.959966356814107],
  ])("Student's t quantile at %s with %s degrees is R's", (p, degrees, t) => {
    near(studentTQuantile(p, degrees), t, 1e-10);
    near(studentTCdf(t, degrees), p, 1e-11);
  });

  // scipy 1.10: special.betainc(a, b, x), special.gammaln(x)
  test("the incomplete beta function and log-gamma are SciPy's", () => {
    near(incompleteBeta(0.5, 2, 3), 0.6875);
    near(incompleteBeta(0.01, 0.5, 0.5), 0.06376856085851987);
    near(incompleteBeta(0.9, 10, 0.2), 0.05140805884566603, 1e-12);
    near(incompleteBeta(0.3, 50, 100), 0.19455183377224444, 1e-11);
    near(logGamma(0.1), 2.252712651734206);
    near(logGamma(1.5), -0.12078223763524526, 1e-12);
    near(logGamma(1234.5), 7550.550901077894);
  });
});

describe("intervals", () => {
  // scipy 1.10: stats.binomtest(k, n).proportion_ci(method="wilson")
  test.each([
    [15, 100, 0.09305985283656634, 0.23283559590832367],
    [0, 20, 0, 0.16112515805281935],
    [20, 20, 0.8388748419471808, 1],
    [1, 1_000_000, 1.765245767453709e-7, 5.664911804311442e-6],
  ])("Wilson's interval for %s of %s is SciPy's", (count, n, low, high) => {
    const interval = wilsonInterval(count, n);
    near(interval.low, low, 1e-9);
    near(interval.high, high, 1e-12);
  });

  test("Newcombe's interval is that of the published example, 56/70 against 48/80", () => {
    // Newcombe (1998), table II, row (a), method 10: 0.0524 to 0.3339.
    const { value, low, high } = newcombeInterval({ count: 56, n: 70 }, { count: 48, n: 80 });
    expect(value).toBeCloseTo(0.2, 12);
    expect(low).toBeCloseTo(0.0524, 4);
    expect(high).toBeCloseTo(0.3339, 4);
  });

  test("the t interval of a mean is R's", () => {
    // R 4.2: t.test(c(0.96, 0.955, 0.963, 0.958, 0.961))$conf.int → 0.955613433718360 0.963186566281639
    const { low, high } = meanInterval([0.96, 0.955, 0.963, 0.958, 0.961]);
    near(low, 0.95561343371836, 1e-9);
    near(high, 0.963186566281639, 1e-9);
    expect(meanInterval([1]).high).toBe(Infinity);
  });

  test("quantiles interpolate as R's type 7", () => {
    expect(quantileSorted([1, 2, 4, 8], 0.4)).toBeCloseTo(2.4, 12);
    expect(quantileSorted([1, 2, 4, 8], 1)).toBe(8);
  });

  test("values that belong together are drawn together: blocks of copies tell as much as their first ones", () => {
    const random = rng(7, "blocks");
    const values = Float64Array.from({ length: 300 }, () => random.normal());
    const copies = Float64Array.from({ length: 1500 }, (_, i) => values[Math.floor(i / 5)]!);
    const single = bootstrapMean(values, { seed: 1 });
    const blocks = bootstrapMean(copies, { seed: 1, block: 5 });
    expect(blocks.n).toBe(1500);
    for (const key of ["value", "low", "high"] as const) expect(blocks[key]).toBeCloseTo(single[key], 10);
    const careless = bootstrapMean(copies, { seed: 1 });
    expect(careless.high - careless.low).toBeLessThan(0.6 * (single.high - single.low));
  });

  test("the bootstrap interval of a mean tends to the normal one, by rows and by groups of rows", () => {
    for (const n of [1000, 10_000]) {
      const values = rng(1, "values").fillNormal(new Float64Array(n));
      const interval = bootstrapMean(values, { seed: 1, resamples: 1000 });
      const half = 1.96 / Math.sqrt(n);
      near((interval.high - interval.low) / 2, half, 0.1);
      expect(bootstrapMean(values, { seed: 1, resamples: 1000 })).toEqual(interval);
      expect(bootstrapMean(values, { seed: 2, resamples: 1000 })).not.toEqual(interval);
    }
  });

  test("R² of a constant truth is NaN, and resamples without spread do not enter its interval", () => {
    for (const constant of [0, 0.1, 1e6 / 3]) {
      const { r2, rmse } = regressionIntervals(
        Float64Array.from({ length: 50 }, () => constant),
        Float64Array.from({ length: 50 }, (_, i) => i),
        {
          seed: 1,
        },
      );
      expect(r2).toEqual({ value: NaN, low: NaN, high: NaN, n: 50 });
      expect(rmse.value).toBeGreaterThan(0);
    }
    const few = r2Interval([1, 1, 2], [1, 1.1, 1.9], { seed: 1 });
    expect([few.low, few.value, few.high].every(Number.isFinite)).toBe(true);
  });

  test("RMSE and R² are the textbook figures and lie inside their intervals, at any offset of the target", () => {
    const noise = rng(1, "noise").fillNormal(new Float64Array(2000));
    const truth = rng(1, "truth")
      .fillNormal(new Float64Array(2000))
      .map((t) => 3 * t + 1e6);
    const prediction = truth.map((t, i) => t + noise[i]!);
    const rmse = rmseInterval(truth, prediction, { seed: 1 });
    expect(rmse.value).toBeCloseTo(Math.sqrt(noise.reduce((a, b) => a + b * b, 0) / 2000), 9);
    const r2 = r2Interval(truth, prediction, { seed: 1 });
    expect(r2.value).toBeCloseTo(0.9, 1);
    for (const { low, value, high } of [rmse, r2]) expect(low < value && value < high).toBe(true);
    expect(r2.high - r2.low).toBeLessThan(0.03);
  });
});
