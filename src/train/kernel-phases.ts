/**
 * Which part of a step each node of a profiled step graph is of, and which layer's. What the loss is made from is forward; what reads rows
 * of the data is data; all else is backward. In the body of a Scan, what lies behind the whole gradient is the optimizer.
 */
import type { ProfiledGraph, RunGraph, RunNode } from "../exec/session.ts";

export type NodePhase = "data" | "forward" | "backward" | "optimizer";

export interface PlacedNode {
  readonly node: RunNode;
  readonly phase: NodePhase;
  /** The layer with weights whose these are, or whose output they go on from; of the data and the optimizer none. */
  readonly layer?: string;
}

const data = new Set(["features", "targets", "lengths", "rows"]);

/** @param slots names of all parameters, in the order of θ: `dense_1/W` */
export function placeNodes({ graph }: ProfiledGraph, slots: readonly string[]): PlacedNode[] {
  const scan = graph.nodes.find(({ bodies }) => bodies.length > 0 && slots.length > 0 && !graph.inputs.includes(slots[0]!));
  if (scan) return [...placeAround(graph, scan), ...placeBody(scan.bodies[0]!, slots)];
  const owners = new Map(slots.map((name) => [name, layerOf(name)]));
  const forward = ancestors(
    graph,
    graph.outputs.filter((name) => name === "loss" || name.startsWith("update/")),
  );
  const phases = new Map(graph.nodes.map((node) => [node, readsRows(node) ? "data" : forward.has(node) ? "forward" : "backward"] as const));
  return withLayers(graph, phases, owners);
}

/** `dense_1/W` is of `dense_1`; of layers inside others the innermost. */
const layerOf = (parameter: string): string => parameter.slice(0, parameter.lastIndexOf("/"));

const readsRows = ({ op, inputs }: RunNode): boolean => op === "Gather" && data.has(inputs[0]!) && inputs[1] === "rows";

/** What stands beside a Scan of steps: rows before it, losses behind. */
function placeAround({ nodes }: RunGraph, scan: RunNode): PlacedNode[] {
  const at = nodes.indexOf(scan);
  return nodes.flatMap((node, i) =>
    node === scan ? [] : [{ node, phase: i < at || readsRows(node) ? ("data" as const) : ("forward" as const) }],
  );
}

/** One step as the body of a Scan: state and rows in; state and the network's output out. */
function placeBody(body: RunGraph, slots: readonly string[]): PlacedNode[] {
  const owners = new Map<string, string>();
  for (const { op, inputs, outputs } of body.nodes)
    if (op === "Split" && inputs[0] === "theta/in" && outputs.length === slots.length)
      outputs.forEach((name, i) => owners.set(name, layerOf(slots[i]!)));
  const forward = ancestors(body, ["output/step"]);
  const cut = wholeGradient(body, forward);
  const joined = body.nodes[cut];
  if (joined?.op === "Concat" && joined.inputs.length === slots.length)
    joined.inputs.forEach((name, i) => owners.set(name, layerOf(slots[i]!)));
  const behind = descendants(body, joined?.outputs ?? []);
  const phases = new Map<RunNode, NodePhase>();
  const readers = readersOf(body);
  for (const node of body.nodes.toReversed()) {
    const next = node.outputs.flatMap((name) => readers.get(name) ?? []);
    const own = !behind.has(node) && node !== joined && dependsOn(body, node, ["x/step", "y/step", "share"]);
    if (forward.has(node)) phases.set(node, "forward");
    else if (behind.has(node) || (!own && node !== joined && next.every((reader) => phases.get(reader) === "optimizer")))
      phases.set(node, "optimizer");
    else phases.set(node, "backward");
  }
  return withLayers(body, new Map(body.nodes.map((node) => [node, phases.get(node)!])), owners);
}

/** Where the node stands that all of the new state hears of the examples through: the joined gradient. */
function wholeGradient(body: RunGraph, forward: ReadonlySet<RunNode>): number {
  return body.nodes.findIndex((candidate) => {
    if (forward.has(candidate)) return false;
    const without = descendants({ ...body, nodes: body.nodes.filter((node) => node !== candidate) }, ["x/step", "y/step"]);
    const heard = new Set([...without].flatMap(({ outputs }) => outputs));
    return body.outputs.every((name) => name === "output/step" || !heard.has(name));
  });
}

function withLayers(graph: RunGraph, phases: ReadonlyMap<RunNode, NodePhase>, owners: ReadonlyMap<string, string>): PlacedNode[] {
  const layers = new Map<RunNode, string>();
  const made = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  /** Weights through nodes that read nothing else. */
  const weights = new Map(owners);
  for (const node of graph.nodes) {
    const own = node.inputs.map((name) => weights.get(name)).find((layer) => layer !== undefined);
    const gradient = node.outputs.find((name) => name.startsWith("gradient/"));
    const named = gradient === undefined ? own : layerOf(gradient.slice("gradient/".length).replace(/_token_\d+$/, ""));
    const alone = own !== undefined && node.inputs.every((name) => weights.has(name) || !(made.has(name) || graph.inputs.includes(name)));
    if (alone) for (const name of node.outputs) weights.set(name, own);
    const before = node.inputs.map((name) => made.get(name)).find((maker) => maker && phases.get(maker) === "forward" && layers.has(maker));
    const found = named ?? node.outputs.map((name) => owners.get(name)).find((layer) => layer !== undefined);
    if (found !== undefined) layers.set(node, found);
    else if (phases.get(node) === "forward" && before) layers.set(node, layers.get(before)!);
  }
  const readers = readersOf(graph);
  for (const node of graph.nodes.toReversed()) {
    if (layers.has(node)) continue;
    const next = node.outputs.flatMap((name) => readers.get(name) ?? []).find((reader) => layers.has(reader));
    if (next) layers.set(node, layers.get(next)!);
  }
  return graph.nodes.map((node) => {
    const phase = phases.get(node)!;
    const layer = phase === "forward" || phase === "backward" ? layers.get(node) : undefined;
    return { node, phase, ...(layer === undefined ? {} : { layer }) };
  });
}

function readersOf({ nodes }: RunGraph): Map<string, RunNode[]> {
  const readers = new Map<string, RunNode[]>();
  for (const node of nodes) for (const name of node.inputs) readers.set(name, [...(readers.get(name) ?? []), node]);
  return readers;
}

function ancestors({ nodes }: RunGraph, names: readonly string[]): Set<RunNode> {
  const wanted = new Set(names);
  const found = new Set<RunNode>();
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => wanted.has(name))) continue;
    found.add(node);
    for (const name of node.inputs) wanted.add(name);
  }
  return found;
}

function descendants({ nodes }: RunGraph, names: readonly string[]): Set<RunNode> {
  const heard = new Set(names);
  const found = new Set<RunNode>();
  for (const node of nodes) {
    if (!node.inputs.some((name) => heard.has(name))) continue;
    found.add(node);
    for (const name of node.outputs) heard.add(name);
  }
  return found;
}

const dependsOn = (graph: RunGraph, node: RunNode, names: readonly string[]): boolean => descendants(graph, names).has(node);
