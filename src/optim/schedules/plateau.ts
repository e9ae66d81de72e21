/** The learning rate falls where a figure has stopped falling. */
import type { Schedule, ScheduleState } from "../schedule.ts";

export interface PlateauSettings {
  /** What the rate is multiplied by. */
  readonly factor: number;
  /** Epochs without improvement that are borne: one more, and the rate falls. */
  readonly patience: number;
  /** What counts as an improvement on the best: less than best − threshold·|best| (`relative`), or than best − threshold (`absolute`). */
  readonly threshold: number;
  readonly mode: "relative" | "absolute";
  /** The rate never falls below this share of what it was. */
  readonly floor: number;
}

/** After each epoch; the count of epochs without improvement begins anew when the rate has fallen. A figure that is NaN is none. */
export function reduceOnPlateau(settings: PlateauSettings): Schedule & Required<Pick<Schedule, "start" | "heed">> {
  const { factor, patience, threshold, mode, floor } = settings;
  return {
    kind: "reduceOnPlateau",
    settings: { ...settings },
    start: { factor: 1, waited: 0 },
    factor: (_, state) => state!["factor"]!,
    heed(state, figure): ScheduleState {
      const { best, waited, factor: now } = state as { best?: number; waited: number; factor: number };
      const improved = best === undefined || figure < best - threshold * (mode === "relative" ? Math.abs(best) : 1);
      if (improved && !Number.isNaN(figure)) return { factor: now, waited: 0, best: figure };
      const kept = best === undefined ? {} : { best };
      return waited < patience
        ? { factor: now, waited: waited + 1, ...kept }
        : { factor: Math.max(now * factor, floor), waited: 0, ...kept };
    },
  };
}
