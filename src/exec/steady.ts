/**
 * Equal bits whatever the thread count. ONNX Runtime 1.30 shares elementwise work out at any element, and the kernels of some
 * operators compute the few elements at the end of a share by another routine than the rest; those operators are written with
 * others. Its matrix product sums in blocks whose length depends on the columns that one thread takes; there the threads are limited.
 */
import { batchesFirst } from "./batches-first.ts";
import { constant, graph, int64, isGraph, makeNode, type Attribute, type Graph, type Node, type Value } from "../ir/graph.ts";
import type { DType } from "../ir/dtype.ts";
import { sizeOf, type Dim } from "../ir/shape.ts";
import { tensor } from "../ir/tensor.ts";
import { applyOp, constantFloats, ops } from "../ops/build.ts";
import { lstmSteps } from "../ops/lstm-steps.ts";
import { framewise } from "../ops/signal.ts";

type Lowering = (x: Value, attributes: Readonly<Record<string, Attribute>>, inputs: readonly (Value | null)[]) => Value | readonly Value[];

const number = (attribute: Attribute | undefined, otherwise: number) => (attribute === undefined ? otherwise : (attribute as number));
/** exp(min(x, 0)) − 1, the negative half of the exponential units. */
const negativeHalf = (x: Value) => ops.Sub(ops.Exp(ops.Min(x, 0)), 1);
const last = int64([-1]);

/** Operators whose kernels are not steady, or not what ONNX says, in terms of others that are. */
const lowerings: Readonly<Record<string, Lowering>> = {
  // The sum over an axis of one element: reductions take the logarithm element by element.
  Log: (x) => ops.ReduceLogSum(ops.Unsqueeze(x, last), { axes: [-1], keepdims: 0 }),
  // log(1 + eˣ) = log(e⁰ + eˣ)
  Softplus(x) {
    const pads = [...new Array<number>(x.shape.length).fill(0), 1, ...new Array<number>(x.shape.length + 1).fill(0)];
    return ops.ReduceLogSumExp(ops.Pad(ops.Unsqueeze(x, last), int64(pads)), { axes: [-1], keepdims: 0 });
  },
  Elu: (x, { alpha }) => ops.Add(ops.Relu(x), ops.Mul(negativeHalf(x), number(alpha, 1))),
  Selu(x, { alpha, gamma }) {
    const negative = ops.Mul(negativeHalf(x), number(alpha, 1.6732632423543772));
    return ops.Mul(ops.Add(ops.Relu(x), negative), number(gamma, 1.0507009873554805));
  },
  Celu(x, { alpha }) {
    const a = number(alpha, 1);
    return ops.Add(ops.Relu(x), ops.Mul(negativeHalf(ops.Div(x, a)), a));
  },
  // The runtime takes the indices as positions in the named shape, ONNX as positions in the smaller one that the windows cover.
  MaxUnpool(x, attributes, [, at, shape]) {
    const y = ops.MaxUnpool(x, at!, attributes);
    if (!shape) return y;
    const none = int64(new Array<number>(x.shape.length).fill(0));
    return ops.Pad(y, ops.Concat(none, ops.Sub(shape, ops.Shape(y)), { axis: 0 }));
  },
  // In training the runtime's kernel writes the new running statistics over the old ones, a caller's memory.
  BatchNormalization(x, attributes, [, scale, bias, mean, variance]) {
    const own = (value: Value) => (attributes["training_mode"] === 1 ? ops.Min(value, value) : value);
    return ops.BatchNormalization(x, scale!, bias!, own(mean!), own(variance!), attributes);
  },
  // The kernel's sums and elementwise work depend on how sequences are shared out.
  LSTM: (_, attributes, inputs) => lstmSteps(ops, inputs, attributes),
  // The runtime cuts the frames of a complex signal as if it were a real one.
  STFT(x, attributes, inputs) {
    return x.shape[2] === 2 ? framewise(ops, inputs, attributes) : ops.STFT(...inputs, attributes);
  },
  // The runtime's kernel draws 1 with probability 1 - p.
  Bernoulli(p, { dtype = p.dtype, ...seed }) {
    return ops.Cast(ops.Less(ops.RandomUniformLike(p, seed), p), { to: dtype as DType });
  },
  // With align_corners the runtime takes the size that it has rounded down, ONNX size · scale: a crop's corners say the same.
  Resize(x, attributes, [, roi, scales, sizes]) {
    const given = scales && constantFloats(scales);
    const lengths = given && x.shape.map((dim, i) => (typeof dim === "number" && given[i] !== 1 ? dim * given[i]! : 1));
    if (attributes["coordinate_transformation_mode"] !== "align_corners" || !lengths || lengths.every(Number.isInteger)) {
      return ops.Resize(x, roi ?? null, scales ?? null, sizes ?? null, attributes);
    }
    const ends = lengths.map((length) => (Number.isInteger(length) ? 1 : Math.max(Math.floor(length) - 1, 0) / (length - 1)));
    const corners = constant(tensor("float32", [...ends.map(() => 0), ...ends]));
    return ops.Resize(x, corners, scales, null, { ...attributes, coordinate_transformation_mode: "tf_crop_and_resize" });
  },
};

/** How a node is written with others: where its kernel is not steady, and where there is none for its layout. */
function loweringOf({ op, attributes }: Node): Lowering | undefined {
  const lowering = Object.hasOwn(lowerings, op) ? lowerings[op] : undefined;
  if (attributes["layout"] !== 1) return lowering;
  return batchesFirst((inputs, rest) => (lowering ? [lowering(inputs[0]!, rest, inputs)].flat() : applyOp(op, inputs, rest).outputs));
}

/** The graph with unsteady operators written out, bodies included; the graph itself where it has none. */
export function steadyGraph(root: Graph): Graph {
  return hasUnsteady(root) ? rewrite(root, new Map()) : root;
}

function hasUnsteady(root: Graph): boolean {
  return root.nodes.some(
    (node) => loweringOf(node) !== undefined || Object.values(node.attributes).some((a) => isGraph(a) && hasUnsteady(a)),
  );
}

function rewrite(part: Graph, outer: ReadonlyMap<Value, Value>): Graph {
  const made = new Map(outer);
  const now = (value: Value) => made.get(value) ?? value;
  for (const node of part.nodes) {
    const inputs = node.inputs.map((value) => value && now(value));
    const attributes = Object.fromEntries(
      Object.entries(node.attributes).map(([key, value]) => [key, isGraph(value) ? rewrite(value, made) : value]),
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
export function steadyThreads(root: Graph, threads: number, sizes: readonly Readonly<Record<string, number>>[]): number {
  const products = sizes.flatMap((dims) => productsOf(root, threads, dims));
  let steady = threads;
  while (steady > 1 && !products.every((product) => isSteady(product, steady))) steady--;
  return steady;
}

/** Rows, summed length and columns of the products whose sums may be cut: of many in one node each thread takes whole ones. */
function productsOf(part: Graph, threads: number, dims: Readonly<Record<string, number>>): (readonly [number, number, number])[] {
  const size = (dim: Dim) =>
    typeof dim === "number" ? dim : dim.split("*").reduce((product, factor) => product * (dims[factor] ?? Number(factor)), 1);
  const product = ({ op, inputs, attributes, outputs }: Node): readonly [number, number, number] | undefined => {
    if (op === "Conv") {
      // One image: threads share out the columns of a product, whatever its rows.
      const [batch, , ...windows] = outputs[0]!.shape.map(size);
      if (batch !== 1 || (attributes["group"] ?? 1) !== 1) return undefined;
      return [0, sizeOf(inputs[1]!.shape.slice(1).map(size)), sizeOf(windows)];
    }
    if (op !== "Gemm" && op !== "MatMul") return undefined;
    if (sizeOf(inputs[1]!.shape.slice(0, -2).map(size)) >= threads) return undefined;
    const shape = outputs[0]!.shape.map(size);
    const inner = inputs[0]!.shape.at(attributes["transA"] === 1 ? -2 : -1)!;
    return [shape.at(-2) ?? 1, size(inner), shape.at(-1) ?? 1];
  };
  return part.nodes.flatMap((node) => {
    const own = product(node);
    const bodies = Object.values(node.attributes).flatMap((a) => (isGraph(a) ? productsOf(a, threads, dims) : []));
    return own ? [own, ...bodies] : bodies;
  });
}
