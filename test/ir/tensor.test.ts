/** Host tensors from plain numbers. */
import { expect, test } from "vitest";
import { tensor, viewBytes } from "../../src/ir/tensor.ts";

test("A tensor takes its shape from the nesting", () => {
  expect(
    tensor("float32", [
      [1, 2, 3],
      [4, 5, 6],
    ]),
  ).toEqual({ dtype: "float32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) });
  expect(tensor("int64", 7)).toEqual({ dtype: "int64", shape: [], data: BigInt64Array.of(7n) });
  expect(tensor("bool", [true, false]).data).toEqual(Uint8Array.of(1, 0));
  expect(tensor("float16", [1, -2]).data).toEqual(Uint16Array.of(0x3c00, 0xc000));
  expect(tensor("string", [["a"], ["b"]])).toEqual({ dtype: "string", shape: [2, 1], data: ["a", "b"] });
});

test("A tensor whose data does not fill its shape says both numbers", () => {
  expect(() => tensor("float32", [1, 2, 3], [2, 2])).toThrow("a tensor of shape [2, 2] needs 4 elements, got 3");
});

test("A tensor refuses the array type of another dtype, and fractions as integers", () => {
  expect(() => tensor("float32", Float64Array.of(1))).toThrow("a float32 tensor needs Float32Array, got Float64Array");
  expect(() => tensor("int64", [0.5])).toThrow("0.5 is no int64");
  expect(() => tensor("int32", [NaN])).toThrow("NaN is no int32");
});

test("Bytes are seen as elements also where they are not aligned", () => {
  const bytes = new Uint8Array(9);
  bytes.set(new Uint8Array(Float64Array.of(1.5).buffer), 1);
  expect(viewBytes("float64", bytes.subarray(1))).toEqual(Float64Array.of(1.5));
});
