/** All figures of predictions beside the truth, each with its interval. */
import type { Interval } from "../util/statistics.ts";
import { isClasses, sizeOf, weightsOf, type AmountSample, type ClassSample, type Metric, type Sample } from "./metric.ts";
import { confusionOf } from "./metrics/answers.ts";
import { reliabilityBins, type ReliabilityBin } from "./metrics/calibration.ts";
import { amountMetrics, classMetrics } from "./metrics/index.ts";
import { measureOwn, type OwnMetric } from "./own-metric.ts";
import { drawFigures, percentileBounds } from "./resampling.ts";

export interface MeasureOptions {
  /** Of the bootstrap; default 1, so that equal predictions give equal intervals. */
  readonly seed?: number;
  /** Default 0.95. */
  readonly confidence?: number;
  /** Of the bootstrap; 1 000 where left out, of more than 20 000 rows fewer. */
  readonly resamples?: number;
  /** Names of figures: metrics that have none of them are left out. All where left out. */
  readonly only?: readonly string[];
  /** Metrics of your own, after ours. */
  readonly own?: readonly OwnMetric[];
}

/** The figures of one class. */
export interface ClassFigures {
  readonly name: string;
  /** Rows of the class, and rows answered with it. */
  readonly n: number;
  readonly answered: number;
  readonly metrics: Readonly<Record<string, Interval>>;
}

export interface MetricReport {
  /** By name. */
  readonly metrics: Readonly<Record<string, Interval>>;
  /** Classification: by class, in their order. */
  readonly classes?: readonly ClassFigures[];
  /** Classification: rows (of weights their sum) by true class, then by answer. */
  readonly confusion?: readonly (readonly number[])[];
  /** Classification: the reliability diagram. */
  readonly reliability?: readonly ReliabilityBin[];
}

/**
 * Measures a sample by every metric that applies.
 * @example measureSample({ kind: "amounts", truth: [1, 2, 3], prediction: [1.1, 1.9, 3.2] }).metrics.rmse
 */
export function measureSample(sample: Sample, options: MeasureOptions = {}): MetricReport {
  const { seed = 1, confidence = 0.95, own = [], only } = options;
  const settings = { seed, confidence, ...(options.resamples === undefined ? {} : { resamples: options.resamples }) };
  const metrics: Record<string, Interval> = {};
  const classes = isClasses(sample) ? sample.classes.map((): Record<string, Interval> => ({})) : [];
  const wanted = <S extends Sample>(metrics: readonly Metric<S>[], of: S) =>
    metrics.filter((metric) => metric.figures(of).some(({ name }) => only?.includes(name) ?? true));
  const measured = isClasses(sample)
    ? wanted(classMetrics, sample).flatMap((metric) => measureMetric(metric, sample, settings))
    : wanted(amountMetrics, sample).flatMap((metric) => measureMetric(metric, sample, settings));
  for (const { name, class: of, interval } of measured) (of === undefined ? metrics : classes[of]!)[name] = interval;
  for (const metric of own) metrics[metric.name] = measureOwn(metric, sample, settings);
  if (!isClasses(sample)) return { metrics };
  const k = sample.classes.length;
  const table = confusionOf(sample, weightsOf(sample));
  const count = (of: Int32Array, c: number) => of.reduce((n, code) => n + (code === c ? 1 : 0), 0);
  return {
    metrics,
    classes: sample.classes.map((name, c) => ({
      name,
      n: count(sample.truth, c),
      answered: count(sample.answers, c),
      metrics: classes[c]!,
    })),
    confusion: sample.classes.map((_, c) => Array.from(table.subarray(c * k, (c + 1) * k))),
    reliability: reliabilityBins(sample, weightsOf(sample)),
  };
}

interface Measured {
  readonly name: string;
  readonly class?: number;
  readonly interval: Interval;
}

/** The figures of one metric: by its formula, else by the bootstrap. */
function measureMetric<S extends ClassSample | AmountSample>(
  metric: Metric<S>,
  sample: S,
  { confidence, ...resampling }: { readonly seed: number; readonly confidence: number; readonly resamples?: number },
): Measured[] {
  const figures = metric.figures(sample);
  if (figures.length === 0) return [];
  const n = sizeOf(sample);
  const compute = metric.prepare(sample);
  const weights = weightsOf(sample);
  const values = Array.from(compute(weights));
  const formulas = metric.bounds?.(sample, confidence);
  const open = figures.some((_, f) => !formulas?.[f] && !Number.isNaN(values[f]!));
  const draws = open ? drawFigures(weights, sample.groups, compute, figures.length, resampling) : undefined;
  return figures.map(({ name, class: of, n: behind }, f) => {
    const value = values[f]!;
    const bounds = formulas?.[f] ?? (draws ? percentileBounds(draws[f]!, value, confidence) : { low: NaN, high: NaN });
    return { name, ...(of === undefined ? {} : { class: of }), interval: { value, ...bounds, n: behind ?? n } };
  });
}
