/** The rules on the command line: before a training, in `gradus check`, their exit status, and that they change no weight. */
import type { Value } from "../../src/ir/graph.ts";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ops } from "../../src/ops/build.ts";
import { withActivation } from "../preflight/planted.ts";
import { file, gradus, gradusJson, penguins, table, workFolder } from "./support.ts";

workFolder();
const data = ["train", penguins, "--target", "species", "--epochs", "2"];
const bad = file(
  "bad.yaml",
  `data: { path: ${penguins}, target: species }\nmodel: { layers: [16, 16], activation: identity, keepProbability: 0.2 }\nepochs: 1\n`,
);

describe("gradus train", () => {
  test("says in one line what it checked, and nothing else where nothing is found", async () => {
    const { status, out } = await gradus([...data, "--out", "clean"]);
    expect(status).toBe(0);
    expect(out).toMatch(
      /\n {2}checked {10}before training: loss 1\.\d+, expected log 3 = 1\.1 · signal × [\d.]+ a layer, gradient × [\d.]+ back · 9 rules, nothing found\n\n/,
    );
    expect(out).not.toMatch(/\n {2}(warning|wrong|note) /);
  });

  test("a line for each thing that is found, what to do below it", async () => {
    const { status, out } = await gradus(["train", "--experiment", bad, "--out", "bad"]);
    expect(status).toBe(0);
    expect(out).toMatch(
      /\n {2}warning {10}nothing bends the signal between dense_1 and dense_2: together they are one linear layer\n {19}put activation\("relu"\)/,
    );
    expect(out).toMatch(/\n {2}warning {10}dropout_1 keeps 0\.2 of its units, below 0\.5\n/);
    expect(out).toMatch(/\n {2}checked {10}before training: .* 9 rules\n/);
    const { findings } = JSON.parse(readFileSync("bad/result.json", "utf8")) as { findings: { rule: string; severity: string }[] };
    expect(new Set(findings.map(({ rule }) => rule))).toEqual(new Set(["missing-activation", "keep-probability"]));
  });

  test("--json: an event with every rule's numbers, and what did not pass in the result", async () => {
    const { lines, result } = await gradusJson([...data, "--out", "json"]);
    const event = lines.find(({ type }) => type === "preflight") as unknown as {
      checked: string[];
      findings: { rule: string; numbers: object }[];
      seconds: number;
    };
    expect(event.checked).toContain("loss at start");
    expect(event.findings.find(({ rule }) => rule === "initial-loss")!.numbers).toMatchObject({ constant: Math.log(3) });
    expect(event.seconds).toBeLessThan(5);
    expect(result["findings"]).toEqual([]);
  });

  test("--no-preflight leaves them out, and the weights are the same to the bit", async () => {
    const { lines, result } = await gradusJson([...data, "--no-preflight", "--no-audit", "--out", "unchecked"]);
    expect(lines.map(({ type }) => type)).not.toContain("preflight");
    expect(lines.map(({ type }) => type)).not.toContain("audit");
    expect(result["findings"]).toEqual([]);
    expect(readFileSync("unchecked/model.safetensors").equals(readFileSync("clean/model.safetensors"))).toBe(true);
  });
});

describe("gradus check", () => {
  test("every rule with what it saw, then the gradients; exit 0", async () => {
    file("amounts.csv", table(120));
    file("amounts.yaml", "data: { path: amounts.csv, target: amount, drop: [label] }\nmodel: { layers: [24] }\n");
    const { status, out } = await gradus(["check", "amounts.yaml", "--fast", "--signal", "signal.svg"]);
    expect(status).toBe(0);
    expect(out).toMatch(/^ {2}before training {2}13 rules on 72 of 72 training rows\n/);
    expect(out).toMatch(/\n {2}loss at start {4}[\d.]+, expected Var\(y\) = [\d.]+\n/);
    expect(out).toMatch(/\n {2}one batch fits {3}32 examples learnt by heart in \d+ steps \(R² 0\.99\d*\)\n/);
    expect(out).toMatch(/\n {2}inputs matter {4}loss .* with the inputs, .* with zeros in their place/);
    expect(out).toMatch(/\n {2}gradient check /);
    expect(out).toMatch(/\n {2}before training {2}13 right\n$/);
    expect(readFileSync("signal.svg", "utf8")).toMatch(/^<svg/);
  });

  test("a failed rule: exit 1 although the gradients are right, the rule by name", async () => {
    const check = () =>
      gradus(["check", file("tanh.yaml", `data: { path: ${penguins}, target: species }\nmodel: { activation: tanh }\n`), "--fast"]);
    const mixed = (z: Value) => ops.Tanh(ops.Sub(z, ops.ReduceMean(z, { axes: [0] })));
    const { status, out } = await withActivation("tanh", mixed, check);
    expect(status).toBe(1);
    expect(out).toMatch(
      /\n {2}examples apart {3}wrong: tanh_1 mixes the batch: with other examples beside it an example's own numbers change by [\d.]+ %\n/,
    );
    expect(out).toMatch(/\n {2}gradients {8}right/);
    expect(out).toMatch(/\n {2}before training {2}12 right · wrong: batch-independence\n$/);
  });

  test("--json: the event, the findings, passed; --no-preflight gives the gradients alone", async () => {
    const { status, lines, result } = await gradusJson(["check", bad, "--fast"]);
    expect(status).toBe(0);
    expect(lines[0]).toMatchObject({ type: "preflight" });
    expect(new Set((result["findings"] as { rule: string }[]).map(({ rule }) => rule))).toEqual(
      new Set(["missing-activation", "keep-probability"]),
    );
    expect(result["passed"]).toBe(true);
    const alone = await gradusJson(["check", bad, "--fast", "--no-preflight"]);
    expect(alone.lines.map(({ type }) => type)).not.toContain("preflight");
    expect(alone.result["findings"]).toEqual([]);
  });

  test("a picture that cannot be written is said", async () => {
    const { status, err } = await gradus(["check", bad, "--fast", "--signal", "no/where.svg"]);
    expect(status).toBe(2);
    expect(err).toMatch(/the picture no\/where\.svg cannot be written \(ENOENT\)/);
    expect(existsSync("no")).toBe(false);
  });
});
