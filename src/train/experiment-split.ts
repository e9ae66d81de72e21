/** Which rows of an experiment's table train, validate and test: by its own settings, or as a file says. */
import type { SavedSplit } from "../data/saved-split.ts";
import type { Table } from "../data/table.ts";
import { GradusError } from "../util/errors.ts";
import type { Experiment } from "./experiment.ts";
import { splitTable, type TableParts } from "./fit-table.ts";

/** Reads the split file that an experiment names: `readSplitFile`. */
export type SplitReader = (path: string) => Promise<SavedSplit>;

/** Whether validation comes from another distribution than training; asked before a training that could have a train-dev set. */
export type Differs = (parts: TableParts) => boolean | Promise<boolean>;

/**
 * The split that an experiment takes from a file; the columns it goes by, and its seed, become the experiment's.
 * @throws GradusError where nothing reads the file
 */
export async function withSavedSplit(
  experiment: Experiment,
  readSplit: SplitReader | undefined,
): Promise<{ readonly experiment: Experiment; readonly saved?: SavedSplit }> {
  const { split, data } = experiment;
  if (split.file === undefined) return { experiment };
  if (!readSplit)
    throw new GradusError(`the experiment is split as ${split.file} says, and nothing reads it`, { hint: "{ readSplit: readSplitFile }" });
  const saved = await readSplit(split.file);
  const { way, by, id, seed } = saved;
  const own = split.column ?? split.groupBy ?? split.timeBy;
  const key = ({ group: "groupBy", time: "timeBy", column: "column", random: undefined } as const)[way];
  return {
    experiment: {
      ...experiment,
      data: { ...data, ...(id === undefined ? {} : { id: data.id ?? id }) },
      split: { ...split, seed, ...(key && own === undefined ? { [key]: by } : {}) },
    },
    saved,
  };
}

/**
 * @param differs where it says so, and nothing else was asked for, a train-dev set is taken out of training
 * @throws GradusError see {@link splitTable}
 */
export async function splitExperiment(
  table: Table,
  { split, seed }: Pick<Experiment, "split" | "seed">,
  { saved, differs }: { readonly saved?: SavedSplit | undefined; readonly differs?: Differs | undefined } = {},
): Promise<TableParts> {
  const { policy, resolve, test, trainDev } = split;
  const options = { seed: split.seed ?? seed, policy, resolve, test, trainDev, saved };
  const parts = splitTable(table, options);
  if (!differs || parts.trainDev || (trainDev ?? "auto") !== "auto" || !(await differs(parts))) return parts;
  const apart = splitTable(table, { ...options, trainDev: "auto", differs: true });
  return {
    ...apart,
    notes: [...apart.notes, "validation comes from another distribution than training: a train-dev set tells what that costs"],
  };
}
