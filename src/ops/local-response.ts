/** Local response normalization: channels held down by their neighbours. */
import { constant, type Value } from "../ir/graph.ts";
import { formatShape } from "../ir/shape.ts";
import { tensor } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";
import type { Ops } from "./build.ts";
import { requireFloat, required, sameAsFirstFloat } from "./infer.ts";
import { mapAxis } from "./reduction.ts";
import { defineOp, type Op } from "./op.ts";
import { reshapeLike, sizesVector, dimOf } from "./vectors.ts";

interface LRNAttributes {
  readonly alpha?: number;
  readonly beta?: number;
  readonly bias?: number;
  /** Number of channels in a sum. */
  readonly size: number;
}

/** Channels before a channel that its sum takes in, and after it. */
const reach = (size: number) => [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)] as const;

/** Whether the sum of channel i takes in channel j. */
const within = (i: number, j: number, size: number) => j >= i - reach(size)[0] && j <= i + reach(size)[1];

/** Σ over neighbouring channels of x [N, C, …] as a product with a band of ones; transposed: over the channels whose sums take this one in. */
function windowSums(ops: Ops, x: Value, size: number, transposed: boolean): Value {
  const channels = x.shape[1];
  if (typeof channels !== "number") throw new GradusError("the gradient of LRN needs a known number of channels");
  const band = Array.from({ length: channels }, (_, i) =>
    Array.from({ length: channels }, (__, j) => Number(transposed ? within(j, i, size) : within(i, j, size))),
  );
  const flat = ops.Reshape(x, sizesVector(ops, [dimOf(ops, x, 0), channels, -1]));
  return reshapeLike(ops, ops.MatMul(constant(tensor(x.dtype, band)), flat), x);
}

/** x/(bias + α/size·Σx²)^β, the sum over `size` neighbouring channels of x [N, C, …]. */
export const LRN: Op<LRNAttributes> = defineOp<LRNAttributes>({
  arity: [1, 1],
  attributes: { alpha: "float", beta: "float", bias: "float", size: "int" },
  infer: (context) => {
    const { shape } = requireFloat(required(context, 0));
    const { size } = context.attributes;
    if (shape.length < 3) throw new GradusError(`expected [batch, channels, …], got ${formatShape(shape)}`);
    if (!(size >= 1)) throw new GradusError(`size must be 1 or more, got ${size}`);
    return sameAsFirstFloat(context);
  },
  evaluate: ([x], { attributes: { alpha = 1e-4, beta = 0.75, bias = 1, size } }) => [
    mapAxis(x!, 1, (lane) =>
      lane.map((v, i) => {
        const sum = lane.reduce((total, other, j) => (within(i, j, size) ? total + other * other : total), 0);
        return v / (bias + (alpha / size) * sum) ** beta;
      }),
    ),
  ],
  gradient: ({ ops, inputs: [x], outputGradients: [dy], attributes: { alpha = 1e-4, beta = 0.75, bias = 1, size } }) => {
    // With u = bias + α/size·Σx²: dy·u^−β − 2αβ/size·x·Σ'(dy·x·u^(−β−1))
    const u = ops.Add(ops.Mul(windowSums(ops, ops.Mul(x!, x!), size, false), alpha / size), bias);
    const scaled = ops.Mul(dy, ops.Pow(u, -beta));
    const around = windowSums(ops, ops.Div(ops.Mul(scaled, x!), u), size, true);
    return [ops.Sub(scaled, ops.Mul(ops.Mul(x!, around), (2 * alpha * beta) / size))];
  },
  samples: [
    { inputs: [[2, 5, 2, 2]], attributes: { size: 3, alpha: 0.5 } },
    { inputs: [[1, 6, 2, 1]], attributes: { size: 5, alpha: 0.8, beta: 0.5, bias: 2 } },
    { inputs: [[2, 4, 1, 2]], attributes: { size: 1, alpha: 0.3 } },
  ],
});
