/** Faults by hand in what a training step makes of right rules: penalties, means, one tensor's gradient. */
import { gradient } from "../../../src/autodiff/gradient.ts";
import { l2Penalty, type LossGraph } from "../../../src/check/subject.ts";
import { constant, type Value } from "../../../src/ir/graph.ts";
import { sizeOf } from "../../../src/ir/shape.ts";
import { tensor } from "../../../src/ir/tensor.ts";
import { activation } from "../../../src/nn/layers/activation.ts";
import { dense } from "../../../src/nn/layers/dense.ts";
import { ops } from "../../../src/ops/build.ts";
import { tampered } from "../planted.ts";
import { rolled } from "./edits.ts";
import type { Place, PlantedFault } from "./planted-fault.ts";
import { lossOf, type Setting } from "./problems.ts";

const rows = 8;
const net: Setting = { layers: [dense(5), activation("tanh"), dense(5), activation("tanh"), dense(3)], inputShape: [4], rows };
const where = "4-5-5-3, tanh, cross-entropy";

/** λ = 10⁻⁵, λ/2m · Σ w². */
const lambda = 1e-5;
const perWeight = lambda / rows;

const weightOf = ({ name }: Value) => name!.endsWith("/W");

/** The loss with its penalty, and the right gradients changed: `change` has what the penalty adds, λ/m · w. */
function penalised(change: (gradient: Value, parameter: Value, ofPenalty: Value) => Value): LossGraph {
  const spec = lossOf({ ...net, penalty: l2Penalty(lambda, rows) });
  const right = gradient(spec.loss, spec.parameters);
  return { ...spec, gradients: right.map((g, i) => change(g, spec.parameters[i]!, ops.Mul(spec.parameters[i]!, perWeight))) };
}

function inPenalty(what: string, change: Parameters<typeof penalised>[0], place: Place = { operator: "ReduceSumSquare" }): PlantedFault {
  return { what, where: `${where}, L2 with λ = 1e-5`, loss: () => penalised(change), place };
}

const onWeights = (change: (g: Value, part: Value) => Value) => (g: Value, parameter: Value, part: Value) =>
  weightOf(parameter) ? change(g, part) : g;

const penalties: readonly PlantedFault[] = [
  inPenalty("the penalty left out", onWeights(ops.Sub)),
  inPenalty("the penalty left out of the last layer", (g, { name }, part) => (name === "dense_3/W" ? ops.Sub(g, part) : g), {
    operator: "ReduceSumSquare",
    input: "dense_3/W",
  }),
  inPenalty("the penalty left out of the first layer", (g, { name }, part) => (name === "dense_1/W" ? ops.Sub(g, part) : g), {
    operator: "ReduceSumSquare",
    input: "dense_1/W",
  }),
  inPenalty(
    "λ/2m · w for λ/m · w",
    onWeights((g, part) => ops.Sub(g, ops.Mul(part, 0.5))),
  ),
  inPenalty(
    "λ · w for λ/m · w",
    onWeights((g, part) => ops.Add(g, ops.Mul(part, rows - 1))),
  ),
  inPenalty(
    "the penalty subtracted",
    onWeights((g, part) => ops.Sub(g, ops.Mul(part, 2))),
  ),
  inPenalty("the penalty counted twice", onWeights(ops.Add)),
  inPenalty(
    "λ/m · sign(w), that is, L1",
    onWeights((g, part) => ops.Add(ops.Sub(g, part), ops.Mul(ops.Sign(part), perWeight))),
  ),
  inPenalty("the penalty on biases too", (g, parameter, part) => (weightOf(parameter) ? g : ops.Add(g, part)), { operator: "Gemm" }),
];

function everywhere(what: string, change: (g: Value) => Value, place: Place): PlantedFault {
  const loss = () => {
    const spec = lossOf(net);
    return { ...spec, gradients: spec.gradients!.map(change) };
  };
  return { what, where, loss, place };
}

function inTensor(what: string, name: string, change: (g: Value) => Value): PlantedFault {
  const layer = name.slice(0, name.indexOf("/"));
  return {
    what: `${name}: ${what}`,
    where,
    loss: () => tampered(lossOf(net), name, change),
    place: { operator: "Gemm", layer, input: name },
  };
}

/** Ones, and another number at one place. */
function onesBut(shape: readonly number[], at: number, other: number): Value {
  const data = new Float32Array(sizeOf(shape)).fill(1);
  data[at] = other;
  return constant(tensor("float32", data, shape));
}

const theLoss: Place = { operator: "Mul", layer: "the loss" };

export const stepFaults: readonly PlantedFault[] = [
  ...penalties,
  everywhere("the sum over the batch for the mean", (g) => ops.Mul(g, rows), theLoss),
  everywhere("divided by m − 1", (g) => ops.Mul(g, rows / (rows - 1)), theLoss),
  everywhere("divided by m twice", (g) => ops.Mul(g, 1 / rows), theLoss),
  everywhere("climbing: the sign of all gradients", (g) => ops.Neg(g), theLoss),
  inTensor("an extra 1/m", "dense_3/b", (g) => ops.Mul(g, 1 / rows)),
  inTensor("an extra 1/m", "dense_1/b", (g) => ops.Mul(g, 1 / rows)),
  inTensor("doubled", "dense_1/b", (g) => ops.Mul(g, 2)),
  inTensor("zero", "dense_1/b", (g) => ops.Mul(g, 0)),
  inTensor("doubled", "dense_2/W", (g) => ops.Mul(g, 2)),
  inTensor("one part in a thousand too large", "dense_1/W", (g) => ops.Mul(g, 1.001)),
  inTensor("one part in 10⁵ too large", "dense_3/W", (g) => ops.Mul(g, 1.00001)),
  inTensor("transposed", "dense_2/W", (g) => ops.Transpose(g, { perm: [1, 0] })),
  inTensor("off by one along its outputs", "dense_1/W", (g) => rolled(g, 1)),
  inTensor("off by one along its inputs", "dense_3/W", (g) => rolled(g, 0)),
  inTensor("off by one", "dense_2/b", (g) => rolled(g, 0)),
  inTensor("the gradient of one weight missing", "dense_1/W", (g) => ops.Mul(g, onesBut([4, 5], 13, 0))),
  inTensor("the sign of one weight's gradient", "dense_2/W", (g) => ops.Mul(g, onesBut([5, 5], 7, -1))),
  inTensor("the gradient of one bias missing", "dense_3/b", (g) => ops.Mul(g, onesBut([3], 1, 0))),
  inTensor("cut off at ±0.01", "dense_1/W", (g) => ops.Max(ops.Min(g, 0.01), -0.01)),
  inTensor("scaled to length 1", "dense_2/W", (g) => ops.Div(g, ops.ReduceL2(g))),
];
