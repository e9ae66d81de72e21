/** An experiment from its file to its figures: read, split, train, measure. */
import { readTable } from "../data/read-table.ts";
import { countCategories, describeTable, schemaOf, type Column, type Table } from "../data/table.ts";
import type { Device, Executor } from "../exec/session.ts";
import { resolveExperiment, type Experiment, type ResolvedExperiment } from "./experiment.ts";
import type { ExperimentEvent } from "./experiment-events.ts";
import { choiceOf, withPretrained, type ModelReader } from "./model-choice.ts";
import { splitExperiment, withSavedSplit, type Differs, type SplitReader } from "./experiment-split.ts";
import { describeSplit, fitTable, type FitTableOptions, type FittedTable, type TableParts } from "./fit-table.ts";

export interface TrainExperimentOptions {
  readonly threads?: number;
  readonly device?: Device;
  readonly executor?: Executor;
  /** Stops at the next step; what was reached is kept. */
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: ExperimentEvent) => void;
  /** Reads the ONNX file of an experiment that begins with one: `readModelFile`. */
  readonly readModel?: ModelReader;
  /** Reads the split file of an experiment that names one: `readSplitFile`. */
  readonly readSplit?: SplitReader;
  /** Whether validation comes from another distribution than training: then a train-dev set is taken out of training. */
  readonly differs?: Differs;
  /** Looks at what is about to be trained, and changes nothing of it. */
  readonly inspect?: NonNullable<FitTableOptions["inspect"]>;
}

export interface ExperimentRun extends FittedTable {
  readonly experiment: ResolvedExperiment;
  readonly parts: TableParts;
}

/**
 * Runs an experiment; equal experiments on equal files give equal weights to the bit.
 * @throws GradusError naming file, row, column or field, what was expected and found, and a remedy
 */
export async function trainExperiment(given: Experiment, options: TrainExperimentOptions = {}): Promise<ExperimentRun> {
  const started = performance.now();
  const { experiment: begun, graph } = withPretrained(given, options.readModel);
  const { experiment, saved } = await withSavedSplit(begun, options.readSplit);
  const { onEvent = () => {} } = options;
  onEvent({ type: "stage", text: `reading ${experiment.data.path}` });
  const table = await readExperimentTable(experiment);
  onEvent(describeData(table));
  const parts = await splitExperiment(table, experiment, { saved, differs: options.differs });
  onEvent(describeSplit(parts));
  const resolved = resolveExperiment(experiment, {
    task: table.target!.task,
    classes: schemaOf(table).target?.classes?.length ?? 0,
    trainRows: parts.train.length,
  });
  const { model, data, batchSize, epochs, loss } = resolved;
  const { schedule, ...optimizer } = resolved.optimizer;
  const fitted = await fitTable(choiceOf(model, graph), parts, {
    ...options,
    optimizer,
    schedule: schedule.kind,
    batchSize,
    epochs,
    loss,
    seed: resolved.seed,
    targetTransform: data.targetTransform,
    maxLength: data.maxLength,
  });
  return { ...fitted, experiment: resolved, parts, seconds: (performance.now() - started) / 1000 };
}

/** The table an experiment speaks of, with its target and the columns that steer the split. */
export function readExperimentTable({
  data,
  split,
  model,
}: Pick<Experiment, "data" | "split"> & { readonly model: { readonly shape?: readonly number[] | undefined } }): Promise<Table> {
  return readTable(data.path, {
    target: data.target,
    together: model.shape !== undefined,
    task: data.task,
    drop: data.drop,
    id: data.id,
    group: split.groupBy,
    time: split.timeBy,
    splitColumn: split.column,
    text: data.text,
    sequenceId: data.sequenceId,
    windows: data.window === undefined ? undefined : { window: data.window, horizon: data.horizon, step: data.step },
  });
}

function describeData(table: Table): ExperimentEvent {
  const target = table.target!;
  const counts = target.column.kind === "categorical" ? countCategories(target.column) : undefined;
  const classes =
    target.column.kind === "categorical" ? target.column.categories.map((name, code) => ({ name, rows: counts![code]! })) : undefined;
  const count = (wanted: Column["kind"]) => table.columns.filter(({ kind }) => kind === wanted).length;
  const [images, sequences] = [count("image"), count("sequence")];
  return {
    type: "data",
    path: table.source.path,
    rows: table.rows,
    numeric: count("numeric"),
    categorical: count("categorical"),
    ...(images > 0 ? { images } : {}),
    ...(sequences > 0 ? { sequences } : {}),
    target: target.name,
    task: target.task,
    reason: target.reason,
    ...(classes ? { classes } : {}),
    description: describeTable(table),
    notes: table.notes,
  };
}
