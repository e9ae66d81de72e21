/** Every rule: one line each, in the order in which they run. */
import type { AuditRule } from "../rule.ts";
import { conflictingLabels } from "./conflicting-labels.ts";
import { constant } from "./constant.ts";
import { domainClassifier } from "./domain-classifier.ts";
import { duplicates } from "./duplicates.ts";
import { featureDrift } from "./feature-drift.ts";
import { goldenFeature } from "./golden-feature.ts";
import { imbalance } from "./imbalance.ts";
import { labelShift } from "./label-shift.ts";
import { leakImpact } from "./leak-impact.ts";
import { nearDuplicates } from "./near-duplicates.ts";
import { groupOverlap, timeOverlap } from "./overlap.ts";
import { scale } from "./scale.ts";
import { scaledBeforeSplit } from "./scaled-before-split.ts";
import { targetLeak } from "./target-leak.ts";
import { validationSize } from "./validation-size.ts";

export const auditRules: readonly AuditRule[] = [
  duplicates,
  leakImpact,
  nearDuplicates,
  conflictingLabels,
  groupOverlap,
  timeOverlap,
  targetLeak,
  goldenFeature,
  scaledBeforeSplit,
  labelShift,
  featureDrift,
  domainClassifier,
  imbalance,
  constant,
  scale,
  validationSize,
];
