// Compiles the optimizer kernels (AssemblyScript) and writes them as a base64 module: `npm run build:kernels`.
import { writeFile } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import asc from "assemblyscript/asc";

const folder = fileURLToPath(new URL("../src/optim/kernels/", import.meta.url));
const output = `${folder}kernels.wasm.ts`;

/** @returns {Promise<Uint8Array>} the compiled module */
export async function compileKernels() {
  const options = ["-O3", "--enable", "simd", "--runtime", "stub", "--importMemory", "--noAssert"];
  let binary;
  const { error, stderr } = await asc.main(["kernels.as.ts", "--baseDir", folder, ...options, "--outFile", "kernels.wasm"], {
    writeFile: (_name, contents) => {
      binary = contents;
    },
  });
  if (error) throw new Error(`kernels.as.ts does not compile: ${error.message}\n${stderr.toString()}`);
  return binary;
}

/** @param {Uint8Array} binary @returns {string} the text of kernels.wasm.ts */
export function kernelsModule(binary) {
  const lines = Buffer.from(binary)
    .toString("base64")
    .match(/.{1,116}/g);
  return [
    "// Generated from kernels.as.ts by `npm run build:kernels`; do not edit.",
    `/** The compiled kernels, ${binary.length} bytes of WebAssembly, in base64. */`,
    `export const kernelsBase64 =\n${lines.map((line) => `  "${line}"`).join(" +\n")};`,
    "",
  ].join("\n");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const binary = await compileKernels();
  await writeFile(output, kernelsModule(binary));
  console.log(`${output}: ${binary.length} bytes of WebAssembly`);
}
