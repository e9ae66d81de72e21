/** Reading tables: types, missing values, targets, what is dropped and what is said. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readTable } from "../../src/data/read-table.ts";
import {
  countMissing,
  describeTable,
  schemaOf,
  selectRows,
  type CategoricalColumn,
  type NumericColumn,
  type Table,
} from "../../src/data/table.ts";
import { complaint, csv, file } from "./files.ts";

const numbers = (table: Table, name: string): number[] => [...(table.columns.find((c) => c.name === name) as NumericColumn).values];
const texts = (table: Table, name: string): (string | undefined)[] => {
  const column = table.columns.find((c) => c.name === name) as CategoricalColumn;
  return [...column.codes].map((code) => column.categories[code]);
};
const labels = (table: Table): (string | undefined)[] => {
  const column = table.target!.column as CategoricalColumn;
  return [...column.codes].map((code) => column.categories[code]);
};

describe("the bundled penguins", () => {
  test("are read with their types, missing values and classes", async () => {
    const table = await readTable("examples/penguins.csv", { target: "species" });
    expect(describeTable(table)).toBe(
      "344 rows · 7 columns (5 numeric, 2 categorical) · target species: Adelie 44.2 %, Gentoo 36.0 %, Chinstrap 19.8 %",
    );
    expect(table.target).toMatchObject({ name: "species", task: "classification", reason: "the target's values are text" });
    expect(table.columns.map((c) => `${c.name} ${c.sqlType}`)).toEqual([
      "island VARCHAR",
      "bill_length_mm DOUBLE",
      "bill_depth_mm DOUBLE",
      "flipper_length_mm BIGINT",
      "body_mass_g BIGINT",
      "sex VARCHAR",
      "year BIGINT",
    ]);
    expect(numbers(table, "bill_length_mm").slice(0, 5)).toEqual([39.1, 39.5, 40.3, NaN, 36.7]);
    expect(texts(table, "sex").slice(0, 4)).toEqual(["male", "female", "female", undefined]);
    expect(countMissing(table.columns[5]!)).toBe(11);
    expect(table.notes).toContain("missing: 2 in bill_length_mm, 2 in bill_depth_mm, 2 in flipper_length_mm, 2 in body_mass_g, 11 in sex");
    const bytes = readFileSync("examples/penguins.csv");
    expect(table.source).toEqual({
      path: "examples/penguins.csv",
      fingerprint: createHash("sha256").update(bytes).digest("hex"),
      rows: 344,
    });
  });
});

describe("types", () => {
  test("dates and times become seconds, said so; true and false stay categories", async () => {
    const path = csv("dates.csv", "day,moment,hour,zoned,flag,y", [
      "2001-01-02,2001-01-02 10:00:00,12:30:00,2001-01-02T10:00:00+02:00,true,1.5",
      "1970-01-01,1970-01-01 00:00:01,00:00:01,1970-01-01T00:00:00Z,FALSE,2.5",
      ",,,,true,3.5",
    ]);
    const table = await readTable(path, { target: "y" });
    expect(numbers(table, "day")).toEqual([978_393_600, 0, NaN]);
    expect(numbers(table, "moment")).toEqual([978_429_600, 1, NaN]);
    expect(numbers(table, "hour")).toEqual([45_000, 1, NaN]);
    expect(numbers(table, "zoned")).toEqual([978_422_400, 0, NaN]);
    expect(texts(table, "flag")).toEqual(["true", "FALSE", "true"]);
    expect(table.notes).toEqual([
      "day read as seconds since 1970-01-01 UTC",
      "moment read as seconds since 1970-01-01 UTC",
      "hour read as seconds since midnight",
      "zoned read as seconds since 1970-01-01 UTC",
      "missing: 1 in day, 1 in moment, 1 in hour, 1 in zoned",
    ]);
  });

  test("every value decides: one text at the end makes a column categories, with the culprit named", async () => {
    const rows = Array.from({ length: 30_000 }, (_, i) => [i % 7, i % 3]);
    const path = csv("late.csv", "a,y", [...rows, "?,1"]);
    const table = await readTable(path, { target: "y" });
    expect(texts(table, "a").at(-1)).toBe("?");
    expect(table.notes).toContain(
      'a read as categories: 1 of 30 001 values is no number, "?" in line 30002 (--missing "?" if it means missing; --type a=number makes all of them missing)',
    );
  });

  test("empty fields, NA, NaN and null are missing", async () => {
    const path = csv("missing.csv", "a,b,y", ["1,x,0", "NA,NA,1", ",,0", "NaN,nan,1", "null,NULL,0", '2,"",1']);
    const table = await readTable(path, { target: "y" });
    expect(numbers(table, "a")).toEqual([1, NaN, NaN, NaN, NaN, 2]);
    expect(texts(table, "b")).toEqual(["x", ...Array.from({ length: 5 }, () => undefined)]);
  });

  test("whole numbers with leading zeros are codes, categories are sorted by number, then by text", async () => {
    const path = csv("codes.csv", "zip,mixed,y", ["01010,b,1", "90210,10,0", "01010,9,1", "90210,a,0"]);
    const table = await readTable(path, { target: "y" });
    expect(texts(table, "zip")).toEqual(["01010", "90210", "01010", "90210"]);
    expect((table.columns[1] as CategoricalColumn).categories).toEqual(["9", "10", "a", "b"]);
    expect(table.notes).toContain("zip read as categories: whole numbers with leading zeros are codes");
  });

  test("quoted delimiters, quotes and line breaks, CRLF, semicolons, tabs and odd paths are read", async () => {
    const quoted = await readTable(file("quoted [1]*.csv", 'a,"the ""y"""\r\n"x, 1",1\r\n"two\r\nlines",0\r\n'), { target: 'the "y"' });
    expect(texts(quoted, "a")).toEqual(["x, 1", "two\r\nlines"]);
    expect(numbers(await readTable(file("semi.csv", "a;y\n1;0\n2;1\n"), { target: "y" }), "a")).toEqual([1, 2]);
    expect(numbers(await readTable(file("tabs.tsv", "a\ty,z\n1\t0\n2\t1\n"), { target: "y,z" }), "a")).toEqual([1, 2]);
    expect(numbers(await readTable(file("no-final-newline.csv", "a,y\n1,0\n2,1"), { target: "y" }), "a")).toEqual([1, 2]);
  });

  test("whatever stands in quotes comes back as it was", async () => {
    const cell = fc
      .string({ unit: fc.constantFrom("a", "é", "字", '"', ",", ";", "\n", "\t", " ", "'", "#", "\\") })
      .map((text) => `t${text}`);
    const rows = fc.array(fc.tuple(cell, fc.double({ noNaN: true, min: -1e37, max: 1e37 })), { minLength: 2, maxLength: 12 });
    let number = 0;
    await fc.assert(
      fc.asyncProperty(rows, async (values) => {
        const lines = values.map(([text, x], i) => `"${text.replaceAll('"', '""')}",${x},${i % 2}`);
        const table = await readTable(csv(`property-${number++}.csv`, "text,x,y", lines), { target: "y" }).catch(() => undefined);
        const varied = (column: unknown[]): boolean => new Set(column).size > 1;
        if (varied(values.map(([text]) => text))) expect(texts(table!, "text")).toEqual(values.map(([text]) => text));
        if (varied(values.map(([, x]) => x + 0))) expect(numbers(table!, "x").map((x) => x + 0)).toEqual(values.map(([, x]) => x + 0));
      }),
      { numRuns: 12 },
    );
  });

  test("a byte-order mark is passed over; UTF-16 of either order is read and said", async () => {
    const text = "größe,y\n1,ä\n2,ö\n";
    const little = Buffer.from(`\ufeff${text}`, "utf16le");
    const big = Buffer.from(little).swap16();
    const bare = Buffer.from(text, "utf16le");
    expect(numbers(await readTable(file("bom.csv", `\ufeff${text}`), { target: "y" }), "größe")).toEqual([1, 2]);
    for (const [name, bytes, said] of [
      ["le", little, "UTF-16LE"],
      ["be", big, "UTF-16BE"],
      ["bare", bare, "UTF-16LE"],
    ] as const) {
      const table = await readTable(file(`${name}.csv`, bytes), { target: "y" });
      expect(numbers(table, "größe")).toEqual([1, 2]);
      expect(labels(table)).toEqual(["ä", "ö"]);
      expect(table.notes.some((note) => note.includes(said))).toBe(true);
    }
  });
});

describe("targets", () => {
  const flights = csv("flights.csv", "Delay,distance,carrier", ["20,100,AA", "5,200,BB", "15,300,AA", "16,400,BB"]);

  test("an expression is computed by SQL and its columns leave the features", async () => {
    const table = await readTable(flights, { target: "delay > 15" });
    expect(labels(table)).toEqual(["true", "false", "false", "true"]);
    expect(table.target).toMatchObject({ task: "classification", reason: "the target is true or false", references: [{ name: "Delay" }] });
    expect(table.columns.map((c) => c.name)).toEqual(["distance", "carrier"]);
    expect(table.notes).toContain("Delay left out of the features: the target is computed from it");
    const ratio = await readTable(flights, { target: "distance / (Delay + 1.0)" });
    expect(ratio.target!.task).toBe("regression");
    expect((ratio.target!.column as NumericColumn).values[1]).toBeCloseTo(200 / 6, 12);
    expect(ratio.columns.map((c) => c.name)).toEqual(["carrier"]);
  });

  test("few whole numbers are classes, many or too sparse ones and fractions are amounts, and both can be overruled", async () => {
    const rows = Array.from({ length: 100 }, (_, i) => [i % 4, i % 30, i / 8, (i * 7) % 11]);
    const path = csv("tasks.csv", "few,many,fraction,x", rows);
    const taskOf = async (target: string, task?: "classification" | "regression") => (await readTable(path, { target, task })).target!;
    expect(await taskOf("few")).toMatchObject({ task: "classification", reason: expect.stringContaining("4 distinct whole numbers") });
    expect((await taskOf("few")).column).toMatchObject({ categories: ["0", "1", "2", "3"] });
    expect(await taskOf("many")).toMatchObject({ task: "regression", reason: expect.stringContaining("take 30 values") });
    expect(await taskOf("fraction")).toMatchObject({ task: "regression", reason: "the target's values are fractions" });
    expect(await taskOf("few", "regression")).toMatchObject({ task: "regression", reason: "as asked for" });
    expect((await taskOf("many", "classification")).column.kind).toBe("categorical");
    const sparse = csv("sparse.csv", "y,x", [
      [1, 1],
      [2, 2],
      [3, 4],
      [4, 5],
      [5, 9],
    ]);
    expect((await readTable(sparse, { target: "y" })).target!.task).toBe("regression");
  });

  test("a column whose name looks like an expression is that column", async () => {
    const path = csv("odd.csv", "a,a > 1", ["1,x", "2,y", "3,x"]);
    expect(labels(await readTable(path, { target: "a > 1" }))).toEqual(["x", "y", "x"]);
  });
});

describe("columns that are no features", () => {
  test("constants, row names and dropped columns are left out, and said", async () => {
    const rows = Array.from({ length: 40 }, (_, i) => [i + 1, `person ${i}`, 7, "same", i % 5, i % 3, i % 2]);
    const table = await readTable(csv("drops.csv", ",name,seven,word,x,unwanted,y", rows), { target: "y", drop: ["unwanted"] });
    expect(table.columns.map((c) => c.name)).toEqual(["x"]);
    expect(table.notes).toEqual([
      'column 1 has no name in the header; called "column1"',
      "name left out: text with 40 distinct values in 40 rows names the row instead of describing it (--type name=category to keep it, --text name=words or =characters to read it)",
      "unwanted left out as asked",
      "column1 left out: it numbers the rows",
      "seven left out: always 7",
      'word left out: always "same"',
    ]);
  });

  test("columns that steer the split are kept aside with their values", async () => {
    const path = csv("roles.csv", "who,when,key,part,x,y", [
      "3,2024-01-01,k1,train,1,0",
      "4,2024-01-02,k2,test,2,1",
      "3,2024-01-03,k3,train,3,0",
    ]);
    const table = await readTable(path, { target: "y", group: "who", time: "when", id: "key", splitColumn: "part" });
    expect(table.columns.map((c) => c.name)).toEqual(["x"]);
    expect(table.roles.group).toMatchObject({ kind: "categorical", categories: ["3", "4"] });
    expect((table.roles.time as NumericColumn).values[1]).toBe(Date.UTC(2024, 0, 2) / 1000);
    expect(table.roles.id).toMatchObject({ categories: ["k1", "k2", "k3"] });
    expect(table.roles.split).toMatchObject({ categories: ["test", "train"] });
    expect(table.notes).toContain("who left out of the features: it names the groups of the split");
  });

  test("a column that looks like a published split and one that counts the rows are pointed out", async () => {
    const path = csv(
      "hints.csv",
      "step,fold,x,y",
      Array.from({ length: 9 }, (_, i) => [i + 1, i < 6 ? "train" : "test", i % 4, i % 2]),
    );
    const { notes } = await readTable(path, { target: "y" });
    expect(notes).toContain("step rises by one from row to row: if it only numbers them, --drop step");
    expect(notes).toContain("fold holds test, train: if it names the parts of a split, --split-column fold");
  });
});

describe("a schema", () => {
  const training = csv("training.csv", "n,day,c,extra,y", ["1,2024-01-01,7a,1,no", "2,2024-01-02,8,2,yes", "3,2024-01-03,7a,3,no"]);

  test("makes another file be read as the first one was", async () => {
    const schema = schemaOf(await readTable(training, { target: "y", drop: ["extra"] }));
    const other = csv("other.csv", "y,c,unused,n,day", ["yes,8,z,1.5,2024-02-01", "no,9,z,,2024-02-02"]);
    const table = await readTable(other, { schema });
    expect(table.columns.map((c) => c.name)).toEqual(["n", "day", "c"]);
    expect(numbers(table, "n")).toEqual([1.5, NaN]);
    expect(texts(table, "c")).toEqual(["8", "9"]);
    expect(table.target!.column).toMatchObject({ categories: ["no", "yes"], codes: Int32Array.of(1, 0) });
    const { target: _, ...withoutTarget } = schema;
    const unlabelled = csv("unlabelled.csv", "c,n,day", ["8,,2024-02-01"]);
    expect((await readTable(unlabelled, { schema: withoutTarget })).target).toBeUndefined();
  });

  test("names the columns of the target as the first file did", async () => {
    const first = csv("Delay.csv", "Delay,x", ["20,1", "5,2", "15,4"]);
    const schema = schemaOf(await readTable(first, { target: "delay + 0", task: "regression" }));
    expect(numbers(await readTable(csv("Delay2.csv", "x,Delay", ["1,3", "2,4"]), { schema }), "x")).toEqual([1, 2]);
    expect(await complaint(readTable(csv("delay3.csv", "x,delay", ["1,3"]), { schema }))).toMatch(
      /no column "Delay", which the model's target is read from, in .*delay3\.csv \(line 1\)\. \| did you mean "delay"\?/,
    );
    const both = csv("delay4.csv", "x,delay,Delay", ["1,3,30", "2,4,40"]);
    expect((await readTable(both, { schema })).target!.column).toMatchObject({ values: Float64Array.of(30, 40) });
  });

  test("keeps whole numbers whole under the target's expression where they are", async () => {
    const first = csv("flags.csv", "flags,a,x", ["1,10,1", "2,20,2", "3,20,4", "4,10,5"]);
    const bit = schemaOf(await readTable(first, { target: "(flags & 1) = 1" }));
    expect(labels(await readTable(first, { schema: bit }))).toEqual(["true", "false", "true", "false"]);
    const code = schemaOf(await readTable(first, { target: "concat('c', a)" }));
    expect(labels(await readTable(first, { schema: code }))).toEqual(["c10", "c20", "c20", "c10"]);
    const over = schemaOf(await readTable(first, { target: "a > 15" }));
    expect(labels(await readTable(csv("flags2.csv", "a,x,flags", ["15.5,1,1", "14.6,2,1"]), { schema: over }))).toEqual(["true", "false"]);
  });

  test("takes no type that none of our files has", async () => {
    const read = (sqlType: string) => complaint(readTable(training, { schema: { columns: [{ name: "n", kind: "numeric", sqlType }] } }));
    expect(await read("DOUBLE) FROM raw; DROP TABLE raw; --")).toMatch(
      /should give column "n" a type of BIGINT, .*the saved model was changed/,
    );
    expect(await read("VARCHAR")).toMatch(/found "VARCHAR" \(numeric\)/);
  });

  test("refuses what the model cannot take, naming line and column", async () => {
    const schema = schemaOf(await readTable(training, { target: "y", drop: ["extra"] }));
    const read = (header: string, row: string) => complaint(readTable(csv("refused.csv", header, [row]), { schema }));
    expect(await read("c,day,y", "8,2024-01-01,no")).toMatch(
      /no column "n", which the model was trained on, in .*refused\.csv.*columns: c, day, y/,
    );
    expect(await read("n,c,day,y", "abc,8,2024-01-01,no")).toMatch(/line 2: column "n" should hold a number, found "abc"/);
    expect(await read("n,c,day,y", "1,8,yesterday,no")).toMatch(/column "day" should hold a date \(2024-01-31\), found "yesterday"/);
    expect(await read("n,c,day,y", "1,8,2024-01-01,maybe")).toMatch(
      /line 2: target "y" is "maybe", which is none of the model's classes.*classes: no, yes/,
    );
    expect(await read("n,c,day", "1,8,2024-01-01")).toMatch(/no column "y"/);
  });
});

test("rows can be selected, roles and target with them", async () => {
  const path = csv("select.csv", "g,x,c,y", ["a,1,p,0", "b,2,q,1", "c,3,p,0"]);
  const table = selectRows(await readTable(path, { target: "y", group: "g" }), Int32Array.of(2, 0));
  expect(table.rows).toBe(2);
  expect(numbers(table, "x")).toEqual([3, 1]);
  expect(labels(table)).toEqual(["0", "0"]);
  expect([...(table.roles.group as CategoricalColumn).codes]).toEqual([2, 0]);
});
