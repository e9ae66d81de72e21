/**
 * Gradus: networks trained at native speed, with the practices that make training work applied and shown.
 * @example
 * import { fit, mlp, readTable, split } from "gradus";
 * const table = await readTable("churn.csv", { target: "churn" });
 * const run = await fit(mlp({ layers: [64, 32] }), split(table, { seed: 1 }), { epochs: 40 });
 * console.log(run.metrics.validation);
 */
// The whole thing: a table, its parts, a network, a run.
export { readTable, type ReadOptions } from "./data/read-table.ts";
export { sequencesById } from "./data/by-id.ts";
export { tokenise, type TextUnit } from "./data/tokens.ts";
export { cutWindows, type WindowOptions } from "./data/windows.ts";
export type { Reading, SkippedRow, TypeName } from "./data/reading.ts";
export { profileData, type ProfileOptions } from "./data/profile.ts";
export type { ColumnProfile, DataProfile, Distribution } from "./data/column-profile.ts";
export { profilePicture } from "./data/profile-picture.ts";
export type { ColumnSettings, TransformSettings } from "./data/transform.ts";
export {
  describeTable,
  type CategoricalColumn,
  type Column,
  type ImageColumn,
  type NumericColumn,
  type SequenceColumn,
  type Table,
  type TableSchema,
  type Task,
} from "./data/table.ts";
export type { Parts, SplitOptions } from "./data/splitter.ts";
export { savedSplit, type SavedSplit, type SplitOrigin } from "./data/saved-split.ts";
export { folds, type Fold, type FoldOptions } from "./data/folds.ts";
export { nestedSubsets } from "./data/nested-subsets.ts";
export { detectablePoints, resolvablePoints, rowsToResolve } from "./data/part-sizes.ts";
export {
  fitTable as fit,
  splitTable as split,
  type FittedTable,
  type FitTableOptions as FitOptions,
  type OptimizerSettings,
  type TableParts,
} from "./train/fit-table.ts";
export { batchesOf, type BatchOptions, type Batches } from "./train/batches.ts";
export { streamBatches, type StreamedBatch, type StreamedBatches, type StreamOptions } from "./train/stream-batches.ts";
export { mlp, pretrained, type ArchitectureSpec, type ModelReader, type PretrainedSpec } from "./train/model-choice.ts";
export type { PretrainedOptions } from "./nn/pretrained.ts";
export { trainExperiment, type ExperimentRun, type TrainExperimentOptions } from "./train/experiment-run.ts";
export { checkExperiment, parseExperimentText, type ExperimentSource } from "./train/experiment-file.ts";
export type { Experiment, ExperimentInput, ResolvedExperiment } from "./train/experiment.ts";
export type { Baseline, ClosingFigures, CopiesImpact, CrossValidation, ExperimentEvent, Metrics } from "./train/experiment-events.ts";
export { crossValidate, type CrossValidateOptions } from "./train/cross-validate.ts";
export { evaluateRows } from "./train/evaluate-rows.ts";
export { permutationImportance, type Importance, type ImportanceOptions } from "./train/importance.ts";
export { measureRows, predictRows, type PredictOptions, type Prediction } from "./train/predict.ts";

// Predictions beside the truth.
export { measureSample, type ClassFigures, type MeasureOptions, type MetricReport } from "./metrics/measure.ts";
export type { AmountSample, ClassSample, Sample } from "./metrics/metric.ts";
export type { OwnMetric } from "./metrics/own-metric.ts";
export { answersByCost, chooseThreshold, type Costs, type Decision } from "./metrics/decision.ts";
export { correctedInterval } from "./metrics/intervals.ts";
export { defaultLimit, firstGap, judgeGaps, type Errors, type Gap, type GapOptions, type Reference } from "./diagnose/gaps.ts";
export { tellGaps, type Told } from "./diagnose/words.ts";

// Before training: the data, then the network.
export { audit, type Audit, type AuditLimits, type AuditOptions } from "./audit/audit.ts";
export { auditParts, type GateOptions } from "./audit/gate.ts";
export { auditPage, type PageOptions } from "./audit/page.ts";
export { againstSubject, partsSubject, subjectOf, type SubjectOptions } from "./audit/subject.ts";
export type { AuditPart, AuditSubject } from "./audit/rule.ts";
export { gatherReport, type ReportInput, type ReportOptions, type RunReport } from "./report/facts.ts";
export { reportPage } from "./report/run-page.ts";
export { reportSheet } from "./report/sheet.ts";
export { preflight, type Limits, type Preflight, type PreflightOptions } from "./preflight/preflight.ts";
export { measureSignal, type LayerSignal, type SignalProfile } from "./preflight/signal.ts";
export { signalPicture, type SignalLine, type SignalPanel } from "./preflight/signal-picture.ts";
export type { Finding, Severity } from "./util/finding.ts";

// Whether gradients are right: of a loss of one's own, of a network on data.
export { checkGradient, type GradientCheck, type GradientCheckOptions } from "./check/gradient-check.ts";
export { checkProblem, type ProblemCheck, type ProtocolOptions, type StageCheck } from "./check/protocol.ts";
export { l2Penalty, penaltyOf, type LossGraph, type Penalty } from "./check/subject.ts";
export type { Fault } from "./check/locate.ts";
export type { TensorCheck } from "./check/tensor-check.ts";
export { numericalDerivative, numericalGradient, type DifferenceOptions } from "./check/difference.ts";
export { gradientPicture, type PictureOptions } from "./check/picture.ts";

// Runs as files.
export { reserveRun, type OpenRun, type RunReservation } from "./store/reserve-run.ts";
export { modelOf, saveRun } from "./store/save-run.ts";
export { readSplitFile, storeSplitKeys } from "./store/split-file.ts";
export { runRows, type RunRows } from "./store/run-rows.ts";
export { loadRunExperiment, loadRunHistory, loadRunModel, loadRunResult } from "./store/load-run.ts";
export { loadReportInput } from "./store/load-report.ts";
export type { RunResult } from "./store/run-record.ts";

// Own networks, and the loop under `fit`.
export { sequential, type Network } from "./nn/network.ts";
export { describeNetwork, type LayerRow, type NetworkTable } from "./nn/describe.ts";
export { architectureByName, type ArchitectureName } from "./nn/architectures/index.ts";
export type { Architecture, ArchitectureOptions, DataShape } from "./nn/architecture.ts";
export { dense } from "./nn/layers/dense.ts";
export { activation } from "./nn/layers/activation.ts";
export { attention } from "./nn/layers/attention.ts";
export { batchNorm } from "./nn/layers/batch-norm.ts";
export { conv } from "./nn/layers/conv.ts";
export { dropout } from "./nn/layers/dropout.ts";
export { categoryEmbedding, type EmbeddedInput } from "./nn/layers/category-embedding.ts";
export { noise } from "./nn/layers/noise.ts";
export { embedding } from "./nn/layers/embedding.ts";
export { flatten } from "./nn/layers/flatten.ts";
export { groupNorm } from "./nn/layers/group-norm.ts";
export { layerNorm } from "./nn/layers/layer-norm.ts";
export { averagePool, globalAveragePool, globalMaxPool, maxPool } from "./nn/layers/pool.ts";
export { gru, lstm, rnn } from "./nn/layers/recurrent.ts";
export { residual } from "./nn/layers/residual.ts";
export { meanOverTime, positions } from "./nn/layers/sequence.ts";
export { permute, reshape } from "./nn/layers/shape.ts";
export { transformerBlock, type TransformerBlockOptions } from "./nn/layers/transformer.ts";
export { defineLayer, type OwnLayer, type OwnLayerDefinition, type OwnLayerKind } from "./nn/own-layer.ts";
export type { Layer, LayerContext, Mask, Parameter } from "./nn/layer.ts";
export type { ActivationName } from "./nn/activation.ts";
export type { Fans, Initializer } from "./nn/initializer.ts";
export type { Rng } from "./util/rng.ts";
export { lossByName, type LossChoice, type LossName } from "./nn/losses/index.ts";
export type { Loss } from "./nn/loss.ts";
export { loadModel, modelGraph, saveModel, type LoadModelOptions, type Model, type ModelDescription } from "./nn/model.ts";
export { scheduleByName, type ScheduleChoice, type ScheduleName, type ScheduleSettings } from "./optim/schedules/index.ts";
export { factorAt, type Schedule, type ScheduleState, type Standing } from "./optim/schedule.ts";
export { optimizerByName, type OptimizerName } from "./optim/optimizers/index.ts";
export { fit as fitDatasets, train, type FitOptions as FitDatasetsOptions, type ParameterLayout } from "./train/fit.ts";
export type { Dataset } from "./train/dataset.ts";

// Where a training's time goes.
export { startClock, type Clock, type Phase, type Recording } from "./train/clock.ts";
export { profileTraining, type ChromeTrace, type ProfiledTraining, type TrainingProfile } from "./train/profile.ts";

// A training's health while it trains.
export { watchHealth, type HealthOptions } from "./train/health.ts";
export { monitors } from "./train/monitors/index.ts";
export type { HealthRecord, Monitor } from "./train/monitor.ts";
export type { Averaging, Clip, StepOptions } from "./train/update.ts";
export type { ClassWeight } from "./train/example-weights.ts";
export {
  conventions as penaltyConventions,
  penalty,
  penaltyGradient,
  penaltyShare,
  weakPenaltyShare,
  type PenaltyConventions,
  type Regularizer,
  type RegularizerTerms,
} from "./train/regularizer.ts";
export { linearShares, weightFigures, type LinearShare, type WeightFigures } from "./train/bought.ts";
export { learningRateRange, type RangeCurve, type RangeTest, type RangeTestOptions } from "./train/learning-rate-range.ts";

// Training examples changed at random.
export { augmentations } from "./data/augment-example.ts";
export type { AugmentationSpec } from "./data/augmentation.ts";
export { augmentedBatches } from "./data/augment-threads.ts";
export type { AugmentationPlan, AugmentedBatch, BatchSource } from "./data/augment-batches.ts";
export { previewAugmentation, type AugmentationPreview, type PreviewOptions } from "./train/augment-preview.ts";
export type { AugmentOptions } from "./train/augment.ts";

export type { Checkpointer, TrainingState } from "./train/state.ts";
export { stopRules, type StopOptions } from "./train/stopping/index.ts";
export { monotoneDescent, type DescentOptions, type MonotoneDescent } from "./train/monotone-descent.ts";
export { decodeCheckpoint, encodeCheckpoint } from "./store/checkpoint-file.ts";
export { checkpointWriter, loadCheckpoint, type CheckpointOptions } from "./store/checkpoints.ts";
export type { EpochFigures, PartFigures, TrainingEvent, TrainingResult } from "./train/events.ts";
export type { Problem } from "./train/step-graph.ts";
export { inspectModel, readModel, type ModelSummary, type ReadModel, type ReadOptions as ReadModelOptions } from "./onnx/read.ts";
export { describeModel, type ModelDescription as OnnxDescription, type ModelRow as OnnxRow } from "./onnx/describe.ts";
export { readModelFile } from "./store/onnx-file.ts";
export { writeModel } from "./onnx/write.ts";
export { GradusError } from "./util/errors.ts";
export type { Interval } from "./util/statistics.ts";
