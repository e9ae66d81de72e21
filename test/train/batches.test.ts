/** Batches for loops of one's own: every row once, in an order of the seed and the epoch alone, lazily or held. */
import { expect, test } from "vitest";
import { onnxruntimeNode as executor } from "../../src/exec/onnxruntime-node.ts";
import { batchesOf, type BatchOptions } from "../../src/train/batches.ts";
import type { Dataset } from "../../src/train/dataset.ts";
import { splitTable } from "../../src/train/fit-table.ts";
import { categorical, count, numeric, tableOf } from "../data/tables.ts";

const rows = 1003;
/** A number that names the row, and 40 categories. */
const table = {
  ...tableOf(
    count(rows),
    count(rows).map((row) => (row % 3 === 0 ? "a" : "b")),
  ),
  columns: [
    numeric("x", count(rows)),
    categorical(
      "k",
      count(rows).map((row) => `k${(row * 7) % 40}`),
    ),
  ],
};
const parts = splitTable(table);

/** Copies, since a batch's memory may be used again. */
const collectOnce = (batches: Iterable<Dataset>) =>
  Array.from(batches, ({ features, targets }) => [[...(features.data as Float32Array)], [...(targets.data as Float32Array)]]);

const open = (options: BatchOptions = {}) => batchesOf(parts, { executor, batchSize: 64, ...options });

test("an epoch has every training row once, with its own target", async () => {
  for (const residentBytes of [0, 2 ** 28]) {
    const { plan, train } = await open({ residentBytes });
    const width = plan.features.length;
    const found: (readonly [number, number])[] = [];
    for (const { features, targets } of train(1)) {
      const [x, y] = [features.data as Float32Array, targets.data as Float32Array];
      expect(features.shape).toEqual([y.length, width]);
      for (let i = 0; i < y.length; i++) found.push([x[i * width]!, y[i]!]);
    }
    const { mean, deviation } = plan.columns[0] as unknown as { mean: number; deviation: number };
    const seen = found.map(([z, y]) => [Math.round(z * deviation + mean) + 0, y] as const).toSorted(([a], [b]) => a - b);
    expect(seen).toEqual(Array.from(parts.train, (row) => [row, row % 3 === 0 ? 0 : 1]));
  }
});

test("the order is of the seed and the epoch alone, whether inputs are held or made", async () => {
  const runs = [await open({ residentBytes: 0 }), await open({ residentBytes: 0 }), await open(), await open({ seed: 2 })].map(
    ({ train }) => ({ first: collectOnce(train(1)), second: collectOnce(train(2)) }),
  );
  expect(runs[1]).toEqual(runs[0]);
  expect(runs[2]).toEqual(runs[0]);
  expect(runs[3]!.first).not.toEqual(runs[0]!.first);
  expect(runs[0]!.second).not.toEqual(runs[0]!.first);
});

test("the last batch holds the rest; validation comes in the table's order", async () => {
  const { train, validation } = await open({ residentBytes: 0 });
  const sizes = Array.from(train(1), ({ targets }) => targets.shape[0]);
  expect(sizes).toEqual([...new Array(Math.floor(parts.train.length / 64)).fill(64), parts.train.length % 64]);
  expect(Array.from(validation(), ({ targets }) => [...(targets.data as Float32Array)]).flat()).toEqual(
    Array.from(parts.validation, (row) => (row % 3 === 0 ? 0 : 1)),
  );
});

test("a size of batches that is none is refused", async () => {
  await expect(open({ batchSize: 0 })).rejects.toThrow(/batchSize|batch size/);
});
