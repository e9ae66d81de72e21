/** Folds and nested subsets: each row validated once a round, nothing on both sides, classes even. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { folds } from "../../src/data/folds.ts";
import { nestedSubsets } from "../../src/data/nested-subsets.ts";
import { split } from "../../src/data/splitter.ts";
import { rng } from "../../src/util/rng.ts";
import { complaint } from "./files.ts";
import { categorical, count, numeric, tableOf } from "./tables.ts";

const sorted = (rows: Iterable<number>) => [...rows].toSorted((a, b) => a - b);

describe("folds", () => {
  test("every row validates once a round, the rest trains, classes and folds are even to one row", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("a", "b", "c"), { minLength: 12, maxLength: 200 }),
        fc.integer({ min: 2, max: 7 }),
        fc.nat(100),
        (labels, k, seed) => {
          const table = tableOf(count(labels.length), labels);
          const all = folds(table, { k, seed });
          expect(all).toHaveLength(k);
          expect(sorted(all.flatMap(({ validation }) => [...validation]))).toEqual(count(labels.length));
          for (const { train, validation } of all) expect(sorted([...train, ...validation])).toEqual(count(labels.length));
          const even = (counts: readonly number[]) => expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
          even(all.map(({ validation }) => validation.length));
          for (const label of ["a", "b", "c"]) even(all.map(({ validation }) => validation.filter((row) => labels[row] === label).length));
        },
      ),
      { numRuns: 60 },
    );
  });

  test("equal rows are in one fold, unless they are more than a fold takes, which is said", () => {
    const random = rng(1, "values");
    const values = count(600).map(() => random.integer(250));
    for (const { train, validation, notes } of folds(tableOf(values), { k: 5 })) {
      const known = new Set([...train].map((row) => values[row]));
      expect([...validation].filter((row) => known.has(values[row]!))).toEqual([]);
      expect(Math.abs(validation.length - 120)).toBeLessThanOrEqual(24);
      expect(notes).toEqual([]);
    }
    const few = folds(tableOf(count(600).map((i) => i % 3)), { k: 5 });
    expect(few.map(({ validation }) => validation.length)).toEqual([120, 120, 120, 120, 120]);
    expect(few[0]!.notes).toEqual([
      "rows with equal features are more than a fold takes (3 distinct rows): large clusters stand in several folds",
    ]);
  });

  test("rounds differ, the first is that of a single round, a seed changes them; chosen rows alone take part", () => {
    const table = tableOf(count(100));
    const [once, thrice] = [folds(table, { k: 4 }), folds(table, { k: 4, repeats: 3 })];
    expect(thrice.map(({ repeat, fold }) => [repeat, fold])).toEqual(count(12).map((i) => [Math.floor(i / 4), i % 4]));
    expect(thrice[0]!.validation).toEqual(once[0]!.validation);
    expect(thrice[4]!.validation).not.toEqual(once[0]!.validation);
    expect(folds(table, { k: 4, seed: 2 })[0]!.validation).not.toEqual(once[0]!.validation);
    expect(thrice[5]!.policy).toBe("fold 2 of 4 of round 2, seed 1");
    const { train } = split(table);
    expect(sorted(folds(table, { k: 3, rows: train }).flatMap(({ validation }) => [...validation]))).toEqual([...train]);
  });

  test("groups are whole", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 25 }), { minLength: 60, maxLength: 300 }), fc.nat(100), (groups, seed) => {
        if (new Set(groups).size < 5) return;
        const table = tableOf(count(groups.length), undefined, { group: categorical("g", groups) });
        const all = folds(table, { k: 5, seed });
        expect(sorted(all.flatMap(({ validation }) => [...validation]))).toEqual(count(groups.length));
        for (const { train, validation } of all) {
          const known = new Set([...train].map((row) => groups[row]));
          expect([...validation].some((row) => known.has(groups[row]!))).toBe(false);
          expect(validation.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("by time each fold trains on what came before, and ties stay together", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 80, maxLength: 300 }), (times) => {
        const table = tableOf(count(times.length), undefined, { time: numeric("t", times) });
        if (new Set(times).size < 12) return;
        const all = folds(table, { k: 4 });
        const at = (rows: Int32Array) => [...rows].map((row) => times[row]!);
        all.forEach(({ train, validation }, fold) => {
          expect(Math.max(...at(train))).toBeLessThan(Math.min(...at(validation)));
          if (fold > 0) expect(sorted(train)).toEqual(sorted([...all[fold - 1]!.train, ...all[fold - 1]!.validation]));
        });
        expect(all[3]!.train.length + all[3]!.validation.length).toBe(times.length);
      }),
      { numRuns: 40 },
    );
  });

  test("too few rows, groups or times, no whole number, repeated time: refused", async () => {
    expect(await complaint(() => folds(tableOf(count(3)), { k: 5 }))).toMatch(/5 folds need as many rows, found 3/);
    expect(await complaint(() => folds(tableOf(count(9)), { k: 1 }))).toMatch(/k must be a whole number of at least 2, found 1/);
    const groups = tableOf(count(9), undefined, {
      group: categorical(
        "g",
        count(9).map((i) => i % 2),
      ),
    });
    expect(await complaint(() => folds(groups, { k: 3 }))).toMatch(/column "g" \(--group\) has 2 values; 3 folds need as many groups/);
    const timed = (times: number[]) => tableOf(times, undefined, { time: numeric("t", times) });
    expect(await complaint(() => folds(timed(count(40).map((i) => i % 3)), { k: 5 }))).toMatch(/too few distinct times for 5 folds/);
    expect(await complaint(() => folds(timed(count(40)), { k: 3, repeats: 2 }))).toMatch(/forward chaining by time .* cannot be repeated/);
  });
});

describe("nested subsets", () => {
  test("each contains the smaller, and every class has its share to within one row", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("a", "b", "b", "b", "c", "c"), { minLength: 40, maxLength: 250 }),
        fc.nat(100),
        (labels, seed) => {
          const table = tableOf(count(labels.length), labels);
          const parts = { ...split(table), table };
          const n = parts.train.length;
          const sizes = [1, 3, Math.floor(n / 4), Math.floor(n / 2), n].filter((size) => size >= 1);
          const subsets = nestedSubsets(parts, sizes, seed);
          subsets.forEach((subset, i) => {
            expect(subset.train).toHaveLength(sizes[i]!);
            expect([...subset.train]).toEqual(sorted(subset.train));
            expect(subset.validation).toBe(parts.validation);
            const inside = new Set(subsets[i + 1]?.train);
            if (i + 1 < subsets.length) expect([...subset.train].every((row) => inside.has(row))).toBe(true);
            for (const label of ["a", "b", "c"]) {
              const share = (rows: Int32Array) => rows.filter((row) => labels[row] === label).length;
              expect(Math.abs(share(subset.train) - (share(parts.train) * sizes[i]!) / n)).toBeLessThanOrEqual(1.5);
            }
          });
          expect(sorted(subsets.at(-1)!.train)).toEqual([...parts.train]);
        },
      ),
      { numRuns: 50 },
    );
  });

  test("a seed changes them; by time the latest rows come first, by group group after group", () => {
    const plain = { ...split(tableOf(count(200))), table: tableOf(count(200)) };
    expect(nestedSubsets(plain, [30], 1)[0]!.train).not.toEqual(nestedSubsets(plain, [30], 2)[0]!.train);
    const timedTable = tableOf(count(200), undefined, { time: numeric("t", count(200)) });
    const timed = { ...split(timedTable), table: timedTable };
    expect([...nestedSubsets(timed, [20])[0]!.train]).toEqual(count(20).map((i) => i + 100));
    const groupedTable = tableOf(count(200), undefined, {
      group: categorical(
        "g",
        count(200).map((i) => i % 40),
      ),
    });
    const grouped = { ...split(groupedTable), table: groupedTable };
    expect(new Set([...nestedSubsets(grouped, [20])[0]!.train].map((row) => row % 40)).size).toBe(4);
  });

  test("sizes beyond the training part, or none, are refused", async () => {
    const parts = { ...split(tableOf(count(100))), table: tableOf(count(100)) };
    for (const size of [0, 61, 2.5]) expect(await complaint(() => nestedSubsets(parts, [size]))).toMatch(/has 1 to 60 rows, found/);
  });
});
