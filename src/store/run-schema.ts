/** What the files of a run folder must hold for the commands to read them; keys that nothing here reads are let through. */
import { z } from "zod";
import { activations } from "../nn/activation.ts";
import { losses, type LossName } from "../nn/losses/index.ts";

const expect = (error: string) => ({ error });
const text = z.string(expect("a text"));
const texts = z.array(text, expect("a list of texts"));
const count = z.int(expect("a whole number of at least 0")).min(0, expect("a whole number of at least 0"));
const number = z.number(expect("a number"));
const names = <N extends string>(registry: Readonly<Record<N, unknown>>) => Object.keys(registry) as N[];
const oneOf = <const N extends string>(choices: readonly N[]) => z.enum(choices, expect(`one of ${choices.join(", ")}`));
const section = <S extends z.ZodRawShape>(shape: S) => z.looseObject(shape, expect("a section with its own keys"));

const units = "a whole number from 1 to 1000000";
const layer = z.discriminatedUnion(
  "kind",
  [
    section({ kind: z.literal("dense"), units: z.int(expect(units)).min(1, expect(units)).max(1e6, expect(units)) }),
    section({ kind: z.literal("activation"), activation: oneOf(names(activations)) }),
    section({ kind: z.literal("flatten") }),
  ],
  expect("a dense, activation or flatten layer"),
);

const column = section({ name: text, kind: oneOf(["numeric", "categorical"]), sqlType: text });
const task = oneOf(["classification", "regression"]);

const fitted = z.discriminatedUnion(
  "kind",
  [
    section({ kind: z.literal("oneHot"), column: text, categories: texts }),
    section({
      kind: z.literal("standardise"),
      column: text,
      dtype: oneOf(["float32", "float64"]),
      mean: number,
      deviation: number,
      indicator: z.boolean(expect("true or false")),
    }),
  ],
  expect("a oneHot or standardise column"),
);

const target = z.discriminatedUnion(
  "kind",
  [
    section({ kind: z.literal("classes"), name: text, classes: texts.min(2, expect("at least two classes")) }),
    section({
      kind: z.literal("amount"),
      name: text,
      log: z.boolean(expect("true or false")),
      mean: number,
      deviation: number,
    }),
  ],
  expect("classes or an amount"),
);

export const modelFileSchema = section({
  format: number,
  network: section({ layers: z.array(layer, expect("a list of layers")).min(1, expect("at least one layer")) }),
  loss: oneOf(names(losses) as LossName[]),
  plan: section({
    columns: z.array(fitted, expect("a list of columns")).min(1, expect("at least one column")),
    features: texts,
    target,
    schema: section({
      columns: z.array(column, expect("a list of columns")),
      target: section({ name: text, task, references: z.array(column, expect("a list of columns")), classes: texts.optional() }).optional(),
    }),
  }),
});

/** NaN (a part without rows, a training that diverged) is null in JSON. */
const figure = number.nullable();
const metrics = z.record(z.string(), section({ value: figure, low: figure, high: figure, n: count }), expect("figures by name"));

export const resultFileSchema = section({
  gradus: text,
  finished: text,
  task,
  metrics: section({ train: metrics, validation: metrics }),
  baseline: section({ name: text, metrics }),
  parameters: count,
  seconds: number,
  fitSeconds: number,
  reason: oneOf(["finished", "interrupted", "diverged"]),
  epochs: section({ run: count, best: count }),
  rows: section({ train: count, validation: count, test: count }),
});

export const splitFileSchema = section({
  fingerprint: text,
  rows: count,
  policy: text,
  parts: text.regex(/^[rvt-]*$/, expect("a letter a row: r, v, t or -")),
}).refine(({ rows, parts }) => rows === parts.length, { path: ["parts"], error: "as many letters as there are rows" });

export const experimentFileSchema = section({
  data: section({ path: text, target: text, task: task.optional(), drop: texts.default([]) }),
  split: section({}),
  model: section({ layers: z.array(count, expect("a list of units")), activation: text }),
  loss: text,
  optimizer: section({ kind: text, learningRate: number }),
  batchSize: count,
  epochs: count,
  seed: count,
});

const partFigures = section({ loss: figure, error: figure, n: count });
/** A line of metrics.jsonl. */
export const epochLineSchema = section({ epoch: count, train: partFigures, validation: partFigures.optional() });

/** A line of test-openings.jsonl. */
export const openingLineSchema = section({ time: text, metrics });
