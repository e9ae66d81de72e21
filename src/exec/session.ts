/** The contract of an executor: compile a graph, run it on host tensors, dispose. */
import type { Graph } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";

export type Device = "cpu" | "webgpu" | "cuda";

export interface CompileOptions {
  readonly device?: Device;
  /** Threads for one run; the runtime's own choice where left out. */
  readonly threads?: number;
  /**
   * Sizes of the graph's named dimensions, a record for each set that will be run: with them, the threads are limited to
   * those on which results are equal to the bit to one thread's. Runs of other sizes are not refused.
   */
  readonly sizes?: readonly Readonly<Record<string, number>>[];
  /** Runs follow each other without a pause, as training steps do: threads wait awake for the next one. For one session at a time. */
  readonly repeated?: boolean;
  /** "off" gives up the trick of `guard-output.ts`: every output is then copied once more than needed. */
  readonly copyAvoidance?: "auto" | "off";
}

export type Tensors = Readonly<Record<string, Tensor>>;

export interface Session {
  /**
   * One run. A tensor given in `into` is filled in place and returned as that output; the others are new.
   * The caller keeps the same tensor objects from run to run where it can: executors remember them.
   * @param feeds every graph input by name
   * @param into any of the graph's outputs by name, of the right dtype and shape; where one shares memory with an input, nodes that
   *   read the input late may see the output, which only a graph that reads it elementwise and last can bear
   * @throws GradusError naming the input or output, where one is missing or of another dtype or shape
   */
  run(feeds: Tensors, into?: Tensors): Promise<Tensors>;
  /** Most memory the process has held so far, in bytes; undefined where the platform does not say (browsers). */
  peakMemory(): number | undefined;
  dispose(): Promise<void>;
}

export interface Executor {
  readonly name: string;
  /** @throws GradusError where the device is not there, naming the devices that are */
  compile(graph: Graph, options?: CompileOptions): Promise<Session>;
}
