/** `gradus check`: an experiment, a run, events, a picture, a planted fault, bad input. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { withRule } from "../check/planted.ts";
import { file, gradus, gradusJson, penguins, workFolder } from "./support.ts";

workFolder();
const experiment = file(
  "penguins.yaml",
  `data: { path: ${penguins}, target: species }\nmodel: { layers: [6, 5], activation: tanh }\nepochs: 2\n`,
);

describe("gradus check", () => {
  test("an experiment: a table, both moments, the verdict", async () => {
    const { status, out, err } = await gradus(["check", experiment, "--examples", "8"]);
    expect({ status, err }).toEqual({ status: 0, err: "" });
    expect(out).toMatch(/gradient check +penguins\.yaml · 125 parameters in 6 tensors/);
    expect(out).toMatch(/on +8 of 206 training rows · ONNX Runtime, float64/);
    expect(out).toMatch(/dense_1\/W +66 .* right/);
    expect(out).toMatch(/at the start: right · relative error .*very likely right/);
    expect(out).toMatch(/after 20 steps: right/);
  });

  test("a run: at its trained weights too; events as the schema says; a picture", async () => {
    await gradus(["train", "--experiment", experiment, "--out", "run"]);
    const { status, lines, result } = await gradusJson(["check", "run", "--fast", "--picture", "run.svg"]);
    expect(status).toBe(0);
    expect(lines.map(({ type, moment }) => moment ?? type)).toEqual(["preflight", "at the start", "after 20 steps", "trained", "result"]);
    expect(result).toMatchObject({ command: "check", subject: "run", passed: true, checks: 3, parameters: 125, picture: "run.svg" });
    expect(existsSync("run.svg") && readFileSync("run.svg", "utf8").startsWith("<svg")).toBe(true);
  });

  test("a wrong rule: exit 1, the tensors and the place by name", async () => {
    const wrong = () => gradus(["check", experiment, "--examples", "8"]);
    const { status, out } = await withRule("Tanh", ([d], { ops }) => [ops.Mul(d!, 1.1)], wrong);
    expect(status).toBe(1);
    expect(out).toMatch(/dense_2\/b .* wrong/);
    expect(out).toMatch(/where +Tanh in tanh_2: what comes in from the loss is right, what it hands back to its input 0 is off by 0\.0476/);
    expect(out).toMatch(/gradients +wrong/);
  });

  test("refuses what it cannot use", async () => {
    for (const [argv, message] of [
      [["check"], /missing required argument/],
      [["check", "nothing.yaml"], /the experiment file nothing\.yaml does not exist/],
      [["check", experiment, "--examples", "0"], /--examples must be a whole number from 1 to 2048, found "0"/],
      [["check", experiment, "--step", "2"], /--step must be a number from 1e-12 to 0\.1, found "2"/],
      [["check", experiment, "--step", "1e-18"], /--step must be .* found "1e-18"/],
      [["check", experiment, "--fast", "--picture", "no/where.svg"], /the picture no\/where\.svg cannot be written \(ENOENT\)/],
      [["check", experiment, "--picture", "penguins.yaml/where.svg"], /cannot be written \(ENOTDIR\)/],
      [["check", experiment, "--signal", "."], /the picture \. cannot be written \(EISDIR\)/],
    ] as const) {
      const { status, out, err } = await gradus(argv);
      expect({ status, out }).toEqual({ status: 2, out: "" });
      expect(err).toMatch(message);
    }
  });
});
