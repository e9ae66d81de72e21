/** Files as streams of batches: every row once, in an order of seed and epoch; the plan that a table in memory gives; nothing left behind. */
import { existsSync, mkdtempSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fitPreprocessing, type PreprocessPlan } from "../../src/data/preprocess.ts";
import { readTable } from "../../src/data/read-table.ts";
import { onnxruntimeNode as executor } from "../../src/exec/onnxruntime-node.ts";
import { streamBatches, type StreamedBatches, type StreamOptions } from "../../src/train/stream-batches.ts";
import { prepareDatasets } from "../../src/train/prepare.ts";
import { complaint, csv, temporaryFolder } from "../data/files.ts";
import { count } from "../data/tables.ts";

const rows = 5003;
/** A number that names the row, one with gaps, two of categories (one with gaps), a date; classes. */
const path = csv(
  "stream.csv",
  "x,gaps,kind,colour,day,always,y",
  count(rows).map((row) => [
    1e9 + ((row * 7919) % rows) / 8,
    row % 11 === 0 ? "" : Math.sin(row),
    `k${(row * 7) % 40}`,
    row % 13 === 0 ? "" : ["red", "green", "blue"][row % 3],
    `20${String(10 + (row % 9))}-${String(1 + (row % 12)).padStart(2, "0")}-${String(1 + (row % 28)).padStart(2, "0")}`,
    3,
    row % 3 === 0 ? "no" : "yes",
  ]),
);
const target = "y";

const open = (options: StreamOptions = {}, file = path) => streamBatches(file, { target, executor, batchSize: 64, ...options });

/** What a stream gives, copied. */
async function collect(stream: StreamedBatches) {
  const found = [];
  for await (const { epoch, part, features, targets } of stream)
    found.push({ epoch, part, shape: features.shape, x: [...(features.data as Float32Array)], y: [...(targets.data as Float32Array)] });
  return found;
}
type Found = Awaited<ReturnType<typeof collect>>;

/** The numbers that name the rows of batches, restored, in the order they came. */
function names(found: Found, plan: PreprocessPlan): number[] {
  const at = plan.features.indexOf("x");
  const { mean, deviation } = plan.columns.find(({ column }) => column === "x") as unknown as { mean: number; deviation: number };
  return found.flatMap(({ x, shape }) =>
    count(shape[0]!).map((row) => Math.round((x[row * shape[1]! + at]! * deviation + mean - 1e9) * 8) + 0),
  );
}

/** Numbers beside each other within a relative 1e-12, everything else equal. */
function expectSame(found: unknown, wanted: unknown, at = "plan"): void {
  if (typeof wanted === "number" && typeof found === "number")
    expect(Math.abs(found - wanted), at).toBeLessThanOrEqual(1e-12 * Math.max(1e-3, Math.abs(wanted)));
  else if (typeof wanted === "object" && wanted !== null) {
    expect(Object.keys(found as object), at).toEqual(Object.keys(wanted));
    for (const [key, value] of Object.entries(wanted)) expectSame((found as Record<string, unknown>)[key], value, `${at}.${key}`);
  } else expect(found, at).toEqual(wanted);
}

test("an epoch has every row once, with its own inputs and target, whatever the buffer", async () => {
  for (const shuffleBuffer of [1, 100, 10 * rows]) {
    const stream = await open({ shuffleBuffer, epochs: 2 });
    const found = await collect(stream);
    for (const epoch of [1, 2]) {
      const own = found.filter((batch) => batch.epoch === epoch);
      expect(own.map(({ shape }) => shape[0])).toEqual([...new Array<number>(Math.floor(rows / 64)).fill(64), rows % 64]);
      expect(names(own, stream.plan).toSorted((a, b) => a - b)).toEqual(count(rows));
    }
  }
  // Row by row against the table in memory, in the file's order.
  const stream = await open({ shuffleBuffer: 1 });
  const table = await readTable(path, { target });
  const all = Int32Array.from(count(rows));
  const [whole] = await prepareDatasets(table, [all], stream.plan, executor);
  const found = await collect(stream);
  expect(found.flatMap(({ y }) => y)).toEqual([...(whole!.targets.data as Float32Array)]);
  const [x, wanted] = [found.flatMap((batch) => batch.x), whole!.features.data as Float32Array];
  expect(x.length).toBe(wanted.length);
  expect(x.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i]!)), 0)).toBeLessThan(1e-6);
});

test("the order is of the seed and the epoch alone", async () => {
  const order = async (options: StreamOptions) => {
    const stream = await open({ shuffleBuffer: 300, epochs: 2, ...options });
    const found = await collect(stream);
    return [1, 2].map((epoch) =>
      names(
        found.filter((batch) => batch.epoch === epoch),
        stream.plan,
      ),
    );
  };
  const [first, second] = await order({});
  expect(await order({})).toEqual([first, second]);
  // Not of the size of batches either.
  expect(await order({ batchSize: 1000 })).toEqual([first, second]);
  expect(second).not.toEqual(first);
  expect((await order({ seed: 2 }))[0]).not.toEqual(first);
  const plain = await open({ shuffleBuffer: 1 });
  const inFile = names(await collect(plain), plain.plan);
  expect(inFile).toEqual(count(rows).map((row) => (row * 7919) % rows));
  expect(first).not.toEqual(inFile);
});

test("the plan and what is said are those of the table in memory", async () => {
  const table = await readTable(path, { target });
  const resident = fitPreprocessing(table, Int32Array.from(count(rows)));
  const stream = await open();
  await stream.close();
  expectSame(stream.plan, resident.plan);
  expect(stream.notes).toEqual([...table.notes, ...resident.notes]);
  // An amount, an expression, and dates with the time of day.
  const clock = csv(
    "clock.csv",
    "at,v,n",
    count(500).map((row) => [
      `2024-03-${String(1 + (row % 30)).padStart(2, "0")} ${String(row % 24).padStart(2, "0")}:30:00`,
      row * row,
      row % 5,
    ]),
  );
  for (const asked of ["v", "v / 10 + 1"]) {
    const read = await readTable(clock, { target: asked });
    const streamed = await open({ target: asked }, clock);
    await streamed.close();
    expectSame(streamed.plan, fitPreprocessing(read, Int32Array.from(count(500))).plan);
  }
});

test("moments are stable: two passes agree to 1e-12 at an offset of 1e9, sorted or behind many equal values", async () => {
  const n = 30_000;
  const noise = (row: number): number => ((row * 7919) % 1009) / 1009 - 0.5;
  const columns = [
    (row: number) => 1e9 + noise(row),
    (row: number) => 1e9 + row / 7,
    (row: number) => (row < 3000 ? 0 : 1e9 + noise(row)),
    (row: number) => (row < 3000 ? "" : -1e12 + noise(row) * 1e3),
    (row: number) => 10 ** (12 * noise(row)),
  ];
  const file = csv(
    "offsets.csv",
    "a,b,c,d,e,y",
    count(n).map((row) => [...columns.map((of) => of(row)), row % 2]),
  );
  const stream = await open({}, file);
  await stream.close();
  columns.forEach((of, c) => {
    const values = count(n).flatMap((row) => (of(row) === "" ? [] : [Number(of(row))]));
    // From integers of 2⁻⁶⁰, exact: neither sum rounds.
    const exact = values.map((value) => BigInt(Math.round(value)) * 2n ** 60n + BigInt(Math.round((value - Math.round(value)) * 2 ** 60)));
    const m = BigInt(values.length);
    const sum = exact.reduce((a, b) => a + b, 0n);
    const squares = exact.reduce((a, x) => a + (x * m - sum) ** 2n, 0n);
    const deviation = Math.sqrt(Number(squares) / Number(m) ** 3) / 2 ** 60;
    const mean = Number(sum / m) / 2 ** 60;
    const plan = stream.plan.columns[c] as unknown as { mean: number; deviation: number };
    expect(Math.abs(plan.mean / mean - 1), `mean ${c}`).toBeLessThan(1e-12);
    expect(Math.abs(plan.deviation / deviation - 1), `deviation ${c}`).toBeLessThan(1e-12);
  });
});

test("a share is held out, the same rows each epoch, and the plan knows nothing of them", async () => {
  const stream = await open({ validation: 0.2, epochs: 2 });
  const found = await collect(stream);
  const part = (name: string, epoch: number) =>
    names(
      found.filter((batch) => batch.part === name && batch.epoch === epoch),
      stream.plan,
    );
  const held = part("validation", 1);
  expect(part("validation", 2)).toEqual(held);
  expect([...part("train", 1), ...held].toSorted((a, b) => a - b)).toEqual(count(rows));
  expect(stream.rows).toEqual({ train: rows - held.length, validation: held.length });
  // Five deviations of a binomial number.
  expect(Math.abs(held.length - 0.2 * rows)).toBeLessThan(5 * Math.sqrt(rows * 0.16));
  const table = await readTable(path, { target });
  const out = new Set(held);
  const train = Int32Array.from(count(rows).filter((row) => !out.has((row * 7919) % rows)));
  expectSame(stream.plan, fitPreprocessing(table, train).plan);
  // Another seed holds out others.
  const other = await open({ validation: 0.2, seed: 2 });
  expect(
    names(
      (await collect(other)).filter((batch) => batch.part === "validation"),
      other.plan,
    ),
  ).not.toEqual(held);
});

test("rows of one group are held out together, and stay where they are when rows are appended", async () => {
  const line = (row: number) => [row, `g${row % 50}`, row % 2];
  const heldOf = async (n: number) => {
    const stream = await open(
      { validation: 0.3, group: "g" },
      csv(
        `groups-${n}.csv`,
        "x,g,y",
        count(n).map((row) => line(row * 3 + 2)),
      ),
    );
    const { mean, deviation } = stream.plan.columns[0] as unknown as { mean: number; deviation: number };
    const found = (await collect(stream)).filter(({ part }) => part === "validation");
    return new Set(found.flatMap(({ x }) => x.map((z) => Math.round(z * deviation + mean) % 50)));
  };
  const [less, more] = [await heldOf(1000), await heldOf(1100)];
  expect(less.size).toBeGreaterThan(3);
  expect(less.size).toBeLessThan(35);
  expect(more).toEqual(less);
});

test("a plan that was fitted before is taken as it is: strange categories are zeros, strange classes refused", async () => {
  const table = await readTable(path, { target });
  const { plan } = fitPreprocessing(table, Int32Array.from(count(100)), { settings: { default: { scale: "minmax" } } });
  const line = "1e9,0.5,never seen,red,2012-01-01,3";
  const stream = await streamBatches(csv("more.csv", "x,gaps,kind,colour,day,always,y", [`${line},yes`, `${line},no`]), {
    plan,
    executor,
    shuffleBuffer: 1,
  });
  expect(stream.plan).toEqual(plan);
  const [batch] = await collect(stream);
  expect(batch!.y).toEqual([1, 0]);
  const width = plan.features.length;
  plan.features.forEach((name, i) => name.startsWith("kind") && expect([batch!.x[i], batch!.x[width + i]]).toEqual([0, 0]));
  expect(batch!.x[plan.features.indexOf("colour = red")]).toBe(1);
  const strange = csv("strange.csv", "x,gaps,kind,colour,day,always,y", [`${line},yes`, `${line},perhaps`]);
  expect(await complaint(streamBatches(strange, { plan, executor }))).toMatch(/line 3: target "y" is "perhaps".*no, yes/);
});

test("nothing stays on disk: at the end, on a break, on an error inside and outside the loop, on close", async () => {
  const folder = mkdtempSync(join(temporaryFolder, "here-"));
  const left = () => readdirSync(folder);
  const ended = await open({ folder });
  expect(left()).toHaveLength(1);
  await collect(ended);
  expect(left()).toEqual([]);
  expect(await complaint(collect(ended))).toMatch(/has ended.*once more/);
  for await (const _ of await open({ folder })) break;
  expect(left()).toEqual([]);
  const loop = async () => {
    for await (const _ of await open({ folder })) throw new Error("mine");
  };
  await expect(loop()).rejects.toThrow("mine");
  expect(left()).toEqual([]);
  const closed = await open({ folder });
  await closed.close();
  await closed.close();
  expect(left()).toEqual([]);
  await expect(open({ folder, target: "nothing" })).rejects.toThrow(/nothing/);
  await expect(open({ folder }, csv("empty.csv", "x,y", []))).rejects.toThrow(/no rows/);
  expect(left()).toEqual([]);
  expect(existsSync(folder)).toBe(true);
});

test("what cannot be streamed is refused with the place and a remedy", async () => {
  expect(await complaint(streamBatches(path, { executor }))).toMatch(/Neither a target nor a plan.*target:/);
  expect(await complaint(open({ target: "z" }))).toMatch(/"z"/);
  expect(await complaint(open({ batchSize: 0 }))).toMatch(/batchSize must be a whole number/);
  expect(await complaint(open({ shuffleBuffer: 0.5 }))).toMatch(/shuffleBuffer must be a whole number/);
  expect(await complaint(open({ validation: 1 }))).toMatch(/validation must be a number from 0 to below 1/);
  expect(await complaint(open({ validation: 1e-9 }))).toMatch(/none would be held out.*id/);
  expect(await complaint(open({}, csv("huge.csv", "x,y", ["1,0", "1e300,1", "2,0"])))).toMatch(
    /line 3: column "x" should hold numbers up to/,
  );
  expect(await complaint(open({}, csv("gap.csv", "x,y", ["1,0", "2,"])))).toMatch(/target "y" is missing in 1 of 2 rows, first in line 3/);
  expect(await complaint(open({ target: "v" }, csv("inf.csv", "x,v", ["1,0.5", "2,inf", "3,1.5"])))).toMatch(
    /line 3: target "v" should be a finite/,
  );
});
