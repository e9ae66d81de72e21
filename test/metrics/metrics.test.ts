import { describe as group, expect, test } from "vitest";
import { answersByCost, chooseThreshold } from "../../src/metrics/decision.ts";
import { correctedInterval, shareBounds } from "../../src/metrics/intervals.ts";
import { measureSample, type MetricReport } from "../../src/metrics/measure.ts";
import { likeliestClasses, type ClassSample, type Sample } from "../../src/metrics/metric.ts";
import { checkMetric, measureOwn, type OwnMetric } from "../../src/metrics/own-metric.ts";
import { rng } from "../../src/util/rng.ts";

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Two classes whose probabilities are too sure by half; each draw `copies` times, as one group. */
function binary(n: number, seed: number, copies = 1): ClassSample {
  const random = rng(seed, "simulated");
  const truth = new Int32Array(n * copies);
  const probabilities = new Float64Array(2 * n * copies);
  for (let i = 0; i < n; i++) {
    const z = -0.5 + 1.5 * random.normal();
    const code = random.uniform() < sigmoid(z) ? 1 : 0;
    for (let c = i * copies; c < (i + 1) * copies; c++) {
      truth[c] = code;
      probabilities.set([1 - sigmoid(1.5 * z), sigmoid(1.5 * z)], 2 * c);
    }
  }
  const groups = copies > 1 ? { groups: truth.map((_, i) => Math.floor(i / copies)) } : {};
  return { kind: "classes", classes: ["no", "yes"], truth, probabilities, answers: likeliestClasses(probabilities, 2), ...groups };
}

function amounts(n: number, seed: number): Sample {
  const random = rng(seed, "simulated amounts");
  const prediction = Float64Array.from({ length: n }, () => random.normal());
  return { kind: "amounts", truth: prediction.map((x) => x + random.normal()), prediction };
}

group("intervals cover what they should", () => {
  /** Of how many samples the 95 % interval holds the figure of a very large one. */
  function coverage(make: (n: number, seed: number) => Sample, names: readonly string[], n: number, times: number): Record<string, number> {
    const truth = measureSample(make(40_000, 999_999), { resamples: 0, only: names }).metrics;
    const hits = Object.fromEntries(names.map((name) => [name, 0]));
    for (let seed = 0; seed < times; seed++) {
      const { metrics } = measureSample(make(n, seed), { resamples: 200, only: names });
      for (const name of names) {
        const { low, high } = metrics[name]!;
        if (low <= truth[name]!.value && truth[name]!.value <= high) hits[name]! += 1 / times;
      }
    }
    return hits;
  }

  // 95 % of 120 samples: below 104 has a probability of 4·10⁻⁴ and above 119 of 0.2 %; known shortfalls (docs/metrics.md) are few points.
  const names = ["error", "balanced_accuracy", "f1_macro", "roc_auc", "pr_auc", "log_loss", "brier", "calibration_slope"];
  test("two classes, 150 rows", () => {
    for (const [name, share] of Object.entries(coverage(binary, names, 150, 120))) expect(share, name).toBeGreaterThan(0.86);
  });
  test("of groups of four equal rows too, where rows alone would tell twice too much", () => {
    const grouped = coverage((n, seed) => binary(n, seed, n > 1000 ? 1 : 4), ["error", "roc_auc", "log_loss", "brier"], 100, 100);
    for (const [name, share] of Object.entries(grouped)) expect(share, name).toBeGreaterThan(0.86);
    const blind = (n: number, seed: number): Sample => {
      const { groups: _, ...sample } = binary(n, seed, n > 1000 ? 1 : 4);
      return sample;
    };
    for (const [name, share] of Object.entries(coverage(blind, ["roc_auc", "log_loss", "brier"], 100, 80)))
      expect(share, `${name} without groups`).toBeLessThan(0.8);
  });
  test("amounts, 80 rows", () => {
    const found = coverage(amounts, ["rmse", "mae", "r2", "median_absolute_error", "absolute_error_q90"], 80, 120);
    for (const [name, share] of Object.entries(found)) expect(share, name).toBeGreaterThan(0.86);
  });
  test("the calibration error's holds the truth where its own value is far above it", () => {
    expect(coverage(binary, ["calibration_error"], 150, 80)["calibration_error"]).toBeGreaterThan(0.93);
  });
  test("Nadeau and Bengio's: means of 5 folds of one sample vary more than Student's interval says", () => {
    // What the folds of one sample measure has a part in common (deviation √0.2 here), which their own spread does not show.
    const random = rng(1, "folds");
    let [corrected, naive] = [0, 0];
    for (let i = 0; i < 400; i++) {
      const common = Math.sqrt(0.2) * random.normal();
      const values = Array.from({ length: 5 }, () => common + Math.sqrt(0.8) * random.normal());
      const holds = (ratio: number) => {
        const { low, high } = correctedInterval(values, ratio, 100);
        return low <= 0 && 0 <= high;
      };
      corrected += holds(1 / 4) ? 1 / 400 : 0;
      naive += holds(0) ? 1 / 400 : 0;
    }
    expect(corrected).toBeGreaterThan(0.92);
    expect(naive).toBeLessThan(0.9);
  });
});

test("weights count as that many equal rows; equal samples have equal intervals", () => {
  const sample = binary(60, 3);
  const weights = Float64Array.from(sample.truth, (_, i) => 1 + (i % 3));
  const rows = Array.from(weights).flatMap((w, i) => new Array<number>(w).fill(i));
  const repeated: ClassSample = {
    ...sample,
    truth: Int32Array.from(rows, (row) => sample.truth[row]!),
    answers: Int32Array.from(rows, (row) => sample.answers[row]!),
    probabilities: Float64Array.from(rows.flatMap((row) => [sample.probabilities[2 * row]!, sample.probabilities[2 * row + 1]!])),
  };
  const [weighted, copied] = [measureSample({ ...sample, weights }, { resamples: 0 }), measureSample(repeated, { resamples: 0 })];
  for (const [name, { value }] of Object.entries(copied.metrics)) expect(weighted.metrics[name]!.value, name).toBeCloseTo(value, 9);
  expect(weighted.confusion).toEqual(copied.confusion);
  expect(measureSample(sample)).toEqual(measureSample(sample));
});

test("what cannot be said is NaN, what can has an interval with a width", () => {
  const sure = (truth: number[], p: number[]): MetricReport => {
    const probabilities = Float64Array.from(p.flatMap((x) => [1 - x, x]));
    return measureSample({
      kind: "classes",
      classes: ["a", "b"],
      truth: Int32Array.from(truth),
      probabilities,
      answers: likeliestClasses(probabilities, 2),
    });
  };
  const alone = sure([1, 1, 1], [0.9, 0.8, 0.4]);
  expect(alone.metrics["roc_auc"]).toMatchObject({ value: NaN, low: NaN, high: NaN });
  expect(alone.metrics["calibration_slope"]!.value).toBeNaN();
  expect(alone.classes![0]!.metrics["recall"]!.value).toBeNaN();
  const apart = sure([0, 0, 0, 0, 1, 1, 1, 1], [0.1, 0.2, 0.1, 0.3, 0.8, 0.9, 0.7, 0.6]);
  const { roc_auc: area, error, balanced_accuracy: balanced } = apart.metrics;
  expect([area!.value, area!.high]).toEqual([1, 1]);
  expect(area!.low).toBeLessThan(0.9);
  expect(error!.high).toBeGreaterThan(0.2);
  expect(balanced!.low).toBeLessThan(0.9);
  expect(sure([], []).metrics["error"]).toMatchObject({ value: NaN, n: 0 });
});

test("a share of groups that all agree is as sure as there are groups", () => {
  const groups = Int32Array.from({ length: 100 }, (_, i) => Math.floor(i / 10));
  const grouped = shareBounds(() => true, 100, { groups }, 0.95);
  expect(grouped.low).toBeCloseTo(shareBounds(() => true, 10, {}, 0.95).low, 12);
  expect(grouped.low).toBeLessThan(shareBounds(() => true, 100, {}, 0.95).low - 0.2);
});

group("decisions by cost", () => {
  const { truth, probabilities } = binary(4000, 5);
  const second = Float64Array.from(truth, (_, i) => probabilities[2 * i + 1]!);

  test("the threshold costs least of all there are, and misses that cost more lower it", () => {
    const cost = (threshold: number, miss: number) =>
      truth.reduce((sum, y, i) => sum + (second[i]! >= threshold ? (y === 1 ? 0 : 1) : y === 1 ? miss : 0), 0) / truth.length;
    const thresholds = [1, 5, 20].map((miss) => {
      const {
        threshold,
        cost: expected,
        likelier,
      } = chooseThreshold(second, truth, { falsePositive: 1, falseNegative: miss }, { resamples: 100 });
      for (let t = 0; t <= 1; t += 0.01) expect(cost(threshold.value, miss)).toBeLessThanOrEqual(cost(t, miss) + 1e-12);
      expect(likelier.value).toBeCloseTo(cost(0.500001, miss), 2);
      // Choosing flatters; what is told makes up for it.
      expect(expected.value).toBeGreaterThanOrEqual(cost(threshold.value, miss));
      expect(threshold.low).toBeLessThanOrEqual(threshold.value);
      expect(threshold.high).toBeGreaterThanOrEqual(threshold.value);
      return threshold.value;
    });
    expect(thresholds[0]).toBeGreaterThan(thresholds[1]!);
    expect(thresholds[1]).toBeGreaterThan(thresholds[2]!);
    // The probabilities are 1.5 times too sure: logit t = 1.5·logit(1/6).
    expect(Math.abs(thresholds[1]! - sigmoid(1.5 * Math.log(1 / 5)))).toBeLessThan(0.05);
  });

  test("what it says of new rows holds there", () => {
    let [told, met] = [0, 0];
    const costs = { falsePositive: 1, falseNegative: 4 };
    const fresh = binary(20_000, 77);
    for (let seed = 100; seed < 160; seed++) {
      const few = binary(60, seed);
      const p = Float64Array.from(few.truth, (_, i) => few.probabilities[2 * i + 1]!);
      const { threshold, cost } = chooseThreshold(p, few.truth, costs, { resamples: 100 });
      told += cost.value / 60;
      met +=
        fresh.truth.reduce((sum, y, i) => sum + (fresh.probabilities[2 * i + 1]! >= threshold.value ? 1 - y : 4 * y), 0) /
        fresh.truth.length /
        60;
    }
    expect(Math.abs(told - met)).toBeLessThan(0.05);
  });

  test("a matrix of costs: the cheapest answer of each row", () => {
    expect(
      answersByCost(
        [0.7, 0.3, 0.9, 0.1],
        [
          [0, 1],
          [5, 0],
        ],
      ),
    ).toEqual(Int32Array.of(1, 0));
    expect(
      answersByCost(
        [0.2, 0.5, 0.3],
        [
          [0, 1, 1],
          [1, 0, 1],
          [9, 9, 0],
        ],
      ),
    ).toEqual(Int32Array.of(2));
    expect(() => answersByCost([0.5, 0.5], [[0, 1]])).toThrow("a matrix of costs must be square");
    expect(() => chooseThreshold([0.5], [1], { falsePositive: -1, falseNegative: 1 })).toThrow("found false positive -1");
  });
});

group("metrics of one's own", () => {
  const error: OwnMetric = {
    name: "wrong",
    task: "classification",
    measure: ({ truth, answers }) => truth.reduce((sum, code, i) => sum + (code === answers[i] ? 0 : 1), 0) / truth.length,
  };

  test("measured with an interval near the formula's, by rows and by groups", () => {
    const sample = binary(200, 8, 2);
    const { metrics } = measureSample(sample, { own: [error] });
    expect(metrics["wrong"]!.value).toBe(metrics["error"]!.value);
    expect(Math.abs(metrics["wrong"]!.low - metrics["error"]!.low)).toBeLessThan(0.02);
    expect(Math.abs(metrics["wrong"]!.high - metrics["error"]!.high)).toBeLessThan(0.02);
  });

  test("what is none is refused with what was expected and found", () => {
    expect(() => checkMetric({ name: "a b" }, "mine.mjs")).toThrow(
      'mine.mjs: a metric\'s name must be a word of letters, digits and _, found "a b".',
    );
    expect(() => checkMetric({ name: "x", task: "ranking" }, "mine.mjs")).toThrow('must be classification or regression, found "ranking"');
    expect(() => checkMetric({ name: "x", task: "regression" }, "mine.mjs")).toThrow("must be a function");
    expect(() => checkMetric(undefined, "mine.mjs")).toThrow("mine.mjs");
    const options = { seed: 1, confidence: 0.95 };
    expect(() => measureOwn(error, amounts(5, 1), options)).toThrow('metric "wrong" is for classification; this is regression.');
    expect(() => measureOwn({ ...error, measure: () => "1" as never }, binary(5, 1), options)).toThrow("must give a number, found string");
  });
});
