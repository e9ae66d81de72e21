/** `gradus resume`: a run folder, its newest good checkpoint, and the same training from there. */
import type { Device } from "../../exec/session.ts";
import { loadCheckpoint } from "../../store/checkpoints.ts";
import { loadRunExperiment, loadRunSplit } from "../../store/load-run.ts";
import { openRun } from "../../store/reserve-run.ts";
import { checkSame, factsOf, readStatus, writeStatus, type RunStatus } from "../../store/run-status.ts";
import { checkExperiment } from "../../train/experiment-file.ts";
import { GradusError } from "../../util/errors.ts";
import type { Action } from "../command.ts";
import { line } from "../render/lines.ts";
import { paint } from "../render/paint.ts";
import { checkpointOptions, runTraining, type TrainingPlace } from "../run-training.ts";
import { runtimeOptions } from "../runtime-options.ts";
import { version } from "../version.ts";
import { watched } from "./train-action.ts";

export const resumeAction: Action = async ({ arguments: [run = "", data], options }, context) => {
  const stored = await loadRunExperiment(run);
  const experiment = checkExperiment({
    value: { ...stored, data: { ...stored.data, ...(data === undefined ? {} : { path: data }) } },
    place: () => `${run}/experiment.json`,
    subject: (path) => `${run}/experiment.json: ${path.join(".")}`,
  });
  const before = await readStatus(run);
  if (before.status !== "running" && before.status !== "interrupted")
    throw new GradusError(`${run} has come to its end (${before.status}); there is nothing to go on with.`, {
      hint: `what came of it: gradus show ${run}`,
    });
  const { threads } = runtimeOptions(options);
  const [checkpoints, watch] = [checkpointOptions(options), watched(options["monitors"])];
  const { device } = before.facts as { readonly device: Device };
  const lettered = (await loadRunSplit(run)).parts.includes("d");
  const open = await openRun(run);
  const { state, skipped } = await loadCheckpoint(run);
  const p = paint(context.terminal.color);
  for (const { file, why } of skipped) {
    if (context.json) context.emit({ type: "checkpoint", file, error: why });
    else context.terminal.err(`${line(p.yellow("checkpoint"), `${file} is passed over: ${why}`)}\n`);
  }
  if (!state && !context.json)
    context.terminal.err(`${line(p.yellow("checkpoint"), "none is there; the training begins again from its start")}\n`);
  const place: TrainingPlace = {
    async begin(begun) {
      const accepted = checkSame(run, before.facts, factsOf(version, device, begun), options["force"] === true);
      const resumed = { time: new Date().toISOString(), step: state?.step ?? 0, accepted };
      const status: RunStatus = { ...before, status: "running", resumed: [...before.resumed, resumed] };
      await writeStatus(run, status);
      return { run: open, status };
    },
    discard: open.release,
  };
  const going = { ...(threads ? { threads } : {}), ...(device === "cpu" ? {} : { device }), ...watch };
  const again = { audit: false, resumes: true, differs: async () => lettered, ...(state ? { resume: state } : {}) };
  return runTraining(experiment, context, place, { ...going, ...again }, checkpoints);
};
