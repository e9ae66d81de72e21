/** Operators that standardize by statistics of their input alone, or divide by its length. */
import type { DType } from "../ir/dtype.ts";
import { int64, type Value } from "../ir/graph.ts";
import { broadcastShapes, formatShape, normalizeAxis, sameShape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import { alongChannels, inferChannels, spreadOver } from "./channels.ts";
import { requireDType, requireFloat, requireSameDType, required, sameAsFirstFloat } from "./infer.ts";
import { groupSums, moments, standardizedGradient, statistics, sumLeading, type Standardized } from "./moments.ts";
import { indicator } from "./masks.ts";
import { map1, mapBroadcast } from "./ndarray.ts";
import { defineOp, type GradientContext, type Op } from "./op.ts";
import { divideByCount, expandLike, mapAxis, reducedAxes } from "./reduction.ts";
import { bothSigns } from "./samples.ts";

interface LayerNormalizationAttributes {
  /** The last, unless given. */
  readonly axis?: number;
  readonly epsilon?: number;
  /** dtype of the outputs Mean and InvStdDev: float32 unless given. */
  readonly stash_type?: DType;
}

/** The axes from `axis` to the last. */
function normalizedAxes(axis: number | undefined, rank: number): number[] {
  const first = normalizeAxis(axis ?? -1, rank);
  return Array.from({ length: rank - first }, (_, i) => first + i);
}

function layerGradients(context: GradientContext<LayerNormalizationAttributes>): readonly (Value | null)[] {
  const { ops, inputs, outputs, outputGradients, attributes, needs } = context;
  const [x, scale] = inputs as [Value, Value];
  const axes = normalizedAxes(attributes.axis, x.shape.length);
  const [dy, dMean, dInverse] = outputGradients as readonly (Value | null)[];
  // Statistics of another precision than x are computed again.
  const saved = outputs[1]!.dtype === x.dtype;
  const { mean, inverse } = saved ? { mean: outputs[1]!, inverse: outputs[2]! } : statistics(ops, x, axes, attributes.epsilon ?? 1e-5);
  const own = (value: Value) => (saved ? value : ops.Cast(value, { to: x.dtype }));
  const average = (value: Value) => ops.ReduceMean(value, { axes });
  const standard = ops.Mul(ops.Sub(x, mean), inverse);

  const dx = () => {
    const terms: Value[] = [];
    if (dy) {
      const g = ops.Mul(dy, scale);
      const rest = ops.Sub(ops.Sub(g, average(g)), ops.Mul(standard, average(ops.Mul(g, standard))));
      terms.push(ops.Mul(rest, inverse));
    }
    // ∂inverse/∂x = −inverse²·standard/n and ∂mean/∂x = 1/n
    const each = (value: Value) => divideByCount(ops, value, x, mean);
    if (dInverse) terms.push(ops.Mul(standard, each(ops.Neg(ops.Mul(own(dInverse), ops.Mul(inverse, inverse))))));
    if (dMean) terms.push(expandLike(ops, each(own(dMean)), x));
    return terms.reduce((a, b) => ops.Add(a, b));
  };
  /** Summed over the rows here, where it can be done fast; any other broadcasting is the driver's. */
  const ofParameter = (value: Value, parameter: Value) =>
    sameShape(parameter.shape, x.shape.slice(axes[0])) ? sumLeading(ops, value, axes[0]!) : value;
  return [
    needs(0) ? dx() : null,
    dy && needs(1) ? ofParameter(ops.Mul(dy, standard), scale) : null,
    dy && needs(2) ? ofParameter(dy, inputs[2]!) : null,
  ];
}

/**
 * Y = Scale·(X − Mean)·InvStdDev + B with Mean and InvStdDev = 1/√(variance + ε) over the axes from `axis` on, which are
 * 1 in those two further outputs. The gradient goes through all three.
 */
export const LayerNormalization: Op<LayerNormalizationAttributes, "many"> = defineOp<LayerNormalizationAttributes, "many">({
  outputs: "many",
  arity: [2, 3],
  attributes: { axis: "int", epsilon: "float", stash_type: "dtype" },
  infer: (context) => {
    const { dtype, shape } = requireFloat(required(context, 0));
    requireSameDType(context);
    const { axis, stash_type = "float32" } = context.attributes;
    const axes = normalizedAxes(axis, shape.length);
    requireDType({ dtype: stash_type, shape: [] }, ["float32", "float64", "float16"], "stash_type");
    for (const parameter of context.inputs.slice(1)) {
      if (parameter && !sameShape(broadcastShapes(shape, parameter.shape), shape))
        throw new GradusError(`shape ${formatShape(parameter.shape)} does not broadcast to ${formatShape(shape)}`);
    }
    const kept = shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
    return [
      { dtype, shape },
      { dtype: stash_type, shape: kept },
      { dtype: stash_type, shape: kept },
    ];
  },
  evaluate: ([x, scale, b], { attributes: { axis, epsilon = 1e-5, stash_type = "float32" } }) => {
    const { mean, centered, variance } = moments(x!, normalizedAxes(axis, x!.shape.length));
    const inverse = map1(variance, (v) => 1 / Math.sqrt(v + epsilon));
    const y = mapBroadcast([mapBroadcast([centered, inverse], (d, r) => d * r), scale!], (v, s) => v * s);
    return [b ? mapBroadcast([y, b], (v, s) => v + s) : y, { ...mean, dtype: stash_type }, { ...inverse, dtype: stash_type }];
  },
  gradient: layerGradients,
  samples: [
    { inputs: [[3, 4], [4], [4]] },
    { inputs: [[2, 3, 4], [4]] },
    { inputs: [[3, 4], [4], [4]], attributes: { stash_type: "float64" } },
    {
      inputs: [
        [2, 3, 4],
        [3, 4],
        [3, 4],
      ],
      attributes: { axis: 1, epsilon: 0.01 },
    },
    { inputs: [[2, 3], [2, 3], [3]], attributes: { axis: 0 } },
    { inputs: [[2, 2, 3], [2, 1, 3], []], attributes: { axis: -2 } },
  ],
});

/** y = scale·(x − mean)/√(variance + ε) + B with statistics of each channel of each element of the batch, x [N, C, …]. */
export const InstanceNormalization: Op<{ readonly epsilon?: number }> = defineOp<{ readonly epsilon?: number }>({
  arity: [3, 3],
  attributes: { epsilon: "float" },
  infer: (context) => {
    const { x } = inferChannels(context, 2);
    if (x.shape.length < 3) throw new GradusError(`expected [batch, channels, …] with axes to average over, got ${formatShape(x.shape)}`);
    return [x];
  },
  evaluate: ([x, scale, b], { attributes: { epsilon = 1e-5 } }) => {
    const { centered, variance } = moments(x!, spatialAxes(x!.shape.length));
    const factor = mapBroadcast([variance, alongChannels(scale!, x!)], (v, s) => s / Math.sqrt(v + epsilon));
    return [mapBroadcast([mapBroadcast([centered, factor], (d, a) => d * a), alongChannels(b!, x!)], (v, shift) => v + shift)];
  },
  gradient: ({ ops, inputs, outputGradients: [dy], attributes: { epsilon = 1e-5 }, needs }) => {
    const [x, scale] = inputs as [Value, Value];
    const axes = spatialAxes(x.shape.length);
    const { mean, inverse } = statistics(ops, x, axes, epsilon);
    const one = (value: Value) => ops.Squeeze(value, int64(axes));
    const from: Standardized = { x, mean: one(mean), inverse: one(inverse), scale, axes, spread: spreadOver(ops, x) };
    const sums = groupSums(ops, from, dy);
    return [
      needs(0) ? standardizedGradient(ops, from, { value: dy, ...sums }) : null,
      needs(1) ? ops.Mul(from.inverse, sums.moment) : null,
      sums.sum,
    ];
  },
  samples: [
    { inputs: [[2, 3, 4], [3], [3]] },
    { inputs: [[2, 2, 3, 3], [2], [2]], attributes: { epsilon: 0.01 } },
    { inputs: [[1, 2, 2, 2, 2], [2], [2]] },
  ],
});

/** All axes from the third on. */
const spatialAxes = (rank: number) => Array.from({ length: rank - 2 }, (_, i) => i + 2);

/** What MeanVarianceNormalization adds to the deviation. */
const tiny = 1e-9;

/** (x − mean)/(√variance + 10⁻⁹) with statistics over `axes` ([0, 2, 3] unless given: those of each channel). */
export const MeanVarianceNormalization: Op<{ readonly axes?: readonly number[] }> = defineOp<{ readonly axes?: readonly number[] }>({
  arity: [1, 1],
  attributes: { axes: "ints" },
  infer: (context) => {
    reducedAxes(context.attributes.axes ?? [0, 2, 3], requireFloat(required(context, 0)).shape.length);
    return sameAsFirstFloat(context);
  },
  evaluate: ([x], { attributes: { axes = [0, 2, 3] } }) => {
    const { centered, variance } = moments(x!, reducedAxes(axes, x!.shape.length));
    return [mapBroadcast([centered, variance], (d, v) => d / (Math.sqrt(v) + tiny))];
  },
  gradient: ({ ops, inputs: [x], outputGradients: [dy], attributes }) => {
    const axes = reducedAxes(attributes.axes ?? [0, 2, 3], x!.shape.length);
    const average = (value: Value) => ops.ReduceMean(value, { axes });
    const centered = ops.Sub(x!, average(x!));
    const deviation = ops.Sqrt(average(ops.Mul(centered, centered)));
    const divisor = ops.Add(deviation, tiny);
    // With t = √v + 10⁻⁹: (dy − mean dy)/t − (x − mean)·mean(dy·(x − mean))/(t²·√v)
    const slope = ops.Div(average(ops.Mul(dy, centered)), ops.Mul(ops.Mul(divisor, divisor), deviation));
    return [ops.Sub(ops.Div(ops.Sub(dy, average(dy)), divisor), ops.Mul(centered, slope))];
  },
  samples: [
    { inputs: [[2, 3, 2, 2]] },
    { inputs: [[3, 4]], attributes: { axes: [-1] } },
    { inputs: [[2, 3, 4]], attributes: { axes: [0, 2] } },
  ],
});

interface LpNormalizationAttributes {
  /** The last, unless given. */
  readonly axis?: number;
  /** 1 (sum of absolute values) or 2 (Euclidean), which is the default. */
  readonly p?: number;
}

/** Lanes along an axis divided by their length; a lane of zeros stays zero, as in ONNX Runtime. */
export const LpNormalization: Op<LpNormalizationAttributes> = defineOp<LpNormalizationAttributes>({
  arity: [1, 1],
  attributes: { axis: "int", p: "int" },
  infer: (context) => {
    const { axis = -1, p = 2 } = context.attributes;
    normalizeAxis(axis, requireFloat(required(context, 0)).shape.length);
    if (p !== 1 && p !== 2) throw new GradusError(`p must be 1 or 2, got ${p}`);
    return sameAsFirstFloat(context);
  },
  evaluate: ([x], { attributes: { axis = -1, p = 2 } }) => [
    mapAxis(x!, normalizeAxis(axis, x!.shape.length), (lane) => {
      const length = p === 1 ? lane.reduce((sum, v) => sum + Math.abs(v), 0) : Math.hypot(...lane);
      return lane.map((v) => (length === 0 ? 0 : v / length));
    }),
  ],
  gradient: ({ ops, inputs: [x], outputs: [y], outputGradients: [dy], attributes: { axis = -1, p = 2 } }) => {
    const axes = [normalizeAxis(axis, x!.shape.length)];
    const found = p === 1 ? ops.ReduceL1(x!, { axes }) : ops.ReduceL2(x!, { axes });
    const length = ops.Add(found, indicator(ops, ops.Equal(found, 0), found));
    const along = ops.Mul(p === 1 ? ops.Sign(x!) : y!, ops.ReduceSum(ops.Mul(dy, y!), int64(axes))); // ∂length/∂x · Σdy·y
    return [ops.Div(ops.Sub(dy, along), length)];
  },
  samples: [
    { inputs: [bothSigns([3, 4])] },
    { inputs: [bothSigns([2, 3, 2])], attributes: { axis: 1 } },
    { inputs: [bothSigns([3, 4])], attributes: { axis: 0, p: 1 } },
  ],
});
