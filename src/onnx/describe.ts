/** A graph as a table: what each node makes, holds and costs. */
import { isFloat, type DType } from "../ir/dtype.ts";
import { isGraph, nameValues, type Graph, type Node, type Value } from "../ir/graph.ts";
import { isUnknown, sizeOf, type Dim, type Shape } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import { multiplyAdds } from "../ops/multiply-adds.ts";

export interface ModelRow {
  /** The node's first output, as it would be named in a file. */
  readonly name: string;
  readonly op: string;
  readonly outputs: readonly { readonly dtype: DType; readonly shape: Shape }[];
  /** Elements of the weights that this node is the first to read. */
  readonly parameters: number;
  /** Names of those weights, where they have one. */
  readonly weights: readonly string[];
  /** For one example: every named size counts as 1, unless `sizes` says more. */
  readonly multiplyAdds: number;
}

export interface ModelDescription {
  readonly rows: readonly ModelRow[];
  readonly parameters: number;
  readonly multiplyAdds: number;
}

/**
 * Nodes in order. Weights are the constants of floats with at least one axis; numbers alone are settings.
 * @param sizes of named dimensions, e.g. `{ batch: 32 }`
 * @example describeModel(readModel(bytes).graph).parameters
 */
export function describeModel(graph: Graph, sizes: Readonly<Record<string, number>> = {}): ModelDescription {
  const names = nameValues(graph);
  const seen = new Set<Tensor>();
  const size = (dim: Dim): number => (typeof dim === "number" ? dim : namedSize(dim, sizes));
  const rows = graph.nodes.map((node): ModelRow => {
    const weights = weightsOf(node).filter(({ origin }) => {
      if (origin.kind !== "constant" || seen.has(origin.tensor)) return false;
      seen.add(origin.tensor);
      return true;
    });
    return {
      name: names.get(node.outputs[0]!) ?? node.op,
      op: node.op,
      outputs: node.outputs.map(({ dtype, shape }) => ({ dtype, shape: shape.map((dim) => (isUnknown(dim) ? "?" : dim)) })),
      parameters: weights.reduce((sum, { shape }) => sum + sizeOf(shape as readonly number[]), 0),
      weights: weights.flatMap(({ name }) => (name === undefined ? [] : [name])),
      multiplyAdds: multiplyAdds(node, size),
    };
  });
  return {
    rows,
    parameters: rows.reduce((sum, row) => sum + row.parameters, 0),
    multiplyAdds: rows.reduce((sum, row) => sum + row.multiplyAdds, 0),
  };
}

/** A product of names and numbers. */
function namedSize(dim: string, sizes: Readonly<Record<string, number>>): number {
  return dim
    .split("*")
    .map((part) => (/^\d+$/.test(part) ? Number(part) : Object.hasOwn(sizes, part) ? sizes[part]! : 1))
    .reduce((product, n) => product * n, 1);
}

/** Vectors of floats that are no weights: a region and scales. */
const settings: Readonly<Record<string, readonly number[]>> = { Resize: [1, 2] };

/** Weights of a node and of its bodies. */
function weightsOf(node: Node): Value[] {
  const not = Object.hasOwn(settings, node.op) ? settings[node.op]! : [];
  const own = node.inputs.filter(
    (value, i): value is Value => value?.origin.kind === "constant" && isFloat(value.dtype) && value.shape.length > 0 && !not.includes(i),
  );
  const bodies = Object.values(node.attributes).filter(isGraph);
  return [...own, ...bodies.flatMap(({ nodes }) => nodes.flatMap(weightsOf))];
}
