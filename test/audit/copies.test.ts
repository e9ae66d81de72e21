/** Equal rows against counting by texts, and samples of rows. */
import { expect, test } from "vitest";
import { sampleRows } from "../../src/audit/compared.ts";
import { copiesOf, equalRows, refined } from "../../src/audit/copies.ts";
import { rng } from "../../src/util/rng.ts";
import { categories, numbers } from "./tables.ts";

/** Rows by their text, those alone left out. */
function byText(texts: readonly string[]): number[][] {
  const groups = new Map<string, number[]>();
  texts.forEach((text, row) => groups.set(text, [...(groups.get(text) ?? []), row]));
  return [...groups.values()].filter((group) => group.length > 1);
}

test("groups of equal rows, with the target and without, are those of their texts; copies point to the first row of earlier parts", () => {
  const draw = rng(1, "copies");
  for (const rows of [1, 2, 50, 3000]) {
    const x = Array.from({ length: rows }, () => (draw.integer(9) === 0 ? NaN : draw.integer(rows) / 4));
    const colour = Array.from({ length: rows }, () => ["red", "green", "blue"][draw.integer(3)]!);
    const y = Array.from({ length: rows }, () => draw.integer(2));
    const columns = [numbers("x", x), categories("colour", colour)];
    const texts = x.map((value, row) => `${value} ${colour[row]}`);
    const equal = equalRows(columns, rows);
    const wanted = byText(texts);
    expect(equal.groups.map((group) => [...group])).toEqual(wanted);
    wanted.forEach((group, i) => group.forEach((row) => expect(equal.groupOf[row]).toBe(i)));
    expect(equal.groupOf.filter((group) => group >= 0).length).toBe(wanted.flat().length);
    expect(refined(equal, numbers("y", y)).map((group) => [...group])).toEqual(byText(texts.map((text, row) => `${text} ${y[row]}`)));
    const half = Int32Array.from({ length: rows >> 1 }, (_, row) => row);
    const rest = Int32Array.from({ length: rows - half.length }, (_, row) => half.length + row);
    const pairs = [...rest].flatMap((row) => {
      const first = texts.indexOf(texts[row]!);
      return first < half.length ? [[first, row]] : [];
    });
    expect(copiesOf(equal, [{ name: "train", rows: half }], { name: "test", rows: rest })).toEqual(pairs);
  }
});

test("a sample has so many rows, each once, ascending, the same for one seed, and any row is as likely", () => {
  const rows = Int32Array.from({ length: 1000 }, (_, i) => 3 * i);
  for (const most of [10, 400, 600, 1000, 2000]) {
    const sample = sampleRows(rows, most, 1, "some");
    expect([...sample]).toEqual([...new Set(sample)].toSorted((a, b) => a - b));
    expect(sample.length).toBe(Math.min(most, 1000));
    expect(sample.every((row) => row % 3 === 0)).toBe(true);
    expect(sampleRows(rows, most, 1, "some")).toEqual(sample);
  }
  const counts = new Float64Array(1000);
  for (let seed = 0; seed < 2000; seed++) for (const row of sampleRows(rows, 100, seed, "some")) counts[row / 3]! += 1;
  // χ² of 1000 cells of a hypergeometric draw has mean 900 or so, deviation 42.
  const square = counts.reduce((sum, count) => sum + (count - 200) ** 2 / 200, 0);
  expect(square).toBeGreaterThan(690);
  expect(square).toBeLessThan(1110);
});
