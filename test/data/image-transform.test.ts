/** Images as a transform: sizes, scaling, channels, order; the same numbers from ONNX Runtime as from the interpreter. */
import { expect, test } from "vitest";
import { equalImages } from "../../src/data/arrays/array.ts";
import { callsOf, fitPreprocessing, preprocessingGraph, rawInputs, type PreprocessPlan } from "../../src/data/preprocess.ts";
import type { CategoricalColumn, ImageColumn, Table } from "../../src/data/table.ts";
import type { ImagePlan } from "../../src/data/transforms/image.ts";
import { compile } from "../../src/exec/executor.ts";
import { reference } from "../../src/exec/reference.ts";
import { graph } from "../../src/ir/graph.ts";
import { mlp } from "../../src/train/model-choice.ts";
import { splitTable } from "../../src/train/fit-table.ts";
import { planTable } from "../../src/train/plan-table.ts";
import { prepareDatasets } from "../../src/train/prepare.ts";
import { GradusError } from "../../src/util/errors.ts";

/** Images of given heights and widths, their values reckoned from their places. */
function images(sizes: readonly (readonly [number, number])[], channels: 1 | 3, value = (i: number) => (i * 31) % 256): ImageColumn {
  const offsets = new Float64Array(sizes.length + 1);
  sizes.forEach(([height, width], row) => (offsets[row + 1] = offsets[row]! + height * width * channels));
  return {
    name: "image",
    kind: "image",
    sqlType: "IMAGE",
    channels,
    heights: Int32Array.from(sizes, ([height]) => height),
    widths: Int32Array.from(sizes, ([, width]) => width),
    offsets,
    values: Uint8Array.from({ length: offsets.at(-1)! }, (_, i) => value(i)),
  };
}

function tableOf(column: ImageColumn): Table {
  const rows = column.heights.length;
  const label: CategoricalColumn = {
    name: "label",
    kind: "categorical",
    sqlType: "VARCHAR",
    codes: Int32Array.from({ length: rows }, (_, i) => i % 2),
    categories: ["a", "b"],
  };
  return {
    source: { path: "pictures", fingerprint: "", rows },
    rows,
    columns: [column],
    target: { name: "label", task: "classification", reason: "", column: label, references: [] },
    roles: {},
    notes: [],
  };
}

const all = (table: Table): Int32Array => Int32Array.from({ length: table.rows }, (_, row) => row);

async function featuresOf(table: Table, plan: PreprocessPlan): Promise<{ native: Float32Array; exact: Float64Array[] }> {
  const executor = { name: "platform", compile };
  const [data] = await prepareDatasets(table, [all(table)], plan, executor);
  const { inputs, features } = preprocessingGraph(plan);
  const session = await reference.compile(graph({ inputs, outputs: { features } }));
  const exact: Float64Array[] = [];
  for (let row = 0; row < table.rows; row++) {
    const { features: found } = await session.run(rawInputs(table, Int32Array.of(row), plan));
    exact.push(Float64Array.from(found!.data as Float32Array));
  }
  return { native: data!.features.data as Float32Array, exact };
}

/** The triangle filter, as wide as a step of the output where it shrinks, written out. */
function resampled(line: readonly number[], to: number): number[] {
  const scale = line.length / to;
  const support = Math.max(1, scale);
  return Array.from({ length: to }, (_, i) => {
    const weights = line.map((_value, j) => Math.max(0, 1 - Math.abs(j + 0.5 - (i + 0.5) * scale) / support));
    const sum = weights.reduce((a, b) => a + b, 0);
    return line.reduce((total, value, j) => total + (value * weights[j]!) / sum, 0);
  });
}

test("images of one size keep it: every channel standardised by its training pixels, in the order C, H, W", async () => {
  const table = tableOf(
    images(
      [
        [2, 3],
        [2, 3],
        [2, 3],
      ],
      3,
    ),
  );
  const { plan, notes } = fitPreprocessing(table, Int32Array.of(0, 1));
  expect(notes).toEqual([]);
  expect(plan.shape).toEqual([3, 2, 3]);
  expect(plan.features).toHaveLength(18);
  expect(plan.features[7]).toBe("image[1,0,1]");
  const { values } = table.columns[0] as ImageColumn;
  const [fitted] = plan.columns as [ImagePlan];
  const { native } = await featuresOf(table, plan);
  for (const channel of [0, 1, 2]) {
    const own = [...values].filter((_, i) => i < 36 && i % 3 === channel).map((value) => value / 255);
    const mean = own.reduce((a, b) => a + b, 0) / own.length;
    const deviation = Math.sqrt(own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / own.length);
    expect(fitted.mean[channel]).toBeCloseTo(mean, 12);
    expect(fitted.deviation[channel]).toBeCloseTo(deviation, 12);
    for (const row of [0, 1, 2])
      for (let at = 0; at < 6; at++)
        expect(native[row * 18 + channel * 6 + at]).toBeCloseTo((values[row * 18 + at * 3 + channel]! / 255 - mean) / deviation, 5);
  }
});

test("images of other sizes become the medians, averaged where they shrink, and keep their rows", async () => {
  const sizes = [
    [4, 6],
    [9, 3],
    [4, 6],
    [16, 12],
    [5, 7],
  ] as const;
  const table = tableOf(images(sizes, 1));
  const { plan, notes } = fitPreprocessing(table, all(table));
  expect(plan.shape).toEqual([1, 5, 6]);
  expect(notes[0]).toMatch(/5 training images of 4 … 16 × 3 … 12 pixels are resized to 5×6, the medians/);
  const { native, exact } = await featuresOf(table, plan);
  const { values, offsets } = table.columns[0] as ImageColumn;
  const [
    {
      mean: [mean],
      deviation: [deviation],
    },
  ] = plan.columns as [ImagePlan];
  sizes.forEach(([height, width], row) => {
    const lines = Array.from({ length: height }, (_, y) =>
      resampled([...values.slice(offsets[row]! + y * width, offsets[row]! + (y + 1) * width)], 6),
    );
    const columns = Array.from({ length: 6 }, (_, x) =>
      resampled(
        lines.map((line) => line[x]!),
        5,
      ),
    );
    for (let at = 0; at < 30; at++) {
      const expected = (columns[at % 6]![Math.floor(at / 6)]! / 255 - mean!) / deviation!;
      expect(native[row * 30 + at]).toBeCloseTo(expected, 4);
      expect(exact[row]![at]).toBeCloseTo(expected, 5);
    }
  });
});

test("a size that is asked for, or that the model's shape says, wins over what the images have", () => {
  const table = tableOf(
    images(
      [
        [4, 4],
        [4, 4],
      ],
      3,
    ),
  );
  expect(fitPreprocessing(table, all(table), { size: [2, 8] }).plan.shape).toEqual([3, 2, 8]);
  expect(fitPreprocessing(table, all(table), { size: [4, 4] }).notes).toEqual([]);
  const many = tableOf(
    images(
      Array.from({ length: 20 }, () => [10, 10] as const),
      3,
    ),
  );
  const parts = splitTable(many);
  expect(planTable({ ...mlp(), shape: [3, 8, 8] }, parts, {}).plan.shape).toEqual([3, 8, 8]);
  expect(planTable(mlp(), parts, {}).problem.network.layers[0]).toMatchObject({ kind: "reshape", shape: [3, 10, 10] });
  const refused = (): unknown => planTable({ ...mlp(), shape: [1, 8, 8] }, parts, {});
  expect(refused).toThrow(GradusError);
  expect(refused).toThrow("the model takes examples of shape 1×8×8; the data's are 3×8×8.");
});

test("a channel without variation stays, images all alike are left out", () => {
  const twoTone = tableOf(
    images(
      [
        [2, 2],
        [2, 2],
      ],
      3,
      (i) => (i % 3 === 1 ? 90 : i),
    ),
  );
  const [fitted] = fitPreprocessing(twoTone, all(twoTone)).plan.columns as [ImagePlan];
  expect(fitted.deviation[1]).toBe(1);
  expect(fitted.mean[1]).toBeCloseTo(90 / 255, 12);
  const blank = tableOf(
    images(
      [
        [2, 2],
        [2, 2],
      ],
      3,
      () => 90,
    ),
  );
  expect(() => fitPreprocessing(blank, all(blank))).toThrow(/no column is left/);
});

test("calls hold images of one size and no more than a call takes", () => {
  const table = tableOf(
    images(
      [
        [2, 2],
        [3, 3],
        [2, 2],
        [2, 2],
        [3, 3],
      ],
      1,
    ),
  );
  const { plan } = fitPreprocessing(table, all(table));
  expect(callsOf(table, Int32Array.of(4, 3, 2, 1, 0), plan, 2).map((positions) => [...positions])).toEqual([[0, 3], [1, 2], [4]]);
  const large = equalImages("image", 3, 2048, 2048, 1, new Uint8Array(3 * 2048 * 2048));
  expect(callsOf(tableOf(large), Int32Array.of(0, 1, 2), { columns: [{ ...plan.columns[0]! }] }, 100)).toHaveLength(1);
  const larger = equalImages("image", 3, 4096, 4096, 1, new Uint8Array(0));
  expect(callsOf(tableOf(larger), Int32Array.of(0, 1, 2), { columns: [{ ...plan.columns[0]! }] }, 100)).toHaveLength(3);
});

test("a design matrix that memory should not hold is refused with the way out", async () => {
  const table = tableOf(
    images(
      [
        [2, 2],
        [3, 3],
      ],
      1,
    ),
  );
  const { plan } = fitPreprocessing(table, all(table));
  const vast = { ...plan, features: Array.from<string>({ length: 2 ** 20 }).fill("x"), shape: [1, 1024, 1024] };
  const rows = new Int32Array(4096);
  await expect(prepareDatasets(table, [rows], vast, { name: "platform", compile })).rejects.toThrow(
    /4 096 rows of 1 048 576 inputs are 17\.2 GB in memory/,
  );
});
