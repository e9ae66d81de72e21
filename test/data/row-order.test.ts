/** Rows by a number: the order of a comparison sort, ties as they stood. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { orderByKey } from "../../src/data/row-order.ts";
import { rng } from "../../src/util/rng.ts";

test("any numbers are put in the order of a stable comparison", () => {
  const number = fc.oneof(
    fc.double({ noNaN: true }),
    fc.integer({ min: -5, max: 5 }),
    fc.maxSafeNat(),
    fc.constantFrom(0, -0, Infinity, -Infinity, 5e-324, -5e-324),
  );
  fc.assert(
    fc.property(fc.array(number, { maxLength: 300 }), (numbers) => {
      const keys = Float64Array.from(numbers);
      const expected = numbers.map((_, row) => row).toSorted((a, b) => (keys[a]! < keys[b]! ? -1 : keys[a]! > keys[b]! ? 1 : a - b));
      expect([...orderByKey(keys)]).toEqual(expected);
      const some = Int32Array.from(expected.filter((row) => row % 3 !== 0)).sort();
      expect([...orderByKey(keys, some)]).toEqual(expected.filter((row) => row % 3 !== 0));
    }),
    { numRuns: 300 },
  );
});

const draw = rng(5, "row order");

test.each([
  ["spread evenly, as hashes are", () => Math.floor(2 ** 53 * draw.uniform())],
  ["spread evenly, some of them equal", () => Math.floor(700 * draw.uniform())],
  ["many of them equal", () => Math.floor(40 * draw.uniform())],
  ["of very different sizes", () => draw.normal() * 10 ** (40 * draw.uniform() - 20)],
  ["all alike", () => 3],
])("many keys, %s", (_, key) => {
  const keys = Float64Array.from({ length: 3000 }, key);
  const expected = Array.from(keys, (_key, row) => row).toSorted((a, b) => keys[a]! - keys[b]! || a - b);
  expect([...orderByKey(keys)]).toEqual(expected);
});
