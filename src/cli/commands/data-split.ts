import type { Command } from "../command.ts";
import { namesOfFlags } from "../flags.ts";
import { train } from "./train.ts";

/** Of `gradus train`, what speaks of the data and its split. */
const known = namesOfFlags(["data", "split", "seed"]);
const shared = train.options.filter(({ flags }) => known.has(/--[\w-]+/.exec(flags)![0]) || flags.includes("--experiment"));

export const dataSplit: Command = {
  name: "split",
  summary: "which rows train, validate and test, saved by keys that find them again in grown data",
  arguments: [{ name: "[data]", description: "a data file (may stand in the experiment file instead)" }],
  options: [
    ...shared.filter(({ flags }) => !flags.includes("--target-transform")),
    { flags: "-o, --out <file>", description: "where to save it, for --split-file" },
  ],
  examples: [
    "gradus data split churn.csv --target churn --out churn.split.json",
    "gradus data split churn-june.csv --target churn --split-file churn.split.json --out churn-june.split.json",
    "gradus train churn-june.csv --target churn --split-file churn-june.split.json",
  ],
  load: async () => (await import("./data-split-action.ts")).dataSplitAction,
};
