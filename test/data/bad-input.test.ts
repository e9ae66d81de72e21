/** What bad input gets: one message with file, line, column, expected, found, and a remedy; exit status 2. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { readTable, type ReadOptions } from "../../src/data/read-table.ts";
import { complaint, csv, file, temporaryFolder } from "./files.ts";

const said = (path: string, options: ReadOptions = { target: "y" }): Promise<string> => complaint(readTable(path, options));
const good = csv("prices.csv", "carat,depth,price", ["0.2,61,326", "0.3,59.8,400", "0.4,62.4,500"]);

describe("files", () => {
  test("a missing file is named with its nearest sibling", async () => {
    expect(await said(join(temporaryFolder, "prises.csv"))).toMatch(/^no file .*prises\.csv\. \| did you mean prices\.csv\?$/);
    expect(await said("/nowhere/at/all.csv")).toMatch(/its folder \/nowhere\/at does not exist either/);
  });

  test("a directory is refused, with files in it to name", async () => {
    mkdirSync(join(temporaryFolder, "folder"));
    file("folder/a.csv", "x");
    expect(await said(join(temporaryFolder, "folder"))).toMatch(
      /folder is a directory; a data file was expected\. \| name a file in it: a\.csv/,
    );
  });

  test("an empty file, one of white space and one with a header only are told apart", async () => {
    expect(await said(file("empty.csv", ""))).toMatch(/empty\.csv is empty \(0 bytes\); a header line and rows were expected/);
    expect(await said(file("blank.csv", "\n  \n"))).toMatch(/holds only white space/);
    expect(await said(file("header.csv", "x,y\n"))).toMatch(/has a header line \(2 columns\) and no rows/);
  });

  test("binary files are named for what they are", async () => {
    expect(await said(file("data.csv.gz", gzipSync(gzipSync("x,y\n1,2\n"))))).toMatch(/is compressed twice; .* \| decompress it once/);
    expect(await said(file("sheet.xlsx", Buffer.from("PK\x03\x04........")))).toMatch(
      /a zip archive or a spreadsheet.*save the sheet as CSV/,
    );
    expect(
      await said(
        file(
          "noise.csv",
          Uint8Array.from({ length: 5000 }, (_, i) => (i * i * 7919) >> 3),
        ),
      ),
    ).toMatch(/is not text: byte \d+ is zero/);
    const cyrillic = Buffer.from([0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2, 0x2c, 0x79, 10, 0xec, 0xe8, 0xf0, 0x2c, 0x31, 10]);
    expect(await said(file("cyrillic.csv", cyrillic))).toMatch(
      /cyrillic\.csv, line 1: not valid UTF-8 text, and its encoding cannot be told from it\. \| name it: --encoding .*windows-1251/,
    );
  });
});

describe("lines", () => {
  test("a row with too few or too many fields is named by its line, the first one, and how many there are", async () => {
    expect(await said(csv("short.csv", "a,b,y", ["1,2,3", "4,5", "6,7,8", "9"]))).toMatch(
      /short\.csv, line 3: 3 fields were expected .*separated by ","\), found 2; 2 lines are like this\. \| mend the line/,
    );
    expect(await said(csv("long.csv", "a,b,y", ["1,2,3", "4,5,6", "7,8,9,10"]))).toMatch(/line 4: 3 fields were expected .*found 4\./);
    const late = Array.from({ length: 50_000 }, (_, i) => (i === 40_000 ? "1" : `${i},1,2`));
    expect(await said(csv("late-ragged.csv", "a,b,y", late))).toMatch(/line 40002: 3 fields .* found 1\./);
  });

  test("a quote that never closes is named by its line", async () => {
    expect(await said(csv("quote.csv", "a,y", ["1,2", '"3,4', "5,6"]))).toMatch(
      /quote\.csv, line 3: a field that opens with a double quote/,
    );
  });

  test("duplicate column names are named with their places", async () => {
    expect(await said(csv("twice.csv", "a,b,a,y", ["1,2,3,4"]))).toMatch(
      /line 1: two columns are named "a" \(columns 1 and 3\)\. \| rename one/,
    );
  });

  test("names that differ in case only are two columns", async () => {
    const table = await readTable(csv("case.csv", "a,A,y", ["1,5,0", "2,4,1", "4,4,0"]), { target: "y" });
    expect(table.columns.map((c) => c.name)).toEqual(["a", "A"]);
    const path = csv("case2.csv", "a,A,x", ["1,5,0", "2,4,1", "4,4,0"]);
    expect(await said(path, { target: "a + A" })).toMatch(/differ in case only \("A"\), which SQL takes for one\. \| rename/);
    expect((await readTable(path, { target: "A + 0.5" })).target!.column).toMatchObject({ values: Float64Array.of(5.5, 4.5, 4.5) });
  });
});

describe("names", () => {
  test("an unknown column anywhere is named, with the closest ones and all of them", async () => {
    expect(await said(good, { target: "prize" })).toMatch(
      /^no column "prize" in .*prices\.csv \(line 1\)\. \| did you mean "price"\? columns: carat, depth, price$/,
    );
    expect(await said(good, { target: "price", drop: ["carrot"] })).toMatch(/no column "carrot" \(--drop\) in .*did you mean "carat"\?/);
    expect(await said(good, { target: "price", group: "g" })).toMatch(/no column "g" \(--group\)/);
    expect(await said(good, { target: "price", time: "t" })).toMatch(/no column "t" \(--time\)/);
    expect(await said(good, { target: "price", id: "i" })).toMatch(/no column "i" \(--id\)/);
    expect(await said(good, { target: "price", splitColumn: "s" })).toMatch(/no column "s" \(--split-column\)/);
    expect(await said(good, { target: "price", group: "price" })).toMatch(/cannot be the target and steer the split/);
  });
});

describe("target expressions", () => {
  const expression = (target: string): Promise<string> => said(good, { target });

  test("unknown columns and texts in double quotes are explained", async () => {
    expect(await expression("prize > 5")).toMatch(/no column "prize", which --target "prize > 5" names.*did you mean "price"\?/);
    expect(await expression('price = "high"')).toMatch(/no column "high".*a text value stands in single quotes/);
    expect(await said(csv("dots.csv", "x.box,y", ["1,2", "2,3"]), { target: "x.box > 1" })).toMatch(
      /double quotes inside the expression: "x\.box"/,
    );
  });

  test("only one value per row, computed from columns, is taken", async () => {
    expect(await expression("price >")).toMatch(/no SQL expression either \(.*syntax error.*\)/i);
    expect(await expression("(SELECT max(price) FROM data) > price")).toMatch(/must be one value per row.*found a subquery/);
    expect(await expression("price IN (SELECT 1)")).toMatch(/found a subquery/);
    expect(await expression("price), (depth")).toMatch(/found another statement/);
    expect(await expression("1) FROM read_csv('/etc/passwd') WHERE (price")).toMatch(/found another statement/);
    expect(await expression("price); DROP TABLE data; SELECT (1")).toMatch(/another statement|no SQL expression/);
    expect(await expression("sum(price)")).toMatch(/sum\(\), a function over all rows/);
    expect(await expression("row_number() OVER ()")).toMatch(/found a window/);
    expect(await expression("price > random()")).toMatch(/random\(\), whose value differs from one run to the next/);
    expect(await expression("price > now()")).toMatch(/now\(\), whose value differs|now\(\), an unknown/);
    expect(await expression("getenv('HOME') = price")).toMatch(/getenv\(\), which reads more than columns/);
    expect(await expression("price > frobnicate(depth)")).toMatch(/frobnicate\(\), an unknown function/);
    expect(await expression("geomean(price) > 3")).toMatch(/geomean\(\), a function over all rows/);
    expect(await expression("wavg(price, depth) > 3")).toMatch(/wavg\(\), a function over all rows/);
    expect(await expression("ago(to_days(carat::INT)) > '2020-01-01'")).toMatch(/ago\(\), which reads more than columns/);
    expect(await expression("today() > '2020-01-01' AND price > 1")).toMatch(/today\(\), whose value differs/);
    expect(await expression("user() = carat")).toMatch(/user\(\), which reads more/);
    expect((await readTable(good, { target: "nullif(split_part(price::VARCHAR, '2', 1), '') || fdiv(depth, 2)" })).target).toBeDefined();
    expect(await expression("1 > 0")).toMatch(/found no column in it/);
    expect(await expression("*")).toMatch(/star|no SQL expression/);
  });

  test("a target that is neither number, text, truth value nor time is refused by its type", async () => {
    const path = csv("trips.csv", "dep,arr,x", [
      "2024-01-01 10:00:00,2024-01-01 11:30:00,1",
      "2024-01-02 10:00:00,2024-01-02 10:45:30.5,2",
      "2024-01-03 10:00:00,2024-01-03 12:00:00,4",
    ]);
    expect(await said(path, { target: "arr - dep" })).toMatch(
      /is of SQL type INTERVAL\. \| take its seconds: --target "epoch\(arr - dep\)"/,
    );
    expect(await said(path, { target: "[x]" })).toMatch(/is of SQL type BIGINT\[\]/);
    expect(await said(path, { target: "{'a': x}" })).toMatch(/is of SQL type STRUCT/);
    for (const target of ["epoch(arr - dep)", "arr", "arr::TIMESTAMPTZ", "arr::TIME", "x::DECIMAL(4,2) / 3"])
      expect((await readTable(path, { target, task: "regression" })).target!.task).toBe("regression");
    expect((await readTable(path, { target: "arr::TIME" })).target!.task).toBe("regression");
  });

  test("an expression that fails on the values says so with the columns' types", async () => {
    const path = csv("words.csv", "word,x,y", ["ab,1,1", "cd,2,0"]);
    expect(await said(path, { target: "cast(word AS INTEGER) > 1" })).toMatch(
      /cannot be computed from .*words\.csv: .*Conversion Error.*word \(VARCHAR\)/,
    );
  });
});

describe("values", () => {
  test("one class only, a constant amount and an all-missing column are refused", async () => {
    expect(await said(csv("one.csv", "x,y", ["1,no", "2,no", "3,no"]))).toMatch(
      /target "y" has one class only in all 3 rows; at least two/,
    );
    expect(await said(csv("flat.csv", "x,y", ["1,1.5", "2,1.5"]), { target: "y", task: "regression" })).toMatch(
      /target "y" is 1\.5 in all 2 rows/,
    );
    expect(await said(csv("void.csv", "x,nothing at all,y", ["1,,0", "2,NA,1"]))).toMatch(
      /column "nothing at all" has no value in any of its 2 rows\. \| leave it out: --drop "nothing at all"/,
    );
  });

  test("missing target values are counted, the first one located", async () => {
    expect(await said(csv("gaps.csv", "x,y", ["1,a", "2,", "3,b", "4,NA"]))).toMatch(
      /target "y" is missing in 2 of 4 rows, first in line 3; every row needs one\. \| remove these rows/,
    );
    expect(await said(csv("gaps2.csv", "x,z,y", ["1,1,1.5", "2,3,", "3,4,2.5"]), { target: "y * 2" })).toMatch(
      /missing in 1 of 3 rows, first in line 3/,
    );
  });

  test("infinities are located in features and targets", async () => {
    expect(await said(csv("inf.csv", "x,y", ["1,0", "2,1", "-Infinity,0"]))).toMatch(
      /inf\.csv, line 4: column "x" should hold finite numbers, found -Infinity\. \| .*--drop x/,
    );
    expect(await said(csv("inf-target.csv", "x,y", ["1,0.5", "2,inf", "3,0.25"]))).toMatch(
      /line 3: target "y" should be a finite number, found Infinity/,
    );
    expect(await said(csv("broken-lines.csv", "x,c,y", ['1,"a\nb",0', "inf,c,1"]))).toMatch(/broken-lines\.csv, row 2: column "x"/);
  });

  test("numbers beyond single precision are located in features and targets", async () => {
    const path = csv("huge.csv", "x,c,y", ["1,1,0.5", "2,2,-1e39", "1.7976931348623157e308,1,0.25"]);
    expect(await said(path, { target: "c", drop: ["y"] })).toMatch(
      /huge\.csv, line 4: column "x" should hold numbers up to 1e\+37 in size, found 1\.797\S+e\+308\. \| if it stands for a missing value leave .*--drop x/,
    );
    expect(await said(path)).toMatch(/line 3: target "y" should be a number up to 1e\+37 in size, found -1e\+39\. \| /);
    const schema = { columns: [{ name: "x", kind: "numeric", sqlType: "DOUBLE" }] } as const;
    const atPredict = await said(path, { schema });
    expect(atPredict).toMatch(/line 4: column "x" should hold numbers up to/);
    expect(atPredict).not.toContain("--drop");
  });

  test("control characters in names and values are shown escaped", async () => {
    const path = csv("escape.csv", "a\u001b[31m,b\u009b,y", ["1,2,0", "inf,2,1"]);
    expect(await said(path)).toMatch(/column "a\\u001b\[31m" should hold finite numbers/);
    expect(await said(path, { target: "z" })).toMatch(/columns: a\\u001b\[31m, b\\u009b, y/);
    const { notes } = await readTable(csv("escape2.csv", "a\u001b[31m,b,y", ["1,2,0", "1,3,1"]), { target: "y" });
    expect(notes).toContain("a\\u001b[31m left out: always 1");
  });

  test("a million categories are refused, in a feature and in the target", async () => {
    const rows = Array.from({ length: 1_000_000 }, (_, i) => `k${i},${i % 2},${i % 9}`);
    const path = csv("million.csv", "key,y,x", rows);
    expect(await said(path)).toMatch(
      /column "key" has 1 000 000 distinct values in 1 000 000 rows; a feature may have 100 000\. \| leave it out: --drop key/,
    );
    expect(await said(path, { target: "key" })).toMatch(
      /target "key" has 1 000 000 distinct values in 1 000 000 rows; a class needs at least two rows/,
    );
  });

  test("numbers among which a few texts stand over and over are refused as a feature; many different texts are categories", async () => {
    const csvOf = (text: (i: number) => string): string =>
      ["v,y", ...Array.from({ length: 200 }, (_, i) => `${i % 5 < 2 ? text(i) : (i * 1.37).toFixed(2)},${i % 2}`)].join("\n");
    expect(
      await said(
        file(
          "often.csv",
          csvOf(() => "-"),
        ),
        { target: "y" },
      ),
    ).toMatch(/column "v" holds numbers, but 80 of 200 values are no numbers, "-" in line 2/);
    const many = await readTable(
      file(
        "codes.csv",
        csvOf((i) => `A${i % 40}`),
      ),
      { target: "y", types: { v: "category" } },
    );
    expect(many.columns.map(({ kind }) => kind)).toEqual(["categorical"]);
  });
  test("a target of one class per row, and text under regression, are refused", async () => {
    const path = csv(
      "names.csv",
      "name,x",
      Array.from({ length: 50 }, (_, i) => [`n${i}`, i % 5]),
    );
    expect(await said(path, { target: "name" })).toMatch(/has 50 distinct values in 50 rows/);
    const dashes = csv(
      "dashes.csv",
      "v,t",
      Array.from({ length: 60 }, (_, i) => `${i % 20 === 7 ? "-" : i * 1.5},${i % 2}`),
    );
    for (const task of [undefined, "regression"] as const)
      expect(await said(dashes, { target: "v", task })).toMatch(
        /target "v" cannot be read as numbers: column "v" holds numbers, but 3 of 60 values are no numbers, "-" in line 9\. \| --missing "-"/,
      );
    const gaps = await said(dashes, { target: "v", missing: ["-"] });
    expect(gaps).toMatch(/target "v" is missing in 3 of 60 rows, first in line 9/);
    const query = /--query "([^"]+)"/.exec(gaps)![1]!;
    expect((await readTable(dashes, { target: "v", missing: ["-"], query })).rows).toBe(57);
    expect(await said(path, { target: "name", task: "regression" })).toMatch(/line 2: regression needs numbers, target "name" is "n0"/);
  });

  test("no column left to predict from is explained", async () => {
    const path = csv(
      "bare.csv",
      "name,y",
      Array.from({ length: 50 }, (_, i) => [`n${i}`, i % 2]),
    );
    expect(await said(path)).toMatch(/no column is left to predict from\. \| name left out: text with 50 distinct values/);
    expect(await said(csv("alone.csv", "y", ["1", "2"]))).toMatch(/at least one column besides the target/);
  });

  test("columns that steer the split must be whole, and time must be time", async () => {
    const path = csv("steer.csv", "g,t,x,y", ["a,monday,1,0", ",tuesday,2,1", "b,sunday,2,1"]);
    expect(await said(path, { target: "y", group: "g" })).toMatch(/line 3: column "g" \(--group\) is empty; every row needs a value/);
    expect(await said(path, { target: "y", time: "t" })).toMatch(/column "t" \(--time\) must hold numbers, dates or times.*first "monday"/);
  });
});

test("lines of comments above the header are refused with their place; a header that begins with # is one", async () => {
  const path = file("comments.csv", "# made by a logger\n# version 2, of May\na,b,y\n1,2,0\n3,4,1\n");
  expect(await complaint(readTable(path, { target: "y" }))).toMatch(
    /comments\.csv: lines 1 to 2 begin with #, as comments do; a header line was expected, as line 3 seems to be\. \| .*grep -v "\^#"/,
  );
  const hash = await readTable(file("hash.csv", "#a,b,y\n1,2,0\n3,4,1\n"), { target: "y" });
  expect(hash.columns.map(({ name }) => name)).toEqual(["#a", "b"]);
});
