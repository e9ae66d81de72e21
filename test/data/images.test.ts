/** Folders and lists of image files: what they become, and what is said of images that are not what they should be. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { describe, expect, test } from "vitest";
import { profileData } from "../../src/data/profile.ts";
import { readTable } from "../../src/data/read-table.ts";
import { split } from "../../src/data/splitter.ts";
import { describeTable, schemaOf, type CategoricalColumn, type ImageColumn } from "../../src/data/table.ts";
import { readUnprivileged } from "../support/unprivileged.ts";
import { complaint, csv, temporaryFolder } from "./files.ts";

const numbers = (count: number, seed: number): Buffer => Buffer.from(Array.from({ length: count }, (_, i) => (i * 37 + seed * 11) % 256));

/** An image of so many channels, its values reckoned from their places. */
const picture = (height: number, width: number, channels: 1 | 3 | 4 = 3, seed = 0) =>
  sharp(numbers(height * width * channels, seed), { raw: { width, height, channels } }).toColourspace(channels === 1 ? "b-w" : "srgb");

/** Writes files below a folder of the test's own and returns its path. */
async function folder(name: string, files: Readonly<Record<string, Buffer | Sharp | string>>): Promise<string> {
  const root = join(temporaryFolder, name);
  mkdirSync(root, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), typeof content === "string" || Buffer.isBuffer(content) ? content : await content.toBuffer());
  }
  return root;
}

const imageOf = (table: { readonly columns: readonly { readonly kind: string }[] }): ImageColumn =>
  table.columns.find(({ kind }) => kind === "image") as ImageColumn;
const pixels = ({ values, offsets }: ImageColumn, row: number): number[] => [...values.slice(offsets[row], offsets[row + 1])];

describe("a folder of images", () => {
  test("a folder a class: pixels row by row, whatever the names, the sizes and the order on disk", async () => {
    const root = await folder("tiere und größen", {
      "zebra/ä ö.png": picture(3, 5, 3, 1).png(),
      "zebra/deeper/2.webp": picture(2, 2, 3, 2).webp({ lossless: true }),
      "Affe/b.png": picture(4, 4, 3, 3).png(),
      "Affe/a.png": picture(4, 4, 3, 4).png(),
      "Affe/notes.txt": "no image",
      "Affe/.hidden.png": "no image either",
    });
    const table = await readTable(root);
    const column = imageOf(table);
    expect(table.rowNames).toEqual(["Affe/a.png", "Affe/b.png", "zebra/deeper/2.webp", "zebra/ä ö.png"]);
    expect([...column.heights]).toEqual([4, 4, 2, 3]);
    expect([...column.widths]).toEqual([4, 4, 2, 5]);
    expect(column.channels).toBe(3);
    expect(pixels(column, 0)).toEqual([...numbers(48, 4)]);
    expect(pixels(column, 2)).toEqual([...numbers(12, 2)]);
    expect(pixels(column, 3)).toEqual([...numbers(45, 1)]);
    const target = table.target!.column as CategoricalColumn;
    expect([...target.codes].map((code) => target.categories[code])).toEqual(["Affe", "Affe", "zebra", "zebra"]);
    expect(table.notes).toContain("1 other file left aside: Affe/notes.txt");
    expect(describeTable(table)).toContain("1 image) · 2 … 4 × 2 … 5 colour · target label");
  });

  test("folders train, valid and test are the published split", async () => {
    const root = await folder(
      "parts",
      Object.fromEntries(
        ["train", "valid", "test"].flatMap((part, p) =>
          ["a", "b"].flatMap((name, k) => [1, 2].map((i) => [`${part}/${name}/${i}.png`, picture(2, 2, 3, p + 3 * k + 7 * i).png()])),
        ),
      ),
    );
    const table = await readTable(root);
    const { train, validation, test: held, policy } = split(table);
    const named = (rows: Int32Array): string[] => [...new Set([...rows].map((row) => table.rowNames![row]!.split("/")[0]!))];
    expect([named(train), named(validation), named(held), policy]).toEqual([["train"], ["valid"], ["test"], "by column split"]);
    expect(table.columns.map(({ name }) => name)).toEqual(["image"]);
  });

  test("the fingerprint follows names and contents", async () => {
    const files = { "a/1.png": picture(2, 2).png(), "b/1.png": picture(2, 2, 3, 1).png() };
    const same = await Promise.all(["one", "two"].map(async (name) => readTable(await folder(`print/${name}`, files))));
    expect(same[0]!.source.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    const other = await readTable(await folder("print/three", { ...files, "b/1.png": picture(2, 2, 3, 2).png() }));
    expect(new Set([...same, other].map(({ source }) => source.fingerprint)).size).toBe(3);
  });

  test("gray stays one channel; among colour it is read as colour, and a model of gray takes colour as gray", async () => {
    const gray = await readTable(await folder("gray", { "a/1.png": picture(2, 3, 1).png(), "b/2.jpg": picture(8, 8, 1).jpeg() }));
    expect(imageOf(gray).channels).toBe(1);
    expect(pixels(imageOf(gray), 0)).toEqual([...numbers(6, 0)]);
    const mixed = await readTable(await folder("mixed", { "a/1.png": picture(1, 2, 1).png(), "b/2.png": picture(1, 2, 3).png() }));
    expect(pixels(imageOf(mixed), 0)).toEqual([0, 0, 0, 37, 37, 37]);
    expect(mixed.notes).toContain("1 of 2 images are gray, read as colour as the others are");
    const { target: _, ...schema } = schemaOf(gray);
    const asGray = await readTable(join(temporaryFolder, "mixed"), { schema });
    expect(imageOf(asGray).channels).toBe(1);
    expect(asGray.notes.join()).toContain("1 of 2 images are in colour, read as gray as the model takes them");
  });

  test("EXIF says what is up", async () => {
    const rows = [255, 0, 0, 0, 0, 255];
    const lying = sharp(Buffer.from([...rows]), { raw: { width: 2, height: 1, channels: 3 } }).resize(16, 8, { kernel: "nearest" });
    const table = await readTable(
      await folder("exif", { "a/1.jpg": lying.clone().withMetadata({ orientation: 6 }).jpeg({ quality: 100 }), "b/2.jpg": lying.jpeg() }),
    );
    const column = imageOf(table);
    expect([[...column.heights], [...column.widths]]).toEqual([
      [16, 8],
      [8, 16],
    ]);
    // Turned to the right: what was left is up.
    const [top, bottom] = [pixels(column, 0).slice(0, 3), pixels(column, 0).slice(-3)];
    expect(top[0]).toBeGreaterThan(200);
    expect(bottom[2]).toBeGreaterThan(200);
  });

  test("transparency is laid on white, 16 bits become 8, CMYK becomes RGB, a wrong suffix is seen through; all are said", async () => {
    const root = await folder("odd", {
      "a/clear.png": sharp(Buffer.from([10, 20, 30, 0, 10, 20, 30, 255]), { raw: { width: 2, height: 1, channels: 4 } }).png(),
      "a/deep.png": picture(2, 2).toColourspace("rgb16").png(),
      "b/print.jpg": picture(8, 8).toColourspace("cmyk").jpeg(),
      "b/renamed.png": picture(8, 8).jpeg(),
    });
    const table = await readTable(root);
    const column = imageOf(table);
    expect(pixels(column, 0)).toEqual([255, 255, 255, 10, 20, 30]);
    expect(pixels(column, 1)).toEqual([...numbers(12, 0)]);
    expect(column.channels).toBe(3);
    const said = table.notes.join("\n");
    expect(said).toMatch(/clear\.png is with transparency, laid on white/);
    expect(said).toMatch(/deep\.png is of 16 bits a channel, read as 8/);
    expect(said).toMatch(/print\.jpg is CMYK, converted to RGB/);
    expect(said).toMatch(/renamed\.png is a JPEG named \.png, read as what it is/);
  });
});

describe("images that cannot be read", () => {
  const good = { "a/good.png": picture(2, 2).png(), "b/good.png": picture(2, 2, 3, 1).png() };

  test("cut in half, empty, no image, of another kind: the file is named; on request they are left out and listed", async () => {
    const [png, jpeg, webp] = await Promise.all([
      picture(60, 60).png().toBuffer(),
      picture(60, 60).jpeg().toBuffer(),
      picture(60, 60).webp().toBuffer(),
    ]);
    const cases: readonly (readonly [string, Buffer | string, RegExp])[] = [
      ["cut.png", png.subarray(0, png.length >> 1), /a\/cut\.png: the PNG image is damaged or cut off/],
      ["cut.jpg", jpeg.subarray(0, jpeg.length - 40), /a\/cut\.jpg: the JPEG image is damaged or cut off/],
      ["cut.webp", webp.subarray(0, webp.length >> 1), /a\/cut\.webp: the WebP image is damaged or cut off/],
      ["empty.png", "", /a\/empty\.png is empty \(0 bytes\)/],
      ["text.jpg", "just a text", /a\/text\.jpg is no image; PNG, JPEG or WebP was expected/],
      ["page.png", "<!DOCTYPE html><html>", /a\/page\.png is a web page/],
      ["moving.gif", await picture(4, 4).gif().toBuffer(), /a\/moving\.gif is a GIF image; .*convert it/],
      ["drawing.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>", /a\/drawing\.svg is an SVG drawing/],
    ];
    for (const [name, content, message] of cases)
      expect(await complaint(readTable(await folder(`bad ${name}`, { ...good, [`a/${name}`]: content })))).toMatch(message);
    const all = await folder("bad all", { ...good, ...Object.fromEntries(cases.map(([name, content]) => [`a/${name}`, content])) });
    const table = await readTable(all, { skipBadRows: true });
    expect(table.rowNames).toEqual(["a/good.png", "b/good.png"]);
    expect(pixels(imageOf(table), 1)).toEqual([...numbers(12, 1)]);
    const said = table.notes.join("\n");
    expect(said).toContain("8 images left out as asked: ");
    expect(table.skipped).toEqual(
      cases
        .map(([name, , message]) => ({
          file: `${all}/a/${name}`,
          line: 0,
          reason: expect.stringMatching(new RegExp(message.source.split("; ")[0]!)),
        }))
        .toSorted((a, b) => (a.file < b.file ? -1 : 1)),
    );
    for (const [, , message] of cases.slice(0, 6)) expect(said).toMatch(new RegExp(message.source.split("; ")[0]!));
    expect(await complaint(readTable(await folder("bad only", { "a/1.png": "", "b/2.png": "x" }), { skipBadRows: true }))).toMatch(
      /none of 2 images can be read/,
    );
  });

  test("a small file that announces a huge image is refused before it is decoded, with the limit", async () => {
    const bomb = await sharp({ create: { width: 12_000, height: 9_000, channels: 3, background: "#000" }, limitInputPixels: false })
      .png({ compressionLevel: 9 })
      .toBuffer();
    expect(bomb.length).toBeLessThan(1e6);
    const before = process.memoryUsage().rss;
    expect(await complaint(readTable(await folder("bomb", { ...good, "a/bomb.png": bomb })))).toMatch(
      /a\/bomb\.png announces 12 000×9 000 pixels; an image may have 67 108 864/,
    );
    expect(process.memoryUsage().rss - before).toBeLessThan(150e6);
  });

  test("links that lead in circles are not followed, broken ones are errors", async () => {
    const root = await folder("links", good);
    symlinkSync("..", join(root, "a", "up"));
    symlinkSync("a", join(root, "c"));
    const table = await readTable(root);
    expect(table.rowNames).toEqual(["a/good.png", "b/good.png", "c/good.png"]);
    expect(table.notes.join("\n")).toContain("a/up is a link that leads back to a folder above it; not followed");
    symlinkSync("nowhere.png", join(root, "b", "gone.png"));
    expect(await complaint(readTable(root))).toMatch(/b\/gone\.png is not there; an image was expected/);
    expect((await readTable(root, { skipBadRows: true })).rows).toBe(3);
  });

  test("a folder or a file that may not be read is an error, or left out on request", async () => {
    const root = await folder("locked", { ...good, "c/1.png": picture(2, 2).png() });
    const file = await folder("locked file", { ...good, "b/2.png": picture(2, 2).png() });
    chmodSync(join(root, "c"), 0);
    chmodSync(join(file, "b/2.png"), 0);
    const table = csv("locked.csv", "a,y", ["1,2", "3,4"]);
    chmodSync(table, 0);
    const open = [await folder("open", good), csv("open.csv", "a,y", ["1,2", "3,4"])];
    const found = readUnprivileged([root, file, table], open);
    chmodSync(join(root, "c"), 0o755);
    expect(found[0]!.refused).toMatch(/folder .*locked\/c cannot be read \(EACCES\)/);
    expect(found[0]!.notes).toMatch(/locked\/c cannot be read/);
    expect(found[1]!.refused).toMatch(/locked file\/b\/2\.png cannot be read \(EACCES\); an image was expected/);
    expect(found[1]!.notes).toMatch(/1 image left out as asked: .*b\/2\.png cannot be read \(EACCES\)/);
    expect(found[2]!.refused).toMatch(/locked\.csv.*(EACCES|permission)/i);
    expect(found.map(({ rows }) => rows)).toEqual([2, 2, undefined]);
  });

  test("formats that stand together, pictures that EXIF turns, and folders without any image are said", async () => {
    const root = await folder("several formats", {
      "a/1.png": picture(2, 3).png(),
      "a/2.jpg": picture(2, 3).withMetadata({ orientation: 6 }).jpeg(),
      "b/1.png": picture(2, 3).png(),
      "b/2.webp": picture(2, 3).webp(),
      "empty/deeper/readme.txt": "nothing",
      "Other/.hidden.png": "nothing",
    });
    const table = await readTable(root);
    const { columns, notes, rows } = await profileData(root);
    for (const said of [table.notes, notes]) {
      expect(said.join("\n")).toMatch(/formats: 2 PNG, 1 JPEG, 1 WebP/);
      expect(said.join()).toMatch(/a\/2\.jpg is turned upright, as EXIF says/);
      expect(said).toContain("2 folders hold no image, and no class comes of them: Other, empty");
    }
    expect([rows, columns.map(({ name }) => name)]).toEqual([4, ["label"]]);
    expect((table.target!.column as CategoricalColumn).categories).toEqual(["a", "b"]);
    const column = imageOf(table);
    expect([column.heights[1], column.widths[1]]).toEqual([3, 2]);
  });

  test("images outside of class folders are of no use where a label is wanted, and are said", async () => {
    const root = await folder("loose", { ...good, "loose.png": picture(2, 2).png() });
    const table = await readTable(root);
    expect(table.rows).toBe(2);
    expect(table.notes).toContain("1 image left aside, in no folder of a class, e.g. loose.png");
    const { target: _, ...schema } = schemaOf(table);
    expect((await readTable(root, { schema })).rows).toBe(3);
  });
});

describe("a table of paths", () => {
  test("its images become the feature, beside its other columns; a model's predictions find them again", async () => {
    const root = await folder("list", {
      "pics/one.png": picture(2, 2, 3, 1).png(),
      "pics/two.png": picture(2, 3, 3, 2).png(),
      "list.csv": "file,age,kind\npics/one.png,3,a\npics/two.png,4,b\npics/one.png,5,a\n",
    });
    const path = join(root, "list.csv");
    const table = await readTable(path, { image: "file", target: "kind" });
    expect(table.columns.map(({ name, kind }) => `${name} ${kind}`)).toEqual(["file image", "age numeric"]);
    expect(pixels(imageOf(table), 1)).toEqual([...numbers(18, 2)]);
    expect(pixels(imageOf(table), 2)).toEqual([...numbers(12, 1)]);
    expect(table.rowNames).toEqual(["pics/one.png", "pics/two.png", "pics/one.png"]);
    const again = await readTable(path, { schema: schemaOf(table) });
    expect(imageOf(again)).toEqual(imageOf(table));
    expect(again.columns.map(({ name }) => name)).toEqual(["file", "age"]);
    expect(await complaint(readTable(path, { image: "fil", target: "kind" }))).toMatch(/no column "fil" \(--image\).*file/);
    expect(await complaint(readTable(path, { image: "file", target: "kind", query: "SELECT * FROM data" }))).toMatch(
      /--query reads tables/,
    );
  });

  test("a path that leads nowhere is an error with its line, or left out with its row", async () => {
    const root = await folder("holes", {
      "1.png": picture(2, 2).png(),
      "list.csv": "file,kind\n1.png,a\ngone.png,b\n1.png,b\n",
      "empty.csv": "file,kind\n1.png,a\n,b\n",
      "gaps.csv": "file,kind\n1.png,a\n,b\n1.png,b\n",
    });
    expect(await complaint(readTable(join(root, "list.csv"), { image: "file", target: "kind" }))).toMatch(
      /list\.csv, line 3: gone\.png is not there/,
    );
    const table = await readTable(join(root, "list.csv"), { image: "file", target: "kind", skipBadRows: true });
    expect(table.rows).toBe(2);
    expect([...(table.target!.column as CategoricalColumn).codes]).toEqual([0, 1]);
    expect(await complaint(readTable(join(root, "empty.csv"), { image: "file", target: "kind" }))).toMatch(
      /empty\.csv, line 3: column "file" \(--image\) is empty/,
    );
    const shown = await profileData(
      await folder("shown", { "a/1.png": picture(2, 3).png(), "a/2.png": picture(2, 3).png(), "b/1.png": picture(2, 3).png() }),
    );
    expect([shown.rows, shown.columns.map(({ name, distinct }) => [name, distinct])]).toEqual([3, [["label", 2]]]);
    expect(shown.notes[0]).toMatch(/^image: 3 images, in colour, \d pixels high and \d wide$/);
    const rest = await readTable(join(root, "gaps.csv"), { image: "file", target: "kind", skipBadRows: true });
    expect([rest.rows, rest.rowNames]).toEqual([2, ["1.png", "1.png"]]);
    expect([...(rest.target!.column as CategoricalColumn).codes]).toEqual([0, 1]);
    expect(rest.notes).toContain('1 row left out as asked, where column "file" names no image: line 3');
  });
});
