/** Multiply-adds of a node: of the operators that multiply matrices in one way or another; the others have so few that none are counted. */
import { isGraph, type Graph, type Node, type Value } from "../ir/graph.ts";
import type { Dim } from "../ir/shape.ts";

/** A dimension's size, 1 where its name has none. */
type SizeOf = (dim: Dim) => number;
type Rule = (node: Node, size: SizeOf) => number;

const count = (value: Value, size: SizeOf): number => value.shape.reduce<number>((product, dim) => product * size(dim), 1);

/** Results times the terms of each, whichever factor knows their number. */
const terms = (a: Dim, b: Dim, size: SizeOf): number => size(typeof a === "number" ? a : b);

const matMul: Rule = ({ inputs: [a, b], outputs: [y] }, size) => {
  const inner = b!.shape[Math.max(0, b!.shape.length - 2)]!;
  return count(y!, size) * terms(inner, a!.shape[a!.shape.length - 1]!, size);
};

const gemm: Rule = ({ inputs: [a, b], outputs: [y], attributes }, size) =>
  count(y!, size) * terms(b!.shape[attributes["transB"] ? 1 : 0]!, a!.shape[attributes["transA"] ? 0 : 1]!, size);

/** Kernel: [output channels, channels of a group, …], or transposed [input channels, output channels of a group, …]. */
const perElement = (kernel: Value, size: SizeOf): number => kernel.shape.slice(1).reduce<number>((product, dim) => product * size(dim), 1);

const convolution: Rule = ({ inputs: [, w], outputs: [y] }, size) => count(y!, size) * perElement(w!, size);
const transposed: Rule = ({ inputs: [x, w] }, size) => count(x!, size) * perElement(w!, size);

/** Weights [directions, gates · units, inputs] and [directions, gates · units, units], once per step and example. */
const recurrent: Rule = ({ inputs: [x, w, r] }, size) => {
  const steps = size(x!.shape[0]!) * size(x!.shape[1]!);
  return steps * (count(w!, size) + count(r!, size));
};

/** The product of all letters' sizes, for each input beyond the first. */
const einsum: Rule = ({ inputs, attributes }, size) => {
  const letters = new Map<string, number>();
  const subscripts = String(attributes["equation"]).split("->")[0]!.replaceAll(" ", "").split(",");
  subscripts.forEach((term, i) => {
    const shape = inputs[i]?.shape ?? [];
    const [before = "", after] = term.split("...");
    [...before].forEach((letter, axis) => letters.set(letter, size(shape[axis] ?? 1)));
    [...(after ?? "")].forEach((letter, at) => letters.set(letter, size(shape[shape.length - after!.length + at] ?? 1)));
    if (after === undefined) return;
    for (let axis = before.length; axis < shape.length - after.length; axis++) {
      const place = `…${shape.length - after.length - axis}`;
      letters.set(place, Math.max(letters.get(place) ?? 1, size(shape[axis]!)));
    }
  });
  return [...letters.values()].reduce((product, n) => product * n, 1) * Math.max(0, inputs.length - 1);
};

const bodyOf = (node: Node, name: string): Graph | undefined => {
  const attribute = node.attributes[name];
  return attribute !== undefined && isGraph(attribute) ? attribute : undefined;
};

const total = (graph: Graph | undefined, size: SizeOf): number =>
  graph?.nodes.reduce((sum, node) => sum + multiplyAdds(node, size), 0) ?? 0;

const rules: Readonly<Record<string, Rule>> = {
  MatMul: matMul,
  Gemm: gemm,
  Conv: convolution,
  ConvTranspose: transposed,
  RNN: recurrent,
  GRU: recurrent,
  LSTM: recurrent,
  Einsum: einsum,
  /** The body once per slice; the first scanned input says how many there are. */
  Scan: (node, size) => {
    const states = node.inputs.length - Number(node.attributes["num_scan_inputs"]);
    const axes = node.attributes["scan_input_axes"] as readonly number[] | undefined;
    const shape = node.inputs[states]!.shape;
    const axis = axes?.[0] ?? 0;
    return size(shape[axis < 0 ? axis + shape.length : axis]!) * total(bodyOf(node, "body"), size);
  },
  /** One turn: how many there are is known only when the graph runs. */
  Loop: (node, size) => total(bodyOf(node, "body"), size),
  /** The dearer branch. */
  If: (node, size) => Math.max(total(bodyOf(node, "then_branch"), size), total(bodyOf(node, "else_branch"), size)),
};

/** @param size of a named dimension; each counts as 1 unless given */
export function multiplyAdds(node: Node, size: SizeOf = (dim) => (typeof dim === "number" ? dim : 1)): number {
  return Object.hasOwn(rules, node.op) ? rules[node.op]!(node, size) : 0;
}
