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
  /** Threads that a session takes by itself, where the platform says. */
  cores?(): number;
  /** The same executor with a clock at every node, where the platform has one: results are equal, runs are slower. */
  profiler?(): Promise<KernelProfiler>;
}

export interface KernelProfiler {
  readonly executor: Executor;
  /** What its sessions ran; they are disposed before. */
  read(): Promise<readonly ProfiledGraph[]>;
  dispose(): Promise<void>;
}

/** A graph as the runtime ran it, operators fused and rewritten, and every run of each of its nodes. */
export interface ProfiledGraph {
  readonly graph: RunGraph;
  readonly kernels: readonly KernelTime[];
  /** Microseconds of each run in the runtime, without the way to it and back. */
  readonly runs: readonly number[];
}

export interface RunGraph {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** In topological order. */
  readonly nodes: readonly RunNode[];
}

export interface RunNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Of a Scan. */
  readonly bodies: readonly RunGraph[];
}

/** One run of one node; that of a node with a body holds those of its body's nodes. */
export interface KernelTime {
  readonly node: string;
  readonly op: string;
  /** Microseconds, from a moment of the runtime's own. */
  readonly start: number;
  /** Microseconds. */
  readonly duration: number;
}
