/** Rows by a number: the order of a comparison sort, ties as they stood. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { orderByKey } from "../../src/data/row-order.ts";

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
