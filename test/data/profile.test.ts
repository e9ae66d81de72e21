/** A data file at a glance: figures worked out by hand, what looks odd, the picture and the lines. */
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { dataShowAction } from "../../src/cli/commands/data-show-action.ts";
import { textUnits } from "../../src/cli/flags.ts";
import { lineSchema } from "../../src/cli/json-schema.ts";
import { profileLines } from "../../src/cli/render/profile.ts";
import { paint } from "../../src/cli/render/paint.ts";
import { profilePicture } from "../../src/data/profile-picture.ts";
import { profileData } from "../../src/data/profile.ts";
import { readTable } from "../../src/data/read-table.ts";
import { schemaOf, type NumericColumn } from "../../src/data/table.ts";
import { complaint, csv, file, temporaryFolder } from "./files.ts";

const lines = Array.from({ length: 40 }, (_, i) => {
  const colour = i === 7 ? "red " : i === 8 ? "Red" : i % 3 === 0 ? "red" : "blue";
  const day = i === 5 ? "31/12/2020" : `2021-01-${String((i % 28) + 1).padStart(2, "0")}`;
  return [i % 2 === 0 ? "" : i / 4, i === 4 || i === 11 ? -999 : i % 5, colour, `id-${i}`, 7, day, 1000 + i].join(",");
});
const path = csv("glance.csv", "gap,count,colour,name,same,day,number", lines);
const odd = async (name: string): Promise<readonly string[]> =>
  (await profileData(path)).columns.find((column) => column.name === name)!.remarks;

describe("a profile", () => {
  test("has the figures of every column", async () => {
    const { rows, duplicates, columns } = await profileData(path);
    expect([rows, duplicates, columns.map(({ name, type }) => `${name}: ${type}`)]).toEqual([
      40,
      0,
      [
        "gap: number",
        "count: whole number",
        "colour: category",
        "name: text",
        "same: whole number",
        "day: category",
        "number: whole number",
      ],
    ]);
    const [gap, count, colour] = columns;
    // 0.25, 0.75, … 9.75: twenty numbers half apart.
    expect(gap).toMatchObject({ missing: 20, distinct: 20, numbers: { min: 0.25, quartiles: [2.625, 5, 7.375], max: 9.75, mean: 5 } });
    expect(gap!.numbers!.deviation).toBeCloseTo(Math.sqrt((400 - 1) / 12) / 2, 12);
    expect(count!.distribution).toMatchObject({ kind: "bins" });
    expect(colour!.distribution).toEqual({
      kind: "texts",
      texts: [
        { text: "blue", rows: 24 },
        { text: "red", rows: 14 },
        { text: "Red", rows: 1 },
        { text: "red ", rows: 1 },
      ],
      others: 0,
    });
  });

  test("bins hold every value once; whole numbers share them out evenly, far ones are gathered at the ends", async () => {
    const whole = await profileData(
      csv(
        "whole-bins.csv",
        "a",
        Array.from({ length: 300 }, (_, i) => String(i % 60)),
      ),
    );
    const bins = whole.columns[0]!.distribution as unknown as { edges: number[]; counts: number[]; clipped: boolean };
    // Sixty values in bins of three.
    expect([bins.counts, bins.edges[0], bins.edges[1]]).toEqual([Array.from({ length: 20 }, () => 15), -0.5, 2.5]);
    const far = await profileData(csv("far-bins.csv", "a", [...Array.from({ length: 1000 }, (_, i) => String(i / 1000)), "1e6"]));
    const clipped = far.columns[0]!.distribution as unknown as typeof bins;
    expect(clipped.clipped).toBe(true);
    expect(clipped.counts.reduce((a, b) => a + b)).toBe(1001);
    expect(clipped.edges.at(-1)).toBeLessThan(1.1);
    const three = await profileData(csv("few-texts.csv", "a,b", ["x,1", "y,2", "x,3", "z,4"]), { bins: 1 });
    expect(three.columns[0]!.distribution).toEqual({ kind: "texts", texts: [{ text: "x", rows: 2 }], others: 2 });
  });

  test("names what looks odd", async () => {
    expect(await odd("colour")).toEqual(['"red" and "Red" and "red " differ in blanks or case only']);
    expect(await odd("name")).toEqual(["names the row: 40 different texts in 40 rows"]);
    expect(await odd("same")).toEqual(["always the same"]);
    expect(await odd("number")).toEqual(["every row has its own whole number: an identifier?"]);
    expect(await odd("count")).toEqual(['-999 in 2 rows lies far from the others (0 to 4): if it means missing, --missing "-999"']);
    expect(await odd("day")).toEqual([
      'column "day" holds dates in two formats: "2021-01-01" in line 2 is year-month-day, "31/12/2020" in line 7 is day/month/year; 1 of 40 values are not year-month-day.',
    ]);
    expect(await odd("gap")).toEqual([]);
    const { columns } = await profileData(path, { missing: ["-999"] });
    expect(columns[1]).toMatchObject({ missing: 2, remarks: [] });
    const repeated = await profileData(csv("repeated.csv", "a,b", ["1,x", "2,y", "1,x", "1,x", ",", ","]));
    expect(repeated.duplicates).toBe(3);
    expect((await profileData(csv("empty-column.csv", "a,b", ["1,", "2,", "3,"]))).columns[1]).toMatchObject({
      missing: 3,
      distinct: 0,
      remarks: ["no value in any row"],
    });
    expect(
      (await profileData(csv("mixed-column.csv", "a,b", [...Array.from({ length: 30 }, (_, i) => `${i / 2},1`), "-,2"]))).columns[0]!
        .remarks[0],
    ).toMatch(/^read as categories: 1 of 31 values is no number, "-" in line 32/);
  });

  test("reads as training reads: queries, types, other formats", async () => {
    const { columns, rows } = await profileData(path, { query: "SELECT colour, count(*) AS n FROM data GROUP BY colour ORDER BY n DESC" });
    expect([rows, columns.map(({ name }) => name)]).toEqual([4, ["colour", "n"]]);
    expect((await profileData(path, { types: { number: "category" } })).columns[6]!.type).toBe("text");
    expect(await complaint(profileData(path, { types: { nothing: "category" } }))).toMatch(/no column "nothing" \(--type\)/);
    expect((await profileData(file("glance.json", '[{"a":1.5},{"a":null},{"a":2}]'))).columns[0]).toMatchObject({
      type: "number",
      missing: 1,
    });
  });
});

describe("what is shown of it", () => {
  test("the picture is well-formed, whatever texts hold, and has a drawing per column", async () => {
    const hostile = csv("hostile.csv", '"a<b",c', ['"</text><script>alert(1)</script>",1', '"&amp;",2', "plain,3"]);
    for (const source of [path, hostile, "examples/penguins.csv"]) {
      const profile = await profileData(source);
      const svg = profilePicture(profile);
      const texts = svg.replaceAll(/<(\/?[a-z]+)((?: [a-zA-Z:-]+="[^"<]*")*)\/?>/g, "");
      expect(texts).not.toMatch(/[<>]|&(?!(amp|lt|gt|quot);)/);
      expect(svg).not.toContain("<script");
      expect(svg.match(/<g transform/g)).toHaveLength(profile.columns.length);
      expect(svg).not.toMatch(/NaN|undefined|Infinity/);
      expect(svg).toContain("prefers-color-scheme: dark");
    }
  });

  test("the lines fit the screen and draw each distribution", async () => {
    const profile = await profileData("examples/penguins.csv");
    const wide = profileLines(profile, Infinity, paint(false));
    expect(wide[0]).toBe("  penguins.csv     344 rows · 8 columns");
    expect(wide.find((text) => text.includes("body_mass_g"))).toMatch(
      /whole number +2 +94 +2700 │ 3550 {2}4050 {2}4750 │ 6300 +[▁▂▃▄▅▆▇█ ]+$/,
    );
    expect(wide.find((text) => text.includes("species"))).toMatch(/Adelie 44 %, Gentoo 36 %, Chinstrap 20 %$/);
    for (const width of [100, 80])
      for (const text of profileLines(profile, width, paint(false))) expect(text.length).toBeLessThanOrEqual(width);
  });

  test("the command gives the same as JSON", async () => {
    const events: unknown[] = [];
    const terminal = { width: Infinity, live: false, color: false, out: () => {}, err: () => {} };
    const status = await dataShowAction(
      { arguments: ["examples/penguins.csv"], options: {} },
      { terminal, json: true, emit: (event) => void events.push(event), signal: new AbortController().signal },
    );
    expect(status).toBe(0);
    expect(lineSchema.parse(events[0])).toMatchObject({ command: "data show", rows: 344, duplicates: 0 });
  });
});

describe("lists, labels and dates that look like numbers", () => {
  test("a column of lists is one of sequences, with their lengths, in Parquet and in text", async () => {
    const lists = Array.from({ length: 30 }, (_, i) => `[${Array.from({ length: (i % 5) + 1 }, (__, k) => k / 2).join(", ")}]`);
    const text = csv(
      "lists.csv",
      "n,steps,y",
      lists.map((list, i) => `${i % 3},"${list}",${i % 2}`),
    );
    const parquet = join(temporaryFolder, "lists.parquet");
    const connection = await (await DuckDBInstance.create(":memory:")).connect();
    await connection.run(
      `COPY (SELECT i % 3 AS n, list_transform(range(1 + i % 5), k -> k / 2) AS steps, i % 2 AS y FROM range(30) t(i)) TO '${parquet}' (FORMAT parquet)`,
    );
    connection.closeSync();
    for (const path of [text, parquet]) {
      const { columns, notes } = await profileData(path);
      expect(columns.map(({ name, type }) => [name, type])).toEqual([
        ["n", "whole number"],
        ["steps", "list"],
        ["y", "whole number"],
      ]);
      const [, steps] = columns;
      expect(steps).toMatchObject({ missing: 0, distinct: 5, numbers: { min: 1, quartiles: [2, 3, 4], max: 5, mean: 3 } });
      expect(steps!.distribution).toMatchObject({ counts: [6, 6, 6, 6, 6] });
      expect(steps!.remarks).toEqual(["a sequence per row: lists of numbers, 1 to 5 steps long"]);
      expect(notes.join()).toContain("steps read as lists: 90 steps");
    }
    // Thirty rows of n (3 values), lists (5) and y (2): row 30 would be the first again.
    expect((await profileData(text)).duplicates).toBe(0);
    const again = csv(
      "lists-again.csv",
      "n,steps,y",
      [...lists.slice(0, 7), ...lists.slice(2, 4), lists[0]!].map((list, i) => `${i < 9 ? i % 7 : 0},"${list}",${i === 8 ? 5 : 1}`),
    );
    // Row 8 has the list of row 3 but another n, row 9 that of row 4 and another n and y; row 10 is the first again.
    expect((await profileData(again)).duplicates).toBe(1);
    const alone = await profileData(csv("lists-alone.csv", "steps", ['"[1,2]"', '"[3]"']));
    expect(alone.columns.map(({ type }) => type)).toEqual(["list"]);
    const broken = await profileData(csv("lists-broken.csv", "steps,x", ['"[1,2]",1', '"[3,[4]]",2']));
    expect(broken.notes.join()).toMatch(/line 3: column "steps" should hold numbers/);
  });

  test("texts, images and the lines of sequences are looked at as training takes them", async () => {
    const names = csv("names.csv", "name,y", ["Ada,1", "Bob,0", "Ada,1", "Étienne,0", "Ada,0"]);
    const { columns, notes, duplicates } = await profileData(names, { text: { name: "characters" } });
    expect(columns[0]).toMatchObject({ name: "name", type: "text", numbers: { min: 3, max: 7, quartiles: [3, 3, 3] } });
    expect(columns[0]!.remarks).toEqual(["a sequence per row: characters, 3 to 7 steps long"]);
    expect([notes, duplicates]).toEqual([["name read in characters: 19, 11 of them different"], 1]);
    expect(await complaint(profileData(names, { text: { nam: "words" } }))).toMatch(
      /no column "nam" \(--text\) in .* \| did you mean "name"/,
    );
    expect(() => textUnits("name=letters")).toThrow('--text name should be characters or words, found "letters".');
    expect(textUnits("name=characters,story=words")).toEqual({ name: "characters", story: "words" });

    const walk = csv("walk.csv", "who,t,x", ["a,2,5", "b,1,6", "a,1,7", "a,3,7", "b,2,7"]);
    const steps = await profileData(walk, { sequenceId: "who", time: "t" });
    expect([steps.rows, steps.columns.map(({ name }) => name)]).toEqual([5, ["who", "t", "x"]]);
    expect(steps.notes[0]).toBe("5 lines are 2 sequences by who, in the order of t, of 2 to 3 steps");
    expect(steps.notes[1]).toMatch(/^t goes backwards in the file, first in line 4/);
    expect(await complaint(profileData(walk, { sequenceId: "who" }))).toMatch(
      /do not stand together.* \| name the column that orders them: --time/,
    );
    expect(await complaint(profileData(walk, { sequenceId: "whom" }))).toMatch(/no column "whom" \(--sequence-id\)/);
    expect(await complaint(profileData(walk, { time: "t" }))).toMatch(/\| --sequence-id COLUMN/);

    const picture = (name: string, gray: number, kind: "png" | "jpeg") =>
      sharp({ create: { width: 4, height: 3, channels: 3, background: { r: gray, g: gray, b: gray } } })
        .toFormat(kind)
        .toFile(join(temporaryFolder, name));
    await Promise.all([
      picture("p1.png", 10, "png"),
      picture("p2.png", 200, "png"),
      picture("p3.png", 10, "png"),
      picture("p4.jpg", 10, "jpeg"),
    ]);
    const list = csv("pictures.csv", "file,kind", ["p1.png,a", "p2.png,b", "p3.png,a", "p1.png,b"]);
    const seen = await profileData(list, { image: "file" });
    expect(seen.columns.map(({ name }) => name)).toEqual(["kind"]);
    expect(seen.notes[0]).toMatch(/^file: 4 images, (gray|in colour), 3 pixels high and 4 wide$/);
    expect(seen.notes).toContain("format: PNG");
    // The third is the first, pixel by pixel; the fourth has another label.
    expect(seen.duplicates).toBe(1);
    const both = await profileData(csv("pictures2.csv", "file,kind", ["p1.png,a", "p4.jpg,b", "p2.png,b"]), { image: "file" });
    expect(both.notes).toContain("formats: 2 PNG, 1 JPEG");
    expect((await readTable(list, { target: "kind", image: "file" })).notes).not.toContain("format: PNG");
    expect(await complaint(profileData(list, { image: "fil" }))).toMatch(/no column "fil" \(--image\)/);
    const images = file("six.npy", npy([6, 2, 2], "|u1"));
    expect((await profileData(images)).duplicates).toBe(5);
    expect(await complaint(profileData(images, { image: "x" }))).toMatch(/six\.npy gives images or arrays/);
  });

  test("whole numbers of a typed file are dates where asked", async () => {
    const parquet = join(temporaryFolder, "compact.parquet");
    const connection = await (await DuckDBInstance.create(":memory:")).connect();
    await connection.run(
      `COPY (SELECT 20240100 + d AS "the day", d % 2 AS y, CASE WHEN d = 5 THEN 7 ELSE 20240100 + d END AS wrong FROM range(1, 32) t(d)) TO '${parquet}' (FORMAT parquet)`,
    );
    connection.closeSync();
    const { columns } = await profileData(parquet);
    expect(columns[0]!.remarks).toEqual(['all look like dates, as 20240101: if they are, --type "the day=date"']);
    const asked = (await profileData(parquet, { types: { "the day": "date" } })).columns[0]!;
    expect([asked.type, asked.numbers!.min, asked.numbers!.max]).toEqual([
      "date",
      Date.UTC(2024, 0, 1) / 1000,
      Date.UTC(2024, 0, 31) / 1000,
    ]);
    const table = await readTable(parquet, { target: "y", drop: ["wrong"], types: { "the day": "date" } });
    expect([...(table.columns[0] as NumericColumn).values].slice(0, 2)).toEqual([Date.UTC(2024, 0, 1) / 1000, Date.UTC(2024, 0, 2) / 1000]);
    const again = await readTable(parquet, { schema: schemaOf(table) });
    expect([...(again.columns[0] as NumericColumn).values]).toEqual([...(table.columns[0] as NumericColumn).values]);
    expect(await complaint(readTable(parquet, { target: "y", types: { wrong: "date" } }))).toMatch(
      /compact\.parquet: column "wrong" should hold dates year-month-day \(--type\), 1 of 31 are none: "7" in row 5\./,
    );
  });

  test("whole numbers that look like dates are remarked on, and are dates where asked", async () => {
    const days = [20_200_131, 20_200_229, 20_211_231, 19_990_101];
    const path = csv(
      "compact.csv",
      "day,x,y",
      days.map((day, i) => `${day},${day + 900},${i}`),
    );
    expect((await profileData(path)).columns.map(({ type, remarks }) => [type, ...remarks])).toEqual([
      ["whole number", "all look like dates, as 19990101: if they are, --type day=date"],
      ["whole number"],
      ["whole number"],
    ]);
    const asked = (await profileData(path, { types: { day: "date" } })).columns[0]!;
    expect([asked.type, asked.numbers!.max]).toEqual(["date", Date.UTC(2021, 11, 31) / 1000]);
    const table = await readTable(path, { target: "y", types: { day: "date" } });
    expect([...(table.columns[0] as NumericColumn).values]).toEqual(
      ["2020-01-31", "2020-02-29", "2021-12-31", "1999-01-01"].map((day) => Date.parse(day) / 1000),
    );
    const wrong = csv("compact-wrong.csv", "day,y", ["20200131,0", "20210229,1"]);
    expect(await complaint(readTable(wrong, { target: "y", types: { day: "date" } }))).toMatch(
      /column "day" should hold dates.*"20210229" in line 3/,
    );
  });

  test("takes the labels of an array by name, and refuses them for a table", async () => {
    const images = file("pictures.npy", npy([6, 2, 2], "|u1"));
    const labels = file("answers.npy", npy([6], "|u1"));
    const { columns } = await profileData(images, { labels });
    expect(columns.map(({ name, distinct }) => [name, distinct])).toEqual([["label", 1]]);
    expect(await complaint(profileData(path, { labels }))).toMatch(/--labels names the labels of IDX and NumPy files/);
  });
});

/** A NumPy file of zeros. */
function npy(shape: readonly number[], type: string): Uint8Array {
  const header = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`.padEnd(117, " ");
  const size = shape.reduce((a, b) => a * b, 1);
  return Buffer.concat([Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, 118, 0]), Buffer.from(`${header}\n`), Buffer.alloc(size)]);
}
