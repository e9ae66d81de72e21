import { fileFlags, imageFlags, runtimeFlags, type Command } from "../command.ts";

export const evaluate: Command = {
  name: "evaluate",
  summary: "measure a trained network: open its test set, or measure on other rows",
  arguments: [
    { name: "<run>", description: "a run folder" },
    { name: "[data]", description: "with --test: the data file, if it has moved or grown; without: a file with other rows to measure on" },
  ],
  options: [
    { flags: "--test", description: "open the test set; the opening is recorded in test-openings.jsonl" },
    { flags: "--importance", description: "what each column is worth: how much worse it gets when its values are permuted" },
    { flags: "--metric <file>", description: "a JavaScript or TypeScript module that exports a metric of yours; it is run" },
    ...imageFlags,
    ...fileFlags,
    ...runtimeFlags,
  ],
  examples: [
    "gradus evaluate runs/quiet-otter --test",
    "gradus evaluate runs/quiet-otter newer.csv",
    "gradus evaluate runs/quiet-otter --importance",
  ],
  load: async () => (await import("./evaluate-action.ts")).evaluateAction,
};
