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
