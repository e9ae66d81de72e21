/** A graph with some of its nodes written with others. */
import { graph, isGraph, makeNode, type Attribute, type Graph, type Node, type Value } from "../ir/graph.ts";

/** A node's outputs, made anew from its inputs (bodies among the attributes are rewritten already). */
export type Lowering = (
  x: Value,
  attributes: Readonly<Record<string, Attribute>>,
  inputs: readonly (Value | null)[],
) => Value | readonly Value[];

type LoweringOf = (node: Node) => Lowering | undefined;

/** Every node that has a lowering is replaced, bodies included; the graph itself where none has. */
export function rewriteGraph(root: Graph, loweringOf: LoweringOf): Graph {
  return concerns(root, loweringOf) ? rewrite(root, new Map(), loweringOf) : root;
}

function concerns(root: Graph, loweringOf: LoweringOf): boolean {
  return root.nodes.some(
    (node) => loweringOf(node) !== undefined || Object.values(node.attributes).some((a) => isGraph(a) && concerns(a, loweringOf)),
  );
}

function rewrite(part: Graph, outer: ReadonlyMap<Value, Value>, loweringOf: LoweringOf): Graph {
  const made = new Map(outer);
  const now = (value: Value) => made.get(value) ?? value;
  for (const node of part.nodes) {
    const inputs = node.inputs.map((value) => value && now(value));
    const attributes = Object.fromEntries(
      Object.entries(node.attributes).map(([key, value]) => [key, isGraph(value) ? rewrite(value, made, loweringOf) : value]),
    );
    const lowered = loweringOf(node)?.(inputs[0]!, attributes, inputs);
    const outputs = lowered ? [lowered].flat() : makeNode(node.op, node.domain, inputs, attributes, node.outputs).outputs;
    node.outputs.forEach((value, i) => made.set(value, outputs[i]!));
  }
  const outputs = part.outputs.map(({ name, value }) => ({ name, value: now(value) }));
  const captures = part.captures.map(now);
  const whole = graph({ inputs: part.inputs, outputs, captures });
  return { ...whole, inputs: part.inputs, outputs };
}
