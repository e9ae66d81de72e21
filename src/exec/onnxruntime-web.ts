/** The executor for browsers: ONNX Runtime in WebAssembly, or on WebGPU, loaded when a graph is first compiled. */
import { onnxruntimeExecutor, type Runtime } from "./onnxruntime.ts";
import type { Executor } from "./session.ts";

interface WebRuntime extends Runtime {
  readonly env: { readonly wasm: { numThreads?: number; wasmPaths?: string } };
}

export interface WebOptions {
  /** Where the runtime's `.wasm` files are served, with a slash at the end; beside the script where left out. */
  readonly wasmPaths?: string;
}

/**
 * ONNX Runtime in a browser. Threads need a cross-origin isolated page, and are fixed for the page by the first graph compiled;
 * a bundle of such a page is built with the condition `onnxruntime-web-use-extern-wasm`, since threads start from the runtime's
 * own file.
 * @example const session = await webExecutor({ wasmPaths: "/assets/" }).compile(graph({ outputs: { y } }));
 */
export function webExecutor({ wasmPaths }: WebOptions = {}): Executor {
  return onnxruntimeExecutor({
    name: "onnxruntime-web",
    async load({ device, threads }) {
      const loaded: unknown = device === "webgpu" ? await import("onnxruntime-web/webgpu") : await import("onnxruntime-web/wasm");
      const runtime = loaded as WebRuntime;
      if (threads !== undefined) runtime.env.wasm.numThreads = threads;
      if (wasmPaths !== undefined) runtime.env.wasm.wasmPaths = wasmPaths;
      return runtime;
    },
    devices: () => ((globalThis as { navigator?: { gpu?: unknown } }).navigator?.gpu ? ["cpu", "webgpu"] : ["cpu"]),
    sessionOptions: ({ device }) => ({ executionProviders: [device === "cpu" ? "wasm" : device] }),
    cores: () => (globalThis as { navigator?: { hardwareConcurrency?: number } }).navigator?.hardwareConcurrency ?? 1,
    fillsOutputs: false,
    copiesOutputs: false,
    blocksConvolutions: false,
  });
}

/** ONNX Runtime in a browser, its files beside the script. */
export const onnxruntimeWeb: Executor = webExecutor();
export { onnxruntimeWeb as executor };
