/** Memory: what a run is planned to hold, and what the process has held. */
import { bytesOf } from "../ir/dtype.ts";
import { constant, dependencies, input, isGraph, type Attribute, type Graph, type Node, type Value } from "../ir/graph.ts";
import { multiplyDims, type Dim } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import { applyOp } from "../ops/build.ts";
import { GradusError } from "../util/errors.ts";

interface NodeProcess {
  readonly resourceUsage?: () => { readonly maxRSS: number };
}

/** The process's peak resident memory so far in bytes (everything in it: runtime, data, JavaScript heap); undefined in browsers. */
export function peakMemory(): number | undefined {
  const { process } = globalThis as { process?: NodeProcess };
  const usage = process?.resourceUsage?.();
  return usage && usage.maxRSS * 1024;
}

/** Bytes a run needs by its graph alone, strings not counted. */
export interface PlannedMemory {
  /** Held throughout. */
  readonly inputs: number;
  readonly constants: number;
  /** Most bytes of results alive at once: from the node that makes one to the last that reads it, outputs to the end. */
  readonly results: number;
  /** The sum of the three. */
  readonly peak: number;
  /** The node during which results are largest. */
  readonly at: Node | undefined;
  /** Results whose size depends on more than the given dimensions; they count as nothing. */
  readonly unknown: number;
}

/**
 * The memory a run is planned to hold, given the sizes of the graph's named dimensions, nodes in the graph's order and none of
 * them in place. An executor that writes results over its inputs, fuses or reorders nodes holds less; one that
 * keeps freed memory for the next run, or packs weights for its kernels, holds more.
 * @throws GradusError where a dimension of an input has no size
 * @example plannedMemory(step, { batch: 128 }).peak
 */
export function plannedMemory(graph: Graph, dims: Readonly<Record<string, number>>): PlannedMemory {
  const bound = bindDims(graph, dims, new Map());
  const constants = new Set<Tensor>();
  collectConstants(bound, constants);
  const held = [...constants].reduce((total, tensor) => total + sizeInBytes(constant(tensor))!, 0);
  const inputs = bound.inputs.reduce((total, value) => total + (sizeInBytes(value) ?? 0), 0);
  const { results, at, unknown } = liveness(bound);
  return { inputs, constants: held, results, peak: inputs + held + results, at, unknown };
}

/** The graph with numbers for named dimensions, inferred anew so that sizes computed from them are numbers too. */
function bindDims(graph: Graph, dims: Readonly<Record<string, number>>, outer: ReadonlyMap<Value, Value>): Graph {
  const made = new Map<Value, Value>(outer);
  const now = (value: Value): Value => made.get(value) ?? value;
  const inputs = graph.inputs.map((value) => {
    const bound = input(
      value.name!,
      value.dtype,
      value.shape.map((dim) => bindDim(dim, dims, value.name!)),
    );
    made.set(value, bound);
    return bound;
  });
  const nodes = graph.nodes.map((node) => {
    const attributes = Object.entries(node.attributes).map(([key, attribute]): [string, Attribute] => [
      key,
      isGraph(attribute) ? bindDims(attribute, dims, made) : attribute,
    ]);
    const bound = applyOp(
      node.op,
      node.inputs.map((value) => value && now(value)),
      Object.fromEntries(attributes),
    );
    node.outputs.forEach((value, i) => made.set(value, bound.outputs[i]!));
    return bound;
  });
  const outputs = graph.outputs.map(({ name, value }) => ({ name, value: now(value) }));
  return { inputs, outputs, nodes, captures: graph.captures.map(now) };
}

function bindDim(dim: Dim, dims: Readonly<Record<string, number>>, what: string): Dim {
  if (typeof dim === "number" || dim.startsWith("?")) return dim;
  const factors = dim.split("*").map((factor): Dim => {
    if (/^\d+$/.test(factor)) return Number(factor);
    if (!Object.hasOwn(dims, factor)) throw new GradusError(`input "${what}" has a dimension "${factor}" whose size is not given`);
    return dims[factor]!;
  });
  return multiplyDims(factors);
}

function liveness(graph: Graph): Pick<PlannedMemory, "results" | "at" | "unknown"> {
  const lastRead = new Map<Value, number>();
  graph.nodes.forEach((node, i) => {
    for (const value of [...node.outputs, ...dependencies(node)]) if (value.origin.kind === "node") lastRead.set(value, i);
  });
  for (const { value } of graph.outputs) lastRead.set(value, Infinity);
  const own = new Set<Value>();
  let alive = 0;
  let results = 0;
  let at: Node | undefined;
  let unknown = 0;
  graph.nodes.forEach((node, i) => {
    for (const value of node.outputs) {
      own.add(value);
      const bytes = sizeInBytes(value);
      if (bytes === undefined) unknown++;
      alive += bytes ?? 0;
    }
    const inside = Object.values(node.attributes).filter(isGraph).map(liveness);
    unknown += inside.reduce((total, body) => total + body.unknown, 0);
    const during = alive + inside.reduce((total, body) => total + body.results, 0);
    if (during > results) [results, at] = [during, node];
    for (const value of new Set([...node.outputs, ...dependencies(node)])) {
      if (own.has(value) && lastRead.get(value) === i) alive -= sizeInBytes(value) ?? 0;
    }
  });
  return { results, at, unknown };
}

function collectConstants(graph: Graph, into: Set<Tensor>): void {
  for (const node of graph.nodes) {
    for (const value of node.inputs) if (value?.origin.kind === "constant") into.add(value.origin.tensor);
    for (const attribute of Object.values(node.attributes)) if (isGraph(attribute)) collectConstants(attribute, into);
  }
  for (const { value } of graph.outputs) if (value.origin.kind === "constant") into.add(value.origin.tensor);
}

function sizeInBytes({ dtype, shape }: Value): number | undefined {
  const size = multiplyDims(shape);
  return typeof size === "number" ? size * bytesOf(dtype) : undefined;
}
