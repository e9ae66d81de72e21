import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { defaultBatchSize } from "../../src/train/batch-size.ts";
import { experimentJsonSchema, resolveExperiment } from "../../src/train/experiment.ts";
import { checkExperiment, overrideExperiment, parseExperimentText, type ExperimentSource } from "../../src/train/experiment-file.ts";
import type { GradusError } from "../../src/util/errors.ts";

const parse = (text: string) => checkExperiment(parseExperimentText(text, "churn.yaml"));

function failure(text: string): string {
  try {
    parse(text);
  } catch (error) {
    const { message, hint } = error as GradusError;
    return hint ? `${message}\n${hint}` : message;
  }
  throw new Error("no error");
}

const start = "data: { path: churn.csv, target: churn }\n";

test("a minimal experiment gets its defaults", () => {
  expect(parse(start)).toEqual({
    data: { path: "churn.csv", target: "churn", drop: [], targetTransform: "none" },
    stop: { kind: "patience" },
    onDivergence: "stop",
    augment: [],
    split: {},
    audit: { accept: [], strict: false },
    model: { kind: "mlp", activation: "relu", keepProbability: 1 },
    optimizer: { kind: "adamw", schedule: { kind: "cosine" } },
    epochs: 100,
    seed: 1,
  });
});

test("JSON is read like YAML", () => {
  expect(parse(JSON.stringify({ data: { path: "a.csv", target: "y" }, epochs: 7 })).epochs).toBe(7);
});

test("an unknown key is named with its line and the closest key", () => {
  expect(failure(`${start}model:\n  kind: mlp\n  layer: [64]\n`)).toBe(
    'churn.yaml, line 4: unknown key "layer" in model.\ndid you mean "layers"? keys: kind, shape, layers, activation, keepProbability, inputNoise, from, head, freeze',
  );
  expect(failure(`${start}epoch: 3\n`)).toMatch(/^churn.yaml, line 2: unknown key "epoch".\ndid you mean "epochs"\? keys: data, split/);
});

test("a setting of another optimizer is an unknown key", () => {
  expect(failure(`${start}optimizer: { kind: sgd, beta1: 0.9 }\n`)).toMatch(
    /line 2: unknown key "beta1" in optimizer.\nkeys: kind, learningRate, schedule$/,
  );
});

test("a wrong type says place, expected and found", () => {
  expect(failure(`${start}model:\n  layers:\n    - 64\n    - many\n`)).toBe(
    'churn.yaml, line 5: model.layers[1] must be a whole number of at least 1 (units of a layer), found "many".',
  );
  expect(failure(`${start}epochs: soon\n`)).toBe('churn.yaml, line 2: epochs must be a whole number of at least 1, found "soon".');
  expect(failure(`${start}model: mlp\n`)).toBe('churn.yaml, line 2: model must be a section with its own keys, found "mlp".');
});

test("a layer of 0 units is refused", () => {
  expect(failure(`${start}model: { layers: [64, 0] }\n`)).toMatch(
    /line 2: model.layers\[1\] must be a whole number of at least 1 .* found 0\.$/,
  );
});

test("an unknown choice offers the closest", () => {
  expect(failure(`${start}optimizer: { kind: adan }\n`)).toMatch(
    /optimizer.kind must be one of sgd, .* found "adan".\ndid you mean "adam" or "adamw"\?/,
  );
});

test("a missing target says how to give it", () => {
  expect(failure("data: { path: churn.csv }\n")).toMatch(/^churn.yaml, line 1: no target was given\.\n.*--target COLUMN/);
  expect(failure("epochs: 3\n")).toMatch(/^churn.yaml, line 1: no data file was given/);
});

test("broken YAML and a lone list are refused with a line", () => {
  expect(failure(`${start}model: { layers: [64\n`)).toMatch(/^churn.yaml, line \d: not valid YAML: /);
  expect(failure(`${start}${start}`)).toMatch(/^churn.yaml, line 2: not valid YAML: Map keys must be unique/);
  expect(failure("- 1\n")).toMatch(/^churn.yaml, line 1: an experiment is a set of keys/);
  expect(failure("")).toMatch(/^churn.yaml, line 1: an experiment is a set of keys.*found null/);
});

const flags = (value: Record<string, unknown>): ExperimentSource => ({
  value,
  place: () => undefined,
  subject: (path) => `--${String(path.at(-1))}`,
});

test("flags lie over the file, section by section", () => {
  const file = parseExperimentText(`${start}optimizer: { kind: momentum, momentum: 0.8 }\nepochs: 5\n`, "churn.yaml");
  const merged = checkExperiment(
    overrideExperiment(file, flags({ epochs: 9, data: { target: "left" }, optimizer: { learningRate: 0.5 } })),
  );
  expect(merged.epochs).toBe(9);
  expect(merged.data).toMatchObject({ path: "churn.csv", target: "left" });
  expect(merged.optimizer).toEqual({ kind: "momentum", momentum: 0.8, learningRate: 0.5, schedule: { kind: "cosine" } });
});

test("another optimizer by flag leaves the former one's settings behind", () => {
  const file = parseExperimentText(`${start}optimizer: { beta1: 0.8, learningRate: 0.1 }\n`, "churn.yaml");
  expect(checkExperiment(overrideExperiment(file, flags({ optimizer: { kind: "sgd" } }))).optimizer).toEqual({
    kind: "sgd",
    schedule: { kind: "cosine" },
  });
});

test("a mistake in a flag names the flag", () => {
  const file = parseExperimentText(start, "churn.yaml");
  expect(() => checkExperiment(overrideExperiment(file, flags({ epochs: 0 })))).toThrow(
    "--epochs must be a whole number of at least 1, found 0.",
  );
});

test("resolving fills in what needs the data", () => {
  const resolved = resolveExperiment(parse(`${start}optimizer: { kind: adamw, beta1: 0.8 }\nseed: 4\n`), {
    task: "classification",
    target: "churn",
    classes: 2,
    trainRows: 4226,
  });
  expect(resolved).toMatchObject({ loss: "binaryCrossEntropy", batchSize: 64, split: { seed: 4 }, data: { task: "classification" } });
  expect(resolved.optimizer).toEqual({
    kind: "adamw",
    learningRate: 0.003,
    schedule: { kind: "cosine", floor: 0 },
    beta1: 0.8,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0.2,
  });
});

test("the default batch grows with the root of the rows", () => {
  expect([1, 206, 4226, 12_000, 60_000, 10 ** 7].map(defaultBatchSize)).toEqual([16, 16, 64, 128, 256, 512]);
});

test("docs/experiment.schema.json is current", () => {
  const stored = readFileSync(new URL("../../docs/experiment.schema.json", import.meta.url), "utf8");
  expect(JSON.parse(stored), "npm run generate:schema").toEqual(experimentJsonSchema());
});

test("every key of the schema stands in docs/experiment.md", () => {
  const documented = readFileSync(new URL("../../docs/experiment.md", import.meta.url), "utf8");
  const schema = experimentJsonSchema() as { properties: Record<string, { properties?: Record<string, unknown> }> };
  const keys = Object.entries(schema.properties).flatMap(([key, value]) => [key, ...Object.keys(value.properties ?? {})]);
  for (const key of keys) expect(documented, key).toContain(`\`${key}\``);
});
