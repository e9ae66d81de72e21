/** A data file at a glance: figures worked out by hand, what looks odd, the picture and the lines. */
import { describe, expect, test } from "vitest";
import { dataShowAction } from "../../src/cli/commands/data-show-action.ts";
import { lineSchema } from "../../src/cli/json-schema.ts";
import { profileLines } from "../../src/cli/render/profile.ts";
import { paint } from "../../src/cli/render/paint.ts";
import { profilePicture } from "../../src/data/profile-picture.ts";
import { profileData } from "../../src/data/profile.ts";
import { complaint, csv, file } from "./files.ts";

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
      'column "day" holds dates in two formats: "2021-01-01" in line 2 is year-month-day, "31/12/2020" in line 7 is not.',
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
