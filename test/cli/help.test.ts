import { expect, test } from "vitest";
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
