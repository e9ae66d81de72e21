import type { Command } from "../command.ts";

export const diagnose: Command = {
  name: "diagnose",
  summary: "bias, variance, mismatch, over-tuning: each high, fine, or not to be told, with its interval",
  arguments: [{ name: "[run]", description: "a run folder; without one, the errors are given" }],
  options: [
    { flags: "--bayes-error <share>", description: "the error that no model beats, where it is known: 0.05 or 5%" },
    { flags: "--human-error <k/n>", description: "errors that people make on so many examples: 12/400" },
    { flags: "--target-error <share>", description: "the error that is wanted" },
    { flags: "--limit <points>", description: "a gap is high above so many points (1, or a tenth of the validation error if more)" },
    { flags: "--train <k/n>", description: "without a run: wrong answers of training rows, 100/10000" },
    { flags: "--train-dev <k/n>", description: "without a run: of unseen rows of the training distribution" },
    { flags: "--validation <k/n>", description: "without a run: of validation rows" },
    { flags: "--test <k/n>", description: "without a run: of test rows, once they were opened" },
  ],
  examples: [
    "gradus diagnose runs/quiet-otter --bayes-error 5%",
    "gradus diagnose --train 100/10000 --validation 1100/10000 --bayes-error 0",
    "gradus diagnose runs/quiet-otter --human-error 12/400",
  ],
  load: async () => (await import("./diagnose-action.ts")).diagnoseAction,
};
