/** Every ready architecture from a file to predictions: train, show, evaluate, predict, and the exported model in plain ONNX Runtime. */
import { readFileSync, writeFileSync } from "node:fs";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { rng } from "../../src/util/rng.ts";
import { gradus, workFolder } from "./support.ts";

workFolder();

const pixels = 64;
/** Images of 8×8 with a bright bar, upright or flat; the corner is always 0. */
function writeImages(): void {
  const random = rng(1, "bars");
  const lines = [[...Array.from({ length: pixels }, (_, i) => `p${i}`), "bar"].join(",")];
  for (let row = 0; row < 150; row++) {
    const upright = row % 2 === 0;
    const at = 1 + random.integer(6);
    const image = Array.from({ length: pixels }, (_, i) => {
      if (i === 0) return 0;
      const on = upright ? i % 8 === at : Math.floor(i / 8) === at;
      return ((on ? 200 : 0) + 60 * random.uniform()).toFixed(0);
    });
    lines.push([...image, upright ? "upright" : "flat"].join(","));
  }
  writeFileSync("bars.csv", `${lines.join("\n")}\n`);
}
writeImages();

const cases = [
  ["cnn", "1x8x8", "4,8,16"],
  ["resnet", "1x8x8", "4,8"],
  ["rnn", "8x8", "12"],
  ["lstm", "8x8", "12"],
  ["gru", "8x8", "12,8"],
  ["transformer", "8x8", "16"],
  ["logistic", "1x8x8", undefined],
] as const;

test.each(cases)(
  "%s on %s",
  async (model, shape, layers) => {
    const flags = ["--model", model, "--shape", shape, ...(layers ? ["--layers", layers, "--keep-probability", "0.9"] : [])];
    const trained = await gradus(["train", "bars.csv", "--target", "bar", ...flags, "--epochs", "12", "--out", model]);
    expect(trained.err).toBe("");
    expect(trained.status).toBe(0);
    expect(trained.out).toContain("all columns are standardised together");
    const shown = await gradus(["show", model]);
    expect(shown.out).toMatch(/layer +output +parameters +multiply-adds +initialiser/);
    if (layers) expect(shown.out).toMatch(/dropout_1 .*keep 0\.9/);
    const tested = await gradus(["evaluate", model, "--test", "--json"]);
    const { metrics } = JSON.parse(tested.out.trim().split("\n").at(-1)!) as { metrics: { test: { error: { value: number } } } };
    if (model !== "logistic") expect(metrics.test.error.value).toBeLessThan(0.15);

    const predicted = await gradus(["predict", model, "bars.csv", "--out", `${model}.csv`]);
    expect(predicted.status).toBe(0);
    const [, ...rows] = readFileSync(`${model}.csv`, "utf8").trim().split("\n");
    const session = await InferenceSession.create(`${model}/model.onnx`);
    const [, ...given] = readFileSync("bars.csv", "utf8").trim().split("\n");
    const feeds = Object.fromEntries(
      Array.from({ length: pixels }, (_, i) => {
        const values = given.slice(0, 20).map((line) => Number(line.split(",")[i]));
        return [`p${i}`, new Tensor("float32", Float32Array.from(values), [20, 1])];
      }),
    );
    const { probabilities } = await session.run(feeds);
    // The file's last column is the probability of the second class, by name.
    rows.slice(0, 20).forEach((line, row) => {
      const written = Number(line.split(",").at(-1));
      expect(Math.abs(written - (probabilities!.data[row * 2 + 1] as number))).toBeLessThan(1e-5);
    });
  },
  60_000,
);

test("logistic refuses what it has no place for", async () => {
  const flags = ["train", "bars.csv", "--target", "bar", "--model", "logistic"];
  for (const more of [
    ["--layers", "8"],
    ["--keep-probability", "0.5"],
  ]) {
    const { status, err } = await gradus([...flags, ...more]);
    expect(status).toBe(2);
    expect(err).toContain("logistic has no hidden layers");
  }
});

test("a shape that the columns do not fill is refused with both numbers", async () => {
  const { status, err } = await gradus(["train", "bars.csv", "--target", "bar", "--model", "cnn", "--shape", "1x8x9"]);
  expect(status).toBe(2);
  expect(err).toContain("the shape 1×8×9 takes 72 numbers a row, the columns give 64.");
});
