import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { file, gradus, runs, workFolder } from "./support.ts";

workFolder();
const lines = Array.from({ length: 400 }, (_, i) => `c${i % 40},${((i * 37) % 11) / 10},${i % 40 < 20 ? "low" : "high"}`);
file("shops.csv", `shop,x,price\n${lines.join("\n")}\n`);

test("--encode embedding: trained, shown, checked, used again, and what was never seen is no error", async () => {
  const trained = await gradus(["train", "shops.csv", "--target", "price", "--encode", "embedding", "--layers", "8", "--epochs", "60"]);
  expect([trained.status, trained.err]).toEqual([0, ""]);
  expect(trained.out).toMatch(/shop: \d+ categories become learnt vectors of \d+;/);
  expect(trained.out).toMatch(/transforms +embedding 1, standardise 1 → 2 inputs/);
  const [run] = runs() as [string];
  const shown = await gradus(["show", `runs/${run}`]);
  expect(shown.out).toMatch(/categoryEmbedding_1 .*\d+ categories → \d+ units/);
  const checked = await gradus(["check", `runs/${run}`]);
  expect([checked.status, checked.err]).toEqual([0, ""]);
  file("new.csv", "shop,x\nc3,0.2\nc33,0.2\nnever,0.2\n,0.2\n");
  const { status, out } = await gradus(["predict", `runs/${run}`, "new.csv"]);
  expect(status).toBe(0);
  expect(
    out
      .split("\n")
      .slice(1, 3)
      .map((line) => line.split(",")[0]),
  ).toEqual(["low", "high"]);
  expect(out.trim().split("\n")).toHaveLength(5);
  const resolved = readFileSync(`runs/${run}/experiment.json`, "utf8");
  expect(resolved).toMatch(/"encode": ?"embedding"/);
});

test("dimension and encode have ranges", async () => {
  const yaml = (text: string) => file("e.yaml", `data: { path: shops.csv, target: price }\ntransforms: { default: ${text} }\n`);
  const { err } = await gradus(["train", "--experiment", yaml("{ encode: embeding }")]);
  expect(err).toContain("one of oneHot, embedding");
  expect((await gradus(["train", "--experiment", yaml("{ encode: embedding, dimension: 0 }")])).err).toMatch(
    /transforms\.default\.dimension.*found 0/,
  );
});

test("--target-transform yeoJohnson: predictions, figures and model.onnx are in the target's own unit", async () => {
  const rows = Array.from({ length: 200 }, (_, i) => `${i % 50},${(Math.exp((i % 50) / 8) - 2).toFixed(3)}`);
  file("skewed.csv", `x,y\n${rows.join("\n")}\n`);
  const line = "train skewed.csv --target y --target-transform yeoJohnson --accept duplicates --epochs 60 --out power";
  const trained = await gradus(line.split(" "));
  expect([trained.status, trained.err]).toEqual([0, ""]);
  expect(trained.out).toMatch(/y enters by Yeo and Johnson's power, λ = -?[\d.]+/);
  file("few.csv", "x\n0\n24\n49\n");
  const { out } = await gradus(["predict", "power", "few.csv"]);
  const found = out
    .trim()
    .split("\n")
    .slice(1)
    .map((cells) => Number(cells.split(",")[0]));
  [-1, Math.exp(3) - 2, Math.exp(49 / 8) - 2].forEach((amount, i) =>
    expect(Math.abs(found[i]! - amount)).toBeLessThan(0.3 * Math.max(2, amount)),
  );
  const evaluated = await gradus(["evaluate", "power", file("other.csv", `x,y\n${rows.slice(3, 40).join("\n")}\n`)]);
  expect([evaluated.status, evaluated.err]).toEqual([0, ""]);
  expect(evaluated.out).toContain("the mean of the powers");
});
