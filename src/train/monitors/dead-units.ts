import { short } from "../../util/format.ts";
import { defineMonitor } from "../monitor.ts";

export const deadUnits = defineMonitor({
  name: "dead-units",
  title: "dead units",
  what:
    "The share of a ReLU layer's units that are 0 on every one of 1 024 training examples (of all of them, where there are fewer): no gradient " +
    "reaches their weights any more. Single zeros say nothing; in a healthy layer about half of the numbers are 0.",
  source: "NeuroScope, SageMaker Debugger",
  leadsTo: ["vanishing-gradient", "not-decreasing", "update-ratio", "penalty-dominates"],
  limits: {
    some: { value: 0.2, means: "share of dead units above which it warns" },
    most: { value: 0.5, means: "above this it fails" },
    units: { value: 3, means: "dead units that it takes at least" },
  },
  judge({ units }, limits) {
    const look = units.at(-1);
    if (!look) return undefined;
    const worst = look.layers
      .filter(({ activation, dead, units }) => activation === "relu" && (dead >= limits.units || dead === units))
      .toSorted((a, b) => b.dead / b.units - a.dead / a.units)[0];
    const share = worst ? worst.dead / worst.units : 0;
    if (!worst || share <= limits.some) return undefined;
    return {
      severity: share > limits.most ? "fail" : "warn",
      subject: worst.name,
      message: `${worst.dead} of the ${worst.units} units of ${worst.name} are 0 on all of ${short(look.examples)} examples`,
      hint: "a lower learning rate, heNormal weights and biases that start at 0, leakyRelu or gelu in place of relu, normalisation before it",
      numbers: { share, dead: worst.dead, units: worst.units, examples: look.examples, epoch: look.epoch },
    };
  },
});
