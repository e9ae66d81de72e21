import { short } from "../../util/format.ts";
import { defineMonitor } from "../monitor.ts";

export const trainEvalSwitch = defineMonitor({
  name: "train-eval-switch",
  title: "modes",
  what:
    "The loss of the same weights on the same training rows in evaluation mode against training mode, at two looks that follow each other. " +
    "Dropout may make training mode worse, never evaluation mode by much: then the running statistics of a normalisation are not those of " +
    "the batches, or a layer scales its signal differently in the two modes.",
  source: "TheDeepChecker (50 %); the direction and the standard errors derived",
  leadsTo: ["penalty-dominates", "not-decreasing", "oscillating", "diverging"],
  limits: {
    change: { value: 0.5, means: "rise of the loss, against training mode's, above which it warns" },
    errors: { value: 4, means: "if it is as many standard errors of the paired difference too" },
    share: { value: 0.02, means: "and as large a share of what an answer costs that knows nothing" },
    epoch: { value: 2, means: "epochs before the first look that counts" },
  },
  judge({ units, facts, epochs }, limits) {
    const looks = units.filter(({ epoch }) => epoch >= limits.epoch).slice(-2);
    const nothing = facts.constantLoss ?? epochs[0]?.loss ?? 0;
    const worse = ({ switch: found }: (typeof looks)[number]) =>
      found !== undefined &&
      found.difference > limits.change * found.training &&
      found.difference > limits.errors * found.error &&
      found.difference > limits.share * nothing;
    if (looks.length < 2 || !looks.every(worse)) return undefined;
    const { training, difference, error } = looks[1]!.switch!;
    const evaluation = training + difference;
    return {
      severity: difference > 3 * training ? "fail" : "warn",
      message: `the same weights cost ${short(evaluation)} in evaluation mode and ${short(training)} in training mode, on the same rows`,
      hint: "larger batches, or a running average of the statistics that follows faster (momentum); of layers of your own, the scale of both modes",
      numbers: { training, evaluation, error, epoch: looks[1]!.epoch },
    };
  },
});
