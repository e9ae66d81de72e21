/** Functions that a model brings along: every call becomes the function's nodes, under names of its own. */
import { GradusError } from "../util/errors.ts";
import type { AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto } from "./onnx_pb.ts";
import { domainOf } from "./opset.ts";

/** Functions that call functions that call functions… */
const mostCalls = 16;
const mostNodes = 100_000;

interface Expansion {
  readonly functions: ReadonlyMap<string, FunctionProto>;
  /** Nodes so far, calls among them. */
  nodes: number;
}

/** What names and attributes mean inside one call. */
interface Call {
  name(inner: string): string;
  attribute(name: string): AttributeProto | undefined;
}

const keyOf = ({ domain, name }: { domain: string; name: string }) => `${domainOf(domain)}\n${name}`;

/**
 * The model's graph without calls of its functions.
 * @throws GradusError where they call each other without end, or become too many nodes
 */
export function inlineFunctions(model: ModelProto): GraphProto {
  const graph = model.graph!;
  if (model.functions.length === 0) return graph;
  const expansion: Expansion = { functions: new Map(model.functions.map((f) => [keyOf(f), f])), nodes: 0 };
  return changed(graph, { node: expand(graph.node, expansion, 0) });
}

/** A message with other fields; those that it has not set stay so. */
function changed<T extends object>(message: T, fields: Partial<T>): T {
  return Object.assign(Object.create(Object.getPrototypeOf(message) as object) as T, message, fields);
}

function expand(nodes: readonly NodeProto[], expansion: Expansion, depth: number): NodeProto[] {
  if (depth > mostCalls) throw new GradusError(`the model's functions call each other more than ${mostCalls} deep`);
  return nodes.flatMap((node) => {
    const called = expansion.functions.get(keyOf({ domain: node.domain, name: node.opType }));
    if (++expansion.nodes > mostNodes) throw new GradusError(`the model's functions become more than ${mostNodes} nodes`);
    if (called) return expand(bodyOf(called, node, expansion.nodes), expansion, depth + 1);
    return [withBodies(node, (graph) => changed(graph, { node: expand(graph.node, expansion, depth) }))];
  });
}

/** The nodes of one call: arguments in the place of parameters, everything else named after the call. */
function bodyOf(called: FunctionProto, node: NodeProto, place: number): NodeProto[] {
  const names = new Map<string, string>([
    ...called.input.map((name, i) => [name, node.input[i] ?? ""] as const),
    ...called.output.flatMap((name, i) => (node.output[i] ? [[name, node.output[i]] as const] : [])),
  ]);
  const call: Call = {
    name: (inner) => (inner === "" ? "" : (names.get(inner) ?? `${called.name}_${place}/${inner}`)),
    attribute: (name) => node.attribute.find((attribute) => attribute.name === name),
  };
  return called.node.map((inner) => renamed(inner, call));
}

function renamed(node: NodeProto, call: Call): NodeProto {
  const attribute = node.attribute.flatMap((one) => {
    if (one.refAttrName === "") return [one];
    // One that the call does not give is left out, as if it stood nowhere.
    const given = call.attribute(one.refAttrName);
    return given ? [changed(given, { name: one.name })] : [];
  });
  const plain = changed(node, { attribute, input: node.input.map(call.name), output: node.output.map(call.name) });
  return withBodies(plain, (graph) => renamedGraph(graph, call));
}

/** A body keeps its own names; what it reads from outside is the call's. */
function renamedGraph(graph: GraphProto, call: Call): GraphProto {
  const own = new Set([...graph.input, ...graph.initializer].map(({ name }) => name));
  for (const { output } of graph.node) for (const name of output) own.add(name);
  const within: Call = { ...call, name: (inner) => (own.has(inner) ? inner : call.name(inner)) };
  const output = graph.output.map((info) => changed(info, { name: within.name(info.name) }));
  return changed(graph, { output, node: graph.node.map((node) => renamed(node, within)) });
}

function withBodies(node: NodeProto, change: (graph: GraphProto) => GraphProto): NodeProto {
  if (!node.attribute.some(({ g }) => g)) return node;
  const attribute = node.attribute.map((one) => (one.g ? changed(one, { g: change(one.g) }) : one));
  return changed(node, { attribute });
}
