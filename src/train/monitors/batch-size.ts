import { short } from "../../util/format.ts";
import { defineMonitor } from "../monitor.ts";
import { knownNothing } from "./reading.ts";

export const batchSize = defineMonitor({
  name: "batch-size",
  title: "batch size",
  what:
    "The gradient's noise scale, tr Σ/‖G‖²: the batch at which noise and signal of a step are equally long. Both are estimated without bias from " +
    "the two halves of a batch and summed over the looks at which the loss is above half of what knowing nothing costs. Far above the batch, steps are mostly noise. Advice, and only where nothing else was found.",
  source: "McCandlish, Kaplan and Amodei 2018 (simple noise scale), Cockpit (signal to noise)",
  leadsTo: [],
  advice: true,
  limits: {
    first: { value: 5, means: "first steps that are not counted: far from any answer, all gradients agree" },
    looks: { value: 5, means: "looks that it takes at least" },
    small: { value: 6, means: "noise scale, in batches, above which a larger batch is advised" },
    errors: { value: 0.5, means: "standard errors that the signal is raised by before it is compared" },
  },
  judge(record, limits) {
    const { facts } = record;
    const nothing = knownNothing(record);
    // Near the end ‖G‖ goes to 0, and every batch is noise.
    const looks = record.steps.filter(({ noise, loss, step }) => noise && step > limits.first && loss > 0.5 * nothing);
    if (looks.length < limits.looks || facts.batch >= facts.rows) return undefined;
    const crossed = looks.map(({ noise }) => noise!.signal);
    const sum = (figure: (noise: NonNullable<(typeof looks)[number]["noise"]>) => number) =>
      looks.reduce((total, { noise }) => total + figure(noise!), 0);
    const [signal, variance] = [sum(({ signal: s }) => s), sum(({ variance: v }) => v)];
    // The signal as large as chance allows: mean + 2 standard errors.
    const mean = signal / looks.length;
    const spread = crossed.reduce((total, value) => total + (value - mean) ** 2, 0) / (looks.length - 1);
    const most = mean + limits.errors * Math.sqrt(spread / looks.length);
    if (!(variance / looks.length > limits.small * facts.batch * most)) return undefined;
    const scale = signal > 0 ? variance / signal : Infinity;
    const larger = Math.min(facts.rows, Math.max(2 * facts.batch, 2 ** Math.round(Math.log2(Math.min(scale, facts.rows)))));
    return {
      severity: "note",
      message: `a step of ${facts.batch} examples is mostly noise: the noise scale is ${Number.isFinite(scale) ? `about ${short(Number(scale.toPrecision(2)))}` : "beyond measure"}`,
      hint: `batches of up to ${larger}, with the learning rate raised along; or a lower learning rate`,
      numbers: { scale: Math.min(scale, 1e9), batch: facts.batch },
    };
  },
});
