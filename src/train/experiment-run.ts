/** An experiment from its file to its figures: read, split, train, measure. */
import { readTable } from "../data/read-table.ts";
import type { PreprocessPlan } from "../data/preprocess.ts";
import type { Reading } from "../data/reading.ts";
import { countCategories, describeTable, schemaOf, type Column, type Table } from "../data/table.ts";
import type { Device, Executor } from "../exec/session.ts";
import { resolveExperiment, type Experiment, type ResolvedExperiment } from "./experiment.ts";
import type { AuditInspection, ExperimentEvent } from "./experiment-events.ts";
import { crossValidate } from "./cross-validate.ts";
import { choiceOf, withPretrained, type ModelChoice, type ModelReader } from "./model-choice.ts";
import type { Finding } from "../util/finding.ts";
import { GradusError } from "../util/errors.ts";
import { splitExperiment, withSavedSplit, type Differs, type SplitReader } from "./experiment-split.ts";
import type { StepOptions } from "./update.ts";
import type { Problem } from "./step-graph.ts";
import { describeSplit } from "./fit-events.ts";
import { fitTable, type FitTableOptions, type FittedTable, type TableParts } from "./fit-table.ts";

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
  /** Audits the split, and may stop the training: `auditParts`. */
  readonly audit?: Auditor;
  /** Tells where the training's time went. */
  readonly profile?: boolean;
  /** How closely the training's health is watched. */
  readonly monitors?: FitTableOptions["monitors"];
  /** Looks at what is about to be trained, and changes nothing of it. */
  readonly inspect?: NonNullable<FitTableOptions["inspect"]>;
  /** Called when everything is ready, right before the first step; what it throws keeps the training from beginning. */
  readonly begin?: (begun: BegunExperiment) => Promise<void>;
  /** Of the loop, which see. */
  readonly checkpoint?: NonNullable<FitTableOptions["checkpoint"]>;
  readonly resume?: NonNullable<FitTableOptions["resume"]>;
}

/** What is about to be trained, every choice made. */
export interface BegunExperiment {
  readonly experiment: ResolvedExperiment;
  readonly parts: TableParts;
  readonly problem: Problem;
  readonly plan: PreprocessPlan;
  /** Of the audit and the checks before the training, those that did not pass. */
  readonly findings: readonly Finding[];
}

/** Judges a split before anything is trained on it. */
export type Auditor = (parts: TableParts, options: Experiment["audit"] & { readonly seed: number }) => Promise<AuditInspection>;

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
  let audited: AuditInspection | undefined;
  const judge = async (split: TableParts) => (audited = await options.audit?.(split, { ...experiment.audit, seed: experiment.seed }));
  const differs = options.differs ?? (options.audit && (async (split: TableParts) => (await judge(split))!.differs));
  const parts = await splitExperiment(table, experiment, { saved, differs });
  onEvent(describeSplit(parts));
  if (!audited) await judge(parts);
  if (audited) reportAudit(audited, onEvent);
  const resolved = resolveExperiment(experiment, {
    task: table.target!.task,
    target: table.target!.name,
    classes: schemaOf(table).target?.classes?.length ?? 0,
    trainRows: parts.train.length,
  });
  const { model, data, epochs, loss } = resolved;
  const { schedule, ...optimizer } = resolved.optimizer;
  const fitting = {
    optimizer,
    schedule,
    ...stepOptionsOf(resolved),
    classWeight: resolved.classWeight,
    batchSize: experiment.batchSize,
    stepThreads: experiment.threads,
    epochs,
    loss,
    seed: resolved.seed,
    targetTransform: data.targetTransform,
    maxLength: data.maxLength,
    transforms: resolved.transforms,
    augment: resolved.augment,
    size: sizeOf(data),
    costs: resolved.costs,
    stop: resolved.stop,
    onDivergence: resolved.onDivergence,
  };
  const choice = choiceOf(model, graph);
  const crossValidation = resolved.crossValidation && (await validateAcross(choice, parts, fitting, resolved.crossValidation, options));
  /** With what the model and the machine decide. */
  const chosenBy = ({ batchSize, stepThreads }: Pick<FittedTable, "batchSize" | "stepThreads">): ResolvedExperiment => ({
    ...resolved,
    batchSize,
    ...(stepThreads === undefined ? {} : { threads: stepThreads }),
  });
  const seen = audited?.findings.filter(({ severity }) => severity !== "pass") ?? [];
  const { begin, ...others } = options;
  const fitted = await fitTable(choice, parts, {
    ...others,
    ...fitting,
    ...(begin
      ? {
          begin: ({ problem, plan, findings, ...chosen }) =>
            begin({ experiment: chosenBy(chosen), parts, problem, plan, findings: [...seen, ...findings] }),
        }
      : {}),
  });
  const findings = [...seen, ...(fitted.findings ?? [])];
  return {
    ...fitted,
    ...(audited || fitted.findings ? { findings } : {}),
    ...(crossValidation ? { crossValidation } : {}),
    experiment: chosenBy(fitted),
    parts,
    seconds: (performance.now() - started) / 1000 + (options.resume?.seconds ?? 0),
  };
}

/** Folds of all rows but the test's; of single trainings only their figures are told. */
function validateAcross(
  model: ModelChoice,
  { table, train, validation, trainDev = new Int32Array(0) }: TableParts,
  fitting: FitTableOptions,
  { folds: k, repeats }: NonNullable<Experiment["crossValidation"]>,
  { threads, device, executor, signal, onEvent = () => {} }: TrainExperimentOptions,
) {
  onEvent({ type: "stage", text: `training on fold 1 of ${k * repeats}` });
  let done = 0;
  return crossValidate(model, table, {
    ...fitting,
    ...(threads ? { threads } : {}),
    ...(device ? { device } : {}),
    ...(executor ? { executor } : {}),
    ...(signal ? { signal } : {}),
    k,
    repeats,
    rows: Int32Array.from([...train, ...validation, ...trainDev]).sort(),
    onEvent(event) {
      onEvent(event);
      if (++done < k * repeats) onEvent({ type: "stage", text: `training on fold ${done + 1} of ${k * repeats}` });
    },
  });
}

/** What a step does besides descending the loss. */
const stepOptionsOf = ({ regularizer, clip, labelSmoothing, accumulate, average }: ResolvedExperiment): StepOptions => ({
  regularizer,
  clip,
  labelSmoothing,
  accumulate,
  average,
});

/** @throws GradusError where the audit stops the training */
function reportAudit({ checked, findings, seconds, accepted, stop }: AuditInspection, onEvent: (event: ExperimentEvent) => void): void {
  onEvent({ type: "audit", checked, findings, accepted, seconds });
  if (stop) throw new GradusError(stop.message, { hint: stop.hint, exitCode: 1 });
}

/** [height, width] of its images. */
export const sizeOf = ({ size }: Experiment["data"]): readonly [number, number] | undefined => size && [size[0]!, size[1]!];

/** What of an experiment says how its table is read. */
type TableChoice = Pick<Experiment, "data" | "split"> & { readonly model: { readonly shape?: readonly number[] | undefined } };

/**
 * The table an experiment speaks of, with its target and the columns that steer the split.
 * @throws GradusError where neither it nor the data say what the target is
 */
export async function readExperimentTable(experiment: TableChoice): Promise<Table> {
  const table = await readAnyTable(experiment);
  if (table.target) return table;
  throw new GradusError(`no target was given, and ${experiment.data.path} does not say its own.`, {
    hint: `what is to be predicted? --target COLUMN, or --labels FILE for the labels of arrays${table.notes.length > 0 ? ` (${table.notes[0]})` : ""}`,
  });
}

/** The same where a target is no must. */
export function readAnyTable({ data, split, model }: TableChoice): Promise<Table> {
  return readTable(data.path, {
    target: data.target,
    together: model.shape !== undefined,
    task: data.task,
    drop: data.drop,
    id: data.id,
    weight: data.weight,
    group: split.groupBy,
    time: split.timeBy,
    splitColumn: split.column,
    ...readingOf(data),
    image: data.image,
    labels: data.labels,
    // A split that is asked for wins over the one that the data come with.
    publishedSplit: [split.policy, split.resolve, split.test, split.file].every((asked) => asked === undefined),
    text: data.text,
    sequenceId: data.sequenceId,
    windows: data.window === undefined ? undefined : { window: data.window, horizon: data.horizon, step: data.step, season: data.season },
  });
}

/** How the values of its file are read. */
function readingOf({ delimiter, encoding, decimal, thousands, missing, types, skipBadRows, query }: Experiment["data"]): Reading {
  return { delimiter, encoding, decimal, thousands, missing, types, skipBadRows, query };
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
    ...(table.skipped ? { skipped: table.skipped } : {}),
    description: describeTable(table),
    notes: table.notes,
  };
}
