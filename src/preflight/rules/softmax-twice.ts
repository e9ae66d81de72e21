import { activationOf, isLinear, sequencesOf, type Placed } from "../chain.ts";
import { defineRule, type Observation } from "../rule.ts";

/** Behind a softmax they leave it what it is. */
const keepsNumbers = new Set(["flatten", "reshape", "Clip"]);

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
    const sequences = sequencesOf(problem);
    const top = sequences.at(-1)!;
    const look = ({ name, layer, imported }: Placed, i: number, sequence: readonly Placed[]): Observation[] => {
      if (activationOf(layer) !== "softmax") return [];
      const last = sequence === top && sequence.slice(i + 1).every((behind) => keepsNumbers.has(behind.layer.kind));
      if (last && problem.loss.prediction === "softmax") {
        const least = Math.log(1 + (problem.outputs - 1) / Math.E);
        const message = `${name} stands before ${problem.loss.name}, which applies softmax itself: the loss cannot fall below ${least.toFixed(2)}`;
        const hint = imported ? "--head 1 puts a new layer in place of the model's last" : "end the network with the dense layer";
        return [{ severity: "fail", subject: name, message, hint, numbers: { least } }];
      }
      // The weights of attention are no units.
      const next = sequence[i + 1];
      if (last || (imported && !(next && isLinear(next.layer)))) return [];
      const message = `${name} is a softmax inside the network: its units share a sum of 1`;
      return [{ severity: "warn", subject: name, message, hint: "relu or gelu for hidden layers" }];
    };
    const observations = sequences.flatMap((sequence) => sequence.flatMap(look));
    return observations.length > 0 ? observations : [{ severity: "pass", message: "softmax at most at the end" }];
  },
});
