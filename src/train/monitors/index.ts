/** Every monitor: one line each. Of two that speak at once the one that stands first is the cause, where it can be. */
import type { Monitor } from "../monitor.ts";
import { batchSize } from "./batch-size.ts";
import { diverging, notDecreasing, oscillating } from "./curves.ts";
import { deadUnits } from "./dead-units.ts";
import { explodingGradient } from "./exploding-gradient.ts";
import { nonFinite } from "./non-finite.ts";
import { penaltyDominates } from "./penalty-dominates.ts";
import { saturation } from "./saturation.ts";
import { trainEvalSwitch } from "./train-eval-switch.ts";
import { updateRatio } from "./update-ratio.ts";
import { vanishingGradient } from "./vanishing-gradient.ts";

export const monitors: readonly Monitor[] = [
  saturation,
  deadUnits,
  updateRatio,
  explodingGradient,
  penaltyDominates,
  vanishingGradient,
  trainEvalSwitch,
  diverging,
  oscillating,
  notDecreasing,
  nonFinite,
  batchSize,
];
