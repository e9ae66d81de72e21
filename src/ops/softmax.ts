/** Softmax and its relatives, along one axis. */
import { normalizeAxis } from "../ir/shape.ts";
import { int64 } from "../ir/graph.ts";
import { requireFloat, required, sameAsFirst } from "./infer.ts";
import { logSoftmax, mapAxis } from "./reduction.ts";
import { defineOp, type GradientRule, type Op, type OpDefinition } from "./op.ts";

export interface AxisAttribute {
  /** The last, unless given. */
  readonly axis?: number;
}

function alongAxis(f: (lane: Float64Array) => Float64Array, gradient: OpDefinition<AxisAttribute, "one">["gradient"]): Op<AxisAttribute> {
  return defineOp<AxisAttribute>({
    attributes: { axis: "int" },
    arity: [1, 1],
    infer: (context) => {
      const { shape } = requireFloat(required(context, 0));
      normalizeAxis(context.attributes.axis ?? -1, shape.length);
      return sameAsFirst(context);
    },
    evaluate: ([x], { attributes: { axis = -1 } }) => [mapAxis(x!, normalizeAxis(axis, x!.shape.length), f)],
    gradient,
    samples: [{ inputs: [[3, 4]] }, { inputs: [[2, 3, 4]], attributes: { axis: 1 } }, { inputs: [[5]], attributes: { axis: 0 } }],
  });
}

const softmaxGradient: GradientRule<AxisAttribute> = ({ ops, outputs: [y], outputGradients: [dy], attributes: { axis = -1 } }) => {
  const weighted = ops.Mul(dy, y!);
  return [ops.Sub(weighted, ops.Mul(y!, ops.ReduceSum(weighted, int64([axis]))))]; // y(dy - Σ dy·y)
};

/** exp(x)/Σexp(x). */
export const Softmax: Op<AxisAttribute> = alongAxis((lane) => logSoftmax(lane).map(Math.exp), softmaxGradient);

/** x - ln Σexp(x). */
export const LogSoftmax: Op<AxisAttribute> = alongAxis(
  logSoftmax,
  ({ ops, outputs: [y], outputGradients: [dy], attributes: { axis = -1 } }) => [
    ops.Sub(dy, ops.Mul(ops.Exp(y!), ops.ReduceSum(dy, int64([axis])))), // dy - softmax·Σdy
  ],
);

/** 1 at the first largest element of the lane, 0 elsewhere. */
export const Hardmax: Op<AxisAttribute> = {
  ...alongAxis(
    (lane) => {
      const at = lane.reduce((best, x, i) => (x > lane[best]! ? i : best), 0);
      return lane.map((_, i) => (i === at ? 1 : 0));
    },
    () => [null],
  ),
  follows: "steps",
};
