/** The executor for Node: ONNX Runtime's native library, loaded when a graph is first compiled. */
import { availableParallelism } from "node:os";
import { onnxruntimeExecutor, type Runtime, type RuntimePackage } from "./onnxruntime.ts";
import type { Device, Executor } from "./session.ts";

interface NodeRuntime extends Runtime {
  listSupportedBackends(): readonly { readonly name: string }[];
}

/** What the executor knows about onnxruntime-node, apart from the executor so that tests can put another runtime behind it. */
export const nodePackage: RuntimePackage = {
  name: "onnxruntime-node",
  async load() {
    // A CommonJS package: what stands for it depends on who loads it.
    const loaded = (await import("onnxruntime-node")) as { default?: unknown };
    return (loaded.default ?? loaded) as NodeRuntime;
  },
  devices(runtime) {
    const devices: readonly Device[] = ["cpu", "webgpu", "cuda"];
    const names = (runtime as NodeRuntime).listSupportedBackends().map((backend) => backend.name);
    return devices.filter((device) => names.includes(device));
  },
  sessionOptions: ({ device, threads, repeated }) => ({
    executionProviders: [device],
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    interOpNumThreads: 1,
    // Every session has threads of its own; those that spin between runs take the cores from the others (runs 2 to 4 times slower).
    extra: { session: { force_spinning_stop: repeated ? "0" : "1" } },
  }),
  cores: availableParallelism,
  fillsOutputs: true,
  copiesOutputs: true,
  blocksConvolutions: true,
};

/** ONNX Runtime in Node. */
export const onnxruntimeNode: Executor = {
  ...onnxruntimeExecutor(nodePackage),
  cores: availableParallelism,
  profiler: async () => (await import("./kernel-profile.ts")).kernelProfiler(nodePackage),
};
export { onnxruntimeNode as executor };
