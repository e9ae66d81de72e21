/** From a split table to a trained, measured model: preprocessing fitted on the training rows, the loop, the closing figures. */
import { labelWarnings } from "../data/augment-labels.ts";
import type { AugmentationSpec } from "../data/augmentation.ts";
import { fitPreprocessing, type PreprocessPlan } from "../data/preprocess.ts";
import type { TransformSettings } from "../data/transform.ts";
import { detectablePoints, resolvablePoints } from "../data/part-sizes.ts";
import { split as splitRows, type Parts, type SplitOptions } from "../data/splitter.ts";
import type { Table } from "../data/table.ts";
import { outputsOf } from "../data/target-plan.ts";
import { compile } from "../exec/executor.ts";
import type { CompileOptions, Device, Executor } from "../exec/session.ts";
import type { ActivationName } from "../nn/activation.ts";
import { initializerName } from "../nn/initializers/index.ts";
import { lossByName, lossChoice, lossOf, type LossChoice } from "../nn/losses/index.ts";
import type { Layer } from "../nn/layer.ts";
import type { Loss } from "../nn/loss.ts";
import type { ActivationLayer } from "../nn/layers/activation.ts";
import type { Network } from "../nn/network.ts";
import type { ParameterLayout } from "../nn/parameters.ts";
import { defaultOptimizer, optimizerByName, optimizers, type OptimizerName } from "../optim/optimizers/index.ts";
import { scheduleByName, type ScheduleName } from "../optim/schedules/index.ts";
import { GradusError } from "../util/errors.ts";
import { checkRanges } from "../util/range.ts";
import { planAugmentation } from "./augment.ts";
import type { TrainingData } from "./dataset.ts";
import { createEvaluator } from "./evaluate.ts";
import type { TrainingResult } from "./events.ts";
import { defaultBatchSize, defaultLoss } from "./experiment.ts";
import type { ClosingFigures, ExperimentEvent, Inspection, Metrics } from "./experiment-events.ts";
import { fit, loopRanges } from "./fit.ts";
import { amountsOf, measure, measureBaseline, measureLoss, mismatchOf, restoreAmounts } from "./measure.ts";
import { networkFor, type ModelChoice } from "./model-choice.ts";
import { lazyNote, prepareParts, residentBytes } from "./prepare-lazily.ts";
import { layoutOf, type Problem } from "./step-graph.ts";

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

export interface FitTableOptions {
  /** Default: AdamW with its usual settings. */
  readonly optimizer?: OptimizerSettings;
  /** Default 100. */
  readonly epochs?: number;
  /** Default cosine. */
  readonly schedule?: ScheduleName;
  readonly batchSize?: number;
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
  /** Inputs of a part that would take more bytes than this are made batch by batch, with the same results. Default 256 MiB. */
  readonly residentBytes?: number;
  readonly threads?: number;
  readonly device?: Device;
  /** Default: the platform's ONNX Runtime. */
  readonly executor?: Executor;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: ExperimentEvent) => void;
  /** Looks at what is about to be trained, and changes nothing of it. */
  readonly inspect?: (subject: TrainingSubject) => Promise<Inspection>;
}

/** What is about to be trained. */
export interface TrainingSubject {
  readonly problem: Problem;
  readonly train: TrainingData;
  readonly seed: number;
  readonly executor: Executor;
  readonly runtime: CompileOptions;
}

/** A trained network with everything that predicting needs, and its figures. */
export interface FittedTable extends ClosingFigures {
  readonly plan: PreprocessPlan;
  readonly problem: Problem;
  readonly layout: ParameterLayout;
  /** The weights that were kept. */
  readonly theta: Float32Array;
  readonly history: TrainingResult["history"];
}

const platform: Executor = { name: "platform", compile };

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
  const batchSize = options.batchSize ?? defaultBatchSize(parts.train.length);
  checkRanges({ learningRate, epochs, batchSize, seed }, loopRanges);

  const { plan, notes, problem } = planTable(model, parts, options);
  const most = options.residentBytes ?? residentBytes;
  onEvent(describeTransforms(plan, [...notes, ...lazyNote(plan, parts.train.length, most)]));
  const { network, loss } = problem;
  const layout = layoutOf(problem);
  onEvent({
    type: "model",
    ...("kind" in model ? { architecture: model.kind } : {}),
    ...shapeOf(model, plan),
    units: unitsOf(problem),
    ...activationOf(network),
    initializers: [...new Set(layout.slots.filter(({ role }) => role === "weight").map(({ initializer }) => initializerName(initializer)))],
    parameters: layout.trainable,
    ...frozenOf(layout),
    loss: loss.name,
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

  const augmentation = options.augment?.length ? planAugmentation(options.augment, plan, shapeOf(model, plan), options.threads) : undefined;
  const doubts = augmentation ? labelWarnings(augmentation.steps, plan.target.kind === "classes" ? plan.target.classes : []) : [];
  if (augmentation) onEvent({ type: "augmentation", steps: augmentation.steps, findings: doubts });

  onEvent({ type: "stage", text: "preparing the rows" });
  const { trainDev } = parts;
  const prepared = [parts.train, parts.validation, ...(trainDev ? [trainDev] : [])];
  const [train, validation, unseen] = await prepareParts(table, prepared, plan, executor, { ...runtime, residentBytes: most });
  if (signal?.aborted) throw new InterruptedEarly();
  const inspection = await options.inspect?.({ problem, train: train!, seed, executor, runtime });
  if (inspection) onEvent({ type: "preflight", checked: inspection.checked, findings: inspection.findings, seconds: inspection.seconds });
  const fitStarted = performance.now();
  const numbers = { optimizer, learningRate, schedule, epochs, batchSize, seed };
  const loop = {
    ...numbers,
    executor,
    onEvent,
    ...runtime,
    ...(signal ? { signal } : {}),
    ...(augmentation ? { augment: augmentation } : {}),
  };
  const training = await fit(problem, { train: train!, validation: validation! }, loop);
  const fitSeconds = (performance.now() - fitStarted) / 1000;
  if (training.reason === "interrupted" && training.steps === 0) throw new InterruptedEarly();

  onEvent({ type: "stage", text: "measuring" });
  const metrics = await measureParts(problem, layout, training.theta, { table, plan, executor, runtime }, [
    [parts.train, train!],
    [parts.validation, validation!],
    ...(trainDev ? [[trainDev, unseen!] as const] : []),
  ]);
  return {
    task: target.task,
    metrics: { train: metrics[0]!, validation: metrics[1]!, ...(metrics[2] ? { trainDev: metrics[2] } : {}) },
    ...(metrics[2] ? { mismatch: mismatchOf(metrics[1]!, metrics[2]) } : {}),
    baseline: measureBaseline(table, parts.train, parts.validation),
    parameters: layout.trainable,
    seconds: (performance.now() - started) / 1000,
    fitSeconds,
    reason: training.reason,
    ...(training.finding ? { finding: training.finding } : {}),
    ...(inspection || doubts.length > 0
      ? { findings: [...doubts, ...(inspection?.findings ?? []).filter(({ severity }) => severity !== "pass")] }
      : {}),
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
  };
}

async function measureParts(
  problem: Problem,
  layout: ParameterLayout,
  theta: Float32Array,
  { table, plan, executor, runtime }: { table: Table; plan: PreprocessPlan; executor: Executor; runtime: CompileOptions },
  parts: readonly (readonly [Int32Array, TrainingData])[],
): Promise<Metrics[]> {
  const evaluator = await createEvaluator(problem, layout, executor, { ...runtime, rows: parts.map(([rows]) => rows.length) });
  try {
    const metrics: Metrics[] = [];
    for (const [rows, data] of parts) {
      const { loss, prediction } = await evaluator.evaluate(theta, data);
      const { target } = plan;
      const figures =
        target.kind === "classes"
          ? measure(target, prediction, data.targets.data as Float32Array, problem.outputs)
          : measure(target, restoreAmounts(prediction, target, table, rows), amountsOf(table, rows), problem.outputs);
      metrics.push({ ...figures, ...measureLoss(target, loss) });
    }
    return metrics;
  } finally {
    await evaluator.dispose();
  }
}

/** What is said of a split. */
export function describeSplit(parts: TableParts): Extract<ExperimentEvent, { type: "split" }> {
  const { policy, notes, train, validation, test, trainDev, table } = parts;
  return {
    type: "split",
    policy,
    train: train.length,
    validation: validation.length,
    test: test.length,
    ...(trainDev ? { trainDev: trainDev.length } : {}),
    ...(table.target?.task === "classification"
      ? { resolves: resolvablePoints(validation.length), detects: detectablePoints(validation.length) }
      : {}),
    notes,
  };
}

function describeTransforms(plan: PreprocessPlan, notes: readonly string[]): ExperimentEvent {
  const columns: Record<string, number> = {};
  for (const { kind } of plan.columns) columns[kind] = (columns[kind] ?? 0) + 1;
  return { type: "transforms", columns, inputs: plan.features.length, log: plan.target.kind === "amount" && plan.target.log, notes };
}

/** Inputs, then the units or filters of every layer that has them. */
function unitsOf({ network, inputShape }: Problem): number[] {
  const units = (layers: readonly Layer[]): number[] =>
    layers.flatMap((layer) => {
      const own = layer as { readonly units?: number; readonly filters?: number; readonly layers?: readonly Layer[] };
      return [own.units ?? own.filters ?? [], own.layers ? units(own.layers) : []].flat();
    });
  return [...inputShape, ...units(network.layers)];
}

/**
 * What a fit trains, before it trains: preprocessing fitted on the training rows, the network and the loss that suit the target.
 * @throws GradusError where the network, the loss or the target do not fit each other
 */
export function planTable(
  model: ModelChoice,
  { table, train }: TableParts,
  options: Pick<FitTableOptions, "targetTransform" | "loss" | "maxLength" | "size" | "transforms">,
): { readonly plan: PreprocessPlan; readonly notes: readonly string[]; readonly problem: Problem } {
  const { plan, notes } = fitPreprocessing(table, train, {
    log: options.targetTransform === "log",
    power: options.targetTransform === "yeoJohnson",
    change: options.targetTransform === "change",
    together: "shape" in model && model.shape !== undefined,
    maxLength: options.maxLength,
    size: options.size ?? imageSize(model),
    settings: options.transforms,
  });
  refuseReservedNames(plan, table.source.path);
  const { task } = table.target!;
  const outputs = outputsOf(plan.target);
  const classes = plan.target.kind === "classes" ? plan.target.classes.length : 0;
  const loss = checkLoss(lossOf(options.loss ?? defaultLoss(task, classes)), task, classes);
  const problem: Problem = {
    network: networkFor(model, plan, loss),
    loss,
    inputShape: [plan.features.length],
    outputs,
    ...(plan.variableLength ? { variableLength: true } : {}),
  };
  return { plan, notes, problem };
}

/** [height, width] of what the model takes, where that is images. */
function imageSize(model: ModelChoice): readonly [number, number] | undefined {
  const [, height, width, more] = ("kind" in model ? model.shape : undefined) ?? [];
  return height === undefined || width === undefined || more !== undefined ? undefined : [height, width];
}

/** Of one example, where it is more than a row. */
function shapeOf(model: ModelChoice, plan: PreprocessPlan): { shape?: readonly number[] } {
  const shape = ("kind" in model ? model.shape : undefined) ?? plan.shape;
  return shape ? { shape } : {};
}

/** Numbers that stay as they are, where there are any. */
function frozenOf({ slots }: ParameterLayout): { frozen?: number } {
  const frozen = slots.reduce((sum, slot) => sum + (slot.frozen ? slot.size : 0), 0);
  return frozen > 0 ? { frozen } : {};
}

/** The first activation layer's. */
function activationOf({ layers }: Network): { activation?: ActivationName } {
  const found = layers.find((layer): layer is ActivationLayer => layer.kind === "activation");
  return found ? { activation: found.activation } : {};
}

/** A model's inputs are named as the columns; its outputs have names of their own. */
function refuseReservedNames({ columns }: PreprocessPlan, path: string): void {
  const taken = columns.find(({ column }) => column === "prediction" || column === "probabilities");
  if (!taken) return;
  throw new GradusError(`${path}: a feature is named "${taken.column}", as an output of every model is.`, {
    hint: `rename the column, or leave it out: --drop ${taken.column}`,
  });
}

/** Of ours one alone fits classes; one of the caller's must predict as that one does. */
function checkLoss(loss: Loss, task: "classification" | "regression", classes: number): Loss {
  const usual = defaultLoss(task, classes);
  const { prediction } = lossByName(usual);
  const isOurs = typeof lossChoice(loss) === "string";
  if (isOurs && task === "classification" ? loss.name === usual : loss.prediction === prediction) return loss;
  const what = task === "regression" ? "regression" : `${classes} classes`;
  const hint = task === "regression" ? "meanSquared, meanAbsolute or huber" : usual;
  throw new GradusError(`loss ${loss.name} does not fit ${what}.`, {
    hint: isOurs ? hint : `its prediction must be "${prediction}", found "${loss.prediction}"`,
  });
}

/** The training was stopped before it had anything to keep. */
export class InterruptedEarly extends GradusError {
  constructor() {
    super("interrupted before the first step; nothing was saved.", { exitCode: 1 });
  }
}
