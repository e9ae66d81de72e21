/**
 * Equal bits whatever the thread count. ONNX Runtime 1.30 shares elementwise work out at any element, and the kernels of some
 * operators compute the few elements at the end of a share by another routine than the rest; those operators are written with
 * others. Of its matrix product see `steady-products.ts`.
 */
import { batchesFirst } from "./batches-first.ts";
import { constant, int64, type Attribute, type Graph, type Node, type Value } from "../ir/graph.ts";
import type { DType } from "../ir/dtype.ts";
import { tensor } from "../ir/tensor.ts";
import { applyOp, constantFloats, ops } from "../ops/build.ts";
import { lstmOutputs } from "../ops/lstm-steps.ts";
import { framewise } from "../ops/signal.ts";
import { rewriteGraph, type Lowering } from "./rewrite.ts";
import { sharedLoops } from "./shared-loops.ts";

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
    const negative = ops.Mul(negativeHalf(x), number(alpha, 1.6732631921768188));
    return ops.Mul(ops.Add(ops.Relu(x), negative), number(gamma, 1.0507010221481323));
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
  LSTM: (_, attributes, inputs) => lstmOutputs(ops, inputs, attributes),
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

/** The graph with unsteady operators written out, bodies included, and loops shared; the graph itself where it has neither. */
export function steadyGraph(root: Graph): Graph {
  // First the one whose loop has unsteady operators of its own.
  const loops = rewriteGraph(root, (node) => (node.op === "LSTM" ? loweringOf(node) : undefined));
  return sharedLoops(rewriteGraph(loops, loweringOf));
}
