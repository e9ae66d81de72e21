/** Everything that the report of a run says, as plain data: gathered once, then written as a page, as a picture, or as JSON. */
import type { Table } from "../data/table.ts";
import { describeTable } from "../data/table.ts";
import { compile } from "../exec/executor.ts";
import type { Executor } from "../exec/session.ts";
import type { MetricReport } from "../metrics/measure.ts";
import type { Model } from "../nn/model.ts";
import { rowsOf, isLazy } from "../train/dataset.ts";
import { reportOf, sampleOf } from "../train/evaluate-rows.ts";
import type { EpochFigures } from "../train/events.ts";
import type { ClosingFigures } from "../train/experiment-events.ts";
import type { ResolvedExperiment } from "../train/experiment.ts";
import type { HealthRecord } from "../train/monitor.ts";
import type { TrainingProfile } from "../train/profile.ts";
import { checked, predictRows } from "../train/predict.ts";
import { prepareDatasets } from "../train/prepare.ts";
import { GradusError } from "../util/errors.ts";
import { boundaryColumns, boundaryOf, isCheap, type Boundary } from "./boundary.ts";
import { linearFacts, weightFacts, type LinearFacts, type WeightFacts } from "./weights.ts";
import { worstRows, type Worst } from "./worst.ts";

/** A run read back. */
export interface ReportInput {
  /** As a person types it. */
  readonly run: string;
  readonly gradus: string;
  /** ISO 8601. */
  readonly finished: string;
  readonly closing: ClosingFigures;
  readonly experiment: ResolvedExperiment;
  readonly history: readonly EpochFigures[];
  readonly health?: HealthRecord | undefined;
  /** Where the training's time went. */
  readonly profile?: TrainingProfile | undefined;
  readonly model: Model;
  readonly table: Table;
  readonly train: Int32Array;
  readonly validation: Int32Array;
  /** The split in words. */
  readonly policy: string;
  /** How often the test set was opened. */
  readonly openings: number;
  /** What it ran on, by name. */
  readonly versions?: Readonly<Record<string, string>> | undefined;
}

export interface ReportOptions {
  /** Trains small networks along λ even where that takes long. Where left out, when it takes a few seconds. */
  readonly boundary?: boolean | undefined;
  readonly executor?: Executor;
}

export interface RunReport {
  readonly run: string;
  readonly gradus: string;
  readonly finished: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly data: { readonly path: string; readonly description: string; readonly target: string; readonly policy: string };
  readonly closing: ClosingFigures;
  readonly experiment: ResolvedExperiment;
  /** Of regression: times an epoch's `error` it is in the target's unit, where there is such a number. */
  readonly errorScale: number;
  readonly history: readonly EpochFigures[];
  readonly health?: HealthRecord;
  /** Of the validation part: every metric; classes also have the confusion matrix and the reliability diagram. */
  readonly validation: MetricReport;
  /** Classes in order; left out for amounts. */
  readonly classes?: readonly string[];
  /** Amounts of the validation part, true and predicted; of many rows every so-manieth. */
  readonly amounts?: readonly (readonly [number, number])[];
  readonly worst: Worst;
  readonly weights: readonly WeightFacts[];
  /** Of tanh layers, over training rows. */
  readonly linear: readonly LinearFacts[];
  readonly boundary?: Boundary;
  readonly profile?: TrainingProfile;
  readonly openings: number;
}

const mostAmounts = 2000;
const sampled = 1024;
const platform: Executor = { name: "platform", compile };

/**
 * Measures a run on its training and validation parts; the test part is not touched.
 * @throws GradusError where a boundary is asked for and the model has none to draw
 */
export async function gatherReport(given: ReportInput, { boundary, executor = platform }: ReportOptions = {}): Promise<RunReport> {
  const { model, table, train, validation, experiment } = given;
  const { closing, history, health } = withNaN({ closing: given.closing, history: given.history, health: given.health });
  const plane = boundaryColumns(model, table);
  if (boundary && !plane)
    throw new GradusError(`${given.run} has no decision boundary to draw: that takes classes and two columns of numbers.`, {
      hint: `leave out --boundary; the run has ${model.plan.columns.length} column${model.plan.columns.length === 1 ? "" : "s"} and predicts ${model.plan.target.kind === "classes" ? "classes" : "amounts"}.`,
    });
  const prediction = await predictRows(model, checked(model, table, validation), validation, { executor });
  const sample = sampleOf(model, prediction, table, validation);
  const rows = train.subarray(0, sampled);
  const [examples] = await prepareDatasets(table, [rows], model.plan, executor);
  const linear = examples && !isLazy(examples) && rowsOf(examples) > 0 ? await linearFacts(model, examples, executor, experiment.seed) : [];
  const seed = experiment.seed;
  const drawn =
    plane && boundary !== false
      ? await boundaryOf({ model, table, train, validation, seed, executor }, plane, boundary === true || isCheap(model, train.length))
      : undefined;
  const { target } = model.plan;
  const scale = target.kind === "amount" && !target.log && target.lambda === undefined ? target.deviation : 1;
  return {
    run: given.run,
    gradus: given.gradus,
    finished: given.finished,
    versions: given.versions ?? {},
    data: {
      path: table.source.path,
      description: describeTable(table),
      target: table.target!.name,
      policy: given.policy,
    },
    closing,
    experiment,
    errorScale: scale,
    history,
    ...(health ? { health } : {}),
    validation: reportOf(model, prediction, table, validation),
    ...(sample.kind === "classes" ? { classes: sample.classes } : { amounts: thinnedPairs(sample.truth, sample.prediction) }),
    worst: worstRows(sample, table, validation, experiment.model.shape ?? model.plan.shape),
    weights: weightFacts(model),
    linear,
    ...(drawn ? { boundary: drawn } : {}),
    ...(given.profile ? { profile: given.profile } : {}),
    openings: given.openings,
  };
}

/** JSON's null for a number that is not finite is NaN again. */
function withNaN<T>(value: T): T {
  if (value === null) return NaN as T;
  if (Array.isArray(value)) return value.map(withNaN) as T;
  if (typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value as object).map(([key, entry]) => [key, withNaN(entry)])) as T;
}

function thinnedPairs(truth: ArrayLike<number>, prediction: ArrayLike<number>): [number, number][] {
  const every = Math.ceil(truth.length / mostAmounts) || 1;
  return Array.from({ length: Math.ceil(truth.length / every) }, (_, i) => [truth[i * every]!, prediction[i * every]!]);
}
