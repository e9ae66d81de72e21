/** What of a graph need not be computed again when one parameter moves: matrix products by rows, and how far they reach. */
import { graph, type Node, type Value } from "../ir/graph.ts";
import { evaluateGraph } from "../exec/reference.ts";
import { sameShape, sizeOf, staticShape } from "../ir/shape.ts";

/** A parameter that moves one column of z: z[:, j] += δ · x[:, i] for coordinate [i, j], or δ alone for coordinate j of a bias. */
export interface ColumnMove {
  /** Element [i, j] of what the product reads is this element of the parameter. */
  readonly order: Int32Array;
  /** [rows, n] */
  readonly z: Value;
  /** [rows, m]; undefined for a bias. */
  readonly x: Value | undefined;
}

/** A column that then goes through elementwise operators into one product: y += (f(z) − f(z₀))[:, j] · w[j, :]. */
export interface RankOne {
  /** f(z), elementwise. */
  readonly a: Value;
  /** [n, u] */
  readonly w: Value;
  /** [rows, u] */
  readonly y: Value;
}

type Reader = (node: Node, index: number) => Pick<ColumnMove, "x"> | undefined;

const isMatrix = (value: Value | null | undefined): value is Value => value?.shape.length === 2;
const isRow = ({ shape }: Value, z: Value) => shape.at(-1) === z.shape[1] && shape.slice(0, -1).every((dim) => dim === 1);
const plainProduct = ({ attributes }: Node) =>
  ["alpha", "beta"].every((key) => (attributes[key] ?? 1) === 1) && ["transA", "transB"].every((key) => (attributes[key] ?? 0) === 0);

/** Operators that ONNX defines as linear in an input by rows. What a layer of one's own computes before them is none of theirs. */
const movesColumns: Readonly<Record<string, Reader>> = {
  MatMul: ({ inputs }, index) => (index === 1 && isMatrix(inputs[0]) && isMatrix(inputs[1]) ? { x: inputs[0] } : undefined),
  Gemm(node, index) {
    if (!plainProduct(node)) return undefined;
    if (index === 1) return { x: node.inputs[0]! };
    return index === 2 && isRow(node.inputs[2]!, node.outputs[0]!) ? { x: undefined } : undefined;
  },
  Add: (node, index) => (isMatrix(node.outputs[0]) && isRow(node.inputs[index]!, node.outputs[0]) ? { x: undefined } : undefined),
};

/** The left and right factor of a product by rows. */
function factors(node: Node): readonly [Value, Value] | undefined {
  const [a, b] = node.inputs;
  const product = (node.op === "MatMul" || (node.op === "Gemm" && plainProduct(node))) && isMatrix(a) && isMatrix(b);
  return product ? [a, b] : undefined;
}

/** The one operator that reads a parameter, or its elements in another order, where it moves a column only. */
export function columnMove(values: Value, parameter: Value): ColumnMove | undefined {
  const { nodes } = graph({ outputs: { values } });
  for (let at = parameter; ;) {
    const readers = nodes.flatMap((node) => node.inputs.flatMap((value, index) => (value === at ? [{ node, index }] : [])));
    const [only] = readers;
    if (readers.length !== 1 || !only) return undefined;
    const z = only.node.outputs[0]!;
    const found = isMatrix(z) && typeof z.shape[1] === "number" ? movesColumns[only.node.op]?.(only.node, only.index) : undefined;
    const order = found && elementOrder(parameter, at);
    if (found) return order && { z, order, ...found };
    if (only.index !== 0 || only.node.outputs.length !== 1) return undefined;
    at = z;
  }
}

/** Which element of a parameter each element of a value is, where the value is the parameter in another order. */
function elementOrder(parameter: Value, value: Value): Int32Array | undefined {
  const shape = staticShape(parameter.shape);
  if (!shape || !staticShape(value.shape)) return undefined;
  const count = sizeOf(shape);
  // Numbers that no arithmetic maps onto themselves.
  const marks = Float64Array.from({ length: count }, (_, i) => i + 0.5);
  if (value === parameter) return Int32Array.from(marks, Math.floor);
  const chain = graph({ outputs: { value } });
  if (chain.inputs.length !== 1) return undefined;
  const found = evaluateGraph(chain, { [parameter.name!]: { dtype: "float64", shape, data: marks } })["value"]!;
  const data = found.data as Float64Array;
  const order = Int32Array.from(data, Math.floor);
  const isOrder = order.length === count && new Set(data).size === count && data.every((mark) => marks[mark - 0.5] === mark);
  return isOrder ? order : undefined;
}

/** The product that an elementwise function of z enters, where z has no other way to `values`. */
export function rankOne(values: Value, z: Value): RankOne | undefined {
  const moved = new Set([z]);
  const absorbed = new Set<Node>();
  const { nodes } = graph({ outputs: { values } });
  let product: { node: Node; a: Value; w: Value } | undefined;
  for (const node of nodes) {
    const read = node.inputs.filter((value) => value && moved.has(value));
    if (read.length === 0) continue;
    const pair = factors(node);
    if (pair && moved.has(pair[0]) && read.length === 1 && !product) {
      product = { node, a: pair[0], w: pair[1] };
      continue;
    }
    const alone = node.inputs.every((value) => !value || moved.has(value) || value.shape.every((dim) => dim === 1));
    if (product || !alone || node.outputs.length !== 1 || !sameShape(node.outputs[0]!.shape, z.shape)) {
      // Whatever follows the product is none of our business.
      if (product && !read.some((value) => value && moved.has(value))) continue;
      return undefined;
    }
    absorbed.add(node);
    moved.add(node.outputs[0]!);
  }
  if (!product || typeof product.w.shape[1] !== "number" || moved.has(values)) return undefined;
  return { a: product.a, w: product.w, y: product.node.outputs[0]! };
}

/**
 * What the way from one value to others reads beside it, computed once and held. Integers and conditions are computed anew, so
 * that sizes stay true.
 */
export function heldBeside(values: Value, start: Value): Value[] {
  const dependent = new Set<Value>([start]);
  for (const node of graph({ outputs: { values } }).nodes) {
    if (node.inputs.some((value) => value && dependent.has(value))) for (const output of node.outputs) dependent.add(output);
  }
  const held = new Set<Value>();
  const seen = new Set<Value>();
  const stack = [values];
  while (stack.length > 0) {
    const value = stack.pop()!;
    if (value === start || seen.has(value) || value.origin.kind === "constant") continue;
    seen.add(value);
    if (dependent.has(value) || (value.origin.kind === "node" && value.dtype !== "float64")) {
      if (value.origin.kind === "node") stack.push(...value.origin.node.inputs.filter((one) => one !== null));
    } else held.add(value);
  }
  return [...held];
}
