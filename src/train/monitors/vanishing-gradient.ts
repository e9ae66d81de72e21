import { short } from "../../util/format.ts";
import { defineMonitor } from "../monitor.ts";
import { awake, knownNothing, rms, weightMedians, weightsOf } from "./reading.ts";

/** The gradient on its way back: an early layer's against the last one's. */
export const vanishingGradient = defineMonitor({
  name: "vanishing-gradient",
  title: "vanishing",
  what:
    "The root mean square of the gradient of each layer's weights against the last layer's, the median over the last looks. It counts only " +
    "where that layer's weights also move less, against their length, than the last one's: optimizers that rescale gradients make up for small " +
    "ones. And only as long as the loss is no small part of what an answer costs that knows nothing: near its end a training may rest.",
  source: "SageMaker Debugger, AutoTrainer (limits); the condition on updates and on the loss derived",
  leadsTo: ["not-decreasing", "update-ratio"],
  limits: {
    looks: { value: 5, means: "looks that the median is of; before so many it says nothing" },
    ratio: { value: 0.05, means: "ratio of the gradients below which it warns" },
    lost: { value: 1e-3, means: "below this it fails" },
    moves: { value: 0.1, means: "if the layer's ‖Δw‖/‖w‖ is below this share of the last layer's too" },
    loss: { value: 0.1, means: "and if the loss is above this share of what knowing nothing costs" },
  },
  judge(record, limits) {
    const looks = awake(record).slice(-limits.looks);
    if (looks.length < limits.looks) return undefined;
    const loss = record.epochs.at(-1)?.loss ?? NaN;
    if (loss < limits.loss * knownNothing(record)) return undefined;
    const last = weightsOf(looks.at(-1)!).at(-1)?.name;
    if (last === undefined) return undefined;
    const against = (figure: (tensor: Parameters<typeof rms>[0]) => number) =>
      weightMedians(looks, (tensor, look) => figure(tensor) / figure(look.tensors.find(({ name }) => name === last)!));
    const gradients = against(rms);
    const moves = against(({ update, weight }) => update / weight);
    const lost = [...gradients].filter(([name, ratio]) => ratio < limits.ratio && moves.get(name)! < limits.moves);
    if (lost.length === 0) return undefined;
    const [name, ratio] = lost.reduce((a, b) => (b[1] < a[1] ? b : a));
    return {
      severity: ratio < limits.lost ? "fail" : "warn",
      subject: name,
      message: `the gradient of ${name} is ${short(ratio)} of the last layer's, and its weights hardly move`,
      hint: "ReLU in place of sigmoid or tanh, heNormal or lecunNormal weights, normalisation between the layers, or ways around them",
      numbers: { ratio, moves: moves.get(name)!, step: looks.at(-1)!.step },
    };
  },
});
