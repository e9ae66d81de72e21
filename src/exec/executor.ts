/** The executor of the platform: onnxruntime-node in Node, onnxruntime-web in browsers, chosen by the package's `imports`. */
import { executor } from "#executor";
import type { Graph } from "../ir/graph.ts";
import type { CompileOptions, Executor, Session } from "./session.ts";

/**
 * Compiles a graph for the platform's executor, which is loaded now and not before.
 * @example
 * const session = await compile(graph({ outputs: { y } }));
 * const { y } = await session.run({ x: tensor("float32", [[1, 2]]) });
 */
export function compile(graph: Graph, options: CompileOptions = {}): Promise<Session> {
  return executor.compile(graph, options);
}

/** The platform's executor as a value: what it tells of threads and nodes with it. */
export const platform: Executor = {
  name: "platform",
  compile,
  ...(executor.cores ? { cores: executor.cores } : {}),
  ...(executor.profiler ? { profiler: executor.profiler } : {}),
};
