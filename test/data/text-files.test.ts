/** Files of text that are written in many ways: encodings, delimiters, line ends, decimal commas, texts among numbers, bad lines. */
import { describe, expect, test } from "vitest";
import { readTable } from "../../src/data/read-table.ts";
import { schemaOf } from "../../src/data/table.ts";
import { csv, file } from "./files.ts";
import { inFolder, numbers, said, texts } from "./formats.ts";

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

  test("lines that end in \\r\\n and \\n are read alike, in whichever order, and messages keep their lines", async () => {
    const note = (long: string, short: string): string => `${long} in \\r\\n, ${short} in \\n: each was read as the end of a line`;
    for (const [name, ends] of [
      ["first", (i: number) => (i === 0 ? "\r\n" : "\n")],
      ["last", (i: number) => (i === 5000 ? "\r\n" : "\n")],
      ["all-but-one", (i: number) => (i === 3000 ? "\n" : "\r\n")],
    ] as const) {
      const lines = ["a,b,y", ...Array.from({ length: 5000 }, (_, i) => `${i * 7},x${i % 3},${i % 2}`)];
      const table = await readTable(file(`ends-${name}.csv`, lines.map((line, i) => line + ends(i)).join("")), { target: "y" });
      expect(numbers(table, "a")).toEqual(Array.from({ length: 5000 }, (_, i) => i * 7));
      expect(new Set(texts(table, "b"))).toEqual(new Set(["x0", "x1", "x2"]));
      expect(table.target!.column).toMatchObject({ categories: ["0", "1"] });
      expect(table.notes).toContain(name === "all-but-one" ? note("5 000 lines end", "1") : note("1 line ends", "5 000"));
    }
    // Ends inside quotes are part of the text, as are quotes that do not open a field.
    const quoted = 'a,b,y\r\n1,"x\r\nz",0\n2,"x\nz",1\n3,5" pipe,0\r\n4,"5"" pipe",1\n"""",x,0\r\n';
    const table = await readTable(file("ends-quoted.csv", quoted), { target: "y" });
    expect(texts(table, "b")).toEqual(["x\r\nz", "x\nz", '5" pipe', '5" pipe', "x"]);
    expect(texts(table, "a").at(-1)).toBe('"');
    const bad = file("ends-bad.csv", "a,y\r\n1,0\n2\r\n3,1\n?,0\r\n");
    expect(await said(bad)).toMatch(/ends-bad\.csv, line 3: 2 fields were expected .* found 1\./);
    expect((await readTable(bad, { target: "y", skipBadRows: true })).skipped).toMatchObject([{ line: 3 }]);
    expect(await said(bad, { target: "y", skipBadRows: true, types: { a: "date" } })).toMatch(/"1" in line 2/);
    const numbered = await readTable(bad, { target: "y", skipBadRows: true, types: { a: "number" } });
    expect(numbered.notes.join()).toContain('the first "?" in line 5');
    // \r and \n across the limit of what is read at once.
    const wide = `a,y\n${"x".repeat(2 ** 20 - 7)},0\r\n1,1\n`;
    expect(wide.indexOf("\r")).toBe(2 ** 20 - 1);
    expect((await readTable(file("ends-wide.csv", wide), { target: "y" })).rows).toBe(2);
    expect(await said(file("ends-old.csv", "a,y\n1,0\r2,1\n3,0\r4,1\n"))).toMatch(
      /the lines do not all end alike .* \| make them one kind/,
    );
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
