import { sequencesOf } from "../chain.ts";
import { defineRule, type Observation } from "../rule.ts";

/** A bias that the next layer takes away again. */
export const biasBeforeNorm = defineRule({
  name: "bias-before-norm",
  title: "bias and norm",
  what: "Batch normalisation subtracts the mean, and with it the bias of the layer before: its gradient is zero, it is no more than dead weight.",
  source: "Ioffe & Szegedy 2015; NeuraLint",
  when: "start",
  limits: {},
  check({ problem, layout }) {
    const observations = sequencesOf(problem).flatMap((sequence) =>
      sequence.flatMap(({ name, layer, bias, imported }, i): Observation[] => {
        const next = sequence[i + 1];
        const slot = next?.layer.kind === "batchNorm" ? layout.slots.find((one) => one.name === bias) : undefined;
        if (!next || !slot || slot.frozen) return [];
        const wasted = slot.size;
        const message = `${next.name} takes the bias of ${name} away again: ${wasted} parameters that never learn`;
        const hint = layer.kind === "conv" && !imported ? "conv(filters, { bias: false })" : "no harm done";
        return [{ severity: "note", subject: name, message, hint, numbers: { wasted } }];
      }),
    );
    return observations.length > 0 ? observations : [{ severity: "pass", message: "no bias before a batch normalisation" }];
  },
});
