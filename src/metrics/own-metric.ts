/** Metrics of your own: a name, and a function of predictions beside the truth. */
import { GradusError } from "../util/errors.ts";
import { rng } from "../util/rng.ts";
import type { Interval } from "../util/statistics.ts";
import { isClasses, sizeOf, type AmountSample, type ClassSample, type Sample } from "./metric.ts";
import { percentileBounds, type ResampleOptions } from "./resampling.ts";

/**
 * What a file given to `--metric` exports as its default.
 * @example
 * export default { name: "cost", task: "classification", measure: ({ truth, answers }) =>
 *   truth.reduce((sum, t, i) => sum + (t === 1 && answers[i] === 0 ? 5 : t !== answers[i] ? 1 : 0), 0) / truth.length };
 */
export type OwnMetric = { readonly name: string } & (
  | { readonly task: "classification"; readonly measure: (sample: ClassSample) => number }
  | { readonly task: "regression"; readonly measure: (sample: AmountSample) => number }
);

/**
 * Checks what a program or a file gave.
 * @param place for messages: the file
 * @throws GradusError where it is no metric
 */
export function checkMetric(value: unknown, place: string): OwnMetric {
  const { name, task, measure } = Object(value) as Partial<Record<"name" | "task" | "measure", unknown>>;
  const hint = 'export default { name: "cost", task: "classification", measure: ({ truth, answers }) => … }';
  const refuse = (what: string, found: unknown): never => {
    throw new GradusError(`${place}: ${what}, found ${JSON.stringify(found) ?? typeof found}.`, { hint });
  };
  if (typeof name !== "string" || !/^[a-z][a-z0-9_]{0,59}$/i.test(name))
    return refuse("a metric's name must be a word of letters, digits and _", name);
  if (task !== "classification" && task !== "regression")
    return refuse(`task of metric "${name}" must be classification or regression`, task);
  if (typeof measure !== "function") return refuse(`measure of metric "${name}" must be a function`, measure);
  return value as OwnMetric;
}

/**
 * The figure and its bootstrap interval: it is computed again of rows drawn with replacement, whole groups of them where there are any.
 * @throws GradusError where the metric is of the other task, or gives no number
 */
export function measureOwn(
  metric: OwnMetric,
  sample: Sample,
  { confidence, seed, resamples = 1000 }: ResampleOptions & { readonly confidence: number },
): Interval {
  const task = isClasses(sample) ? "classification" : "regression";
  if (metric.task !== task)
    throw new GradusError(`metric "${metric.name}" is for ${metric.task}; this is ${task}.`, { hint: "leave it out." });
  const n = sizeOf(sample);
  const measure = (of: Sample): number => {
    const value: unknown = metric.task === "classification" ? metric.measure(of as ClassSample) : metric.measure(of as AmountSample);
    if (typeof value === "number") return value;
    throw new GradusError(`metric "${metric.name}" must give a number, found ${typeof value}.`);
  };
  const value = measure(sample);
  const groups = rowsByGroup(sample);
  const random = rng(seed, "bootstrap");
  const draws = Float64Array.from({ length: resamples }, () => {
    const rows: number[] = [];
    for (let i = 0; i < groups.length; i++) for (const row of groups[random.integer(groups.length)]!) rows.push(row);
    return measure(selectSample(sample, Int32Array.from(rows)));
  });
  return { value, ...percentileBounds({ values: draws, acceleration: 0 }, value, confidence), n };
}

function rowsByGroup(sample: Sample): number[][] {
  const found = new Map<number, number[]>();
  for (let row = 0; row < sizeOf(sample); row++) {
    const key = sample.groups ? sample.groups[row]! : row;
    const rows = found.get(key);
    if (rows) rows.push(row);
    else found.set(key, [row]);
  }
  return [...found.values()];
}

/** The given rows of a sample, in the given order. */
export function selectSample<S extends Sample>(sample: S, rows: Int32Array): S;
export function selectSample(sample: Sample, rows: Int32Array): Sample {
  const pick = (values: ArrayLike<number>) => Float64Array.from(rows, (row) => values[row]!);
  const pickCodes = (codes: Int32Array) => rows.map((row) => codes[row]!);
  const rest = {
    ...(sample.weights ? { weights: pick(sample.weights) } : {}),
    ...(sample.groups ? { groups: pickCodes(sample.groups) } : {}),
  };
  if (!isClasses(sample)) return { kind: "amounts", truth: pick(sample.truth), prediction: pick(sample.prediction), ...rest };
  const { classes, truth, answers, probabilities } = sample;
  const k = classes.length;
  const shares = new Float64Array(rows.length * k);
  rows.forEach((row, i) => {
    for (let c = 0; c < k; c++) shares[i * k + c] = probabilities[row * k + c]!;
  });
  return { kind: "classes", classes, truth: pickCodes(truth), answers: pickCodes(answers), probabilities: shares, ...rest };
}
