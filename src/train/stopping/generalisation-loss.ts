/** GL = 100·(E_va/E_opt − 1): how many per cent the validation figure lies above its lowest (Prechelt 1998, "Early stopping — but when?"). */
import { ranges } from "../../util/range.ts";
import type { StopRule } from "../stopping.ts";

/** @param validation the monitored figure, by epoch; the last one is judged. In per cent; 0 at a new lowest. */
export function generalisationLossOf(validation: readonly number[]): number {
  const lowest = Math.min(...validation);
  const above = validation.at(-1)! - lowest;
  return above === 0 ? 0 : (100 * above) / Math.abs(lowest);
}

export const generalisationLoss = {
  about: "the validation figure lies so many per cent above its lowest",
  settings: { threshold: { range: ranges.positive, default: 5, about: "stops above so many per cent" } },
  see(state, { validation }, { threshold }) {
    const loss = generalisationLossOf(validation);
    const next = loss === 0 ? { epoch: validation.length - 1 } : state;
    if (loss <= threshold!) return { state: next };
    return { state: next, stop: `generalisation loss ${loss.toPrecision(3)} % (above ${threshold} %)` };
  },
} as const satisfies StopRule;
