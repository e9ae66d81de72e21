/** A train-dev set: never trained on, measured, and telling a mismatch where there is one. */
import { expect, test } from "vitest";
import type { Table } from "../../src/data/table.ts";
import { experimentSchema } from "../../src/train/experiment.ts";
import { splitExperiment, withSavedSplit } from "../../src/train/experiment-split.ts";
import { compareAnswers, mismatchOf } from "../../src/train/measure.ts";
import { describeSplit } from "../../src/train/fit-events.ts";
import { fitTable, splitTable } from "../../src/train/fit-table.ts";
import { mlp } from "../../src/train/model-choice.ts";
import { rng } from "../../src/util/rng.ts";
import { newcombeInterval, wilsonInterval } from "../../src/util/statistics.ts";
import { complaint } from "../data/files.ts";
import { categorical, count, numeric, tableOf } from "../data/tables.ts";

/** Two classes that a number tells apart; among the validation rows by the share `wrong` the other way round. */
function shifted(wrong: number): Table {
  const random = rng(1, "shifted");
  const values = count(3000).map(() => random.normal());
  const parts = count(3000).map((i) => (i < 2000 ? "train" : "validation"));
  const labels = values.map((v, i) => (v > 0 !== (parts[i] === "validation" && random.uniform() < wrong) ? "yes" : "no"));
  return tableOf(values, labels, { split: categorical("part", parts) });
}
const fitted = (table: Table) => fitTable(mlp({ layers: [8] }), splitTable(table, { trainDev: "20%" }), { epochs: 12, threads: 1 });

test("the mismatch is the difference of two errors with Newcombe's interval, and excludes 0 where validation is another distribution", async () => {
  const run = await fitted(shifted(0.2));
  expect(run.rows).toEqual({ train: 1600, validation: 1000, test: 0, trainDev: 400 });
  const [validation, trainDev] = [run.metrics.validation["error"]!, run.metrics.trainDev!["error"]!];
  expect(trainDev.n).toBe(400);
  const expected = newcombeInterval(
    { count: Math.round(validation.value * validation.n), n: validation.n },
    { count: Math.round(trainDev.value * trainDev.n), n: trainDev.n },
  );
  expect(run.mismatch).toMatchObject({ metric: "error", n: 400 });
  for (const key of ["value", "low", "high"] as const) expect(run.mismatch![key]).toBeCloseTo(expected[key], 12);
  expect(run.mismatch!.low).toBeGreaterThan(0.1);
});

test("the same distribution on both sides shows none", async () => {
  const { mismatch } = await fitted(shifted(0));
  expect(mismatch!.low).toBeLessThanOrEqual(0);
  expect(mismatch!.high).toBeGreaterThanOrEqual(0);
  expect(mismatch!.answers!.p).toBeGreaterThan(0.01);
});

test("train-dev rows touch neither preprocessing nor weights: what they hold changes nothing but their own figures", async () => {
  const table = shifted(0.2);
  const parts = splitTable(table, { trainDev: "20%" });
  const [x] = table.columns as [ReturnType<typeof numeric>];
  const values = x.values.slice();
  for (const row of parts.trainDev!) values[row] = 1e6 + row;
  const options = { epochs: 2, threads: 1 };
  const one = await fitTable(mlp({ layers: [8] }), parts, options);
  const other = await fitTable(mlp({ layers: [8] }), { ...parts, table: { ...table, columns: [{ ...x, values }] } }, options);
  expect(other.theta).toEqual(one.theta);
  expect(other.plan).toEqual(one.plan);
  expect(other.metrics.validation).toEqual(one.metrics.validation);
  expect(other.metrics.trainDev).not.toEqual(one.metrics.trainDev);
});

test("answers are compared output by output, and of many outputs the p counts them all", () => {
  const random = rng(1, "answers");
  const answers = (rows: number, shift: number) =>
    Float32Array.from({ length: 3 * rows }, (_, i) => random.normal() + (i % 3 === 1 ? shift : 0));
  const [one, alike, otherwise] = [answers(300, 0), answers(200, 0), answers(200, 1)];
  expect(compareAnswers(one, alike, 3).p).toBeGreaterThan(0.05);
  const { statistic, p } = compareAnswers(one, otherwise, 3);
  expect(p).toBeLessThan(1e-6);
  expect(statistic).toBeGreaterThan(0.3);
  const single = (values: Float32Array) => values.filter((_, i) => i % 3 === 1);
  expect(compareAnswers(single(one), single(otherwise), 1).p).toBeCloseTo(p / 3, 12);
});

test("of amounts the mismatch is of the root mean squared errors", () => {
  const at = (value: number, half: number) => ({ rmse: { value, low: value - half, high: value + half, n: 50 } });
  expect(mismatchOf(at(5, 0.3), at(4, 0.4))).toEqual({
    metric: "rmse",
    value: 1,
    low: expect.closeTo(0.5, 12),
    high: expect.closeTo(1.5, 12),
    n: 50,
  });
  const shares = { error: wilsonInterval(30, 200) };
  expect(mismatchOf(shares, { error: wilsonInterval(10, 100) })).toMatchObject(
    newcombeInterval({ count: 30, n: 200 }, { count: 10, n: 100 }),
  );
});

test("a split says what its validation part resolves, and how many rows train-dev has", () => {
  const said = describeSplit(splitTable(shifted(0), { trainDev: 100 }));
  expect(said).toMatchObject({ train: 1900, validation: 1000, trainDev: 100 });
  expect(said.detects).toBeCloseTo(1.98, 2);
  expect(said.resolves).toBeCloseTo(1.86, 2);
});

const experimentOf = (split: object) => experimentSchema.parse({ data: { path: "t.csv", target: "y" }, split });

test("where distributions differ a train-dev set comes by itself, unless one was asked for", async () => {
  const table = shifted(0.2);
  const told = await splitExperiment(table, experimentOf({}), { differs: ({ validation }) => validation.length === 1000 });
  expect(told.trainDev).toHaveLength(100);
  expect(told.notes.at(-1)).toMatch(/^validation comes from another distribution than training/);
  expect((await splitExperiment(table, experimentOf({}), { differs: () => false })).trainDev).toBeUndefined();
  expect((await splitExperiment(table, experimentOf({}))).trainDev).toBeUndefined();
  expect((await splitExperiment(table, experimentOf({ trainDev: 50 }), { differs: () => true })).trainDev).toHaveLength(50);
});

test("an experiment takes from a split file the columns it goes by and its seed", async () => {
  const houses = categorical(
    "house",
    count(90).map((i) => i % 9),
  );
  const table = tableOf(count(90), undefined, { group: houses });
  const { origin } = splitTable(table, { seed: 5 });
  const saved = {
    ...origin!,
    path: "s.json",
    fingerprint: "",
    rows: 0,
    policy: "",
    columns: [],
    keys: new Float64Array(0),
    partOf: new Uint8Array(0),
  };
  const { experiment } = await withSavedSplit(experimentOf({ file: "s.json" }), () => Promise.resolve(saved));
  expect(experiment.split).toMatchObject({ groupBy: "house", seed: 5, file: "s.json" });
  expect(await complaint(withSavedSplit(experimentOf({ file: "s.json" }), undefined))).toMatch(
    /split as s\.json says, and nothing reads it \| \{ readSplit: readSplitFile \}/,
  );
});

test("a train-dev set of more rows than are left to train on is refused with the numbers", async () => {
  expect(await complaint(() => splitTable(shifted(0), { trainDev: "99%" }))).toBe(
    "a train-dev set of 99% would be 1 980 of 2 000 training rows, more than are left to train on (20). | it only measures, and needs as many rows as validation, e.g. 5%; half of the training rows at most.",
  );
  expect(await complaint(() => splitTable(shifted(0), { trainDev: 1001 }))).toContain("1 001 of 2 000 training rows");
  expect(splitTable(shifted(0), { trainDev: "50%" }).trainDev).toHaveLength(1000);
});
