/** Values, nodes and immutable graphs extracted from outputs. The operators are ONNX's; `ops/` builds the nodes. */
import { GradusError, internal } from "../util/errors.ts";
import { isFloat, type DType } from "./dtype.ts";
import type { Shape } from "./shape.ts";
import { tensor, type Tensor } from "./tensor.ts";

/** What an attribute may hold; whether a number is ONNX's int or float stands in the operator's record. */
export type Attribute = number | string | readonly number[] | readonly string[] | Tensor | Graph;
export type Attributes = Readonly<Record<string, Attribute>>;

export type Origin =
  | { readonly kind: "input" }
  | { readonly kind: "constant"; readonly tensor: Tensor }
  | { readonly kind: "node"; readonly node: Node; readonly index: number };

/** A symbolic tensor. Identity is the object; the name is for people and for the edges of graphs. */
export interface Value {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly origin: Origin;
  readonly name: string | undefined;
}

/** One ONNX operator applied. An input that is left out is null. */
export interface Node {
  readonly op: string;
  /** "" is ai.onnx. */
  readonly domain: string;
  readonly inputs: readonly (Value | null)[];
  readonly attributes: Attributes;
  readonly outputs: readonly Value[];
}

/** Nodes stand in topological order. `captures` are values of an enclosing graph that a body (of Scan) reads. */
export interface Graph {
  readonly inputs: readonly Value[];
  readonly outputs: readonly { readonly name: string; readonly value: Value }[];
  readonly nodes: readonly Node[];
  readonly captures: readonly Value[];
}

/** A graph input of the given dtype and shape, e.g. `input("x", "float32", ["batch", 784])`. */
export function input(name: string, dtype: DType, shape: Shape): Value {
  if (name === "") throw new GradusError("a graph input needs a name");
  return { dtype, shape, origin: { kind: "input" }, name };
}

/** A value known when the graph is built; stored in the model as an initializer. */
export function constant(value: Tensor, name?: string): Value {
  return { dtype: value.dtype, shape: value.shape, origin: { kind: "constant", tensor: value }, name };
}

/** A constant int64 vector, as shape operators take. */
export function int64(values: readonly number[]): Value {
  return constant(tensor("int64", values, [values.length]));
}

/** A constant scalar of a dtype. */
export function scalar(dtype: DType, value: number): Value {
  return constant(tensor(dtype, value));
}

/** A node and its output values; `ops/` calls this after inference, nothing else should. */
export function makeNode(
  op: string,
  domain: string,
  inputs: readonly (Value | null)[],
  attributes: Attributes,
  outputs: readonly { dtype: DType; shape: Shape }[],
): Node {
  const results: Value[] = [];
  const node: Node = { op, domain, inputs, attributes, outputs: results };
  outputs.forEach((type, index) => results.push({ ...type, origin: { kind: "node", node, index }, name: undefined }));
  return node;
}

export function isGraph(attribute: Attribute): attribute is Graph {
  return typeof attribute === "object" && "nodes" in attribute;
}

/** What a node's bodies capture, body after body. */
export function capturesOf(node: Node): Value[] {
  return Object.values(node.attributes).flatMap((attribute) => (isGraph(attribute) ? attribute.captures : []));
}

/** Everything a node reads: its inputs and what its bodies capture. */
export function dependencies(node: Node): Value[] {
  return [...node.inputs.filter((value) => value !== null), ...capturesOf(node)];
}

/** The sources, and the floats that nodes (in order) compute from them. */
export function floatsFrom(nodes: readonly Node[], sources: Iterable<Value>): Set<Value> {
  const found = new Set(sources);
  for (const node of nodes) {
    if (!dependencies(node).some((value) => found.has(value))) continue;
    for (const output of node.outputs) if (isFloat(output.dtype)) found.add(output);
  }
  return found;
}

/** Outputs by name. A list keeps any order; an object puts names that are whole numbers first. */
export type NamedValues = Readonly<Record<string, Value>> | Graph["outputs"];

function namedOutputs(outputs: NamedValues): Graph["outputs"] {
  if (Array.isArray(outputs)) {
    const names = new Set(outputs.map(({ name }) => name as string));
    if (names.size < outputs.length) throw new GradusError("two graph outputs have one name");
    return outputs as Graph["outputs"];
  }
  const named = Object.entries(outputs as Readonly<Record<string, Value>>).map(([name, value]) => ({ name, value }));
  const number = named.find(({ name }) => /^(0|[1-9]\d{0,9})$/.test(name));
  if (number && named.length > 1) {
    throw new GradusError(`output "${number.name}" would not keep its place: objects put names that are whole numbers first`, {
      hint: `give the outputs as a list: [{ name: "${number.name}", value }, …]`,
    });
  }
  return named;
}

/**
 * The graph that computes named outputs.
 * @param spec.outputs by name, or a list where names may be whole numbers
 * @param spec.inputs order of the inputs; inputs that are reached and not listed follow in order of first use
 * @param spec.captures for a body only: outer values it may read; then every input must be listed
 * @throws GradusError on two inputs or outputs with one name, or an unlisted input of a body
 */
export function graph(spec: {
  readonly outputs: NamedValues;
  readonly inputs?: readonly Value[];
  readonly captures?: readonly Value[];
}): Graph {
  const inputs = [...(spec.inputs ?? [])];
  const captures = spec.captures ?? [];
  const outputs = namedOutputs(spec.outputs);
  const known = new Set<Value>([...inputs, ...captures]);
  const nodes: Node[] = [];
  const done = new Set<Node>();

  const enter = (value: Value): Node | undefined => {
    if (known.has(value) || value.origin.kind === "constant") return undefined;
    if (value.origin.kind === "node") return value.origin.node;
    if (spec.captures) throw new GradusError(`a body reads input "${value.name}", which is neither its own nor captured`);
    known.add(value);
    inputs.push(value);
    return undefined;
  };
  // An explicit stack: graphs may be deeper than the call stack allows.
  for (const { value } of outputs) {
    const stack: { node: Node; waiting: Value[] }[] = [];
    const push = (node: Node | undefined) => {
      if (node && !done.has(node)) stack.push({ node, waiting: dependencies(node).reverse() });
    };
    push(enter(value));
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      const next = top.waiting.pop();
      if (next) push(enter(next));
      else {
        stack.pop();
        if (!done.has(top.node)) {
          done.add(top.node);
          nodes.push(top.node);
        }
      }
    }
  }

  const names = new Set<string>();
  for (const value of inputs) {
    if (value.name === undefined) internal("a graph input without a name");
    if (names.has(value.name)) throw new GradusError(`two graph inputs are called "${value.name}"`);
    names.add(value.name);
  }
  return Object.freeze({ inputs, outputs, nodes, captures });
}

/**
 * One name per value, unique over a graph and its bodies: inputs and outputs keep theirs, the rest are `MatMul_3`.
 * An output that is itself an input, a constant or a second name of one value is not in the map twice; writers insert an Identity.
 */
export function nameValues(root: Graph): Map<Value, string> {
  const names = new Map<Value, string>();
  const taken = new Set<string>();
  const counts = new Map<string, number>();
  const give = (value: Value, wish: string) => {
    if (names.has(value)) return;
    let name = wish;
    let count = counts.get(wish) ?? 0;
    while (taken.has(name)) name = `${wish}_${++count}`;
    counts.set(wish, count);
    taken.add(name);
    names.set(value, name);
  };
  const reserved = root.outputs.map((output) => output.name);
  for (const value of root.inputs) give(value, value.name!);
  for (const { name, value } of root.outputs) if (value.origin.kind === "node") give(value, name);
  for (const name of reserved) taken.add(name);
  const walk = (part: Graph) => {
    for (const value of part.inputs) give(value, value.name!);
    for (const node of part.nodes) {
      for (const value of node.inputs) if (value?.origin.kind === "constant") give(value, value.name ?? "constant");
      for (const attribute of Object.values(node.attributes)) if (isGraph(attribute)) walk(attribute);
      for (const value of node.outputs) give(value, node.op);
    }
    for (const { value } of part.outputs) if (value.origin.kind === "constant") give(value, value.name ?? "constant");
  };
  walk(root);
  return names;
}
