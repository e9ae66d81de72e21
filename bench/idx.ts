/** IDX files (the format of MNIST), gzipped or not: a table with a numeric column per pixel. */
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import type { CategoricalColumn, NumericColumn, Table } from "../src/data/table.ts";

/** An array of unsigned bytes of any rank. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** @throws Error where the file is no IDX file of unsigned bytes */
export async function readIdx(path: string): Promise<IdxArray> {
  const raw = await readFile(path);
  const bytes = raw[0] === 0x1f && raw[1] === 0x8b ? gunzipSync(raw) : raw;
  if (bytes.readUInt16BE(0) !== 0 || bytes[2] !== 0x08) throw new Error(`${path} is no IDX file of unsigned bytes`);
  const rank = bytes[3]!;
  const shape = Array.from({ length: rank }, (_, i) => bytes.readUInt32BE(4 + 4 * i));
  const data = new Uint8Array(bytes.subarray(4 + 4 * rank));
  const expected = shape.reduce((a, b) => a * b, 1);
  if (data.length !== expected) throw new Error(`${path} should hold ${expected} bytes of data, found ${data.length}`);
  return { shape, data };
}

/** Images flattened to columns, labels as the target, the published parts in a split column. */
export async function idxTable(folder: string): Promise<Table> {
  const read = (name: string): Promise<IdxArray> => readIdx(`${folder}/${name}-ubyte.gz`);
  const [trainImages, trainLabels, testImages, testLabels] = await Promise.all(
    ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"].map(read),
  );
  const parts = [
    { images: trainImages!, labels: trainLabels! },
    { images: testImages!, labels: testLabels! },
  ];
  const [, height = 1, width = 1] = trainImages!.shape;
  const pixels = height * width;
  const rows = trainLabels!.data.length + testLabels!.data.length;
  const values = Array.from({ length: pixels }, () => new Float64Array(rows));
  const labels = new Int32Array(rows);
  const splits = new Int32Array(rows);
  let row = 0;
  parts.forEach(({ images, labels: given }, part) => {
    for (let i = 0; i < given.data.length; i++, row++) {
      for (let pixel = 0; pixel < pixels; pixel++) values[pixel]![row] = images.data[i * pixels + pixel]!;
      labels[row] = given.data[i]!;
      splits[row] = part;
    }
  });
  const columns = values.map((column, pixel): NumericColumn => ({
    name: `pixel${pixel}`,
    kind: "numeric",
    sqlType: "UTINYINT",
    values: column,
  }));
  const classes = Array.from({ length: Math.max(...trainLabels!.data) + 1 }, (_, label) => String(label));
  const category = (name: string, codes: Int32Array, categories: string[]): CategoricalColumn => ({
    name,
    kind: "categorical",
    sqlType: "VARCHAR",
    codes,
    categories,
  });
  return {
    source: { path: folder, fingerprint: "", rows },
    rows,
    columns,
    target: {
      name: "label",
      task: "classification",
      reason: "a label per image",
      column: category("label", labels, classes),
      references: [],
    },
    roles: { split: category("split", splits, ["train", "test"]) },
    notes: [],
  };
}
