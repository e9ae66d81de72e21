/** Every rule: one line each, in the order in which they run. The gradient check is the layer `check/`'s. */
import type { Rule } from "../rule.ts";
import { batchIndependence } from "./batch-independence.ts";
import { biasBeforeNorm } from "./bias-before-norm.ts";
import { dropoutBeforeNorm } from "./dropout-before-norm.ts";
import { initialLoss } from "./initial-loss.ts";
import { initialScale } from "./initial-scale.ts";
import { inputsMatter } from "./inputs-matter.ts";
import { keepProbability } from "./keep-probability.ts";
import { missingActivation } from "./missing-activation.ts";
import { oneBatchFit } from "./one-batch-fit.ts";
import { outputLayer } from "./output-layer.ts";
import { reduction } from "./reduction.ts";
import { signal } from "./signal.ts";
import { softmaxTwice } from "./softmax-twice.ts";

export const rules: readonly Rule[] = [
  outputLayer,
  softmaxTwice,
  missingActivation,
  dropoutBeforeNorm,
  biasBeforeNorm,
  keepProbability,
  initialScale,
  initialLoss,
  signal,
  reduction,
  batchIndependence,
  oneBatchFit,
  inputsMatter,
];
