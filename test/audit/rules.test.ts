/** Every rule on what it must find, and on what it must not. */
import { expect, test } from "vitest";
import { audit, contextOf, runAuditRule } from "../../src/audit/audit.ts";
import type { AuditSubject } from "../../src/audit/rule.ts";
import { auditRules } from "../../src/audit/rules/index.ts";
import { trainSmall } from "../../src/audit/small-network.ts";
import { partsSubject } from "../../src/audit/subject.ts";
import { split } from "../../src/data/splitter.ts";
import { cutWindows } from "../../src/data/windows.ts";
import { compile } from "../../src/exec/executor.ts";
import type { Finding } from "../../src/util/finding.ts";
import { rng } from "../../src/util/rng.ts";
import { categories, normals, numbers, pictures, subjectWith, tableOf } from "./tables.ts";

async function check(name: string, subject: AuditSubject): Promise<Finding[]> {
  const rule = auditRules.find((each) => each.name === name)!;
  return runAuditRule(rule, contextOf(subject, { seed: 1, executor: { name: "platform", compile }, runtime: {} }));
}
const severities = (findings: readonly Finding[]) => findings.map(({ severity }) => severity);

test("copies across parts are counted and placed, and fail above 5 % of a split that is given", async () => {
  const x = [...normals(100, 1), ...normals(50, 2)];
  for (let i = 0; i < 6; i++) x[100 + 2 * i] = x[10 + i]!;
  const table = tableOf([numbers("x", x)], numbers("y", normals(150, 3)));
  const sizes = { train: 100, test: 50 };
  const [across, within] = await check("duplicates", subjectWith(table, sizes));
  expect(across).toMatchObject({
    severity: "fail",
    part: "test",
    numbers: { copies: 6, rows: 50 },
    pairs: [
      [11, 101],
      [12, 103],
      [13, 105],
      [14, 107],
      [15, 109],
      [16, 111],
    ],
  });
  expect(across!.message).toContain("6 of 50 test rows, 12.0 % (5.6 – 23.8)");
  expect(across!.message).toContain("row 101 is row 11");
  // The amounts differ, so no whole row repeats.
  expect(within!.numbers).toEqual({ repeatedRows: 0, extraCopies: 0, repeatedFeatures: 6, extraByFeatures: 6 });
  expect(severities(await check("duplicates", subjectWith(table, sizes, false)))).toEqual(["warn", "note"]);
  const few = tableOf(
    [
      numbers(
        "x",
        x.map((value, i) => (i > 103 ? value + 1e-9 : value)),
      ),
    ],
    numbers("y", normals(150, 3)),
  );
  expect(severities(await check("duplicates", subjectWith(few, sizes)))).toEqual(["warn", "note"]);
  const none = tableOf([numbers("x", normals(150, 9))]);
  expect(severities(await check("duplicates", subjectWith(none, sizes)))).toEqual(["pass"]);
});

test("a copy of a validation row in test counts as well, and a row seen twice in its own part does not", async () => {
  const table = tableOf([numbers("x", [1, 2, 3, 4, 4, 5, 4, 6, 6])]);
  const findings = await check("duplicates", subjectWith(table, { train: 3, validation: 3, test: 3 }));
  expect(findings.map(({ part, numbers: found }) => [part, found["copies"]])).toEqual([
    ["test", 1],
    [undefined, undefined],
  ]);
  expect(findings[1]!.numbers).toMatchObject({ repeatedFeatures: 2, extraByFeatures: 3 });
});

test("windows of a series that repeats itself are noted, no copies nor near ones, and nothing is trained for them", async () => {
  const lines = Array.from({ length: 400 }, (_, i) => i);
  const clock = numbers("hour", lines);
  const load = numbers(
    "load",
    lines.map((i) => Math.sin((2 * Math.PI * (i % 24)) / 24)),
  );
  const windows = cutWindows(tableOf([load], undefined, { time: clock }), "load", { window: 12 });
  const subject = partsSubject(windows, split(windows, { seed: 1 }));
  const found = await check("duplicates", subject);
  expect(found.map(({ part, severity }) => [part, severity])).toEqual([
    ["validation", "note"],
    ["test", "note"],
    [undefined, "note"],
  ]);
  expect(found[0]!.numbers).toMatchObject({ copies: subject.parts[1]!.rows.length, share: 1 });
  expect(found[0]!.hint).toMatch(/the series repeats itself/);
  expect(await check("near-duplicates", subject)).toEqual([]);
  expect(await check("leak-impact", subject)).toEqual([]);
});

test("equal features with different labels give the error that no rule gets below", async () => {
  const table = tableOf(
    [categories("name", ["kim", "kim", "kim", "lee", "lee", "ann", "bob"])],
    categories("sex", ["f", "f", "m", "f", "m", "f", "m"]),
  );
  const [found] = await check("conflicting-labels", subjectWith(table, { train: 5, test: 2 }));
  expect(found).toMatchObject({
    severity: "warn",
    numbers: { distinct: 2, rows: 5, of: 7, floor: 2 / 7 },
    pairs: [
      [1, 3],
      [4, 5],
    ],
  });
  const agreed = tableOf(table.columns, categories("sex", ["f", "f", "f", "m", "m", "f", "m"]));
  expect(severities(await check("conflicting-labels", subjectWith(agreed, { train: 5, test: 2 })))).toEqual(["pass"]);
  const amounts = tableOf(table.columns, numbers("age", [1, 2, 3, 4, 5, 6, 7]));
  expect(await check("conflicting-labels", subjectWith(amounts, { train: 5, test: 2 }))).toEqual([]);
});

test("near copies of training rows are found, exact ones and chance are not", async () => {
  const [n, m, width] = [600, 200, 5];
  const planted = (noise: number, count: number) => {
    const columns = Array.from({ length: width }, (_, c) => normals(n + m, c + 1));
    const jitter = normals(count * width, 99);
    columns.forEach((values, c) => {
      for (let i = 0; i < count; i++) values[n + i] = values[3 * i]! + noise * jitter[i * width + c]!;
    });
    return subjectWith(tableOf(columns.map((values, c) => numbers(`x${c}`, values))), { train: n, test: m });
  };
  const [found] = await check("near-duplicates", planted(0.002, 25));
  expect(found).toMatchObject({ severity: "warn", part: "test", numbers: { pairs: 25, rows: 200, control: 0 } });
  expect(found!.pairs).toContainEqual([4, n + 2]);
  expect(severities(await check("near-duplicates", planted(0, 25)))).toEqual(["pass"]);
  expect(severities(await check("near-duplicates", planted(1, 25)))).toEqual(["pass"]);
  expect(severities(await check("near-duplicates", planted(0.002, 0)))).toEqual(["pass"]);
});

test("where a sample of the rows was looked at, the finding says so", async () => {
  const [n, m] = [120_000, 3000];
  const subject = subjectWith(tableOf([numbers("x", normals(n + m, 1))]), { train: n, test: m });
  const [drift] = await check("feature-drift", subject);
  expect(drift!.message).toMatch(/; of a sample: 100 000 of 120 000 in train, all 3 000 in test$/);
  const [near] = await check("near-duplicates", subject);
  expect(near!.message).toMatch(/among 1 500 test rows \(a sample of 3 000\)/);
  const [all] = await check("feature-drift", subjectWith(tableOf([numbers("x", normals(300, 1))]), { train: 200, test: 100 }));
  expect(all!.message).not.toMatch(/sample/);
});

test("a group in two parts fails, with the group's name", async () => {
  const speaker = categories("speaker", ["a", "a", "b", "b", "c", "a"]);
  const table = tableOf([numbers("x", [1, 2, 3, 4, 5, 6])], undefined, { group: speaker });
  const [found] = await check("group-overlap", subjectWith(table, { train: 4, test: 2 }));
  expect(found).toMatchObject({ severity: "fail", part: "test", numbers: { groups: 1, of: 3 }, pairs: [[1, 6]] });
  expect(found!.hint).toContain("--group speaker");
  expect(severities(await check("group-overlap", subjectWith(table, { train: 4, test: 1 })))).toEqual(["pass"]);
  expect(await check("group-overlap", subjectWith(tableOf(table.columns), { train: 4, test: 2 }))).toEqual([]);
});

test("training rows that are not earlier than the others fail", async () => {
  const at = (values: readonly number[]) =>
    tableOf([numbers("x", [1, 2, 3, 4, 5])], undefined, { time: { ...numbers("day", values), sqlType: "DATE" } });
  const day = 86_400;
  const [found] = await check("time-overlap", subjectWith(at([0, 3 * day, 2 * day, 2 * day, 5 * day]), { train: 3, test: 2 }));
  expect(found).toMatchObject({ severity: "fail", numbers: { late: 2, of: 3 }, pairs: [[2, 4]] });
  expect(found!.message).toContain("row 2 is of 1970-01-04, row 4 of 1970-01-03");
  expect(severities(await check("time-overlap", subjectWith(at([0, 1, 2, 2, 5]), { train: 3, test: 2 })))).toEqual(["fail"]);
  expect(severities(await check("time-overlap", subjectWith(at([0, 2, 1, 3, 5]), { train: 3, test: 2 })))).toEqual(["pass"]);
});

test("columns standardised over all rows are told from raw ones and from those standardised by training", async () => {
  const raw = normals(300, 4).map((value) => 3 * value + 7);
  const standardised = (rows: number) => {
    const values = raw.subarray(0, rows);
    const mean = values.reduce((a, b) => a + b, 0) / rows;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rows);
    return subjectWith(
      tableOf([
        numbers(
          "x",
          raw.map((value) => (value - mean) / deviation),
        ),
      ]),
      { train: 200, test: 100 },
    );
  };
  expect(severities(await check("scaled-before-split", standardised(300)))).toEqual(["warn"]);
  expect(severities(await check("scaled-before-split", standardised(200)))).toEqual(["pass"]);
  expect(severities(await check("scaled-before-split", subjectWith(tableOf([numbers("x", raw)]), { train: 200, test: 100 })))).toEqual([
    "pass",
  ]);
});

test("scales: raw ones far apart are noted, transformed ones that are still off warn", async () => {
  const target = numbers("y", normals(400, 8));
  const parts = { train: 300, test: 100 };
  const columns = (factor: number) => [
    numbers("a", normals(400, 5)),
    numbers(
      "b",
      normals(400, 6).map((value) => factor * value),
    ),
  ];
  expect(severities(await check("scale", subjectWith(tableOf(columns(2), target), parts)))).toEqual(["pass"]);
  expect(severities(await check("scale", subjectWith(tableOf(columns(1000), target), parts)))).toEqual(["note"]);
});

test("a column that is constant in training alone is said", async () => {
  const table = tableOf([numbers("x", [1, 1, 1, 2]), numbers("z", [1, 2, 3, 4]), categories("c", ["a", "a", "a", "b"])]);
  const [found] = await check("constant", subjectWith(table, { train: 3, test: 1 }));
  expect(found).toMatchObject({ severity: "warn", numbers: { columns: 2 } });
  expect(found!.message).toContain("x, c");
  expect(severities(await check("constant", subjectWith(table, { train: 4 })))).toEqual(["pass"]);
});

test("unbalanced classes warn by ratio and by majority, balanced ones do not", async () => {
  const labels = (counts: readonly number[]) =>
    categories(
      "y",
      counts.flatMap((count, code) => Array.from({ length: count }, () => `class ${code}`)),
    );
  const of = (counts: readonly number[]) => {
    const rows = counts.reduce((a, b) => a + b, 0);
    return check("imbalance", subjectWith(tableOf([numbers("x", normals(rows, 1))], labels(counts)), { train: rows }));
  };
  expect((await of([95, 5]))[0]).toMatchObject({ severity: "warn", numbers: { ratio: 19, majority: 0.95 } });
  expect(severities(await of([85, 15]))).toEqual(["warn"]);
  expect(severities(await of([60, 40]))).toEqual(["pass"]);
  expect(severities(await of([50, 30, 20]))).toEqual(["pass"]);
});

test("what a part resolves is the formula's", async () => {
  const table = tableOf(
    [numbers("x", normals(1100, 1))],
    categories(
      "y",
      Array.from({ length: 1100 }, (_, i) => String(i % 2)),
    ),
  );
  const found = await check("validation-size", subjectWith(table, { train: 0, validation: 1000, test: 100 }));
  expect(found.map(({ severity, numbers: { smallest } }) => [severity, smallest!.toFixed(4)])).toEqual([
    ["pass", "0.0198"],
    ["note", "0.0626"],
  ]);
});

test("a feature that is the target in another form fails; one that only helps does not", async () => {
  const n = 900;
  const classes = Array.from({ length: n }, (_, i) => (rng(1, "class", i).uniform() < 0.4 ? "yes" : "no"));
  const [noise, signal] = [normals(n, 2), normals(n, 3)];
  const leak = classes.map((label) => (label === "yes" ? "paid" : "open"));
  const helps = numbers(
    "helps",
    signal.map((value, i) => value + (classes[i] === "yes" ? 1.5 : 0)),
  );
  const parts = { train: 700, test: 200 };
  const found = await check(
    "target-leak",
    subjectWith(tableOf([numbers("noise", noise), helps, categories("state", leak)], categories("y", classes)), parts),
  );
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject({ severity: "fail", subject: "state", numbers: { errors: 0 } });
  expect(
    severities(await check("target-leak", subjectWith(tableOf([numbers("noise", noise), helps], categories("y", classes)), parts))),
  ).toEqual(["pass"]);

  const price = normals(n, 4).map((value) => Math.exp(value));
  const euros = numbers(
    "euros",
    price.map((value) => 1.1 * value + 3),
  );
  const near = numbers(
    "near",
    price.map((value, i) => value + 0.3 * noise[i]!),
  );
  expect(
    (await check("target-leak", subjectWith(tableOf([euros, near], numbers("price", price)), parts))).map(({ severity, subject }) => [
      severity,
      subject,
    ]),
  ).toEqual([["fail", "euros"]]);
  expect(severities(await check("target-leak", subjectWith(tableOf([near], numbers("price", price)), parts)))).toEqual(["pass"]);
});

test("a copy of the classes fails in small tables too, one that tells them without errors warns, and too few rows are said", async () => {
  const of = (n: number, spread: (row: number) => string, kind: (label: string, row: number) => string) => {
    const labels = Array.from({ length: n }, (_, i) => spread(i));
    const columns = [numbers("noise", normals(n, 2)), categories("kind", labels.map(kind))];
    return check(
      "target-leak",
      subjectWith(tableOf(columns, categories("y", labels)), { train: Math.round(0.8 * n), test: n - Math.round(0.8 * n) }),
    );
  };
  const three = (i: number) => "abc"[i % 3]!;
  const [copy, ...others] = await of(60, three, (label) => label.toUpperCase());
  expect(others).toEqual([]);
  expect(copy).toMatchObject({ severity: "fail", subject: "kind", numbers: { errors: 0, rows: 48 } });
  expect(copy!.message).toContain("in all 60 rows each of its values is one class and each class one value");
  // Two values a class: no copy by name, no error either.
  const finer = await of(60, three, (label, i) => `${label}${i % 2}`);
  expect(finer).toMatchObject([{ severity: "warn", subject: "kind", numbers: { errors: 0 } }]);
  // One value of 60 in another class.
  const nearly = await of(60, three, (label, i) => (i === 7 ? "A" : label.toUpperCase()));
  expect(severities(nearly)).toEqual(["pass"]);
  expect(nearly[0]!.message).not.toContain(" 0.0 % errors");
  const [scarce] = await of(
    60,
    (i) => (i % 15 === 0 ? "b" : "a"),
    (label) => label.toUpperCase(),
  );
  expect(scarce).toMatchObject({ severity: "note" });
  expect(scarce!.message).toContain("too few rows of other classes to tell");
});

test("a golden feature is one that does the work of all", async () => {
  const n = 900;
  const columns = Array.from({ length: 4 }, (_, c) => normals(n, c + 1));
  const all = columns[0]!.map((_, i) => columns.reduce((sum, values) => sum + values[i]!, 0));
  const one = columns[0]!.map((value, i) => value + 0.1 * columns[1]![i]!);
  const subject = (target: Float64Array) =>
    subjectWith(
      tableOf(
        columns.map((values, c) => numbers(`x${c}`, values)),
        numbers("y", target),
      ),
      { train: n - 100, test: 100 },
    );
  expect(severities(await check("golden-feature", subject(all)))).toEqual(["pass"]);
  expect(await check("golden-feature", subject(one))).toMatchObject([{ severity: "warn", subject: "x0" }]);
});

test("classes of other frequencies warn with the difference and its interval, and fail where they are strongly apart", async () => {
  const of = (before: number, after: number) => {
    const labels = Array.from({ length: 3000 }, (_, i) => (i < 2000 ? i / 2000 < before : (i - 2000) / 1000 < after)).map((yes) =>
      yes ? "yes" : "no",
    );
    return check(
      "label-shift",
      subjectWith(tableOf([numbers("x", normals(3000, 1))], categories("y", labels)), { train: 2000, test: 1000 }),
    );
  };
  const [shifted] = await of(0.2, 0.3);
  expect(shifted).toMatchObject({ severity: "warn", part: "test" });
  expect(Math.abs(shifted!.numbers["largest"]!)).toBeCloseTo(0.1, 10);
  expect(severities(await of(0.2, 0.75))).toEqual(["fail"]);
  expect(severities(await of(0.2, 0.21))).toEqual(["pass"]);
  const amounts = tableOf(
    [numbers("x", normals(600, 1))],
    numbers(
      "y",
      normals(600, 2).map((value, i) => value + (i < 400 ? 0 : 1)),
    ),
  );
  expect(severities(await check("label-shift", subjectWith(amounts, { train: 400, test: 200 })))).toEqual(["warn"]);
});

test("drift of numbers, of categories and of missing values is named", async () => {
  const [n, m] = [500, 400];
  const late = (i: number) => i >= n;
  const shifted = numbers(
    "shifted",
    normals(n + m, 1).map((value, i) => value + (late(i) ? 1 : 0)),
  );
  const same = numbers("same", normals(n + m, 2));
  const colour = categories(
    "colour",
    Array.from({ length: n + m }, (_, i) => (rng(3, "colour", i).uniform() < (late(i) ? 0.7 : 0.3) ? "red" : "blue")),
  );
  const gaps = numbers(
    "gaps",
    normals(n + m, 4).map((value, i) => (rng(4, "gap", i).uniform() < (late(i) ? 0.4 : 0.05) ? NaN : value)),
  );
  const many = categories(
    "many",
    Array.from({ length: n + m }, (_, i) => `word ${rng(5, "word", i).integer(300)}`),
  );
  const found = await check("feature-drift", subjectWith(tableOf([same, shifted, colour, gaps, many]), { train: n, test: m }));
  expect(found.map(({ severity, subject }) => [severity, subject]).toSorted((a, b) => (String(a) < String(b) ? -1 : 1))).toEqual([
    ["warn", "colour"],
    ["warn", "gaps is missing"],
    ["warn", "shifted"],
  ]);
  expect(found.find(({ subject }) => subject === "shifted")!.numbers["after"]).toBeGreaterThan(0.8);
});

test("a domain classifier sees what no single feature shows, and names it", async () => {
  const n = 800;
  const [a, b, c] = [normals(2 * n, 1), normals(2 * n, 2), normals(2 * n, 3)];
  // The same margins on both sides; the sign of a tells that of b in training, the opposite in test.
  const joint = b.map((value, i) => Math.abs(value) * Math.sign(a[i]!) * (i < n ? 1 : -1));
  const parts = { train: n, test: n };
  const mixed = subjectWith(tableOf([numbers("a", a), numbers("joint", joint), numbers("other", c)]), parts);
  expect(severities(await check("feature-drift", mixed))).toEqual(["pass"]);
  const [found] = await check("domain-classifier", mixed);
  expect(found).toMatchObject({ severity: "fail", part: "test" });
  expect(found!.message).toMatch(/by (a|joint) .*(a|joint) \(/);
  expect(found!.message).not.toMatch(/other \(/);
  const alike = subjectWith(tableOf([numbers("a", a), numbers("b", b), numbers("other", c)]), parts);
  expect(severities(await check("domain-classifier", alike))).toEqual(["pass"]);
});

test("of images resolution and sharpness are named where one side is degraded, and nothing where both are", async () => {
  const [n, side] = [120, 20];
  const draw = (row: number, blurred: boolean, y: number, x: number): number => {
    const stripe = (u: number, v: number) => (Math.sin((row % 7) + u * (1 + (row % 3))) * Math.cos(v * 2 + row) > 0 ? 230 : 30);
    if (!blurred) return stripe(y, x);
    let sum = 0;
    for (let dy = -2; dy <= 2; dy++) for (let dx = -2; dx <= 2; dx++) sum += stripe(y + dy, x + dx) / 25;
    return sum;
  };
  const subject = (blurred: (row: number) => boolean, size: (row: number) => number) =>
    subjectWith(tableOf([pictures(2 * n, size, (row, y, x) => draw(row, blurred(row), y, x))]), { train: n, test: n });
  const late = (row: number) => row >= n;
  const found = await check(
    "feature-drift",
    subject(late, (row) => (late(row) ? side / 2 : side)),
  );
  const named = found.map(({ subject: feature }) => feature);
  expect(named).toContain("resolution");
  expect(named).toContain("sharpness");
  expect(
    severities(
      await check(
        "feature-drift",
        subject(
          () => true,
          () => side,
        ),
      ),
    ),
  ).toEqual(["pass"]);
});

test("accepting a rule is recorded and takes its weight away; unknown rules and limits are refused", async () => {
  const table = tableOf([numbers("x", [1, 2, 3, 1])], undefined, { group: categories("g", ["a", "b", "c", "a"]) });
  const subject = subjectWith(table, { train: 3, test: 1 });
  expect(await audit(subject, { which: "train" })).toMatchObject({ severity: "fail" });
  const accepted = await audit(subject, { which: "train", accept: ["duplicates", "group-overlap"] });
  expect(accepted.severity).toBe("note");
  expect(accepted.findings.filter((finding) => finding.accepted).map(({ rule }) => rule)).toEqual(["duplicates", "group-overlap"]);
  await expect(audit(subject, { accept: ["duplicate"] })).rejects.toThrow('no audit rule "duplicate"');
  await expect(audit(subject, { limits: { duplicates: { part: 1 } } })).rejects.toThrow('has no limit "part"');
  const strictLimit = await audit(subject, { which: "train", limits: { duplicates: { share: 2 } } });
  expect(strictLimit.findings.find(({ rule }) => rule === "duplicates")!.severity).toBe("warn");
});

test("names and titles are each rule's own, and every limit says what it means", () => {
  expect(new Set(auditRules.map(({ name }) => name)).size).toBe(auditRules.length);
  for (const { name, title, source, what, limits } of auditRules) {
    expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(title.length).toBeLessThanOrEqual(16);
    expect(source.length).toBeGreaterThan(3);
    expect(what).toMatch(/[.]$/);
    for (const { value, means } of Object.values(limits)) {
      expect(Number.isFinite(value)).toBe(true);
      expect(means.length).toBeGreaterThan(10);
    }
  }
});

test("the networks that judge see as much of a sequence as was asked for", async () => {
  const rows = 60;
  const offsets = Float64Array.from({ length: rows + 1 }, (_, row) => 8 * row);
  const values = Float64Array.from(normals(8 * rows, 4));
  const steps = { name: "steps", kind: "sequence", sqlType: "DOUBLE[]", width: 1, offsets, values } as const;
  const target = categories(
    "y",
    Array.from({ length: rows }, (_, row) => (row % 2 === 0 ? "a" : "b")),
  );
  const settings = { seed: 1, executor: { name: "platform", compile }, runtime: {} };
  const train = Int32Array.from({ length: rows }, (_, row) => row);
  for (const [sees, length] of [
    [{}, 8],
    [{ maxLength: 3 }, 3],
  ] as const) {
    const network = await trainSmall(tableOf([steps], target), train, { ...settings, sees }, { steps: 2 });
    expect(network.plan.shape![0]).toBe(length);
    await network.dispose();
  }
});

test("a feature that a threshold parts into the classes is a leak, wherever the quantiles fall; one that helps is none", async () => {
  for (const [rows, severity] of [
    [300, "warn"],
    [1000, "fail"],
    [3000, "fail"],
  ] as const) {
    const random = rng(rows, "threshold");
    const classes = Array.from({ length: rows }, () => (random.uniform() < 0.45 ? "p" : "q"));
    const parting = numbers(
      "l",
      classes.map((one) => (one === "q" ? 1 : 2.5) + 0.5 * random.uniform()),
    );
    const helps = numbers(
      "x",
      classes.map((one) => (one === "q" ? 0 : 1) + random.normal()),
    );
    const subject = subjectWith(tableOf([parting, helps], categories("y", classes)), { train: rows / 2, test: rows / 2 });
    const found = await check("target-leak", subject);
    expect(found.filter((one) => one.severity !== "pass").map((one) => [one.subject, one.severity])).toEqual([["l", severity]]);
  }
});
