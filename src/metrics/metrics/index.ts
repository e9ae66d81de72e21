/** Every metric, in the order of its figures in reports. */
import type { AmountSample, ClassSample, Metric } from "../metric.ts";
import { errorQuantiles, squaredErrors } from "./amounts.ts";
import { answers } from "./answers.ts";
import { prAuc } from "./average-precision.ts";
import { calibrationError, calibrationLine } from "./calibration.ts";
import { probabilityScores } from "./probability-scores.ts";
import { rocAuc } from "./roc.ts";
import { topK } from "./top-k.ts";

export const classMetrics: readonly Metric<ClassSample>[] = [
  answers,
  topK,
  rocAuc,
  prAuc,
  probabilityScores,
  calibrationError,
  calibrationLine,
];
export const amountMetrics: readonly Metric<AmountSample>[] = [squaredErrors, errorQuantiles];
