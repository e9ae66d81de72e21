/** Spelling help and run names. */
import { expect, test } from "vitest";
import { closest, didYouMean } from "../../src/util/closest.ts";
import { friendlyName } from "../../src/util/names.ts";

test("the closest names come nearest first, whatever their case, and far ones not at all", () => {
  expect(closest("prize", ["carat", "price", "prices", "depth"])).toEqual(["price", "prices"]);
  expect(closest("CHURN", ["tenure", "churn"])).toEqual(["churn"]);
  expect(closest("zzzzzz", ["carat", "price"])).toEqual([]);
  expect(closest("x", ["y", "z"])).toEqual([]);
});

test("the hint for an unknown name asks and lists", () => {
  expect(didYouMean("prize", ["carat", "price"], "columns")).toBe('did you mean "price"? columns: carat, price');
  const many = Array.from({ length: 40 }, (_, i) => `pixel${i}`);
  expect(didYouMean("class", many, "columns")).toMatch(/^columns: pixel0, .*… \(40 in all\)$/);
});

test("run names are two words, the same for the same seed, seldom the same for others", () => {
  expect(friendlyName(1)).toMatch(/^[a-z]+-[a-z]+$/);
  expect(friendlyName(1)).toBe(friendlyName(1));
  expect(new Set(Array.from({ length: 300 }, (_, i) => friendlyName(i))).size).toBeGreaterThan(285);
  expect(friendlyName(1, 1)).not.toBe(friendlyName(1));
});
