/** A finished training to the files of its run folder; docs/run-folder.md says what each is. */
import { lossChoice } from "../nn/losses/index.ts";
import { modelGraph, saveModel, type Model } from "../nn/model.ts";
import { writeModel } from "../onnx/write.ts";
import type { BegunExperiment, ExperimentRun } from "../train/experiment-run.ts";
import { relocated, pathFromRun } from "./run-folder.ts";
import type { RunFiles, RunReservation } from "./reserve-run.ts";
import { statusName, statusText, type RunStatus } from "./run-status.ts";
import type { RunResult } from "./run-record.ts";
import { storeSplitKeys } from "./split-file.ts";

const lines = (values: readonly unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join("");
const pretty = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

/** The model of a run, as it is saved. */
export function modelOf({ problem, plan, theta, decision }: Pick<ExperimentRun, "problem" | "plan" | "theta" | "decision">): Model {
  const threshold = decision ? { threshold: decision.threshold.value } : {};
  return { network: problem.network, loss: lossChoice(problem.loss), plan, theta, ...threshold };
}

/** What a run folder holds from its training's first step on. */
export function begunFiles({ experiment, parts }: BegunExperiment, status: RunStatus): (path: string) => RunFiles {
  return (path) => ({
    "experiment.json": pretty(relocated(experiment, (from) => pathFromRun(path, from))),
    "split.json": pretty(storeSplitKeys(parts)),
    [statusName]: statusText(status),
  });
}

/** @returns the result with the folder's name, as result.json holds it */
export async function saveRun(
  reservation: Pick<RunReservation, "write">,
  run: ExperimentRun,
  result: Omit<RunResult, "run">,
): Promise<RunResult> {
  const model = modelOf(run);
  const { description, weights } = saveModel(model);
  const { experiment, parts } = run;
  const files = (path: string) => ({
    "experiment.json": pretty(relocated(experiment, (from) => pathFromRun(path, from))),
    "model.json": pretty(description),
    "model.safetensors": weights,
    "model.onnx": writeModel(modelGraph(model)),
    "metrics.jsonl": lines(run.history),
    ...(run.health ? { "health.json": `${JSON.stringify(run.health)}\n` } : {}),
    ...(run.profiled ? { "profile.json": pretty(run.profiled.profile), "trace.json": `${JSON.stringify(run.profiled.trace)}\n` } : {}),
    "split.json": pretty(storeSplitKeys(parts)),
    "result.json": pretty({ ...result, run: path }),
  });
  const path = await reservation.write(files);
  return { ...result, run: path };
}
