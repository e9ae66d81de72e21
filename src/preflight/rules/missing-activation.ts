import { isLinear, sequencesOf, staysLinear, type Placed } from "../chain.ts";
import { defineRule, type Observation } from "../rule.ts";

/** Two linear maps with nothing between them are one. */
export const missingActivation = defineRule({
  name: "missing-activation",
  title: "activations",
  what:
    "Two dense or convolutional layers with nothing between them that bends (reshaping, dropout, averages, batch normalisation and the identity do not) " +
    "compute what one layer could.",
  source: "UMLAUT, NeuraLint",
  when: "start",
  limits: {},
  check({ problem }) {
    const observations: Observation[] = [];
    for (const sequence of sequencesOf(problem)) {
      let before: Placed | undefined;
      for (const placed of sequence) {
        if (isLinear(placed.layer)) {
          if (before) {
            const message = `nothing bends the signal between ${before.name} and ${placed.name}: together they are one linear layer`;
            observations.push({ severity: "warn", subject: placed.name, message, hint: 'put activation("relu") between them' });
          }
          before = placed;
        } else if (!staysLinear(placed.layer)) before = undefined;
      }
    }
    return observations.length > 0 ? observations : [{ severity: "pass", message: "an activation between all layers of weights" }];
  },
});
