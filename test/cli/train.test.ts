import { existsSync, readFileSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { file, gradus, gradusJson, penguins, runs, table, workFolder } from "./support.ts";

workFolder();

test("a training reads as a report: data, split, model, progress, closing table, what next", async () => {
  const { status, out, err } = await gradus(["train", penguins, "--target", "species", "--epochs", "12", "--out", "reported"]);
  expect(err).toBe("");
  expect(status).toBe(0);
  expect(out).toMatch(/^ {2}penguins.csv {5}344 rows · 7 columns \(5 numeric, 2 categorical\) · target species: Adelie 44.2 %/);
  expect(out).toContain("task             classification: the target's values are text");
  expect(out).toMatch(/split {12}\S+ stratified, seed 1 → 206 \/ 69 \/ 69/);
  expect(out).toMatch(/transforms .* → 11 inputs · fitted on the training part, saved with the model/);
  expect(out).toContain("model            11 → 64 → 32 → 3 · ReLU · He and LeCun initialisation · 2 947 parameters");
  expect(out).toMatch(/epoch 12\/12 {3}train loss \d/);
  expect(out).toMatch(/loss .*── train {3}━━ validation {3}▲ weights kept/);
  expect(out).toMatch(/finished {9}12 epochs in .*; weights of epoch \d+ kept \(lowest validation loss\)/);
  expect(out).toMatch(
    /error {5}95 % interval {4}n\n {2}train .* – .* 206\n {2}validation .* 69\n {2}test {13}locked {4}\(gradus evaluate reported --test\)\n {2}always "Adelie"/,
  );
  expect(out).toMatch(/run {14}reported/);
  expect(out).toMatch(/next {13}gradus predict reported /);
  expect(out).not.toMatch(new RegExp(String.fromCharCode(27)));
});

test("the run folder holds what docs/run-folder.md says, and nothing else", async () => {
  expect(readdirSync("reported").toSorted()).toEqual([
    "experiment.json",
    "health.json",
    "metrics.jsonl",
    "model.json",
    "model.onnx",
    "model.safetensors",
    "result.json",
    "split.json",
    "status.json",
  ]);
  const documented = readFileSync(new URL("../../docs/run-folder.md", import.meta.url), "utf8");
  for (const name of readdirSync("reported")) expect(documented).toContain(`\`${name}\``);
  const experiment = JSON.parse(readFileSync("reported/experiment.json", "utf8")) as Record<string, unknown>;
  expect(experiment).toMatchObject({
    data: { target: "species", task: "classification" },
    model: { layers: [64, 32], activation: "relu" },
    loss: "categoricalCrossEntropy",
    optimizer: { kind: "adamw", learningRate: 0.003, beta1: 0.9, beta2: 0.999, weightDecay: 0.2 },
    batchSize: 16,
    epochs: 12,
    seed: 1,
  });
  const split = JSON.parse(readFileSync("reported/split.json", "utf8")) as { parts: string; rows: number };
  expect(split.parts).toHaveLength(344);
  expect([...split.parts].filter((letter) => letter === "t")).toHaveLength(69);
  expect(readFileSync("reported/metrics.jsonl", "utf8").trim().split("\n")).toHaveLength(13);
});

test("the stored experiment gives the same run again, from its own place", async () => {
  const again = await gradus(["train", "--experiment", "reported/experiment.json", "--out", "again"]);
  expect(again.status).toBe(0);
  expect(readFileSync("again/model.safetensors").equals(readFileSync("reported/model.safetensors"))).toBe(true);
  expect(readFileSync("again/experiment.json", "utf8")).toBe(readFileSync("reported/experiment.json", "utf8"));
});

test("--json prints one object a line, the last the result", async () => {
  const { status, lines, result } = await gradusJson(["train", penguins, "--target", "species", "--epochs", "4", "--out", "json"]);
  expect(status).toBe(0);
  expect(lines.map(({ type }) => type)).toEqual([
    "data",
    "split",
    "audit",
    "transforms",
    "model",
    "preflight",
    ...Array<string>(5).fill("epoch"),
    "result",
  ]);
  expect(result).toMatchObject({
    command: "train",
    run: "json",
    task: "classification",
    parameters: 2947,
    rows: { train: 206, validation: 69, test: 69 },
  });
  for (const part of ["train", "validation"] as const) {
    const { value, low, high, n } = result["metrics"][part].error as Record<string, number>;
    expect(low).toBeLessThanOrEqual(value!);
    expect(high).toBeGreaterThanOrEqual(value!);
    expect(n).toBe(part === "train" ? 206 : 69);
  }
  expect(JSON.parse(readFileSync("json/result.json", "utf8"))).toEqual(result);
});

test("regression reports R² and rmse in the target's unit; under --target-transform log on both scales", async () => {
  file("amounts.csv", table(300));
  const plain = await gradusJson(["train", "amounts.csv", "--target", "amount", "--drop", "label", "--epochs", "60", "--out", "amounts"]);
  expect(plain.result).toMatchObject({ task: "regression", baseline: { name: "the mean" } });
  expect(plain.result["metrics"].validation.r2.value).toBeGreaterThan(0.95);
  expect(plain.result["metrics"].validation.rmse.value).toBeLessThan(plain.result["baseline"].metrics.rmse.value / 3);
  const log = await gradusJson([
    "train",
    "amounts.csv",
    "--target",
    "amount",
    "--drop",
    "label",
    "--epochs",
    "60",
    "--target-transform",
    "log",
    "--out",
    "logs",
  ]);
  expect(Object.keys(log.result["metrics"].validation)).toEqual(["r2", "rmse", "r2_log", "rmse_log", "loss"]);
  expect(log.result["metrics"].validation.r2_log.value).toBeGreaterThan(0.9);
});

test("without hidden layers it is logistic regression, and a target may be an expression", async () => {
  file("expression.csv", table(200));
  const { status, out } = await gradus([
    "train",
    "expression.csv",
    "--target",
    "amount > 10",
    "--layers",
    "none",
    "--epochs",
    "5",
    "--out",
    "expression",
  ]);
  expect(status).toBe(0);
  expect(out).toMatch(/model .* → 1 · logistic regression · LeCun initialisation/);
  expect(out).toMatch(/target amount > 10: /);
});

test("flags win over the experiment file, whose paths start at its own folder", async () => {
  file("small.csv", table(120));
  file(
    "experiment.yaml",
    "data: { path: small.csv, target: label, drop: [amount] }\nmodel: { layers: [8] }\nepochs: 3\noptimizer: { kind: momentum, momentum: 0.8 }\n",
  );
  const { status, lines } = await gradusJson([
    "train",
    "--experiment",
    "experiment.yaml",
    "--epochs",
    "2",
    "--layers",
    "4,4",
    "--out",
    "flags",
  ]);
  expect(status).toBe(0);
  expect(lines.find(({ type }) => type === "model")).toMatchObject({ units: [5, 4, 4, 1], optimizer: "momentum", epochs: 2 });
  expect(JSON.parse(readFileSync("flags/experiment.json", "utf8"))).toMatchObject({ optimizer: { momentum: 0.8 } });
});

test("on a screen the progress line is rewritten in place, in colour unless NO_COLOR", async () => {
  const escape = String.fromCharCode(27);
  const live = await gradus(["train", penguins, "--target", "species", "--epochs", "30", "--out", "live"], { screen: 100 });
  expect(live.out).toContain(`\r${escape}[2K  epoch `);
  expect(live.out).toContain(`${escape}[1m`);
  const widest = Math.max(
    ...live.out.split(/[\r\n]/).map((line) => line.replaceAll(new RegExp(`${escape}\\[[0-9;]*[A-Za-z]`, "g"), "").length),
  );
  expect(widest).toBeLessThanOrEqual(100);
  const plain = await gradus(["train", penguins, "--target", "species", "--epochs", "3", "--out", "plain"], {
    screen: 100,
    env: { NO_COLOR: "1" },
  });
  expect(plain.out).not.toContain(`${escape}[1m`);
});

test("without --out the run gets two words under runs/", async () => {
  file("named.csv", table(60));
  const { result } = await gradusJson(["train", "named.csv", "--target", "label", "--epochs", "1"]);
  expect(result["run"]).toMatch(/^runs\/[a-z]+-[a-z]+$/);
  expect(runs()).toEqual([(result["run"] as string).slice(5)]);
});

test("a training that diverges stops, names step and tensor, keeps the last good weights, and exits with 1", async () => {
  file("wild.csv", table(200));
  const argv = [
    "train",
    "wild.csv",
    "--target",
    "label",
    "--optimizer",
    "sgd",
    "--learning-rate",
    "1e20",
    "--epochs",
    "5",
    "--out",
    "wild",
  ];
  const { status, result } = await gradusJson(argv);
  expect(status).toBe(1);
  expect(result).toMatchObject({ reason: "diverged", run: "wild", epochs: { best: 0 }, error: { exit: 1 } });
  expect(result["finding"].step).toBeGreaterThan(0);
  expect(result["error"].message).toMatch(/^the training diverged at step \d+: .+ is not finite\.$/);
  expect(result["error"].hint).toBe(
    "lower the learning rate: --learning-rate 0.1, or let it try again at half of it: --on-divergence halve",
  );
  expect(existsSync("wild/model.onnx")).toBe(true);
  const predicted = await gradus(["predict", "wild", "wild.csv"]);
  expect(predicted.out).not.toMatch(/NaN|Infinity/);
  const told = await gradus([...argv.slice(0, -1), "wild2"]);
  expect(told.status).toBe(1);
  expect(told.out).toMatch(/diverged {9}step \d+: .* is not finite; weights of epoch 0 kept/);
  expect(told.err).toMatch(/^error: the training diverged at step \d+/);
});
