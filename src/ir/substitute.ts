/** The same computation from other values. */
import { dependencies, isGraph, makeNode, type Attributes, type Graph, type Node, type Value } from "./graph.ts";

/**
 * Values computed as before, some values replaced. Nodes that do not depend on a replaced value are shared, not copied.
 * @param replaced also says where to stop: what stands there is not looked into (an outer value stands for itself)
 */
export function substitute(values: readonly Value[], replaced: ReadonlyMap<Value, Value>): Value[] {
  const made = new Map(replaced);
  const isOpen = (value: Value) => value.origin.kind === "node" && !made.has(value);
  for (const wanted of values) {
    // An explicit stack: graphs may be deeper than the call stack allows.
    const stack = [wanted];
    while (stack.length > 0) {
      const value = stack.pop()!;
      if (value.origin.kind !== "node" || !isOpen(value)) continue;
      const waiting = dependencies(value.origin.node).filter(isOpen);
      if (waiting.length > 0) stack.push(value, ...waiting);
      else copyNode(value.origin.node, made);
    }
  }
  return values.map((value) => made.get(value) ?? value);
}

/** Enters a node's outputs in the map: those of a copy, or the same ones where nothing that it reads has changed. */
function copyNode(node: Node, made: Map<Value, Value>): void {
  const now = (value: Value) => made.get(value) ?? value;
  const changed = dependencies(node).some((value) => now(value) !== value);
  const copy = changed
    ? makeNode(
        node.op,
        node.domain,
        node.inputs.map((value) => value && now(value)),
        copyBodies(node.attributes, made),
        node.outputs,
      )
    : node;
  node.outputs.forEach((value, i) => made.set(value, copy.outputs[i]!));
}

function copyBodies(attributes: Attributes, outer: ReadonlyMap<Value, Value>): Attributes {
  const copy = (body: Graph): Graph => {
    const made = new Map(outer);
    for (const node of body.nodes) copyNode(node, made);
    const now = (value: Value) => made.get(value) ?? value;
    return {
      inputs: body.inputs,
      outputs: body.outputs.map(({ name, value }) => ({ name, value: now(value) })),
      nodes: body.nodes.map((node) => (now(node.outputs[0]!).origin as { node: Node }).node),
      captures: body.captures.map(now),
    };
  };
  return Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, isGraph(value) ? copy(value) : value]));
}
