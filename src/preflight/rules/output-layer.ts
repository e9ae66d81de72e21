import { activationOf, isLinear, sequencesOf } from "../chain.ts";
import { rowsOf } from "../../train/dataset.ts";
import { short } from "../../util/format.ts";
import { defineRule, type Observation, type PreflightContext } from "../rule.ts";

/** What an activation's values lie in. */
const reach: Readonly<Record<string, readonly [number, number]>> = {
  relu: [0, Infinity],
  sigmoid: [0, 1],
  softmax: [0, 1],
  tanh: [-1, 1],
  elu: [-1, Infinity],
  gelu: [-0.17, Infinity],
};

/** The last layer and the loss belong together. */
export const outputLayer = defineRule({
  name: "output-layer",
  title: "output and loss",
  what:
    "The losses take the last layer's own numbers: logits for cross-entropies, the prediction for amounts. An activation behind the last layer of weights " +
    "bends logits, or keeps predictions from targets outside its range; several classes with one unit, or dropout behind the last layer, cannot work.",
  source: "UMLAUT, NeuraLint",
  when: "start",
  limits: { outside: { value: 0, means: "share of targets beyond the activation's range above which it fails" } },
  check(context, limits) {
    const { problem } = context;
    const { prediction, name } = problem.loss;
    const observations: Observation[] = [];
    const top = sequencesOf(problem).at(-1)!;
    const behind = top.slice(top.findLastIndex(({ layer }) => isLinear(layer) || layer.kind === "joint") + 1);
    if (prediction === "softmax" && problem.outputs === 1) {
      const message = `${name} over one unit: its softmax is 1 whatever the network says`;
      observations.push({ severity: "fail", message, hint: "a unit for each class, or one unit with binaryCrossEntropy" });
    }
    for (const placed of behind) {
      const activation = activationOf(placed.layer);
      if (placed.layer.kind === "dropout" && (placed.layer as unknown as { keepProbability: number }).keepProbability < 1) {
        const message = `${placed.name} drops units of the output itself`;
        observations.push({ severity: "warn", subject: placed.name, message, hint: "put it before the last dense layer" });
      }
      if (activation === undefined || activation === "identity") continue;
      const found = afterOutput(context, placed.name, activation, limits.outside);
      if (found) observations.push(found);
    }
    if (observations.length > 0) return observations;
    const what = prediction === "identity" ? "predictions" : "logits";
    return [{ severity: "pass", message: `the last layer gives ${name} its ${what}` }];
  },
});

function afterOutput({ problem, data }: PreflightContext, subject: string, activation: string, most: number): Observation | undefined {
  const { prediction, name } = problem.loss;
  if (prediction !== "identity") {
    // The loss's own softmax behind one of the network's is the rule `softmax-twice`'s.
    if (activation === "softmax" && prediction === "softmax") return undefined;
    const twice = activation === prediction;
    const message = twice
      ? `${subject} stands before ${name}, which takes logits and applies its own ${prediction}: probabilities of probabilities`
      : `${subject} bends the logits that ${name} takes`;
    return {
      severity: twice || activation === "softmax" ? "fail" : "warn",
      subject,
      message,
      hint: "end the network with the dense layer",
    };
  }
  const [low, high] = reach[activation] ?? [-Infinity, Infinity];
  const targets = data.targets.data as Float32Array;
  const outside = targets.reduce((count, y) => count + (y < low || y > high ? 1 : 0), 0) / targets.length;
  const numbers = { outside, rows: rowsOf(data) };
  const range = high === Infinity ? `from ${low} up` : `from ${low} to ${high}`;
  if (outside > most) {
    const message = `${subject} gives numbers ${range}, and ${short(100 * outside)} % of the targets lie outside`;
    return { severity: "fail", subject, message, hint: "end the network with the dense layer", numbers };
  }
  return activation === "leakyRelu"
    ? {
        severity: "warn",
        subject,
        message: `${subject} bends predictions below zero`,
        hint: "end the network with the dense layer",
        numbers,
      }
    : undefined;
}
