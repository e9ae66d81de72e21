/** Where a table comes from: compressed files, several files, standard input. */
import { chmodSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { decompressionLimits } from "../../src/data/decompress.ts";
import { readTable } from "../../src/data/read-table.ts";
import { openSource } from "../../src/data/source.ts";
import { complaint, csv, file } from "./files.ts";
import { inFolder, numbers, said, texts, written } from "./formats.ts";

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
