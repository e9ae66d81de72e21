import { runtimeFlags, type Command } from "../command.ts";

export const report: Command = {
  name: "report",
  summary: "a run as one HTML page: curves, errors, calibration, layers over time, weights, worst examples, findings",
  arguments: [
    { name: "<run>", description: "a run folder" },
    { name: "[data]", description: "the data file, if it has moved" },
  ],
  options: [
    { flags: "--out <file>", description: "the page (report.html in the run folder)" },
    { flags: "--png <file>", description: "the main charts as a picture, too" },
    {
      flags: "--boundary",
      description: "two columns of numbers: train along λ for the decision boundary, also where that takes more than a few seconds",
    },
    { flags: "--no-boundary", description: "no decision boundary" },
    ...runtimeFlags,
  ],
  examples: ["gradus report runs/quiet-otter", "gradus report runs/quiet-otter --out otter.html --png otter.png"],
  load: async () => (await import("./report-action.ts")).reportAction,
};
