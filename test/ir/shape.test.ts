/** Dimensions with names: products, quotients, broadcasting, agreement with actual sizes. */
import { describe, expect, test } from "vitest";
import {
  addDims,
  broadcastDim,
  broadcastShapes,
  divideDims,
  isUnknown,
  multiplyDims,
  normalizeAxis,
  stridesOf,
  unifyShape,
  unknownDim,
} from "../../src/ir/shape.ts";

describe("dimensions", () => {
  test("multiply numbers and names into one canonical product", () => {
    expect(multiplyDims([2, "batch", 3])).toBe("6*batch");
    expect(multiplyDims(["b", "a"])).toBe(multiplyDims(["a", "b"]));
    expect(multiplyDims(["2*b", "3*a"])).toBe("6*a*b");
    expect(multiplyDims([])).toBe(1);
    expect(multiplyDims(["batch", 0])).toBe(0);
    expect(multiplyDims(["batch", 1])).toBe("batch");
  });

  test("divide where the quotient is known, and not otherwise", () => {
    expect(divideDims("6*batch", 3)).toBe("2*batch");
    expect(divideDims("6*batch", "batch")).toBe(6);
    expect(divideDims("a*b", "b")).toBe("a");
    expect(divideDims("batch", 2)).toBeUndefined();
    expect(divideDims("batch", "time")).toBeUndefined();
    expect(divideDims(12, 0)).toBeUndefined();
  });

  test("undo a product by a division", () => {
    for (const dims of [
      ["n", 4],
      [3, 5],
      ["a*b", "7*c"],
    ])
      expect(divideDims(multiplyDims(dims), dims[1]!)).toBe(dims[0]);
  });

  test("add numbers; a sum with a name is unknown unless the other side is 0", () => {
    expect(addDims(2, 3)).toBe(5);
    expect(addDims("n", 0)).toBe("n");
    expect(addDims(0, "n")).toBe("n");
    expect(isUnknown(addDims("n", 1))).toBe(true);
    expect(addDims("n", 1)).not.toBe(addDims("n", 1));
  });

  test("broadcast: equal, 1, a name against a number, an unknown against anything", () => {
    expect(broadcastDim("n", 1)).toBe("n");
    expect(broadcastDim("n", "n")).toBe("n");
    expect(broadcastDim("n", 5)).toBe(5);
    expect(broadcastDim(4, 5)).toBeUndefined();
    expect(broadcastDim("n", "m")).toBeUndefined();
    expect(broadcastDim(unknownDim(), "m")).toBe("m");
    expect(broadcastDim(multiplyDims([4, unknownDim()]), "m")).toBe("m");
  });
});

describe("shapes", () => {
  test("broadcast together from the right", () => {
    expect(broadcastShapes(["batch", 1, 4], [3, 1])).toEqual(["batch", 3, 4]);
    expect(broadcastShapes([], [2])).toEqual([2]);
  });

  test("that do not broadcast are both named in the message", () => {
    expect(() => broadcastShapes(["batch", 4], [5])).toThrow("shapes [batch, 4] and [5] do not broadcast: 4 against 5");
  });

  test("bind names to actual sizes once, and refuse another size", () => {
    const dims = new Map<string, number>();
    expect(unifyShape(["batch", 3], [8, 3], dims)).toBe(true);
    expect(dims.get("batch")).toBe(8);
    expect(unifyShape(["batch"], [8], dims)).toBe(true);
    expect(unifyShape(["batch"], [9], dims)).toBe(false);
    expect(unifyShape([3], [3, 1], dims)).toBe(false);
  });

  test("have row-major strides, and axes counted from either end", () => {
    expect(stridesOf([2, 3, 4])).toEqual([12, 4, 1]);
    expect(normalizeAxis(-1, 3)).toBe(2);
    expect(() => normalizeAxis(3, 3)).toThrow("axis 3 is outside a tensor of rank 3 (expected -3 to 2)");
  });
});
