/** Files whose values have types: Parquet, JSON, NDJSON; what stays text, and damaged ones. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readTable } from "../../src/data/read-table.ts";
import { schemaOf, type Table } from "../../src/data/table.ts";
import { file } from "./files.ts";
import { inFolder, numbers, said, texts, types, written } from "./formats.ts";

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
    const cut = Array.from({ length: 30 }, (_, i) => (i === 17 ? '{"a":17,"y":' : `{"a":${i},"y":${i % 2}}`)).join("\n");
    expect(await said(file("cut.ndjson", cut))).toMatch(/cut\.ndjson, line 18: /);
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
