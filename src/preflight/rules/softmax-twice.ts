import { activationOf, layersOf } from "../chain.ts";
import { defineRule, type Observation } from "../rule.ts";

/** One softmax, at the very end, and that one is the loss's. */
export const softmaxTwice = defineRule({
  name: "softmax-twice",
  title: "one softmax",
  what:
    "categoricalCrossEntropy applies softmax itself. One in the network before it squeezes all logits into 0 … 1: the loss cannot fall below " +
    "log(1 + (C − 1)/e). Inside the network a softmax makes units compete for a sum of 1, which few layers want.",
  source: "UMLAUT, NeuraLint",
  when: "start",
  limits: {},
  check({ problem }) {
    const layers = layersOf(problem);
    const softmaxes = layers.filter(({ layer }) => activationOf(layer) === "softmax");
    const last = layers.at(-1);
    const observations = softmaxes.flatMap(({ name }): Observation[] => {
      if (name === last?.name && problem.loss.prediction === "softmax") {
        const least = Math.log(1 + (problem.outputs - 1) / Math.E);
        const message = `${name} stands before ${problem.loss.name}, which applies softmax itself: the loss cannot fall below ${least.toFixed(2)}`;
        return [{ severity: "fail", subject: name, message, hint: "end the network with the dense layer", numbers: { least } }];
      }
      if (name === last?.name) return [];
      const message = `${name} is a softmax inside the network: its units share a sum of 1`;
      return [{ severity: "warn", subject: name, message, hint: "relu or gelu for hidden layers" }];
    });
    return observations.length > 0 ? observations : [{ severity: "pass", message: "softmax at most at the end" }];
  },
});
