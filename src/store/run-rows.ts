/** The rows of a run's parts in its data file: by their places in the very same file, by their keys in one that has grown. */
import { PARTS } from "../data/part.ts";
import { knownRows } from "../data/saved-split.ts";
import type { Table } from "../data/table.ts";
import { loadRunSplit } from "./load-run.ts";
import { checkFingerprint, readSplitFile, storedRows } from "./split-file.ts";

export interface RunRows {
  /** Ascending. */
  readonly train: Int32Array;
  readonly validation: Int32Array;
  readonly test: Int32Array;
  /** Rows that the run has never seen, in no part; left out where the file is the very same. */
  readonly newRows?: number;
}

/**
 * @param table read as the run's experiment says
 * @example const { test } = await runRows("runs/quiet-otter", await readExperimentTable(experiment));
 * @throws GradusError where rows of the run are gone, with counts, or it has no keys to find them by
 */
export async function runRows(run: string, table: Table): Promise<RunRows> {
  const split = await loadRunSplit(run);
  if (split.fingerprint === table.source.fingerprint || !("keys" in split)) {
    checkFingerprint(split, table.source, run);
    return { train: storedRows(split, "train"), validation: storedRows(split, "validation"), test: storedRows(split, "test") };
  }
  const partOf = knownRows({ ...(await readSplitFile(run)), path: run }, table);
  const all = Int32Array.from({ length: table.rows }, (_, row) => row);
  const rowsOf = (part: (typeof PARTS)[number]) => all.filter((row) => partOf[row] === PARTS.indexOf(part));
  return { train: rowsOf("train"), validation: rowsOf("validation"), test: rowsOf("test"), newRows: table.rows - split.rows };
}
