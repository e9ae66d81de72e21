import { expect, test } from "vitest";
import { readTable } from "../../src/data/read-table.ts";
import { dense } from "../../src/nn/layers/dense.ts";
import { sequential } from "../../src/nn/network.ts";
import { fitTable, splitTable } from "../../src/train/fit-table.ts";
import { chooseClasses } from "../../src/train/predict.ts";
import { file, gradus, gradusJson, runs, table, workFolder } from "./support.ts";

workFolder();
file("data.csv", table(60));

const start = "data: { path: data.csv, target: label }\n";
async function refused(yaml: string): Promise<string> {
  const { status, out, err } = await gradus(["train", "--experiment", file("e.yaml", yaml)]);
  expect([status, out]).toEqual([2, ""]);
  expect(err).not.toMatch(/defect/);
  expect(runs()).toEqual([]);
  return err;
}

test.each([
  ["beta1: 1", "a number from 0 to below 1, found 1."],
  ["beta2: -0.1", "a number from 0 to below 1, found -0.1."],
  ["epsilon: 0", "a number above 0, found 0."],
  ["weightDecay: -1", "a number of at least 0, found -1."],
  ["learningRate: 0", "a number above 0, found 0."],
  ["kind: momentum, momentum: 1.5", "a number from 0 to below 1, found 1.5."],
  ["kind: rmsprop, decay: 2", "a number from 0 to below 1, found 2."],
])("optimizer settings have ranges: %s", async (settings, message) => {
  expect(await refused(`${start}optimizer: { ${settings} }\n`)).toContain(`must be ${message}`);
});

test("an alias without an anchor, and a bomb of aliases, are refused with their line", async () => {
  expect(await refused("data:\n  path: data.csv\n  target: *y\n")).toBe(
    'error: e.yaml, line 3: not an experiment: "*y" repeats an anchor "&y", and there is none before it.\n' +
      '  a text that starts with * is written in quotes: "*y"\n',
  );
  const layer = (name: string, of: string) => `${name}: &${name} [${Array.from({ length: 9 }, () => of).join(", ")}]\n`;
  const bomb = `${layer("a", "1")}${layer("b", "*a")}${layer("c", "*b")}${layer("d", "*c")}`;
  expect(await refused(`${start}${bomb}`)).toMatch(/^error: e.yaml, line \d: not an experiment: aliases such as "\*\w" repeat too much/);
});

test("an empty data path is said to be one", async () => {
  expect(await refused('data: { path: "", target: y }\n')).toBe(
    'error: e.yaml, line 1: data.path must be the path of a data file, found "".\n',
  );
});

test("a column whose name has a comma is dropped by its name in quotes", async () => {
  file("comma.csv", table(60).replace("width,height", '"a,b",height'));
  const args = ["train", "comma.csv", "--target", "label", "--epochs", "1", "--out", "comma"];
  const { status, lines } = await gradusJson([...args, "--drop", '"a,b", amount']);
  expect(status).toBe(0);
  expect(lines.find(({ type }) => type === "data")).toMatchObject({ numeric: 1, categorical: 1 });
});

test("an error after Ctrl-C is reported as what it is", async () => {
  const { status, err } = await gradus(["train", "nowhere.csv", "--target", "y"], { interrupt: (press) => press() });
  expect(status).toBe(2);
  expect(err).toMatch(/^error: no file nowhere.csv/);
});

test("a tie is the first class, as in model.onnx; from a threshold on it is the second", () => {
  const tie = { kind: "classes", classes: ["no", "yes"], probabilities: Float32Array.of(0.5, 0.5, 0.4, 0.6) } as const;
  expect([...chooseClasses(tie)]).toEqual([0, 1]);
  expect([...chooseClasses(tie, 0.5)]).toEqual([1, 1]);
});

test("a network whose output does not fit the target is refused with both numbers", async () => {
  const parts = splitTable(await readTable("data.csv", { target: "label" }));
  await expect(fitTable(sequential([dense(3)]), parts)).rejects.toThrow(
    'the network must end in 1 unit for target "label" (2 classes), found 3.',
  );
});
