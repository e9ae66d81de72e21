/** Programs in the docs run as they stand, and print what their comments say. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { transformSync } from "esbuild";
import { expect, test } from "vitest";
import { root } from "./support.ts";

/** The first program under a heading. */
function programUnder(page: string, heading: string): string {
  const text = readFileSync(join(root, "docs", page), "utf8");
  const found = text.split(`\n${heading}\n`)[1]?.match(/```ts\n([^]*?)```/)?.[1];
  if (!found) throw new Error(`${page} has no program under ${heading}`);
  return found;
}

function run(program: string): string[] {
  const { code } = transformSync(program, { loader: "ts", format: "esm" });
  const found = spawnSync(
    process.execPath,
    ["--conditions=gradus-source", "--import", join(root, "node_modules/tsx/dist/esm/index.mjs"), "--input-type=module", "-e", code],
    { encoding: "utf8", cwd: root },
  );
  expect(found.stderr).toBe("");
  return found.stdout.trimEnd().split("\n");
}

/** Comments behind a `console.log`, or in lines of their own after the last one. */
function promised(program: string): string[] {
  return program.split("\n").flatMap((line) => {
    const said = /console\.log\(.*\); \/\/ (.*)$/.exec(line)?.[1] ?? /^\/\/ ((?:true|at the start).*)$/.exec(line)?.[1];
    return said ?? [];
  });
}

for (const heading of ["### A loss of your own", "### A layer of your own", "### A network on data"]) {
  test(`docs/check.md, ${heading.slice(4)}`, () => {
    const program = programUnder("check.md", heading);
    const said = promised(program);
    expect(said.length).toBeGreaterThan(0);
    const printed = run(program);
    expect(printed.slice(0, said.length)).toEqual(said);
    for (const line of printed.slice(said.length)) expect(line).toMatch(/ true$/);
  });
}

test("docs/networks.md, a layer of one's own: trained, saved, loaded", () => {
  const program = `${programUnder("networks.md", "## Layers of your own")}
console.log(JSON.stringify(description.network.layers[1]), model.theta.length === run.theta.length, run.metrics.validation.error.value < 0.1);`;
  expect(run(program)).toEqual(['{"kind":"scaled","start":0.5} true true']);
});
