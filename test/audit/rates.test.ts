/** How often the rules on drift speak: rarely where nothing differs, nearly always where something does. */
import { expect, test } from "vitest";
import { contextOf, runAuditRule } from "../../src/audit/audit.ts";
import type { AuditSubject } from "../../src/audit/rule.ts";
import { domainClassifier } from "../../src/audit/rules/domain-classifier.ts";
import { partsSubject } from "../../src/audit/subject.ts";
import { featureDrift } from "../../src/audit/rules/feature-drift.ts";
import { labelShift } from "../../src/audit/rules/label-shift.ts";
import { nearDuplicates } from "../../src/audit/rules/near-duplicates.ts";
import { split } from "../../src/data/splitter.ts";
import type { Table } from "../../src/data/table.ts";
import { cutWindows } from "../../src/data/windows.ts";
import { compile } from "../../src/exec/executor.ts";
import { binomialTail } from "../../src/util/binomial.ts";
import { rng } from "../../src/util/rng.ts";
import { categories, normals, numbers, subjectWith, tableOf } from "./tables.ts";

const trials = 200;
/** Of 200 at 5 %, more than 18 come in 0.6 % of all cases. */
const mostAlarms = 18;

const contextFor = (subject: AuditSubject) =>
  contextOf(subject, { seed: 1, executor: { name: "platform", compile }, runtime: { threads: 1 } });

/** One table of numbers, skewed ones, whole ones and categories, its labels, and a split of it at random for every trial. */
function identical(rows: number): Table {
  const words = Array.from({ length: rows }, (_, i) => `k${rng(7, "word", i).integer(6)}`);
  const labels = Array.from({ length: rows }, (_, i) => `class ${rng(8, "class", i).integer(4)}`);
  return tableOf(
    [
      ...[1, 2, 3].map((seed) => numbers(`normal ${seed}`, normals(rows, seed))),
      numbers(
        "skewed",
        normals(rows, 4).map((value) => Math.exp(2 * value)),
      ),
      numbers(
        "whole",
        normals(rows, 5).map((value) => Math.round(2 * value)),
      ),
      categories("word", words),
    ],
    categories("label", labels),
  );
}

function splitAtRandom(table: Table, train: number, trial: number): AuditSubject {
  const order = rng(trial, "random split").permutation(table.rows);
  const subject = subjectWith(table, { train, test: table.rows - train });
  return { ...subject, parts: subject.parts.map(({ name, rows }) => ({ name, rows: rows.map((at) => order[at]!).sort() })) };
}

test("200 random splits of identical data raise at most 18 alarms per family, and p alone would not raise more", async () => {
  const table = identical(2000);
  const alarms = { drift: 0, p: 0, labels: 0, copies: 0 };
  for (let trial = 1; trial <= trials; trial++) {
    const context = contextFor(splitAtRandom(table, 1000, trial));
    const speaks = async (rule: typeof featureDrift, limits: Record<string, number> = {}) =>
      (await runAuditRule(rule as never, context, limits)).some(({ severity }) => severity !== "pass");
    if (await speaks(featureDrift)) alarms.drift += 1;
    if (await speaks(featureDrift, { effect: 0 })) alarms.p += 1;
    if (await speaks(labelShift as never, { points: 0, relative: 0 })) alarms.labels += 1;
    if (trial <= 20 && (await speaks(nearDuplicates as never))) alarms.copies += 1;
  }
  console.log(`alarms in ${trials} random splits: ${JSON.stringify(alarms)}`);
  expect(alarms.drift).toBe(0);
  expect(alarms.p).toBeLessThanOrEqual(mostAlarms);
  expect(alarms.labels).toBeLessThanOrEqual(mostAlarms);
  expect(alarms.copies).toBeLessThanOrEqual(2);
  expect(binomialTail(mostAlarms + 1, trials, 0.05)).toBeLessThan(0.01);
});

test("200 splits with one feature shifted by one standard deviation, 1 000 rows a side, are told, and the feature is named", async () => {
  let named = 0;
  for (let trial = 1; trial <= trials; trial++) {
    const columns = [1, 2, 3, 4, 5].map((c) => numbers(`x${c}`, normals(2000, trial, `column ${c}`)));
    const shifted = 1 + (trial % 5);
    columns[shifted - 1]!.values.forEach((_, row, values) => (values[row]! += row < 1000 ? 0 : 1));
    const found = await runAuditRule(featureDrift, contextFor(subjectWith(tableOf(columns), { train: 1000, test: 1000 })));
    if (found.length === 1 && found[0]!.severity === "warn" && found[0]!.subject === `x${shifted}`) named += 1;
  }
  console.log(`${named} of ${trials} shifts told and named, and nothing else`);
  expect(named).toBeGreaterThanOrEqual(0.95 * trials);
});

test("a domain classifier raises at most 18 alarms in 200 random splits of identical data, any effect counted", async () => {
  const table = identical(400);
  let alarms = 0;
  for (let trial = 1; trial <= trials; trial++) {
    const found = await runAuditRule(domainClassifier, contextFor(splitAtRandom(table, 200, trial)), { note: 0 });
    if (found.some(({ severity }) => severity !== "pass")) alarms += 1;
  }
  console.log(`domain classifier: ${alarms} alarms in ${trials} random splits`);
  expect(alarms).toBeLessThanOrEqual(mostAlarms);
}, 300_000);

/** A series of noise, whose last fifth lies higher, as windows of 24 lines split by time. */
function windowsOf(lines: number, trial: number, lift = 0): AuditSubject {
  const values = normals(lines, trial, "series").map((value, i) => value + (i < 0.8 * lines ? 0 : lift));
  const column = numbers("load", values);
  const clock = numbers(
    "hour",
    Array.from({ length: lines }, (_, i) => i),
  );
  const windows = cutWindows(tableOf([column], undefined, { time: clock }), "load", { window: 24 });
  return partsSubject(windows, split(windows, { seed: trial }));
}

test("windows that overlap are no independent evidence: noise raises few alarms, a lifted end is told, and nobody is sent to mix the times", async () => {
  let alarms = 0;
  for (let trial = 1; trial <= 60; trial++)
    if ((await runAuditRule(featureDrift, contextFor(windowsOf(600, trial)))).some(({ severity }) => severity !== "pass")) alarms += 1;
  console.log(`${alarms} alarms over 60 series of noise`);
  // Of 60 at 5 %, more than 8 come in 0.3 % of all cases.
  expect(alarms).toBeLessThanOrEqual(8);
  expect(binomialTail(9, 60, 0.05)).toBeLessThan(0.01);
  const [calm] = await runAuditRule(featureDrift, contextFor(windowsOf(600, 1)));
  expect(calm!.message).toMatch(/of windows that overlap one counts: \d+ in train, \d in validation, \d in test/);

  const lifted = contextFor(windowsOf(6000, 1, 1));
  const drift = await runAuditRule(featureDrift, lifted);
  const apart = await runAuditRule(domainClassifier, lifted);
  expect(drift.some(({ severity, subject }) => severity === "warn" && subject === "mean of load")).toBe(true);
  expect(apart.some(({ severity }) => severity !== "pass")).toBe(true);
  const hints = [...drift, ...apart].flatMap(({ hint }) => hint ?? []);
  expect(hints.length).toBeGreaterThan(1);
  for (const hint of hints) expect(hint).toMatch(/keep the split by time/);
});

test("what only rises with the time is natural in a later part: noted, and no help in telling it apart; a trend and a mixed split are not", async () => {
  const days = Array.from({ length: 900 }, (_, i) => i);
  const year = numbers(
    "year",
    days.map((i) => Math.floor(i / 300)),
  );
  const noise = normals(900, 1);
  const trend = numbers(
    "level",
    days.map((i) => noise[i]! + i / 150),
  );
  const on = async (columns: readonly ReturnType<typeof numbers>[], time: boolean, order: readonly number[] = days) => {
    const pick = (column: ReturnType<typeof numbers>) =>
      numbers(
        column.name,
        order.map((i) => column.values[i]!),
      );
    const table = tableOf(columns.map(pick), undefined, time ? { time: pick(numbers("day", days)) } : {});
    const subject = contextFor(subjectWith(table, { train: 600, validation: 300 }));
    return { drift: await runAuditRule(featureDrift, subject), apart: await runAuditRule(domainClassifier, subject) };
  };
  const calm = await on([year, numbers("x", normals(900, 2))], true);
  expect(calm.drift).toMatchObject([{ severity: "note", subject: "year", hint: expect.stringMatching(/leave it out/) as string }]);
  expect(calm.apart.map(({ severity }) => severity)).toEqual(["pass"]);
  // Neither the order of the lines nor a gap hides that it rises.
  const turned = { ...year, values: year.values.map((value, i) => (i === 5 ? NaN : value)) };
  const backwards = [...days.slice(0, 600).toReversed(), ...days.slice(600)];
  expect((await on([turned, numbers("x", normals(900, 2))], true, backwards)).drift).toMatchObject([{ severity: "note", subject: "year" }]);

  const rising = await on([trend], true);
  expect(rising.drift).toMatchObject([
    { severity: "warn", subject: "level", hint: expect.stringMatching(/keep the split by time/) as string },
  ]);
  expect(rising.apart.map(({ severity }) => severity)).toEqual(["warn"]);

  const untimed = await on([year], false);
  expect(untimed.drift).toMatchObject([{ severity: "warn", subject: "year" }]);
  expect(untimed.apart.map(({ severity }) => severity)).toEqual(["fail"]);
});

test("amounts of a later time that differ are no reason to pool the rows", async () => {
  const values = normals(600, 1).map((value, i) => value + (i < 400 ? 0 : 1));
  const clock = numbers(
    "day",
    values.map((_, i) => i),
  );
  const hintOf = async (time?: ReturnType<typeof numbers>) => {
    const table = tableOf([numbers("x", normals(600, 2))], numbers("y", values), time ? { time } : {});
    return (await runAuditRule(labelShift as never, contextFor(subjectWith(table, { train: 400, test: 200 }))))[0]!.hint;
  };
  expect(await hintOf(clock)).toMatch(/keep the split by time/);
  expect(await hintOf()).toMatch(/pool the rows/);
});
