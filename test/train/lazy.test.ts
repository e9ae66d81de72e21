/** Inputs made batch by batch: equal to the bit to those held in memory, and so is what is trained on them. */
import { describe, expect, test } from "vitest";
import { compactPlan } from "../../src/data/compact.ts";
import { fitPreprocessing } from "../../src/data/preprocess.ts";
import type { Table } from "../../src/data/table.ts";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { isLazy, pickDataset, rowsOf, type Dataset } from "../../src/train/dataset.ts";
import type { ExperimentEvent } from "../../src/train/experiment-events.ts";
import { fitTable, splitTable, type FitTableOptions } from "../../src/train/fit-table.ts";
import { prepareDatasets } from "../../src/train/prepare.ts";
import { prepareParts } from "../../src/train/prepare-lazily.ts";
import { rng } from "../../src/util/rng.ts";
import { categorical, count, numeric } from "../data/tables.ts";

/** Dates, numbers small and large, categories few and many; each kind with and without missing values. */
function mixedTable(rows: number, target: "classes" | "amount" = "classes"): Table {
  const draw = rng(3, "mixed table");
  const values = (make: (row: number) => number, missing = 0) => count(rows).map((row) => (draw.uniform() < missing ? NaN : make(row)));
  const texts = (kinds: number, missing = 0) => {
    const column = categorical(
      "",
      values(() => Math.floor(kinds * draw.uniform() ** 2)).map((k) => `k${k}`),
    );
    return { ...column, codes: column.codes.map((code) => (draw.uniform() < missing ? -1 : code)) };
  };
  const when = (missing: number) => values(() => 978_307_200 + Math.floor(15_000_000 * draw.uniform()), missing);
  const amounts = values(() => draw.normal());
  const own =
    target === "amount"
      ? numeric("y", amounts)
      : categorical(
          "y",
          amounts.map((amount) => (amount < -0.5 ? "a" : amount < 0.5 ? "b" : "c")),
        );
  return {
    source: { path: "mixed.csv", fingerprint: "", rows },
    rows,
    columns: [
      { ...texts(400, 0.02), name: "many" },
      numeric("when", when(0.1), "TIMESTAMP"),
      numeric(
        "plain",
        amounts.map((amount) => amount + draw.normal()),
      ),
      { ...texts(5), name: "few" },
      numeric(
        "offset",
        values(() => 1e9 + draw.uniform(), 0.05),
      ),
      numeric(
        "skewed",
        values(() => Math.exp(3 * draw.normal()), 0.05),
      ),
      { ...texts(3, 0.3), name: "gappy" },
    ],
    target: { name: "y", task: target === "amount" ? "regression" : "classification", reason: "", column: own, references: [] },
    roles: {},
    notes: [],
  };
}

const skewed = { power: "log", scale: "robust" } as const;
const transforms = { columns: { skewed, gappy: { encode: "embedding" } } } as const;
const range = (from: number, to: number) => Int32Array.from({ length: to - from }, (_, i) => from + i);

describe("rows that are kept small", () => {
  test("their inputs are the preprocessing graph's to the bit, unseen and rare categories and missing values among them", async () => {
    const table = mixedTable(20_000);
    const [train, others] = [range(0, 2000), range(2000, 20_000)];
    const { plan } = fitPreprocessing(table, train, { settings: transforms });
    expect(new Set(plan.columns.map(({ kind }) => kind))).toEqual(new Set(["oneHot", "embedding", "dateParts", "standardise", "scale"]));
    const whole = await prepareDatasets(table, [train, others], plan, onnxruntimeNode);
    const parts = await prepareParts(table, [train, others], plan, onnxruntimeNode, { residentBytes: 0 });
    for (const [i, part] of parts.entries()) {
      expect(isLazy(part)).toBe(true);
      const all = pickDataset(part, range(0, rowsOf(part)));
      const bits = ({ features }: Dataset) => new Uint8Array((features.data as Float32Array).buffer);
      expect(Buffer.compare(bits(all), bits(whole[i]!))).toBe(0);
      expect(all.targets).toEqual(whole[i]!.targets);
    }
    const chosen = [7, 7, 17_999, 0];
    expect(pickDataset(parts[1]!, chosen)).toEqual(pickDataset(whole[1]!, chosen));
  });

  test("a batch is written over whatever the memory held", async () => {
    const table = mixedTable(500);
    const { plan } = fitPreprocessing(table, range(0, 500));
    const [part] = await prepareParts(table, [range(0, 500)], plan, onnxruntimeNode, { residentBytes: 0 });
    if (!part || !isLazy(part)) throw new Error("the part is held in memory");
    const fresh = new Float32Array(3 * part.width);
    const used = new Float32Array(4 * part.width).fill(NaN);
    part.write(Int32Array.of(4, 5, 6), fresh);
    part.write(Int32Array.of(4, 5, 6), used);
    expect(used.subarray(0, fresh.length)).toEqual(fresh);
    expect(used.subarray(fresh.length).every(Number.isNaN)).toBe(true);
  });

  test("parts below the limit are held; so is what would be no smaller", async () => {
    const table = mixedTable(1000);
    const { plan } = fitPreprocessing(table, range(0, 1000));
    const bytes = 4 * 100 * plan.features.length;
    const rows = [range(0, 100), range(0, 101)];
    const parts = await prepareParts(table, rows, plan, onnxruntimeNode, { residentBytes: bytes });
    expect(parts.map(isLazy)).toEqual([false, true]);
    const numbers = { ...table, columns: table.columns.filter(({ kind }) => kind === "numeric") };
    expect(compactPlan(fitPreprocessing(numbers, rows[0]!).plan)).toBeUndefined();
  });
});

describe("training on rows that are kept small", () => {
  const run = async (table: Table, options: FitTableOptions & { layers?: readonly number[] }) => {
    const notes: string[] = [];
    const { layers = [8], ...rest } = options;
    const onEvent = (event: ExperimentEvent) => event.type === "transforms" && notes.push(...event.notes);
    const fitted = await fitTable({ kind: "mlp", layers, activation: "relu", keepProbability: 1 }, splitTable(table), {
      epochs: 3,
      transforms,
      onEvent,
      ...rest,
    });
    return { notes, fitted };
  };

  test.each([
    ["a small network, many steps in a call", mixedTable(1500), {}],
    ["a network whose steps are calls of their own", mixedTable(700), { layers: [200] }],
    ["amounts", mixedTable(700, "amount"), { optimizer: { kind: "adam" } }],
    [
      "augmented examples",
      mixedTable(700),
      { transforms: { columns: { skewed } }, augment: [{ kind: "mixup", alpha: 0.4, probability: 0.5 }] },
    ],
    ["one thread", mixedTable(700), { threads: 1 }],
  ] as [string, Table, FitTableOptions][])("%s: the same weights and figures to the bit", async (_, table, options) => {
    const held = await run(table, options);
    const made = await run(table, { ...options, residentBytes: 0 });
    expect(made.fitted.theta).toEqual(held.fitted.theta);
    expect(made.fitted.history).toEqual(held.fitted.history);
    expect(made.fitted.metrics).toEqual(held.fitted.metrics);
    expect(held.fitted.history.at(-1)!.train.loss).toBeLessThan(held.fitted.history[0]!.train.loss);
    expect(held.notes.join()).not.toContain("batch by batch");
    expect(made.notes.join()).toMatch(/prepared batch by batch from \d+ MB, in place of \d+ MB at once/);
  });

  test("a divergence is found where it began", async () => {
    const table = mixedTable(700);
    const options = { optimizer: { kind: "sgd", learningRate: 1e30 } } as const;
    const [held, made] = [await run(table, options), await run(table, { ...options, residentBytes: 0 })];
    expect(held.fitted.reason).toBe("diverged");
    expect(made.fitted.finding).toEqual(held.fitted.finding);
    expect(made.fitted.theta).toEqual(held.fitted.theta);
  });
});
