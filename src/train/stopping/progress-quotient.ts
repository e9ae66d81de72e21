/** PQ = GL/P_k: overfitting against the training's own progress over a strip of k epochs (Prechelt 1998). */
import { ranges } from "../../util/range.ts";
import type { StopRule } from "../stopping.ts";
import { generalisationLossOf } from "./generalisation-loss.ts";

/** P_k = 1000·(Σ E_tr/(k·min E_tr) − 1) over the last k epochs: how much larger the mean is than the lowest, per thousand. */
export function progressOf(strip: readonly number[]): number {
  const lowest = Math.min(...strip);
  const mean = strip.reduce((sum, value) => sum + value, 0) / strip.length;
  return mean === lowest ? 0 : (1000 * (mean - lowest)) / Math.abs(lowest);
}

export const progressQuotient = {
  about: "generalisation loss over the training's progress",
  settings: {
    threshold: { range: ranges.positive, default: 1, about: "stops above this quotient" },
    strip: { range: { expected: "a whole number of at least 2", whole: true, from: 2 }, default: 5, about: "epochs of a strip" },
  },
  see(state, { validation, training }, { threshold, strip }) {
    const epoch = validation.length - 1;
    const loss = generalisationLossOf(validation);
    const next = loss === 0 ? { epoch } : state;
    if (epoch % strip! !== 0 || loss === 0) return { state: next };
    const progress = progressOf(training.slice(-strip!));
    if (loss <= threshold! * progress) return { state: next };
    const measured = `generalisation loss ${loss.toPrecision(3)} %, progress ${progress.toPrecision(3)} ‰ in ${strip} epochs`;
    return { state: next, stop: `progress quotient above ${threshold} (${measured})` };
  },
} as const satisfies StopRule;
