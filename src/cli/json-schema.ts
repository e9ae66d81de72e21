/** What `--json` prints, exactly: the schema that docs/json-output.md explains and the tests hold every command to. */
import { z } from "zod";
import { diagnoseResultSchema } from "./diagnose-schema.ts";
import { profilePhases } from "../train/profile.ts";
import { severities } from "../util/finding.ts";

/** JSON has no NaN and no infinity: such a number is null. */
const number = z.number().nullable();
const count = z.int().min(0);
const part = z.strictObject({ loss: number, error: number, n: count });
const task = z.enum(["classification", "regression"]);
const notes = z.array(z.string());
const skipped = z.array(z.strictObject({ file: z.string(), line: z.int(), reason: z.string() }));

/** A measured value, its 95 % interval, and the examples behind it. */
export const intervalSchema = z.strictObject({ value: number, low: number, high: number, n: count });
/** Classification always has `error`, regression `r2` and `rmse`. */
export const metricsSchema = z.record(z.string(), intervalSchema);

export const dataEventSchema = z.strictObject({
  type: z.literal("data"),
  path: z.string(),
  rows: count,
  numeric: count,
  categorical: count,
  images: count.optional(),
  sequences: count.optional(),
  target: z.string(),
  task,
  reason: z.string(),
  classes: z.array(z.strictObject({ name: z.string(), rows: count })).optional(),
  skipped: skipped.optional(),
  description: z.string(),
  notes,
});

export const splitEventSchema = z.strictObject({
  type: z.literal("split"),
  policy: z.string(),
  train: count,
  validation: count,
  test: count,
  trainDev: count.optional(),
  resolves: z.number().optional(),
  detects: z.number().optional(),
  notes,
});

export const transformsEventSchema = z.strictObject({
  type: z.literal("transforms"),
  columns: z.record(z.string(), count),
  inputs: count,
  log: z.boolean(),
  notes,
});

export const modelEventSchema = z.strictObject({
  type: z.literal("model"),
  architecture: z.string().optional(),
  shape: z.array(count).optional(),
  units: z.array(count),
  activation: z.string().optional(),
  initializers: z.array(z.string()),
  parameters: count,
  frozen: count.optional(),
  loss: z.string(),
  optimizer: z.string(),
  learningRate: z.number(),
  schedule: z.string(),
  batchSize: count,
  epochs: count,
  seed: count,
  error: z.strictObject({ name: z.enum(["error", "rmse"]), scale: z.number() }),
});

/** What a rule saw; `numbers` and `threshold` by name. */
export const findingSchema = z.strictObject({
  rule: z.string(),
  severity: z.enum(severities),
  subject: z.string().optional(),
  part: z.string().optional(),
  pairs: z.array(z.tuple([count, count])).optional(),
  accepted: z.boolean().optional(),
  follows: z.string().optional(),
  message: z.string(),
  hint: z.string().optional(),
  numbers: z.record(z.string(), number),
  threshold: z.record(z.string(), number),
  source: z.string(),
});

/** What was checked before the first step: of `gradus train` and `gradus check`. */
export const preflightEventSchema = z.strictObject({
  type: z.literal("preflight"),
  checked: z.array(z.string()),
  findings: z.array(findingSchema),
  seconds: z.number(),
});

/** What was noticed while training: of `gradus train`. */
export const findingEventSchema = z.strictObject({ type: z.literal("finding"), epoch: count, step: count, finding: findingSchema });

/** What becomes of the examples of training steps, where anything does. */
export const augmentationEventSchema = z.strictObject({
  type: z.literal("augmentation"),
  steps: z.array(z.looseObject({ kind: z.string() })),
  findings: z.array(findingSchema),
});

const conventionsSchema = z.strictObject({ lambda: z.number(), gradient: z.number(), pytorch: z.number(), keras: z.number() });

/** Penalties on the weights, where there are any. */
export const regularizerEventSchema = z.strictObject({
  type: z.literal("regularizer"),
  examples: count,
  l2: conventionsSchema.optional(),
  l1: conventionsSchema.optional(),
  proximal: z.boolean().optional(),
  biases: z.boolean().optional(),
  maxNorm: z.number().optional(),
  layers: z.array(z.string()).optional(),
});

/** What was found in the data and its split: of `gradus train`. */
export const auditEventSchema = preflightEventSchema.extend({ type: z.literal("audit"), accepted: z.array(z.string()) });

export const auditResultSchema = z.strictObject({
  type: z.literal("result"),
  command: z.literal("audit"),
  data: z.string(),
  against: z.string().optional(),
  policy: z.string(),
  /** Rows of the parts, by name. */
  parts: z.record(z.string(), count),
  checked: z.array(z.string()),
  findings: z.array(findingSchema),
  severity: z.enum(severities),
  accepted: z.array(z.string()),
  passed: z.boolean(),
  report: z.string().optional(),
  seconds: z.number(),
});

/** Also the lines of metrics.jsonl, without `type`. */
export const epochSchema = z.strictObject({ epoch: count, train: part, validation: part.optional(), penalty: z.number().optional() });
export const epochEventSchema = epochSchema.extend({ type: z.literal("epoch"), best: count });

export const predictionEventSchema = z.strictObject({
  type: z.literal("prediction"),
  row: count,
  /** Which sequence, or the last line a forecast has seen, where rows are made of lines. */
  of: z.record(z.string(), z.string()).optional(),
  prediction: z.union([z.string(), number, z.array(number)]),
  probabilities: z.record(z.string(), number).optional(),
});

const failure = z.strictObject({ message: z.string(), hint: z.string().optional(), exit: z.int() });

export const dataAugmentResultSchema = z.strictObject({
  type: z.literal("result"),
  command: z.literal("data augment"),
  out: z.string(),
  seed: count,
  examples: z.array(z.strictObject({ example: count, row: count, label: z.string() })),
  seconds: z.number(),
});

/** Figures of one training of a cross-validation. */
const foldFigures = z.strictObject({
  repeat: count,
  fold: count,
  rows: z.strictObject({ train: count, validation: count }),
  bestEpoch: count,
  seconds: z.number(),
  metrics: z.record(z.string(), number),
});

export const threadsEventSchema = z.strictObject({
  type: z.literal("threads"),
  threads: count,
  tried: z.array(z.strictObject({ threads: count, milliseconds: z.number() })),
  seconds: z.number(),
});

const nodePhase = z.enum(["data", "forward", "backward", "optimizer"]);

/** Where the time went: of `gradus train --profile`. */
export const profileEventSchema = z.strictObject({
  type: z.literal("profile"),
  seconds: z.number(),
  steps: count,
  epochs: count,
  phases: z.array(
    z.strictObject({ name: z.enum(profilePhases), seconds: z.number(), share: z.number(), perStep: z.number(), perEpoch: z.number() }),
  ),
  operators: z.array(
    z.strictObject({ operator: z.string(), phase: nodePhase, calls: z.number(), milliseconds: z.number(), share: z.number() }),
  ),
  layers: z.array(z.strictObject({ layer: z.string(), forward: z.number(), backward: z.number() })),
  apart: z.strictObject({ steps: count, scale: z.number() }).optional(),
});

export const foldEventSchema = foldFigures.extend({ type: z.literal("fold"), folds: count, repeats: count });

const decision = z.strictObject({
  threshold: intervalSchema,
  costs: z.strictObject({ falsePositive: z.number(), falseNegative: z.number() }),
  cost: intervalSchema,
  likelier: intervalSchema,
});

/** A training that goes on: of `gradus resume`. */
export const resumeEventSchema = z.strictObject({ type: z.literal("resume"), epoch: count, step: count });

/** The lecture's procedure: of `gradus train --lecture`. */
export const descentEventSchema = z.strictObject({
  type: z.literal("descent"),
  falls: z.boolean(),
  learningRate: z.number(),
  halvings: count,
  rows: count,
  of: count,
  losses: z.array(number),
  message: z.string(),
});

/** A checkpoint that was not written, or one that cannot be read. */
export const checkpointEventSchema = z.strictObject({
  type: z.literal("checkpoint"),
  step: count.optional(),
  file: z.string().optional(),
  error: z.string(),
});

const retry = z.strictObject({ finding: z.strictObject({ step: count, tensor: z.string() }), epoch: count, factor: z.number() });
/** The training diverged and goes on from its best epoch. */
export const retryEventSchema = retry.extend({ type: z.literal("retry") });

const copiesSchema = z.strictObject({
  metric: z.enum(["error", "rmse"]),
  rows: count,
  of: count,
  copied: intervalSchema,
  without: intervalSchema.optional(),
  impact: intervalSchema.optional(),
});

/** Also result.json of a run folder. */
export const trainResultSchema = z.strictObject({
  type: z.literal("result"),
  command: z.literal("train"),
  gradus: z.string(),
  finished: z.string(),
  run: z.string(),
  task,
  metrics: z.strictObject({ train: metricsSchema, validation: metricsSchema, trainDev: metricsSchema.optional() }),
  mismatch: intervalSchema
    .extend({ metric: z.enum(["error", "rmse"]), answers: z.strictObject({ statistic: z.number(), p: z.number() }).optional() })
    .optional(),
  copies: copiesSchema.optional(),
  decision: decision.optional(),
  crossValidation: z
    .strictObject({ folds: count, repeats: count, metrics: metricsSchema, outOfFold: metricsSchema, trainings: z.array(foldFigures) })
    .optional(),
  baseline: z.strictObject({ name: z.string(), metrics: metricsSchema }),
  parameters: count,
  seconds: z.number(),
  fitSeconds: z.number(),
  reason: z.enum(["finished", "stopped", "interrupted", "diverged"]),
  stop: z.strictObject({ rule: z.string(), epoch: count, why: z.string() }).optional(),
  retries: z.array(retry).optional(),
  finding: z.strictObject({ step: count, tensor: z.string() }).optional(),
  findings: z.array(findingSchema).optional(),
  skipped: skipped.optional(),
  epochs: z.strictObject({ run: count, best: count }),
  steps: count,
  rows: z.strictObject({ train: count, validation: count, test: count, trainDev: count.optional() }),
  /** The work failed (a training that diverged), though a run was saved. */
  error: failure.optional(),
});

export const predictResultSchema = z.strictObject({
  type: z.literal("result"),
  command: z.literal("predict"),
  run: z.string(),
  data: z.string(),
  rows: count,
  out: z.string().optional(),
  threshold: z.number().optional(),
  seconds: z.number(),
});

/** A data file that has changed since the training. */
const grown = z.strictObject({ data: z.string(), fingerprint: z.string(), newRows: count });

export const evaluateResultSchema = z.strictObject({
  type: z.literal("result"),
  command: z.literal("evaluate"),
  run: z.string(),
  data: z.string(),
  task,
  metrics: z.strictObject({ test: metricsSchema.optional(), validation: metricsSchema.optional(), data: metricsSchema.optional() }),
  classes: z.array(z.strictObject({ name: z.string(), n: count, answered: count, metrics: metricsSchema })).optional(),
  /** Rows by true class, then by answer. */
  confusion: z.array(z.array(count)).optional(),
  reliability: z.array(z.strictObject({ from: z.number(), to: z.number(), n: count, confidence: number, share: number })).optional(),
  threshold: z.number().optional(),
  importance: z
    .strictObject({
      metric: z.enum(["error", "rmse"]),
      repeats: count,
      columns: z.array(z.strictObject({ column: z.string(), increase: intervalSchema })),
    })
    .optional(),
  baseline: z.strictObject({ name: z.string(), metrics: metricsSchema }),
  copies: copiesSchema.optional(),
  /** How often the test set has been opened, this time included. */
  openings: count,
  grown: grown.optional(),
  parameters: count,
  seconds: z.number(),
});

export const showResultSchema = z.strictObject({
  type: z.literal("result"),
  command: z.literal("show"),
  run: z.string(),
  experiment: z.record(z.string(), z.unknown()),
  result: trainResultSchema,
  history: z.array(epochSchema),
  testOpenings: z.array(z.strictObject({ time: z.string(), metrics: metricsSchema, grown: grown.optional() })),
});

const range = z.strictObject({ low: z.number(), high: z.number() });
const panelFigures = z.strictObject({ error: number, loss: number });
const points = z.array(z.tuple([z.number(), z.number(), count]));

/** A run as its page tells it. */
export const reportResultSchema = z.strictObject({
  type: z.literal("result"),
  command: z.literal("report"),
  run: z.string(),
  page: z.string(),
  png: z.string().optional(),
  gradus: z.string(),
  finished: z.string(),
  versions: z.record(z.string(), z.string()),
  data: z.strictObject({ path: z.string(), description: z.string(), target: z.string(), policy: z.string() }),
  task,
  metrics: z.strictObject({ train: metricsSchema, validation: metricsSchema, trainDev: metricsSchema.optional() }),
  baseline: z.strictObject({ name: z.string(), metrics: metricsSchema }),
  reason: z.enum(["finished", "stopped", "interrupted", "diverged"]),
  stop: z.strictObject({ rule: z.string(), epoch: count, why: z.string() }).optional(),
  finding: z.strictObject({ step: count, tensor: z.string() }).optional(),
  findings: z.array(findingSchema),
  epochs: z.strictObject({ run: count, best: count }),
  steps: count,
  parameters: count,
  rows: z.strictObject({ train: count, validation: count, test: count, trainDev: count.optional() }),
  experiment: z.record(z.string(), z.unknown()),
  errorScale: z.number(),
  history: z.array(epochSchema.extend({ penalty: number.optional() })),
  /** health.json of the run. */
  health: z.record(z.string(), z.unknown()).optional(),
  validation: z.strictObject({
    metrics: metricsSchema,
    classes: z.array(z.strictObject({ name: z.string(), n: count, answered: count, metrics: metricsSchema })).optional(),
    confusion: z.array(z.array(number)).optional(),
    reliability: z.array(z.strictObject({ from: z.number(), to: z.number(), n: count, confidence: number, share: number })).optional(),
  }),
  classes: z.array(z.string()).optional(),
  /** True and predicted. */
  amounts: z.array(z.tuple([number, number])).optional(),
  worst: z.strictObject({
    columns: z.array(z.string()),
    more: count,
    rows: z.array(
      z.strictObject({
        row: count,
        name: z.string().optional(),
        truth: z.union([z.string(), number]),
        answer: z.union([z.string(), number]),
        probability: number.optional(),
        loss: number,
        cells: z.array(z.string()),
      }),
    ),
  }),
  weights: z.array(
    z.strictObject({
      name: z.string(),
      count,
      norm: number,
      zeros: number,
      small: number,
      concentration: number,
      bins: z.strictObject({ edges: z.array(number), counts: z.array(count) }),
    }),
  ),
  linear: z.array(z.strictObject({ name: z.string(), share: number, before: number.optional() })),
  boundary: z
    .strictObject({
      columns: z.tuple([z.string(), z.string()]),
      x: range,
      y: range,
      classes: z.array(z.string()),
      size: count,
      points: z.strictObject({ train: points, validation: points }),
      panels: z.array(
        z.strictObject({
          lambda: z.number().optional(),
          verdict: z.enum(["underfits", "just right", "overfits"]).optional(),
          train: panelFigures,
          validation: panelFigures,
          answers: z.array(count),
        }),
      ),
      steps: count,
    })
    .optional(),
  /** profile.json of the run. */
  profile: z.record(z.string(), z.unknown()).optional(),
  openings: count,
  seconds: z.number(),
});

const namedType = z.strictObject({
  name: z.string(),
  dtype: z.string().optional(),
  shape: z.array(z.union([z.string(), count])).optional(),
});

export const modelShowResultSchema = z.strictObject({
  type: z.literal("result"),
  command: z.literal("model show"),
  file: z.string(),
  irVersion: count,
  opset: z.record(z.string(), count),
  producer: z.strictObject({ name: z.string(), version: z.string() }),
  metadata: z.record(z.string(), z.string()),
  inputs: z.array(namedType),
  outputs: z.array(namedType),
  operators: z.array(z.strictObject({ name: z.string(), count })),
  /** What Gradus does not have; where there is any, the rest is left out. */
  missing: z.array(z.strictObject({ name: z.string(), count, first: z.string(), otherVersion: z.boolean(), nearest: z.array(z.string()) })),
  rows: z
    .array(
      z.strictObject({
        name: z.string(),
        op: z.string(),
        outputs: z.array(namedType.omit({ name: true })),
        parameters: count,
        weights: z.array(z.string()),
        multiplyAdds: count,
      }),
    )
    .optional(),
  parameters: count.optional(),
  multiplyAdds: count.optional(),
});

const verdict = z.enum(["passed", "failed", "untested", "kink"]);
const outcome = z.enum(["right", "wrong", "untested"]);
const band = z.enum(["very likely right", "look at the components", "worry", "very likely wrong"]);

/** One gradient check of `gradus check`. */
export const checkEventSchema = z.strictObject({
  type: z.literal("check"),
  moment: z.string(),
  part: z.enum(["data", "penalty", "sum"]),
  mode: z.enum(["evaluation", "training"]).optional(),
  loss: number,
  deterministic: z.boolean(),
  verdict: outcome,
  passed: z.boolean(),
  error: number,
  band,
  step: z.number(),
  executor: z.string(),
  float32Only: z.array(z.string()),
  seconds: z.number(),
  tensors: z.array(
    z.strictObject({
      name: z.string(),
      shape: z.array(count),
      size: count,
      verdict,
      reason: z.string().optional(),
      error: number,
      floor: number,
      threshold: number,
      band,
      coordinates: count,
      directions: count,
      kinks: count,
      method: z.enum(["plain", "batched"]),
      worst: z.strictObject({ index: z.array(count), analytic: number, numeric: number }).optional(),
    }),
  ),
  fault: z
    .strictObject({
      operator: z.string(),
      layer: z.string().optional(),
      input: z.union([z.string(), count]),
      error: number,
      rule: z.boolean(),
      parameters: z.array(z.string()),
    })
    .optional(),
  nonFinite: z
    .strictObject({ tensor: z.string(), source: z.enum(["parameter", "input", "operator"]), layer: z.string().optional() })
    .optional(),
});

export const checkResultSchema = z.strictObject({
  type: z.literal("result"),
  command: z.literal("check"),
  subject: z.string(),
  parameters: count,
  examples: count,
  checks: count,
  verdict: outcome,
  passed: z.boolean(),
  findings: z.array(findingSchema),
  seconds: z.number(),
  picture: z.string().optional(),
});

export const learningRateResultSchema = z.strictObject({
  type: z.literal("result"),
  command: z.literal("lr"),
  optimizer: z.string(),
  batchSize: count,
  curves: z.array(
    z.strictObject({ seed: count, rates: z.array(z.number()), losses: z.array(z.number()), suggestion: z.number().optional() }),
  ),
  suggestion: z.number().optional(),
  decades: z.number().optional(),
  reason: z.string().optional(),
  seconds: z.number(),
});

export const dataSplitResultSchema = z.strictObject({
  type: z.literal("result"),
  command: z.literal("data split"),
  data: z.string(),
  rows: z.strictObject({ train: count, validation: count, test: count, trainDev: count.optional() }),
  out: z.string().optional(),
  seconds: z.number(),
});

const distribution = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("bins"), edges: z.array(z.number()), counts: z.array(count), clipped: z.boolean() }),
  z.strictObject({ kind: z.literal("texts"), texts: z.array(z.strictObject({ text: z.string(), rows: count })), others: count }),
]);

export const dataShowResultSchema = z.strictObject({
  type: z.literal("result"),
  command: z.literal("data show"),
  data: z.string(),
  path: z.string(),
  fingerprint: z.string(),
  rows: count,
  duplicates: count,
  columns: z.array(
    z.strictObject({
      name: z.string(),
      type: z.string(),
      missing: count,
      distinct: count,
      numbers: z
        .strictObject({
          min: z.number(),
          quartiles: z.tuple([z.number(), z.number(), z.number()]),
          max: z.number(),
          mean: z.number(),
          deviation: z.number(),
        })
        .optional(),
      distribution: distribution.optional(),
      remarks: z.array(z.string()),
    }),
  ),
  skipped: skipped.optional(),
  notes,
  picture: z.string().optional(),
});

/** The last line of a command that failed before it had a result. */
export const failureResultSchema = z.strictObject({ type: z.literal("result"), error: failure });

/** Any line of any command. */
export const lineSchema = z.union([
  dataEventSchema,
  splitEventSchema,
  transformsEventSchema,
  modelEventSchema,
  regularizerEventSchema,
  augmentationEventSchema,
  preflightEventSchema,
  auditEventSchema,
  findingEventSchema,
  auditResultSchema,
  epochEventSchema,
  resumeEventSchema,
  checkpointEventSchema,
  descentEventSchema,
  retryEventSchema,
  threadsEventSchema,
  profileEventSchema,
  foldEventSchema,
  predictionEventSchema,
  dataAugmentResultSchema,
  trainResultSchema,
  predictResultSchema,
  evaluateResultSchema,
  diagnoseResultSchema,
  showResultSchema,
  reportResultSchema,
  checkEventSchema,
  checkResultSchema,
  learningRateResultSchema,
  modelShowResultSchema,
  dataSplitResultSchema,
  dataShowResultSchema,
  failureResultSchema,
]);
