/**
 * Loops that compute the same become one, and give out only what is read. A gradient asks for the loop of its operator with more outputs
 * than the operator has; so both share it, and where there is no gradient the loop makes nothing for it. Other nodes that compute the same
 * the runtime merges itself, but no node with a body.
 */
import { dependencies, graph, isGraph, makeNode, type Attribute, type Attributes, type Graph, type Node, type Value } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import type { ScanAttributes } from "../ops/scan-layout.ts";
import { rewriteParts } from "./rewrite.ts";

/** The graph with its loops shared and trimmed; the graph itself where it has none. */
export function sharedLoops(root: Graph): Graph {
  const loops = loopsIn(root);
  if (loops === 0) return root;
  return trimmed(loops === 1 ? root : merged(root));
}

const bodiesOf = ({ attributes }: Node) => Object.values(attributes).filter(isGraph);

/** How many nodes have bodies, bodies included. */
function loopsIn(part: Graph): number {
  return part.nodes.reduce((sum, node) => {
    const bodies = bodiesOf(node);
    return bodies.length === 0 ? sum : bodies.reduce((inner, body) => inner + loopsIn(body), sum + 1);
  }, 0);
}

const drawing = new Set(["RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial", "Dropout"]);

/** Whether two nodes like this one may differ in what they give. */
const draws = (node: Node): boolean => drawing.has(node.op) || bodiesOf(node).some(({ nodes }) => nodes.some(draws));

/** Nodes of one part that compute the same from the same values, made once. */
function merged(root: Graph): Graph {
  const objects = new Map<object, number>();
  const numberOf = (object: object) => {
    if (!objects.has(object)) objects.set(object, objects.size);
    return `#${objects.get(object)!}`;
  };
  const keys = keysBy(numberOf);
  return rewriteParts(root, () => {
    const known = new Map<string, readonly Value[]>();
    return (node, inputs, attributes) => {
      if (draws(node)) return undefined;
      const made = makeNode(node.op, node.domain, inputs, attributes, node.outputs);
      const key = keys.node(made, keys.value);
      if (!known.has(key)) known.set(key, made.outputs);
      return known.get(key);
    };
  });
}

/** Longer tensors are the same only where they are one object. */
const shortTensor = 64;

/** Texts that are equal for what is equal. */
function keysBy(numberOf: (object: object) => string) {
  type Named = (value: Value) => string;
  const tensor = ({ dtype, shape, data }: Tensor) => {
    if (data.length > shortTensor) return numberOf(data);
    const elements = Array.from(data as ArrayLike<unknown>, (element) =>
      typeof element === "string" ? JSON.stringify(element) : exact(element),
    );
    return `${dtype}[${shape.join()}]{${elements.join()}}`;
  };
  const value: Named = (value) => (value.origin.kind === "constant" ? tensor(value.origin.tensor) : numberOf(value));
  const attribute = (given: Attribute, outer: Named): string => {
    if (typeof given !== "object") return typeof given === "string" ? JSON.stringify(given) : exact(given);
    if (isGraph(given)) return body(given, outer);
    if ("data" in given) return tensor(given);
    return `[${(given as readonly (string | number)[]).map((element) => attribute(element, outer)).join()}]`;
  };
  const node = ({ op, domain, inputs, attributes, outputs }: Node, outer: Named): string => {
    const given = inputs.map((value) => (value ? outer(value) : ""));
    const set = Object.keys(attributes)
      .sort()
      .map((name) => `${name}=${attribute(attributes[name]!, outer)}`);
    return `${domain}.${op}(${given.join()};${set.join()})${outputs.length}`;
  };
  const body = (part: Graph, outer: Named): string => {
    const own = new Map<Value, string>();
    const named: Named = (inner) => own.get(inner) ?? (inner.origin.kind === "constant" ? value(inner) : outer(inner));
    part.inputs.forEach((value, i) => own.set(value, `i${i}`));
    const nodes = part.nodes.map((made, n) => {
      const key = node(made, named);
      made.outputs.forEach((value, i) => own.set(value, `n${n}.${i}`));
      return key;
    });
    return `{${part.inputs.map(({ dtype }) => dtype).join()}|${nodes.join("|")}|${part.outputs.map(({ value }) => named(value)).join()}}`;
  };
  return { node, value };
}

const exact = (element: unknown) => (Object.is(element, -0) ? "-0" : String(element));

/** Scans without the outputs that nobody reads. */
function trimmed(root: Graph): Graph {
  return rewriteParts(root, (part) => {
    const read = new Set<Value>([...part.outputs.map(({ value }) => value), ...part.nodes.flatMap(dependencies)]);
    return (node, inputs, attributes) => {
      if (node.op !== "Scan") return undefined;
      const { num_scan_inputs } = node.attributes as unknown as ScanAttributes;
      const states = node.inputs.length - num_scan_inputs;
      const kept = node.outputs.map((value, i) => i < states || read.has(value));
      if (kept.every(Boolean)) return undefined;
      const made = makeNode("Scan", node.domain, inputs, withOutputs(attributes, kept, states), only(node.outputs, kept)).outputs;
      return kept.map((is, i) => (is ? made[kept.slice(0, i).filter(Boolean).length] : undefined));
    };
  });
}

const only = <T>(list: readonly T[], kept: readonly boolean[]): T[] => list.filter((_, i) => kept[i]);

/** Attributes of a Scan for some of its outputs. */
function withOutputs(attributes: Attributes, kept: readonly boolean[], states: number): Attributes {
  const { body, scan_output_axes, scan_output_directions, ...rest } = attributes as unknown as ScanAttributes;
  const { inputs, captures, outputs } = body;
  const scanned = kept.slice(states);
  const lists = { scan_output_axes, scan_output_directions };
  const left = Object.entries(lists).flatMap(([name, list]) => (list && scanned.includes(true) ? [[name, only(list, scanned)]] : []));
  return { ...rest, ...Object.fromEntries(left), body: graph({ inputs, captures, outputs: only(outputs, kept) }) } as Attributes;
}
