/** status.json: how far a run has come, and what it must meet again to go on to the same weights. */
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { join } from "node:path";
import type { PreprocessPlan } from "../data/preprocess.ts";
import type { TableParts } from "../train/fit-table.ts";
import type { Problem } from "../train/step-graph.ts";
import { lossChoice } from "../nn/losses/index.ts";
import { GradusError } from "../util/errors.ts";
import type { Finding } from "../util/finding.ts";
import { writeDurably } from "./durable.ts";
import { readRunJson } from "./run-folder.ts";
import { statusFileSchema } from "./run-schema.ts";
import { storeSplit } from "./split-file.ts";

export type RunState = "running" | "finished" | "stopped" | "interrupted" | "diverged";

/** What weights depend on to the bit, besides the experiment. */
export interface RunFacts {
  readonly gradus: string;
  readonly onnxruntime: string;
  readonly node: string;
  readonly platform: string;
  /** cpu, webgpu or cuda. */
  readonly device: string;
  /** SHA-256 of the data, of the rows' parts, and of the network with its preprocessing. */
  readonly data: string;
  readonly split: string;
  readonly model: string;
}

export interface RunStatus {
  readonly status: RunState;
  /** ISO 8601, UTC. */
  readonly started: string;
  readonly facts: RunFacts;
  /** Of the audit and the checks before the first step, which a run that goes on does not repeat. */
  readonly findings: readonly Finding[];
  /** Every time it went on: from which step, and what differed where that was accepted. */
  readonly resumed: readonly { readonly time: string; readonly step: number; readonly accepted: readonly string[] }[];
}

export const statusName = "status.json";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

export function factsOf(
  gradus: string,
  device: string,
  { parts, problem, plan }: { readonly parts: TableParts; readonly problem: Problem; readonly plan: PreprocessPlan },
): RunFacts {
  const runtime = createRequire(import.meta.url)("onnxruntime-node/package.json") as { readonly version: string };
  const { network, loss, inputShape, outputs } = problem;
  const { source } = parts.table;
  return {
    gradus,
    onnxruntime: runtime.version,
    node: process.versions.node,
    platform: `${platform()} ${arch()}`,
    device,
    data: source.fingerprint,
    split: sha256(storeSplit({ fingerprint: "", rows: parts.table.rows }, parts).parts),
    model: sha256(JSON.stringify({ network, loss: lossChoice(loss), inputShape, outputs, plan })),
  };
}

const names: Readonly<Record<keyof RunFacts, string>> = {
  gradus: "the version of Gradus",
  onnxruntime: "the version of ONNX Runtime",
  node: "the version of Node",
  platform: "the platform",
  device: "the device",
  data: "the data file",
  split: "the rows' parts",
  model: "the network or its preprocessing",
};

/** What is not as it was, a sentence each: `the version of Node was 20.19.1, now 22.3.0`. */
export function differencesOf(before: RunFacts, now: RunFacts): string[] {
  return (Object.keys(names) as (keyof RunFacts)[])
    .filter((key) => before[key] !== now[key])
    .map((key) =>
      ["data", "split", "model"].includes(key) ? `${names[key]} has changed` : `${names[key]} was ${before[key]}, now ${now[key]}`,
    );
}

/** @throws GradusError naming every difference, where there is one that is not accepted */
export function checkSame(run: string, before: RunFacts, now: RunFacts, force: boolean): readonly string[] {
  const differences = differencesOf(before, now);
  if (differences.length === 0 || force) return differences;
  throw new GradusError(`${run} cannot go on to the same weights: ${differences.join("; ")}.`, {
    hint: "bring back what it was trained with, or accept it (the run records that): --force",
  });
}

export const statusText = (status: RunStatus): string => `${JSON.stringify(status, null, 2)}\n`;

export const readStatus = (run: string): Promise<RunStatus> => readRunJson<RunStatus>(run, statusName, statusFileSchema);

/** Where there is no room for it, the run keeps the status it had. */
export async function writeStatus(run: string, status: RunStatus): Promise<void> {
  await writeDurably(join(run, statusName), statusText(status)).catch(() => {});
}
