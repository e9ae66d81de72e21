/**
 * Matrix products that have equal bits whatever the thread count. ONNX Runtime 1.30 sums in blocks whose length depends on the columns
 * that one thread takes. It shares out rows where they are at least as many as the columns, which changes nothing: so a product of few
 * rows that two threads would change is turned, Y = (BᵀAᵀ)ᵀ, and for what is left the threads are limited.
 */
import { int64, isGraph, type Attribute, type Graph, type Node, type Value } from "../ir/graph.ts";
import { sizeOf, type Dim } from "../ir/shape.ts";
import { ops } from "../ops/build.ts";
import { rewriteGraph, type Lowering } from "./rewrite.ts";

/** Sizes of the named dimensions. */
type Sizes = Readonly<Record<string, number>>;

/** Columns per block of the runtime's product, and the length its sums are cut into for them (mlas, sgemm.cpp). */
const columnBlock = 128;
const sumBlock = 128;
const columnGrain = 16;

/** The length of a thread's partial sums when it computes this many columns. */
function sumLength(columns: number): number {
  let [width, length] = [columnBlock, sumBlock];
  while (width > columnGrain && width / 2 >= columns) [width, length] = [width / 2, length * 2];
  return length;
}

/** Columns of the threads' shares; rows 0 stand for the convolution of one image, which shares out differently. */
function sharesOf(rows: number, columns: number, used: number): number[] {
  const grains = Math.ceil(columns / columnGrain);
  if (rows === 0) {
    const share = Math.ceil(grains / used);
    return [share * columnGrain, columns - (Math.ceil(grains / share) - 1) * share * columnGrain];
  }
  // The first shares are one grain larger than the others where the grains do not divide; the last one ends with the columns.
  const small = Math.floor(grains / used);
  return [
    ...[small, ...(grains % used > 0 ? [small + 1] : [])].map((share) => share * columnGrain),
    columns - (grains - small) * columnGrain,
  ];
}

/** Whether [m, k]·[k, n] has the same bits on `threads` threads as on one: shares of rows always have, shares of columns may not. */
function isSteady([m, k, n]: readonly [number, number, number], threads: number): boolean {
  if (n <= m || k <= sumBlock) return true;
  for (let used = 2; used <= Math.min(threads, Math.ceil(n / columnGrain)); used++) {
    const changes = (columns: number) => sumLength(Math.min(columns, n)) !== sumLength(n) && k > Math.min(sumLength(columns), sumLength(n));
    if (sharesOf(m, n, used).some(changes)) return false;
  }
  return true;
}

/**
 * The most threads, up to `threads`, on which every matrix product of the graph has the bits it has on one.
 * @param sizes of the named dimensions, one record for each set that will be run
 */
export function steadyThreads(root: Graph, threads: number, sizes: readonly Sizes[]): number {
  const products = sizes.flatMap((dims) => productsOf(root, threads, dims));
  let steady = threads;
  while (steady > 1 && !products.every((product) => isSteady(product, steady))) steady--;
  return steady;
}

const sized = (dim: Dim, dims: Sizes): number =>
  typeof dim === "number" ? dim : dim.split("*").reduce((product, factor) => product * (dims[factor] ?? Number(factor)), 1);

/** Rows, summed length and columns of a matrix product. Many matrices times one are one product of all their rows. */
function productOf({ inputs, attributes, outputs }: Node, dims: Sizes): readonly [m: number, k: number, n: number] {
  const shape = outputs[0]!.shape.map((dim) => sized(dim, dims));
  const inner = inputs[0]!.shape.at(attributes["transA"] === 1 ? -2 : -1)!;
  const rows = inputs[1]!.shape.length === 2 ? sizeOf(shape.slice(0, -1)) : (shape.at(-2) ?? 1);
  return [rows, sized(inner, dims), shape.at(-1) ?? 1];
}

/**
 * The graph with the products turned that two threads would change. What is turned follows from graph and sizes alone, so that one
 * thread computes what two do.
 */
export function turnProducts(root: Graph, sizes: readonly Sizes[]): Graph {
  return rewriteGraph(root, (node) => {
    if (node.op !== "Gemm" && node.op !== "MatMul") return undefined;
    if (node.inputs.some((value, i) => value && i < 2 && value.shape.length !== 2)) return undefined;
    const products = sizes.map((dims) => productOf(node, dims));
    const turns = products.some((product) => !isSteady(product, 2)) && products.every(([m, , n]) => m <= n);
    return turns ? turned : undefined;
  });
}

/** Y = (op(B)ᵀ·op(A)ᵀ)ᵀ, with the column of C for its row. Without a C the runtime would join product and transposition, and turn it back. */
const turned: Lowering = (a, attributes: Readonly<Record<string, Attribute>>, [, b, c]) => {
  const other = (name: string) => (attributes[name] === 1 ? 0 : 1);
  const { alpha, beta } = attributes as { readonly alpha?: number; readonly beta?: number };
  const product = ops.Gemm(b!, a, c ? columnOf(c) : 0, { transA: other("transB"), transB: other("transA"), alpha, beta } as Record<
    string,
    number
  >);
  return ops.Transpose(product, { perm: [1, 0] });
};

function columnOf(c: Value): Value {
  if (c.shape.length === 0) return c;
  return c.shape.length === 1 ? ops.Unsqueeze(c, int64([1])) : ops.Transpose(c, { perm: [1, 0] });
}

/** Rows, summed length and columns of the products whose sums may be cut: of many in one node each thread takes whole ones. */
function productsOf(part: Graph, threads: number, dims: Sizes): (readonly [number, number, number])[] {
  const size = (dim: Dim) => sized(dim, dims);
  const product = (node: Node): readonly [number, number, number] | undefined => {
    const { op, inputs, attributes, outputs } = node;
    if (op === "Conv") {
      // One image: threads share out the columns of a product, whatever its rows.
      const [batch, , ...windows] = outputs[0]!.shape.map(size);
      if (batch !== 1 || (attributes["group"] ?? 1) !== 1) return undefined;
      return [0, sizeOf(inputs[1]!.shape.slice(1).map(size)), sizeOf(windows)];
    }
    if (op !== "Gemm" && op !== "MatMul") return undefined;
    if (sizeOf(inputs[1]!.shape.slice(0, -2).map(size)) >= threads) return undefined;
    return productOf(node, dims);
  };
  return part.nodes.flatMap((node) => {
    const own = product(node);
    const bodies = Object.values(node.attributes).flatMap((a) => (isGraph(a) ? productsOf(a, threads, dims) : []));
    return own ? [own, ...bodies] : bodies;
  });
}
