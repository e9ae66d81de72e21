/** Normalisation and dropout: older forms of what we have, and newer operators as compositions. */
import type { Value } from "../../ir/graph.ts";
import { int64 } from "../../ir/graph.ts";
import { tensor } from "../../ir/tensor.ts";
import { ops, registry } from "../../ops/build.ts";
import { GradusError } from "../../util/errors.ts";
import type { FileNode } from "../file-node.ts";
import { axisOf, build, given, needed, some, type Rewrite, type Upgrades } from "./upgrade.ts";

/**
 * Before opset 14 a node trained where it named more outputs than the first (or, in opset 6, said so); the statistics of the batch that
 * outputs 3 and 4 held have no counterpart. Without `spatial` every place of a channel had statistics of its own.
 */
const batchNormalization: Rewrite = (node) => {
  const { attributes } = node;
  const [x, scale, bias, mean, variance] = [0, 1, 2, 3, 4].map((i) => given(node, i)) as [Value, Value, Value, Value, Value];
  const options = some({ epsilon: attributes.float("epsilon"), momentum: attributes.float("momentum") });
  const isTest = attributes.int("is_test");
  attributes.ints("consumed_inputs");
  const trains = node.version < 7 ? isTest === 0 && node.outputs > 1 : [1, 2, 3, 4].some((i) => node.hasOutput(i));
  if ((attributes.int("spatial") ?? 1) === 0) {
    if (trains) throw new GradusError("training with spatial = 0, which Gradus does not take");
    const deviation = ops.Sqrt(ops.Add(variance, options.epsilon ?? 1e-5));
    return [ops.Add(ops.Mul(ops.Div(ops.Sub(x, mean), deviation), scale), bias)];
  }
  if (!trains) return build("BatchNormalization", x, scale, bias, mean, variance, options).slice(0, 1);
  return [...build("BatchNormalization", x, scale, bias, mean, variance, { ...options, training_mode: 1 }).slice(0, 3), null, null];
};

/** Keeps its ratio where Dropout is one of ours; by itself, without a mode to train in, it passes its input on. */
const dropout: Rewrite = (node) => {
  const { attributes } = node;
  const x = given(node, 0);
  const ratio = attributes.float("ratio");
  attributes.int("is_test");
  attributes.int("seed");
  attributes.ints("consumed_inputs");
  if (node.inputs[2]) throw new GradusError("Dropout with a mode that is an input, which Gradus does not take");
  const share = node.inputs[1] ?? (ratio === undefined ? null : tensorOf(x, ratio));
  const kept = Object.hasOwn(registry, "Dropout") ? build("Dropout", x, share)[0]! : ops.Identity(x);
  if (!node.hasOutput(1)) return [kept];
  // The mask: everything is kept. Its element type was that of the input before opset 10.
  return [kept, ops.ConstantOfShape(ops.Shape(x), { value: tensor(node.version < 10 ? x.dtype : "bool", [1]) })];
};

const tensorOf = (x: Value, value: number): Value => ({
  dtype: x.dtype,
  shape: [],
  origin: { kind: "constant", tensor: tensor(x.dtype, value) },
  name: undefined,
});

/** (x - mean) / √(variance + ε) over axes. */
function standardise(x: Value, axes: readonly number[], epsilon: number): Value {
  const centred = ops.Sub(x, ops.ReduceMean(x, { axes }));
  return ops.Div(centred, ops.Sqrt(ops.Add(ops.ReduceMean(ops.Mul(centred, centred), { axes }), epsilon)));
}

/** Over the channels of each group and all places (Wu & He 2018); until opset 20 scale and bias are per group, since then per channel. */
const groupNormalization: Rewrite = (node) => {
  const { attributes, version } = node;
  const [x, scale, bias] = [given(node, 0), given(node, 1), given(node, 2)];
  const groups = needed(attributes.int("num_groups"), "num_groups");
  const epsilon = attributes.float("epsilon") ?? 1e-5;
  attributes.int("stash_type");
  const affine = (value: Value, rank: number) => {
    const shape = int64([1, -1, ...new Array<number>(rank - 2).fill(1)]);
    return ops.Add(ops.Mul(value, ops.Reshape(scale, shape)), ops.Reshape(bias, shape));
  };
  const grouped = standardise(ops.Reshape(x, int64([0, groups, -1])), [2], epsilon);
  const back = (value: Value) => ops.Reshape(value, ops.Shape(x), { allowzero: 1 });
  return [version < 21 ? back(affine(grouped, 3)) : affine(back(grouped), x.shape.length)];
};

/** x / √(mean x² + ε) · scale over the axes from `axis` on (Zhang & Sennrich 2019). */
const rmsNormalization: Rewrite = (node) => {
  const x = given(node, 0);
  const axes = x.shape.map((_, axis) => axis).slice(axisOf(x, node.attributes.int("axis") ?? -1));
  node.attributes.int("stash_type");
  const square = ops.ReduceMean(ops.Mul(x, x), { axes });
  return [ops.Mul(ops.Div(x, ops.Sqrt(ops.Add(square, node.attributes.float("epsilon") ?? 1e-5))), given(node, 1))];
};

/** (x - mean) / (√variance + 1e-9) over axes. */
const meanVariance: Rewrite = (node) => {
  const x = given(node, 0);
  const axes = node.attributes.ints("axes") ?? [0, 2, 3];
  const centred = ops.Sub(x, ops.ReduceMean(x, { axes }));
  const variance = ops.ReduceMean(ops.Mul(centred, centred), { axes });
  return [ops.Div(centred, ops.Add(ops.Sqrt(variance), 1e-9))];
};

/** Dilations came with opset 19; ours has none. */
const averagePool: Rewrite = (node) => {
  const { attributes } = node;
  const dilations = attributes.ints("dilations");
  if (dilations?.some((dilation) => dilation !== 1)) throw new GradusError(`dilations [${dilations.join(", ")}]; only 1 is taken`);
  return pool(node, {
    ceil_mode: attributes.int("ceil_mode"),
    count_include_pad: attributes.int("count_include_pad"),
  });
};

/** Before opset 11 the pads and strides are the same, and `auto_pad` NOTSET is the default. */
function pool(node: FileNode, more: Readonly<Record<string, number | undefined>>): readonly Value[] {
  const { attributes } = node;
  const places = {
    auto_pad: attributes.string("auto_pad"),
    kernel_shape: attributes.ints("kernel_shape"),
    pads: attributes.ints("pads"),
    strides: attributes.ints("strides"),
  };
  return build(node.op, given(node, 0), some({ ...places, ...more }));
}

export const normalization: Upgrades = {
  BatchNormalization: [{ from: 6, to: 13, uses: ["BatchNormalization"], rewrite: batchNormalization }],
  Dropout: [
    { from: 1, to: 11, rewrite: dropout },
    { from: 12, fallback: true, rewrite: dropout },
  ],
  GroupNormalization: [{ from: 18, fallback: true, rewrite: groupNormalization }],
  RMSNormalization: [{ from: 23, fallback: true, rewrite: rmsNormalization }],
  MeanVarianceNormalization: [{ from: 9, fallback: true, rewrite: meanVariance }],
  AveragePool: [{ from: 19, uses: ["AveragePool"], rewrite: averagePool }],
};
