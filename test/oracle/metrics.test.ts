/**
 * Metrics against scikit-learn's, their intervals against SciPy and the formulas by hand. fixtures/metrics/sklearn.jsonl is what metrics.py
 * wrote, a case a line; where scikit-learn is there, it writes it again and finds the same.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe as group, expect, test } from "vitest";
import { correctedInterval, newcombeAreaBounds, quantileRanks, shareBounds } from "../../src/metrics/intervals.ts";
import { measureSample } from "../../src/metrics/measure.ts";
import { likeliestClasses, type ClassSample } from "../../src/metrics/metric.ts";
import { areaDeviation } from "../../src/metrics/metrics/roc.ts";
import { needs, pythonWith } from "../support/require.ts";

interface Case {
  readonly kind: string;
  // Each kind has its own.
  readonly given: any;
  readonly found: any;
}

const fixtures = join(import.meta.dirname, "fixtures/metrics");
const casesIn = (folder: string) =>
  readFileSync(join(folder, "sklearn.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Case);
const cases = casesIn(fixtures);
const casesOf = (kind: string) => cases.filter((one) => one.kind === kind);

/** Absolute up to 1, relative above; null is NaN. */
function same(ours: number, theirs: number | null, what: string, tolerance = 1e-12): void {
  if (theirs === null) expect(ours, what).toBeNaN();
  else expect(Math.abs(ours - theirs), `${what}: ${ours} for ${theirs}`).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(theirs)));
}

function classSample({ truth, probabilities, weights }: Case["given"]): ClassSample {
  const k = probabilities[0].length as number;
  const flat = Float64Array.from((probabilities as number[][]).flat());
  return {
    kind: "classes",
    classes: Array.from({ length: k }, (_, c) => `class ${c}`),
    truth: Int32Array.from(truth),
    probabilities: flat,
    answers: likeliestClasses(flat, k),
    ...(weights ? { weights: Float64Array.from(weights) } : {}),
  };
}

const twoClasses = ({ truth, scores, groups }: Case["given"]): ClassSample => ({
  ...classSample({ truth, probabilities: (scores as number[]).map((p) => [1 - p, p]) }),
  ...(groups ? { groups: Int32Array.from(groups) } : {}),
});

group("scikit-learn's figures to 1e-12", () => {
  test("of classes: two and more, weighted, with ties, one class alone, classes without rows or answers, constant and certain", () => {
    expect(casesOf("classes").length).toBeGreaterThanOrEqual(24);
    casesOf("classes").forEach(({ given, found }, i) => {
      const { metrics, classes, confusion } = measureSample(classSample(given), { resamples: 10 });
      // Neither side leaves out what the other has; the slope has no value where classes are told apart completely.
      const named = [...Object.keys(found.metrics), ...Object.keys(metrics)].filter(
        (name) => !/^calibration_(slope|int)|^roc_auc_w/.test(name),
      );
      for (const name of new Set([...named, ...Object.keys(found.metrics)]))
        same(metrics[name]!.value, found.metrics[name], `case ${i}: ${name}`, name === "calibration_slope" ? 1e-9 : 1e-12);
      for (const [name, values] of Object.entries<number[]>(found.classes))
        values.forEach((value, c) => same(classes![c]!.metrics[name]!.value, value, `case ${i}: ${name} of class ${c}`));
      found.confusion.flat().forEach((value: number, at: number) => same(confusion!.flat()[at]!, value, `case ${i}: confusion ${at}`));
    });
  });

  test("of amounts: weighted, rounded, far from 0, constant, exact", () => {
    expect(casesOf("amounts").length).toBeGreaterThanOrEqual(15);
    casesOf("amounts").forEach(({ given, found }, i) => {
      const { truth, prediction, weights } = given;
      const sample = { kind: "amounts", truth, prediction, ...(weights ? { weights: Float64Array.from(weights) } : {}) } as const;
      const { metrics } = measureSample(sample, { resamples: 10 });
      for (const [name, value] of Object.entries<number | null>(found)) same(metrics[name]!.value, value, `case ${i}: ${name}`);
    });
  });
});

group("intervals are their formulas", () => {
  test("DeLong's deviation, of rows and of groups", () => {
    for (const kind of ["delong", "clustered"])
      for (const { given, found } of casesOf(kind)) {
        const sample = twoClasses(given);
        same(measureSample(sample, { resamples: 10 }).metrics["roc_auc"]!.value, found.area, kind);
        same(areaDeviation(sample, 1, found.area), found.deviation, kind);
      }
  });

  const compute: Readonly<Record<string, (given: Case["given"]) => object>> = {
    newcombe: ({ area, positives, negatives }) => newcombeAreaBounds(area, positives, negatives, 0.95),
    ranks: ({ n, p }) => quantileRanks(n, p, 0.95),
    corrected: ({ values, ratio }) => correctedInterval(values, ratio, 100),
    share: ({ hits, weights, groups }) =>
      shareBounds(
        (row) => hits[row] === 1,
        hits.length,
        { ...(weights ? { weights: Float64Array.from(weights) } : {}), ...(groups ? { groups: Int32Array.from(groups) } : {}) },
        0.95,
      ),
  };
  test.each(Object.keys(compute))("%s", (kind) => {
    expect(casesOf(kind).length).toBeGreaterThanOrEqual(3);
    for (const { given, found } of casesOf(kind)) {
      const ours = compute[kind]!(given) as Record<string, number>;
      // The quantile of Student's t is good to 1e-11.
      for (const [name, value] of Object.entries<number>(found))
        same(ours[name]!, value, `${name} of ${JSON.stringify(given)}`, kind === "corrected" ? 1e-10 : 1e-12);
    }
  });
});

const again = mkdtempSync(join(tmpdir(), "gradus-metrics-"));
afterAll(() => rmSync(again, { recursive: true, force: true }));

const python = pythonWith("sklearn");
needs(
  "scikit-learn",
  python !== undefined,
  "apt-get install python3-sklearn",
)("sklearn.jsonl is what metrics.py writes", () => {
  execFileSync(python!, [join(import.meta.dirname, "metrics.py"), again]);
  const near = (ours: unknown, theirs: unknown): void => {
    if (typeof theirs === "number") same(ours as number, theirs, "again", 1e-9);
    else if (theirs !== null && typeof theirs === "object")
      for (const [key, value] of Object.entries(theirs)) near((ours as Record<string, unknown>)[key], value);
    else expect(ours).toBe(theirs);
  };
  const found = casesIn(again);
  expect(found.length).toBe(cases.length);
  found.forEach((one, i) => near(one, cases[i]));
});
