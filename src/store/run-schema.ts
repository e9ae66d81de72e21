/** What the files of a run folder must hold for the commands to read them; keys that nothing here reads are let through. */
import { z } from "zod";
import { COLUMN_KINDS, DATE_ORDERS } from "../data/table.ts";
import { TEXT_UNITS } from "../data/tokens.ts";
import { activations } from "../nn/activation.ts";
import type { Layer } from "../nn/layer.ts";
import { layerKinds } from "../nn/layers/index.ts";

const expect = (error: string) => ({ error });
const text = z.string(expect("a text"));
const texts = z.array(text, expect("a list of texts"));
const count = z.int(expect("a whole number of at least 0")).min(0, expect("a whole number of at least 0"));
const number = z.number(expect("a number"));
const names = <N extends string>(registry: Readonly<Record<N, unknown>>) => Object.keys(registry) as N[];
const oneOf = <const N extends string>(choices: readonly N[]) => z.enum(choices, expect(`one of ${choices.join(", ")}`));
const section = <S extends z.ZodRawShape>(shape: S) => z.looseObject(shape, expect("a section with its own keys"));

const size = z
  .int(expect("a whole number from 1 to 1000000"))
  .min(1, expect("a whole number from 1 to 1000000"))
  .max(1e6, expect("a whole number from 1 to 1000000"));
const sizes = z.array(size, expect("a list of sizes"));
const flag = z.boolean(expect("true or false"));
/** An imported layer's graph holds no weights, and is small. */
const imported = { text: 2 ** 25, roles: ["weight", "bias", "scale", "buffer"] } as const;
/** What a key of a layer holds, whatever its kind; the kind's own demands are checked when the network is built. */
const ourLayer = section({
  kind: oneOf(names(layerKinds)),
  units: size.optional(),
  filters: size.optional(),
  groups: size.optional(),
  heads: size.optional(),
  tokens: size.optional(),
  columns: z
    .array(section({ at: count, tokens: size, units: size, unknown: oneOf(["learnt", "zeros"]) }), expect("a list of inputs"))
    .optional(),
  kernel: z.union([size, sizes]).optional(),
  stride: z.union([size, sizes]).optional(),
  dilation: z.union([size, sizes]).optional(),
  size: z.union([size, sizes]).optional(),
  shape: sizes.optional(),
  axes: sizes.optional(),
  padding: oneOf(["same", "valid"]).optional(),
  activation: oneOf(names(activations)).optional(),
  initializer: text.optional(),
  model: text.max(imported.text, expect(`at most ${imported.text} characters`)).optional(),
  parameters: z
    .array(
      section({ name: text.min(1, expect("a name")), role: oneOf(imported.roles), frozen: flag.optional(), initializer: text }),
      expect("a list of parameters"),
    )
    .optional(),
  momentum: number.optional(),
  epsilon: number.optional(),
  keepProbability: number.optional(),
  bias: flag.optional(),
  spatial: flag.optional(),
  overTime: flag.optional(),
  deviation: number.optional(),
  bidirectional: flag.optional(),
  sequences: flag.optional(),
  layers: z.lazy(() => z.array(layer, expect("a list of layers"))).optional(),
}).superRefine(({ kind, ...keys }, context) => {
  const missing = (needs[kind] ?? []).filter((key) => keys[key as keyof typeof keys] === undefined);
  if (missing.length > 0)
    context.addIssue({ code: "custom", path: [missing[0]!], message: `there, as a ${kind} layer has it`, input: undefined });
});

/** A layer of a program's own, whose definition is not here: its kind is a word, its other keys are its own affair. */
const ownLayer = section({ kind: text, layers: z.lazy(() => z.array(layer, expect("a list of layers"))).optional() });

const isOwn = (value: unknown): boolean => {
  const { kind } = Object(value) as { readonly kind?: unknown };
  return typeof kind === "string" && /^[A-Za-z][A-Za-z0-9]{0,99}$/.test(kind) && !Object.hasOwn(layerKinds, kind);
};

const layer = z.unknown().superRefine((value, context) => {
  const { error } = (isOwn(value) ? ownLayer : ourLayer).safeParse(value);
  for (const { message, path } of error?.issues ?? []) context.addIssue({ code: "custom", message, path, input: undefined });
}) as unknown as z.ZodType<Layer>;

/** Keys without which a layer of a kind is none. */
const needs: Partial<Record<keyof typeof layerKinds, readonly string[]>> = {
  dense: ["units"],
  activation: ["activation"],
  conv: ["filters"],
  groupNorm: ["groups"],
  dropout: ["keepProbability"],
  noise: ["deviation"],
  embedding: ["tokens", "units"],
  categoryEmbedding: ["columns"],
  rnn: ["units"],
  lstm: ["units"],
  gru: ["units"],
  attention: ["heads"],
  residual: ["layers"],
  reshape: ["shape"],
  permute: ["axes"],
  imported: ["model", "parameters"],
};

const column = section({
  name: text,
  kind: oneOf(COLUMN_KINDS),
  sqlType: text,
  channels: count.optional(),
  width: count.optional(),
  dates: oneOf([...DATE_ORDERS]).optional(),
});
const task = oneOf(["classification", "regression"]);

const fitted = z.discriminatedUnion(
  "kind",
  [
    section({ kind: z.literal("oneHot"), column: text, categories: texts }),
    section({ kind: z.literal("embedding"), column: text, categories: texts, units: size, unknown: flag }),
    section({
      kind: z.literal("standardise"),
      column: text,
      dtype: oneOf(["float32", "float64"]),
      mean: number,
      deviation: number,
      indicator: z.boolean(expect("true or false")),
    }),
    section({
      kind: z.literal("dateParts"),
      column: text,
      mean: number,
      deviation: number,
      cycles: z.array(oneOf(["year", "week", "day"]), expect("a list of cycles")),
      indicator: flag,
    }),
    section({
      kind: z.literal("scale"),
      column: text,
      method: oneOf(["standardise", "robust", "minmax", "none"]),
      lambda: number.optional(),
      centre: number,
      spread: number,
      filled: number,
      indicator: flag,
    }),
    section({
      kind: z.literal("sequence"),
      column: text,
      dtype: oneOf(["float32", "float64"]),
      time: size,
      fixed: flag,
      season: size.optional(),
      moments: z.array(section({ mean: number, deviation: number }), expect("a list of means and deviations")).min(1),
      indicator: flag,
    }),
    section({
      kind: z.literal("image"),
      column: text,
      channels: z.union([z.literal(1), z.literal(3), z.literal(4)], expect("1, 3 or 4")),
      height: size,
      width: size,
      mean: z.array(number, expect("a list of numbers")),
      deviation: z.array(number, expect("a list of numbers")),
    }),
    section({
      kind: z.literal("tokens"),
      column: text,
      time: size,
      fixed: flag,
      season: size.optional(),
      vocabulary: texts,
      as: oneOf(["numbers", "oneHot"]),
    }),
  ],
  expect("a oneHot, embedding, standardise, dateParts, scale, image, sequence or tokens column"),
);

const target = z.discriminatedUnion(
  "kind",
  [
    section({ kind: z.literal("classes"), name: text, classes: texts.min(2, expect("at least two classes")) }),
    section({
      kind: z.literal("amount"),
      name: text,
      log: z.boolean(expect("true or false")),
      lambda: number.optional(),
      last: number.optional(),
      mean: number,
      deviation: number,
      steps: size.optional(),
      overlap: size.optional(),
      base: section({ name: text, positions: z.array(count, expect("a list of places")) }).optional(),
    }),
  ],
  expect("classes or an amount"),
);

const sequences = section({
  text: z.record(z.string(), oneOf(TEXT_UNITS), expect("columns of text")).optional(),
  id: text.optional(),
  time: column.optional(),
  windows: section({ target: text, window: size, horizon: size, step: size, season: size.optional() }).optional(),
});

export const modelFileSchema = section({
  format: number,
  network: section({ layers: z.array(layer, expect("a list of layers")).min(1, expect("at least one layer")) }),
  loss: text.max(100, expect("a name")),
  threshold: number.optional(),
  plan: section({
    columns: z.array(fitted, expect("a list of columns")).min(1, expect("at least one column")),
    features: texts,
    shape: sizes.optional(),
    tokens: size.optional(),
    variableLength: flag.optional(),
    target,
    schema: section({
      reading: section({ missing: texts.optional(), query: text.optional() }).optional(),
      sequences: sequences.optional(),
      columns: z.array(column, expect("a list of columns")),
      target: section({ name: text, task, references: z.array(column, expect("a list of columns")), classes: texts.optional() }).optional(),
    }),
  }),
});

/** NaN (a part without rows, a training that diverged) is null in JSON. */
const figure = number.nullable();
const interval = section({ value: figure, low: figure, high: figure, n: count });
const metrics = z.record(z.string(), interval, expect("figures by name"));

export const resultFileSchema = section({
  gradus: text,
  finished: text,
  task,
  metrics: section({ train: metrics, validation: metrics, trainDev: metrics.optional() }),
  mismatch: interval.extend({ metric: oneOf(["error", "rmse"]), answers: section({ statistic: number, p: number }).optional() }).optional(),
  copies: section({
    metric: oneOf(["error", "rmse"]),
    rows: count,
    of: count,
    copied: interval,
    without: interval.optional(),
    impact: interval.optional(),
  }).optional(),
  baseline: section({ name: text, metrics }),
  parameters: count,
  seconds: number,
  fitSeconds: number,
  reason: oneOf(["finished", "stopped", "interrupted", "diverged"]),
  epochs: section({ run: count, best: count }),
  rows: section({ train: count, validation: count, test: count, trainDev: count.optional() }),
});

const splitFile = section({
  fingerprint: text,
  rows: count,
  policy: text,
  parts: text.regex(/^[rvtd-]*$/, expect("a letter a row: r, v, t, d or -")),
});
const letterEach = ({ rows, parts }: { readonly rows: number; readonly parts: string }) => rows === parts.length;
const lettersMissing = { path: ["parts"], error: "as many letters as there are rows" };
export const splitFileSchema = splitFile.refine(letterEach, lettersMissing);

const seed = z.int(expect("a whole number of at least 0")).min(0, expect("a whole number of at least 0"));
/** With what finds its rows again. */
export const savedSplitSchema = splitFile
  .extend({
    way: oneOf(["random", "group", "time", "column"]),
    by: text.optional(),
    id: text.optional(),
    seed,
    sizing: section({
      policy: text.optional(),
      limit: count.optional(),
      resolve: number.optional(),
      test: z.union([z.boolean(), z.literal(0)], expect("0, true or false")).optional(),
      trainDev: z.union([text, count], expect("a share or rows")).optional(),
    }),
    columns: z.array(section({ name: text, kind: oneOf(COLUMN_KINDS), digest: count }), expect("a list of columns")),
    keys: text,
  })
  .refine(letterEach, lettersMissing);

export const experimentFileSchema = section({
  data: section({ path: text, target: text, task: task.optional(), drop: texts.default([]) }),
  split: section({}),
  model: z.union(
    [section({ layers: z.array(count, expect("a list of units")), activation: text }), section({ from: text, head: count, freeze: texts })],
    {
      error: "a ready architecture (layers, activation) or an imported model (from, head, freeze)",
    },
  ),
  loss: text,
  optimizer: section({ kind: text, learningRate: number }),
  batchSize: count,
  epochs: count,
  seed: count,
});

/** status.json */
export const statusFileSchema = section({
  status: oneOf(["running", "finished", "stopped", "interrupted", "diverged"]),
  started: text,
  facts: section({
    gradus: text,
    onnxruntime: text,
    node: text,
    platform: text,
    device: text,
    data: text,
    split: text,
    model: text,
  }),
  findings: z.array(section({ rule: text, severity: text, message: text }), expect("a list of findings")),
  resumed: z.array(section({ time: text, step: count, accepted: texts }), expect("a list of times")),
});

const partFigures = section({ loss: figure, error: figure, n: count });
/** A line of metrics.jsonl. */
export const epochLineSchema = section({
  epoch: count,
  train: partFigures,
  validation: partFigures.optional(),
  penalty: number.optional(),
});

/** A line of test-openings.jsonl. */
export const openingLineSchema = section({
  time: text,
  metrics,
  grown: section({ data: text, fingerprint: text, newRows: count }).optional(),
});

/** health.json: what the monitors saw; numbers that are not finite are null. */
const look = { step: count, epoch: count };
const many = <S extends z.ZodRawShape>(shape: S) => z.array(section(shape), expect("a list of looks"));
export const healthFileSchema = section({
  facts: section({ epochs: count, stepsPerEpoch: count, batch: count, rows: count }),
  steps: many({
    ...look,
    learningRate: figure,
    loss: figure,
    signals: many({ name: text, rms: figure }),
    tensors: many({ name: text, role: text, size: count, weight: figure, gradient: figure, update: figure }),
  }),
  units: many({ ...look, examples: count, layers: many({ name: text, activation: text, units: count, dead: count, saturated: count }) }),
  epochs: many(look),
});

/** profile.json: where the training's time went. */
export const profileFileSchema = section({
  seconds: number,
  steps: count,
  phases: many({ name: text, seconds: number, share: number, perStep: number }),
  operators: many({ operator: text, phase: text, calls: number, milliseconds: number, share: number }),
  layers: many({ layer: text, forward: number, backward: number }),
});
