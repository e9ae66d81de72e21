/** `gradus train --profile`: tables, files of the run, lines of JSON; and the same weights. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { gradus, gradusJson, penguins, workFolder } from "./support.ts";

workFolder();

const training = (out: string, ...more: string[]) => [
  "train",
  penguins,
  "--target",
  "species",
  "--epochs",
  "3",
  "--out",
  out,
  "--no-audit",
  ...more,
];

test("a profile is told, kept with the run, and changes no weight", async () => {
  const told = await gradus(training("timed", "--profile"));
  expect(told.err).toBe("");
  expect(told.status).toBe(0);
  expect(told.out).toMatch(/profile {10}\d\S* s in 39 steps and 3 epochs/);
  for (const phase of ["data", "forward", "backward", "optimizer", "monitors", "evaluation", "checkpoints", "preparation", "overhead"])
    expect(told.out).toMatch(new RegExp(`^ {2}${phase} +\\d+\\.\\d % +\\S+ ms +\\S.* ms$`, "m"));
  expect(told.out).toMatch(/^ {2}operator +of calls +a step +runs +phase$/m);
  expect(told.out).toMatch(/^ {2}dense_1 +\S+ ms +\S+ ms +\S+ ms$/m);
  expect(told.out).toContain("timed/trace.json");
  const profile = JSON.parse(readFileSync("timed/profile.json", "utf8")) as { steps: number; phases: { share: number }[] };
  expect(profile.steps).toBe(39);
  expect(profile.phases.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 6);
  const trace = JSON.parse(readFileSync("timed/trace.json", "utf8")) as { traceEvents: { ph: string; ts?: number; dur?: number }[] };
  for (const { ph, ts, dur } of trace.traceEvents) expect(ph === "M" || (ts! >= 0 && dur! >= 0)).toBe(true);

  const plain = await gradusJson(training("plain"));
  expect(plain.status).toBe(0);
  expect(plain.lines.map(({ type }) => type)).not.toContain("profile");
  expect(readFileSync("timed/model.safetensors").equals(readFileSync("plain/model.safetensors"))).toBe(true);
});

test("--json has it as a line before the result", async () => {
  const { status, lines } = await gradusJson(training("lines", "--profile"));
  expect(status).toBe(0);
  expect(lines.at(-2)).toMatchObject({ type: "profile", steps: 39, epochs: 3 });
});
