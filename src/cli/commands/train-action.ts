/** `gradus train`: flags and file to an experiment, the experiment to a run folder, the report while it goes. */
import { auditParts } from "../../audit/gate.ts";
import { preflight } from "../../preflight/preflight.ts";
import { optimizers } from "../../optim/optimizers/index.ts";
import { readModelFile } from "../../store/onnx-file.ts";
import { reserveRun } from "../../store/run-folder.ts";
import type { RunResult } from "../../store/run-record.ts";
import { saveRun } from "../../store/save-run.ts";
import { readSplitFile } from "../../store/split-file.ts";
import type { ExperimentEvent } from "../../train/experiment-events.ts";
import { checkExperiment, overrideExperiment } from "../../train/experiment-file.ts";
import { trainExperiment, type ExperimentRun } from "../../train/experiment-run.ts";
import type { Experiment } from "../../train/experiment.ts";
import { InterruptedEarly, type TrainingSubject } from "../../train/fit-table.ts";
import type { Action, CommandContext, CommandInput } from "../command.ts";
import { failureLines } from "../failure.ts";
import { readExperimentSource } from "../experiment-source.ts";
import { experimentFromFlags } from "../flags.ts";
import { auditLines } from "../render/audit.ts";
import { startLines } from "../render/findings.ts";
import { line } from "../render/lines.ts";
import { paint } from "../render/paint.ts";
import { createProgress } from "../render/progress.ts";
import { closingLines } from "../render/closing.ts";
import { foldLine } from "../render/metrics.ts";
import { augmentationLines, dataLines, modelLines, splitLines, transformLines } from "../render/report.ts";
import { runtimeOptions } from "../runtime-options.ts";
import { version } from "../version.ts";

export const trainAction: Action = async (input, context) => {
  const { terminal, signal } = context;
  const p = paint(terminal.color);
  const experiment = await readExperiment(input);
  const runtime = runtimeOptions(input.options);
  const { out } = input.options;
  const reservation = await reserveRun(typeof out === "string" ? out : undefined, Date.now());
  const reporter = createReporter(context);
  let run: ExperimentRun;
  try {
    run = await trainExperiment(experiment, {
      ...runtime,
      signal,
      onEvent: reporter.see,
      readModel: readModelFile,
      readSplit: readSplitFile,
      ...(input.options["audit"] === false ? {} : { audit: auditParts }),
      ...(input.options["preflight"] === false ? {} : { inspect }),
    });
  } catch (error) {
    reporter.end();
    await reservation.discard();
    if (!(error instanceof InterruptedEarly)) throw error;
    if (!context.json) terminal.err(`${line(p.yellow("interrupted"), "before the first step; nothing was saved")}\n`);
    else context.emit({ type: "result", error: { message: error.message, exit: 130 } });
    return 130;
  }
  // From here on nothing is discarded: what cannot be saved in its place is kept in another.
  const result = await saveRun(reservation, run, resultOf(run)).finally(reporter.end);
  context.emit({ ...result });
  if (!context.json) {
    const closing = { ...result, history: run.history, data: experiment.data.path };
    terminal.out(`${terminal.live ? "" : "\n"}${closingLines(closing, terminal.width, p).join("\n")}\n`);
    if (result.error)
      terminal.err(
        `${failureLines(Object.assign(new Error(), { name: "GradusError" }, result.error), { debug: false, color: terminal.color }).join("\n")}\n`,
      );
  }
  return result.error ? 1 : result.reason === "interrupted" ? 130 : 0;
};

/** The checks that take milliseconds. */
const inspect = ({ problem, train, ...options }: TrainingSubject) => preflight(problem, train, { ...options, which: "start" });

/** @throws GradusError for anything in the file or the flags that is not an experiment */
async function readExperiment({ arguments: [data], options }: CommandInput): Promise<Experiment> {
  const flags = experimentFromFlags(data, options);
  const { experiment: file } = options;
  return checkExperiment(typeof file === "string" ? overrideExperiment(await readExperimentSource(file), flags) : flags);
}

function resultOf(run: ExperimentRun): Omit<RunResult, "run"> {
  const { task, metrics, baseline, parameters, seconds, fitSeconds, reason, finding, findings, epochs, steps, rows } = run;
  return {
    type: "result",
    command: "train",
    gradus: version,
    finished: new Date().toISOString(),
    task,
    metrics,
    ...(run.mismatch ? { mismatch: run.mismatch } : {}),
    ...(run.decision ? { decision: run.decision } : {}),
    ...(run.crossValidation ? { crossValidation: run.crossValidation } : {}),
    baseline,
    parameters,
    seconds,
    fitSeconds,
    reason,
    ...(finding ? { finding } : {}),
    ...(findings ? { findings } : {}),
    ...(run.parts.table.skipped ? { skipped: run.parts.table.skipped } : {}),
    epochs,
    steps,
    rows,
    ...(finding
      ? {
          error: {
            message: `the training diverged at step ${finding.step}: ${finding.tensor} is not finite.`,
            hint: `lower the learning rate: --learning-rate ${lowerRate(run.experiment.optimizer)}`,
            exit: 1,
          },
        }
      : {}),
  };
}

/** A tenth, or the usual rate where that is lower still. */
function lowerRate({ kind, learningRate }: ExperimentRun["experiment"]["optimizer"]): number {
  return Math.min(
    Number((learningRate / 10).toPrecision(2)),
    learningRate > optimizers[kind].learningRate ? optimizers[kind].learningRate : Infinity,
  );
}

/** Events to lines, or to JSON. */
function createReporter({ terminal, json, emit }: CommandContext) {
  const p = paint(terminal.color);
  const progress = createProgress(terminal, p);
  const say = (lines: readonly string[]) => {
    progress.clear();
    terminal.out(`${lines.join("\n")}\n`);
  };
  const see = (event: ExperimentEvent) => {
    if (json) return emitEvent(event, emit);
    const { width } = terminal;
    if (event.type === "data") say(dataLines(event, width, p));
    if (event.type === "split") say(splitLines(event, width, p));
    if (event.type === "audit") say(auditLines(event, width, p));
    if (event.type === "fold") say([foldLine(event, width)]);
    if (event.type === "transforms") say(transformLines(event, width, p));
    if (event.type === "model") say(modelLines(event, width));
    if (event.type === "augmentation") say(augmentationLines(event, width, p));
    if (event.type === "preflight") say(startLines(event, width, p));
    if (event.type === "start") say([""]);
    progress.see(event);
  };
  return { see, end: () => progress.clear() };
}

function emitEvent(event: ExperimentEvent, emit: CommandContext["emit"]): void {
  if (event.type === "stage" || event.type === "step") return;
  if (event.type === "start") emit({ type: "epoch", ...event.figures, best: 0 });
  else if (event.type === "epoch") emit({ type: "epoch", ...event.figures, best: event.best });
  else emit({ ...event });
}
