import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { beforeAll, expect, test } from "vitest";
import { parseAugmentations, formatAugmentations } from "../../src/data/augment-text.ts";
import { encodePng } from "../../src/cli/render/contact-sheet.ts";
import { rng } from "../../src/util/rng.ts";
import { gradus, gradusJson } from "./support.ts";

let folder = "";
let bars = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gradus-augment-"));
  bars = join(folder, "bars.csv");
  const draw = rng(1, "bars");
  const rows = Array.from({ length: 120 }, (_, row) => {
    const at = draw.integer(8);
    const pixels = Array.from({ length: 64 }, (_, i) =>
      i % 8 === at || (row % 2 === 1 && Math.floor(i / 8) === 2) ? 200 + draw.integer(20) : draw.integer(9),
    );
    return [...pixels, row % 2 === 1 ? "left" : "up"].join(",");
  });
  await writeFile(bars, `${[...Array.from({ length: 64 }, (_, i) => `p${i}`), "side"].join(",")}\n${rows.join("\n")}\n`);
});

test("a list as text and back", () => {
  const text = "flip,rotate=15,affine=0.2,affine.shear=5,affine.fill=-1,noise.probability=0.5";
  const list = [
    { kind: "flip" },
    { kind: "rotate", degrees: 15 },
    { kind: "affine", scale: 0.2, shear: 5, fill: -1 },
    { kind: "noise", probability: 0.5 },
  ];
  expect(parseAugmentations(text)).toEqual(list);
  expect(parseAugmentations(formatAugmentations(list))).toEqual(list);
  expect(parseAugmentations("none")).toEqual([]);
  expect(parseAugmentations("flip=0.3")).toEqual([{ kind: "flip", probability: 0.3 }]);
});

test.each([
  ["flipp", /no augmentation "flipp"/, /did you mean "flip"/],
  ["rotate=far", /found "rotate=far"/, /e\.g\. flip/],
  ["rotate.degree=3", /rotate has no setting "degree"/, /did you mean "degrees"/],
  ["rotate=200", /--augment.* must be degrees above 0, at most 180, found 200/, /./],
  ["timeShift", /timeShift is for sequences; these examples are images of 1×8×8/, /./],
])("--augment %s is one message", async (list, message, hint) => {
  const { status, err } = await gradus([
    "train",
    bars,
    "--target",
    "side",
    "--model",
    "cnn",
    "--shape",
    "1x8x8",
    "--augment",
    list,
    "--out",
    join(folder, "no"),
  ]);
  expect(status).toBe(2);
  expect(err).toMatch(message);
  expect(err).toMatch(hint);
});

test("a training says what it changes, warns of labels, and its experiment gives the same run again", async () => {
  const out = join(folder, "run");
  const args = ["--model", "cnn", "--shape", "1x8x8", "--layers", "4", "--epochs", "1", "--augment", "flip,crop=1"];
  const { status, lines } = await gradusJson(["train", bars, "--target", "side", ...args, "--out", out]);
  expect(status).toBe(0);
  const event = lines.find(({ type }) => type === "augmentation") as unknown as { steps: unknown; findings: { message: string }[] };
  expect(event.steps).toEqual([
    { kind: "flip", probability: 0.5 },
    { kind: "crop", padding: 1, fill: "edge", probability: 1 },
  ]);
  expect(event.findings.map(({ message }) => message)).toEqual([expect.stringContaining("left")]);
  const result = lines.at(-1) as unknown as { findings: { rule: string }[]; metrics: unknown };
  expect(result.findings.map(({ rule }) => rule)).toContain("augmentation-labels");
  const again = await gradusJson(["train", "--experiment", join(out, "experiment.json"), "--out", join(folder, "again")]);
  expect((again.lines.at(-1) as unknown as typeof result).metrics).toEqual(result.metrics);
});

test("data augment draws a sheet: PNG or SVG, each row one example with its label", async () => {
  const args = [
    "data",
    "augment",
    bars,
    "--target",
    "side",
    "--shape",
    "1x8x8",
    "--augment",
    "rotate=20",
    "--examples",
    "3",
    "--epochs",
    "4",
  ];
  const svg = join(folder, "sheet.svg");
  const { status, out } = await gradus([...args, "--preview", svg]);
  expect(status).toBe(0);
  expect(out).toContain("3 examples, 4 epochs each");
  const drawn = await readFile(svg, "utf8");
  expect(drawn.match(/<image /g)).toHaveLength(3 * 5);
  expect(drawn.match(/>(left|up)<\/text>/g)).toHaveLength(3);
  const png = join(folder, "sheet.png");
  const { lines } = await gradusJson([...args, "--preview", png]);
  expect(lines.at(-1)).toMatchObject({ type: "result", command: "data augment", out: png, seed: 1 });
  expect([...(await readFile(png)).subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const refused = await gradus(["data", "augment", bars, "--target", "side", "--augment", "noise", "--preview", png]);
  expect(refused.status).toBe(2);
  expect(refused.err).toMatch(/rows of a table/);
});

test("a PNG holds its pixels", async () => {
  const { default: sharp } = await import("sharp");
  const rgb = Uint8Array.from({ length: 5 * 3 * 3 }, (_, i) => (37 * i) % 256);
  const png = encodePng(rgb, 5, 3);
  expect(new Uint8Array(await sharp(png).removeAlpha().raw().toBuffer())).toEqual(rgb);
  const at = png.indexOf("IDAT");
  expect(inflateSync(png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4)))).toHaveLength(3 * 16);
});
