/** Faults by hand in dense networks, activations and losses. */
import { constant, int64, type Value } from "../../../src/ir/graph.ts";
import { tensor } from "../../../src/ir/tensor.ts";
import type { Loss } from "../../../src/nn/loss.ts";
import { activation } from "../../../src/nn/layers/activation.ts";
import { dense } from "../../../src/nn/layers/dense.ts";
import type { ActivationName } from "../../../src/nn/activation.ts";
import type { LossName } from "../../../src/nn/losses/index.ts";
import { ops } from "../../../src/ops/build.ts";
import type { Rule, Terms, Context } from "../planted.ts";
import { rolled } from "./edits.ts";
import { from, type Place, type PlantedFault } from "./planted-fault.ts";
import { lossOf, type Setting } from "./problems.ts";

const net = (name: ActivationName, more: Partial<Setting> = {}): Setting => ({
  layers: [dense(5), activation(name), dense(5), activation(name), dense(more.outputs ?? 3)],
  inputShape: [4],
  ...more,
});

type Change = (terms: Terms, context: Context) => Terms;

function fault(
  what: string,
  where: string,
  setting: Setting,
  op: string,
  make: (right: Rule) => Rule,
  place: Partial<Place>,
): PlantedFault {
  return { what, where, loss: () => lossOf(setting), rule: { op, make }, place: { operator: op, ...place } };
}

const square = (value: Value | null | undefined) => value?.shape[0] === value?.shape[1];
const firstLeftOut = (value: Value) => ops.Slice(value, int64([1]), int64([2 ** 31 - 1]), int64([0]));

function inGemm(what: string, change: Change, place: Partial<Place>, setting: Setting = net("tanh")): PlantedFault {
  return fault(what, "4-5-5-3, tanh, cross-entropy", setting, "Gemm", from(change), place);
}

const products: readonly PlantedFault[] = [
  inGemm(
    "what goes back is multiplied with W, not its transpose",
    ([a, b, c], { inputs: [, w], outputGradients: [dy] }) => [a && square(w) ? ops.MatMul(dy, w!) : a!, b!, c!],
    { layer: "dense_2", input: 0 },
  ),
  inGemm("the gradient of W is transposed", ([a, b, c]) => [a!, b && square(b) ? ops.Transpose(b, { perm: [1, 0] }) : b!, c!], {
    layer: "dense_2",
    input: "dense_2/W",
  }),
  inGemm(
    "the gradient of W takes the activations of the example before",
    ([a, b, c], { inputs: [x], outputGradients: [dy] }) => [a!, b && ops.Gemm(rolled(x!, 0), dy, { transA: 1 }), c!],
    { layer: "dense_3", input: "dense_3/W" },
  ),
  inGemm(
    "the gradient of W leaves the first example out",
    ([a, b, c], { inputs: [x], outputGradients: [dy] }) => [a!, b && ops.Gemm(firstLeftOut(x!), firstLeftOut(dy), { transA: 1 }), c!],
    { layer: "dense_3", input: "dense_3/W" },
  ),
  inGemm(
    "the gradient of the bias is the mean over the batch",
    ([a, b, c], { outputGradients: [dy] }) => [a!, b!, c && ops.ReduceMean(dy, { axes: [0], keepdims: 0 })],
    { layer: "dense_3", input: "dense_3/b" },
  ),
  inGemm(
    "the gradient of the bias is summed over the units",
    ([a, b, c], { inputs: [, , bias], outputGradients: [dy] }) => [
      a!,
      b!,
      c && bias!.shape[0] === 5 ? ops.ReduceSum(dy, int64([1]), { keepdims: 0 }) : c!,
    ],
    { layer: "dense_2", input: "dense_2/b" },
    net("tanh", { rows: 5 }),
  ),
  inGemm("the gradient of the bias is dropped", ([a, b]) => [a!, b!, null], { layer: "dense_3", input: "dense_3/b" }),
  inGemm("what goes back loses its last unit", ([a, b, c]) => [a && ops.Mul(a, withoutLast(a)), b!, c!], { layer: "dense_3", input: 0 }),
];

/** Ones, and a zero at the end of the last axis. */
function withoutLast(value: Value): Value {
  const width = value.shape.at(-1) as number;
  const ones = new Float32Array(width).fill(1);
  ones[width - 1] = 0;
  return ops.Cast(constant(tensor("float32", ones)), { to: value.dtype });
}

function inActivation(what: string, name: ActivationName, op: string, change: Change): PlantedFault {
  const last = name === "gelu" ? { operator: op } : { operator: op, layer: `${name}_2` };
  return fault(what, `4-5-5-3, ${name}, cross-entropy`, net(name), op, from(change), last);
}

const positive = (value: Value) => ops.Cast(ops.Greater(value, 0), { to: value.dtype });

const slopes: readonly PlantedFault[] = [
  inActivation("1 − z² for 1 − tanh(z)²", "tanh", "Tanh", (_, { inputs: [z], outputGradients: [dy] }) => [
    ops.Mul(dy, ops.Sub(1, ops.Mul(z!, z!))),
  ]),
  inActivation("1 − y for 1 − y²", "tanh", "Tanh", (_, { outputs: [y], outputGradients: [dy] }) => [ops.Mul(dy, ops.Sub(1, y!))]),
  inActivation("y for y·(1 − y)", "sigmoid", "Sigmoid", (_, { outputs: [y], outputGradients: [dy] }) => [ops.Mul(dy, y!)]),
  inActivation("y·(1 − z) for y·(1 − y)", "sigmoid", "Sigmoid", (_, { inputs: [z], outputs: [y], outputGradients: [dy] }) => [
    ops.Mul(dy, ops.Mul(y!, ops.Sub(1, z!))),
  ]),
  inActivation("the slope passes everything back", "relu", "Relu", (_, { outputGradients: [dy] }) => [dy]),
  inActivation("only positive gradients pass", "relu", "Relu", ([d], { outputGradients: [dy] }) => [ops.Mul(d!, positive(dy))]),
  inActivation("the side below zero passes, not the one above", "relu", "Relu", ([d], { outputGradients: [dy] }) => [ops.Sub(dy, d!)]),
  inActivation("no slope below zero", "leakyRelu", "LeakyRelu", ([d], { inputs: [z] }) => [ops.Mul(d!, positive(z!))]),
  inActivation("the default slope 0.02 below zero", "leakyRelu", "LeakyRelu", ([d], { inputs: [z] }) => [
    ops.Mul(d!, ops.Sub(2, positive(z!))),
  ]),
  inActivation("y for y + α below zero", "elu", "Elu", ([d], { inputs: [z], outputGradients: [dy] }) => [
    ops.Where(ops.Greater(z!, 0), d!, ops.Sub(d!, dy)),
  ]),
  inActivation("the error function's slope without 2/√π", "gelu", "Erf", ([d]) => [ops.Mul(d!, Math.sqrt(Math.PI) / 2)]),
  inActivation("exp(−x²/2) for exp(−x²)", "gelu", "Erf", ([d], { inputs: [x] }) => [ops.Mul(d!, ops.Exp(ops.Mul(ops.Mul(x!, x!), 0.5)))]),
  inActivation("the error function held constant", "gelu", "Erf", () => [null]),
  inActivation("softmax by its diagonal alone", "softmax", "Softmax", (_, { outputs: [y], outputGradients: [dy] }) => [
    ops.Mul(dy, ops.Mul(y!, ops.Sub(1, y!))),
  ]),
];

function inLoss(what: string, loss: LossName | Loss, op: string, change: Change): PlantedFault {
  const name = typeof loss === "string" ? loss : loss.name;
  return fault(what, `4-5-5-3, tanh, ${name}`, net("tanh", { loss }), op, from(change), { layer: "the loss" });
}

/** Targets α/K from each class and 1 − α + α/K for the right one. */
const smoothed: Loss = {
  name: "cross-entropy with label smoothing",
  prediction: "softmax",
  perExample: (z, y) => {
    const soft = ops.Add(ops.Mul(y, 0.9), 0.1 / 3);
    return ops.Neg(ops.ReduceSum(ops.Mul(soft, ops.LogSoftmax(z, { axis: -1 })), int64([1]), { keepdims: 0 }));
  },
};

const last = int64([1]);

const lossFaults: readonly PlantedFault[] = [
  inLoss("softmax and cross-entropy without the − y", "categoricalCrossEntropy", "LogSoftmax", ([d], { outputGradients: [dy] }) => [
    ops.Sub(d!, dy),
  ]),
  inLoss("softmax and cross-entropy: − y alone", "categoricalCrossEntropy", "LogSoftmax", (_, { outputGradients: [dy] }) => [dy]),
  inLoss("softmax over the batch", "categoricalCrossEntropy", "LogSoftmax", (_, { outputs: [y], outputGradients: [dy] }) => [
    ops.Sub(dy, ops.Mul(ops.Exp(y!), ops.ReduceSum(dy, int64([0])))),
  ]),
  inLoss("log p for p", "categoricalCrossEntropy", "LogSoftmax", (_, { outputs: [y], outputGradients: [dy] }) => [
    ops.Sub(dy, ops.Mul(y!, ops.ReduceSum(dy, last))),
  ]),
  inLoss("the gradient of labels that were not smoothed", smoothed, "Mul", ([a, b], { inputs: [soft, logp], outputGradients: [dy] }) => [
    a!,
    b && logp!.shape.length === 2 ? ops.Mul(dy, ops.Mul(ops.Sub(soft!, 0.1 / 3), 1 / 0.9)) : b!,
  ]),
  inLoss("the target left out", "multiLabelCrossEntropy", "Sub", ([a]) => [a!, null]),
  inLoss("the target added", "binaryCrossEntropy", "Sub", ([a, b]) => [a!, b && ops.Neg(b)]),
  inLoss("p·(1 − p) for p", "multiLabelCrossEntropy", "Softplus", ([d], { inputs: [z] }) => [ops.Mul(d!, ops.Sub(1, ops.Sigmoid(z!)))]),
  inLoss("the square's second factor forgotten: d for 2d", "meanSquared", "Mul", ([a, b], { inputs: [x, y] }) => [a!, x === y ? null : b!]),
  inLoss("the wrong sign of the difference", "meanSquared", "Sub", ([a, b]) => [a && ops.Neg(a), b!]),
  inLoss("|d| without its sign", "huber", "Abs", (_, { outputGradients: [dy] }) => [dy]),
  inLoss("no gradient within the quadratic part", "huber", "Min", () => [null, null]),
  inLoss("the sign twice its size", "meanAbsolute", "Abs", ([d]) => [ops.Mul(d!, 2)]),
  inLoss("the sum over outputs for their mean", "meanSquared", "ReduceMean", ([d]) => [ops.Mul(d!, 3)]),
  inLoss("the sum over labels halved", "binaryCrossEntropy", "ReduceSum", ([d], { inputs: [x] }) => [
    x!.shape.length === 2 ? ops.Mul(d!, 0.5) : d!,
  ]),
];

/** What c = min(|d|, 1) passes beyond 1: its gradient, c − 1, is zero there. */
export const beyondQuadratic = {
  what: "Min: everything passes, in the Huber loss ½c² + |d| − c with c = min(|d|, 1)",
  op: "Min",
  make: from((_, { outputGradients: [dy] }) => [dy, null]),
  loss: () => lossOf(net("tanh", { loss: "huber" })),
};

export const denseFaults: readonly PlantedFault[] = [...products, ...slopes, ...lossFaults];
