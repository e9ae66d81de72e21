/** The experiment file: one schema, its defaults, and how the choices that depend on the data are made. */
import { z } from "zod";
import { TEXT_UNITS } from "../data/tokens.ts";
import { augmentations } from "../data/augment-example.ts";
import type { Augmentation, AugmentationSpec } from "../data/augmentation.ts";
import { activations } from "../nn/activation.ts";
import { architectures } from "../nn/architectures/index.ts";
import { losses, type LossName } from "../nn/losses/index.ts";
import { defaultOptimizer, optimizerByName, optimizers, settingRanges, type OptimizerName } from "../optim/optimizers/index.ts";
import { scheduleByName, scheduleRanges, schedules, thresholdModes } from "../optim/schedules/index.ts";
import { TYPE_NAMES } from "../data/reading.ts";
import { ranges, type Range } from "../util/range.ts";
import { defaultBatchSize } from "./batch-size.ts";
import { divergenceAnswers, loopRanges } from "./fit.ts";
import { improvementUnits, monitored } from "./stopping.ts";
import { stopRules, type StopOptions } from "./stopping/index.ts";
import { regularizerRanges } from "./regularizer.ts";
import { averageRanges, clipRanges, stepRanges } from "./update.ts";

/** Every message says what was expected; the caller adds the place and what was found. */
const expect = (error: string) => ({ error });
const text = (what: string) => z.string(expect(what)).min(1, expect(what));
const within = ({ expected, whole, above, from, below, upTo }: Range) => {
  const limits = [
    ...(above === undefined ? [] : [z.gt(above, expect(expected))]),
    ...(from === undefined ? [] : [z.gte(from, expect(expected))]),
    ...(below === undefined ? [] : [z.lt(below, expect(expected))]),
    ...(upTo === undefined ? [] : [z.lte(upTo, expect(expected))]),
  ];
  return (whole ? z.int(expect(expected)) : z.number(expect(expected))).check(...limits);
};
const oneOf = <const N extends string>(names: readonly N[]) => z.enum(names, expect(`one of ${names.join(", ")}`));
const names = <N extends string>(registry: Readonly<Record<N, unknown>>) => Object.keys(registry) as N[];
const section = <S extends z.ZodRawShape>(shape: S) => z.strictObject(shape, expect("a section with its own keys"));

/** Whether a path is that of a table, whose target must be named; folders and arrays may say theirs. */
const isTableName = (path: string): boolean =>
  path === "-" || /\.(csv|tsv|tab|txt|dat|json|ndjson|jsonl|parquet|arrow|feather|ipc)(\.(gz|gzip|zst|zstd))?$/i.test(path);

const data = section({
  path: text("the path of a data file").describe("The data file. A relative path starts at the folder of the experiment file."),
  target: text("a column name or an SQL expression")
    .optional()
    .describe(
      "What to predict: a column, or an SQL expression such as `delay > 15`. Images in folders and arrays with labels have their own.",
    ),
  task: oneOf(["classification", "regression"]).optional().describe("Inferred from the target where left out."),
  drop: z.array(text("a column name"), expect("a list of column names")).default([]).describe("Columns that are no features."),
  weight: text("a column name").optional().describe("A column that says how much each row counts in training, from 0 up: no feature."),
  id: text("a column name").optional().describe("A column that names each row: no feature, and the split goes by it."),
  targetTransform: oneOf(["none", "log", "yeoJohnson", "change"])
    .default("none")
    .describe(
      "`log` trains on the logarithm, `yeoJohnson` on the power that makes the target most normal, `change` (forecasts) on the change on a naive forecast; predictions are in the target's own unit.",
    ),
  delimiter: text("one character, tab or space").optional().describe("Of delimited text; found from the first lines where left out."),
  encoding: text("the name of an encoding")
    .optional()
    .describe("Of a file of text, e.g. `windows-1252`; found from its bytes where left out."),
  decimal: oneOf([".", ","]).optional().describe("The decimal sign; found where there is no doubt when left out."),
  thousands: text("a character").optional().describe("What stands between groups of three digits; never guessed."),
  missing: z
    .array(text("a text"), expect("a list of texts, e.g. ['-', '?']"))
    .optional()
    .describe("Texts that mean missing, besides the empty one, `NA`, `N/A`, `NaN` and `null`."),
  types: z
    .record(text("a column name"), oneOf(TYPE_NAMES), expect("what columns are, e.g. { zip: category }"))
    .optional()
    .describe("What columns are, where that is not what their values look like; `text` and `drop` are no features."),
  skipBadRows: z.boolean(expect("true or false")).optional().describe("Leaves out lines that cannot be read, and lists them."),
  query: text("an SQL query").optional().describe("A SELECT over the table `data`; its result is what is read."),
  image: text("a column name")
    .optional()
    .describe("A column of paths of image files, relative to the folder of the data file: the images become the feature."),
  labels: text("the path of a file of labels")
    .optional()
    .describe("Of IDX and NumPy files: where the labels are. A relative path starts at the folder of the experiment file."),
  size: z
    .array(within(ranges.count), expect("a height and a width, e.g. [64, 64]"))
    .length(2, expect("a height and a width, e.g. [64, 64]"))
    .optional()
    .describe("[height, width] that images are brought to, in pixels; theirs where all are alike, else the medians."),
  text: z
    .record(text("a column name"), oneOf(TEXT_UNITS), expect("columns of text, e.g. { name: characters }"))
    .optional()
    .describe("Columns of text that are sequences of characters or words."),
  sequenceId: text("a column name")
    .optional()
    .describe("In a long table, a line per step: the column that names each sequence; its lines become one example."),
  window: within(ranges.count).optional().describe("Forecasting: so many past lines are an example's input, the target's among them."),
  horizon: within(ranges.count)
    .optional()
    .describe("Forecasting: so many lines ahead the target is predicted, all of them; 1 where left out."),
  step: within(ranges.count).optional().describe("Forecasting: lines from one example to the next; the horizon where left out."),
  season: within(ranges.count)
    .optional()
    .describe("Forecasting: lines of a period; each value's change on the one a period before is an input too."),
  maxLength: within(ranges.count)
    .optional()
    .describe("Steps of a sequence that are seen; the longest training sequence's where left out, at most 1000."),
}).superRefine((value, context) => {
  if (value.target === undefined && isTableName(value.path))
    context.addIssue({ code: "custom", path: ["target"], message: "a column name or an SQL expression", input: undefined });
  if (value.window !== undefined) return;
  for (const key of ["horizon", "step", "season"] as const)
    if (value[key] !== undefined)
      context.addIssue({ code: "custom", path: [key], message: "left out, or a window (--window) given with it", input: value[key] });
});

const columnTransforms = {
  scale: oneOf(["standardise", "robust", "minmax", "none"])
    .optional()
    .describe("`standardise` (mean and deviation) where left out; `robust` (median and quartiles); `minmax` (0 to 1)."),
  power: oneOf(["none", "log", "yeoJohnson"])
    .optional()
    .describe("Before scaling: ln(1 + x), or the power that makes the numbers most normal."),
  impute: z
    .union([oneOf(["mean", "median"]), z.number()], expect("mean, median or a number"))
    .optional()
    .describe("What a missing number becomes; that it was missing is an input of its own."),
  dates: oneOf(["parts", "seconds"])
    .optional()
    .describe("`parts` where left out: seconds, and the time of year, the weekday and the time of day as points on circles."),
  encode: oneOf(["oneHot", "embedding"])
    .optional()
    .describe("Of categories: `oneHot` where left out; `embedding`, a vector that an mlp learns for each, however many there are."),
  dimension: within(ranges.count)
    .optional()
    .describe("Numbers of such a vector; half as many as there are categories, 50 at most, where left out."),
};

const transforms = section({
  default: section(columnTransforms).optional().describe("Of all columns."),
  columns: z.record(text("a column name"), section(columnTransforms)).optional().describe("Of single columns."),
});

const split = section({
  policy: text("shares such as 60/20/20")
    .optional()
    .describe(
      "Train/validation/test: percentages (`70/15/15`), fractions (`0.7/0.15/0.15`) or rows (`40000/10000/10000`). By size where left out.",
    ),
  resolve: within(ranges.positive)
    .optional()
    .describe("By size: validation and test have as many rows as resolve a difference of this many percentage points, a fifth at most."),
  test: z.literal(0, expect("0 (no test set), or left out")).optional().describe("`0`: no test set; its rows train."),
  trainDev: z
    .union([text("a share or rows"), within(ranges.count)], expect("a share of the training rows (5%), a number of rows, or auto"))
    .optional()
    .describe("Rows of the training distribution that are never trained on, measured beside validation: `5%`, or a number of rows."),
  file: text("the path of a split file")
    .optional()
    .describe(
      "A saved split: rows it knows keep their part, new ones fill up. A relative path starts at the folder of the experiment file.",
    ),
  column: text("a column name").optional().describe("A column that says each row's part: train, validation (or dev), test."),
  groupBy: text("a column name").optional().describe("Rows of one group stay in one part."),
  timeBy: text("a column name")
    .optional()
    .describe("Train on the earliest rows, test on the latest. It orders the steps of sequences and series."),
  seed: within(ranges.seed).optional().describe("The experiment's seed where left out."),
});

const model = section({
  kind: oneOf(names(architectures)).default("mlp").describe("A ready architecture, sized by the data."),
  shape: z
    .array(within(ranges.count), expect("a list of sizes, e.g. [1, 28, 28]"))
    .optional()
    .describe("What the inputs of a row are together: an image [channels, height, width] or a sequence [time, features]."),
  layers: z
    .array(
      within({ ...ranges.count, expected: `${ranges.count.expected} (units of a layer)` }),
      expect("a list of units per hidden layer, e.g. [64, 32]"),
    )
    .optional()
    .describe(
      "Units of each hidden layer or stage, the architecture's own where left out; none in an mlp gives logistic or linear regression.",
    ),
  activation: oneOf(names(activations))
    .default("relu")
    .describe("After every hidden layer; recurrent and attention layers have their own."),
  keepProbability: z
    .union(
      [within(ranges.keepProbability), z.array(within(ranges.keepProbability))],
      expect(`${ranges.keepProbability.expected}, or a list of such, one for each hidden layer, with one more at the front for the inputs`),
    )
    .default(1)
    .describe("Of dropout in training: the share of units that stay, of all hidden layers or of each; a list may begin with the inputs'."),
  inputNoise: within(ranges.notNegative)
    .optional()
    .describe("Standard deviation of normal noise on the inputs in training; inputs that are standardised have the deviation 1."),
  from: text("the path of an ONNX file")
    .optional()
    .describe(
      "An ONNX model to train further, in place of a ready architecture. A relative path starts at the folder of the experiment file.",
    ),
  head: within(ranges.seed)
    .optional()
    .describe("So many of its last layers with weights, and all that follows, give way to one dense layer: 1 where left out, 0 keeps all."),
  freeze: z
    .array(text("a pattern of names"), expect("a list of patterns, e.g. [features.*]"))
    .optional()
    .describe("Names of its weights that stay as they are; `*` and `?` stand for anything, `all` for all but the new head."),
}).superRefine((value, context) => {
  const imports = value.from !== undefined;
  const usual = { kind: "mlp", layers: undefined, activation: "relu", keepProbability: 1, inputNoise: undefined } as const;
  const others = imports
    ? (Object.keys(usual) as (keyof typeof usual)[]).filter((key) => value[key] !== usual[key])
    : (["head", "freeze"] as const).filter((key) => value[key] !== undefined);
  const message = imports ? "left out, since an imported model (--from) has its own" : "left out, as it is of an imported model (--from)";
  for (const key of others) context.addIssue({ code: "custom", path: [key], message, input: value[key] });
});

const schedule = section({
  kind: oneOf(names(schedules)).default("cosine"),
  warmup: within(scheduleRanges.warmup)
    .optional()
    .describe("Steps over which the rate rises at first: a share of all below 1, else their number."),
  floor: within(scheduleRanges.floor).optional().describe("The least factor of the rate."),
  every: within(scheduleRanges.every).optional().describe("Of `step`: epochs from one fall to the next."),
  factor: within(scheduleRanges.factor)
    .optional()
    .describe("Of `step`, `exponential` and `reduceOnPlateau`: what the rate is multiplied by."),
  peak: within(scheduleRanges.peak).optional().describe("Of `oneCycle`: the share of the steps that the rate rises."),
  start: within(scheduleRanges.start).optional().describe("Of `oneCycle`: the factor at the first step."),
  patience: within(scheduleRanges.patience).optional().describe("Of `reduceOnPlateau`: epochs without improvement that are borne."),
  threshold: within(scheduleRanges.threshold).optional().describe("Of `reduceOnPlateau`: what counts as an improvement on the best."),
  mode: oneOf(thresholdModes).optional().describe("Of `reduceOnPlateau`: whether the threshold is a share of the best or a difference."),
}).superRefine((value, context) => {
  const { kind, ...settings } = value;
  const known = [...Object.keys(schedules[kind].settings), "warmup"];
  const keys = Object.keys(settings).filter((key) => !known.includes(key));
  if (keys.length > 0) context.addIssue({ code: "unrecognized_keys", keys, input: value, params: { known: ["kind", ...known] } });
  if (value.warmup !== undefined && value.warmup >= 1 && !Number.isInteger(value.warmup))
    context.addIssue({ code: "custom", path: ["warmup"], message: "a share below 1 or a whole number of steps", input: value.warmup });
});

const terms = {
  l2: within(regularizerRanges.l2).optional().describe("λ of J += λ/(2m) Σ w², m being the number of training rows."),
  l1: within(regularizerRanges.l1).optional().describe("λ of J += λ/(2m) Σ |w|."),
  proximal: z.boolean(expect("true or false")).optional().describe("L1 by a soft threshold after each update: weights become exactly 0."),
  biases: z.boolean(expect("true or false")).optional().describe("Biases are penalised too."),
  maxNorm: within(regularizerRanges.maxNorm)
    .optional()
    .describe("After each update every unit's incoming weights are scaled back to a length of at most this."),
};
const regularizer = section({
  ...terms,
  layers: z
    .record(text("the name of a layer"), section(terms), expect("terms of layers by name, e.g. { dense_1: { l2: 0 } }"))
    .optional()
    .describe("Layers with terms of their own; what one leaves out is the whole's."),
});

const clip = section({
  norm: within(clipRanges.norm).optional().describe("The length that the gradient has at most."),
  value: within(clipRanges.value).optional().describe("The size that each of its numbers has at most; before the length."),
});

const average = section({
  kind: oneOf(["ema", "swa"])
    .default("ema")
    .describe("`ema`: exponential; `swa`: the mean over all steps from a share of the training on."),
  decay: within(averageRanges.decay).optional().describe("Of `ema`: how much of the average stays at a step; 0.999 where left out."),
  from: within(averageRanges.from).optional().describe("Of `swa`: the share of the steps after which it begins; 0.75 where left out."),
});

const classWeight = z
  .union(
    [z.literal("balanced"), z.record(text("a class"), within(ranges.notNegative))],
    expect("balanced, or a factor for classes by name, e.g. { yes: 3 }"),
  )
  .describe("Classes that count more or less in training: `balanced` gives every class the same weight in all.");

const optimizer = section({
  kind: oneOf(names(optimizers)).default(defaultOptimizer),
  learningRate: within(loopRanges.learningRate).optional().describe("The optimizer's usual one where left out."),
  schedule: schedule.prefault({}).describe("How the learning rate changes over the training: `cosine` falls to 0, `constant` stays."),
  momentum: within(settingRanges.momentum).optional(),
  decay: within(settingRanges.decay).optional(),
  beta1: within(settingRanges.beta1).optional(),
  beta2: within(settingRanges.beta2).optional(),
  epsilon: within(settingRanges.epsilon).optional(),
  weightDecay: within(settingRanges.weightDecay).optional(),
}).superRefine((value, context) => {
  const { kind, learningRate: _, schedule: __, ...settings } = value;
  const known = Object.keys(optimizerByName(kind).settings);
  const keys = Object.keys(settings).filter((key) => !known.includes(key));
  if (keys.length > 0)
    context.addIssue({ code: "unrecognized_keys", keys, input: value, params: { known: ["kind", "learningRate", "schedule", ...known] } });
});

const audit = section({
  accept: z
    .array(text("the name of a rule"), expect("a list of names of rules, e.g. [duplicates]"))
    .default([])
    .describe("Audit rules whose findings are known and stop nothing; the run records them."),
  strict: z
    .boolean(expect("true or false"))
    .default(false)
    .describe("Every failure of the audit stops the training, not only groups or times in two parts and a leak of the target."),
});

const cost = within({ expected: "a number of at least 0", from: 0 });
const costs = section({
  falsePositive: cost.default(1).describe("Of answering the second class where the first is true."),
  falseNegative: cost.default(1).describe("Of answering the first class where the second is true."),
});

const crossValidation = section({
  folds: within({ expected: "a whole number of at least 2", whole: true, from: 2 })
    .default(5)
    .describe("Trainings of a round, each measured on another part."),
  repeats: within(ranges.count).default(1).describe("Rounds, each dealt anew."),
});

const augmentation = ({ kind, about, settings, fills, probability }: Augmentation) =>
  section({
    kind: z.literal(kind),
    ...Object.fromEntries(
      Object.entries(settings).map(([name, one]) => [
        name,
        within(one.range)
          .default(one.default)
          .describe(`${capital(one.about)}.`),
      ]),
    ),
    ...(fills ? { fill: fill.default("edge") } : {}),
    probability: within(ranges.keepProbability).default(probability).describe("The share of the examples that it changes."),
  }).describe(`${capital(about)}.`);
const fill = z
  .union([z.literal("edge"), z.number()], expect("edge or a number"))
  .describe("Of places outside: the nearest value (`edge`), or this number, 0 being the mean.");
const capital = (sentence: string) => sentence.charAt(0).toUpperCase() + sentence.slice(1);
const [firstKind, ...otherKinds] = Object.values(augmentations).map(augmentation);
// The kinds are known when the program runs; whoever reads the schema has each of them.
const augment = z.array(
  z.discriminatedUnion("kind", [firstKind!, ...otherKinds], expect(`one of ${names(augmentations).join(", ")}`)) as unknown as z.ZodType<
    AugmentationSpec,
    AugmentationSpec
  >,
  expect("a list of augmentations, e.g. [{ kind: flip }, { kind: rotate, degrees: 10 }]"),
);

const stop = section({
  kind: oneOf([...names(stopRules), "none"])
    .default("patience")
    .describe("`patience`, `generalisationLoss`, `progressQuotient`, or `none`."),
  epochs: within(ranges.count)
    .optional()
    .describe("Of `patience`: epochs without an improvement until it stops; a fifth of all, at least 10, where left out."),
  minImprovement: within(ranges.notNegative).optional().describe("Of `patience`: an improvement is more than this; 1 where left out."),
  unit: oneOf(improvementUnits)
    .optional()
    .describe("Of `patience`: `noise` where left out, standard errors of the paired difference; `relative`, a share; `absolute`."),
  threshold: within(ranges.positive)
    .optional()
    .describe("Of `generalisationLoss`: per cent above the lowest, 5 where left out; of `progressQuotient`: 1 where left out."),
  strip: within(stopRules.progressQuotient.settings.strip.range)
    .optional()
    .describe("Of `progressQuotient`: epochs of a strip; 5 where left out."),
  startEpoch: within(ranges.count).optional().describe("The first epoch after which it may stop; 1 where left out."),
  monitor: oneOf(monitored)
    .optional()
    .describe("What is watched on the validation part: `loss` where left out, or `error`; the weights of its lowest value are kept."),
}).superRefine((value, context) => {
  const { kind, startEpoch: _, monitor: __, ...settings } = value;
  const known = kind === "none" ? [] : [...Object.keys(stopRules[kind].settings), ...(kind === "patience" ? ["unit"] : [])];
  const keys = Object.keys(settings).filter((key) => !known.includes(key));
  if (keys.length > 0)
    context.addIssue({ code: "unrecognized_keys", keys, input: value, params: { known: ["kind", "startEpoch", "monitor", ...known] } });
});

/** What an experiment file may hold. Unknown keys are errors. */
export const experimentSchema = section({
  data,
  split: split.prefault({}),
  audit: audit.prefault({}),
  transforms: transforms.optional().describe("How columns become inputs, where that is not as usual."),
  model: model.prefault({}),
  loss: oneOf(names(losses)).optional().describe("Cross-entropy for classes, mean squared for numbers where left out."),
  optimizer: optimizer.prefault({}),
  regularizer: regularizer.optional().describe("Penalties on the weights, and limits of their length."),
  clip: clip.optional().describe("Limits of the gradient, before the penalty's is added."),
  labelSmoothing: within(stepRanges.labelSmoothing)
    .optional()
    .describe("ε of y ← (1 − ε)·y + ε/K over K classes, in training; what is measured has the labels as they are."),
  classWeight: classWeight.optional(),
  accumulate: within(stepRanges.accumulate).optional().describe("Batches whose gradients make one update; 1 where left out."),
  average: average.optional().describe("A running average of the weights, which is measured and kept in their place."),
  augment: augment.default([]).describe("What becomes of the examples of a training step, in this order; what is measured stays as it is."),
  costs: costs
    .optional()
    .describe("Two classes: what wrong answers cost. The threshold of least cost on the validation part is stored with the model."),
  crossValidation: crossValidation
    .optional()
    .describe("Before the training, as many on folds of the training and validation rows, each measured on rows it has not seen."),
  stop: stop.prefault({}).describe("When to stop before the last epoch."),
  onDivergence: oneOf(divergenceAnswers)
    .default("stop")
    .describe(
      "What a loss that is not finite brings about: the end (`stop`), or another try from the best epoch at half the rate (`halve`).",
    ),
  batchSize: within(loopRanges.batchSize).optional().describe("Chosen from the number of training rows and the model where left out."),
  epochs: within(loopRanges.epochs).default(100),
  seed: within(loopRanges.seed).default(1).describe("Of everything random: split, initialisation, shuffling."),
  threads: within(ranges.count).optional().describe("Of a training step; found by a short probe where left out. No weight depends on it."),
}).describe("A Gradus experiment");

/** As a person writes it. */
export type ExperimentInput = z.input<typeof experimentSchema>;
/** Checked, with the defaults that need no data. */
export type Experiment = z.output<typeof experimentSchema>;

/** A ready architecture, or an ONNX model and what becomes of it. */
export type ResolvedModel =
  | (Omit<Experiment["model"], "from" | "head" | "freeze"> & { readonly layers: number[] })
  | { readonly from: string; readonly head: number; readonly freeze: string[]; readonly shape?: number[] | undefined };

/** Every choice made; what a run stores, and what gives the same run again. */
export interface ResolvedExperiment extends Omit<Experiment, "model"> {
  readonly data: Experiment["data"] & { readonly task: "classification" | "regression"; readonly target: string };
  readonly split: Experiment["split"] & { readonly seed: number };
  readonly model: ResolvedModel;
  readonly loss: LossName;
  readonly optimizer: Experiment["optimizer"] & { readonly kind: OptimizerName; readonly learningRate: number };
  readonly batchSize: number;
}

/** The loss that a task and its number of classes call for. */
export function defaultLoss(task: "classification" | "regression", classes: number): LossName {
  if (task === "regression") return "meanSquared";
  return classes === 2 ? "binaryCrossEntropy" : "categoricalCrossEntropy";
}

/** The choices that need the data. */
export function resolveExperiment(
  experiment: Experiment,
  facts: {
    readonly task: "classification" | "regression";
    readonly target: string;
    readonly classes: number;
    readonly trainRows: number;
  },
): ResolvedExperiment {
  const { kind, learningRate, schedule, ...settings } = experiment.optimizer;
  const resolved: ResolvedExperiment = {
    ...experiment,
    data: { ...experiment.data, task: facts.task, target: facts.target },
    split: { ...experiment.split, seed: experiment.split.seed ?? experiment.seed },
    model: resolveModel(experiment.model),
    loss: experiment.loss ?? defaultLoss(facts.task, facts.classes),
    optimizer: {
      kind,
      learningRate: learningRate ?? optimizers[kind].learningRate,
      schedule: { kind: schedule.kind, ...scheduleByName(schedule).settings },
      ...numbersOnly(optimizerByName(kind, settings).settings),
    },
    stop: resolveStop(experiment),
    batchSize: experiment.batchSize ?? defaultBatchSize(facts.trainRows),
  };
  // Through the schema once more: what is stored can be read again, its keys always in one order.
  const parsed = experimentSchema.parse(resolved);
  return { ...parsed, model: resolveModel(parsed.model) } as ResolvedExperiment;
}

/** Every setting of the rule filled in. */
function resolveStop({ stop, epochs }: Experiment): Experiment["stop"] {
  if (stop.kind === "none") return { ...stop, monitor: stop.monitor ?? "loss" };
  const own = Object.entries(stopRules[stop.kind].settings).map(([name, { default: usual }]) => [name, usual]);
  const patience = stop.kind === "patience" ? { unit: "noise" as const, epochs: Math.max(10, Math.round(epochs / 5)) } : {};
  const given = Object.fromEntries(Object.entries(stop).filter(([, value]) => value !== undefined));
  return { ...Object.fromEntries(own), ...patience, startEpoch: 1, monitor: "loss", ...given, kind: stop.kind } satisfies StopOptions;
}

function resolveModel(model: Experiment["model"]): ResolvedModel {
  const { from, head = 1, freeze = [], shape } = model;
  if (from !== undefined) return { from, head, freeze, ...(shape === undefined ? {} : { shape }) };
  return { ...model, layers: model.layers ?? [...architectures[model.kind].layers] };
}

/** JSON Schema of the experiment file, for editors; docs/experiment.schema.json holds it. */
export function experimentJsonSchema(): unknown {
  return z.toJSONSchema(experimentSchema, { io: "input" });
}

/** The settings that are numbers and present. */
export function numbersOnly(settings: Readonly<Record<string, unknown>>): Record<string, number> {
  return Object.fromEntries(Object.entries(settings).filter((entry): entry is [string, number] => typeof entry[1] === "number"));
}
