/** The checkpoints of a run: written beside the training, never more than a small share of its time, and the newest good one read back. */
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Checkpointer, TrainingState } from "../train/state.ts";
import { ranges, type Range } from "../util/range.ts";
import { decodeCheckpoint, encodeCheckpoint } from "./checkpoint-file.ts";
import { writeDurably } from "./durable.ts";

const folderName = "checkpoints";

export interface CheckpointOptions {
  /** Seconds between two, at least; more where they would cost over 1 %. 0: one after the other, whatever they cost. Default 10. */
  readonly every?: number | undefined;
  /** The newest so many stay; each holds the best weights as well. Default 2. */
  readonly keep?: number | undefined;
  /** Hears of one that could not be written, once for each reason. */
  readonly onFailure?: (failure: CheckpointFailure) => void;
}

export interface CheckpointFailure {
  /** `ENOSPC` */
  readonly code: string;
  readonly message: string;
  readonly step: number;
}

export const checkpointRanges = { every: ranges.notNegative, keep: ranges.count } as const satisfies Record<string, Range>;

/** A checkpoint costs no more than this share of the time. */
const share = 0.01;

export interface CheckpointWriter {
  readonly checkpoint: Checkpointer;
  /** Waits for one that is being written. */
  settled(): Promise<void>;
  /** The step of the last one that is on the disk. */
  readonly last: number | undefined;
  readonly failure: CheckpointFailure | undefined;
}

/** Writes checkpoints of the training in a run folder. What cannot be written leaves those that are there as they are. */
export function checkpointWriter(run: string, { every = 10, keep = 2, onFailure = () => {} }: CheckpointOptions = {}): CheckpointWriter {
  const folder = join(run, folderName);
  let due = performance.now() + every * 1000;
  let writing: Promise<void> | undefined;
  let last: number | undefined;
  let failure: CheckpointFailure | undefined;
  const write = async (state: TrainingState, began: number): Promise<void> => {
    try {
      const bytes = encodeCheckpoint(state);
      const busy = performance.now() - began;
      await mkdir(folder, { recursive: true });
      await writeDurably(join(folder, `step-${String(state.step).padStart(9, "0")}.safetensors`), bytes);
      last = state.step;
      failure = undefined;
      // Writing runs beside the training; a quarter of it is counted as the training's own time.
      const cost = busy + (performance.now() - began - busy) / 4;
      due = performance.now() + (every === 0 ? 0 : Math.max(every * 1000, cost / share));
      for (const old of (await checkpointFiles(run)).slice(keep)) await rm(join(folder, old), { force: true });
    } catch (cause) {
      const { code = "error", message } = cause as NodeJS.ErrnoException;
      const before = failure?.code;
      failure = { code, message, step: state.step };
      due = performance.now() + Math.max(every * 1000, 10 * (performance.now() - began));
      if (before !== code) onFailure(failure);
    } finally {
      writing = undefined;
    }
  };
  return {
    async checkpoint(take, moment) {
      if (moment === "interrupted") {
        await writing;
        await write(take(), performance.now());
        return;
      }
      if (writing || performance.now() < due) return;
      const began = performance.now();
      writing = write(take(), began);
    },
    settled: async () => writing,
    get last() {
      return last;
    },
    get failure() {
      return failure;
    },
  };
}

/** Names of a run's checkpoints, the newest first. */
async function checkpointFiles(run: string): Promise<string[]> {
  const names = await readdir(join(run, folderName)).catch(() => []);
  return names
    .filter((name) => /^step-\d+\.safetensors$/.test(name))
    .toSorted()
    .toReversed();
}

export interface LoadedCheckpoint {
  /** Nothing where none is good. */
  readonly state?: TrainingState;
  /** Those that were passed over, and why. */
  readonly skipped: readonly { readonly file: string; readonly why: string }[];
}

/** The newest checkpoint of a run whose checksum is right. */
export async function loadCheckpoint(run: string): Promise<LoadedCheckpoint> {
  const skipped: { file: string; why: string }[] = [];
  for (const name of await checkpointFiles(run)) {
    const file = join(run, folderName, name);
    try {
      return { state: decodeCheckpoint(await readFile(file)), skipped };
    } catch (error) {
      skipped.push({ file, why: (error as Error).message });
    }
  }
  return { skipped };
}

/** A run that is done needs them no more. */
export async function removeCheckpoints(run: string): Promise<void> {
  await rm(join(run, folderName), { recursive: true, force: true }).catch(() => {});
}
