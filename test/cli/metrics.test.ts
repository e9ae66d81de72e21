import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { gradus, gradusJson, penguins, workFolder } from "./support.ts";

workFolder();

/** Two of the three species, and two columns that do not tell all. */
const two = readFileSync(penguins, "utf8")
  .replaceAll(`"`, "")
  .split("\n")
  .filter((line) => !line.includes("Gentoo"))
  .join("\n");
writeFileSync("two.csv", two);
/** Without the two birds that were not weighed. */
writeFileSync(
  "weighed.csv",
  readFileSync(penguins, "utf8")
    .split("\n")
    .filter((line) => !/^[^,]*,[^,]*,(NA)?,/.test(line))
    .join("\n"),
);
const quick = ["--epochs", "6", "--no-audit", "--no-preflight"];
const hard = ["--drop", "bill_length_mm,bill_depth_mm"];

test("evaluate shows every metric, the classes and what each column is worth", async () => {
  expect((await gradus(["train", penguins, "--target", "species", ...quick, "--out", "three"])).status).toBe(0);
  const { out, status } = await gradus(["evaluate", "three", "--importance"]);
  expect(status).toBe(0);
  for (const title of ["balanced accuracy", "F1, mean of classes", "ROC-AUC, one v. rest", "log loss", "calibration error"])
    expect(out).toMatch(new RegExp(`${title} +\\S+ ?%? +\\S+ – \\S+`));
  expect(out).toMatch(/true ↓ answered → +Adelie +Chinstrap +Gentoo +recall +precision +F1\n {2}Adelie +\d+ +\d+ +\d+ +[\d.]+ %/);
  expect(out).toMatch(/permuted +error rises by +95 % interval\n {2}\S+ +[\d.]+ % +/);
  const { result } = await gradusJson(["evaluate", "three", "--importance"]);
  const { validation } = result["metrics"];
  expect(validation.error.value).toBeCloseTo(1 - validation.accuracy.value, 12);
  expect(result["confusion"].flat().reduce((sum: number, n: number) => sum + n, 0)).toBe(validation.error.n);
  expect(result["classes"].map(({ name }: { name: string }) => name)).toEqual(["Adelie", "Chinstrap", "Gentoo"]);
  expect(result["importance"].columns).toHaveLength(7);
  // The lengths of the bill tell most; the year tells next to nothing.
  const worth = Object.fromEntries(
    result["importance"].columns.map(({ column, increase }: { column: string; increase: { value: number } }) => [column, increase.value]),
  );
  expect(worth["bill_length_mm"]).toBeGreaterThan(worth["year"] + 0.05);
});

test("regression: amounts have theirs", async () => {
  expect((await gradus(["train", "weighed.csv", "--target", "body_mass_g", ...quick, "--out", "mass"])).status).toBe(0);
  const { result } = await gradusJson(["evaluate", "mass", "--importance"]);
  const { mae, rmse, median_absolute_error: median, absolute_error_q90: q90 } = result["metrics"].validation;
  expect(mae.value).toBeLessThan(rmse.value);
  expect(median.value).toBeLessThan(q90.value);
  expect(result["importance"].metric).toBe("rmse");
  expect((await gradus(["evaluate", "mass"])).out).toMatch(/mean abs\. error +\d+ +/);
});

test("a miss that costs five false alarms: the threshold is chosen, stored, and answered by, in the exported model too", async () => {
  const { result } = await gradusJson([
    "train",
    "two.csv",
    "--target",
    "species",
    ...hard,
    ...quick,
    "--cost-false-negative",
    "5",
    "--out",
    "costly",
  ]);
  const { threshold, costs, cost, likelier } = result["decision"];
  expect(costs).toEqual({ falsePositive: 1, falseNegative: 5 });
  expect(threshold.value).toBeLessThan(0.5);
  expect(cost.value).toBeLessThan(likelier.value);
  expect((JSON.parse(readFileSync("costly/model.json", "utf8")) as { threshold: number }).threshold).toBe(threshold.value);
  const evaluated = await gradusJson(["evaluate", "costly"]);
  expect(evaluated.result["threshold"]).toBe(threshold.value);
  // The figures are those of the answers that the model gives.
  expect(evaluated.result["metrics"].validation.error).toEqual(result["metrics"].validation.error);
  const predicted = await gradusJson(["predict", "costly", "two.csv"]);
  const rows = predicted.lines.slice(0, -1) as unknown as { prediction: string; probabilities: Record<string, number> }[];
  const between = rows.filter(({ probabilities: p }) => p["Chinstrap"]! > threshold.value + 1e-6 && p["Chinstrap"]! < 0.5);
  expect(between.length).toBeGreaterThan(0);
  for (const { prediction } of between) expect(prediction).toBe("Chinstrap");
  const { InferenceSession, Tensor } = await import("onnxruntime-node");
  const session = await InferenceSession.create("costly/model.onnx");
  const [head, ...lines] = two
    .trimEnd()
    .split("\n")
    .map((line) => line.split(","));
  const feeds = Object.fromEntries(
    session.inputNames.map((name) => {
      const values = lines.map((line) => line[head!.indexOf(name)]!);
      const number = (value: string) => (value === "" || value === "NA" ? NaN : Number(value));
      const type = session.inputMetadata.find((input) => input.name === name) as { type: string };
      const data = type.type === "float64" ? Float64Array.from(values, number) : Float32Array.from(values, number);
      const known = values.map((value) => (value === "NA" ? "" : value));
      return [
        name,
        type.type !== "string"
          ? new Tensor(type.type as "float32", data as Float32Array, [lines.length, 1])
          : new Tensor("string", known, [lines.length, 1]),
      ];
    }),
  );
  const { prediction } = await session.run(feeds);
  expect(Array.from(prediction!.data as unknown as string[])).toEqual(rows.map((row) => row.prediction));
});

test("costs that are none, or of three classes, are refused", async () => {
  const three = await gradus(["train", penguins, "--target", "species", ...quick, "--cost-false-negative", "5"]);
  expect(three.status).toBe(2);
  expect(three.err).toContain("costs of false positives and false negatives are for two classes; the target has 3 classes.");
  const negative = await gradus(["train", "two.csv", "--target", "species", "--cost-false-positive", "-1"]);
  expect(negative.err).toContain("--cost-false-positive must be a number of at least 0");
  const one = await gradus(["train", "two.csv", "--target", "species", "--folds", "1"]);
  expect(one.err).toContain("--folds must be a whole number of at least 2");
});

test("folds: as many trainings as asked for, out-of-fold figures with Nadeau and Bengio's interval, the same for one seed", async () => {
  const asked = ["train", "two.csv", "--target", "species", ...hard, ...quick, "--folds", "3", "--repeats", "2"];
  const { lines, result } = await gradusJson([...asked, "--out", "folded"]);
  const folds = lines.filter(({ type }) => type === "fold") as unknown as {
    rows: { train: number; validation: number };
    metrics: { error: number };
    repeat: number;
  }[];
  expect(folds).toHaveLength(6);
  const { metrics, outOfFold, trainings } = result["crossValidation"];
  expect(trainings).toHaveLength(6);
  // Every row but the test's, once a round.
  const rows = result["rows"].train + result["rows"].validation;
  expect(folds.filter(({ repeat }) => repeat === 1).reduce((sum, fold) => sum + fold.rows.validation, 0)).toBe(rows);
  const errors = folds.map((fold) => fold.metrics.error);
  const mean = errors.reduce((sum, x) => sum + x, 0) / 6;
  expect(metrics.error.value).toBeCloseTo(mean, 12);
  const variance = errors.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 5;
  const ratio = folds.reduce((sum, fold) => sum + fold.rows.validation / fold.rows.train, 0) / 6;
  expect(metrics.error.high).toBeCloseTo(Math.min(1, mean + 2.570581835636314 * Math.sqrt((1 / 6 + ratio) * variance)), 9);
  expect(outOfFold.error.n).toBe(2 * rows);
  const again = await gradusJson([...asked, "--out", "folded-again"]);
  expect(again.result["crossValidation"].metrics).toEqual(metrics);
  expect(JSON.parse(readFileSync("folded/result.json", "utf8"))).toMatchObject({ crossValidation: { folds: 3, repeats: 2 } });
  expect((await gradus(["show", "folded"])).out).toMatch(/out of fold +6 trainings: 3 folds × 2/);
});

test("a metric of one's own from the file that is named; what is none is refused", async () => {
  writeFileSync(
    "mine.mjs",
    'export default { name: "misses", task: "classification", measure: ({ truth, answers }) => truth.filter((t, i) => t === 1 && answers[i] !== 1).length / truth.length };\n',
  );
  const { result } = await gradusJson(["evaluate", "costly", "--metric", "mine.mjs"]);
  const { misses } = result["metrics"].validation;
  expect(misses.value).toBeCloseTo(result["confusion"][1][0] / misses.n, 12);
  expect((await gradus(["evaluate", "costly", "--metric", "mine.mjs"])).out).toMatch(/misses +\S+ +\S+ – \S+/);
  writeFileSync("none.mjs", "export const x = 1;\n");
  expect((await gradus(["evaluate", "costly", "--metric", "none.mjs"])).err).toContain("a metric's name must be a word");
  expect((await gradus(["evaluate", "costly", "--metric", "gone.mjs"])).err).toContain("no file gone.mjs (--metric).");
  expect((await gradus(["evaluate", "mass", "--metric", "mine.mjs"])).err).toContain(
    'metric "misses" is for classification; this is regression.',
  );
});
