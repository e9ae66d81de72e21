/** From a split table to a trained, measured model: preprocessing fitted on the training rows, the loop, the closing figures. */
import { labelWarnings } from "../data/augment-labels.ts";
import type { AugmentationSpec } from "../data/augmentation.ts";
import type { PreprocessPlan } from "../data/preprocess.ts";
import type { TransformSettings } from "../data/transform.ts";
import { split as splitRows, type Parts, type SplitOptions } from "../data/splitter.ts";
import type { Table } from "../data/table.ts";
import { platform } from "../exec/executor.ts";
import type { CompileOptions, Device, Executor } from "../exec/session.ts";
import type { LossChoice } from "../nn/losses/index.ts";
import type { ParameterLayout } from "../nn/parameters.ts";
import { defaultOptimizer, optimizerByName, optimizers, type OptimizerName } from "../optim/optimizers/index.ts";
import { scheduleByName, type ScheduleChoice } from "../optim/schedules/index.ts";
import type { Costs } from "../metrics/decision.ts";
import { GradusError } from "../util/errors.ts";
import type { Finding } from "../util/finding.ts";
import { checkRanges } from "../util/range.ts";
import { planAugmentation } from "./augment.ts";
import { copiesImpact, validationCopies } from "./copies.ts";
import type { TrainingData } from "./dataset.ts";
import type { TrainingResult } from "./events.ts";
import { batchSizeFor } from "./batch-size.ts";
import { startClock } from "./clock.ts";
import type { ClosingFigures, ExperimentEvent, Inspection, Metrics } from "./experiment-events.ts";
import { fit, loopRanges, type FitOptions } from "./fit.ts";
import { describeNetwork, describeTransforms, shapeOf } from "./fit-events.ts";
import type { LookSchedule } from "./health-schedule.ts";
import { watchHealth, type HealthOptions } from "./health.ts";
import type { HealthRecord } from "./monitor.ts";
import { compareAnswers, measureBaseline, mismatchOf } from "./measure.ts";
import { measureParts, refuseCosts } from "./measure-parts.ts";
import type { ModelChoice } from "./model-choice.ts";
import { exampleWeights, weighted, type ClassWeight } from "./example-weights.ts";
import { planTable } from "./plan-table.ts";
import { profileTraining, type ProfiledTraining } from "./profile.ts";
import { describeRegularizer } from "./regularizer.ts";
import { lazyNote, prepareParts, residentBytes } from "./prepare-lazily.ts";
import { layoutOf, type Problem } from "./step-graph.ts";
import { chooseThreads } from "./threads.ts";
import type { StepOptions } from "./update.ts";

/** A table and which of its rows train, validate and test. */
export interface TableParts extends Parts {
  readonly table: Table;
}

/** Splits a table, see {@link splitRows}; the parts remember the table. */
export function splitTable(table: Table, options: SplitOptions = {}): TableParts {
  return { ...splitRows(table, options), table };
}

/** An optimizer by name, and any of its settings. */
export interface OptimizerSettings {
  readonly kind: OptimizerName;
  readonly learningRate?: number | undefined;
  readonly [setting: string]: string | number | undefined;
}

/** Of the loop, as it has them. */
type LoopOptions = Pick<FitOptions, "stop" | "onDivergence" | "observe" | "checkpoint" | "resume" | "signal" | keyof StepOptions>;

export interface FitTableOptions extends LoopOptions {
  /** Default: AdamW with its usual settings. */
  readonly optimizer?: OptimizerSettings;
  /** Default 100. */
  readonly epochs?: number;
  /** Default cosine. */
  readonly schedule?: ScheduleChoice;
  /** A fixed function of the number of training rows and of the model where left out. */
  readonly batchSize?: number | undefined;
  /** Default 1. */
  readonly seed?: number;
  /** A name, or a loss of your own. */
  readonly loss?: LossChoice;
  readonly targetTransform?: "none" | "log" | "yeoJohnson" | "change";
  /** Steps of a sequence that the network sees; the longest training sequence's where left out, at most 1 000. */
  readonly maxLength?: number | undefined;
  /** [height, width] that images are brought to, in pixels; theirs where all are alike, else the medians. */
  readonly size?: readonly [number, number] | undefined;
  /** How columns of numbers are transformed, where that is not as usual. */
  readonly transforms?: TransformSettings | undefined;
  /** What becomes of the examples of a training step; what is measured stays as it is. */
  readonly augment?: readonly AugmentationSpec[];
  /** How closely the training's health is watched, or what of it: `off`, `default`, `dense`, or with limits. Nothing of the weights depends on it. */
  readonly monitors?: "off" | LookSchedule | HealthOptions | undefined;
  /** Two classes: what wrong answers cost; the threshold of least cost on the validation part becomes the model's. */
  readonly costs?: Costs | undefined;
  /** Classes that count more or less in training; alike where left out. Rows count by the table's column of weights as well. */
  readonly classWeight?: ClassWeight | undefined;
  /** Inputs of a part that would take more bytes than this are made batch by batch, with the same results. Default 256 MiB. */
  readonly residentBytes?: number;
  readonly threads?: number;
  /** Of training steps; found by a short probe where neither this nor `threads` is given. No weight depends on it. */
  readonly stepThreads?: number | undefined;
  readonly device?: Device;
  /** Tells where the training's time went. */
  readonly profile?: boolean | undefined;
  /** Default: the platform's ONNX Runtime. */
  readonly executor?: Executor;
  readonly onEvent?: (event: ExperimentEvent) => void;
  /** Looks at what is about to be trained, and changes nothing of it. */
  readonly inspect?: (subject: TrainingSubject) => Promise<Inspection>;
  /** Called when everything is ready, right before the loop; what it throws keeps the training from beginning. */
  readonly begin?: (subject: BegunFit) => Promise<void>;
}

/** What is about to be trained. */
export interface TrainingSubject {
  readonly problem: Problem;
  readonly train: TrainingData;
  readonly seed: number;
  readonly executor: Executor;
  readonly runtime: CompileOptions;
}

/** The same with every choice made. */
export interface BegunFit extends TrainingSubject {
  readonly plan: PreprocessPlan;
  readonly findings: readonly Finding[];
  readonly batchSize: number;
  /** Nothing where the executor has its own way. */
  readonly stepThreads: number | undefined;
}

/** A trained network with everything that predicting needs, and its figures. */
export interface FittedTable extends ClosingFigures {
  readonly plan: PreprocessPlan;
  readonly problem: Problem;
  readonly layout: ParameterLayout;
  /** The weights that were kept. */
  readonly theta: Float32Array;
  readonly history: TrainingResult["history"];
  /** Examples of a gradient. */
  readonly batchSize: number;
  /** Threads of a training step, where they were given or probed. */
  readonly stepThreads: number | undefined;
  /** What the monitors saw; nothing where they are off. */
  readonly health?: HealthRecord;
  /** Where the time went, where that was asked for. */
  readonly profiled?: ProfiledTraining;
}

/**
 * Trains on the training rows, keeps the weights of the best validation epoch, and measures both parts.
 * @example const run = await fit(mlp({ layers: [64, 32] }), split(await readTable("churn.csv", { target: "churn" })));
 * @throws GradusError where the network, the loss or the target do not fit each other, or a number is out of its range
 */
export async function fitTable(model: ModelChoice, parts: TableParts, options: FitTableOptions = {}): Promise<FittedTable> {
  const started = performance.now();
  const { table } = parts;
  const target = table.target;
  if (!target) throw new GradusError(`${table.source.path} was read without a target`, { hint: 'readTable(path, { target: "column" })' });
  const { executor = platform, seed = 1, epochs = 100, onEvent = () => {}, signal } = options;
  const runtime: CompileOptions = {
    ...(options.threads ? { threads: options.threads } : {}),
    ...(options.device ? { device: options.device } : {}),
  };

  const { kind, learningRate: givenRate, ...settings }: OptimizerSettings = options.optimizer ?? { kind: defaultOptimizer };
  const optimizer = optimizerByName(kind, settings);
  const learningRate = givenRate ?? optimizers[kind].learningRate;
  const schedule = scheduleByName(options.schedule ?? "cosine");
  checkRanges({ learningRate, epochs, batchSize: options.batchSize, seed }, loopRanges);

  const { plan, notes, problem } = planTable(model, parts, options);
  const most = options.residentBytes ?? residentBytes;
  onEvent(describeTransforms(plan, [...notes, ...lazyNote(plan, parts.train.length, most)]));
  if (options.costs) refuseCosts(options.costs, plan);
  const layout = layoutOf(problem);
  const batchSize = options.batchSize ?? batchSizeFor(parts.train.length, problem, layout);
  onEvent({
    type: "model",
    ...describeNetwork(model, plan, problem, layout),
    optimizer: kind,
    learningRate,
    schedule: schedule.kind,
    batchSize: Math.min(batchSize, parts.train.length),
    epochs,
    seed,
    error:
      plan.target.kind === "classes"
        ? { name: "error", scale: 1 }
        : { name: "rmse", scale: plan.target.log || plan.target.lambda !== undefined ? 1 : plan.target.deviation },
  });

  if (options.regularizer) onEvent({ type: "regularizer", ...describeRegularizer(options.regularizer, layout, parts.train.length) });
  const weights = exampleWeights(table, parts.train, options.classWeight);

  const augmentation = options.augment?.length ? planAugmentation(options.augment, plan, shapeOf(model, plan), options.threads) : undefined;
  const doubts = augmentation ? labelWarnings(augmentation.steps, plan.target.kind === "classes" ? plan.target.classes : []) : [];
  if (augmentation) onEvent({ type: "augmentation", steps: augmentation.steps, findings: doubts });

  onEvent({ type: "stage", text: "preparing the rows" });
  const { trainDev } = parts;
  const prepared = [parts.train, parts.validation, ...(trainDev ? [trainDev] : [])];
  const [readied, validation, unseen] = await prepareParts(table, prepared, plan, executor, { ...runtime, residentBytes: most });
  if (signal?.aborted) throw new InterruptedEarly();
  const train = weighted(readied!, weights);
  const subject = { problem, train, seed, executor, runtime };
  const inspection = await options.inspect?.(subject);
  if (inspection) onEvent({ type: "preflight", checked: inspection.checked, findings: inspection.findings, seconds: inspection.seconds });
  const found = [...doubts, ...(inspection?.findings ?? []).filter(({ severity }) => severity !== "pass")];
  const looping = {
    ...loopOptions(options),
    ...{ optimizer, learningRate, schedule, epochs, batchSize, seed },
    ...{ executor, ...runtime },
    ...(augmentation ? { augment: augmentation } : {}),
  };
  const probed = options.stepThreads === undefined ? await chooseThreads(problem, train, looping) : undefined;
  if (probed) onEvent({ type: "threads", ...probed });
  const stepThreads = options.threads ?? options.stepThreads ?? probed?.threads;
  await options.begin?.({ ...subject, plan, findings: found, batchSize, stepThreads });
  let health: HealthRecord | undefined;
  const data = { train, validation: validation! };
  const clock = options.profile ? startClock() : undefined;
  const training = await fit(problem, data, {
    ...watching(options.monitors, (record) => (health = record)),
    ...looping,
    ...{ stepThreads, clock, onEvent },
  });
  if (training.reason === "interrupted" && training.steps === 0) throw new InterruptedEarly();
  const profiled = clock && (await profileTraining(clock, problem, data, { ...looping, stepThreads, epochs: training.history.length - 1 }));

  onEvent({ type: "stage", text: "measuring" });
  const measuredBy = { table, plan, executor, runtime, costs: options.costs };
  const copies = validationCopies(parts);
  const apart = copies ? [copies.copied, copies.others].filter(({ length }) => length > 0) : [];
  const apartly = await prepareParts(table, apart, plan, executor, { ...runtime, residentBytes: most });
  const { metrics, decision, predictions } = await measureParts(problem, layout, training.theta, measuredBy, [
    [parts.validation, validation!],
    [parts.train, train],
    ...apart.map((rows, i) => [rows, apartly[i]!] as const),
    ...(trainDev ? [[trainDev, unseen!] as const] : []),
  ]);
  const [onValidation, onTrain, onCopied, onOthers] = metrics as [Metrics, Metrics, Metrics?, Metrics?];
  const onTrainDev = trainDev ? metrics.at(-1)! : undefined;
  const answers = trainDev ? compareAnswers(predictions[0]!, predictions.at(-1)!, problem.outputs) : undefined;
  return {
    task: target.task,
    metrics: { train: onTrain, validation: onValidation, ...(onTrainDev ? { trainDev: onTrainDev } : {}) },
    ...(onTrainDev ? { mismatch: { ...mismatchOf(onValidation, onTrainDev), ...(answers ? { answers } : {}) } } : {}),
    ...(copies ? { copies: copiesImpact(copies, onCopied!, apart.length > 1 ? onOthers : undefined) } : {}),
    ...(decision ? { decision } : {}),
    baseline: measureBaseline(table, parts.train, parts.validation),
    parameters: layout.trainable,
    seconds: (performance.now() - started) / 1000 + (options.resume?.seconds ?? 0),
    fitSeconds: training.seconds,
    reason: training.reason,
    ...(training.stop ? { stop: training.stop } : {}),
    ...(training.retries.length > 0 ? { retries: training.retries } : {}),
    ...(training.finding ? { finding: training.finding } : {}),
    ...(inspection || found.length + training.findings.length > 0 ? { findings: [...found, ...training.findings] } : {}),
    epochs: { run: training.history.length - 1, best: training.bestEpoch },
    steps: training.steps,
    rows: {
      train: parts.train.length,
      validation: parts.validation.length,
      test: parts.test.length,
      ...(trainDev ? { trainDev: trainDev.length } : {}),
    },
    plan,
    problem,
    layout,
    theta: training.theta,
    history: training.history,
    batchSize,
    stepThreads,
    ...(health ? { health } : {}),
    ...(profiled ? { profiled } : {}),
  };
}

function watching(monitors: FitTableOptions["monitors"] = "default", keep: (record: HealthRecord) => void): Pick<FitOptions, "observe"> {
  if (monitors === "off") return {};
  const options: HealthOptions = typeof monitors === "string" ? { schedule: monitors } : monitors;
  const onRecord = (record: HealthRecord): void => {
    keep(record);
    options.onRecord?.(record);
  };
  return { observe: watchHealth({ ...options, onRecord }) };
}

/** Those of the options that are the loop's own. */
function loopOptions(options: FitTableOptions): LoopOptions {
  const names = {
    ...{ stop: 0, onDivergence: 0, observe: 0, checkpoint: 0, resume: 0, signal: 0 },
    ...{ regularizer: 0, clip: 0, labelSmoothing: 0, accumulate: 0, average: 0 },
  } satisfies Record<keyof LoopOptions, 0>;
  return Object.fromEntries(Object.entries(options).filter(([name, value]) => name in names && value !== undefined));
}

/** The training was stopped before it had anything to keep. */
export class InterruptedEarly extends GradusError {
  constructor() {
    super("interrupted before the first step; nothing was saved.", { exitCode: 1 });
  }
}
