/** Losses on class indices: negative log-likelihood and softmax cross entropy, over scores [N, C, …] and labels [N, …]. */
import { constant, int64, type Value } from "../ir/graph.ts";
import { formatShape, stridesOf, type Dim } from "../ir/shape.ts";
import { tensor } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";
import type { Ops } from "./build.ts";
import { agree } from "./dims.ts";
import { requireDType, requireFloat, required } from "./infer.ts";
import { indicator } from "./masks.ts";
import { numbers } from "./ndarray.ts";
import { defineOp, type GradientContext, type InferContext, type NdArray, type Op, type Sample, type TensorType } from "./op.ts";
import { logSoftmax, mapAxis } from "./reduction.ts";
import { indices, within } from "./samples.ts";
import { rangeTo } from "./vectors.ts";

interface LossAttributes {
  /** "none", "sum" or "mean" (by the sum of the labels' weights), which is the default. */
  readonly reduction?: string;
  /** A label that counts for nothing, wherever it lies. */
  readonly ignore_index?: number;
}

const reductions = ["none", "sum", "mean"];

function inferLoss(context: InferContext<LossAttributes>): { scores: TensorType; loss: TensorType } {
  const scores = requireFloat(required(context, 0), "scores");
  const labels = requireDType(required(context, 1), ["int32", "int64"], "labels");
  const [batch, classes, ...rest] = scores.shape;
  if (classes === undefined) throw new GradusError(`scores must be [batch, classes, …], got ${formatShape(scores.shape)}`);
  const expected = [batch!, ...rest];
  if (labels.shape.length !== expected.length)
    throw new GradusError(
      `labels ${formatShape(labels.shape)} do not fit scores ${formatShape(scores.shape)}: expected ${formatShape(expected)}`,
    );
  const shape: Dim[] = expected.map((dim, axis) =>
    agree(dim, labels.shape[axis]!, `labels ${formatShape(labels.shape)} do not fit scores ${formatShape(scores.shape)}`),
  );
  const weights = context.inputs[2];
  if (weights) {
    requireDType(weights, [scores.dtype], "weights");
    if (weights.shape.length !== 1) throw new GradusError(`weights must be a vector, got shape ${formatShape(weights.shape)}`);
    agree(weights.shape[0]!, classes, "weights are one a class");
  }
  const { reduction = "mean" } = context.attributes;
  if (!reductions.includes(reduction)) throw new GradusError(`reduction "${reduction}" is not one of ${reductions.join(", ")}`);
  return { scores, loss: { dtype: scores.dtype, shape: reduction === "none" ? shape : [] } };
}

/** −w[label]·logProbabilities[label] for each label, and those sums that are asked for. */
function evaluateLoss(
  logProbabilities: NdArray,
  labels: NdArray,
  weights: NdArray | null | undefined,
  { reduction = "mean", ignore_index }: LossAttributes,
): NdArray {
  const { shape, dtype } = logProbabilities;
  const classes = shape[1]!;
  const inner = stridesOf(shape)[1]!;
  const from = numbers(logProbabilities);
  let total = 0;
  const each = numbers(labels).map((label, i) => {
    if (label === ignore_index) return 0;
    if (label < 0 || label >= classes) throw new GradusError(`label ${label} is not one of ${classes} classes (0 to ${classes - 1})`);
    const weight = weights ? numbers(weights)[label]! : 1;
    total += weight;
    return -weight * from[(Math.floor(i / inner) * classes + label) * inner + (i % inner)]!;
  });
  if (reduction === "none") return { dtype, shape: labels.shape, data: each };
  const sum = each.reduce((a, b) => a + b, 0);
  return { dtype, shape: [], data: Float64Array.of(reduction === "mean" ? sum / total : sum) };
}

/** What both gradients read. */
interface Parts {
  /** 1 at the class of each label that counts, [N, C, …]. */
  readonly chosen: Value;
  /** ∂scalar/∂(−log-probability of the label), axis 1 of size 1. */
  readonly slope: Value;
  /** ∂scalar/∂weights. */
  weightGradient(logProbabilities: Value): Value;
}

function parts({ ops, inputs, outputs, attributes }: GradientContext<LossAttributes>, dLoss: Value): Parts {
  const [scores, labels, weights] = inputs as [Value, Value, Value | null | undefined];
  const { reduction = "mean", ignore_index } = attributes;
  const at = ops.Unsqueeze(labels, int64([1]));
  const hit = ops.Equal(at, classNumbers(ops, scores, labels));
  const integer = (value: number) => constant(tensor(labels.dtype, value));
  const counts = ignore_index === undefined ? null : ops.Not(ops.Equal(at, integer(ignore_index)));
  const chosen = indicator(ops, counts ? ops.And(hit, counts) : hit, scores);
  const spread = (vector: Value) => ops.Unsqueeze(vector, int64(scores.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]))));
  const others = scores.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  // The weight of each label: axis 1 of size 1.
  const weight = () => ops.ReduceSum(weights ? ops.Mul(chosen, spread(weights)) : chosen, int64([1]));
  const upstream = reduction === "none" ? ops.Unsqueeze(dLoss, int64([1])) : dLoss;
  const own = weights || counts ? weight() : null;
  const total = () => (own ? ops.ReduceSum(own, null, { keepdims: 0 }) : ops.Cast(ops.Size(labels), { to: scores.dtype }));
  const share = reduction === "mean" ? ops.Div(upstream, total()) : upstream;
  return {
    chosen,
    slope: own ? ops.Mul(share, own) : share,
    weightGradient(logProbabilities) {
      // Σ over labels of the class: −log p, less the mean itself where the weights also divide.
      const loss = ops.Neg(logProbabilities);
      const each = reduction === "mean" ? ops.Sub(loss, outputs[0]!) : loss;
      return ops.ReduceSum(ops.Mul(ops.Mul(chosen, each), share), int64(others), { keepdims: 0 });
    },
  };
}

/** 0 … C − 1 along axis 1, in the labels' dtype. */
function classNumbers(ops: Ops, scores: Value, labels: Value): Value {
  const classes = scores.shape[1]!;
  const trailing = scores.shape.slice(2).map((_, i) => i + 1);
  if (typeof classes === "number") {
    const numbered = Array.from({ length: classes }, (_, i) => i);
    return constant(tensor(labels.dtype, numbered, [classes, ...trailing.map(() => 1)]));
  }
  const numbered = rangeTo(ops, ops.Shape(scores, { start: 1, end: 2 }));
  const spread = trailing.length > 0 ? ops.Unsqueeze(numbered, int64(trailing)) : numbered;
  return labels.dtype === "int64" ? spread : ops.Cast(spread, { to: labels.dtype });
}

const vectors = { shape: [4], dtype: "int64", values: [0, 2, 1, 2] } as const;
const plane = indices([2, 3], [0, 1, 3, 3, 2, 0]);
const ignoring = indices([2, 2], [-1, 1, 2, 0]);

/** Every reduction, with and without weights, labels to ignore inside and outside the classes, one and several axes. */
function lossSamples(scores: (shape: readonly number[]) => Sample<LossAttributes>["inputs"][number]): readonly Sample<LossAttributes>[] {
  return [
    { inputs: [scores([4, 3]), vectors] },
    { inputs: [scores([4, 3]), vectors, within([3], 0.5, 2)], attributes: { reduction: "mean" } },
    { inputs: [scores([4, 3]), { ...vectors, dtype: "int32" }, within([3], 0.5, 2)], attributes: { reduction: "none" } },
    { inputs: [scores([2, 4, 3]), plane, within([4], 0.5, 2)], attributes: { reduction: "sum", ignore_index: 3 } },
    { inputs: [scores([2, 3, 2]), ignoring, within([3], 0.5, 2)], attributes: { ignore_index: -1 } },
    { inputs: [scores([2, 3, 2]), ignoring], attributes: { reduction: "mean", ignore_index: -1 } },
    { inputs: [scores([2, 3, 2, 1]), indices([2, 2, 1], [0, 1, 2, 0])], attributes: { reduction: "none", ignore_index: 2 } },
  ];
}

/** −w[label]·x[label] for log-probabilities x [N, C, …], labels [N, …] and weights w [C]; reduced as `reduction` says. */
export const NegativeLogLikelihoodLoss: Op<LossAttributes> = defineOp<LossAttributes>({
  arity: [2, 3],
  attributes: { reduction: "string", ignore_index: "int" },
  infer: (context) => [inferLoss(context).loss],
  evaluate: ([x, labels, weights], { attributes }) => [evaluateLoss(x!, labels!, weights, attributes)],
  gradient: (context) => {
    const { ops, inputs, outputGradients, needs } = context;
    const { chosen, slope, weightGradient } = parts(context, outputGradients[0]);
    return [needs(0) ? ops.Neg(ops.Mul(chosen, slope)) : null, null, needs(2) ? weightGradient(inputs[0]!) : null];
  },
  samples: lossSamples((shape) => shape),
});

/** The same loss of log_prob = LogSoftmax(scores) over axis 1, which is the second output. */
export const SoftmaxCrossEntropyLoss: Op<LossAttributes, "many"> = defineOp<LossAttributes, "many">({
  outputs: "many",
  arity: [2, 3],
  attributes: { reduction: "string", ignore_index: "int" },
  infer: (context) => {
    const { scores, loss } = inferLoss(context);
    return [loss, scores];
  },
  evaluate: ([scores, labels, weights], { attributes }) => {
    const logProbabilities = mapAxis(scores!, 1, logSoftmax);
    return [evaluateLoss(logProbabilities, labels!, weights, attributes), logProbabilities];
  },
  gradient: (context) => {
    const { ops, outputs, outputGradients, needs } = context;
    const [dLoss, dLog] = outputGradients as readonly (Value | null)[];
    const logProbabilities = outputs[1]!;
    const probabilities = ops.Exp(logProbabilities);
    const made = dLoss ? parts(context, dLoss) : undefined;
    const terms = () => {
      const own = made && ops.Mul(ops.Sub(probabilities, made.chosen), made.slope);
      const passed = dLog && ops.Sub(dLog, ops.Mul(probabilities, ops.ReduceSum(dLog, int64([1]))));
      return own && passed ? ops.Add(own, passed) : (own ?? passed ?? null);
    };
    return [needs(0) ? terms() : null, null, made && needs(2) ? made.weightGradient(logProbabilities) : null];
  },
  samples: lossSamples((shape) => shape),
});
