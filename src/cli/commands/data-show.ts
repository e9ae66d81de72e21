import { imageFlags, readingFlags, sequenceFlags, type Command } from "../command.ts";

export const dataShow: Command = {
  name: "show",
  summary: "what a data file or a folder of images holds: types, lengths, sizes, missing values, distributions, and what looks odd",
  arguments: [
    {
      name: "<data>",
      description:
        "a table (CSV, TSV, JSON, NDJSON, Parquet or Arrow, also compressed; a quoted pattern for several files, - for standard input), lists of numbers or texts in its columns among it; IDX or NumPy files; a folder of images, or one image",
    },
  ],
  options: [
    { flags: "--picture <file>", description: "an SVG: the distribution of every column" },
    ...imageFlags,
    ...sequenceFlags.filter(({ flags }) => /^--(text|sequence-id)/.test(flags)),
    { flags: "--time <column>", description: "what orders the lines of a sequence" },
    ...readingFlags,
  ],
  examples: [
    "gradus data show churn.csv",
    "gradus data show photos",
    "gradus data show train-images-idx3-ubyte.gz --labels other-labels.gz",
    "gradus data show walks.csv --sequence-id walker --time second",
    "gradus data show flights.parquet --picture flights.svg",
    'gradus data show "logs/*.csv.gz" --type zip=category --missing "-"',
  ],
  load: async () => (await import("./data-show-action.ts")).dataShowAction,
};
