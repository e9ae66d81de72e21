import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { gradusJson, root, workFolder } from "./support.ts";

workFolder();

const example = (name: string) =>
  execFileSync(
    process.execPath,
    ["--conditions=gradus-source", "--import", join(root, "node_modules/tsx/dist/esm/index.mjs"), join(root, "examples", name)],
    { encoding: "utf8", cwd: root },
  );

test("examples/train.ts trains through the library, imported by its name", () => {
  expect(example("train.ts")).toMatch(
    /^validation error [\d.]+ % \(95 % interval .* n = 69\)\nalways "Adelie": 56.5 %\ntest error [\d.]+ %\n$/,
  );
});

test("examples/own-graph.ts descends, through gradus/graph", () => {
  const losses = [...example("own-graph.ts").matchAll(/J = ([\d.]+)/g)].map(([, loss]) => Number(loss));
  expect(losses[0]).toBeCloseTo(Math.log(2), 4);
  expect(losses).toEqual(losses.toSorted((a, b) => b - a));
});

test("examples/penguins.yaml is an experiment", async () => {
  const { status, result } = await gradusJson(["train", "--experiment", join(root, "examples/penguins.yaml"), "--out", "penguins"]);
  expect(status).toBe(0);
  expect(result["metrics"].validation.error.value).toBeLessThan(0.1);
});

test("examples/signal.ts gives the lecture's numbers, and the picture of docs/check.md", () => {
  const picture = join(process.cwd(), "signal.svg");
  const out = execFileSync(
    process.execPath,
    [
      "--conditions=gradus-source",
      "--import",
      join(root, "node_modules/tsx/dist/esm/index.mjs"),
      join(root, "examples/signal.ts"),
      picture,
    ],
    { encoding: "utf8", cwd: root },
  );
  expect(out).toContain("W = 1.5·I: × 1.5 a layer, × 38.443359375 after nine\nW = 0.5·I: × 0.5 a layer, × 0.001953125 after nine\n");
  expect(out).toContain("linear layers, variance 1/n: × 1.00 a layer");
  expect(readFileSync(picture, "utf8")).toBe(readFileSync(join(root, "docs/images/signal.svg"), "utf8"));
});
