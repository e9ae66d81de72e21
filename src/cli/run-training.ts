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
import { pickDataset, rowsOf } from "../train/dataset.ts";
import { descentFinding, monotoneDescent, type MonotoneDescent } from "../train/monotone-descent.ts";
import { checkProblem, defaultExamples } from "../check/protocol.ts";
import { GradusError } from "../util/errors.ts";
import type { Finding } from "../util/finding.ts";
import { checkRanges } from "../util/range.ts";
import type { CommandContext, OptionValues } from "./command.ts";
import { failureLines } from "./failure.ts";
import { closingLines } from "./render/closing.ts";
import { line } from "./render/lines.ts";
import { paint } from "./render/paint.ts";
import { profileLines } from "./render/time-profile.ts";
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
    /** First the lecture's procedure: dropout off, the whole batch, J falls. */
    readonly lecture?: boolean;
    /** The run folder was there before. */
    readonly resumes?: boolean;
  },
  checkpoints: CheckpointOptions,
): Promise<0 | 1 | 130> {
  const { terminal, signal } = context;
  const p = paint(terminal.color);
  const reporter = createReporter(context);
  const { audit, lecture = false, resumes = false, ...others } = options;
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
      ...(lecture ? { inspect: descendFirst(others.inspect, experiment, reporter.descent) } : {}),
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
    if (run.profiled) context.emit({ type: "profile", ...run.profiled.profile });
    context.emit({ ...result });
    if (!context.json) {
      const closing = { ...result, history: run.history, data: experiment.data.path };
      if (run.profiled) terminal.out(`${terminal.live ? "" : "\n"}${profileLines(run.profiled.profile, open.path).join("\n")}\n`);
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

/** The lecture's procedure before the other checks. @throws GradusError where the gradient is wrong */
function descendFirst(
  inspect: TrainExperimentOptions["inspect"],
  { regularizer }: Experiment,
  tell: (descent: MonotoneDescent, finding: Finding) => void,
): NonNullable<TrainExperimentOptions["inspect"]> {
  return async (subject) => {
    const { problem, train, seed, executor, runtime } = subject;
    const started = performance.now();
    const descent = await monotoneDescent(problem, train, { executor, seed, regularizer, runtime });
    const rows = Math.min(rowsOf(train), defaultExamples);
    const some = Int32Array.from({ length: rows }, (_, row) => row);
    const checked = descent.falls ? undefined : await checkProblem(problem, pickDataset(train, some), { seed, examples: rows });
    const finding = descentFinding(descent, checked?.passed);
    tell(descent, finding);
    if (finding.severity === "fail") throw new GradusError(`${finding.message}.`, { hint: finding.hint!, exitCode: 1 });
    const seconds = (performance.now() - started) / 1000;
    const others = (await inspect?.(subject)) ?? { checked: [], findings: [], seconds: 0 };
    return {
      checked: ["J falls without dropout", ...others.checked],
      findings: [finding, ...others.findings],
      seconds: seconds + others.seconds,
    };
  };
}
