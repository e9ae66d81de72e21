import { fileFlags, imageFlags, runtimeFlags, type Command } from "../command.ts";

export const evaluate: Command = {
  name: "evaluate",
  summary: "measure a trained network: open its test set, or measure on other rows",
  arguments: [
    { name: "<run>", description: "a run folder" },
    { name: "[data]", description: "with --test: the data file, if it has moved; without: a file with other rows to measure on" },
  ],
  options: [
    { flags: "--test", description: "open the test set; the opening is recorded in test-openings.jsonl" },
    ...imageFlags,
    ...fileFlags,
    ...runtimeFlags,
  ],
  examples: ["gradus evaluate runs/quiet-otter --test", "gradus evaluate runs/quiet-otter newer.csv"],
  load: async () => (await import("./evaluate-action.ts")).evaluateAction,
};
