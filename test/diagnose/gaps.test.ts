/** Gaps between errors: the lecture's cases, verdicts on small sets, coverage and wrong verdicts summed exactly. */
import { expect, test } from "vitest";
import { firstGap, judgeGaps, type Errors, type Gap, type Reference } from "../../src/diagnose/gaps.ts";
import { exactly, tellGaps } from "../../src/diagnose/words.ts";
import { binomialProbability } from "../../src/util/binomial.ts";
import { wilsonInterval } from "../../src/util/statistics.ts";

const measured = (train: number, validation: number, n: number): Errors => ({
  train: wilsonInterval(Math.round(train * n), n),
  validation: wilsonInterval(Math.round(validation * n), n),
});
const bayes = (value: number): Reference => ({ source: "bayes", error: exactly(value) });
const verdicts = (gaps: readonly Gap[]) => gaps.slice(0, 2).map(({ verdict }) => verdict);

/** Spec §5. */
const lecture = [
  [0.01, 0.11, 0, ["fine", "high"], "low bias, high variance"],
  [0.15, 0.16, 0, ["high", "fine"], "high bias, low variance"],
  [0.15, 0.3, 0, ["high", "high"], "high bias and high variance"],
  [0.005, 0.01, 0, ["fine", "fine"], "low bias, low variance"],
  [0.15, 0.16, 0.15, ["fine", "fine"], "low bias, low variance"],
] as const;

test.each(lecture)("errors %d and %d against %d in a million: %j", (train, validation, reference, expected, summary) => {
  const errors = measured(train, validation, 1e6);
  const gaps = judgeGaps(errors, { reference: bayes(reference) });
  expect(verdicts(gaps)).toEqual(expected);
  expect(tellGaps(gaps, errors, bayes(reference)).summary).toBe(summary);
});

test.each(lecture.filter(([, , , , summary]) => !summary.includes(" and ")))(
  "%d and %d against %d in 200: not all can be told",
  (train, validation, reference) => {
    const gaps = judgeGaps(measured(train, validation, 200), { reference: bayes(reference) });
    expect(verdicts(gaps)).toContain("cannot tell");
  },
);

test("so many times the examples settle what cannot be told", () => {
  const unsettled = judgeGaps(measured(0.05, 0.1, 200))[1]!;
  expect(unsettled.verdict).toBe("cannot tell");
  const times = unsettled.times!;
  expect(judgeGaps(measured(0.05, 0.1, Math.ceil(200 * times * 1.2)))[1]!.verdict).toBe("high");
  expect(judgeGaps(measured(0.05, 0.1, Math.floor((200 * times) / 1.5)))[1]!.verdict).toBe("cannot tell");
});

test("without a reference bias is high where another model does better, fine where training errors are few, else not to be told", () => {
  const bias = (train: number, rivals: number[] = []) =>
    judgeGaps(measured(train, 0.2, 2000), { rivals: rivals.map((error) => wilsonInterval(error * 2000, 2000)) })[0]!.verdict;
  expect(bias(0.15)).toBe("cannot tell");
  expect(bias(0.15, [0.14, 0.05])).toBe("high");
  expect(bias(0.15, [0.14])).toBe("cannot tell");
  expect(bias(0.005)).toBe("fine");
});

test("a train-dev set parts variance from mismatch, an opened test set shows over-tuning", () => {
  const error = (share: number) => wilsonInterval(share * 10_000, 10_000);
  const errors = { train: error(0.005), trainDev: error(0.01), validation: error(0.1), test: error(0.14) };
  const gaps = judgeGaps(errors, { reference: bayes(0) });
  expect(gaps.map(({ rule, verdict }) => `${rule} ${verdict}`)).toEqual([
    "bias fine",
    "variance fine",
    "mismatch high",
    "over-tuning high",
  ]);
  expect(firstGap(gaps)!.rule).toBe("mismatch");
});

test("an error below what nothing beats is a warning", () => {
  const errors = measured(0.02, 0.03, 10_000);
  expect(tellGaps(judgeGaps(errors, { reference: bayes(0.1) }), errors, bayes(0.1)).warnings).toHaveLength(1);
  expect(tellGaps(judgeGaps(errors, { reference: bayes(0.02) }), errors, bayes(0.02)).warnings).toHaveLength(0);
});

/** Every outcome of a share with a probability above 10⁻¹³: its probability, the share, how far its interval reaches below and above. */
function outcomes(p: number, n: number): [number, number, number, number][] {
  const around = 8 * Math.sqrt(n * p * (1 - p)) + 8;
  const found: [number, number, number, number][] = [];
  for (let k = Math.max(0, Math.floor(n * p - around)); k <= Math.min(n, n * p + around); k++) {
    const probability = binomialProbability(k, n, p);
    const { value, low, high } = wilsonInterval(k, n);
    if (probability > 1e-13) found.push([probability, value, value - low, high - value]);
  }
  return found;
}

test("over independent binomials, summed exactly: intervals cover, verdicts are seldom wrong, and tell where there is something to tell", () => {
  const shares = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3];
  const sizes = [100, 300, 1000, 3000, 10_000];
  const table = shares.map((p) => sizes.map((n) => outcomes(p, n)));
  let [cells, covered, least, wrongest, clear, mute, mutest] = [0, 0, 1, 0, 0, 0, 0];
  for (const [i, low] of shares.entries())
    for (const [j, high] of shares.entries()) {
      if (j < i) continue;
      const truth = high - low;
      const limit = Math.max(0.01, high / 10);
      for (const first of table[i]!)
        for (const second of table[j]!) {
          let [cover, wrong, unsure, half] = [0, 0, 0, 0];
          for (const [p1, v1, below1, above1] of first)
            for (const [p2, v2, below2, above2] of second) {
              const p = p1 * p2;
              if (p < 1e-12) continue;
              const [from, to] = [v2 - v1 - Math.hypot(below2, above1), v2 - v1 + Math.hypot(above2, below1)];
              const seen = Math.max(0.01, v2 / 10);
              if (from <= truth && truth <= to) cover += p;
              if (from > seen) wrong += truth > limit ? 0 : p;
              else if (to < seen) wrong += truth > limit ? p : 0;
              else unsure += p;
              half += (p * (to - from)) / 2;
            }
          cells += 1;
          covered += cover;
          least = Math.min(least, cover);
          wrongest = Math.max(wrongest, wrong);
          if (Math.abs(truth - limit) < 1.7 * half) continue;
          clear += 1;
          mute += unsure;
          mutest = Math.max(mutest, unsure);
        }
    }
  expect(cells).toBe(1125);
  expect(covered / cells).toBeGreaterThan(0.945);
  expect(covered / cells).toBeLessThan(0.965);
  expect(least).toBeGreaterThan(0.9);
  expect(wrongest).toBeLessThan(0.055);
  expect(clear).toBeGreaterThan(500);
  expect(mute / clear).toBeLessThan(0.1);
  expect(mutest).toBeLessThan(0.25);
}, 120_000);
