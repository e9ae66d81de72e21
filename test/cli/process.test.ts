import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { file, gradusProcess, penguins, root, table, workFolder } from "./support.ts";

const folder = workFolder();

/** Waits for text on a process's output. */
async function until(check: () => boolean): Promise<void> {
  for (let i = 0; i < 600 && !check(); i++) await new Promise((next) => setTimeout(next, 50));
}

test("Ctrl-C saves the best weights, reports, and exits with 130", async () => {
  file("long.csv", table(3000));
  const { child, done, soFar } = gradusProcess([
    "train",
    "long.csv",
    "--target",
    "label",
    "--epochs",
    "100000",
    "--out",
    "stopped",
    "--json",
  ]);
  await until(() => soFar().includes('"epoch":3,'));
  child.kill("SIGINT");
  const { status, out } = await done;
  expect(status).toBe(130);
  const result = JSON.parse(out.trimEnd().split("\n").at(-1)!) as { type: string; reason: string; run: string };
  expect(result).toMatchObject({ type: "result", reason: "interrupted", run: "stopped" });
  expect(existsSync("stopped/model.onnx")).toBe(true);
});

test("Ctrl-C before the first step leaves nothing behind", async () => {
  const { child, done, soFar } = gradusProcess(["train", "long.csv", "--target", "label", "--epochs", "100000", "--json"]);
  await until(() => soFar().includes('"type":"data"'));
  child.kill("SIGINT");
  child.kill("SIGINT");
  const { status } = await done;
  expect(status).toBe(130);
  expect(existsSync("runs") ? readdirSync("runs") : []).toEqual([]);
});

test("two runs give the same weights to the bit, whatever the number of threads", async () => {
  const train = (out: string, threads: string) =>
    gradusProcess([
      "train",
      penguins,
      "--target",
      "species",
      "--epochs",
      "20",
      "--layers",
      "96,48",
      "--threads",
      threads,
      "--out",
      out,
      "--json",
    ]).done;
  for (const [out, threads] of [
    ["one", "1"],
    ["two", "2"],
    ["two-again", "2"],
  ] as const)
    expect((await train(out, threads)).status).toBe(0);
  const bytes = (run: string) => readFileSync(join(run, "model.safetensors"));
  expect(bytes("two").equals(bytes("one"))).toBe(true);
  expect(bytes("two-again").equals(bytes("one"))).toBe(true);
});

test("the same holds for a network beyond the size that trains inside Scan", async () => {
  file("wide.csv", table(600));
  const train = (out: string, threads: string) =>
    gradusProcess([
      "train",
      "wide.csv",
      "--target",
      "label",
      "--epochs",
      "3",
      "--layers",
      "300,200",
      "--threads",
      threads,
      "--out",
      out,
      "--json",
    ]).done;
  for (const [out, threads] of [
    ["wide-1", "1"],
    ["wide-2", "2"],
  ] as const)
    expect((await train(out, threads)).status).toBe(0);
  expect(readFileSync("wide-2/model.safetensors").equals(readFileSync("wide-1/model.safetensors"))).toBe(true);
});

test("help answers without loading a runtime, a database or a schema library", async () => {
  const listing = join(folder, "loaded.txt");
  const preload = file(
    join(folder, "loaded.mjs"),
    `import { register } from "node:module";
     import { writeFileSync } from "node:fs";
     writeFileSync(${JSON.stringify(listing)}, "");
     register("data:text/javascript," + encodeURIComponent(\`
       import { appendFileSync } from "node:fs";
       export async function load(url, context, next) { appendFileSync(${JSON.stringify(listing)}, url + "\\\\n"); return next(url, context); }
     \`));\n`,
  );
  const { status, out } = await gradusProcess(["--help"], { preload }).done;
  expect(status).toBe(0);
  expect(out).toMatch(/Commands:\n {2}train \[options\] \[data\] {2,}train a network/);
  const loaded = readFileSync(listing, "utf8");
  expect(loaded).toContain("program.ts");
  for (const heavy of ["onnxruntime", "duckdb", "/zod/", "/yaml/", "/src/train/", "/src/ops/"]) expect(loaded).not.toContain(heavy);
});

test("importing the library loads no executor and no database", async () => {
  const { execFileSync } = await import("node:child_process");
  const script = `
    const { mlp } = await import(${JSON.stringify(join(root, "src/index.ts"))});
    const graph = await import(${JSON.stringify(join(root, "src/graph.ts"))});
    mlp(); graph.input("x", "float32", [1]);
    const native = process.report.getReport().sharedObjects.filter((path) => /onnxruntime|duckdb/.test(path));
    console.log(JSON.stringify(native));`;
  const args = [
    "--conditions=gradus-source",
    "--import",
    join(root, "node_modules/tsx/dist/esm/index.mjs"),
    "--input-type=module",
    "-e",
    script,
  ];
  expect(JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }))).toEqual([]);
});

test("a training whose output closes early goes on, and saves its run", async () => {
  file("piped.csv", table(300));
  const args = ["train", "piped.csv", "--target", "label", "--epochs", "40", "--out", "piped", "--json"];
  const { child, done, soFar } = gradusProcess(args);
  await until(() => soFar().includes('"type":"data"'));
  child.stdout!.destroy();
  const { status, err } = await done;
  expect([status, err]).toEqual([0, ""]);
  expect(existsSync("piped/model.onnx")).toBe(true);
  expect(readdirSync(".").filter((name) => name.endsWith(".partial"))).toEqual([]);
});

test("SIGTERM keeps the best weights too", async () => {
  const args = ["train", "long.csv", "--target", "label", "--epochs", "100000", "--out", "ended", "--json"];
  const { child, done, soFar } = gradusProcess(args);
  await until(() => soFar().includes('"epoch":3,'));
  child.kill("SIGTERM");
  expect((await done).status).toBe(130);
  expect(existsSync("ended/model.onnx")).toBe(true);
});

test("output into a pipe that closes early is no error", async () => {
  const { child, done } = gradusProcess(["train", "--help"]);
  child.stdout!.destroy();
  const { status, err } = await done;
  expect([status, err]).toEqual([0, ""]);
});

test("an interruption while predictions are written leaves no file, and the one before as it was", async () => {
  const trained = ["train", "long.csv", "--target", "label", "--drop", "amount", "--epochs", "1", "--layers", "none", "--out", "writer"];
  expect((await gradusProcess(trained).done).status).toBe(0);
  file("many.csv", table(100_000));
  const partials = () => readdirSync(".").filter((name) => name.endsWith(".partial"));
  for (const before of [undefined, "as it was"]) {
    if (before !== undefined) file("predictions.csv", before);
    const { child, done } = gradusProcess(["predict", "writer", "many.csv", "--out", "predictions.csv"]);
    for (let i = 0; i < 20_000 && partials().length === 0; i++) await new Promise((next) => setTimeout(next, 2));
    expect(partials()).toHaveLength(1);
    child.kill("SIGINT");
    expect((await done).status).toBe(130);
    expect(partials()).toEqual([]);
    expect(existsSync("predictions.csv") ? readFileSync("predictions.csv", "utf8") : undefined).toBe(before);
  }
});
