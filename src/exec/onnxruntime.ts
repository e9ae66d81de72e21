/** What both packages of ONNX Runtime share: a graph becomes a model, host tensors become the runtime's and back. */
import type { InferenceSession, InferenceSessionFactory, Tensor as OrtTensor, TensorConstructor } from "onnxruntime-common";
import { bytesOf } from "../ir/dtype.ts";
import type { Graph } from "../ir/graph.ts";
import { sizeOf } from "../ir/shape.ts";
import type { NumericArray, Tensor } from "../ir/tensor.ts";
import { encodeModel, modelProto } from "../onnx/write.ts";
import { GradusError } from "../util/errors.ts";
import { blockedConvolutions, convolutionBlock, mayBlock } from "./blocked-convolution.ts";
import { checkFeeds, checkInto } from "./check.ts";
import { addGuard, guardFetches, guardWorks, runGuarded, worthwhile } from "./guard-output.ts";
import { peakMemory } from "./memory.ts";
import { steadyThreads, turnProducts } from "./steady-products.ts";
import { steadyGraph } from "./steady.ts";
import type { CompileOptions, Device, Executor, Session, Tensors } from "./session.ts";

/** The part of the runtime's interface that we use. */
export interface Runtime {
  readonly InferenceSession: InferenceSessionFactory;
  readonly Tensor: TensorConstructor;
}

/** What distinguishes one package of the runtime from another. */
export interface RuntimePackage {
  readonly name: string;
  load(options: CompileOptions): Promise<Runtime>;
  devices(runtime: Runtime): readonly Device[];
  sessionOptions(options: CompileOptions & { readonly device: Device }): InferenceSession.SessionOptions;
  /** Threads that a session may take by itself. */
  cores(): number;
  /** Whether a run writes into preallocated outputs. */
  readonly fillsOutputs: boolean;
  /** Whether it then copies them once more, see `guard-output.ts`. */
  readonly copiesOutputs: boolean;
  /** Whether it has convolutions for channels in blocks, see `blocked-convolution.ts`. */
  readonly blocksConvolutions: boolean;
}

/** An executor that runs graphs on a package of ONNX Runtime, which it loads when it first compiles. */
export function onnxruntimeExecutor(runtimePackage: RuntimePackage): Executor {
  return {
    name: runtimePackage.name,
    async compile(given, asked = {}) {
      const steady = steadyGraph(given);
      const graph = asked.sizes ? turnProducts(steady, asked.sizes) : steady;
      const options = withSteadyThreads(graph, asked, runtimePackage.cores());
      const device = options.device ?? "cpu";
      const runtime = await runtimePackage.load(options);
      const devices = runtimePackage.devices(runtime);
      if (!devices.includes(device)) {
        throw new GradusError(`${runtimePackage.name} has no device "${device}" here, only ${devices.join(", ")}`);
      }
      const names = outputNames(graph);
      const block = runtimePackage.blocksConvolutions && device === "cpu" && mayBlock(graph) ? await convolutionBlock(runtime) : undefined;
      const model = modelProto(
        { ...graph, outputs: graph.outputs.map(({ value }, i) => ({ name: names[i]!, value })) },
        block === undefined ? {} : { writeNode: blockedConvolutions(block) },
      );
      const guarded = runtimePackage.copiesOutputs && options.copyAvoidance !== "off" && mayBeLarge(graph);
      const guard = guarded ? addGuard(model) : undefined;
      const session = await createSession(runtime, runtimePackage, encodeModel(model), { ...options, device });
      return sessionOf({ runtime, session, graph, names, guard, fillsOutputs: runtimePackage.fillsOutputs });
    },
  };
}

/** The options with no more threads than results to the bit allow, where the caller names the sizes it will run. */
function withSteadyThreads(graph: Graph, options: CompileOptions, cores: number): CompileOptions {
  const threads = options.threads ?? cores;
  const steady = options.sizes ? steadyThreads(graph, threads, options.sizes) : threads;
  return steady < threads ? { ...options, threads: steady } : options;
}

/** Names that an object of results does not hold as it holds others: whole numbers come first, `__proto__` is no entry. */
const unfit = /^(\d+|__proto__)$/;

/** Output names in the model: our own, except where an input has the same, or where the runtime's objects could not hold them. */
function outputNames(graph: Graph): string[] {
  const taken = new Set([...graph.inputs.map((value) => value.name!), ...graph.outputs.map((output) => output.name)]);
  const inputs = new Set(graph.inputs.map((value) => value.name!));
  return graph.outputs.map(({ name }) => {
    let free = unfit.test(name) ? `${name}_out` : name;
    while (inputs.has(free) || (free !== name && taken.has(free))) free = `${free}_out`;
    taken.add(free);
    return free;
  });
}

function mayBeLarge(graph: Graph): boolean {
  const known = graph.outputs.map(({ value }) =>
    value.shape.every((dim) => typeof dim === "number") ? sizeOf(value.shape as number[]) * bytesOf(value.dtype) : Infinity,
  );
  return known.reduce((a, b) => a + b, 0) > worthwhile;
}

async function createSession(
  runtime: Runtime,
  { name, sessionOptions, blocksConvolutions }: RuntimePackage,
  bytes: Uint8Array,
  options: CompileOptions & { device: Device },
): Promise<InferenceSession> {
  try {
    return await runtime.InferenceSession.create(bytes, {
      // Beyond "extended" it puts pools and resizing between convolutions of ours into blocks and back, which costs more than it saves.
      graphOptimizationLevel: blocksConvolutions ? "extended" : "all",
      executionMode: "sequential",
      // Errors come as exceptions; on standard error they would be said twice.
      logSeverityLevel: 4,
      ...sessionOptions(options),
    });
  } catch (cause) {
    const reason = message(cause);
    if (options.device === "cpu") throw new GradusError(`${name} cannot compile the graph: ${reason}`, { exitCode: 1, cause });
    throw new GradusError(`${name} cannot use device "${options.device}" here: ${reason}`, {
      hint: "the device cpu is always there",
      cause,
    });
  }
}

/** What the runtime says, without the place in its sources. */
function message(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text
    .replace(/\/onnxruntime_src\/\S+ .*? was false\. /s, "")
    .replaceAll(/\s*\n\s*/g, " ")
    .trim();
}

const tensors = new WeakMap<Runtime, WeakMap<Tensor, OrtTensor>>();

/** The runtime's view of a host tensor, over the same memory; made once per tensor object. */
function wrap(runtime: Runtime, tensor: Tensor): OrtTensor {
  let known = tensors.get(runtime);
  if (!known) tensors.set(runtime, (known = new WeakMap()));
  let wrapped = known.get(tensor);
  if (!wrapped) {
    wrapped = new runtime.Tensor(tensor.dtype, tensor.data as Float32Array, tensor.shape);
    known.set(tensor, wrapped);
  }
  return wrapped;
}

function unwrap({ type, data, dims }: OrtTensor): Tensor {
  // A JavaScript with Float16Array gets that from the runtime; we hold the bits.
  const held = type === "float16" && !(data instanceof Uint16Array) ? bits(data as NumericArray) : data;
  return { dtype: type as Tensor["dtype"], shape: dims, data: held as Tensor["data"] };
}

function bits({ buffer, byteOffset, length }: NumericArray): Uint16Array {
  return new Uint16Array(buffer as ArrayBuffer, byteOffset, length);
}

function fill(target: Tensor, source: Tensor): void {
  if (target.dtype === "string") (source.data as readonly string[]).forEach((text, i) => ((target.data as string[])[i] = text));
  else (target.data as Float32Array).set(source.data as Float32Array);
}

/** An object by names that come from data, `__proto__` among them. */
function record<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}

/** One combination of tensor objects, checked and wrapped; most runs repeat the one before. */
interface Call {
  readonly inputs: readonly Tensor[];
  readonly targets: readonly (Tensor | undefined)[];
  readonly feeds: Record<string, OrtTensor>;
  readonly fetches: Record<string, OrtTensor | null>;
  readonly guarded: boolean;
  /** The results where every output is given. */
  readonly results: Tensors | undefined;
}

function sessionOf(compiled: {
  readonly runtime: Runtime;
  readonly session: InferenceSession;
  readonly graph: Graph;
  readonly names: readonly string[];
  /** Name of the output that makes runs throw before they copy, where there is one. */
  readonly guard: string | undefined;
  readonly fillsOutputs: boolean;
}): Session {
  const { runtime, session, graph, names, fillsOutputs } = compiled;
  const inputNames = graph.inputs.map((value) => value.name!);
  const outputs = graph.outputs.map((output) => output.name);
  const nothing: Tensors = {};
  let last: Call | undefined;

  const prepare = async (given: Tensors, into: Tensors): Promise<Call> => {
    const dims = new Map<string, number>();
    const inputs = checkFeeds(graph, given, dims);
    const targets = checkInto(graph, into, dims);
    const fetches = record<OrtTensor | null>();
    let bytes = 0;
    names.forEach((name, i) => {
      const target = targets[i];
      fetches[name] = target && fillsOutputs && target.dtype !== "string" ? wrap(runtime, target) : null;
      bytes += target ? (target.data as Float32Array).byteLength : NaN;
    });
    const feeds = record<OrtTensor>();
    inputs.forEach((tensor, i) => (feeds[inputNames[i]!] = wrap(runtime, tensor)));
    const complete = targets.every((target) => target !== undefined);
    const { guard } = compiled;
    const guarded = guard !== undefined && bytes > worthwhile && (await guardWorks(runtime));
    const results = complete ? Object.fromEntries(outputs.map((name, i) => [name, targets[i]!])) : undefined;
    return { inputs, targets, feeds, fetches: guarded ? guardFetches(guard, fetches) : fetches, guarded, results };
  };
  const repeats = (call: Call, given: Tensors, into: Tensors): boolean => {
    for (let i = 0; i < inputNames.length; i++) if (given[inputNames[i]!] !== call.inputs[i]) return false;
    for (let i = 0; i < outputs.length; i++) if (into[outputs[i]!] !== call.targets[i]) return false;
    return true;
  };
  const collect = (call: Call, fetched: InferenceSession.OnnxValueMapType): Tensors => {
    const results = names.map((name, i) => {
      const target = call.targets[i];
      const value = fetched[name] as OrtTensor;
      if (target && (!fillsOutputs || target.dtype === "string")) fill(target, unwrap(value));
      return [outputs[i]!, target ?? unwrap(value)] as const;
    });
    return Object.fromEntries(results);
  };

  return {
    async run(given, into = nothing) {
      const call = last && repeats(last, given, into) ? last : (last = await prepare(given, into));
      try {
        if (!call.guarded) {
          const fetched = await session.run(call.feeds, call.fetches);
          return call.results && fillsOutputs ? call.results : collect(call, fetched);
        }
        await runGuarded(session, call.feeds, call.fetches);
        return call.results!;
      } catch (cause) {
        throw new GradusError(`the graph could not be run: ${message(cause)}`, { exitCode: 1, cause });
      }
    },
    peakMemory,
    async dispose() {
      last = undefined;
      await session.release();
    },
  };
}
