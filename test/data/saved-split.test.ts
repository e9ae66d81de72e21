/** Saved splits: rows are found again in data that has grown, was reordered, or lost some of them. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NONE, PARTS } from "../../src/data/part.ts";
import { knownRows, savedSplit, type SavedSplit } from "../../src/data/saved-split.ts";
import { split, type Parts, type SplitOptions } from "../../src/data/splitter.ts";
import { selectRows, type CategoricalColumn, type Table } from "../../src/data/table.ts";
import { rng } from "../../src/util/rng.ts";
import { complaint } from "./files.ts";
import { categorical, count, numeric, tableOf } from "./tables.ts";

const saveOf = (table: Table, parts: Parts): SavedSplit => ({ ...savedSplit(table, { ...parts, origin: parts.origin! }), path: "s.json" });
const made = (table: Table, options: SplitOptions = {}) => saveOf(table, split(table, options));
const names = ["train", "validation", "test", "trainDev"] as const;
function partsOf(parts: Parts, rows: number): (string | undefined)[] {
  const of = Array<string | undefined>(rows);
  for (const name of names) for (const row of parts[name] ?? []) of[row] = name;
  return of;
}
const sizesOf = ({ train, validation, test: held }: Parts): number[] => [train.length, validation.length, held.length];
const beginning = (table: Table, n: number) => selectRows(table, Int32Array.from(count(n)));

describe("grown data", () => {
  test("whatever is appended, copies and new labels among it, no old row moves; in another order neither", () => {
    fc.assert(
      fc.property(
        // Many values, or so few that equal rows stand in several parts.
        fc
          .constantFrom(40, 2)
          .chain((max) => fc.array(fc.tuple(fc.integer({ min: 0, max }), fc.constantFrom("a", "b")), { minLength: 40, maxLength: 200 })),
        fc.integer({ min: 20, max: 39 }),
        fc.nat(50),
        (rows, old, seed) => {
          const table = tableOf(
            rows.map(([x]) => x),
            rows.map(([, y]) => y),
          );
          const before = beginning(table, old);
          let parts: Parts;
          try {
            parts = split(before, { seed });
          } catch {
            return; // too few rows of a class
          }
          const saved = saveOf(before, parts);
          const after = partsOf(split(table, { saved }), rows.length);
          expect(after.slice(0, old)).toEqual(partsOf(parts, old));
          expect(after.includes(undefined)).toBe(false);
          const order = rng(seed, "order").permutation(rows.length);
          const shuffled = partsOf(split(selectRows(table, order), { saved }), rows.length);
          const tally = (place: (row: number) => number, of: readonly (string | undefined)[]) =>
            count(rows.length)
              .map((i) => `${rows[place(i)]!.join()} ${of[i]}`)
              .toSorted();
          // Equal rows are interchangeable: of each kind as many stand in each part.
          expect(tally((i) => order[i]!, shuffled)).toEqual(tally((i) => i, after));
        },
      ),
      { numRuns: 80 },
    );
  });

  test("a tenth more rows: none moves, and each class is filled to the exact share of the larger whole", () => {
    const random = rng(3, "values");
    const values = count(5500).map(() => random.normal());
    const table = tableOf(
      values,
      values.map((v) => (v > 0.5 ? "high" : "low")),
    );
    const before = beginning(table, 5000);
    const parts = split(before);
    const after = split(table, { saved: saveOf(before, parts) });
    expect(partsOf(after, 5500).slice(0, 5000)).toEqual(partsOf(parts, 5000));
    const codes = (table.target!.column as CategoricalColumn).codes;
    const high = codes.reduce((n, code) => n + (code === 0 ? 1 : 0), 0);
    for (const part of [after.validation, after.test]) {
      expect(part.length).toBe(1100);
      expect(Math.abs(part.filter((row) => codes[row] === 0).length - high / 5)).toBeLessThan(1);
    }
    expect(after.policy).toBe("60/20/20 stratified, seed 1, from s.json");
    expect(after.notes).toEqual(["all 5 000 rows of s.json keep their parts", "500 new rows: 300 training, 100 validation, 100 test"]);
  });

  test("where the policy for the new size differs, saved rows stay all the same, and that is said", () => {
    const table = tableOf(rng(4, "values").fillNormal(new Float64Array(2000)));
    const before = beginning(table, 400);
    const saved = made(before, { limit: 100 });
    const after = split(table, { saved });
    expect(sizesOf(after)).toEqual([1800, 100, 100]);
    const fewer = split(table, { saved, policy: "98/1/1" });
    expect(sizesOf(fewer)).toEqual([1840, 80, 80]);
    expect(fewer.notes).toContain("for 2 000 rows the policy 98/1/1 would give 1 960 / 20 / 20; saved rows stay where they are");
    expect(partsOf(fewer, 2000).slice(0, 400)).toEqual(partsOf(split(before, { limit: 100 }), 400));
  });

  test("new rows fill in the order of their keys, not of the file", () => {
    const table = tableOf(rng(5, "values").fillNormal(new Float64Array(1000)));
    const saved = made(beginning(table, 500));
    const after = partsOf(split(table, { saved }), 1000);
    const order = Int32Array.from([...count(500), ...count(500).map((i) => 999 - i)]);
    const turned = partsOf(split(selectRows(table, order), { saved }), 1000);
    expect([...order].map((_, i) => turned[i])).toEqual([...order].map((row) => after[row]));
  });

  test("a grown split can be saved in its turn", () => {
    const table = tableOf(rng(6, "values").fillNormal(new Float64Array(900)));
    const first = beginning(table, 300);
    const second = beginning(table, 600);
    const parts = split(second, { saved: made(first) });
    const third = split(table, { saved: saveOf(second, parts) });
    expect(partsOf(third, 900).slice(0, 600)).toEqual(partsOf(parts, 600));
    expect(sizesOf(third)).toEqual([540, 180, 180]);
  });

  test("rows that are gone are counted, and copies of a row follow it", () => {
    const table = tableOf(count(200));
    const parts = split(table);
    const saved = saveOf(table, parts);
    const without = Int32Array.from(count(200).filter((row) => row !== parts.test[0] && row !== parts.train[0]));
    const doubled = Int32Array.from([...without, parts.validation[0]!, parts.validation[0]!]);
    const again = split(selectRows(table, doubled), { saved });
    expect(again.notes.slice(0, 2)).toEqual([
      "198 rows of s.json keep their parts",
      "2 saved rows are no longer there: 1 training, 1 test",
    ]);
    expect(again.notes).toContain("2 rows repeat the features of another; equal rows kept in one part");
    expect([...again.validation].filter((row) => row >= 198)).toEqual([198, 199]);
  });
});

describe("rows that are known, and no others", () => {
  const letters = (partOf: Uint8Array) => [...partOf].map((part) => (part === NONE ? undefined : PARTS[part]));
  const again = (table: Table): Table => ({ ...table, source: { ...table.source, fingerprint: "grown" } });

  test("whatever is appended and however it is ordered, as many rows of a key are known as there were, in the parts they had", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(60), { minLength: 60, maxLength: 150 }), fc.nat(50), (values, seed) => {
        const table = again(tableOf(values));
        const before = beginning(table, 50);
        let parts: Parts;
        try {
          parts = split(before, { seed });
        } catch {
          return fc.pre(false);
        }
        const saved = saveOf(before, parts);
        const own = partsOf(parts, 50);
        expect(letters(knownRows(saved, table))).toEqual([...own, ...Array<undefined>(values.length - 50)]);
        const order = rng(seed, "order").permutation(values.length);
        const turned = letters(knownRows(saved, selectRows(table, order)));
        // Rows with equal features cannot be told apart; there are as many of a value and a part as there were.
        const tally = (of: readonly (string | undefined)[], at: (i: number) => number) =>
          of.flatMap((part, i) => (part ? [`${values[at(i)]} ${part}`] : [])).toSorted();
        expect(tally(turned, (i) => order[i]!)).toEqual(tally(own, (i) => i));
        return true;
      }),
      { numRuns: 100 },
    );
  });

  test("rows that are gone are counted by part, and a file that has changed in place is no grown one", () => {
    const table = tableOf(count(200));
    const parts = split(table);
    const saved = saveOf(table, parts);
    const rows = Int32Array.from(count(200).filter((row) => row !== parts.test[0] && row !== parts.train[0]));
    expect(() => knownRows(saved, again(selectRows(table, rows)))).toThrow(
      /of the 200 rows that s.json knows, only 198 are there \(198 rows, compared by "x"\); gone are 1 training, 1 test/,
    );
    expect(() => knownRows(saved, again(tableOf(count(300).map((i) => i + 1000))))).toThrow(/none is there/);
  });

  test("new rows of a saved group are known behind the others alone", () => {
    const group = count(400).map((i) => `g${i % 20}`);
    const table = again(tableOf(count(400), undefined, { group: categorical("house", group) }));
    const before = beginning(table, 300);
    const parts = split(before);
    const saved = saveOf(before, parts);
    expect(letters(knownRows(saved, table))).toEqual([...partsOf(parts, 300), ...Array<undefined>(100)]);
    expect(() => knownRows(saved, selectRows(table, Int32Array.from(count(400).toReversed())))).toThrow(
      /knows the rows by "house", so that new ones cannot be told from the others/,
    );
  });
});

describe("what keys are made of", () => {
  const table = (): Table => ({
    ...tableOf(count(300)),
    columns: [
      numeric("x", count(300)),
      categorical(
        "c",
        count(300).map((i) => i % 7),
      ),
    ],
  });
  const other = (given: Table): Table => ({ ...given, source: { ...given.source, fingerprint: "other" } });

  test("in the very same file rows are told by their place, whichever columns are read", () => {
    const whole = table();
    const file = { ...whole, source: { ...whole.source, fingerprint: "f" } };
    const parts = split(file);
    const dropped = { ...file, columns: file.columns.slice(1) };
    expect(sizesOf(split(dropped, { saved: saveOf(file, parts) }))).toEqual(sizesOf(parts));
    expect(split(dropped, { saved: saveOf(file, parts) }).test).toEqual(parts.test);
  });

  test("the same file read in another order of rows is told by keys", () => {
    const whole = table();
    const file = { ...whole, source: { ...whole.source, fingerprint: "f" } };
    const parts = split(file);
    const order = rng(1, "order").permutation(300);
    const turned = split(selectRows(file, order), { saved: saveOf(file, parts) });
    expect([...turned.test].map((i) => order[i]!).toSorted((a, b) => a - b)).toEqual([...parts.test]);
    const fewer = selectRows({ ...file, columns: file.columns.slice(1) }, order);
    expect(() => split(fewer, { saved: saveOf(file, parts) })).toThrow(/column "x" is none of them now/);
  });

  test("sizes given anew take the place of all saved ones", () => {
    const labelled = tableOf(
      count(1000),
      count(1000).map((i) => i % 2),
    );
    const saved = made(beginning(labelled, 500), { resolve: 7, trainDev: "10%" });
    const again = split(labelled, { saved, policy: "70/15/15" });
    expect(sizesOf(again)).toEqual([630, 150, 150]);
    expect(again.origin!.sizing).toEqual({ policy: "70/15/15", trainDev: "10%" });
  });

  test("new columns and another order of columns change nothing", () => {
    const parts = split(table());
    const saved = saveOf(table(), parts);
    const [x, c] = table().columns as [Table["columns"][number], Table["columns"][number]];
    const wider = other({ ...table(), columns: [c, numeric("new", count(300)), x] });
    const again = split(wider, { saved });
    expect(again.test).toEqual(parts.test);
    expect(again.notes).toEqual(["all 300 rows of s.json keep their parts", 'new column "new": the rows are known by the others']);
  });

  test("columns that are missing or of another kind, and other data, are refused", async () => {
    const saved = made(table());
    const fewer = other({ ...table(), columns: table().columns.slice(1) });
    expect(await complaint(() => split(fewer, { saved }))).toMatch(
      /^t\.csv: s\.json knows the rows by their features, and column "x" is none of them now\. \| read the same columns: gradus data split t\.csv … --split-file s\.json --out NEW/,
    );
    const text = other({ ...table(), columns: [categorical("x", count(300)), table().columns[1]!] });
    expect(await complaint(() => split(text, { saved }))).toMatch(/column "x" was numeric where s\.json was made, and is categorical now/);
    const shifted = other({
      ...table(),
      columns: [
        numeric(
          "x",
          count(300).map((i) => i + 290),
        ),
        categorical(
          "c",
          count(300).map((i) => (i + 290) % 7),
        ),
      ],
    });
    expect(await complaint(() => split(shifted, { saved }))).toMatch(
      /of the 300 rows that s\.json speaks of, only 10 are there \(300 rows, compared by 2 columns\)/,
    );
    expect(await complaint(() => split(tableOf(count(20).map((i) => i + 1000)), { saved: made(tableOf(count(300))) }))).toMatch(
      /none is there/,
    );
  });

  test("by id, features may change; ids must be the same column, and name one row each", async () => {
    const withIds = (values: number[], ids: readonly (string | number)[]) => tableOf(values, undefined, { id: categorical("id", ids) });
    const parts = split(withIds(count(200), count(200)));
    const saved = saveOf(withIds(count(200), count(200)), parts);
    const changed = withIds(
      count(220).map((i) => 7 * i),
      count(220),
    );
    expect(partsOf(split(changed, { saved }), 220).slice(0, 200)).toEqual(partsOf(parts, 200));
    expect(await complaint(() => split(tableOf(count(200)), { saved }))).toMatch(/knows the rows by column "id"\. \| name it: --id id/);
    expect(await complaint(() => split(withIds([1, 2, 3, 4, 5], ["a", "b", "a", "c", "c"])))).toMatch(
      /^t\.csv: column "id" \(--id\) should name each row once; "a" stands in rows 1 and 3, and 1 more values repeat\. \| .*--group id/,
    );
  });

  test("two saved rows whose features became equal stay where they were", () => {
    const ids = categorical("id", count(100));
    const parts = split(tableOf(count(100), undefined, { id: ids }));
    const saved = saveOf(tableOf(count(100), undefined, { id: ids }), parts);
    const equal = tableOf(
      count(100).map((i) => (i === parts.train[0] || i === parts.test[0] ? -1 : i)),
      undefined,
      { id: ids },
    );
    const again = split(equal, { saved });
    expect(partsOf(again, 100)).toEqual(partsOf(parts, 100));
    expect(again.notes).toContain("2 rows with equal features stand in more than one part: of 100 rows only 99 are distinct");
  });
});

describe("by group and time", () => {
  const random = rng(9, "groups");
  const houses = count(3000).map(() => `g${random.integer(90)}`);
  const grouped = (n: number, from = houses) => tableOf(count(n), undefined, { group: categorical("house", from.slice(0, n)) });

  test("new rows of a saved group follow it, new groups fill what is lacking, no group stands on two sides", () => {
    const parts = split(grouped(2000));
    const more = [...houses.slice(0, 2500), ...count(500).map((i) => `new${i % 25}`)];
    const after = split(grouped(3000, more), { saved: saveOf(grouped(2000), parts) });
    const of = partsOf(after, 3000);
    expect(of.slice(0, 2000)).toEqual(partsOf(parts, 2000));
    const where = new Map<string, string>();
    more.forEach((house, row) => expect(where.set(house, where.get(house) ?? of[row]!).get(house)).toBe(of[row]));
    expect(new Set(of.slice(2500)).size).toBeGreaterThan(1);
    for (const part of [after.validation, after.test]) expect(Math.abs(part.length - 600)).toBeLessThan(40);
  });

  test("by time, later rows go behind the saved moments", async () => {
    const timed = (times: readonly number[]) => tableOf(times, undefined, { time: numeric("t", times) });
    const parts = split(timed(count(100)));
    const saved = saveOf(timed(count(100)), parts);
    const after = split(timed(count(130)), { saved });
    expect(sizesOf(after)).toEqual([60, 20, 50]);
    expect(partsOf(after, 130).slice(0, 100)).toEqual(partsOf(parts, 100));
    expect(after.notes).toContain("new rows go by the saved moments: to move them on, split again");
    const early = split(timed([...count(100), -5, 70.5]), { saved });
    expect(partsOf(early, 102).slice(100)).toEqual(["train", "validation"]);
    const ids = categorical("id", count(100));
    const named = (times: readonly number[]) => tableOf(count(100), undefined, { time: numeric("t", times), id: ids });
    const turned = count(100).toReversed();
    expect(await complaint(() => split(named(turned), { saved: made(named(count(100))) }))).toMatch(
      /the times of column "t" \(--time\) have changed/,
    );
  });

  test("a split goes the way it was saved", async () => {
    const saved = made(grouped(500));
    expect(await complaint(() => split(tableOf(count(500)), { saved }))).toMatch(
      /s\.json was split by group "house", and it should go at random\. \| name it: --group house/,
    );
    expect(await complaint(() => split(grouped(500), { saved: made(tableOf(count(500))) }))).toMatch(
      /was split at random, and it should go by group "house"/,
    );
  });

  test("a split column decides; what it leaves to us is kept", async () => {
    const columned = (n: number, name = (i: number) => (i % 5 === 0 ? "test" : "train")) =>
      tableOf(count(n), undefined, { split: categorical("part", count(n).map(name)) });
    const parts = split(columned(500));
    const saved = saveOf(columned(500), parts);
    const after = split(columned(600), { saved });
    expect(partsOf(after, 600).slice(0, 500)).toEqual(partsOf(parts, 500));
    expect(sizesOf(after)).toEqual([384, 96, 120]);
    expect(
      await complaint(() =>
        split(
          columned(500, (i) => (i % 5 === 1 ? "test" : "train")),
          { saved },
        ),
      ),
    ).toMatch(/puts \d+ rows elsewhere than the saved split has them/);
  });
});

describe("train-dev", () => {
  test("is carved out of training, stratified, equal rows together, and nothing else changes", () => {
    const random = rng(7, "values");
    const values = count(2000).map(() => random.integer(1500));
    const labels = count(2000).map((i) => (i % 4 === 0 ? "a" : "b"));
    const table = tableOf(values, labels);
    const [plain, carved] = [split(table), split(table, { trainDev: "5%" })];
    expect(sizesOf(carved)).toEqual([1140, 400, 400]);
    expect(carved.trainDev).toHaveLength(60);
    expect([carved.validation, carved.test]).toEqual([plain.validation, plain.test]);
    expect([...carved.train, ...carved.trainDev!].toSorted((a, b) => a - b)).toEqual([...plain.train]);
    const inTrain = new Set([...carved.train].map((row) => values[row]));
    expect([...carved.trainDev!].filter((row) => inTrain.has(values[row]!))).toEqual([]);
    expect(carved.policy).toBe("60/20/20 stratified, seed 1, train-dev 5%");
    expect(split(table, { trainDev: 100 }).trainDev).toHaveLength(100);
  });

  test("comes by itself where distributions differ and it was left to that", () => {
    const table = tableOf(count(500));
    expect(split(table, { trainDev: "auto" }).trainDev).toBeUndefined();
    expect(split(table, { trainDev: "auto", differs: true }).trainDev).toHaveLength(15);
  });

  test("takes whole groups, and rows of the training times", () => {
    const random = rng(8, "groups");
    const groups = count(1000).map(() => random.integer(60));
    const parts = split(tableOf(count(1000), undefined, { group: categorical("g", groups) }), { trainDev: "10%" });
    const inTrain = new Set([...parts.train].map((row) => groups[row]));
    expect([...parts.trainDev!].filter((row) => inTrain.has(groups[row]!))).toEqual([]);
    expect(Math.abs(parts.trainDev!.length - 60)).toBeLessThan(15);
    const timed = split(tableOf(count(1000), undefined, { time: numeric("t", count(1000)) }), { trainDev: "10%" });
    expect(timed.trainDev).toHaveLength(60);
    expect(Math.max(...timed.trainDev!)).toBeLessThan(Math.min(...timed.validation));
    expect(Math.min(...timed.trainDev!)).toBeLessThan(Math.max(...timed.train));
  });

  test("is saved with the split and stays what it was", () => {
    const table = tableOf(rng(11, "values").fillNormal(new Float64Array(1200)));
    const before = beginning(table, 1000);
    const parts = split(before, { trainDev: "10%" });
    const after = split(table, { saved: saveOf(before, parts) });
    expect(partsOf(after, 1200).slice(0, 1000)).toEqual(partsOf(parts, 1000));
    expect(after.trainDev).toHaveLength(72);
    // A larger one grows from new rows alone.
    const larger = split(table, { saved: saveOf(before, parts), trainDev: "20%" });
    expect(partsOf(larger, 1200).slice(0, 1000)).toEqual(partsOf(parts, 1000));
    expect(larger.trainDev).toHaveLength(144);
    const late = split(table, { saved: made(before), trainDev: "10%" });
    expect(late.trainDev).toHaveLength(72);
    expect(late.notes).toContain("the saved split had no train-dev set: its rows are taken from training");
  });

  test.each([["0%"], ["100%"], ["many"], [0], [2.5], ["-3"]])("%j is refused", async (trainDev) => {
    expect(await complaint(() => split(tableOf(count(100)), { trainDev }))).toMatch(
      /a train-dev set is a share of the training rows or a number of rows/,
    );
  });

  test("more than training has is refused", async () => {
    expect(await complaint(() => split(tableOf(count(100)), { trainDev: 60 }))).toMatch(
      /a train-dev set of 60 rows leaves none of 60 to train on/,
    );
  });
});
