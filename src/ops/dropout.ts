/** Dropout. */
import { constant, type Value } from "../ir/graph.ts";
import { formatShape } from "../ir/shape.ts";
import { tensor } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";
import type { Ops } from "./build.ts";
import { drawing } from "./drawing.ts";
import { requireDType, requireFloat, required } from "./infer.ts";
import { indicator } from "./masks.ts";
import { numbers } from "./ndarray.ts";
import { defineOp, type InferContext, type Op, type SampleInput } from "./op.ts";

function requireScalar(context: InferContext<unknown>, index: number, what: string): void {
  const { shape } = required(context, index);
  const one = shape.length === 0 || (shape.length === 1 && (shape[0] === 1 || typeof shape[0] === "string"));
  if (!one) throw new GradusError(`${what} must be a scalar, got shape ${formatShape(shape)}`);
}

/** The number of a constant scalar. */
function known(value: Value | null | undefined): number | undefined {
  return value?.origin.kind === "constant" && value.dtype !== "float16" ? Number(value.origin.tensor.data[0]) : undefined;
}

/** 1/(1 − ratio) in the dtype of `like`. */
function keptScale(ops: Ops, ratio: Value | null | undefined, like: Value): Value {
  if (!ratio) return constant(tensor(like.dtype, 2));
  return ops.Reciprocal(ops.Sub(constant(tensor(like.dtype, 1)), ops.Cast(ratio, { to: like.dtype })));
}

const fixedScalar = (value: number): SampleInput => ({ shape: [], values: [value], constant: true });
const flag = (value: number, constant = false): SampleInput => ({
  shape: [],
  dtype: "bool",
  values: [value],
  ...(constant && { constant }),
});

/**
 * In training mode (input 2) elements are 0 with probability `ratio` (input 1, 0.5 unless given) and x/(1 − ratio) else; without
 * it the output is x. The second output says which were kept. The interpreter draws only with a seed; ONNX Runtime draws other numbers.
 */
export const Dropout: Op<{ readonly seed?: number }, "many"> = defineOp<{ readonly seed?: number }, "many">({
  outputs: "many",
  arity: [1, 3],
  attributes: { seed: "int" },
  infer: (context) => {
    const { dtype, shape } = requireFloat(required(context, 0));
    if (context.inputs[1]) {
      requireFloat(required(context, 1), "ratio");
      requireScalar(context, 1, "ratio");
    }
    if (context.inputs[2]) {
      requireDType(required(context, 2), ["bool"], "training_mode");
      requireScalar(context, 2, "training_mode");
    }
    return [
      { dtype, shape },
      { dtype: "bool", shape },
    ];
  },
  evaluate: ([x, ratio, training], { op, attributes: { seed } }) => {
    const share = training && numbers(training)[0] ? (ratio ? numbers(ratio)[0]! : 0.5) : 0;
    if (!(share >= 0 && share < 1)) throw new GradusError(`ratio must be at least 0 and below 1, got ${share}`);
    const { shape } = x!;
    if (share === 0) return [x!, { dtype: "bool", shape, data: new Float64Array(x!.data.length).fill(1) }];
    const random = drawing(op, seed);
    const kept = Float64Array.from({ length: x!.data.length }, () => Number(random.uniform() >= share));
    return [
      { ...x!, data: numbers(x).map((v, i) => (kept[i] ? v / (1 - share) : 0)) },
      { dtype: "bool", shape, data: kept },
    ];
  },
  gradient: ({ ops, inputs: [x, ratio, training], outputs: [, kept], outputGradients: [dy], needs }) => {
    if (needs(1)) throw new GradusError("there is no gradient with respect to ratio: which elements are dropped changes with it");
    if (!training || known(training) === 0) return [dy];
    const scale = keptScale(ops, ratio, x!);
    const factor = known(training) === undefined ? ops.Where(training, scale, constant(tensor(x!.dtype, 1))) : scale;
    return [ops.Mul(ops.Mul(dy, indicator(ops, kept!, x!)), factor)];
  },
  samples: [
    { inputs: [[3, 4]] },
    { inputs: [[3, 4], fixedScalar(0.3)], attributes: { seed: 1 } },
    { inputs: [[3, 4], fixedScalar(0.3), flag(0)] },
    { inputs: [[3, 4], fixedScalar(0), flag(1)], attributes: { seed: 1 } },
    { inputs: [[2, 3], fixedScalar(0), flag(1, true)] },
  ],
});
