/** Importing loads no runtime; compiling does. */
import { build } from "esbuild";
import { expect, test } from "vitest";

async function imports(entry: string, platform: "node" | "browser"): Promise<Set<string>> {
  const { metafile } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform,
    conditions: ["gradus-source"],
    external: ["onnxruntime-*"],
  });
  const found = Object.values(metafile.outputs).flatMap((output) => output.imports);
  return new Set(found.filter(({ path }) => !path.startsWith("node:")).map(({ kind, path }) => `${kind} ${path}`));
}

test("the platform's executor imports its runtime when a graph is compiled, and no other", async () => {
  expect(await imports("src/exec/executor.ts", "node")).toEqual(new Set(["dynamic-import onnxruntime-node"]));
  expect(await imports("src/exec/executor.ts", "browser")).toEqual(
    new Set(["dynamic-import onnxruntime-web/wasm", "dynamic-import onnxruntime-web/webgpu"]),
  );
});

test("graphs, files and the interpreter import no runtime at all", async () => {
  for (const entry of ["src/onnx/read.ts", "src/onnx/write.ts", "src/exec/reference.ts", "src/exec/memory.ts"]) {
    expect(await imports(entry, "node"), entry).toEqual(new Set());
  }
});
