import type { Command } from "../command.ts";
import { train } from "./train.ts";

/** Options of a training that a few hundred steps have no use for. */
const useless =
  /^--(epochs|schedule|warmup|learning-rate|no-|out|-o|accept|strict|stop|patience|checkpoint|keep-checkpoints|monitors|on-divergence|folds|repeats)/;

export const learningRate: Command = {
  name: "lr",
  summary: "which learning rate to begin with: it rises over a short training, with three seeds; nothing is suggested where they disagree",
  arguments: train.arguments,
  options: train.options.filter(({ flags }) => !useless.test(flags) && !flags.startsWith("-o")),
  examples: ["gradus lr churn.csv --target churn", "gradus lr --experiment experiment.yaml --optimizer momentum"],
  load: async () => (await import("./learning-rate-action.ts")).learningRateAction,
};
