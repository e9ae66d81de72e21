/** A graph with some of its nodes written with others. */
import { graph, isGraph, makeNode, type Attribute, type Graph, type Node, type Value } from "../ir/graph.ts";

/** A node's outputs, made anew from its inputs (bodies among the attributes are rewritten already). */
export type Lowering = (
  x: Value,
  attributes: Readonly<Record<string, Attribute>>,
  inputs: readonly (Value | null)[],
) => Value | readonly Value[];

type LoweringOf = (node: Node) => Lowering | undefined;

/**
 * A node's outputs in the new graph, from its new inputs and attributes; none for an output that nobody reads, and none at all where
 * the node stays.
 */
export type Writer = (
  node: Node,
  inputs: readonly (Value | null)[],
  attributes: Readonly<Record<string, Attribute>>,
) => readonly (Value | undefined)[] | undefined;

/** Every node that has a lowering is replaced, bodies included; the graph itself where none has. */
export function rewriteGraph(root: Graph, loweringOf: LoweringOf): Graph {
  if (!concerns(root, loweringOf)) return root;
  return rewriteParts(root, () => (node, inputs, attributes) => {
    const lowered = loweringOf(node)?.(inputs[0]!, attributes, inputs);
    return lowered && [lowered].flat();
  });
}

function concerns(root: Graph, loweringOf: LoweringOf): boolean {
  return root.nodes.some(
    (node) => loweringOf(node) !== undefined || Object.values(node.attributes).some((a) => isGraph(a) && concerns(a, loweringOf)),
  );
}

/** The graph with its nodes written anew, by a writer for every part: the graph itself and each body. */
export function rewriteParts(root: Graph, writerOf: (part: Graph) => Writer): Graph {
  return rewrite(root, new Map(), writerOf);
}

function rewrite(part: Graph, outer: ReadonlyMap<Value, Value>, writerOf: (part: Graph) => Writer): Graph {
  const made = new Map(outer);
  const now = (value: Value) => made.get(value) ?? value;
  const write = writerOf(part);
  for (const node of part.nodes) {
    const inputs = node.inputs.map((value) => value && now(value));
    const attributes = Object.fromEntries(
      Object.entries(node.attributes).map(([key, value]) => [key, isGraph(value) ? rewrite(value, made, writerOf) : value]),
    );
    const outputs = write(node, inputs, attributes) ?? makeNode(node.op, node.domain, inputs, attributes, node.outputs).outputs;
    node.outputs.forEach((value, i) => {
      if (outputs[i]) made.set(value, outputs[i]);
    });
  }
  const outputs = part.outputs.map(({ name, value }) => ({ name, value: now(value) }));
  const captures = part.captures.map(now);
  const whole = graph({ inputs: part.inputs, outputs, captures });
  return { ...whole, inputs: part.inputs, outputs };
}
