/** How often the rules on drift speak: rarely where nothing differs, nearly always where something does. */
import { expect, test } from "vitest";
import { contextOf, runAuditRule } from "../../src/audit/audit.ts";
import type { AuditSubject } from "../../src/audit/rule.ts";
import { domainClassifier } from "../../src/audit/rules/domain-classifier.ts";
import { featureDrift } from "../../src/audit/rules/feature-drift.ts";
import { labelShift } from "../../src/audit/rules/label-shift.ts";
import { nearDuplicates } from "../../src/audit/rules/near-duplicates.ts";
import type { Table } from "../../src/data/table.ts";
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
