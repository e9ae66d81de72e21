/** Validation rows that were trained on as copies: which they are, and what they hide of the figure. */
import { expect, test } from "vitest";
import { copiedRows } from "../../src/data/copied-rows.ts";
import { cutWindows } from "../../src/data/windows.ts";
import type { Column, Table } from "../../src/data/table.ts";
import { copiesImpact, validationCopies } from "../../src/train/copies.ts";
import { fitTable, splitTable } from "../../src/train/fit-table.ts";
import { mlp } from "../../src/train/model-choice.ts";
import { rng } from "../../src/util/rng.ts";
import { intervalDifference, wilsonInterval, type Interval } from "../../src/util/statistics.ts";
import { categorical, count, numeric, tableOf } from "../data/tables.ts";

const [trained, validated, copies] = [80, 120, 40];

/** Labels by lot: only rows that were trained on can be known. The first validation rows are copies of training rows. */
function byLot(task: "classes" | "amounts"): Table {
  const random = rng(1, "lot");
  const source = count(trained + validated).map((row) => (row >= trained && row < trained + copies ? 2 * (row - trained) : row));
  const drawn = (draw: () => number): number[] => {
    const values = source.map(draw);
    return source.map((row) => values[row]!);
  };
  const features = count(20).map((c) =>
    numeric(
      `x${c}`,
      drawn(() => random.normal()),
    ),
  );
  const lot = drawn(() => random.uniform());
  const labels = lot.map((value) => (value < 0.5 ? "yes" : "no"));
  const parts = source.map((_, row) => (row < trained ? "train" : "validation"));
  return { ...tableOf(lot, task === "classes" ? labels : undefined, { split: categorical("part", parts) }), columns: features };
}

const fitted = (table: Table) => fitTable(mlp({ layers: [32] }), splitTable(table), { epochs: 60, threads: 1 });

test("copies are measured apart: what the network learnt by heart hides its error on new rows", async () => {
  const run = await fitted(byLot("classes"));
  const found = run.copies!;
  expect(found).toMatchObject({ metric: "error", rows: copies, of: validated });
  const [all, copied, without, impact] = [run.metrics.validation["error"]!, found.copied, found.without!, found.impact!];
  expect([copied.n, without.n]).toEqual([copies, validated - copies]);
  expect(copies * copied.value + (validated - copies) * without.value).toBeCloseTo(validated * all.value, 10);
  expect(impact.value).toBeCloseTo(without.value - all.value, 12);
  // Of shares it is Newcombe's interval of the difference, times the share of the copies.
  const share = copies / validated;
  const difference = intervalDifference(
    wilsonInterval(Math.round(without.value * 80), 80),
    wilsonInterval(Math.round(copied.value * 40), 40),
  );
  for (const key of ["low", "high"] as const) expect(impact[key]).toBeCloseTo(share * difference[key], 12);
  expect(impact.low).toBeGreaterThan(0.05);
});

test("of amounts the squares are what is shared out", async () => {
  const run = await fitted(byLot("amounts"));
  const { metric, copied, without, impact } = run.copies!;
  const all = run.metrics.validation["rmse"]!;
  expect(metric).toBe("rmse");
  expect((copied.value ** 2 * copies + without!.value ** 2 * (validated - copies)) / validated).toBeCloseTo(all.value ** 2, 6);
  expect(impact!.value).toBeCloseTo(without!.value - all.value, 6);
  expect(impact!.low).toBeLessThan(impact!.value);
  expect(impact!.high).toBeGreaterThan(impact!.value);
});

test("where all rows are copies there is nothing to compare with", () => {
  const onCopied = { error: wilsonInterval(1, 50) };
  const rows = { copied: Int32Array.from(count(50)), others: new Int32Array(0) };
  expect(copiesImpact(rows, onCopied, undefined)).toEqual({ metric: "error", rows: 50, of: 50, copied: onCopied.error });
  const at = (value: number): { readonly rmse: Interval } => ({ rmse: { value, low: value, high: value, n: 9 } });
  // 3, and of the copies 1: the mean of squares of one copy and three others is 7.
  const some = { copied: Int32Array.of(0), others: Int32Array.of(1, 2, 3) };
  expect(copiesImpact(some, at(1), at(3)).impact!.value).toBeCloseTo(3 - Math.sqrt(7), 12);
});

const rows = (...numbers: number[]) => Int32Array.from(numbers);
const plain = (columns: readonly Column[]): Table => ({ ...tableOf([1], [1]), rows: 10, columns });

test("rows are copies by all their features; none where most training rows repeat each other, nor of windows", () => {
  const x = numeric("x", [1, 2, 3, 4, 5, 1, 2, 3, 9, NaN]);
  const kind = categorical("kind", ["a", "b", "a", "a", "a", "a", "a", "a", "a", "a"]);
  const [train, part] = [rows(0, 1, 2, 3, 4), rows(5, 6, 7, 8, 9)];
  expect(copiedRows(plain([x, kind]), train, part)).toEqual(rows(5, 7));
  expect(copiedRows(plain([x]), train, part)).toEqual(rows(5, 6, 7));
  const coarse = numeric("x", [1, 1, 1, 2, 3, 1, 2, 3, 4, 5]);
  expect(copiedRows(plain([coarse]), train, part)).toEqual(rows());
  expect(copiedRows(plain([numeric("x", [1, 1, 4, 2, 3, 1, 2, 7, 8, 5])]), train, part)).toEqual(rows(5, 6));
  const flat = cutWindows({ ...plain([numeric("load", Array<number>(10).fill(1))]), roles: {} }, "load", { window: 3 });
  expect(copiedRows(flat, rows(0, 1, 2), rows(4, 5))).toEqual(rows());
});

test("a split at random, which keeps equal rows in one part, has none", async () => {
  const { roles: _, ...table } = byLot("classes");
  expect(validationCopies(splitTable({ ...table, roles: {} }))).toBeUndefined();
  expect(validationCopies(splitTable(byLot("classes")))!.copied).toEqual(Int32Array.from(count(copies), (i) => trained + i));
});
