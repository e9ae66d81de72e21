/** Batch normalization: per channel, by given statistics or by those of the batch. */
import { int64, type Value } from "../ir/graph.ts";
import { alongChannels, inferChannels, spreadOver } from "./channels.ts";
import { groupSums, inverseDeviation, moments, standardizedGradient, statistics, type Standardized } from "./moments.ts";
import { mapBroadcast } from "./ndarray.ts";
import { defineOp, type GradientContext, type NdArray, type Op } from "./op.ts";
import { reshaped } from "./pick.ts";
import { within } from "./samples.ts";
import { onesLike, zerosLike } from "./vectors.ts";

interface BatchNormalizationAttributes {
  readonly epsilon?: number;
  readonly momentum?: number;
  readonly training_mode?: number;
}

/** All axes but the channels'. */
const batchAxes = (rank: number) => Array.from({ length: rank }, (_, axis) => axis).filter((axis) => axis !== 1);

/** By given statistics, which have gradients of their own. */
function evaluationGradients(context: GradientContext<BatchNormalizationAttributes>): readonly (Value | null)[] {
  const { ops, inputs, outputGradients, attributes, needs } = context;
  const [x, scale, , mean, variance] = inputs as [Value, Value, Value, Value, Value];
  const [dy] = outputGradients;
  const spread = spreadOver(ops, x);
  const inverse = inverseDeviation(ops, variance, attributes.epsilon ?? 1e-5);
  const a = ops.Mul(scale, inverse);
  const dx = needs(0) ? ops.Mul(dy, spread(a)) : null;
  if (![1, 2, 3, 4].some(needs)) return [dx];
  const { sum, moment } = groupSums(ops, { x, mean, inverse, scale, axes: batchAxes(x.shape.length), spread }, dy);
  return [
    dx,
    needs(1) ? ops.Mul(inverse, moment) : null,
    sum,
    needs(3) ? ops.Neg(ops.Mul(a, sum)) : null,
    needs(4) ? ops.Mul(ops.Mul(ops.Mul(a, ops.Mul(inverse, inverse)), moment), -0.5) : null, // ∂(v + ε)^-½/∂v
  ];
}

/** By the statistics of the batch: momentum 0 returns them, and they need not be computed again. */
function batchStatistics({ ops, inputs, outputs, attributes }: GradientContext<BatchNormalizationAttributes>) {
  const { epsilon = 1e-5, momentum = 0.9 } = attributes;
  if (momentum === 0) return { mean: outputs[1]!, inverse: inverseDeviation(ops, outputs[2]!, epsilon) };
  const axes = batchAxes(inputs[0]!.shape.length);
  const found = statistics(ops, inputs[0]!, axes, epsilon);
  return { mean: ops.Squeeze(found.mean, int64(axes)), inverse: ops.Squeeze(found.inverse, int64(axes)) };
}

function trainingGradients(context: GradientContext<BatchNormalizationAttributes>): readonly (Value | null)[] {
  const { ops, inputs, outputGradients, attributes, needs } = context;
  const [x, scale] = inputs as [Value, Value];
  const { momentum = 0.9 } = attributes;
  const [given, dMean, dVariance] = outputGradients as readonly (Value | null)[];
  const dy = given ?? zerosLike(ops, x);
  const part = (value: Value | null | undefined) => (value ? ops.Mul(value, 1 - momentum) : null);
  const from: Standardized = {
    x,
    scale,
    ...batchStatistics(context),
    axes: batchAxes(x.shape.length),
    spread: spreadOver(ops, x),
    // By the statistics 0 and 1 the operator is a product and a sum for each channel, in one pass.
    affine: (value, b, c) => ops.BatchNormalization(value, b, c, zerosLike(ops, scale), onesLike(ops, scale), { epsilon: 0 })[0]!,
  };
  const sums = groupSums(ops, from, dy);
  const rest = (value: Value | null | undefined) => (value ? ops.Mul(value, momentum) : null);
  return [
    needs(0) ? standardizedGradient(ops, from, { value: dy, ...sums }, { dMean: part(dMean), dVariance: part(dVariance) }) : null,
    needs(1) ? ops.Mul(from.inverse, sums.moment) : null,
    sums.sum,
    needs(3) ? rest(dMean) : null,
    needs(4) ? rest(dVariance) : null,
  ];
}

/**
 * y = scale·(x − mean)/√(variance + ε) + B for each channel of x [N, C, …]. Inputs: x, scale, B, mean, variance. In training mode
 * the statistics are those of the batch, and two more outputs are momentum·given + (1 − momentum)·batch's; the variance is that of the
 * population (divided by n). With momentum 0 they are the batch's own, which the gradient then reuses.
 */
export const BatchNormalization: Op<BatchNormalizationAttributes, "many"> = defineOp<BatchNormalizationAttributes, "many">({
  outputs: "many",
  arity: [5, 5],
  attributes: { epsilon: "float", momentum: "float", training_mode: "int" },
  infer: (context) => {
    const { x, channels } = inferChannels(context, 4);
    return context.attributes.training_mode ? [x, channels, channels] : [x];
  },
  evaluate: ([x, scale, b, mean, variance], { attributes: { epsilon = 1e-5, momentum = 0.9, training_mode = 0 } }) => {
    const normalize = (m: NdArray, v: NdArray) =>
      mapBroadcast(
        [x!, ...[m, v, scale!, b!].map((vector) => alongChannels(vector, x!))],
        (value, m1, v1, s, shift) => (s! * (value - m1!)) / Math.sqrt(v1! + epsilon) + shift!,
      );
    if (!training_mode) return [normalize(mean!, variance!)];
    const own = moments(x!, batchAxes(x!.shape.length));
    const vector = (array: NdArray) => reshaped(array, scale!.shape);
    const running = (old: NdArray, fresh: NdArray) => mapBroadcast([old, fresh], (a, c) => a * momentum + c! * (1 - momentum));
    const [ownMean, ownVariance] = [vector(own.mean), vector(own.variance)];
    return [normalize(ownMean, ownVariance), running(mean!, ownMean), running(variance!, ownVariance)];
  },
  gradient: (context) => (context.attributes.training_mode ? trainingGradients(context) : evaluationGradients(context)),
  samples: [
    { inputs: [[2, 3, 2, 2], [3], [3], [3], within([3], 0.5, 2)] },
    { inputs: [[4, 3], [3], [3], [3], within([3], 0.5, 2)], attributes: { epsilon: 0.01 } },
    { inputs: [[2, 3, 4], [3], [3], [3], within([3], 0.5, 2)], attributes: { training_mode: 1 } },
    { inputs: [[5, 2], [2], [2], [2], within([2], 0.5, 2)], attributes: { training_mode: 1, momentum: 0, epsilon: 0.001 } },
    { inputs: [[3, 2, 2, 2], [2], [2], [2], within([2], 0.5, 2)], attributes: { training_mode: 1, momentum: 0.25 } },
    { inputs: [[2, 2, 2, 2, 2], [2], [2], [2], within([2], 0.5, 2)], attributes: { training_mode: 1, momentum: 0 } },
  ],
});
