/** `gradus data split`: the split of a training, told and saved without one. */
import { writeWhole } from "../../store/run-folder.ts";
import { readSplitFile, storeSplitKeys } from "../../store/split-file.ts";
import { checkExperiment, overrideExperiment } from "../../train/experiment-file.ts";
import { readExperimentTable } from "../../train/experiment-run.ts";
import { splitExperiment, withSavedSplit } from "../../train/experiment-split.ts";
import { describeSplit } from "../../train/fit-events.ts";
import type { Action } from "../command.ts";
import { readExperimentSource } from "../experiment-source.ts";
import { experimentFromFlags } from "../flags.ts";
import { line } from "../render/lines.ts";
import { paint } from "../render/paint.ts";
import { splitLines } from "../render/report.ts";

export const dataSplitAction: Action = async ({ arguments: [path], options }, { terminal, json, emit }) => {
  const started = performance.now();
  const flags = experimentFromFlags(path, options);
  const file = options["experiment"];
  const given = checkExperiment(typeof file === "string" ? overrideExperiment(await readExperimentSource(file), flags) : flags);
  const { experiment, saved } = await withSavedSplit(given, readSplitFile);
  const table = await readExperimentTable(experiment);
  const parts = await splitExperiment(table, experiment, { saved });
  const told = describeSplit(parts);
  emit(told);
  const { out } = options;
  if (typeof out === "string") await writeWhole(out, `${JSON.stringify(storeSplitKeys(parts), null, 2)}\n`);
  emit({
    type: "result",
    command: "data split",
    data: table.source.path,
    rows: {
      train: parts.train.length,
      validation: parts.validation.length,
      test: parts.test.length,
      ...(parts.trainDev ? { trainDev: parts.trainDev.length } : {}),
    },
    ...(typeof out === "string" ? { out } : {}),
    seconds: (performance.now() - started) / 1000,
  });
  if (json) return 0;
  const { width } = terminal;
  const lines = splitLines(told, width, paint(terminal.color));
  if (typeof out === "string") lines.push(line("saved", `${out}: gradus train … --split-file ${out}`, width));
  terminal.out(`${lines.join("\n")}\n`);
  return 0;
};
