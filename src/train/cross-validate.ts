/** Cross-validation: k trainings, r times, each measured on rows that it has not seen. */
import { folds, type Fold } from "../data/folds.ts";
import type { Table } from "../data/table.ts";
import { correctedInterval } from "../metrics/intervals.ts";
import { measureSample } from "../metrics/measure.ts";
import type { Sample } from "../metrics/metric.ts";
import { lossChoice } from "../nn/losses/index.ts";
import type { Model } from "../nn/model.ts";
import { sampleOf } from "./evaluate-rows.ts";
import type { CrossValidation, ExperimentEvent, FoldFigures, Metrics } from "./experiment-events.ts";
import { fitTable, InterruptedEarly, type FitTableOptions } from "./fit-table.ts";
import type { ModelChoice } from "./model-choice.ts";
import { predictRows } from "./predict.ts";

export interface CrossValidateOptions extends Omit<FitTableOptions, "onEvent" | "inspect"> {
  /** Folds; default 5. */
  readonly k?: number;
  /** Rounds, each dealt anew; default 1. */
  readonly repeats?: number;
  /** The rows that take part, e.g. all but the test set; all where left out. */
  readonly rows?: Int32Array;
  readonly onEvent?: (event: ExperimentEvent) => void;
}

/** The share of a training's rows that choose its best epoch: one of so many inner folds. */
const INNER = 10;

/**
 * Trains k networks, r times, and measures each on its fold. Which epoch's weights are kept (and the threshold, where costs are given) is
 * decided on a tenth of a training's own rows, never on the fold. The interval of a mean over trainings is Nadeau and Bengio's (2003): their
 * rows overlap. Training j uses seed + j.
 * @example const { metrics } = await crossValidate(mlp({ layers: [32] }), table, { k: 5, repeats: 2 });
 * @throws GradusError as `folds` and `fit` do
 */
export async function crossValidate(model: ModelChoice, table: Table, options: CrossValidateOptions = {}): Promise<CrossValidation> {
  const { k = 5, repeats = 1, rows, onEvent = () => {}, seed = 1, ...fitting } = options;
  const all = folds(table, { k, repeats, seed, ...(rows ? { rows } : {}) });
  const trainings: FoldFigures[] = [];
  const samples: Sample[] = [];
  for (const [j, fold] of all.entries()) {
    const fitted = await fitTable(model, innerParts(table, fold, seed), { ...fitting, seed: seed + j });
    if (fitted.reason === "interrupted" || fitting.signal?.aborted) throw new InterruptedEarly();
    const trained: Model = {
      network: fitted.problem.network,
      loss: lossChoice(fitted.problem.loss),
      plan: fitted.plan,
      theta: fitted.theta,
      ...(fitted.decision ? { threshold: fitted.decision.threshold.value } : {}),
    };
    const sample = sampleOf(trained, await predictRows(trained, table, fold.validation, fitting), table, fold.validation);
    samples.push(sample);
    const { metrics } = measureSample(sample, { resamples: 0 });
    const figures: FoldFigures = {
      repeat: fold.repeat + 1,
      fold: fold.fold + 1,
      rows: { train: fold.train.length, validation: fold.validation.length },
      bestEpoch: fitted.epochs.best,
      seconds: fitted.seconds,
      metrics: Object.fromEntries(Object.entries(metrics).map(([name, { value }]) => [name, value])),
    };
    trainings.push(figures);
    onEvent({ type: "fold", folds: k, repeats, ...figures });
  }
  return { folds: k, repeats, metrics: overTrainings(trainings), outOfFold: pooled(table, all, samples), trainings };
}

/** A fold whose own training rows give up a tenth to choose the epoch by. */
function innerParts(table: Table, fold: Fold, seed: number) {
  const inner = folds(table, { k: Math.min(INNER, fold.train.length), seed, rows: fold.train });
  // By time the last one, so that the latest rows choose.
  const { train, validation } = table.roles.time ? inner.at(-1)! : inner[0]!;
  return { ...fold, train, validation, test: fold.validation };
}

const isShare = /^error$|accuracy$|^precision|^recall|^f1|_auc|^calibration_error$/;

/** Means over the trainings; of figures that one of them lacks (one class alone in its fold) there is none. */
function overTrainings(trainings: readonly FoldFigures[]): Metrics {
  const sum = (of: (one: FoldFigures) => number): number => trainings.reduce((total, one) => total + of(one), 0);
  const ratio = sum(({ rows }) => rows.validation / rows.train) / trainings.length;
  const n = sum(({ repeat, rows }) => (repeat === 1 ? rows.validation : 0));
  const names = Object.keys(trainings[0]!.metrics);
  return Object.fromEntries(
    names.map((name) => {
      const values = trainings.map(({ metrics }) => metrics[name]!);
      const found = correctedInterval(values, ratio, n);
      // Student's t knows no bounds, a share has them.
      return [name, isShare.test(name) ? { ...found, low: Math.max(0, found.low), high: Math.min(1, found.high) } : found];
    }),
  );
}

/** All predictions as one sample; groups are the table's, else the rows themselves. */
function pooled(table: Table, all: readonly Fold[], samples: readonly Sample[]): Metrics {
  const first = samples[0]!;
  const of = <T extends ArrayLike<number>>(pick: (sample: Sample) => T): number[] => samples.flatMap((sample) => Array.from(pick(sample)));
  const { group } = table.roles;
  const groups = Int32Array.from(
    all.flatMap(({ validation }, j) => {
      const each = samples[j]!.truth.length / validation.length;
      return Array.from({ length: samples[j]!.truth.length }, (_, i) => {
        const row = validation[Math.floor(i / each)]!;
        return group?.kind === "categorical" ? group.codes[row]! : row;
      });
    }),
  );
  if (first.kind === "amounts") {
    const prediction = of((sample) => (sample.kind === "amounts" ? sample.prediction : []));
    return measureSample({ kind: "amounts", truth: of(({ truth }) => truth), prediction, groups }).metrics;
  }
  return measureSample({
    kind: "classes",
    classes: first.classes,
    truth: Int32Array.from(of(({ truth }) => truth)),
    probabilities: of((sample) => (sample.kind === "classes" ? sample.probabilities : [])),
    answers: Int32Array.from(of((sample) => (sample.kind === "classes" ? sample.answers : []))),
    groups,
  }).metrics;
}
