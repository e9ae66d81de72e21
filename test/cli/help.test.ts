import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { z } from "zod";
import { lineSchema } from "../../src/cli/json-schema.ts";
import { train } from "../../src/cli/commands/train.ts";
import { activations } from "../../src/nn/activation.ts";
import { optimizers } from "../../src/optim/optimizers/index.ts";
import { schedules } from "../../src/optim/schedules/index.ts";
import { gradus } from "./support.ts";

const describe = (flag: string) => train.options.find(({ flags }) => flags.startsWith(flag))!.description;

test("the help of train names every choice", () => {
  for (const name of Object.keys(activations)) expect(describe("--activation")).toContain(name);
  for (const name of Object.keys(optimizers)) expect(describe("--optimizer")).toContain(name);
  for (const name of Object.keys(schedules)) expect(describe("--schedule")).toContain(name);
});

test("gradus alone prints the help; every command has examples; the version is one line", async () => {
  const { status, out } = await gradus([]);
  expect(status).toBe(0);
  for (const name of ["train", "predict", "evaluate", "show"]) {
    expect(out).toContain(`\n  ${name} `);
    const help = await gradus([name, "--help"]);
    expect(help.status).toBe(0);
    expect(help.out).toMatch(new RegExp(`Examples\\n {2}gradus ${name} `));
    expect(help.out).toContain("--json");
  }
  expect(await gradus(["--version"])).toEqual({ status: 0, out: "0.0.0\n", err: "" });
});

test("docs/json-output.md names every key of the schema", () => {
  const documented = readFileSync(new URL("../../docs/json-output.md", import.meta.url), "utf8");
  const keys = new Set<string>();
  const visit = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    if ("properties" in node) for (const key of Object.keys(node.properties as object)) keys.add(key);
    Object.values(node).forEach(visit);
  };
  visit(z.toJSONSchema(lineSchema));
  for (const key of keys) expect(documented, key).toMatch(new RegExp(`\`(metrics\\.)?${key}\`|[{,] ${key}[ ,]|"${key}"`));
});
