import type { Dropout } from "../../nn/layers/dropout.ts";
import { sequencesOf } from "../chain.ts";
import { defineRule, type Observation } from "../rule.ts";

/** Dropout changes a signal's variance in training only, and batch normalisation remembers it. */
export const dropoutBeforeNorm = defineRule({
  name: "dropout-before-norm",
  title: "dropout and norm",
  what:
    "Dropout raises the variance of a signal in training, by 1/keep for a signal of mean 0, and leaves it alone in evaluation. A batch normalisation " +
    "behind it keeps running statistics of the dropped signal and applies them to the whole one.",
  source: "Li et al. 2019 (variance shift); UMLAUT, NeuraLint",
  when: "start",
  limits: {},
  check({ problem }) {
    const observations = sequencesOf(problem).flatMap((sequence): Observation[] => {
      const at = sequence.findIndex(({ layer }) => layer.kind === "dropout" && (layer as Dropout).keepProbability < 1);
      const dropped = sequence[at];
      const norm = at < 0 ? undefined : sequence.slice(at).find(({ layer }) => layer.kind === "batchNorm");
      if (!dropped || !norm) return [];
      const { keepProbability } = dropped.layer as Dropout;
      const message = `${dropped.name} stands before ${norm.name}, whose running variance then holds up to ${(1 / keepProbability).toFixed(2)} times the variance it meets in evaluation`;
      return [
        {
          severity: "warn",
          subject: norm.name,
          message,
          hint: "put dropout behind the last batch normalisation",
          numbers: { variance: 1 / keepProbability },
        },
      ];
    });
    return observations.length > 0 ? observations : [{ severity: "pass", message: "no dropout before a batch normalisation" }];
  },
});
