/** What a graph becomes in a file: outputs that are nodes' own, and one name per value. */
import { dependencies, isGraph, makeNode, type Graph, type Node, type Value } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import { internal } from "../util/errors.ts";
import { operatorFacts } from "./operators.ts";

/** A graph whose outputs are all made by its nodes, each once: an Identity stands where that was not so. */
export interface Part {
  readonly graph: Graph;
  readonly nodes: readonly Node[];
  readonly outputs: readonly Value[];
  /** Values that some node or output of the part reads. */
  readonly read: ReadonlySet<Value>;
}

export function partOf(graph: Graph): Part {
  const own = new Set(graph.nodes);
  const seen = new Set<Value>();
  const identities: Node[] = [];
  const outputs = graph.outputs.map(({ value }) => {
    if (value.origin.kind === "node" && own.has(value.origin.node) && !seen.has(value)) {
      seen.add(value);
      return value;
    }
    const identity = makeNode("Identity", "", [value], {}, [{ dtype: value.dtype, shape: value.shape }]);
    identities.push(identity);
    return identity.outputs[0]!;
  });
  const nodes = [...graph.nodes, ...identities];
  return { graph, nodes, outputs, read: new Set([...outputs, ...nodes.flatMap(dependencies)]) };
}

/** Whether a file may leave an output out: nobody reads it, and ONNX calls it optional. */
export function isLeftOut(part: Part, node: Node, index: number): boolean {
  return !part.read.has(node.outputs[index]!) && (operatorFacts[node.domain]?.[node.op]?.[2]?.includes(index) ?? false);
}

/** Names of values in a graph, those of the enclosing graphs included; constants are named by their tensors, once per file. */
export interface Scope {
  readonly values: Map<Value, string>;
  /** Names in use, and how many others were made from each. */
  readonly taken: Map<string, number>;
  readonly constants: Map<Tensor, string>;
}

export function nameOf(value: Value, scope: Scope): string {
  const name = value.origin.kind === "constant" ? scope.constants.get(value.origin.tensor) : scope.values.get(value);
  return name ?? internal(`no name for a value of ${value.origin.kind === "node" ? value.origin.node.op : value.origin.kind}`);
}

/** `Add`, `Add_1`, … : the first that is free. */
function freeName(taken: Map<string, number>, wish: string): string {
  let name = wish;
  let count = taken.get(wish) ?? 0;
  while (taken.has(name)) name = `${wish}_${++count}`;
  taken.set(wish, count);
  if (name !== wish) taken.set(name, 0);
  return name;
}

/**
 * Names for a graph, or for a body inside the scope of its enclosing graph, none of whose names it uses again, as ONNX demands.
 * Inputs, outputs and constants keep theirs where they are free; other values are called after their operator.
 */
export function scopeOf(part: Part, outer?: Scope): Scope {
  const scope: Scope = { values: new Map(outer?.values), taken: new Map(outer?.taken), constants: outer?.constants ?? new Map() };
  for (const value of part.graph.inputs) scope.values.set(value, freeName(scope.taken, value.name!));
  part.outputs.forEach((value, i) => scope.values.set(value, freeName(scope.taken, part.graph.outputs[i]!.name)));
  for (const node of part.nodes) {
    nameConstants(node, scope);
    node.outputs.forEach((value, index) => {
      if (!scope.values.has(value) && !isLeftOut(part, node, index)) scope.values.set(value, freeName(scope.taken, node.op));
    });
  }
  return scope;
}

/** Constants of a node and of its bodies; all of them are initializers of the outermost graph. */
function nameConstants(node: Node, scope: Scope): void {
  const give = (value: Value) => {
    if (value.origin.kind !== "constant" || scope.constants.has(value.origin.tensor)) return;
    scope.constants.set(value.origin.tensor, freeName(scope.taken, value.name ?? "constant"));
  };
  for (const value of node.inputs) if (value) give(value);
  for (const attribute of Object.values(node.attributes)) {
    if (!isGraph(attribute)) continue;
    for (const inner of attribute.nodes) nameConstants(inner, scope);
    for (const { value } of attribute.outputs) give(value);
  }
}
