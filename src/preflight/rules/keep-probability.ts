import type { Dropout } from "../../nn/layers/dropout.ts";
import { stepsOf } from "../chain.ts";
import { short } from "../../util/format.ts";
import { defineRule, type Observation } from "../rule.ts";

/** Dropout that drops more than it keeps. */
export const keepProbability = defineRule({
  name: "keep-probability",
  title: "keep probability",
  what: "A layer that keeps fewer than half its units, or drops inputs, mostly keeps the network from learning. Often a drop probability was meant.",
  source: "UMLAUT; lecture (input dropout only from 0.9 up)",
  when: "start",
  limits: {
    least: { value: 0.5, means: "keep probability below which it warns" },
    input: { value: 0.9, means: "keep probability of the inputs below which it warns" },
  },
  check({ problem }, limits) {
    const layers = stepsOf(problem);
    const observations = layers.flatMap(({ name, layer }, i): Observation[] => {
      if (layer.kind !== "dropout") return [];
      const { keepProbability: keep } = layer as Dropout;
      const onInput = layers.slice(0, i).every((before) => ["reshape", "flatten", "permute", "noise"].includes(before.layer.kind));
      const least = onInput ? Math.max(limits.input, limits.least) : limits.least;
      if (keep >= least) return [];
      const message = `${name} keeps ${short(keep)} of ${onInput ? "the inputs" : "its units"}, below ${least}`;
      const hint = `a keep probability of ${Number((1 - keep).toFixed(4))} drops that share of them`;
      return [{ severity: "warn", subject: name, message, ...(1 - keep >= least ? { hint } : {}), numbers: { keep } }];
    });
    return observations.length > 0 ? observations : [{ severity: "pass", message: `no dropout keeps less than ${limits.least}` }];
  },
});
