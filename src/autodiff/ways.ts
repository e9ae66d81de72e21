/** Why a gradient is zero: whether a value reaches a loss at all, and which operator cuts its ways off. */
import { isFloat } from "../ir/dtype.ts";
import { dependencies, graph, nameValues, type Node, type Value } from "../ir/graph.ts";
import { formatShape, isUnknown } from "../ir/shape.ts";
import { opRecord } from "../ops/build.ts";

/** An operator without a slope; every way from a value to the loss leads through one. */
export interface Cut {
  readonly node: Node;
  /** Of its outputs, the one that the loss needs. */
  readonly output: Value;
  /** Why it has none: `its output is an index`. */
  readonly reason: string;
}

/** `none`: the loss does not depend on the value. A cut is the one nearest the value. */
export type Way = "smooth" | "none" | Cut;

/**
 * Nodes that differentiation made. Their steps (the condition in the gradient of Relu) are constant almost everywhere by right, and
 * cut nothing off.
 */
const derived = new WeakSet<Node>();

/** @param known nodes that were there before */
export function noteDerived(values: readonly Value[], known: Iterable<Node>): void {
  const seen = new Set(known);
  const stack = [...values];
  while (stack.length > 0) {
    const { origin } = stack.pop()!;
    if (origin.kind !== "node" || seen.has(origin.node)) continue;
    seen.add(origin.node);
    derived.add(origin.node);
    stack.push(...dependencies(origin.node));
  }
}

/** How each value reaches a loss. Shapes are no way: they do not change with the numbers. */
export function waysTo(loss: Value, from: readonly Value[]): Way[] {
  const { nodes } = graph({ outputs: { loss } });
  const needed = neededBy(loss, nodes);
  return from.map((value) => wayOf(value, loss, nodes, needed));
}

/** Values whose numbers the loss depends on. */
function neededBy(loss: Value, nodes: readonly Node[]): ReadonlySet<Value> {
  const needed = new Set([loss]);
  for (const node of nodes.toReversed()) {
    if (opRecord(node.op).follows === "shape" || !node.outputs.some((output) => needed.has(output))) continue;
    for (const value of dependencies(node)) needed.add(value);
  }
  return needed;
}

function wayOf(from: Value, loss: Value, nodes: readonly Node[], needed: ReadonlySet<Value>): Way {
  if (!needed.has(from)) return "none";
  const smooth = new Set([from]);
  let cut: Cut | undefined;
  for (const node of nodes) {
    if (!dependencies(node).some((value) => smooth.has(value))) continue;
    const { gradient: rule, follows } = opRecord(node.op);
    if (follows === "shape") continue;
    for (const output of node.outputs) {
      if (!needed.has(output)) continue;
      if (typeof rule === "function" && !follows && isFloat(output.dtype)) smooth.add(output);
      else if (!derived.has(node)) cut ??= { node, output, reason: reasonOf(rule, follows, output) };
    }
  }
  return smooth.has(loss) ? "smooth" : (cut ?? "none");
}

function reasonOf(rule: ReturnType<typeof opRecord>["gradient"], follows: "steps" | undefined, { dtype }: Value): string {
  if (typeof rule !== "function") return rule.none;
  return follows ? "it is constant almost everywhere" : `its output is ${dtype}`;
}

/** `ArgMax_1 int64[3]`: an output under its name in the printed graph of the loss. */
export function placeIn(loss: Value, output: Value): string {
  const name = nameValues(graph({ outputs: { loss } })).get(output);
  return `${name === undefined ? "" : `${name} `}${output.dtype}${formatShape(output.shape.map((dim) => (isUnknown(dim) ? "?" : dim)))}`;
}

/** `only through ArgMax (its output ArgMax_1 int64[3]), which has no slope: its output is an index` */
export function describeCut(loss: Value, { node, output, reason }: Cut): string {
  return `only through ${node.op} (its output ${placeIn(loss, output)}), which has no slope: ${reason}`;
}
