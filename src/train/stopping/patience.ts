/** Stops when nothing has improved for some epochs, an improvement being one that stands out of the noise. */
import { counted } from "../../util/format.ts";
import { ranges } from "../../util/range.ts";
import { pairedImprovement, type ImprovementUnit, type StopRule, type StopView } from "../stopping.ts";

const words: Readonly<Record<ImprovementUnit, (least: number) => string>> = {
  noise: (least) => (least === 1 ? "over noise" : `over ${least} standard errors of the noise`),
  relative: (least) => `by ${least * 100} %`,
  absolute: (least) => `by ${least}`,
};

export const patience = {
  about: "no improvement for some epochs",
  settings: {
    epochs: { range: ranges.count, default: 10, about: "epochs without an improvement until it stops" },
    minImprovement: { range: ranges.notNegative, default: 1, about: "an improvement is more than this, in `unit`" },
  },
  see(state, view, { epochs, minImprovement }, unit) {
    const epoch = view.validation.length - 1;
    if (state.examples === undefined || improves(state.epoch, state.examples, view, minImprovement!, unit))
      return { state: { epoch, examples: view.examples.slice() } };
    if (epoch - state.epoch < epochs!) return { state };
    const least = minImprovement === 0 ? "" : ` ${words[unit](minImprovement!)}`;
    return { state, stop: `no improvement${least} for ${counted(epoch - state.epoch, "epoch")}` };
  },
} as const satisfies StopRule;

function improves(best: number, examples: Float32Array, view: StopView, least: number, unit: ImprovementUnit): boolean {
  if (unit === "noise") {
    const { mean, error } = pairedImprovement(examples, view.examples);
    return mean > 0 && mean > least * error;
  }
  const before = view.validation[best]!;
  const gain = before - view.validation.at(-1)!;
  return gain > (unit === "relative" ? least * Math.abs(before) : least);
}
