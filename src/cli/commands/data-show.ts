import { readingFlags, type Command } from "../command.ts";

export const dataShow: Command = {
  name: "show",
  summary: "what a data file holds: types, missing values, distributions, and what looks odd",
  arguments: [
    {
      name: "<data>",
      description:
        "a table: CSV, TSV, JSON, NDJSON, Parquet or Arrow, also compressed; a quoted pattern for several files, - for standard input",
    },
  ],
  options: [{ flags: "--picture <file>", description: "an SVG: the distribution of every column" }, ...readingFlags],
  examples: [
    "gradus data show churn.csv",
    "gradus data show flights.parquet --picture flights.svg",
    'gradus data show "logs/*.csv.gz" --type zip=category --missing "-"',
  ],
  load: async () => (await import("./data-show-action.ts")).dataShowAction,
};
