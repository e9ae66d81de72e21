import { short } from "../../util/format.ts";
import { defineRule, type Observation } from "../rule.ts";
import { signalOf, type LayerSignal } from "../signal.ts";

type Way = "forward" | "backward";

/** The lecture's w^L, measured: what each layer multiplies the signal by. */
export const signal = defineRule({
  name: "signal",
  title: "signal by depth",
  what:
    "The root mean square of what each dense and convolutional layer makes, and the length of the gradient with respect to it, on 64 examples. " +
    "The factor per layer is r = (last/first)^(1/(L − 1)); over L layers the signal changes by r^(L − 1). Random layers of n units scatter: the " +
    "logarithm of the mean square has the variance 5·Σ 1/n between two layers, so narrow ones must differ by more before it counts; layers with an average or a recurrence between them are not compared.",
  source: "lecture (vanishing and exploding gradients); SageMaker Debugger (variance ratio 10); Hanin & Nica 2020 (scatter)",
  when: "start",
  limits: {
    varianceRatio: { value: 10, means: "ratio of the mean squares of two layers above which it warns" },
    deviations: { value: 3.3, means: "if it is as many standard deviations from 1 too, on the logarithm" },
    lost: { value: 1e4, means: "ratio of the signals of two layers above which it fails" },
  },
  async check(context, limits) {
    const { layers, forwardFactor, backwardFactor } = await signalOf(context);
    if (layers.length < 2) {
      const imports = context.problem.network.layers.some(({ kind }) => kind === "imported");
      const message = `${imports ? "fewer than two trained layers of weights" : "one layer of weights"}: nothing to compare`;
      return [{ severity: "pass", message, numbers: { layers: layers.length } }];
    }
    return (["forward", "backward"] as const).map((way): Observation => {
      const factor = way === "forward" ? forwardFactor : backwardFactor;
      const steps = layers.length - 1;
      const ratio = widest(layers, way, limits);
      const numbers = { layers: layers.length, factor, total: factor ** steps, ratio };
      const dead = layers.find((layer) => !Number.isFinite(layer[way]) || layer[way] === 0);
      if (dead) return { severity: "fail", numbers, ...lost(dead, way) };
      const what = way === "forward" ? "your layers multiply the signal by" : "on its way back your layers multiply the gradient by";
      const message = `${what} ${short(factor)} each, ${short(factor ** steps)} after ${steps}`;
      if (ratio ** 2 <= limits.varianceRatio) return { severity: "pass", message, numbers };
      const hint = "heNormal under ReLU, lecunNormal under tanh, inputs standardised; or normalise between the layers";
      return {
        severity: ratio > limits.lost ? "fail" : "warn",
        message: `${message}; two of them differ by ${short(ratio)}`,
        hint,
        numbers,
      };
    });
  },
});

/** The largest ratio of two layers' signals, of those that chance does not explain; 1 where there is none. */
function widest(layers: readonly LayerSignal[], way: Way, limits: { readonly deviations: number; readonly lost: number }): number {
  let most = 1;
  layers.forEach((from, i) => {
    let scatter = 0;
    for (const to of layers.slice(i + 1)) {
      if (to.stretch !== from.stretch) continue;
      scatter += 5 / to.units;
      const distance = Math.abs(Math.log(to[way] / from[way]));
      // Trained weights are as they are, unless they lose the signal.
      const counts = from.imported ? distance > Math.log(limits.lost) : 2 * distance > limits.deviations * Math.sqrt(scatter);
      if (counts) most = Math.max(most, Math.exp(distance));
    }
  });
  return most;
}

function lost(layer: LayerSignal, way: Way) {
  const what = way === "forward" ? `the output of ${layer.name}` : `the gradient that reaches ${layer.name}`;
  return {
    subject: layer.name,
    message: `${what} is ${layer[way] === 0 ? "zero for every example" : "not finite"}`,
    hint: "look at the initial weights of this layer and of those before it",
  };
}
