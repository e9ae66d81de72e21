/** Arrow files and streams, with their types, compressed buffers and damage. */
import { tableFromArrays, tableToIPC, compressionRegistry, CompressionType, vectorFromArray, Utf8, Int64, DateDay } from "apache-arrow";
import { describe, expect, test } from "vitest";
import { decodeLz4 } from "../../src/data/lz4.ts";
import { readTable } from "../../src/data/read-table.ts";
import type { Table } from "../../src/data/table.ts";
import { file } from "./files.ts";
import { numbers, said, texts, types } from "./formats.ts";

describe("Arrow", () => {
  const bytes = (): Uint8Array =>
    tableToIPC(
      tableFromArrays({
        whole: vectorFromArray([1n, 2n, null, 4n], new Int64()),
        x: Float64Array.of(0.5, NaN, 2.5, 3.5),
        small: Int32Array.of(7, 8, 9, 10),
        text: vectorFromArray(["a", "b", null, "a"], new Utf8()),
        word: ["p", "q", "p", "q"],
        day: vectorFromArray([new Date("2024-01-01"), new Date("2024-01-02"), new Date("2024-01-03"), null], new DateDay()),
        moment: [new Date("2024-01-01T10:00:00Z"), new Date("2024-01-01T10:00:01Z"), new Date("1969-12-31T23:59:59Z"), new Date(0)],
        flag: [true, false, null, true],
        y: Int8Array.of(0, 1, 0, 1),
      } as unknown as Record<string, unknown[]>),
      "file",
    );
  const check = (table: Table): void => {
    expect(numbers(table, "whole")).toEqual([1, 2, NaN, 4]);
    expect(numbers(table, "x")).toEqual([0.5, NaN, 2.5, 3.5]);
    expect(numbers(table, "small")).toEqual([7, 8, 9, 10]);
    expect(texts(table, "text")).toEqual(["a", "b", undefined, "a"]);
    expect(texts(table, "word")).toEqual(["p", "q", "p", "q"]);
    expect(numbers(table, "day")).toEqual([1_704_067_200, 1_704_153_600, 1_704_240_000, NaN]);
    expect(numbers(table, "moment")).toEqual([1_704_103_200, 1_704_103_201, -1, 0]);
    expect(texts(table, "flag")).toEqual(["true", "false", undefined, "true"]);
    expect(types(table).slice(0, 3)).toEqual(["whole BIGINT", "x DOUBLE", "small BIGINT"]);
  };

  test("files and streams are read with their types", async () => {
    check(await readTable(file("a.arrow", bytes()), { target: "y" }));
    check(await readTable(file("a.feather", bytes()), { target: "y" }));
    const stream = tableToIPC(tableFromArrays({ a: Int32Array.of(1, 2), y: Int32Array.of(0, 1) }), "stream");
    expect(numbers(await readTable(file("stream.arrows", stream), { target: "y" }), "a")).toEqual([1, 2]);
  });

  test("a damaged one is said to be", async () => {
    const whole = bytes();
    expect(await said(file("cut.arrow", whole.subarray(0, whole.length - 300)))).toMatch(
      /cut\.arrow is a damaged or incomplete Arrow file: (?!Cannot read)/,
    );
    expect(await said(file("one.feather", "FEA1xxxxxxxxxx"))).toMatch(/Feather file of version 1/);
  });

  test("one whose damage sends the decoder round in circles ends all the same", async () => {
    // Fifty rows of three columns, three bytes changed.
    const bytes =
      "H4sIAAAAAAACA92Vv07CUBTGT0vBpkGpWrESNBURESsCujhREgc2ExKjiZNzFwcHTXwIH8JJHRx9BF7A3cXEkcXFBc+9/Ur/GHXWQ8q553fuPffcm/LRGwwOj9tEY7ZHIrIosDyVqUTzHGs8JnIoYaopnUY6GfBEATPI5hU6MwP1+nJGZBn63uyU12M5JVVn0gx4Ljbfb/ltv+PvinO9Jc5V5HGBe8W5omYypqzztf9Lfjqx/XI/9H+jJH2aDxGfqMl8GA9T99RJ1f8tDu1I2nM38K/dgI4Qv3ftO2Ef4OTdy1j1gnzWw+2DG+DT4CbiWeTnwC3wBfAiuA2+BF4CL4Mvg6+AO4gd5FfBK+AV8DXwKngVfB28Bl4D3wCvg9fBN8Eb4A3wLXAX3AXfBm+CN8F3wFuIW1743qqx9/4vxv/FCz0gaFWef90zUgl0qQWCudA1D/NDPXmCd1J69ILxKMzj0q55Hw13+MDPATTqnLkZ6ZHUUVHnCutvx6eiP8WR/ZR5/wItsiJpHIm5e9FaBT5rocYFamjyI3rXJ9qcl7HQtanwTNjDknMLsrouv2P9ZWzUPgvifaF+Oj85KG+fkz35H/IJzLvg30oGAAA=";
    expect(await said(file("circle.arrow.gz", Buffer.from(bytes, "base64")))).toMatch(
      /circle\.arrow\.gz is a damaged or incomplete Arrow file: decoding it comes to no end/,
    );
  }, 60_000);

  test("LZ4 frames of the reference tool are decompressed, and damaged ones refused", () => {
    const text = new TextEncoder().encode(`${"the quick brown fox, the quick brown dog, ".repeat(40)}${"a".repeat(600)} end`);
    const frames = [
      // lz4 --content-size, and lz4 -BD --no-frame-crc
      "BCJNGGxA7AgAAAAAAACnNgAAAPwGdGhlIHF1aWNrIGJyb3duIGZveCwgFQA+ZG9nFQAPKgD///////9JH2EBAP//RVBhIGVuZAAAAADj55LO",
      "BCJNGGBAgjYAAAD8BnRoZSBxdWljayBicm93biBmb3gsIBUAPmRvZxUADyoA////////SR9hAQD//0VQYSBlbmQAAAAA",
    ].map((base64) => new Uint8Array(Buffer.from(base64, "base64")));
    for (const frame of frames) {
      expect(decodeLz4(frame, 10_000)).toEqual(text);
      expect(() => decodeLz4(frame, 100)).toThrow(/more than 100 bytes/);
      expect(() => decodeLz4(frame.subarray(0, 40), 10_000)).toThrow(/cut short/);
    }
    for (let i = 7; i < frames[0]!.length - 8; i++) {
      const damaged = frames[0]!.slice();
      damaged[i]! ^= 0x55;
      // Whatever it says now, it ends, within the limit.
      try {
        expect(decodeLz4(damaged, 10_000).length).toBeLessThanOrEqual(10_000);
      } catch (error) {
        expect((error as Error).message).toMatch(/LZ4|bytes once decompressed/);
      }
    }
  });

  test("compressed buffers are read", async () => {
    // Frames of blocks that are stored as they are, which the format allows.
    compressionRegistry.set(CompressionType.LZ4_FRAME, { encode: storedLz4, decode: (data) => decodeLz4(data, 2 ** 20) });
    const table = tableFromArrays({
      a: Int32Array.from({ length: 500 }, (_, i) => i),
      y: Int32Array.from({ length: 500 }, (_, i) => i % 2),
    });
    const compressed = tableToIPC(table, "file", CompressionType.LZ4_FRAME);
    expect(numbers(await readTable(file("lz4.arrow", compressed), { target: "y" }), "a")).toEqual(Array.from({ length: 500 }, (_, i) => i));
  });
});

function storedLz4(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(7 + 4 + data.length + 4);
  const view = new DataView(out.buffer);
  view.setUint32(0, 0x184d2204, true);
  out.set([0x60, 0x70, 0x73], 4);
  view.setUint32(7, (data.length | 0x80000000) >>> 0, true);
  out.set(data, 11);
  return out;
}
