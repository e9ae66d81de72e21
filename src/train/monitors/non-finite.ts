import { defineMonitor } from "../monitor.ts";

export const nonFinite = defineMonitor({
  name: "non-finite",
  title: "not finite",
  what:
    "The first step whose loss is infinite or NaN, and the first tensor of that step that is not finite: parameters, then outputs of the layers " +
    "in forward order, the loss, gradients.",
  source: "every training loop; the order is that of the forward pass",
  leadsTo: [],
  limits: {},
  judge({ nonFinite: found, steps }) {
    if (!found) return undefined;
    const { step, tensor } = found;
    const early = step <= 2;
    const rate = steps.at(-1)?.learningRate;
    const hint = early
      ? "before any update could do it: look at the inputs, the initial weights, and at logarithms, divisions and exponentials of your own"
      : `a lower learning rate${rate === undefined ? "" : ` than ${Number(rate.toPrecision(2))}`}, gradients clipped by their norm; and look at logarithms, divisions and exponentials of your own`;
    return {
      severity: "fail",
      subject: tensor,
      message: `step ${step}: ${tensor} is the first that is not finite`,
      hint,
      numbers: { step },
    };
  },
});
