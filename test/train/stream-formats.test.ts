/** Streams of every kind of table: the rows, plan and order of CSV; what does not fit in memory is on disk, and changes nothing. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { tableFromArrays, tableToIPC } from "apache-arrow";
import { expect, test } from "vitest";
import { openDatabase } from "../../src/data/database.ts";
import { fitPreprocessing, type PreprocessPlan } from "../../src/data/preprocess.ts";
import { readTable } from "../../src/data/read-table.ts";
import { onnxruntimeNode as executor } from "../../src/exec/onnxruntime-node.ts";
import { prepareDatasets } from "../../src/train/prepare.ts";
import { streamBatches, type StreamOptions } from "../../src/train/stream-batches.ts";
import { file, temporaryFolder } from "../data/files.ts";
import { count } from "../data/tables.ts";

const rows = 4001;
const buffer = 256;
const target = "y";
/** What each row is, a fifth of one number missing. */
const x = count(rows).map((row) => 1e6 + Math.sin(row * 1.7) * 40);
const gaps = count(rows).map((row) => (row % 5 === 0 ? null : Math.exp(2 * Math.cos(row * 2.3))));
const kind = count(rows).map((row) => `k${(row * 7) % 23}`);
const y = count(rows).map((row) => (row % 3 === 0 ? "no" : "yes"));

const inFolder = (name: string): string => join(temporaryFolder, name);

async function parquet(source: string): Promise<string> {
  const database = await openDatabase();
  await database.query(
    `COPY (FROM read_json('${source}', format = 'newline_delimited')) TO '${inFolder("rows.parquet")}' (FORMAT parquet)`,
  );
  database.close();
  return inFolder("rows.parquet");
}

const ndjson = file(
  "rows.ndjson",
  count(rows)
    .map((row) => JSON.stringify({ x: x[row], gaps: gaps[row], kind: kind[row], y: y[row] }))
    .join("\n"),
);
const arrow = file("rows.arrow", tableToIPC(tableFromArrays({ x, gaps, kind, y } as unknown as Record<string, unknown[]>), "file"));
const csv = file(
  "rows.csv",
  ["x,gaps,kind,y", ...count(rows).map((row) => [x[row], gaps[row] ?? "", kind[row], y[row]].join(","))].join("\n"),
);

/** Features and targets of all batches, in the order they came. */
async function collect(path: string, options: StreamOptions) {
  const stream = await streamBatches(path, { executor, batchSize: 100, ...options });
  const [features, targets]: [number[], number[]] = [[], []];
  for await (const batch of stream) {
    features.push(...(batch.features.data as Float32Array));
    targets.push(...(batch.targets.data as Float32Array));
  }
  return { plan: stream.plan, features, targets };
}

/** Every number of a plan within a relative 1e-12 of the other's, all else equal. */
function expectSamePlan(found: PreprocessPlan, wanted: PreprocessPlan): void {
  const numbers = (plan: PreprocessPlan): number[] => {
    const all: number[] = [];
    JSON.stringify(plan, (_, value: unknown) => (typeof value === "number" ? void all.push(value) : value));
    return all;
  };
  const text = (plan: PreprocessPlan): string =>
    JSON.stringify(plan, (_, value: unknown) => (typeof value === "number" ? "number" : value));
  expect(text(found)).toBe(text(wanted));
  const theirs = numbers(wanted);
  numbers(found).forEach((value, i) => expect(Math.abs(value - theirs[i]!)).toBeLessThanOrEqual(1e-12 * Math.abs(theirs[i]!)));
}

test("Parquet, NDJSON and Arrow larger than the buffer: the plan of the table in memory, the batches of CSV, the same for one seed", async () => {
  const options = { target, shuffleBuffer: buffer, validation: 0.1, epochs: 2 };
  const first = await collect(csv, options);
  expect(first.targets.length).toBe(2 * rows);
  for (const path of [await parquet(ndjson), ndjson, arrow]) {
    const found = await collect(path, options);
    expect(await collect(path, options), path).toEqual(found);
    expect((await collect(path, { ...options, seed: 2 })).features, path).not.toEqual(found.features);
    const stream = await streamBatches(path, { target, executor });
    await stream.close();
    const table = await readTable(path, { target });
    expectSamePlan(stream.plan, fitPreprocessing(table, Int32Array.from(count(rows))).plan);
    expect(found.targets.toSorted((a, b) => a - b)).toEqual(first.targets.toSorted((a, b) => a - b));
    // A value may be held out by another text of it (1e6 and 1000000.0), so the order is compared where nothing is held out.
    const whole = { target, shuffleBuffer: buffer };
    const [mine, theirs] = [await collect(path, whole), await collect(csv, whole)];
    expect(mine.targets, path).toEqual(theirs.targets);
    expect(Math.max(...mine.features.map((value, i) => Math.abs(value - theirs.features[i]!))), path).toBeLessThan(1e-6);
  }
});

test("transforms of one's own, fitted on a table in memory, are those of every batch", async () => {
  const table = await readTable(ndjson, { target });
  const all = Int32Array.from(count(rows));
  for (const settings of [
    { default: { scale: "robust", impute: "median" } },
    { default: { scale: "minmax" }, columns: { gaps: { power: "yeoJohnson", impute: -1 } } },
  ] as const) {
    const { plan } = fitPreprocessing(table, all.subarray(0, 1000), { settings });
    const [whole] = await prepareDatasets(table, [all], plan, executor);
    const found = await collect(await parquet(ndjson), { plan, shuffleBuffer: 1 });
    expect(found.targets).toEqual([...(whole!.targets.data as Float32Array)]);
    const wanted = whole!.features.data as Float32Array;
    expect(found.features.length).toBe(wanted.length);
    expect(Math.max(...found.features.map((value, i) => Math.abs(value - wanted[i]!)))).toBeLessThan(1e-6);
    // Mixed by the buffer, the same rows.
    const mixed = await collect(ndjson, { plan, shuffleBuffer: buffer });
    expect(mixed.targets).not.toEqual(found.targets);
    expect(mixed.features.toSorted((a, b) => a - b)).toEqual(found.features.toSorted((a, b) => a - b));
  }
});

interface Streamed {
  readonly rows: number;
  readonly peak: number;
  readonly onDisk: number;
  readonly left: number;
  readonly digest: string;
}

test("the memory of a process is that of its buffers, whatever the rows; what the database cannot hold changes no bit", async () => {
  const child = join(import.meta.dirname, "stream-child.ts");
  const streamed = (path: string, databaseBytes: number): Streamed => {
    const argv = ["--conditions=gradus-source", "--import", "tsx", child, path, String(databaseBytes), "20000"];
    const folder = mkdtempSync(join(temporaryFolder, "staged-"));
    return JSON.parse(execFileSync(process.execPath, [...argv, folder], { encoding: "utf8" })) as Streamed;
  };
  const made = async (n: number): Promise<string> => {
    const path = inFolder(`${n}.parquet`);
    const database = await openDatabase();
    const noise = count(8).map((c) => `hash(i * 8 + ${c})::DOUBLE / 2^64 AS x${c}`);
    await database.query(
      `COPY (SELECT ${noise.join(", ")}, hash(i, 'y')::DOUBLE / 2^64 AS y FROM range(${n}) t(i)) TO '${path}' (FORMAT parquet)`,
    );
    database.close();
    return path;
  };
  const [few, many] = [200_000, 1_000_000];
  const manyPath = await made(many);
  const tight = 2 ** 25;
  const [small, large, roomy] = [streamed(await made(few), tight), streamed(manyPath, tight), streamed(manyPath, 2 ** 29)];
  expect([small.rows, large.rows, small.left, large.left]).toEqual([few, many, 0, 0]);
  // Four times what the database may hold; eight numbers and the target of a row are 72 bytes.
  expect(large.onDisk).toBeGreaterThan(4 * tight);
  expect(large.peak - small.peak).toBeLessThan(72 * (many - few));
  expect(large.peak).toBeLessThan(400e6);
  expect(large.digest).toBe(roomy.digest);
  expect(readFileSync(manyPath).length).toBeGreaterThan(2 * tight);
}, 400_000);
