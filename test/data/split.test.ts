/** Splits: sizes, strata, equal rows, stability, groups, time, columns. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { detectablePoints, partSizes, resolvablePoints, rowsToResolve } from "../../src/data/part-sizes.ts";
import { hashRows } from "../../src/data/row-hash.ts";
import { split, type Parts } from "../../src/data/splitter.ts";
import { apportion } from "../../src/data/splitters/deal.ts";
import type { CategoricalColumn, Table } from "../../src/data/table.ts";
import { rng } from "../../src/util/rng.ts";
import { complaint } from "./files.ts";
import { categorical, count, numeric, tableOf } from "./tables.ts";

const sizesOf = ({ train, validation, test: held }: Parts): number[] => [train.length, validation.length, held.length];
const classCounts = (table: Table, rows: Int32Array): number[] => {
  const column = table.target!.column as CategoricalColumn;
  return column.categories.map((_, code) => rows.filter((row) => column.codes[row] === code).length);
};

describe("sizes", () => {
  test.each([
    [100, "60/20/20", 20],
    [10_000, "60/20/20", 2000],
    [50_000, "60/20/20", 10_000],
    [1_000_000, "98/1/1", 10_000],
  ])("%s rows are split %s by default", (m, policy, part) => {
    expect(partSizes(m)).toEqual({ train: m - 2 * part, validation: part, test: part, policy });
  });

  test("policies go by name, two shares mean no test set, and the cap can be chosen", () => {
    expect(partSizes(1000, { policy: "70/15/15" })).toMatchObject({ train: 700, validation: 150, test: 150 });
    expect(partSizes(1000, { policy: "80/20/0" })).toMatchObject({ train: 800, validation: 200, test: 0 });
    expect(partSizes(1000, { policy: "80/20" })).toMatchObject({ train: 800, validation: 200, test: 0 });
    expect(partSizes(1000, { policy: "99.5/0.25/0.25" })).toMatchObject({ validation: 3, test: 3 });
    expect(partSizes(1_000_000, { limit: 40_000 })).toMatchObject({ validation: 40_000, policy: "92/4/4" });
    expect(partSizes(100, { test: false })).toEqual({ train: 80, validation: 20, test: 0, policy: "80/20/0" });
  });

  test.each(["60/20/10", "60/40/0/0", "a/b/c", "100/0/0", "0/50/50", "60-20-20", ""])("the policy %j is refused", async (policy) => {
    expect(await complaint(() => partSizes(100, { policy }))).toMatch(/sum to 100, .*found ".*e\.g\. 60\/20\/20/);
  });

  test("numbers say what they are: percentages sum to 100, fractions to 1, rows are above 100 or named", () => {
    expect(partSizes(1000, { policy: "0.7/0.15/0.15" })).toMatchObject({ train: 700, validation: 150, test: 150 });
    expect(partSizes(1000, { policy: "0.8/0.2" })).toMatchObject({ train: 800, validation: 200, test: 0 });
    expect(partSizes(60_000, { policy: "40000/10000/10000" })).toEqual({
      train: 40_000,
      validation: 10_000,
      test: 10_000,
      policy: "40 000/10 000/10 000 rows",
    });
    expect(partSizes(1000, { policy: "60/20/20" })).toMatchObject({ train: 600, validation: 200 });
    expect(partSizes(1000, { policy: "60/20/20 rows" })).toMatchObject({ train: 60, validation: 20, test: 20 });
    expect(partSizes(70_000, { policy: "rest/5000/5000" })).toEqual({
      train: 60_000,
      validation: 5000,
      test: 5000,
      policy: "rest/5 000/5 000 rows",
    });
    expect(partSizes(70_000, { policy: "40000/10000/10000" }).note).toBe(
      "10 000 rows beyond those are in no part; rest/10000/10000 would train on them",
    );
  });

  test("more rows than the data has are refused, and so are two ways to choose the sizes", async () => {
    expect(await complaint(() => partSizes(2000, { policy: "1000/5000/5000" }))).toMatch(
      /^the split 1000\/5000\/5000 asks for 11 000 rows, the data has 2 000\. \| ask for fewer, or name shares: 60\/20\/20\.$/,
    );
    expect(await complaint(() => partSizes(2000, { policy: "rest/1500/500" }))).toMatch(/asks for 2 001 rows at least, the data has 2 000/);
    expect(await complaint(() => partSizes(2000, { policy: "60/20/20", resolve: 1 }))).toMatch(
      /--resolve 1 chooses the sizes, and so does --split 60\/20\/20/,
    );
    expect(await complaint(() => partSizes(2000, { policy: "60/20/20", test: 0 }))).toMatch(
      /has a test set, and none is wanted \(test: 0\)/,
    );
    expect(await complaint(() => partSizes(2000, { resolve: 0 }))).toMatch(/--resolve is a difference in percentage points/);
  });

  test.each(["100.5/50/50", "150/0/50", "0/500/500", "rest/0/500", "rest", "1/0/0", "0.5/0.5/0.5"])(
    "the policy %j is refused too",
    async (policy) => {
      expect(await complaint(() => partSizes(10_000, { policy }))).toMatch(/a split is the percentages train\/validation\/test/);
    },
  );

  test("validation has as many rows as the points to resolve need, a fifth at most", () => {
    // 2.8² · 0.05 / Δ² (two-sided 5 %, power 80 %, the two networks disagree on 5 %).
    expect(detectablePoints(1000)).toBeCloseTo(2, 1);
    expect(detectablePoints(5000)).toBeCloseTo(0.9, 1);
    expect(detectablePoints(10_000)).toBeCloseTo(0.6, 1);
    for (const points of [0.1, 0.5, 2, 7]) {
      expect(detectablePoints(rowsToResolve(points))).toBeLessThanOrEqual(points);
      expect(detectablePoints(rowsToResolve(points) - 1)).toBeGreaterThan(points);
    }
    expect(partSizes(1_000_000, { resolve: 0.5 })).toMatchObject({ validation: 15_698, test: 15_698 });
    expect(partSizes(1_000_000, { resolve: 0.5, test: 0 })).toMatchObject({ train: 984_302, test: 0 });
    const short = partSizes(50_000, { resolve: 0.2 });
    expect(short).toMatchObject({ validation: 10_000, policy: "60/20/20" });
    expect(short.note).toBe("to resolve 0.2 points validation needs 98 111 rows; a fifth of 50 000 is 10 000, which resolve 0.63");
  });

  test("what a validation set resolves follows from its size", () => {
    expect(resolvablePoints(10_000, 0.01)).toBeCloseTo(0.196, 2);
    expect(resolvablePoints(1409, 0.12)).toBeCloseTo(1.7, 1);
    expect(resolvablePoints(100)).toBeGreaterThan(resolvablePoints(1000));
  });
});

describe("at random", () => {
  test("counts are exact, overall and per class by the largest remainder", () => {
    const labels = count(1000).map((i) => (i % 10 < 7 ? "a" : i % 10 < 9 ? "b" : i % 40 < 20 ? "c" : "d"));
    const table = tableOf(count(1000), labels);
    const parts = split(table);
    expect(sizesOf(parts)).toEqual([600, 200, 200]);
    expect(parts.policy).toBe("60/20/20 stratified, seed 1");
    expect([parts.train, parts.validation, parts.test].map((rows) => classCounts(table, rows))).toEqual([
      [420, 120, 30, 30],
      [140, 40, 10, 10],
      [140, 40, 10, 10],
    ]);
  });

  test("every row is in one part, the parts ascend, a seed changes them and the same seed does not", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.constantFrom("a", "b", "c")), { minLength: 12, maxLength: 300 }),
        fc.nat(1000),
        (rows, seed) => {
          const table = tableOf(
            rows.map(([x]) => x),
            rows.map(([, y]) => y),
          );
          let parts: Parts;
          try {
            parts = split(table, { seed });
          } catch {
            return; // a handful of rows, each its own class, may leave a part empty
          }
          expect(Math.min(parts.validation.length, parts.test.length)).toBeGreaterThan(0);
          expect([...parts.train, ...parts.validation, ...parts.test].toSorted((a, b) => a - b)).toEqual(count(rows.length));
          for (const part of [parts.train, parts.validation, parts.test]) expect([...part]).toEqual([...part].toSorted((a, b) => a - b));
          expect(split(table, { seed })).toEqual(parts);
          if (parts.notes.some((note) => note.includes("more than one part"))) return;
          const where = new Map<number, string>();
          for (const name of ["train", "validation", "test"] as const)
            for (const row of parts[name]) {
              const x = rows[row]![0];
              expect(where.get(x) ?? name).toBe(name);
              where.set(x, name);
            }
        },
      ),
      { numRuns: 60 },
    );
    const table = tableOf(count(500));
    expect(split(table, { seed: 1 }).test).not.toEqual(split(table, { seed: 2 }).test);
  });

  test("equal feature rows stay together, even with different labels, and the counts stay exact", () => {
    const random = rng(1, "duplicates");
    const values = count(1000).map(() => random.integer(700));
    const labels = count(1000).map(() => (random.uniform() < 0.3 ? "yes" : "no"));
    const parts = split(tableOf(values, labels));
    expect(sizesOf(parts)).toEqual([600, 200, 200]);
    const inTrain = new Set([...parts.train].map((row) => values[row]));
    expect([...parts.validation, ...parts.test].some((row) => inTrain.has(values[row]!))).toBe(false);
    expect(parts.notes).toEqual([`${1000 - new Set(values).size} rows repeat the features of another; equal rows kept in one part`]);
  });

  test("a table of few distinct rows is dealt row by row, stratified, and says so", () => {
    const random = rng(4, "binary");
    const values = count(1000).map(() => random.integer(4));
    const labels = count(1000).map((i) => (i % 10 < 3 ? "yes" : "no"));
    const table = tableOf(values, labels);
    const parts = split(table);
    expect(sizesOf(parts)).toEqual([600, 200, 200]);
    expect(classCounts(table, parts.test)).toEqual([140, 60]);
    for (const rows of [parts.train, parts.validation, parts.test]) expect(new Set([...rows].map((row) => values[row])).size).toBe(4);
    expect(parts.notes).toEqual(["1 000 rows with equal features stand in more than one part: of 1 000 rows only 4 are distinct"]);
    expect(split(table)).toEqual(parts);
  });

  test("a cluster that crosses the exact count goes where it ends nearer, and only clusters too large are broken up", () => {
    // 25 clusters of 4: shares of 20 are met exactly; 14 clusters of 7: 21 is nearer to 20 than 14.
    expect(sizesOf(split(tableOf(count(100).map((i) => i % 25))))).toEqual([60, 20, 20]);
    const sevens = split(tableOf(count(98).map((i) => i % 14)));
    expect(sizesOf(sevens)).toEqual([56, 21, 21]);
    expect(sevens.notes).toEqual(["84 rows repeat the features of another; equal rows kept in one part"]);
    const values = count(1000).map((i) => (i < 900 ? 0 : i));
    const parts = split(tableOf(values, undefined, {}));
    expect(sizesOf(parts)).toEqual([600, 200, 200]);
    expect(parts.notes).toEqual(["900 rows with equal features stand in more than one part: of 1 000 rows only 101 are distinct"]);
  });

  test.each([3, 4, 5, 7, 20, 60])("%i equal rows fill every part that is asked for", (m) => {
    for (const policy of ["60/20/20", "98/1/1", "80/20/0"]) {
      const [train, validation, held] = sizesOf(split(tableOf(count(m).map(() => 1)), { policy }));
      expect([train! > 0, validation! > 0, held! > 0]).toEqual([true, true, policy !== "80/20/0"]);
    }
  });

  test("appending rows moves few of the old ones between parts, and the order of the file none", () => {
    const random = rng(3, "values");
    const values = count(5500).map(() => random.normal());
    const labels = values.map((v) => (v > 0.5 ? 1 : 0));
    const before = split(tableOf(values.slice(0, 5000), labels.slice(0, 5000)));
    const after = split(tableOf(values, labels));
    const stayed = (part: "train" | "validation" | "test") =>
      before[part].filter((row) => after[part].includes(row)).length / before[part].length;
    expect(stayed("test")).toBeGreaterThan(0.93);
    expect(stayed("validation")).toBeGreaterThan(0.9);
    expect(stayed("train")).toBeGreaterThan(0.97);
    const shuffle = rng(4, "order").permutation(5000);
    const shuffled = split(
      tableOf(
        [...shuffle].map((row) => values[row]!),
        [...shuffle].map((row) => labels[row]!),
      ),
    );
    expect([...shuffled.test].map((i) => shuffle[i]!).toSorted((a, b) => a - b)).toEqual([...before.test]);
  });

  test("an id column keys the order instead of the features", () => {
    const values = count(300).map((i) => i * 1.5);
    const ids = categorical(
      "id",
      values.map((_, i) => `k${i}`),
    );
    const one = split(tableOf(values, undefined, { id: ids }));
    const changed = split(
      tableOf(
        values.map((v) => v + 0.25),
        undefined,
        { id: ids },
      ),
    );
    expect(changed.test).toEqual(one.test);
    expect(split(tableOf(values)).test).not.toEqual(one.test);
  });

  test("a rare class goes to training first", () => {
    const labels = count(100).map((i) => (i === 7 ? "only" : i === 8 || i === 9 ? "pair" : "many"));
    const table = tableOf(count(100), labels);
    const parts = split(table);
    expect(sizesOf(parts)).toEqual([60, 20, 20]);
    expect(Math.min(...classCounts(table, parts.train))).toBeGreaterThan(0);
  });

  test("too few rows for a part are refused", async () => {
    expect(await complaint(() => split(tableOf([1, 2])))).toMatch(
      /t\.csv: the validation part would be empty \(2 rows.*more rows are needed/,
    );
  });

  test("two hundred thousand rows are split in well under seconds", () => {
    const table = tableOf(rng(1, "million").fillNormal(new Float64Array(200_000)));
    const start = performance.now();
    expect(sizesOf(split(table))).toEqual([180_000, 10_000, 10_000]);
    expect(performance.now() - start).toBeLessThan(5000);
  });

  test("shares by the largest remainder sum to the total under caps", () => {
    expect(apportion(10, [1, 1, 1], [9, 9, 9])).toEqual([4, 3, 3]);
    expect(apportion(4, [3, 3, 10], [0, 1, 10])).toEqual([0, 1, 3]);
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 12 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (counts, share) => {
          const total = Math.round(share * counts.reduce((a, b) => a + b, 0));
          const shares = apportion(total, counts, counts);
          expect(shares.reduce((a, b) => a + b, 0)).toBe(total);
          expect(shares.every((s, i) => s <= counts[i]!)).toBe(true);
        },
      ),
    );
  });
});

describe("what the classes and the sizes leave", () => {
  test("a class of one row trains, and that is said", () => {
    const labels = count(200).map((i) => (i === 7 ? "only" : i % 2 === 0 ? "a" : "b"));
    const parts = split(tableOf(count(200), labels));
    expect(parts.train).toContain(7);
    expect(parts.notes).toEqual(['y "only" (1 row) not in validation and test: nothing is measured of a class where it has no rows']);
  });

  test("rows beyond those that were asked for are in no part, class by class", () => {
    const table = tableOf(
      count(1000),
      count(1000).map((i) => (i % 4 === 0 ? "a" : "b")),
    );
    const parts = split(table, { policy: "400/120/80" });
    expect(sizesOf(parts)).toEqual([400, 120, 80]);
    expect([parts.train, parts.validation, parts.test].map((rows) => classCounts(table, rows))).toEqual([
      [100, 300],
      [30, 90],
      [20, 60],
    ]);
    expect(parts.policy).toBe("400/120/80 rows stratified, seed 1");
    expect(parts.notes).toEqual(["400 rows beyond those are in no part; rest/120/80 would train on them"]);
  });

  test("classes are exact to one row in every part, whatever the policy", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("a", "b", "b", "c", "c", "c"), { minLength: 40, maxLength: 400 }),
        fc.constantFrom("60/20/20", "70/15/15", "80/20/0", "0.5/0.25/0.25", "20/10/10 rows"),
        fc.nat(50),
        (labels, policy, seed) => {
          const table = tableOf(count(labels.length), labels);
          const parts = split(table, { policy, seed });
          const wanted = partSizes(labels.length, { policy });
          for (const part of ["train", "validation", "test"] as const) {
            expect(parts[part].length).toBe(wanted[part]);
            const all = classCounts(table, Int32Array.from(count(labels.length)));
            classCounts(table, parts[part]).forEach((n, code) =>
              // Training takes what validation and test leave, so that both their roundings meet there.
              expect(Math.abs(n - (wanted[part] * all[code]!) / labels.length)).toBeLessThan(part === "train" ? 2 : 1 + 1e-9),
            );
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test("--resolve speaks of errors, so amounts refuse it", async () => {
    expect(await complaint(() => split(tableOf(count(100)), { resolve: 1 }))).toMatch(
      /--resolve speaks of points of error, and y is an amount/,
    );
  });
});

describe("keys of rows", () => {
  test("depend on the values and the seed, not on the place, the category order or the sign of zero", () => {
    const a = hashRows([numeric("x", [1, 2, 1, NaN, NaN, 0, -0]), categorical("c", ["p", "q", "p", "p", "p", "p", "p"])], 7, 1);
    expect(a[0]).toBe(a[2]);
    expect(a[3]).toBe(a[4]);
    expect(a[5]).toBe(a[6]);
    expect(new Set(a).size).toBe(4);
    const b = hashRows([numeric("x", [2, 1]), categorical("c", ["q", "p"])], 2, 1);
    expect([b[0], b[1]]).toEqual([a[1], a[0]]);
    expect(hashRows([numeric("x", [1])], 1, 1)[0]).not.toBe(hashRows([numeric("x", [1])], 1, 2)[0]);
  });

  test("a hundred thousand near rows have as many keys, evenly spread", () => {
    const keys = hashRows(
      [
        numeric("x", count(100_000)),
        numeric(
          "z",
          count(100_000).map((i) => i % 2),
        ),
      ],
      100_000,
      5,
    );
    expect(new Set(keys).size).toBe(100_000);
    const below = keys.filter((key) => key < 2 ** 52).length;
    expect(Math.abs(below - 50_000)).toBeLessThan(800);
  });
});

describe("by groups", () => {
  const random = rng(9, "groups");
  const groups = count(2000).map(() => `g${random.integer(80)}`);
  const table = tableOf(
    count(2000),
    count(2000).map((i) => i % 3),
    { group: categorical("house", groups) },
  );

  test("no group is in two parts, the sizes come near the policy, a seed changes the choice", () => {
    const parts = split(table);
    const of = (rows: Int32Array) => new Set([...rows].map((row) => groups[row]));
    const [train, validation, held] = [of(parts.train), of(parts.validation), of(parts.test)];
    expect([...train].filter((g) => validation.has(g))).toEqual([]);
    expect([...held].filter((g) => train.has(g) || validation.has(g))).toEqual([]);
    expect(Math.abs(parts.test.length - 400)).toBeLessThan(30);
    expect(Math.abs(parts.validation.length - 400)).toBeLessThan(30);
    expect(parts.policy).toBe("60/20/20 by house, seed 1");
    expect(parts.notes[0]).toMatch(/^groups of house: \d+ in training, \d+ in validation, \d+ in test, none in two$/);
    expect(split(table, { seed: 2 }).test).not.toEqual(parts.test);
  });

  test("validation and test share what a group larger than the training share leaves", () => {
    const of = count(200).map((row) => (row < 170 ? "large" : `g${row % 9}`));
    for (const seed of [1, 2, 3, 4, 5]) {
      const parts = split(tableOf(count(of.length), undefined, { group: categorical("g", of) }), { seed });
      expect(parts.train).toHaveLength(170);
      for (const part of [parts.validation, parts.test]) expect(part.length).toBeGreaterThanOrEqual(10);
    }
  });

  test("groups of any sizes stand whole, each part has one, and validation and test come near their sizes", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.integer({ min: 0, max: 12 }).map((i) => i * i),
          { minLength: 30, maxLength: 400 },
        ),
        fc.nat(50),
        (of, seed) => {
          if (new Set(of).size < 3) return;
          const parts = split(tableOf(count(of.length), undefined, { group: categorical("g", of) }), { seed });
          const sides = [parts.train, parts.validation, parts.test].map((rows) => new Set([...rows].map((row) => of[row])));
          expect(sides.every((side) => side.size > 0)).toBe(true);
          expect(sides.reduce((sum, side) => sum + side.size, 0)).toBe(new Set(of).size);
          expect(sizesOf(parts).reduce((a, b) => a + b, 0)).toBe(of.length);
          const largest = Math.max(...[...new Set(of)].map((g) => of.filter((other) => other === g).length));
          for (const part of [parts.validation, parts.test])
            expect(part.length).toBeLessThanOrEqual(Math.max(0.2 * of.length + largest / 2 + 1, largest));
        },
      ),
      { numRuns: 80 },
    );
  });

  test("a group larger than the training share trains, and what that leaves to the others is said", () => {
    const of = count(1000).map((i) => (i < 900 ? "huge" : `g${i % 10}`));
    const parts = split(tableOf(count(1000), undefined, { group: categorical("house", of) }));
    expect([...parts.train].filter((row) => row < 900)).toHaveLength(900);
    expect(parts.validation.length + parts.test.length).toBeGreaterThan(0);
    expect(parts.notes[1]).toBe(
      'house "huge" alone has 900 of 1 000 rows, more than the training share of 600: the other parts share what it leaves',
    );
  });

  test("fewer groups than parts are refused", async () => {
    const two = tableOf(count(10), undefined, {
      group: categorical(
        "g",
        count(10).map((i) => i % 2),
      ),
    });
    expect(await complaint(() => split(two))).toMatch(/column "g" \(--group\) has 2 values; 3 parts need as many groups/);
    expect(sizesOf(split(two, { policy: "50/50/0" }))).toEqual([5, 5, 0]);
  });
});

describe("by time", () => {
  test("training is earliest, test latest, and rows of one moment stay together", () => {
    const random = rng(2, "days");
    const days = count(1000).map(() => random.integer(50) * 86_400);
    const parts = split(tableOf(count(1000), undefined, { time: numeric("day", days, "DATE") }), { seed: 5 });
    const range = (rows: Int32Array) => [Math.min(...[...rows].map((r) => days[r]!)), Math.max(...[...rows].map((r) => days[r]!))] as const;
    expect(range(parts.train)[1]).toBeLessThan(range(parts.validation)[0]);
    expect(range(parts.validation)[1]).toBeLessThan(range(parts.test)[0]);
    expect(Math.abs(parts.test.length - 200)).toBeLessThan(25);
    expect(Math.abs(parts.validation.length - 200)).toBeLessThan(35);
    expect(parts.train.length + parts.validation.length + parts.test.length).toBe(1000);
    expect(parts.policy).toBe("60/20/20 by day, earliest to latest");
    expect(parts.notes[0]).toMatch(/^validation from 1970-\d\d-\d\d on, test from 1970-\d\d-\d\d on$/);
  });

  test("a file that goes back in time is put in order, and said", () => {
    const days = [...count(50), 10, ...count(49).map((i) => i + 51)].map((day) => day * 86_400);
    const parts = split(tableOf(count(100), undefined, { time: numeric("day", days, "DATE") }));
    expect(parts.notes[1]).toBe(
      "day goes back once in the file, first in row 51 (1970-02-19, then 1970-01-11): the rows were put in order",
    );
    expect(parts.train).toContain(50);
  });

  test("training ends before validation begins, which ends before the test begins, whatever the times and ties", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -40, max: 40 }), { minLength: 30, maxLength: 300 }),
        fc.constantFrom("60/20/20", "80/20/0", "10/5/5 rows"),
        (times, policy) => {
          let parts: Parts;
          try {
            parts = split(tableOf(count(times.length), undefined, { time: numeric("t", times) }), { policy });
          } catch {
            return; // too few distinct times
          }
          const range = (rows: Int32Array) =>
            [Math.min(...[...rows].map((r) => times[r]!)), Math.max(...[...rows].map((r) => times[r]!))] as const;
          expect(range(parts.train)[1]).toBeLessThan(range(parts.validation)[0]);
          if (policy !== "80/20/0") expect(range(parts.validation)[1]).toBeLessThan(range(parts.test)[0]);
          if (policy !== "10/5/5 rows") expect(sizesOf(parts).reduce((a, b) => a + b, 0)).toBe(times.length);
        },
      ),
      { numRuns: 100 },
    );
  });

  test("distinct times give exact counts, also without a test set; too few times are refused", async () => {
    const timed = (values: number[]) => tableOf(values, undefined, { time: numeric("t", values) });
    expect(sizesOf(split(timed(count(100).toReversed())))).toEqual([60, 20, 20]);
    expect(sizesOf(split(timed(count(100)), { policy: "80/20/0" }))).toEqual([80, 20, 0]);
    expect(await complaint(() => split(timed(count(100).map((i) => i % 2))))).toMatch(/column "t" \(--time\) has too few distinct times/);
  });
});

describe("by a column", () => {
  const withParts = (parts: string[], labels?: string[]) => tableOf(count(parts.length), labels, { split: categorical("part", parts) });

  test("values that begin with tr, va or dev, te name the parts, in any case", () => {
    const parts = split(withParts(["Train", "TR", "valid", "Dev", "test", "TEST set", "training"]));
    expect([[...parts.train], [...parts.validation], [...parts.test]]).toEqual([
      [0, 1, 6],
      [2, 3],
      [4, 5],
    ]);
    expect(parts).toMatchObject({ policy: "by column part", notes: [] });
  });

  test("without validation rows a fifth of training is taken, stratified and seeded, and said", () => {
    const names = count(1000).map((i) => (i < 800 ? "train" : "test"));
    const labels = count(1000).map((i) => (i % 4 === 0 ? "a" : "b"));
    const table = withParts(names, labels);
    const parts = split(table);
    expect(sizesOf(parts)).toEqual([640, 160, 200]);
    expect(classCounts(table, parts.validation)).toEqual([40, 120]);
    expect([...parts.test]).toEqual(count(200).map((i) => i + 800));
    expect(parts.notes).toEqual(["part names no validation rows: 160 of the 800 training rows taken, stratified, seed 1"]);
    expect(split(table, { seed: 2 }).validation).not.toEqual(parts.validation);
    expect(split(table, { seed: 2 }).test).toEqual(parts.test);
  });

  test("a fifth of training is a fifth however many rows there are", () => {
    const parts = split(withParts(count(60_000).map(() => "train")), { limit: 10_000 });
    expect(sizesOf(parts)).toEqual([48_000, 12_000, 0]);
  });

  test("no test rows are said, no training rows and other values refused, as are two ways at once", async () => {
    expect(split(withParts(["train", "train", "val"])).notes).toEqual(["part names no test rows: there is no test set"]);
    expect(await complaint(() => split(withParts(["test", "val"])))).toMatch(/names no training rows/);
    expect(await complaint(() => split(withParts(["train", "holdout", "holdout", "x"])))).toMatch(
      /column "part" \(--split-column\) should name the parts, .* found "holdout" \(2 rows\), "x" \(1 rows\)\. \| rename these values/,
    );
    const both = tableOf(count(9), undefined, {
      split: categorical(
        "p",
        count(9).map(() => "train"),
      ),
      group: categorical("g", count(9)),
    });
    expect(await complaint(() => split(both))).toMatch(/cannot go by split \("p"\) and by group \("g"\) at once/);
    expect(await complaint(() => split(withParts(["train", "val"]), { policy: "60/20/20" }))).toMatch(/contradicts it/);
  });
});
