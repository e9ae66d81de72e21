/** Files that are no CSV, or not plainly one: JSON, Parquet, Arrow, compressed files, several files, standard input, encodings, queries. */
import { chmodSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { tableFromArrays, tableToIPC, compressionRegistry, CompressionType, vectorFromArray, Utf8, Int64, DateDay } from "apache-arrow";
import { describe, expect, test } from "vitest";
import { openDatabase } from "../../src/data/database.ts";
import { decompressionLimits } from "../../src/data/decompress.ts";
import { decodeLz4 } from "../../src/data/lz4.ts";
import { readTable, type ReadOptions } from "../../src/data/read-table.ts";
import { openSource } from "../../src/data/source.ts";
import { schemaOf, type CategoricalColumn, type NumericColumn, type Table } from "../../src/data/table.ts";
import { complaint, csv, file, temporaryFolder } from "./files.ts";

const numbers = (table: Table, name: string): number[] => [...(table.columns.find((c) => c.name === name) as NumericColumn).values];
const texts = (table: Table, name: string): (string | undefined)[] => {
  const column = table.columns.find((c) => c.name === name) as CategoricalColumn;
  return [...column.codes].map((code) => column.categories[code]);
};
const said = (path: string, options: ReadOptions = { target: "y" }): Promise<string> => complaint(readTable(path, options));
const inFolder = (name: string): string => join(temporaryFolder, name);
const types = (table: Table): string[] => table.columns.map(({ name, sqlType }) => `${name} ${sqlType}`);

/** The same rows as a file of any format that DuckDB writes. */
async function written(name: string, options: string, select?: string): Promise<string> {
  const path = inFolder(name);
  const database = await openDatabase();
  const rows = `SELECT i AS whole, i / 4 AS half, 'name ' || (i % 3) AS text, DATE '2024-01-01' + i::INTEGER AS day,
    TIMESTAMP '2024-01-01 10:00:00' + INTERVAL (i) HOUR AS moment, i % 2 = 0 AS flag, CASE WHEN i = 2 THEN NULL ELSE i * 1.5 END AS gap, i % 2 AS y
    FROM range(6) r(i)`;
  await database.query(`COPY (${select ?? rows}) TO '${path.replaceAll("'", "''")}' (${options})`);
  database.close();
  return path;
}

describe("typed files", () => {
  const expected = {
    whole: [0, 1, 2, 3, 4, 5],
    half: [0, 0.25, 0.5, 0.75, 1, 1.25],
    day: [0, 1, 2, 3, 4, 5].map((i) => 1_704_067_200 + 86_400 * i),
    moment: [0, 1, 2, 3, 4, 5].map((i) => 1_704_103_200 + 3600 * i),
    gap: [0, 1.5, NaN, 4.5, 6, 7.5],
  };
  const check = (table: Table): void => {
    for (const [name, values] of Object.entries(expected)) expect(numbers(table, name), name).toEqual(values);
    expect(texts(table, "text")).toEqual(["name 0", "name 1", "name 2", "name 0", "name 1", "name 2"]);
    expect(texts(table, "flag")).toEqual(["true", "false", "true", "false", "true", "false"]);
    expect(table.target).toMatchObject({ task: "classification", column: { categories: ["0", "1"] } });
  };

  test("Parquet, JSON and NDJSON give the same table, with the types of their values", async () => {
    const parquet = await readTable(await written("a.parquet", "FORMAT parquet"), { target: "y" });
    check(parquet);
    expect(types(parquet)).toEqual([
      "whole BIGINT",
      "half DOUBLE",
      "text VARCHAR",
      "day DATE",
      "moment TIMESTAMP",
      "flag VARCHAR",
      "gap DOUBLE",
    ]);
    check(await readTable(await written("a.json", "FORMAT json, ARRAY true"), { target: "y" }));
    const lines = await readTable(await written("a.ndjson", "FORMAT json"), { target: "y" });
    check(lines);
    check(await readTable(await written("a.csv", "FORMAT csv, HEADER"), { target: "y" }));
  });

  test("a model's schema from one format reads the others", async () => {
    const schema = schemaOf(await readTable(await written("schema.csv", "FORMAT csv, HEADER"), { target: "y" }));
    for (const [name, options] of [
      ["schema.parquet", "FORMAT parquet"],
      ["schema.json", "FORMAT json, ARRAY true"],
    ] as const)
      check(await readTable(await written(name, options), { schema }));
    const own = schemaOf(await readTable(await written("own.parquet", "FORMAT parquet"), { target: "y" }));
    check(await readTable(await written("own.csv", "FORMAT csv, HEADER"), { schema: own }));
    const wrong = await written(
      "wrong.parquet",
      "FORMAT parquet",
      "SELECT 'x' AS whole, 1 AS half, 'a' AS text, DATE '2024-01-01' AS day, TIMESTAMP '2024-01-01' AS moment, true AS flag, 1 AS gap, 1 AS y",
    );
    expect(await said(wrong, { schema: own })).toMatch(/wrong\.parquet, row 1: column "whole" should hold a number, found "x"/);
  });

  test("texts of numbers in a typed file stay texts, and that is said; nested values are left out and lists keep their text", async () => {
    const path = await written(
      "odd.parquet",
      "FORMAT parquet",
      "SELECT (i % 3)::VARCHAR AS code, {'a': i} AS nested, [i, 2] AS list, '' AS empty, 'NaN'::DOUBLE + i AS nan, i AS x, i % 2 AS y FROM range(8) r(i)",
    );
    const message = await said(path);
    expect(message).toMatch(/column "empty" has no value in any of its 8 rows/);
    const table = await readTable(path, { target: "y", drop: ["empty", "nan"] });
    expect(texts(table, "code").slice(0, 3)).toEqual(["0", "1", "2"]);
    expect(table.notes).toContain("code read as categories: texts of numbers (--type code=number)");
    expect(table.notes.some((note) => note.startsWith("nested left out: values of type STRUCT(a BIGINT)"))).toBe(true);
    expect(numbers(await readTable(path, { target: "y", drop: ["empty", "nan"], types: { code: "number" } }), "code").slice(0, 3)).toEqual([
      0, 1, 2,
    ]);
  });

  test("damaged and misnamed files are named for what they are", async () => {
    const good = readFileSync(await written("whole.parquet", "FORMAT parquet"));
    expect(await said(file("cut.parquet", good.subarray(0, good.length - 40)))).toMatch(
      /cut\.parquet is cut short: a Parquet file ends with "PAR1".*\| copy or download it again/,
    );
    const inside = Buffer.from(good);
    inside.fill(0xff, 4, 200);
    expect(await said(file("inside.parquet", inside))).toMatch(/inside\.parquet is a damaged Parquet file: /);
    expect(await said(file("text.parquet", "a,y\n1,0\n"))).toMatch(
      /text\.parquet is no Parquet file, whatever its name says: it should begin with "PAR1", found "a,y/,
    );
    expect(await said(file("text.arrow", "a,y\n1,0\n"))).toMatch(/text\.arrow is no Arrow file, whatever its name says/);
    expect(await said(file("text.json", "a,y\n1,0\n"))).toMatch(/text\.json, line 1: JSON should begin with \[ .* found "a"/);
    expect(await said(file("zero.parquet", ""))).toMatch(/zero\.parquet is empty \(0 bytes\)/);
    expect(numbers(await readTable(file("parquet-in.csv", good), { target: "y" }), "whole")).toHaveLength(6);
    expect((await readTable(file("json-in.txt", '[{"a":1,"y":0},{"a":2,"y":1}]'), { target: "y" })).notes).toContain(
      "read as JSON, whatever its name says",
    );
  });

  test("bad JSON is named by its line, and left out on request", async () => {
    const lines = ['{"a":1,"y":0}', '{"a":2,"y":1', '{"a":3,"y":1}', "[1]", '{"a":4,"y":0}'].join("\n");
    expect(await said(file("bad.ndjson", lines))).toMatch(
      /bad\.ndjson, line [23]: not well-formed JSON: .* \| mend the line, or leave such lines out, listed: --skip-bad-rows/,
    );
    const table = await readTable(file("bad2.ndjson", lines), { target: "y", skipBadRows: true });
    expect(numbers(table, "a")).toEqual([1, 3, 4]);
    expect(table.skipped).toEqual([
      { file: inFolder("bad2.ndjson"), line: 2, reason: "no JSON object" },
      { file: inFolder("bad2.ndjson"), line: 4, reason: "no JSON object" },
    ]);
    expect(await said(file("twice.ndjson", '{"a":1,"a":5,"y":0}\n{"a":2,"y":1}\n'))).toMatch(/an object has the key "a" twice/);
    expect(await said(file("cut.json", '[{"a":1,"y":0},{"a":2'))).toMatch(/cut\.json.*: not well-formed JSON: /);
    expect(await said(file("values.json", "[1, 2, 3]"))).toMatch(/an array of objects was expected, one per row/);
  });

  test("numbers and texts mixed in JSON are a column of texts, named", async () => {
    const rows = Array.from({ length: 40 }, (_, i) => ({ a: i === 7 ? "?" : i % 9, y: i % 2 }));
    const table = await readTable(file("mixed.json", JSON.stringify(rows)), { target: "y" });
    expect(texts(table, "a").slice(6, 9)).toEqual(["6", "?", "8"]);
  });
});

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

describe("compressed files", () => {
  test("gzip and Zstandard are read whatever is inside; the fingerprint is the file's", async () => {
    const rows = "a,y\n1,0\n2,1\n3,0\n";
    const zipped = await readTable(file("a.csv.gz", gzipSync(rows)), { target: "y" });
    expect(numbers(zipped, "a")).toEqual([1, 2, 3]);
    expect(zipped.source.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(zipped.source.fingerprint).not.toBe((await readTable(file("a.plain.csv", rows), { target: "y" })).source.fingerprint);
    expect(
      numbers(await readTable(await written("b.csv.zst", "FORMAT csv, HEADER, COMPRESSION zstd"), { target: "y" }), "whole"),
    ).toHaveLength(6);
    expect(numbers(await readTable(await written("b.ndjson.zst", "FORMAT json, COMPRESSION zstd"), { target: "y" }), "whole")).toHaveLength(
      6,
    );
    expect(numbers(await readTable(file("b.tsv.gz", gzipSync("a\ty,z\n1\t0\n2\t1\n")), { target: "y,z" }), "a")).toEqual([1, 2]);
  });

  test("one that is cut short, damaged or a bomb is refused", async () => {
    const zipped = gzipSync(Buffer.from(Array.from({ length: 3000 }, (_, i) => `${Math.sin(i)},${i % 2}`).join("\n")));
    expect(await said(file("short.csv.gz", zipped.subarray(0, 5000)))).toMatch(
      /short\.csv\.gz is gzip-compressed and cut short, after \d+ bytes/,
    );
    const broken = Buffer.from(zipped);
    broken[3000]! ^= 0xff;
    expect(await said(file("broken.csv.gz", broken))).toMatch(/broken\.csv\.gz is gzip-compressed and damaged/);
    const zst = readFileSync(
      await written("c.csv.zst", "FORMAT csv, HEADER, COMPRESSION zstd", "SELECT sin(i) AS a, i % 2 AS y FROM range(2000) r(i)"),
    );
    expect(await said(file("short.csv.zst", zst.subarray(0, 900)))).toMatch(/short\.csv\.zst is Zstandard-compressed and cut short/);
    const bomb = gzipSync(Buffer.alloc(decompressionLimits.free + 1_000_000, 48));
    expect(bomb.length * decompressionLimits.growth).toBeLessThan(decompressionLimits.free);
    expect(await said(file("bomb.csv.gz", bomb))).toMatch(
      /bomb\.csv\.gz grows beyond 256 MiB when decompressed, more than 200 times its size/,
    );
    const window = Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 1, 0, 0]);
    expect(await said(file("window.csv.zst", window))).toMatch(/asks for a window of 2097152 MiB to be decompressed, more than 128 MiB/);
  }, 60_000);
});

describe("several files", () => {
  test("a pattern reads them one below the other, by name of the column, and says which row is where", async () => {
    mkdirSync(inFolder("päth with spaces"), { recursive: true });
    csv("päth with spaces/one.csv", "a,b,y", ["1,x,0", "2,x,1"]);
    csv("päth with spaces/two.csv", "y,b,a", ["0,x,3", "1,z,?"]);
    csv("päth with spaces/.hidden.csv", "nothing", ["1"]);
    const table = await readTable(inFolder("päth with spaces/*.csv"), { target: "y" });
    expect(texts(table, "a")).toEqual(["1", "2", "3", "?"]);
    expect(table.notes[0]).toBe("2 files, one.csv to two.csv, one below the other");
    expect(await said(inFolder("päth with spaces/*.csv"), { target: "y", types: { a: "date" } })).toMatch(/"1" in one\.csv line 2/);
    csv("päth with spaces/three.csv", "a,c,y", ["1,x,0"]);
    expect(await said(inFolder("päth with spaces/t*.csv"))).toMatch(
      /two\.csv has no column "c", which .*three\.csv has; files read together have the same columns/,
    );
    expect(await said(inFolder("päth with spaces/?ne.xls"))).toMatch(/no file matches .*\?ne\.xls/);
    expect(numbers(await readTable(inFolder("päth with spaces/[o]ne.csv"), { target: "y" }), "a")).toEqual([1, 2]);
  });

  test("Parquet files keep their types together; a loop of links is no file", async () => {
    mkdirSync(inFolder("parts"), { recursive: true });
    await written("parts/1.parquet", "FORMAT parquet", "SELECT 1 AS a, 0 AS y UNION ALL SELECT 2, 1");
    await written("parts/2.parquet", "FORMAT parquet", "SELECT 2.5::DOUBLE AS a, 0 AS y");
    const table = await readTable(inFolder("parts/*.parquet"), { target: "y" });
    expect(numbers(table, "a")).toEqual([1, 2, 2.5]);
    symlinkSync(inFolder("loop"), inFolder("loop"));
    expect(await said(inFolder("loop"))).toMatch(/loop cannot be read \(ELOOP\)/);
    expect(await said(inFolder("lo*"))).toMatch(/no file matches/);
  });

  test("a file without permission is said to be one", async () => {
    const path = csv("secret.csv", "a,y", ["1,0", "2,1"]);
    chmodSync(path, 0);
    // Root may read everything.
    if (process.getuid?.() !== 0) expect(await said(path)).toMatch(/secret\.csv cannot be read \(EACCES\)\. \| check its permissions/);
    chmodSync(path, 0o600);
  });

  test("standard input is a file too", async () => {
    async function* chunks(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("a,y\n1,0\n2");
      yield Buffer.from(",1\n");
    }
    const source = await openSource("-", chunks());
    expect(source.files[0]).toMatchObject({ path: "standard input", bytes: 12 });
    expect(readFileSync(source.files[0]!.absolutePath, "utf8")).toBe("a,y\n1,0\n2,1\n");
    await source.close();
    async function* nothing(): AsyncGenerator<Uint8Array> {}
    expect(await complaint(openSource("-", nothing()))).toMatch(/^standard input is empty \(0 bytes\)/);
  });
});

describe("queries", () => {
  const path = csv("sales.csv", "Price,kind,y", ["10,a,0", "9,b,1", "30,a,0", "4,b,1", "8,c,0"]);

  test("the result is read, its columns named and typed", async () => {
    const table = await readTable(path, {
      target: "y",
      query: `SELECT "Price" * 2 AS double, kind, y FROM data WHERE Price > 5 ORDER BY Price`,
    });
    expect(numbers(table, "double")).toEqual([16, 18, 20, 60]);
    expect(texts(table, "kind")).toEqual(["c", "b", "a", "a"]);
    const schema = schemaOf(table);
    expect(schema.reading).toEqual({ query: `SELECT "Price" * 2 AS double, kind, y FROM data WHERE Price > 5 ORDER BY Price` });
    expect(numbers(await readTable(csv("later.csv", "Price,kind,y", ["1,a,0", "100,b,1"]), { schema }), "double")).toEqual([200]);
  });

  test("a query that picked the training rows does not pick those to be predicted", async () => {
    const query = "SELECT Price + 1 AS more, kind, y FROM data WHERE Price > 5";
    const { target: _, ...schema } = schemaOf(await readTable(path, { target: "y", query }));
    expect(await said(path, { schema })).toMatch(
      /the query that the model was trained with gives 4 rows from the 5 of .*sales\.csv; a prediction for each was expected\. \| give the query for this file/,
    );
    const all = await readTable(path, { schema, query: "SELECT Price + 1 AS more, kind FROM data" });
    expect(numbers(all, "more")).toEqual([11, 10, 31, 5, 9]);
  });

  test("groups come in one order, whatever the threads", async () => {
    const many = csv(
      "many.csv",
      "k,y",
      Array.from({ length: 20_000 }, (_, i) => `${(i * 7919) % 5003},${i % 2}`),
    );
    const query = "SELECT k, count(*) AS n, k % 2 AS y FROM data GROUP BY k";
    const [first, second] = [await readTable(many, { target: "y", query }), await readTable(many, { target: "y", query })];
    expect(numbers(first, "k")).toEqual(numbers(second, "k"));
  });

  test("whatever is no SELECT over the data is refused", async () => {
    const refused = async (query: string): Promise<string> => said(path, { target: "y", query });
    expect(await refused("DROP TABLE data")).toMatch(/--query must be a SELECT over the table data; found "DROP"\. /);
    expect(await refused("SELECT * FROM data; SELECT 1")).toMatch(/--query must be one SELECT/);
    expect(await refused("SELECT *, random() AS r FROM data")).toMatch(
      /--query uses random\(\), whose value differs from one run to the next/,
    );
    expect(await refused(`SELECT * FROM read_csv('${path}')`)).toMatch(/--query cannot be run over .*sales\.csv: .*(disabled|Permission)/i);
    expect(await refused("SELECT nothing FROM data")).toMatch(
      /--query cannot be run over .* \| the table is called data; its columns: Price, kind, y/,
    );
    expect(await refused("SELECT * FROM data WHERE Price > 1000")).toMatch(
      /the result of --query over .*sales\.csv has 3 columns and no rows/,
    );
  });
});

describe("text", () => {
  test("Windows-1252 is found where accents stand among letters, and said; another encoding is asked for", async () => {
    const rows = Buffer.from("name,y\ncaf\xe9 au lait,1\nna\xefve,2\n\x80uro,1\n", "latin1");
    const table = await readTable(file("latin.csv", rows), { target: "y", types: { name: "category" } });
    expect(texts(table, "name")).toEqual(["café au lait", "naïve", "€uro"]);
    expect(table.notes[0]).toMatch(/^read as Windows-1252 \(Latin-1\), e\.g\. "….*café.*…" in line 2; if that is wrong, --encoding$/);
    const russian = Buffer.from([
      0xe8, 0xec, 0xff, 0x2c, 0x79, 10, 0xe8, 0xe2, 0xe0, 0xed, 0x2c, 0x31, 10, 0xeb, 0xe5, 0xed, 0xe0, 0x2c, 0x32, 10,
    ]);
    expect(await said(file("russian.csv", russian))).toMatch(/its encoding cannot be told from it/);
    expect(texts(await readTable(file("russian.csv", russian), { target: "y", encoding: "windows-1251" }), "имя")).toEqual([
      "иван",
      "лена",
    ]);
    expect(await said(file("russian.csv", russian), { target: "y", encoding: "klingon" })).toMatch(/--encoding "klingon" is not known/);
    expect(await said(file("russian.csv", russian), { target: "y", encoding: "utf-8" })).toMatch(/is no utf-8 text/);
  });

  test("the delimiter is what most lines agree on, or what is said", async () => {
    expect(numbers(await readTable(file("agree.csv", "a, or b;y\n1;0\n2;1\n"), { target: "y" }), "a, or b")).toEqual([1, 2]);
    expect(numbers(await readTable(file("hash.txt", "a#y\n1#0\n2#1\n"), { target: "y", delimiter: "#" }), "a")).toEqual([1, 2]);
    expect(numbers(await readTable(file("space.txt", "a y\n1 0\n2 1\n"), { target: "y", delimiter: "space" }), "a")).toEqual([1, 2]);
    expect(await said(file("hash.txt", "a#y\n1#0\n"), { target: "y", delimiter: "ab" })).toMatch(/--delimiter should be one character/);
    expect((await readTable(file("one.txt", "a\n1\n2\n"))).notes).toContain(
      "one column only: if something else than , ; | or tab separates the fields, --delimiter",
    );
  });

  test("a decimal comma is found where nothing speaks against it", async () => {
    const table = await readTable(file("comma.csv", "a;b;y\n1,5;1,234;0\n2;5,678;1\n-0,25;7,000;0\n"), { target: "y" });
    expect(numbers(table, "a")).toEqual([1.5, 2, -0.25]);
    expect(numbers(table, "b")).toEqual([1.234, 5.678, 7]);
    expect(table.notes).toContain("numbers read with a decimal comma (--decimal . for none)");
  });

  test("thousands are never guessed, and told where they may be", async () => {
    const path = file("groups.csv", "a;y\n1,234;0\n12,500;1\n7;0\n");
    const table = await readTable(path, { target: "y" });
    expect(table.columns[0]!.kind).toBe("categorical");
    expect(table.notes).toContain(
      'a read as categories: "1,234" in line 2 may have a decimal comma or thousands (--decimal , or --thousands ,)',
    );
    expect(numbers(await readTable(path, { target: "y", decimal: "," }), "a")).toEqual([1.234, 12.5, 7]);
    expect(numbers(await readTable(path, { target: "y", thousands: "," }), "a")).toEqual([1234, 12_500, 7]);
    const german = file("german.csv", "a;y\n1.234,5;0\n12;1\n");
    expect(numbers(await readTable(german, { target: "y", decimal: ",", thousands: "." }), "a")).toEqual([1234.5, 12]);
    const both = await readTable(file("both.csv", "a;b;y\n1,5;1.5;0\n2,5;2.5;1\n"), { target: "y" });
    expect(both.columns.map(({ kind }) => kind)).toEqual(["categorical", "numeric"]);
    expect(numbers(await readTable(file("quoted.csv", 'a,y\n"1,234",0\n"2,000",1\n'), { target: "y", thousands: "," }), "a")).toEqual([
      1234, 2000,
    ]);
    expect((await readTable(file("under.csv", "a,y\n1_000,0\n2_000,1\n"), { target: "y" })).columns[0]!.kind).toBe("categorical");
  });

  test("points that may stand for thousands are told, where no other number has one", async () => {
    const note = (value: string, line: number, remedy: string): string =>
      `a read as numbers with a decimal point: "${value}" in line ${line} may have thousands, as all its points stand before three digits (${remedy} if so, --decimal . if not)`;
    const path = file("points.csv", "a;y\n950;0\n1.200;1\n3.400;0\n");
    const table = await readTable(path, { target: "y" });
    expect(numbers(table, "a")).toEqual([950, 1.2, 3.4]);
    expect(table.notes).toContain(note("1.200", 3, "--thousands ."));
    expect(numbers(await readTable(path, { target: "y", thousands: "." }), "a")).toEqual([950, 1200, 3400]);
    const decided = await readTable(path, { target: "y", decimal: "." });
    expect([numbers(decided, "a"), decided.notes.join()]).toEqual([[950, 1.2, 3.4], expect.not.stringContaining("thousands")]);
    for (const certain of ["a;y\n1.200;0\n3.4;1\n", "a;b;y\n1.200;0.125;0\n3.400;7;1\n", "a,y\n1.200,0\n3.400,1\n"])
      expect((await readTable(file("certain.csv", certain), { target: "y" })).notes.join()).not.toContain("thousands");
    const mixed = await readTable(file("mix.csv", "a;b;y\n1.200;12,5;0\n3.400;1,25;1\n"), { target: "y" });
    expect(mixed.notes).toContain(note("1.200", 2, "--decimal , --thousands ."));
    expect(mixed.notes.join()).toMatch(/b read as categories: "12,5" in line 2 .*\(--decimal , or --decimal , --thousands \.\)/);
    expect(
      await said(
        csv(
          "mix-many.csv",
          "a;b;y",
          Array.from({ length: 40 }, (_, i) => `1.2${i + 10};${i},5;${i % 2}`),
        ),
      ),
    ).toMatch(/column "b" is read as texts, .* "0,5" in line 2\. \| --decimal , or --decimal , --thousands \.; --type b=drop/);
    const german = await readTable(inFolder("mix.csv"), { target: "y", decimal: ",", thousands: "." });
    expect([numbers(german, "a"), numbers(german, "b")]).toEqual([
      [1200, 3400],
      [12.5, 1.25],
    ]);
  });

  test("texts that look like numbers are no identifiers: what to do is said, and works", async () => {
    const rows = (text: (i: number) => string): string[] => Array.from({ length: 40 }, (_, i) => `"${text(i)}",${i % 7},${i % 2}`);
    const dollars = csv(
      "dollars.csv",
      "v,b,y",
      rows((i) => `$${(i * 50 + 7).toLocaleString("en-US")}.25`),
    );
    const refusal = await said(dollars);
    expect(refusal).toMatch(
      /column "v" is read as texts, but 40 of 40 values look like numbers with a currency or percent sign, "\$7\.25" in line 2\. \| --query "SELECT \* REPLACE .*; --type v=drop leaves the column out; --type v=category/,
    );
    const query = /--query "([^"]+)"/.exec(refusal)![1]!;
    expect(numbers(await readTable(dollars, { target: "y", query }), "v")).toEqual(Array.from({ length: 40 }, (_, i) => i * 50 + 7.25));
    expect((await readTable(dollars, { target: "y", types: { v: "drop" } })).columns.map(({ name }) => name)).toEqual(["b"]);
    expect(
      await said(
        csv(
          "percent.csv",
          "v,b,y",
          rows((i) => `${i}.5%`),
        ),
      ),
    ).toMatch(/"0\.5%" in line 2\. \| --query/);
    // A comma before two digits is a decimal one: taking it away would multiply by a hundred.
    expect(
      await said(
        csv(
          "euros.csv",
          "v,b,y",
          rows((i) => `${i},50 €`),
        ),
      ),
    ).toMatch(/"0,50 €" in line 2\. \| write them as plain numbers; --type v=drop/);
    expect(
      await said(
        csv(
          "grouped.csv",
          "v,b,y",
          rows((i) => (i * 1000 + 7).toLocaleString("en-US")),
        ),
      ),
    ).toMatch(/"1,007" in line 3\. \| --decimal , or --thousands ,; --type v=drop/);
    expect(
      await said(
        csv(
          "spaced.csv",
          "v,b,y",
          rows((i) => `${i + 1} 000`),
        ),
      ),
    ).toMatch(/\| --thousands " ";/);
    const names = await readTable(
      csv(
        "ids.csv",
        "v,b,y",
        rows((i) => `id ${i}`),
      ),
      { target: "y" },
    );
    expect(names.notes.join()).toContain("v left out: text with 40 distinct values");
  });

  test("texts among numbers are named with where, and become missing on request", async () => {
    const rows = Array.from({ length: 40 }, (_, i) => (i === 4 ? "-,0" : i === 20 ? "?,1" : `${i},${i % 2}`));
    const path = csv("dashes.csv", "a,y", rows);
    expect(await said(path)).toMatch(
      /dashes\.csv: column "a" holds numbers, but 2 of 40 values are no numbers, "-" in line 6 and 1 other text\. \| --missing "-" if it means missing; --type a=number makes all of them missing; --type a=category if they are codes/,
    );
    const few = await readTable(csv("few.csv", "a,y", [...Array.from({ length: 30 }, (_, i) => `${i % 5},${i % 2}`), "-,1"]), {
      target: "y",
    });
    expect(few.notes[0]).toMatch(/^a read as categories: 1 of 31 values is no number, "-" in line 32 \(--missing "-" if/);
    const table = await readTable(path, { target: "y", missing: ["-", "?"] });
    expect(numbers(table, "a").slice(3, 6)).toEqual([3, NaN, 5]);
    expect(schemaOf(table).reading).toEqual({ missing: ["-", "?"] });
    expect(numbers(await readTable(csv("dashes2.csv", "a,y", ["-,0", "1,1"]), { schema: schemaOf(table) }), "a")).toEqual([NaN, 1]);
    const forced = await readTable(path, { target: "y", types: { a: "number" } });
    expect(numbers(forced, "a")[20]).toBeNaN();
    expect(forced.notes).toContain('a read as numbers as asked: 2 of 40 values are none and count as missing, the first "-" in line 6');
    expect(await said(csv("words.csv", "a,y", ["x,0", "z,1", "1,0"]), { target: "y", types: { a: "number" } })).toMatch(
      /--type a=number: 2 of 3 values are no numbers, the first "x" in line 2/,
    );
  });

  test("types as asked: codes stay categories, identifiers may be kept, free text and dropped columns are no features", async () => {
    const rows = Array.from({ length: 30 }, (_, i) => `${i % 3},id${i},some words ${i},${i},${i % 2}`);
    const path = csv("asked.csv", "code,id,words,x,y", rows);
    const table = await readTable(path, { target: "y", types: { code: "category", id: "category", words: "text", x: "drop" } });
    expect(table.columns.map(({ name, kind }) => `${name} ${kind}`)).toEqual(["code categorical", "id categorical"]);
    expect(table.notes).toContain("words left out of the features: free text, as asked");
    expect(table.notes).toContain("x left out as asked");
    expect(await said(path, { target: "y", types: { Code: "category" } })).toMatch(
      /no column "Code" \(--type\) in .* \| did you mean "code"/,
    );
  });

  test("bad lines are left out on request, and listed; messages about others keep their lines", async () => {
    const path = csv("bad-lines.csv", "a,b,y", ["1,2,0", "4,5", "6,7,1", '8,"9,0', "x,2,0,3", "10,11,1"]);
    expect(await said(path)).toMatch(/line 3: 3 fields were expected.*--skip-bad-rows/);
    const table = await readTable(csv("bad-lines2.csv", "a,b,y", ["1,2,0", "4,5", "6,7,1", "x,2,0,3", "10,11,1", "?,1,0"]), {
      target: "y",
      skipBadRows: true,
    });
    expect(texts(table, "a")).toEqual(["1", "6", "10", "?"]);
    expect(table.skipped!.map(({ line, reason }) => `${line}: ${reason}`)).toEqual([
      "3: 2 fields where 3 were expected",
      "5: 4 fields where 3 were expected",
    ]);
    expect(table.notes).toContain(
      "2 lines left out as asked: line 3 (2 fields where 3 were expected), line 5 (4 fields where 3 were expected)",
    );
    expect(await said(inFolder("bad-lines2.csv"), { target: "y", skipBadRows: true, types: { a: "date" } })).toMatch(/"1" in line 2/);
    const open = csv("open-quote.csv", "a,b,y", ["1,2,0", '"3,4,1', "5,6,0", "", "7,8,1"]);
    expect(await said(open, { target: "y", skipBadRows: true })).toMatch(
      /open-quote\.csv, line 3: a field that opens with a double quote does not close, which takes 2 further lines with it\./,
    );
    const last = await readTable(csv("open-last.csv", "a,b,y", ['1,"x\ny",0', "", "5,z,1", '"3,4,1']), { target: "y", skipBadRows: true });
    expect([texts(last, "b"), last.skipped!.map(({ reason }) => reason)]).toEqual([["x\ny", "z"], ["a quoted field does not close"]]);
    const whole = csv("whole.csv", "a,y", ["1,0", "2,1"]);
    expect((await readTable(whole, { target: "y", skipBadRows: true })).skipped).toBeUndefined();
  });
});

describe("dates as people write them", () => {
  const dates = (values: readonly string[], options: ReadOptions = {}): Promise<Table> =>
    readTable(
      csv(
        `dates-${values.join("").replace(/\W/g, "").slice(0, 40)}.csv`,
        "d,y",
        values.map((value, i) => `"${value}",${i % 2}`),
      ),
      { target: "y", ...options },
    );

  test("one order that fits all values is taken, and said", async () => {
    const european = await dates(["31/12/2020", "1/2/2021", "15.3.2021"]);
    expect(numbers(european, "d")).toEqual(["2020-12-31", "2021-02-01", "2021-03-15"].map((day) => Date.parse(day) / 1000));
    expect(european.notes).toContain("d read as seconds since 1970-01-01 UTC, dates written day/month/year");
    expect(schemaOf(european).columns[0]).toMatchObject({ sqlType: "DATE", dates: "dmy" });
    expect(
      numbers(await readTable(csv("later-dates.csv", "d", ["03/04/2021"]), { schema: { columns: schemaOf(european).columns } }), "d"),
    ).toEqual([Date.parse("2021-04-03") / 1000]);
    expect(numbers(await dates(["12/31/2020 10:30", "1/2/2021 00:00"]), "d")).toEqual([
      Date.parse("2020-12-31T10:30Z") / 1000,
      Date.parse("2021-01-02") / 1000,
    ]);
    expect(numbers(await dates(["5 Jan 2020", "January 6, 2020"]), "d")).toEqual([
      Date.parse("2020-01-05") / 1000,
      Date.parse("2020-01-06") / 1000,
    ]);
  });

  test("an order that nothing decides is asked for, and two formats are refused with a line of each", async () => {
    expect(await complaint(dates(["03/04/2021", "05/06/2021"]))).toMatch(
      /the dates of column "d" may be day\/month or month\/day, e\.g\. "03\/04\/2021" in line 2; no value of 2 decides it\. \| say which: --type d=date:dmy or --type d=date:mdy/,
    );
    expect(numbers(await dates(["03/04/2021", "05/06/2021"], { types: { d: "date:mdy" } }), "d")[0]).toBe(Date.parse("2021-03-04") / 1000);
    const mixed = ["2021-01-02", "2021-01-03", "2021-01-04", "31/12/2020"];
    expect(await complaint(dates(mixed))).toMatch(
      /column "d" holds dates in two formats: "2021-01-02" in line 2 is year-month-day, "31\/12\/2020" in line 5 is not\. \| write all of them as 2024-01-31, or leave the column out: --drop d/,
    );
    expect(
      (
        await readTable(
          csv(
            "mixed-dropped.csv",
            "d,x,y",
            mixed.map((day, i) => `${day},${i},${i % 2}`),
          ),
          { target: "y", drop: ["d"] },
        )
      ).columns,
    ).toHaveLength(1);
    expect((await dates(mixed, { types: { d: "category" } })).columns[0]!.kind).toBe("categorical");
    expect(await complaint(dates(["2021-01-02", "soon", ...Array.from({ length: 12 }, (_, i) => `2021-02-${10 + i}`)]))).toMatch(
      /column "d" holds dates year-month-day, but 1 of 14 values are none: "soon" in line 3/,
    );
    expect(await complaint(dates(["2021-01-02", "soon"], { types: { d: "date" } }))).toMatch(
      /should hold dates year-month-day \(--type\), 1 of 2 are none: "soon" in line 3/,
    );
  });

  test("versions and telephone numbers are no dates", async () => {
    expect((await dates(["1.2.3", "1.10.2", "1.2.3"])).columns[0]!.kind).toBe("categorical");
    expect((await dates(["12-34-56", "12-34-57", "12-34-56"])).columns[0]!.kind).toBe("categorical");
  });
});

describe("what is said of odd values", () => {
  test("a target that differs from a column in case only is that column misspelt", async () => {
    expect(await said(csv("case-target.csv", "a,y", ["1,0", "2,1"]), { target: "Y" })).toMatch(/no column "Y" in .* \| did you mean "y"/);
  });

  test("whole numbers beyond 2^53 are pointed out", async () => {
    const table = await readTable(csv("big.csv", "code,x,y", ["9007199254740993,1,0", "9007199254740995,2,1", "12,4,0"]), { target: "y" });
    expect(table.notes.some((note) => /^code holds whole numbers beyond 2\^53, first \d+ in line 2, which are rounded/.test(note))).toBe(
      true,
    );
    const kept = await readTable(inFolder("big.csv"), { target: "y", types: { code: "category" } });
    expect(texts(kept, "code")).toEqual(["9007199254740993", "9007199254740995", "12"]);
  });

  test("blanks at the ends of class names are trimmed, and that is said", async () => {
    const table = await readTable(csv("blanks.csv", "a,y", ["1,yes ", "2,no", "3, yes", "4,yes"]), { target: "y" });
    expect(table.target!.column).toMatchObject({ categories: ["no", "yes"], codes: Int32Array.of(1, 0, 1, 1) });
    expect(table.notes).toContain('blanks at the ends of 2 class names trimmed, e.g. "yes " in line 2');
    expect(await readTable(csv("blanks2.csv", "a,y", ["1,yes", "2,no "]), { schema: schemaOf(table) })).toMatchObject({ rows: 2 });
  });
});
