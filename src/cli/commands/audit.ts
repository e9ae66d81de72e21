import { readingFlags, runtimeFlags, type Command } from "../command.ts";

export const audit: Command = {
  name: "audit",
  summary: "judge data before training: copies, leaks, overlap and drift between the parts of a split, or between two files",
  arguments: [{ name: "<data>", description: "a table, as for gradus train" }],
  options: [
    { flags: "-t, --target <column>", description: "what is to be predicted; without it labels and leaks are not looked at" },
    { flags: "--task <task>", description: "classification or regression; inferred from the target" },
    { flags: "--split-column <column>", description: "judge the parts that a column names: train, validation or dev, test" },
    { flags: "--against <file>", description: "judge the rows of another file of the same columns against those of this one" },
    { flags: "--split <shares>", description: "train/validation/test of the split that is judged; by size where left out (60/20/20)" },
    { flags: "--split-file <file>", description: "judge a saved split (gradus data split, or a run's split.json)" },
    { flags: "--group <column>", description: "what rows belong together: none may be in two parts" },
    { flags: "--time <column>", description: "when rows were made: training must lie before the others" },
    { flags: "--random-split", description: "judge a split at random, and what of --group or --time it tears apart" },
    { flags: "--id <column>", description: "names each row: no feature" },
    { flags: "--drop <columns>", description: "columns that are no features" },
    { flags: "--text <columns>", description: "columns of text as sequences: name=characters, story=words" },
    { flags: "--seed <n>", description: "of the split and of what is drawn (1)" },
    { flags: "--accept <rules>", description: "rules whose findings are known: shown, but no reason to fail" },
    { flags: "--strict", description: "warnings fail too" },
    { flags: "--report <file>", description: "an HTML page: findings, distributions side by side, pairs of copies" },
    ...readingFlags,
    ...runtimeFlags,
  ],
  examples: [
    "gradus audit churn.csv --target churn",
    "gradus audit letter.csv --target letter --split-column split --report audit.html",
    "gradus audit vowel.csv --target vowel --group speaker --random-split",
    "gradus audit january.csv --against february.csv --target delayed",
  ],
  load: async () => (await import("./audit-action.ts")).auditAction,
};
