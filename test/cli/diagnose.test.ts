/** `gradus diagnose`: of errors that are given, of a run, and what bad input gets. */
import { expect, test } from "vitest";
import { gradus, gradusJson, penguins, workFolder } from "./support.ts";

workFolder();

test("errors that are given are told in words and as an object", async () => {
  const { status, out } = await gradus(["diagnose", "--train", "100/10000", "--validation", "1100/10000", "--bayes-error", "0"]);
  expect(status).toBe(0);
  expect(out).toMatch(/variance +high: \+10\.0, \+9\.4 … \+10\.7 points against 1\.1/);
  expect(out).toContain("more data, L2, dropout");
  const { result } = await gradusJson(["diagnose", "--train", "0/1000000", "--validation", "100000/1000000"]);
  expect(result).toMatchObject({
    command: "diagnose",
    summary: "low bias, high variance",
    gaps: [{ verdict: "fine" }, { verdict: "high" }, {}, {}],
  });
});

test("a run has its own errors", async () => {
  await gradus(["train", penguins, "--target", "species", "--epochs", "3", "--no-preflight", "--no-audit", "--out", "runs/small"]);
  const { result } = await gradusJson(["diagnose", "runs/small", "--human-error", "3/300"]);
  expect(result).toMatchObject({
    run: "runs/small",
    metric: "error",
    errors: { train: { n: 206 }, validation: { n: 69 } },
    reference: { source: "human", n: 300 },
  });
  const told = await gradus(["diagnose", "runs/small"]);
  expect(told.out).toContain("the test set has not been opened");
});

test.each([
  [["--train", "5/4", "--validation", "1/10"], "--train is wrong answers of examples"],
  [["--train", "0.05", "--validation", "1/10"], 'found "0.05"'],
  [["--train", "1/10"], "errors of training and validation"],
  [["--train", "1/10", "--validation", "1/10", "--bayes-error", "7"], "--bayes-error is a share"],
  [["--train", "1/10", "--validation", "1/10", "--bayes-error", "0", "--human-error", "1/9"], "one reference is enough"],
  [["--train", "1/10", "--validation", "1/10", "--limit", "0"], "--limit is a number above 0"],
  [["runs/none", "--train", "1/10"], "without a run"],
])("%j is refused: %s", async (options, message) => {
  const { status, err } = await gradus(["diagnose", ...options]);
  expect(status).toBe(2);
  expect(err).toContain(message);
});
