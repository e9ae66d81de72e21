import { fileFlags, imageFlags, runtimeFlags, type Command } from "../command.ts";

export const predict: Command = {
  name: "predict",
  summary: "predict the rows of a data file with a trained network",
  arguments: [
    { name: "<run>", description: "a run folder" },
    { name: "<data>", description: "a file with the columns the network was trained on; the target need not be there" },
  ],
  options: [
    { flags: "-o, --out <file>", description: "the CSV file to write; standard output where left out" },
    {
      flags: "--threshold <p>",
      description: "two classes: the second class is predicted where its probability is at least this (left out: above 0.5)",
    },
    ...imageFlags,
    { flags: "--skip-bad-rows", description: "leave out lines and images that cannot be read, and list them" },
    ...fileFlags,
    ...runtimeFlags,
  ],
  examples: [
    "gradus predict runs/quiet-otter new.csv > predictions.csv",
    "gradus predict runs/quiet-otter new.csv --threshold 0.3 --out predictions.csv",
  ],
  load: async () => (await import("./predict-action.ts")).predictAction,
};
