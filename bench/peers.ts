/** The libraries that are compared: how each is started, and the configurations it may choose from. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import type { SpeedCase } from "./cases.ts";
import { findPython } from "./python.ts";
import type { Environment } from "./process.ts";

/** One way to run a library. */
export interface Configuration {
  readonly label: string;
  readonly environment?: Environment;
  /** Goes into the `prepare` request. */
  readonly options: Readonly<Record<string, string | number>>;
}

export interface Library {
  readonly name: string;
  readonly label: string;
  /** @throws Error saying what is missing */
  command(): Promise<readonly string[]>;
  configurations(speedCase: SpeedCase): readonly Configuration[];
  /** What a block of steps should last, in milliseconds (at least one step); undefined where it trains only as a whole. */
  readonly blockMilliseconds?: number;
  /** Whether it runs the ready architectures besides dense networks. */
  readonly architectures?: boolean;
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export const gradus: Library = {
  name: "gradus",
  label: "Gradus",
  command: async () => [process.execPath, await bundle("gradus")],
  configurations: () => [1, 2].map((threads) => ({ label: `${threads} thread${threads > 1 ? "s" : ""}`, options: { threads } })),
  blockMilliseconds: 200,
  architectures: true,
};

const torchThreads = [
  { blas: 2, omp: 1 },
  { blas: 1, omp: 2 },
  { blas: 1, omp: 1 },
  { blas: 2, omp: 2 },
];

/** `fused` exists for the CPU from PyTorch 2.4 on; a configuration that the installed version lacks drops out. */
const pytorch: Library = {
  name: "pytorch",
  label: "PyTorch",
  command: async () => [await findPython("torch"), here("peers/pytorch.py")],
  configurations: ({ architecture }) =>
    torchThreads.flatMap(({ blas, omp }) =>
      ["foreach", "loop", "fused"].flatMap((form) =>
        (architecture?.inputShape.length === 3 ? ["channels first", "channels last"] : [""]).map((memory) => ({
          label: `${form}, ${memory}${memory && ", "}OPENBLAS_NUM_THREADS=${blas}, OMP_NUM_THREADS=${omp}`,
          environment: { OPENBLAS_NUM_THREADS: String(blas), OMP_NUM_THREADS: String(omp) },
          options: { form, memory },
        })),
      ),
    ),
  blockMilliseconds: 200,
  architectures: true,
};

const jaxJs: Library = {
  name: "jax-js",
  label: "jax-js",
  command: () => nodePeer("jax-js.mjs", "@jax-js/jax"),
  configurations: () =>
    [0, 2].flatMap((workers) =>
      ["step", "two"].map((form) => ({
        label: `wasm, ${workers === 0 ? "main thread" : `${workers} workers`}, ${form === "step" ? "one jit" : "gradient and update jitted apart"}`,
        options: { workers, form },
      })),
    ),
  blockMilliseconds: 200,
};

const tfjs: Library = {
  name: "tfjs",
  label: "TensorFlow.js",
  command: () => nodePeer("tfjs.mjs", "@tensorflow/tfjs"),
  configurations: ({ layers }) => [
    { label: "wasm, 1 thread", options: { backend: "wasm", threads: 1 } },
    { label: "wasm, 2 threads", options: { backend: "wasm", threads: 2 } },
    // Several times slower than wasm on wider layers, a minute a step on the widest.
    ...(Math.max(...layers) <= 128 ? [{ label: "plain JavaScript", options: { backend: "cpu", threads: 1 } }] : []),
  ],
  blockMilliseconds: 300,
};

const scikitLearn: Library = {
  name: "scikit-learn",
  label: "scikit-learn",
  command: async () => [await findPython("sklearn"), here("peers/scikit.py")],
  configurations: () =>
    [1, 2].map((threads) => ({
      label: `OPENBLAS_NUM_THREADS=${threads}`,
      environment: { OPENBLAS_NUM_THREADS: String(threads), OMP_NUM_THREADS: "1" },
      options: {},
    })),
};

export const peers: readonly Library[] = [pytorch, jaxJs, tfjs, scikitLearn];

/** Compiles one of our own peers from the sources, so that plain Node runs it, as it runs the package. */
export async function bundle(name: string): Promise<string> {
  const outfile = here(`dist/${name}.mjs`);
  await build({
    entryPoints: [here(`peers/${name}.ts`)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
    logLevel: "error",
    conditions: ["gradus-source"],
  });
  return outfile;
}

let installation: Promise<unknown> | undefined;

/** Node with a peer's script, its library installed beside it first where it is absent. */
export async function nodePeer(script: string, library: string): Promise<readonly string[]> {
  if (!existsSync(here(`node_modules/${library}/package.json`))) {
    installation ??= promisify(execFile)("npm", ["ci", "--prefix", here(".")]).catch((error: { stderr?: string }) => {
      throw new Error(`npm ci --prefix bench failed: ${error.stderr?.trim().split("\n")[0] ?? String(error)}`);
    });
    await installation;
  }
  return [process.execPath, here(`peers/${script}`)];
}
