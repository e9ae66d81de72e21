/** IDX and NumPy files: what they become, and what is said of those that are damaged or dangerous. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32, deflateRawSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { readTable } from "../../src/data/read-table.ts";
import { split } from "../../src/data/splitter.ts";
import type { CategoricalColumn, ImageColumn, NumericColumn, SequenceColumn } from "../../src/data/table.ts";
import { complaint, file, temporaryFolder } from "./files.ts";

/** An IDX file. */
function idx(type: number, shape: readonly number[], body: Uint8Array): Buffer {
  const head = Buffer.alloc(4 + 4 * shape.length);
  head.writeUInt32BE((type << 8) | shape.length);
  shape.forEach((size, axis) => head.writeUInt32BE(size, 4 + 4 * axis));
  return Buffer.concat([head, body]);
}

/** A .npy file. */
function npy(descr: string, shape: readonly number[], body: Uint8Array, { fortran = false, version = 1 } = {}): Buffer {
  const header = `{'descr': '${descr}', 'fortran_order': ${fortran ? "True" : "False"}, 'shape': (${shape.join(", ")}${shape.length === 1 ? "," : ""}), }`;
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(header.length + 1);
  else length.writeUInt32LE(header.length + 1);
  return Buffer.concat([Buffer.from([0x93, ...Buffer.from("NUMPY"), version, 0]), length, Buffer.from(`${header}\n`), body]);
}

/** A zip archive as numpy.savez writes it. */
function zip(entries: Readonly<Record<string, Uint8Array>>, { deflate = false, plain = undefined as number | undefined } = {}): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, bytes] of Object.entries(entries)) {
    const packed = deflate ? deflateRawSync(bytes) : Buffer.from(bytes);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50);
    local.writeUInt16LE(deflate ? 8 : 0, 8);
    local.writeUInt16LE(name.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50);
    entry.writeUInt16LE(deflate ? 8 : 0, 10);
    entry.writeUInt32LE(crc32(bytes), 16);
    entry.writeUInt32LE(packed.length, 20);
    entry.writeUInt32LE(plain ?? bytes.length, 24);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(at, 42);
    parts.push(local, Buffer.from(name), packed);
    directory.push(entry, Buffer.from(name));
    at += 30 + name.length + packed.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(Object.keys(entries).length, 8);
  end.writeUInt16LE(Object.keys(entries).length, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

const bytes = (count: number, of = (i: number) => (i * 37) % 256): Uint8Array => Uint8Array.from({ length: count }, (_, i) => of(i));
const doubles = (values: readonly number[]): Uint8Array => new Uint8Array(Float64Array.from(values).buffer);
const folder = (name: string): string => {
  mkdirSync(join(temporaryFolder, name), { recursive: true });
  return join(temporaryFolder, name);
};

const ROWS = 15;
const labels = (rows: number): Uint8Array => bytes(rows, (i) => i % 3);

describe("IDX", () => {
  test("images find their labels by the usual name, gzipped or not, and become one column of bytes", async () => {
    const pixels = bytes(ROWS * 20);
    const path = file("train-images-idx3-ubyte.gz", gzipSync(idx(8, [ROWS, 4, 5], pixels)));
    file("train-labels-idx1-ubyte", idx(8, [ROWS], labels(ROWS)));
    const table = await readTable(path);
    const [column] = table.columns as [ImageColumn];
    expect(table.columns).toHaveLength(1);
    expect({ ...column, values: undefined, offsets: undefined }).toMatchObject({ name: "image", kind: "image", channels: 1 });
    expect(column.values).toEqual(pixels);
    expect([...column.offsets]).toEqual(Array.from({ length: ROWS + 1 }, (_, row) => row * 20));
    expect([column.heights[3], column.widths[3]]).toEqual([4, 5]);
    expect(table.target).toMatchObject({ name: "label", task: "classification" });
    expect([...(table.target!.column as CategoricalColumn).codes.slice(0, 4)]).toEqual([0, 1, 2, 0]);
    expect(table.notes.join()).toContain("labels read from train-labels-idx1-ubyte");
  });

  test("labels are found where they are said to be", async () => {
    const path = file("pictures.idx", idx(8, [ROWS, 4, 5], bytes(ROWS * 20)));
    const table = await readTable(path, {
      labels: file("answers.npy", npy("<i8", [ROWS], new Uint8Array(BigInt64Array.from({ length: ROWS }, (_, i) => BigInt(i % 2)).buffer))),
    });
    expect([...(table.target!.column as CategoricalColumn).codes.slice(0, 3)]).toEqual([0, 1, 0]);
    const bare = await readTable(path);
    expect(bare.target).toBeUndefined();
  });

  test("a folder of training and test files is one table with the published split", async () => {
    const at = folder("mnist like");
    const parts = [
      ["t10k", 6, 100],
      ["train", ROWS, 0],
    ] as const;
    for (const [part, rows, first] of parts) {
      writeFileSync(
        join(at, `${part}-images-idx3-ubyte.gz`),
        gzipSync(
          idx(
            8,
            [rows, 2, 2],
            bytes(rows * 4, (i) => (first + i) % 256),
          ),
        ),
      );
      writeFileSync(join(at, `${part}-labels-idx1-ubyte.gz`), gzipSync(idx(8, [rows], labels(rows))));
    }
    const table = await readTable(at);
    expect(table.rows).toBe(ROWS + 6);
    expect((table.columns[0] as ImageColumn).values[0]).toBe(0);
    expect((table.columns[0] as ImageColumn).values[ROWS * 4]).toBe(100);
    const found = split(table, { seed: 1 });
    expect([...found.test]).toEqual([15, 16, 17, 18, 19, 20]);
    expect(found.train.length + found.validation.length).toBe(ROWS);
    // A split that is asked for wins.
    expect((await readTable(at, { publishedSplit: false })).roles.split).toBeUndefined();
  });

  test("numbers of every type are read big-endian", async () => {
    const body = Buffer.alloc(2 * 3 * 4);
    [1, -2, 3.5, -4, 5, 6].forEach((value, i) => body.writeFloatBE(value, 4 * i));
    const table = await readTable(file("matrix.idx2", idx(0x0d, [2, 3], body)));
    expect(table.columns.map(({ name }) => name)).toEqual(["x1", "x2", "x3"]);
    expect(table.columns.map((column) => [...(column as NumericColumn).values])).toEqual([
      [1, -4],
      [-2, 5],
      [3.5, 6],
    ]);
  });

  test("what is cut off, has too much, is no IDX or announces more than it holds is refused", async () => {
    const whole = idx(8, [ROWS, 4, 5], bytes(ROWS * 20));
    expect(await complaint(readTable(file("cut.idx3", whole.subarray(0, 100))))).toMatch(
      /cut\.idx3 announces 15×4×5 numbers \(300 bytes\), more than it can hold/,
    );
    expect(await complaint(readTable(file("cut.idx3.gz", gzipSync(whole.subarray(0, 100)))))).toMatch(
      /announces 15×4×5 numbers \(300 bytes\), and ends after 84/,
    );
    expect(await complaint(readTable(file("torn.idx3.gz", gzipSync(whole).subarray(0, 60))))).toMatch(
      /torn\.idx3\.gz: its compression is damaged or cut off/,
    );
    expect(await complaint(readTable(file("long.idx3", Buffer.concat([whole, Buffer.alloc(7)]))))).toMatch(/has 7 bytes more/);
    expect(await complaint(readTable(file("text-images-idx3-ubyte", "not at all")))).toMatch(
      /is no IDX file: it begins with the bytes 6e 6f 74 20/,
    );
    expect(await complaint(readTable(file("none-images-idx3-ubyte", "")))).toMatch(/is empty \(0 bytes\); arrays were expected/);
    const huge = idx(8, [0xffff_ffff, 0xffff, 0xffff], new Uint8Array(64));
    expect(await complaint(readTable(file("huge.idx3", huge)))).toMatch(
      /huge\.idx3 announces 4 294 967 295×65 535×65 535 numbers .*, more than it can hold/,
    );
    file("few-labels-idx1-ubyte", idx(8, [5], labels(5)));
    expect(await complaint(readTable(file("few-images-idx3-ubyte", whole)))).toMatch(
      /"image" has 15 rows and "label" has 5; they must have as many/,
    );
  });
});

describe("NumPy", () => {
  test("a matrix becomes columns; Fortran order and big-endian numbers are turned", async () => {
    const body = Buffer.alloc(6 * 8);
    [1, 4, 2, 5, 3, 6].forEach((value, i) => body.writeDoubleBE(value, 8 * i));
    const { columns } = await readTable(file("turned.npy", npy(">f8", [2, 3], body, { fortran: true, version: 2 })));
    expect(columns.map((column) => [...(column as NumericColumn).values])).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
  });

  test("images in Fortran order are what they are in C order", async () => {
    const [n, h, w] = [3, 2, 4];
    const at = (i: number, y: number, x: number): number => 40 * i + 10 * y + x;
    const c = bytes(n * h * w, (k) => at(Math.floor(k / (h * w)), Math.floor(k / w) % h, k % w));
    const fortran = bytes(n * h * w, (k) => at(k % n, Math.floor(k / n) % h, Math.floor(k / (n * h))));
    const [first, second] = await Promise.all([
      readTable(file("c.npy", npy("|u1", [n, h, w], c))),
      readTable(file("f.npy", npy("|u1", [n, h, w], fortran, { fortran: true }))),
    ]);
    expect((second.columns[0] as ImageColumn).values).toEqual((first.columns[0] as ImageColumn).values);
  });

  test("an archive gives a column an array: images, texts, numbers, a matrix; the parts of a split are joined", async () => {
    const part = (rows: number, first: number) => ({
      image: npy(
        "|u1",
        [rows, 3, 2, 2],
        bytes(rows * 12, (i) => (first + i) % 256),
      ),
      y: npy(
        "<U3",
        [rows],
        Buffer.concat(
          Array.from({ length: rows }, (_, i) =>
            Buffer.from(Uint32Array.from([..."cät"].map((letter) => letter.codePointAt(0)! + (letter === "t" ? i % 2 : 0))).buffer),
          ),
        ),
      ),
      size: npy("<f4", [rows], new Uint8Array(Float32Array.from({ length: rows }, (_, i) => i / 2).buffer)),
    });
    const [train, test] = [part(10, 0), part(4, 7)];
    const entries = Object.fromEntries([
      ...Object.entries(train).map(([name, array]) => [`${name}_train.npy`, array]),
      ...Object.entries(test).map(([name, array]) => [`${name}_test.npy`, array]),
    ]) as Record<string, Uint8Array>;
    const table = await readTable(file("all.npz", zip(entries, { deflate: true })));
    expect(table.columns.map(({ name, kind }) => `${name} ${kind}`)).toEqual(["image image", "size numeric"]);
    const [image, size] = table.columns as [ImageColumn, NumericColumn];
    // Channels first in the file, last in the column.
    expect(image.channels).toBe(3);
    expect([...image.values.slice(0, 6)]).toEqual([0, 4, 8, 1, 5, 9]);
    expect(table.notes.join()).toContain("channels first, 3×2×2");
    expect([...size.values.slice(8)]).toEqual([4, 4.5, 0, 0.5, 1, 1.5]);
    expect((table.target!.column as CategoricalColumn).categories).toEqual(["cät", "cäu"]);
    expect([...split(table, { seed: 1 }).test]).toEqual([10, 11, 12, 13]);
  });

  test("a column of a matrix can be the target, and is then no feature", async () => {
    const path = file("table.npz", zip({ "X.npy": npy("<f8", [4, 3], doubles([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13])) }));
    const table = await readTable(path, { target: "X3 / 2" });
    expect(table.columns.map(({ name }) => name)).toEqual(["X1", "X2"]);
    expect([...(table.target!.column as NumericColumn).values]).toEqual([1.5, 3, 4.5, 6.5]);
  });

  test("numbers of three axes are sequences", async () => {
    const table = await readTable(file("series.npy", npy("<f8", [2, 3, 2], doubles([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]))));
    expect(table.columns[0]).toMatchObject({ kind: "sequence", width: 2 });
    expect([...(table.columns[0] as SequenceColumn).offsets]).toEqual([0, 3, 6]);
  });

  test("pickled objects, structures, dates, complex numbers and inexact whole numbers are refused", async () => {
    const refused = (name: string, descr: string, width: number) =>
      complaint(readTable(file(name, npy(descr, [2], new Uint8Array(2 * width)))));
    expect(await refused("objects.npy", "|O", 8)).toMatch(
      /objects\.npy holds pickled Python objects, which run code when they are read .*astype/,
    );
    expect(await refused("dates.npy", "<M8[D]", 8)).toMatch(/dates or durations/);
    expect(await refused("complex.npy", "<c16", 16)).toMatch(/complex numbers/);
    const large = new Uint8Array(BigInt64Array.from([1n, 2n ** 53n + 1n + 2n]).buffer);
    expect(await complaint(readTable(file("large.npy", npy("<i8", [2], large))))).toMatch(/whole numbers beyond 2⁵³/);
    const fields = Buffer.from(npy("<f8", [1], new Uint8Array(8)).toString("latin1").replace("'<f8'", "[('a',"), "latin1");
    expect(await complaint(readTable(file("fields.npy", fields)))).toMatch(/structured array/);
  });

  test("more announced than there is, less than that, and archives that are cut off or swell are refused at once", async () => {
    const before = process.memoryUsage().rss;
    expect(await complaint(readTable(file("bomb.npy", npy("<f8", [1e9, 1e6], new Uint8Array(80)))))).toMatch(
      /announces an array of shape \[1000000000, 1000000\] \(8000\.0 TB\) and holds 80 bytes/,
    );
    expect(await complaint(readTable(file("less.npy", npy("<f8", [2], new Uint8Array(80)))))).toMatch(/holds 80 bytes, more than that/);
    expect(await complaint(readTable(file("half.npy", npy("<f8", [2], new Uint8Array(16)).subarray(0, 40))))).toMatch(
      /half\.npy is no whole \.npy array: it ends inside the header/,
    );
    const whole = zip({ "x.npy": npy("<f8", [4, 2], new Uint8Array(64)) }, { deflate: true });
    expect(await complaint(readTable(file("cut.npz", whole.subarray(0, whole.length >> 1))))).toMatch(
      /cut\.npz is no whole zip archive: its directory is missing/,
    );
    const swollen = zip({ "x.npy": npy("<f8", [4, 2], new Uint8Array(64)) }, { deflate: true, plain: 0x7fff_ffff });
    expect(await complaint(readTable(file("swollen.npz", swollen)))).toMatch(
      /x\.npy is said to be 2\.1 GB, more than its \d+ bytes can hold/,
    );
    expect(await complaint(readTable(file("text.npz", "no archive, just text")))).toMatch(/text\.npz is no whole zip archive/);
    expect(await complaint(readTable(file("nothing.npy", "")))).toMatch(/is empty \(0 bytes\)/);
    expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
  });
});
