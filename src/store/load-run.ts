/** A run folder read back. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { loadModel, type LoadModelOptions, type Model, type ModelDescription } from "../nn/model.ts";
import type { EpochFigures } from "../train/events.ts";
import type { ResolvedExperiment } from "../train/experiment.ts";
import type { HealthRecord } from "../train/monitor.ts";
import type { TrainingProfile } from "../train/profile.ts";
import { GradusError } from "../util/errors.ts";
import { checkedJson, relocated, pathFromHere, readRunFile, readRunJson } from "./run-folder.ts";
import type { RunResult } from "./run-record.ts";
import {
  epochLineSchema,
  experimentFileSchema,
  healthFileSchema,
  modelFileSchema,
  profileFileSchema,
  resultFileSchema,
  splitFileSchema,
} from "./run-schema.ts";
import type { StoredSplit } from "./split-file.ts";

/**
 * The trained model of a run.
 * @param options.layers of your own that the model has
 * @throws GradusError where the folder is no run, or its files do not fit each other
 */
export async function loadRunModel(run: string, options: LoadModelOptions = {}): Promise<Model> {
  const description = await readRunJson<ModelDescription>(run, "model.json", modelFileSchema);
  const weights = await readRunFile(run, "model.safetensors");
  try {
    return loadModel(description, weights, options);
  } catch (error) {
    if (!(error instanceof GradusError)) throw error;
    throw new GradusError(`${run}: ${error.message}`, { ...(error.hint ? { hint: error.hint } : {}), cause: error });
  }
}

/** The resolved experiment, its data path from where we are. */
export async function loadRunExperiment(run: string): Promise<ResolvedExperiment> {
  const experiment = await readRunJson<ResolvedExperiment>(run, "experiment.json", experimentFileSchema);
  return relocated(experiment, (stored) => pathFromHere(run, stored));
}

/** What came of it; the folder under the name it has now. */
export async function loadRunResult(run: string): Promise<RunResult> {
  return { ...(await readRunJson<RunResult>(run, "result.json", resultFileSchema)), run };
}

/** Which rows trained, validated, and are kept for the test. */
export function loadRunSplit(run: string): Promise<StoredSplit> {
  return readRunJson<StoredSplit>(run, "split.json", splitFileSchema);
}

/** The figures of every epoch. */
export async function loadRunHistory(run: string): Promise<EpochFigures[]> {
  const text = (await readRunFile(run, "metrics.jsonl")).toString("utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line, i) => checkedJson<EpochFigures>(line, `${join(run, "metrics.jsonl")}, line ${i + 1},`, epochLineSchema));
}

/** What the health monitors saw; nothing where they were off, or the run is of an older version. */
export async function loadRunHealth(run: string): Promise<HealthRecord | undefined> {
  const found = await stat(join(run, "health.json")).catch(() => undefined);
  return found && readRunJson<HealthRecord>(run, "health.json", healthFileSchema);
}

/** Where the training's time went; nothing where that was not asked for. */
export async function loadRunProfile(run: string): Promise<TrainingProfile | undefined> {
  const found = await stat(join(run, "profile.json")).catch(() => undefined);
  return found && readRunJson<TrainingProfile>(run, "profile.json", profileFileSchema);
}
