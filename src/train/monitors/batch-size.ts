import { short } from "../../util/format.ts";
import { defineMonitor } from "../monitor.ts";
import { agreements, average, knownNothing } from "./reading.ts";

export const batchSize = defineMonitor({
  name: "batch-size",
  title: "batch size",
  what:
    "The gradient's noise scale, tr Σ/‖G‖²: the batch at which noise and signal of a step are equally long. Read from how far " +
    "the gradients of the two halves of a batch agree, ⟨g₁, g₂⟩ against their squared length, the mean over the looks at which the loss is above half " +
    "of what knowing nothing costs: sums of ‖G‖² would be those of the few longest. Far above the batch, steps are mostly noise. Advice, and only where nothing was found that brings a training to rest.",
  source: "McCandlish, Kaplan and Amodei 2018 (simple noise scale), Cockpit (signal to noise)",
  leadsTo: [],
  // Where a training rests, be it dead, diverged or pulled to zero, its gradients are nothing but noise.
  advice: { beside: ["update-ratio", "vanishing-gradient"] },
  limits: {
    first: { value: 5, means: "first steps that are not counted: far from any answer, all gradients agree" },
    looks: { value: 9, means: "looks that it takes at least" },
    small: { value: 3.5, means: "noise scale, in batches, above which a larger batch is advised" },
  },
  judge(record, limits) {
    const { facts } = record;
    const nothing = knownNothing(record);
    // Near the end ‖G‖ goes to 0, and every batch is noise.
    const looks = record.steps.filter(({ noise, loss, step }) => noise && step > limits.first && loss > 0.5 * nothing);
    if (looks.length < limits.looks || facts.batch >= facts.rows) return undefined;
    // E⟨g₁, g₂⟩ = S and E‖g‖² = S + V/half: where they agree by a share ρ, V/S = half·(1/ρ − 1).
    const half = facts.batch >> 1;
    const shares = agreements(looks, facts.batch);
    if (shares.length < limits.looks) return undefined;
    const agreement = average(shares);
    const scale = agreement > 0 ? half * (1 / agreement - 1) : Infinity;
    if (!(scale > limits.small * facts.batch)) return undefined;
    const larger = Math.min(facts.rows, Math.max(2 * facts.batch, 2 ** Math.round(Math.log2(Math.min(scale, facts.rows)))));
    return {
      severity: "note",
      message: `a step of ${facts.batch} examples is mostly noise: the noise scale is ${Number.isFinite(scale) ? `about ${short(Number(scale.toPrecision(2)))}` : "beyond measure"}`,
      hint: `batches of up to ${larger}, with the learning rate raised along; or a lower learning rate`,
      numbers: { scale: Math.min(scale, 1e9), batch: facts.batch },
    };
  },
});
