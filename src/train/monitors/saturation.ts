import { defineMonitor } from "../monitor.ts";
import { knownNothing } from "./reading.ts";

export const saturation = defineMonitor({
  name: "saturation",
  title: "saturation",
  what:
    "The share of a tanh or sigmoid layer's units that are saturated, |tanh| > 0.9 or σ outside [0.05, 0.95], on more than half of 1 024 " +
    "training examples (of all of them, where there are fewer): there the slope is below a fifth of the steepest. Where the loss is low, saturation is what has been learnt. Limits by gradients of 10⁻⁷ would speak long after.",
  source: "SageMaker Debugger, NeuroScope",
  leadsTo: ["vanishing-gradient", "not-decreasing", "update-ratio", "penalty-dominates"],
  limits: {
    share: { value: 0.5, means: "share of saturated units above which it warns" },
    loss: { value: 0.1, means: "if the loss is above this share of what knowing nothing costs" },
  },
  judge(record, limits) {
    const look = record.units.at(-1);
    if (!look || look.loss < limits.loss * knownNothing(record)) return undefined;
    const worst = look.layers.toSorted((a, b) => b.saturated / b.units - a.saturated / a.units)[0];
    const share = worst ? worst.saturated / worst.units : 0;
    if (!worst || share <= limits.share) return undefined;
    return {
      severity: "warn",
      subject: worst.name,
      message: `${worst.saturated} of the ${worst.units} units of ${worst.name} are saturated on more than half of the examples`,
      hint: "lecunNormal weights, inputs standardised, a lower learning rate, normalisation before the activation, or relu",
      numbers: { share, saturated: worst.saturated, units: worst.units, examples: look.examples, epoch: look.epoch },
    };
  },
});
