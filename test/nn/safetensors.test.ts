import { expect, test } from "vitest";
import { tensor } from "../../src/ir/tensor.ts";
import { readSafetensors, writeSafetensors } from "../../src/nn/safetensors.ts";

const weights = {
  "dense_1/W": tensor("float32", [1.5, -2, 3, 4, 5, 6], [2, 3]),
  steps: tensor("int64", [9007199254740991]),
  flag: tensor("bool", [1, 0, 1]),
};

test("tensors come back as they were written, names, types, shapes and metadata", () => {
  const { tensors, metadata } = readSafetensors(writeSafetensors(weights, { format: "gradus" }));
  expect(tensors).toEqual(weights);
  expect(metadata).toEqual({ format: "gradus" });
});

test("the bytes are those of the published format: length, JSON header padded to 8, raw data", () => {
  const bytes = writeSafetensors({ a: tensor("float32", [1]) });
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  expect(length % 8).toBe(0);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as unknown;
  expect(header).toEqual({ a: { dtype: "F32", shape: [1], data_offsets: [0, 4] } });
  expect([...bytes.subarray(8 + length)]).toEqual([0, 0, 128, 63]);
});

test("a view that does not start its buffer is written as the view", () => {
  const buffer = new Float32Array([9, 1, 2, 9]);
  const { tensors } = readSafetensors(writeSafetensors({ v: tensor("float32", buffer.subarray(1, 3)) }));
  expect([...(tensors["v"]!.data as Float32Array)]).toEqual([1, 2]);
});

test.each([
  ["a few bytes", new Uint8Array(3), "3 bytes"],
  ["a header longer than the file", Uint8Array.of(255, 0, 0, 0, 0, 0, 0, 0, 1), "a header of 255 bytes"],
  ["a header that is not JSON", Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 1, 2), "not JSON"],
])("%s is refused", (_, bytes, message) => {
  expect(() => readSafetensors(bytes)).toThrow(message);
});

test("a tensor that points outside the file is refused by name", () => {
  const bytes = writeSafetensors(weights);
  expect(() => readSafetensors(bytes.subarray(0, bytes.length - 1))).toThrow('tensor "flag" lies outside');
});
