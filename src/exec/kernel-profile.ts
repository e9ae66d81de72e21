/** What single nodes take, by ONNX Runtime's own profiler: sessions write their times and the graph they run as files, which are read back. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeModel } from "../onnx/decode.ts";
import type { GraphProto } from "../onnx/onnx_pb.ts";
import { onnxruntimeExecutor, type RuntimePackage } from "./onnxruntime.ts";
import type { KernelProfiler, KernelTime, ProfiledGraph, RunGraph } from "./session.ts";

/** An event of the runtime's trace; times in microseconds. */
interface RuntimeEvent {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args: { readonly op_name?: string };
}

/** An executor of the package whose sessions note what each node takes. */
export async function kernelProfiler(runtimePackage: RuntimePackage): Promise<KernelProfiler> {
  const folder = await mkdtemp(join(tmpdir(), "gradus-profile-"));
  let sessions = 0;
  const executor = onnxruntimeExecutor({
    ...runtimePackage,
    sessionOptions: (options) => {
      const path = join(folder, `session-${sessions++}`);
      const noted = { enableProfiling: true, profileFilePrefix: path, optimizedModelFilePath: `${path}.onnx` };
      return { ...runtimePackage.sessionOptions(options), ...noted };
    },
  });
  return {
    executor,
    async read() {
      const files = await readdir(folder);
      const found: ProfiledGraph[] = [];
      for (let at = 0; at < sessions; at++) {
        const times = files.find((file) => file.startsWith(`session-${at}_`) && file.endsWith(".json"));
        if (times === undefined || !files.includes(`session-${at}.onnx`)) continue;
        const events = JSON.parse(await readFile(join(folder, times), "utf8")) as readonly RuntimeEvent[];
        const model = decodeModel(await readFile(join(folder, `session-${at}.onnx`)));
        found.push({
          graph: runGraph(model.graph!),
          kernels: kernelsOf(events),
          runs: events.flatMap(({ name, dur }) => (name === "model_run" ? [dur] : [])),
        });
      }
      return found;
    },
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}

const suffix = "_kernel_time";

function kernelsOf(events: readonly RuntimeEvent[]): KernelTime[] {
  return events.flatMap(({ cat, name, ts, dur, args }) =>
    cat === "Node" && name.endsWith(suffix)
      ? [{ node: name.slice(0, -suffix.length), op: args.op_name ?? "", start: ts, duration: dur }]
      : [],
  );
}

function runGraph({ input, output, node }: GraphProto): RunGraph {
  return {
    inputs: input.map(({ name }) => name),
    outputs: output.map(({ name }) => name),
    nodes: node.map(({ name, opType, input, output, attribute }) => ({
      name,
      op: opType,
      inputs: input,
      outputs: output,
      bodies: attribute.flatMap(({ g }) => (g ? [runGraph(g)] : [])),
    })),
  };
}
