import { describe, expect, test } from "vitest";
import { readTable } from "../../src/data/read-table.ts";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { optimizerByName } from "../../src/optim/optimizers/index.ts";
import { scheduleByName } from "../../src/optim/schedules/index.ts";
import { checkExperiment } from "../../src/train/experiment-file.ts";
import { mlp } from "../../src/train/model-choice.ts";
import { fitTable, splitTable, type FitTableOptions } from "../../src/train/fit-table.ts";
import { fit, type FitOptions } from "../../src/train/fit.ts";
import { GradusError } from "../../src/util/errors.ts";
import { penguins } from "../cli/support.ts";
import { cloudProblem, clouds } from "./problems.ts";

/** The message of a mistake that a person can mend. */
async function refusal(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    expect(error).toBeInstanceOf(GradusError);
    return (error as Error).message;
  }
  throw new Error("nothing was refused");
}

const fromFile = (value: object) => () =>
  checkExperiment({
    value: { data: { path: penguins, target: "species" }, ...value },
    place: () => undefined,
    subject: (path) => String(path[path.length - 1]),
  });
const parts = splitTable(await readTable(penguins, { target: "species" }));
const fromCall = (options: FitTableOptions) => () => fitTable(mlp({ layers: [] }), parts, { epochs: 1, ...options });

describe("a number out of its range is refused alike in an experiment and in a call", () => {
  const settings = [
    ["adam", "learningRate", 0, "a number above 0"],
    ["adam", "learningRate", NaN, "a number above 0"],
    ["adam", "beta1", 1, "a number from 0 to below 1"],
    ["adam", "beta2", -0.1, "a number from 0 to below 1"],
    ["adam", "epsilon", 0, "a number above 0"],
    ["adamw", "weightDecay", -1, "a number of at least 0"],
    ["momentum", "momentum", 1, "a number from 0 to below 1"],
    ["nesterov", "momentum", -0.5, "a number from 0 to below 1"],
    ["rmsprop", "decay", 1.5, "a number from 0 to below 1"],
  ] as const;
  for (const [kind, name, value, expected] of settings) {
    test(`${kind}: ${name} ${value}`, async () => {
      const message = `${name} must be ${expected}, found ${value}.`;
      const optimizer = { kind, [name]: value };
      expect(await refusal(fromFile({ optimizer }))).toBe(message);
      expect(await refusal(fromCall({ optimizer }))).toBe(message);
      if (name !== "learningRate") expect(await refusal(() => optimizerByName(kind, { [name]: value }))).toBe(message);
    });
  }

  const loop = [
    ["epochs", 0, "a whole number of at least 1"],
    ["epochs", 1.5, "a whole number of at least 1"],
    ["batchSize", 0, "a whole number of at least 1"],
    ["batchSize", Infinity, "a whole number of at least 1"],
    ["seed", -1, "a whole number of at least 0"],
    ["seed", 2 ** 53, "a whole number of at least 0"],
  ] as const;
  const datasets = { train: clouds({ rows: 40 }) };
  const usual: FitOptions = {
    optimizer: optimizerByName("sgd"),
    learningRate: 0.1,
    schedule: scheduleByName("constant"),
    epochs: 1,
    batchSize: 8,
    seed: 1,
    executor: onnxruntimeNode,
  };
  for (const [name, value, expected] of [...loop, ["learningRate", -1, "a number above 0"]] as const) {
    test(`${name} ${value}`, async () => {
      const message = `${name} must be ${expected}, found ${value}.`;
      expect(await refusal(() => fit(cloudProblem(), datasets, { ...usual, [name]: value }))).toBe(message);
      if (name === "learningRate") return;
      expect(await refusal(fromFile({ [name]: value }))).toBe(message);
      expect(await refusal(fromCall({ [name]: value }))).toBe(message);
    });
  }
});

test("a setting that an optimizer has not, or that is no number, is refused, not left unread", async () => {
  expect(await refusal(fromCall({ optimizer: { kind: "sgd", momentum: 0.9 } }))).toBe('optimizer sgd has no setting "momentum".');
  expect(await refusal(fromCall({ optimizer: { kind: "adam", bata1: 0.9 } }))).toBe('optimizer adam has no setting "bata1".');
  expect(await refusal(fromCall({ optimizer: { kind: "adam", beta1: "0.9" } }))).toMatch(/^beta1 must be a number .* found "0.9"\.$/);
});

test("a bound that belongs to the range is taken", () => {
  expect(optimizerByName("adamw", { beta1: 0, weightDecay: 0, epsilon: undefined }).settings).toEqual({
    beta1: 0,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0,
  });
});
