/** Images from the command line: trained, predicted, evaluated, exported; the exported model judged by plain onnxruntime-node. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { gzipSync } from "node:zlib";
import * as ort from "onnxruntime-node";
import sharp, { type Sharp } from "sharp";
import { beforeAll, expect, test } from "vitest";
import { gradus, gradusJson, workFolder } from "./support.ts";

workFolder();

/** A dark or a bright picture with some noise, [height, width, 3]. */
function pixels(height: number, width: number, bright: boolean, seed: number): Buffer {
  return Buffer.from(
    Array.from({ length: height * width * 3 }, (_, i) => (bright ? 170 : 30) + (((i * 2_654_435_761 + seed * 40_503) >>> 0) % 50)),
  );
}

async function write(path: string, image: Sharp): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, await image.toBuffer());
}

const raw = (height: number, width: number, bright: boolean, seed: number) =>
  sharp(pixels(height, width, bright, seed), { raw: { width, height, channels: 3 } });

beforeAll(async () => {
  for (const [k, name] of ["dunkel", "helles Bild"].entries())
    for (let i = 0; i < 40; i++) await write(`photos/${name}/${i}.png`, raw(12 + (i % 3), 10 + (i % 4), k === 1, i).png());
  const odd = raw(30, 17, true, 99);
  await write("new/a b.png", odd.clone().png());
  await write("new/deep/c.webp", odd.webp({ lossless: true }));
});

test("a folder of images trains a convolutional network without --shape, predicts other files by name, is evaluated and shown", async () => {
  const { status, lines, result } = await gradusJson([
    "train",
    "photos",
    "--model",
    "cnn",
    "--layers",
    "8,16,16",
    "--epochs",
    "25",
    "--out",
    "run",
  ]);
  expect(status).toBe(0);
  expect(lines.find(({ type }) => type === "data")).toMatchObject({ images: 1, numeric: 0, target: "label", rows: 80 });
  expect(lines.find(({ type }) => type === "model")).toMatchObject({ shape: [3, 13, 12], architecture: "cnn" });
  expect(result["metrics"]["validation"]["error"]["value"]).toBe(0);

  const { out } = await gradus(["predict", "run", "new"]);
  const table = out
    .trim()
    .split("\n")
    .map((line) => line.split(","));
  expect(table[0]).toEqual(["path", "prediction", "probability_dunkel", "probability_helles Bild"]);
  expect(table.slice(1).map(([path, prediction]) => [path, prediction])).toEqual([
    ["a b.png", "helles Bild"],
    ["deep/c.webp", "helles Bild"],
  ]);
  // The same pixels, whatever the format.
  expect(table[1]![3]).toBe(table[2]![3]);
  expect((await gradus(["predict", "run", "new/a b.png"])).out).toContain(`new/a b.png,helles Bild,${table[1]![2]}`);

  const evaluated = await gradusJson(["evaluate", "run", "--test"]);
  expect(evaluated.result["metrics"]["test"]["error"]).toMatchObject({ value: 0, n: 16 });
  expect((await gradus(["show", "run"])).out).toMatch(/photos · target label · classification · 1 column → 468 inputs/);
});

test("the exported model takes the decoded image, of any size, and says what predict says", async () => {
  const session = await ort.InferenceSession.create("run/model.onnx");
  expect(session.inputNames).toEqual(["image"]);
  const feeds = { image: new ort.Tensor("uint8", pixels(30, 17, true, 99), [1, 30, 17, 3]) };
  const { probabilities, prediction } = await session.run(feeds);
  expect(prediction!.data).toEqual(["helles Bild"]);
  const said = (await gradus(["predict", "run", "new/a b.png"])).out.trim().split("\n")[1]!.split(",").slice(2).map(Number);
  Array.from(probabilities!.data as Float32Array).forEach((p, i) => expect(p).toBeCloseTo(said[i]!, 5));
  await session.release();
});

test("a damaged image is named; with --skip-bad-rows it is left out, trained and predicted around, and listed", async () => {
  await write("new/broken.png", raw(9, 9, false, 1).png());
  writeFileSync("new/broken.png", readFileSync("new/broken.png").subarray(0, 60));
  const refused = await gradus(["predict", "run", "new"]);
  expect([refused.status, refused.out]).toEqual([2, ""]);
  expect(refused.err).toMatch(/new\/broken\.png: the PNG image is damaged or cut off/);
  const skipped = await gradus(["predict", "run", "new", "--skip-bad-rows"]);
  expect(
    skipped.out
      .trim()
      .split("\n")
      .map((line) => line.split(",")[0]),
  ).toEqual(["path", "a b.png", "deep/c.webp"]);
  expect(skipped.err).toContain("1 image left out as asked: new/broken.png: the PNG image is damaged or cut off");
});

test("an experiment file says column of paths, size and target", async () => {
  const lines = ["file,brightness"];
  for (let i = 0; i < 40; i++) lines.push(`../photos/dunkel/${i}.png,${20 + i / 10}`, `../photos/helles Bild/${i}.png,${180 + i / 10}`);
  mkdirSync("lists", { recursive: true });
  writeFileSync("lists/list.csv", `${lines.join("\n")}\n`);
  writeFileSync(
    "lists/experiment.yaml",
    "data: { path: list.csv, target: brightness, image: file, size: [8, 9] }\nmodel: { kind: mlp, layers: [8] }\nepochs: 20\n",
  );
  const { result, lines: said } = await gradusJson(["train", "--experiment", "lists/experiment.yaml", "--out", "listed"]);
  expect(said.find(({ type }) => type === "model")).toMatchObject({ shape: [3, 8, 9] });
  expect(result["metrics"]["validation"]["r2"]["value"]).toBeGreaterThan(0.9);
  const out = (await gradus(["predict", "listed", "lists/list.csv"])).out.split("\n");
  expect(out).toHaveLength(82);
  expect(out[1]).toMatch(/^\.\.\/photos\/dunkel\/0\.png,/);
  expect(Number((await gradus(["predict", "listed", "photos/helles Bild/3.png"])).out.split("\n")[1]!.split(",")[1])).toBeGreaterThan(120);
  const wrong = await gradus(["train", "photos", "--size", "8", "--model", "cnn"]);
  expect(wrong.err).toMatch(/--size must be a height and a width, e\.g\. \[64, 64\], found \[8\]/);
  const contradiction = await gradus(["train", "photos", "--shape", "1x8x8", "--model", "cnn"]);
  expect(contradiction.err).toMatch(/the model takes examples of shape 1×8×8; the data's are 3×8×8\..*leave out --shape/s);
});

test("IDX files train from the command line; without labels the target is missed with where they should be", async () => {
  const rows = 60;
  const head = (shape: number[]): Buffer => {
    const bytes = Buffer.alloc(4 + 4 * shape.length);
    bytes.writeUInt32BE(0x0800 | shape.length);
    shape.forEach((size, axis) => bytes.writeUInt32BE(size, 4 + 4 * axis));
    return bytes;
  };
  const images = Buffer.concat([
    head([rows, 8, 8]),
    Buffer.from(Array.from({ length: rows * 64 }, (_, i) => (Math.floor(i / 64) % 2) * 120 + ((i * 7) % 50))),
  ]);
  writeFileSync("train-images-idx3-ubyte.gz", gzipSync(images));
  const bare = await gradus(["train", "train-images-idx3-ubyte.gz", "--model", "cnn"]);
  expect(bare.status).toBe(2);
  expect(bare.err).toMatch(
    /no target was given, and train-images-idx3-ubyte\.gz does not say its own\..*--labels FILE.*train-labels-idx1-ubyte\.gz is not there/s,
  );
  writeFileSync(
    "train-labels-idx1-ubyte.gz",
    gzipSync(Buffer.concat([head([rows]), Buffer.from(Array.from({ length: rows }, (_, i) => i % 2))])),
  );
  const { result } = await gradusJson([
    "train",
    "train-images-idx3-ubyte.gz",
    "--model",
    "cnn",
    "--layers",
    "8,16,16",
    "--epochs",
    "25",
    "--out",
    "digits",
  ]);
  expect(result["metrics"]["validation"]["error"]["value"]).toBe(0);
  expect((await gradus(["predict", "digits", "train-images-idx3-ubyte.gz"])).out.split("\n")).toHaveLength(rows + 2);
});
