/** A training in a run folder: what `gradus train` and `gradus resume` have in common, from the first step to the closing lines. */
import { auditParts } from "../audit/gate.ts";
import {
  checkpointRanges,
  checkpointWriter,
  removeCheckpoints,
  type CheckpointOptions,
  type CheckpointWriter,
} from "../store/checkpoints.ts";
import { readModelFile } from "../store/onnx-file.ts";
import type { OpenRun } from "../store/reserve-run.ts";
import { writeStatus, type RunStatus } from "../store/run-status.ts";
import { saveRun } from "../store/save-run.ts";
import { readSplitFile } from "../store/split-file.ts";
import { trainExperiment, type BegunExperiment, type ExperimentRun, type TrainExperimentOptions } from "../train/experiment-run.ts";
import type { Experiment } from "../train/experiment.ts";
import { InterruptedEarly } from "../train/fit-table.ts";
import { checkRanges } from "../util/range.ts";
import type { CommandContext, OptionValues } from "./command.ts";
import { failureLines } from "./failure.ts";
import { closingLines } from "./render/closing.ts";
import { line } from "./render/lines.ts";
import { paint } from "./render/paint.ts";
import { createReporter, resultOf } from "./training-report.ts";

/** Where a training is kept. */
export interface TrainingPlace {
  /** When everything is ready: the run folder, and its status from now on. */
  begin(begun: BegunExperiment): Promise<{ readonly run: OpenRun; readonly status: RunStatus }>;
  /** Nothing was begun: leaves everything as it was. */
  discard(): Promise<void>;
}

/** @throws GradusError where a number of `--checkpoint-every` or `--keep-checkpoints` is none */
export function checkpointOptions({ checkpointEvery, keepCheckpoints }: OptionValues): CheckpointOptions {
  const given = { every: numeric(checkpointEvery), keep: numeric(keepCheckpoints) };
  checkRanges(
    { "--checkpoint-every": given.every, "--keep-checkpoints": given.keep },
    { "--checkpoint-every": checkpointRanges.every, "--keep-checkpoints": checkpointRanges.keep },
  );
  return given as CheckpointOptions;
}

const numeric = (text: string | boolean | undefined): unknown => {
  if (typeof text !== "string") return text;
  return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
};

/** Trains, saves and tells. @returns the exit status */
export async function runTraining(
  experiment: Experiment,
  context: CommandContext,
  place: TrainingPlace,
  options: Omit<TrainExperimentOptions, "begin" | "checkpoint" | "onEvent" | "signal" | "audit"> & {
    readonly audit: boolean;
    /** The run folder was there before. */
    readonly resumes?: boolean;
  },
  checkpoints: CheckpointOptions,
): Promise<0 | 1 | 130> {
  const { terminal, signal } = context;
  const p = paint(terminal.color);
  const reporter = createReporter(context);
  const { audit, resumes = false, ...others } = options;
  let begun: Awaited<ReturnType<TrainingPlace["begin"]>> | undefined;
  let writer: CheckpointWriter | undefined;
  let run: ExperimentRun;
  try {
    run = await trainExperiment(experiment, {
      ...others,
      signal,
      onEvent: reporter.see,
      readModel: readModelFile,
      readSplit: readSplitFile,
      ...(audit ? { audit: auditParts } : {}),
      async begin(subject) {
        begun = await place.begin(subject);
        const onFailure = ({ code, step }: { readonly code: string; readonly step: number }) => reporter.unwritten(code, step);
        writer = checkpointWriter(begun.run.path, { ...checkpoints, onFailure });
      },
      checkpoint: (take, moment) => writer!.checkpoint(take, moment),
    });
  } catch (error) {
    reporter.end();
    await writer?.settled();
    // A training that has saved something can go on from there.
    if (begun && (resumes || writer?.last !== undefined)) await begun.run.release();
    else await (begun?.run ?? place).discard();
    if (!(error instanceof InterruptedEarly)) throw error;
    if (!context.json) terminal.err(`${line(p.yellow("interrupted"), "before the first step; nothing was saved")}\n`);
    else context.emit({ type: "result", error: { message: error.message, exit: 130 } });
    return 130;
  }
  await writer?.settled();
  const { run: open, status } = begun!;
  // From here on nothing is discarded: what cannot be saved in its place is kept in another.
  const told = resultOf({ ...run, findings: [...(resumes ? status.findings : []), ...(run.findings ?? [])] });
  try {
    const result = await saveRun(open, run, told).finally(reporter.end);
    await writeStatus(open.path, { ...status, status: run.reason });
    if (run.reason !== "interrupted") await removeCheckpoints(open.path);
    context.emit({ ...result });
    if (!context.json) {
      const closing = { ...result, history: run.history, data: experiment.data.path };
      terminal.out(`${terminal.live ? "" : "\n"}${closingLines(closing, terminal.width, p).join("\n")}\n`);
      if (run.reason === "interrupted" && writer?.failure)
        terminal.err(`${line(p.yellow("checkpoint"), `could not be written (${writer.failure.code}); what was saved before stays`)}\n`);
      if (result.error)
        terminal.err(
          `${failureLines(Object.assign(new Error(), { name: "GradusError" }, result.error), { debug: false, color: terminal.color }).join("\n")}\n`,
        );
    }
    return result.error ? 1 : result.reason === "interrupted" ? 130 : 0;
  } finally {
    await open.release();
  }
}
