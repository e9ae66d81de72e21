/** What a training tells while it goes, as lines or as JSON, and its result. */
import { optimizers } from "../optim/optimizers/index.ts";
import type { RunResult } from "../store/run-record.ts";
import type { ExperimentEvent } from "../train/experiment-events.ts";
import type { ExperimentRun } from "../train/experiment-run.ts";
import type { CommandContext } from "./command.ts";
import { auditLines } from "./render/audit.ts";
import { healthLines, startLines } from "./render/findings.ts";
import { line } from "./render/lines.ts";
import { foldLine } from "./render/metrics.ts";
import { paint } from "./render/paint.ts";
import { plotCurves } from "./render/plot.ts";
import type { MonotoneDescent } from "../train/monotone-descent.ts";
import type { Finding } from "../util/finding.ts";
import { createProgress } from "./render/progress.ts";
import { threadLines } from "./render/time-profile.ts";
import { augmentationLines, dataLines, modelLines, regularizerLines, splitLines, transformLines } from "./render/report.ts";
import { short } from "./render/format.ts";
import { version } from "./version.ts";

export function resultOf(run: ExperimentRun): Omit<RunResult, "run"> {
  const { task, metrics, baseline, parameters, seconds, fitSeconds, reason, finding, findings, epochs, steps, rows } = run;
  return {
    type: "result",
    command: "train",
    gradus: version,
    finished: new Date().toISOString(),
    task,
    metrics,
    ...(run.mismatch ? { mismatch: run.mismatch } : {}),
    ...(run.copies ? { copies: run.copies } : {}),
    ...(run.decision ? { decision: run.decision } : {}),
    ...(run.crossValidation ? { crossValidation: run.crossValidation } : {}),
    baseline,
    parameters,
    seconds,
    fitSeconds,
    reason,
    ...(run.stop ? { stop: run.stop } : {}),
    ...(run.retries ? { retries: run.retries } : {}),
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
            hint: `lower the learning rate: --learning-rate ${lowerRate(run.experiment.optimizer)}, or let it try again at half of it: --on-divergence halve`,
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
export function createReporter({ terminal, json, emit }: CommandContext) {
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
    if (event.type === "regularizer") say(regularizerLines(event, width));
    if (event.type === "augmentation") say(augmentationLines(event, width, p));
    if (event.type === "threads") say(threadLines(event, width));
    if (event.type === "preflight") say(startLines(event, width, p));
    if (event.type === "finding") say(healthLines(event, width, p));
    if (event.type === "retry") {
      const { finding, epoch, factor } = event;
      const what = `step ${finding.step}: ${finding.tensor} is not finite; again from epoch ${epoch} at ${short(factor)} of the learning rate`;
      say([line(p.yellow("diverged"), what, width)]);
    }
    if (event.type === "start")
      say([...(event.resumed ? [line("resumed", `epoch ${event.resumed.epoch}, after step ${event.resumed.step}`, width)] : []), ""]);
    progress.see(event);
  };
  return {
    see,
    end: () => progress.clear(),
    /** J of the lecture's procedure, and the verdict. */
    descent({ losses, learningRate, halvings, rows, of, falls }: MonotoneDescent, { message, severity }: Finding): void {
      if (json) return emit({ type: "descent", falls, learningRate, halvings, rows, of, losses, message });
      const curve = plotCurves([{ label: "J", values: losses, stroke: "heavy", color: "yellow" }], {
        title: "J: dropout off, whole batch, plain gradient descent",
        ends: ["0", `${losses.length - 1} steps`],
        width: Number.isFinite(terminal.width) ? terminal.width : 100,
        height: 7,
        paint: p,
      });
      const verdict = line(severity === "pass" ? "descent" : p.yellow("descent"), message, terminal.width);
      say([
        verdict,
        "",
        ...curve,
        "",
        line("", p.dim("from here on as usual: dropout on, and the curve below is of the loss measured with it off"), terminal.width),
        "",
      ]);
    },
    /** A checkpoint that is not there. */
    unwritten(code: string, step: number): void {
      const what = `could not be written at step ${step} (${code}); those before stay, and the training goes on`;
      if (json) emit({ type: "checkpoint", step, error: code });
      else {
        progress.clear();
        terminal.err(`${line(p.yellow("checkpoint"), what, terminal.width)}\n`);
      }
    },
  };
}

function emitEvent(event: ExperimentEvent, emit: CommandContext["emit"]): void {
  if (event.type === "stage" || event.type === "step") return;
  if (event.type === "start" && event.resumed) emit({ type: "resume", ...event.resumed });
  else if (event.type === "start") emit({ type: "epoch", ...event.figures, best: 0 });
  else if (event.type === "epoch") emit({ type: "epoch", ...event.figures, best: event.best });
  else emit({ ...event });
}
