/** Faults by hand in dropout, normalisation, convolution, pooling and ways around. */
import { constant, int64, type Attributes, type Value } from "../../../src/ir/graph.ts";
import { sizeOf } from "../../../src/ir/shape.ts";
import { tensor, type Tensor } from "../../../src/ir/tensor.ts";
import { reference } from "../../../src/exec/reference.ts";
import type { Executor } from "../../../src/exec/session.ts";
import { activation } from "../../../src/nn/layers/activation.ts";
import { batchNorm } from "../../../src/nn/layers/batch-norm.ts";
import { conv } from "../../../src/nn/layers/conv.ts";
import { dense } from "../../../src/nn/layers/dense.ts";
import { dropout } from "../../../src/nn/layers/dropout.ts";
import { flatten } from "../../../src/nn/layers/flatten.ts";
import { groupNorm } from "../../../src/nn/layers/group-norm.ts";
import { layerNorm } from "../../../src/nn/layers/layer-norm.ts";
import { averagePool, globalAveragePool, maxPool } from "../../../src/nn/layers/pool.ts";
import { residual } from "../../../src/nn/layers/residual.ts";
import { applyOp, ops } from "../../../src/ops/build.ts";
import { rng } from "../../../src/util/rng.ts";
import type { Context, Rule, Terms } from "../planted.ts";
import { rolled } from "./edits.ts";
import { from, type Place, type PlantedFault } from "./planted-fault.ts";
import { lossOf, type Setting } from "./problems.ts";

type Change = (terms: Terms, context: Context) => Terms;

const tanh = () => activation("tanh");

/** Faults of one operator in one network. */
const within =
  (where: string, setting: Setting, op: string, layer: string) =>
  (what: string, make: (right: Rule) => Rule, place: Partial<Place> = {}): PlantedFault => ({
    what,
    where,
    loss: () => lossOf(setting),
    rule: { op, make },
    place: { operator: op, layer, ...place },
  });

const dropping: Setting = { layers: [dense(8), tanh(), dropout(0.6), dense(3)], inputShape: [4], mode: "training" };
const inDropout = within("4-8-3, tanh, dropout", dropping, "Mul", "dropout_1");

/** A change where the second factor is a dropout's mask. */
const masked = (change: (mask: Value, dy: Value, d: Value) => Value) =>
  from((terms, { inputs: [, mask], outputGradients: [dy] }) =>
    mask!.name?.startsWith("mask/") && terms[0] ? [change(mask!, dy, terms[0]), terms[1]!] : terms,
  );

/** The interpreter, drawing the mask anew from the run `first` on. */
function redrawing(first: number): Executor {
  let runs = 0;
  return {
    name: "redrawing",
    async compile(graph, options) {
      const session = await reference.compile(graph, options);
      const drawn = (given: Tensor): Tensor => {
        const draw = rng(11, "mask", Math.max(0, runs - first));
        return { ...given, data: Float64Array.from(given.data as Float64Array, () => (draw.uniform() < 0.6 ? 1 / 0.6 : 0)) };
      };
      return {
        ...session,
        run(feeds, into) {
          runs++;
          const shaken = Object.entries(feeds).map(([name, given]) => [name, name.startsWith("mask/") ? drawn(given) : given] as const);
          return session.run(Object.fromEntries(shaken), into);
        },
      };
    },
  };
}

function redrawn(what: string, first: number): PlantedFault {
  return { what, where: "4-8-3, tanh, dropout", loss: () => lossOf(dropping), executor: redrawing(first), place: "unsteady" };
}

const inMask: readonly PlantedFault[] = [
  inDropout(
    "the mask is not applied on the way back",
    masked((_, dy) => dy),
  ),
  inDropout(
    "the mask is applied twice on the way back",
    masked((mask, _, d) => ops.Mul(d, mask)),
  ),
  inDropout(
    "the way back forgets to scale by 1/keep",
    masked((mask, dy) => ops.Mul(dy, ops.Sign(mask))),
  ),
  inDropout(
    "the way back scales by keep",
    masked((_, __, d) => ops.Mul(d, 0.6 * 0.6)),
  ),
  inDropout(
    "the mask of the example before",
    masked((mask, dy) => ops.Mul(dy, rolled(mask, 0))),
  ),
  inDropout(
    "the mask of the unit before",
    masked((mask, dy) => ops.Mul(dy, rolled(mask, 1))),
  ),
  inDropout(
    "the mask's complement",
    masked((mask, dy) => ops.Mul(dy, ops.Sub(1 / 0.6, mask))),
  ),
  redrawn("the mask is drawn anew at every evaluation", 0),
  redrawn("the mask is drawn anew after the third evaluation", 3),
];

const epsilon = 0.1;
const normalised: Setting = { layers: [dense(4), batchNorm({ epsilon }), tanh(), dense(3)], inputShape: [4], mode: "training" };
const inBatchNorm = within("4-4-3, batch normalisation, tanh", normalised, "BatchNormalization", "batchNorm_1");
const inEvaluation = within("the same in evaluation", { ...normalised, mode: "evaluation" }, "BatchNormalization", "batchNorm_1");

const over = (axes: readonly number[]) => (value: Value) => ops.ReduceMean(value, { axes });
const batchMean = over([0]);
const inverseOf = (variance: Value, added = epsilon) => ops.Reciprocal(ops.Sqrt(ops.Add(variance, added)));

/** The pieces of dx = scale·inverse·(dy − mean(dy) − x̂·mean(dy·x̂)). */
function pieces({ inputs: [x, scale], outputs: [, mean, variance], outputGradients: [dy] }: Context) {
  const inverse = inverseOf(variance!);
  const standard = ops.Mul(ops.Sub(x!, mean!), inverse);
  const a = ops.Mul(scale!, inverse);
  return { dy, a, inverse, standard, ofMean: batchMean(dy), ofVariance: ops.Mul(standard, batchMean(ops.Mul(dy, standard))) };
}

const withX = (make: (context: Context) => Value) => from(([dx, ...rest], context) => [dx && make(context), ...rest]);

const inNormalisation: readonly PlantedFault[] = [
  inBatchNorm(
    "mean and variance held constant",
    withX((c) => ops.Mul(pieces(c).dy, pieces(c).a)),
  ),
  inBatchNorm(
    "without the mean's term",
    withX((c) => ops.Mul(ops.Sub(pieces(c).dy, pieces(c).ofVariance), pieces(c).a)),
  ),
  inBatchNorm(
    "without the variance's term",
    withX((c) => ops.Mul(ops.Sub(pieces(c).dy, pieces(c).ofMean), pieces(c).a)),
  ),
  inBatchNorm(
    "the variance's term added",
    withX((c) => {
      const { dy, a, ofMean, ofVariance } = pieces(c);
      return ops.Mul(ops.Add(ops.Sub(dy, ofMean), ofVariance), a);
    }),
  ),
  inBatchNorm(
    "the variance divided by n − 1",
    withX((c) => {
      const { dy, ofMean, ofVariance } = pieces(c);
      const other = inverseOf(ops.Mul(c.outputs[2]!, 6 / 5));
      return ops.Mul(ops.Mul(ops.Sub(ops.Sub(dy, ofMean), ofVariance), other), c.inputs[1]!);
    }),
  ),
  inBatchNorm(
    "ε left out",
    withX((c) => {
      const { dy, ofMean, ofVariance } = pieces(c);
      return ops.Mul(ops.Sub(ops.Sub(dy, ofMean), ofVariance), ops.Mul(inverseOf(c.outputs[2]!, 0), c.inputs[1]!));
    }),
  ),
  inBatchNorm(
    "γ left out",
    withX((c) => {
      const { dy, inverse, ofMean, ofVariance } = pieces(c);
      return ops.Mul(ops.Sub(ops.Sub(dy, ofMean), ofVariance), inverse);
    }),
  ),
  inBatchNorm(
    "stale statistics: the running ones on the way back",
    (right) => (context) => right({ ...context, attributes: { epsilon }, outputGradients: [context.outputGradients[0]] }).slice(0, 3),
  ),
  inBatchNorm(
    "the gradient of γ by the running mean",
    from(([dx, dScale, dBias], { inputs: [x, , , mean], outputs, outputGradients: [dy] }) => [
      dx!,
      dScale && ops.ReduceSum(ops.Mul(dy, ops.Mul(ops.Sub(x!, mean!), inverseOf(outputs[2]!))), int64([0]), { keepdims: 0 }),
      dBias!,
    ]),
    { input: "batchNorm_1/scale" },
  ),
  inBatchNorm(
    "the gradient of β is a mean",
    from(([dx, dScale, dBias]) => [dx!, dScale!, dBias && ops.Mul(dBias, 1 / 6)]),
    {
      input: "batchNorm_1/bias",
    },
  ),
  inEvaluation(
    "the batch's statistics on the way back",
    (right) => (context) => right({ ...context, attributes: { epsilon, training_mode: 1, momentum: 0.9 } }).slice(0, 3),
  ),
];

const layered: Setting = { layers: [dense(4), layerNorm(), tanh(), dense(3)], inputShape: [4] };
const inLayerNorm = within("4-4-3, layer normalisation, tanh", layered, "LayerNormalization", "layerNorm_1");

/** dx of a layer normalisation, some of its parts changed. */
function layerGradient(
  { inputs: [x, scale], outputGradients: [dy] }: Context,
  parts: { mean?: boolean; variance?: boolean; scale?: boolean; axis?: number },
): Value {
  const average = over([parts.axis ?? 1]);
  const centred = ops.Sub(x!, over([1])(x!));
  const inverse = inverseOf(over([1])(ops.Mul(centred, centred)), 1e-5);
  const standard = ops.Mul(centred, inverse);
  const g = parts.scale === false ? dy : ops.Mul(dy, scale!);
  let rest = g;
  if (parts.mean !== false) rest = ops.Sub(rest, average(g));
  if (parts.variance !== false) rest = ops.Sub(rest, ops.Mul(standard, average(ops.Mul(g, standard))));
  return ops.Mul(rest, inverse);
}

const inLayers: readonly PlantedFault[] = [
  inLayerNorm(
    "without the mean's term",
    withX((c) => layerGradient(c, { mean: false })),
  ),
  inLayerNorm(
    "without the variance's term",
    withX((c) => layerGradient(c, { variance: false })),
  ),
  inLayerNorm(
    "γ left out",
    withX((c) => layerGradient(c, { scale: false })),
  ),
  inLayerNorm(
    "means over the batch",
    withX((c) => layerGradient(c, { axis: 0 })),
  ),
  inLayerNorm(
    "mean and variance held constant",
    withX((c) => layerGradient(c, { mean: false, variance: false })),
  ),
];

const grouped: Setting = { layers: [conv(4), groupNorm(2), tanh(), globalAveragePool(), dense(3)], inputShape: [2, 4, 4], rows: 3 };
const inGroupNorm = within("convolution, group normalisation", grouped, "InstanceNormalization", "groupNorm_1");

const groupPieces = ({ inputs: [x], outputGradients: [dy] }: Context) => {
  const centred = ops.Sub(x!, over([2])(x!));
  const inverse = inverseOf(over([2])(ops.Mul(centred, centred)), 1e-5);
  return { dy, inverse, standard: ops.Mul(centred, inverse) };
};

const inGroups: readonly PlantedFault[] = [
  inGroupNorm(
    "mean and variance held constant",
    withX((c) => ops.Mul(groupPieces(c).dy, groupPieces(c).inverse)),
  ),
  inGroupNorm(
    "without the variance's term",
    withX((c) => {
      const { dy, inverse } = groupPieces(c);
      return ops.Mul(ops.Sub(dy, over([2])(dy)), inverse);
    }),
  ),
  inGroupNorm(
    "without the mean's term",
    withX((c) => {
      const { dy, inverse, standard } = groupPieces(c);
      return ops.Mul(ops.Sub(dy, ops.Mul(standard, over([2])(ops.Mul(dy, standard)))), inverse);
    }),
  ),
];

const image = { inputShape: [2, 6, 6], rows: 3 };
const strided: Setting = { ...image, layers: [conv(3), tanh(), conv(3, { stride: 2 }), tanh(), flatten(), dense(3)] };
const dilated: Setting = { ...image, layers: [conv(2), tanh(), conv(2, { dilation: 2 }), tanh(), flatten(), dense(3)] };
const groups: Setting = { ...image, layers: [conv(4), tanh(), conv(4, { groups: 2 }), tanh(), flatten(), dense(3)] };
const inConv = within("two convolutions, the second with stride 2", strided, "Conv", "conv_2");
const inDilated = within("two convolutions, the second dilated", dilated, "Conv", "conv_2");
const inGrouped = within("two convolutions, the second in two groups", groups, "Conv", "conv_2");

const change = (f: Change) => from(f);
const mirror = (w: Value) => ops.Gather(ops.Gather(w, int64([2, 1, 0]), { axis: 2 }), int64([2, 1, 0]), { axis: 3 });
const hasStride = ({ attributes }: Context) => (attributes["strides"] as number[])[0] === 2;

/** Ones inside, zeros at the edge of [6, 6]. */
const inside = constant(
  tensor(
    "float32",
    Float32Array.from({ length: 36 }, (_, i) => Number([i % 6, Math.floor(i / 6)].every((at) => at > 0 && at < 5))),
    [6, 6],
  ),
);

const inConvolution: readonly PlantedFault[] = [
  inConv(
    "padding off by one in dX",
    change(([dx, dw, db]) => [dx && rolled(dx, 3), dw!, db!]),
    { input: 0 },
  ),
  inConv(
    "padding off by one in dX, along the rows",
    change(([dx, dw, db]) => [dx && rolled(dx, 2), dw!, db!]),
    { input: 0 },
  ),
  inConv(
    "padding off by one in dW",
    (right) => (context) => {
      const [x, ...rest] = context.inputs as [Value, Value, Value];
      const [dx, , db] = right(context);
      return [dx!, right({ ...context, inputs: [rolled(x, 3), ...rest] })[1]!, db!];
    },
    { input: "conv_2/W" },
  ),
  inConv(
    "the stride ignored in dX",
    change(([dx, dw, db], context) => {
      if (!dx || !hasStride(context)) return [dx!, dw!, db!];
      const full = ops.ConvTranspose(context.outputGradients[0], context.inputs[1]!);
      return [ops.Pad(full, int64([0, 0, 0, 0, 0, 0, 1, 1])), dw!, db!];
    }),
    { input: 0 },
  ),
  inConv(
    "the kernel not mirrored in dX",
    (right) => (context) => {
      const [x, w, b] = context.inputs as [Value, Value, Value];
      const [, dw, db] = right(context);
      return [right({ ...context, inputs: [x, mirror(w), b] })[0]!, dw!, db!];
    },
    { input: 0 },
  ),
  inConv(
    "dW mirrored",
    change(([dx, dw, db]) => [dx!, dw && mirror(dw), db!]),
    { input: "conv_2/W" },
  ),
  inConv(
    "channels and filters swapped in dW",
    change(([dx, dw, db], { inputs: [, w] }) => [
      dx!,
      dw && w!.shape[0] === w!.shape[1] ? ops.Transpose(dw, { perm: [1, 0, 2, 3] }) : dw!,
      db!,
    ]),
    { input: "conv_2/W" },
  ),
  inConv(
    "rows and columns swapped in dW",
    change(([dx, dw, db]) => [dx!, dw && ops.Transpose(dw, { perm: [0, 1, 3, 2] }), db!]),
    {
      input: "conv_2/W",
    },
  ),
  inConv(
    "the bias by the mean over positions",
    change(([dx, dw, db]) => [dx!, dw!, db && ops.Mul(db, 1 / 9)]),
    { input: "conv_2/b" },
  ),
  inConv(
    "dX lost at the edge",
    change(([dx, dw, db]) => [dx && ops.Mul(dx, ops.Cast(inside, { to: dx.dtype })), dw!, db!]),
    { input: 0 },
  ),
  inDilated(
    "the dilation ignored in dX",
    (right) => (context) => {
      const [dx, dw, db] = right(context);
      if ((context.attributes["dilations"] as number[])[0] !== 2) return [dx!, dw!, db!];
      const attributes: Attributes = { ...context.attributes, dilations: [1, 1], pads: [1, 1, 1, 1] };
      return [right({ ...context, attributes })[0]!, dw!, db!];
    },
    { input: 0 },
  ),
  inGrouped(
    "the groups' filters swapped in dW",
    change(([dx, dw, db], { attributes }) => [
      dx!,
      dw && attributes["group"] === 2 ? ops.Gather(dw, int64([2, 3, 0, 1]), { axis: 0 }) : dw!,
      db!,
    ]),
    { input: "conv_2/W" },
  ),
];

const pooled: Setting = { ...image, layers: [conv(2), tanh(), maxPool(), flatten(), dense(3)] };
const averaged: Setting = { ...image, layers: [conv(2), tanh(), averagePool(), flatten(), dense(3)] };
const overlapping: Setting = { ...image, layers: [conv(2), tanh(), maxPool({ size: 2, stride: 1 }), flatten(), dense(3)] };
const global: Setting = { ...image, layers: [conv(4), tanh(), globalAveragePool(), dense(3)] };
const inMaxPool = within("convolution, max-pool", pooled, "MaxPool", "maxPool_1");
const inOverlap = within("convolution, max-pool of overlapping windows", overlapping, "MaxPool", "maxPool_1");
const inAveragePool = within("convolution, average pool", averaged, "AveragePool", "averagePool_1");
const inGlobalPool = within("convolution, global average pool", global, "GlobalAveragePool", "globalAveragePool_1");

/** The shape of windows [3, 2, 3, 2] of an image of 6 × 6, a number for each of the four taps. */
function taps(...numbers: readonly [number, number, number, number]): Value {
  const shape = [3, 2, 3, 2];
  const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => numbers[(Math.floor(i / 6) % 2) * 2 + (i % 2)]!);
  return constant(tensor("float32", data, shape));
}

/** A number per window at every tap, times the tap's own: [batch, 2, 3, 3] → [batch, 2, 6, 6]. */
export function spreadOut(value: Value, factors: Value = taps(1, 1, 1, 1)): Value {
  const windows = ops.Reshape(value, int64([-1, 2, 3, 1, 3, 1]));
  return ops.Reshape(ops.Mul(windows, ops.Cast(factors, { to: value.dtype })), int64([-1, 2, 6, 6]));
}

const inPools: readonly PlantedFault[] = [
  inMaxPool(
    "to the first of each window",
    withX(({ outputGradients: [dy] }) => spreadOut(dy, taps(1, 0, 0, 0))),
  ),
  inMaxPool(
    "spread over the window",
    withX(({ outputGradients: [dy] }) => spreadOut(dy, taps(0.25, 0.25, 0.25, 0.25))),
  ),
  inMaxPool(
    "to all of the window in full",
    withX(({ outputGradients: [dy] }) => spreadOut(dy)),
  ),
  inMaxPool(
    "to the neighbour of the winner",
    change(([dx]) => [dx && rolled(dx, 3)]),
  ),
  inMaxPool("to the smallest", (right) => (context) => {
    const [x] = context.inputs as [Value];
    const turned = ops.Neg(x);
    return right({ ...context, inputs: [turned], outputs: applyOp("MaxPool", [turned], context.attributes).outputs });
  }),
  inOverlap(
    "the last of overlapping windows overwrites",
    withX(({ inputs: [x], outputs, outputGradients: [dy] }) => {
      const flat = (value: Value) => ops.Reshape(value, int64([-1]));
      return ops.Reshape(ops.ScatterElements(flat(ops.Mul(x!, 0)), flat(outputs[1]!), flat(dy), { axis: 0 }), int64([-1, 2, 6, 6]));
    }),
  ),
  inAveragePool(
    "not divided by the window's size",
    withX(({ outputGradients: [dy] }) => spreadOut(dy)),
  ),
  inAveragePool(
    "to the first of each window",
    withX(({ outputGradients: [dy] }) => spreadOut(dy, taps(1, 0, 0, 0))),
  ),
  inAveragePool(
    "off by one",
    change(([dx]) => [dx && rolled(dx, 2)]),
  ),
  inGlobalPool(
    "not divided by the positions",
    change(([dx]) => [dx && ops.Mul(dx, 36)]),
  ),
  inGlobalPool(
    "divided by one position too few",
    change(([dx]) => [dx && ops.Mul(dx, 36 / 35)]),
  ),
];

const around: Setting = { layers: [dense(4), residual([dense(4), tanh()]), dense(3)], inputShape: [4] };
const inAround = within("4-4-3 with a way around the tanh layer", around, "Add", "residual_1");

const inWays: readonly PlantedFault[] = [
  inAround(
    "the way around dropped",
    change(([, y]) => [null, y!]),
    { input: 0 },
  ),
  inAround(
    "the layers dropped",
    change(([x]) => [x!, null]),
    { input: 1 },
  ),
  inAround(
    "the way around counted twice",
    change(([x, y]) => [x && ops.Mul(x, 2), y!]),
    { input: 0 },
  ),
  inAround(
    "each way a half",
    change(([x, y]) => [x && ops.Mul(x, 0.5), y && ops.Mul(y, 0.5)]),
  ),
];

const flat: Setting = { ...image, layers: [conv(2), tanh(), flatten(), dense(3)] };
const inFlatten = within("convolution, flatten", flat, "Flatten", "flatten_1");

const inShapes: readonly PlantedFault[] = [
  inFlatten(
    "rows and columns swapped",
    withX(({ outputGradients: [dy] }) => ops.Transpose(ops.Reshape(dy, int64([-1, 2, 6, 6])), { perm: [0, 1, 3, 2] })),
  ),
  inFlatten(
    "channels last for channels first",
    withX(({ outputGradients: [dy] }) => ops.Transpose(ops.Reshape(dy, int64([-1, 6, 6, 2])), { perm: [0, 3, 1, 2] })),
  ),
];

export const layerFaults: readonly PlantedFault[] = [
  ...inMask,
  ...inNormalisation,
  ...inLayers,
  ...inGroups,
  ...inConvolution,
  ...inPools,
  ...inWays,
  ...inShapes,
];

/** Rules that differ from MaxPool's where elements of a window are equal, and nowhere else. */
export const otherWinners: readonly { readonly what: string; readonly make: (right: Rule) => Rule }[] = [
  {
    what: "MaxPool: to all winners of a window",
    make: withX(({ inputs: [x], outputs: [y], outputGradients: [dy] }) =>
      ops.Mul(ops.Cast(ops.Equal(x!, spreadOut(y!)), { to: dy.dtype }), spreadOut(dy)),
    ),
  },
  {
    what: "MaxPool: to the last winner of a window",
    make: (right) => (context) => {
      const back = int64([5, 4, 3, 2, 1, 0]);
      const turn = (value: Value, order: Value) => ops.Gather(ops.Gather(value, order, { axis: 2 }), order, { axis: 3 });
      const x = turn(context.inputs[0]!, back);
      const dy = turn(context.outputGradients[0], int64([2, 1, 0]));
      const found = right({ ...context, inputs: [x], outputs: applyOp("MaxPool", [x], context.attributes).outputs, outputGradients: [dy] });
      return [found[0] ? turn(found[0], back) : null];
    },
  },
];

/** A convolution's max-pool on images of different numbers. */
export const maxPoolLoss = () => lossOf(pooled);
