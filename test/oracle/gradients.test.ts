/**
 * Outputs and gradients against PyTorch's, in float64. fixtures/ is what gradients.py wrote, a case a line; where a Python with torch
 * is there, it writes them again and finds the same.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe as group, expect, test } from "vitest";
import { gradient } from "../../src/autodiff/gradient.ts";
import { evaluateGraph, toTensor } from "../../src/exec/reference.ts";
import { isFloat, type DType } from "../../src/ir/dtype.ts";
import { constant, graph, input, type Attributes, type Value } from "../../src/ir/graph.ts";
import { applyOp, ops, registry } from "../../src/ops/build.ts";
import type { NdArray } from "../../src/ops/op.ts";
import { largestError } from "../conformance/differences.ts";
import { needs, pythonWith } from "../support/require.ts";
import { withoutOracle } from "./without-oracle.ts";

interface Recorded {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: readonly number[];
  readonly constant?: boolean;
}

interface Case {
  readonly op: string;
  readonly attributes?: Attributes;
  readonly inputs: readonly (Recorded | null)[];
  readonly outputs: readonly Recorded[];
  readonly gradients: readonly (readonly number[] | null)[];
  /** Where PyTorch's own numbers are less exact. */
  readonly tolerance?: number;
}

const fixtures = join(import.meta.dirname, "fixtures");

function casesIn(folder: string, file: string): Case[] {
  return readFileSync(join(folder, file), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Case);
}

const files = readdirSync(fixtures).filter((file) => file.endsWith(".jsonl"));
const cases = files.flatMap((file) => casesIn(fixtures, file));

const array = ({ dtype, shape, data }: Recorded): NdArray => ({ dtype, shape, data: Float64Array.from(data) });
const numbers = (found: NdArray) => found.data as Float64Array;

/** The factor of element i of output k in the scalar that is differentiated. */
const weight = (i: number, k: number) => (((31 * i * i + 57 * i + 101 * k + 17) % 257) - 128) / 64;

function weighted(value: Value, shape: readonly number[], k: number): Value {
  const length = shape.reduce((a, b) => a * b, 1);
  const factors = constant(toTensor({ dtype: "float64", shape, data: Float64Array.from({ length }, (_, i) => weight(i, k)) }));
  const same = value.dtype === "float64" ? value : ops.Cast(value, { to: "float64" });
  return ops.ReduceSum(ops.Mul(same, factors), { keepdims: 0 });
}

/** The node applied to graph inputs, with what they are fed. */
function built({ op, attributes, inputs }: Case) {
  const feeds: Record<string, NdArray> = {};
  const values = inputs.map((given, i) => {
    if (!given) return null;
    if (given.constant) return constant(toTensor(array(given)));
    feeds[`x${i}`] = array(given);
    return input(`x${i}`, given.dtype, given.shape);
  });
  return { values, feeds, outputs: applyOp(op, values, attributes).outputs };
}

function evaluate(values: readonly Value[], inputs: readonly (Value | null)[], feeds: Readonly<Record<string, NdArray>>): NdArray[] {
  const made = graph({
    inputs: inputs.flatMap((value) => (value?.origin.kind === "input" ? [value] : [])),
    outputs: Object.fromEntries(values.map((value, i) => [`y${i}`, value])),
  });
  return Object.values(evaluateGraph(made, feeds));
}

const describe = ({ inputs, attributes = {} }: Case) =>
  [
    inputs.map((given) => (given ? `[${given.shape.join(", ")}]` : "nothing")).join(" and "),
    ...Object.entries(attributes).map(([key, value]) => `${key} ${String(value)}`),
  ].join(", ");

let [outputs, gradients] = [0, 0];

function check(recorded: Case): void {
  const { values, feeds, outputs: found } = built(recorded);
  const tolerance = recorded.tolerance ?? 1e-9;
  const compared = found.slice(0, recorded.outputs.length);
  expect(found.length).toBeGreaterThanOrEqual(recorded.outputs.length);
  evaluate(compared, values, feeds).forEach((result, k) => {
    const { shape, dtype, data } = recorded.outputs[k]!;
    expect(result.shape, `shape of output ${k}`).toEqual(shape);
    expect(isFloat(result.dtype), `output ${k} is ${result.dtype}, PyTorch's ${dtype}`).toBe(isFloat(dtype));
    const error = largestError(numbers(result), Float64Array.from(data));
    expect(error, `relative error of output ${k}: ${numbers(result).join(" ")} for ${data.join(" ")}`).toBeLessThanOrEqual(
      isFloat(dtype) ? tolerance : 0,
    );
    outputs++;
  });
  const scalar = compared
    .flatMap((value, k) => (isFloat(value.dtype) ? [weighted(value, recorded.outputs[k]!.shape, k)] : []))
    .reduce((a, b) => ops.Add(a, b));
  const asked = recorded.gradients.flatMap((expected, i) => (expected ? [{ i, expected, value: values[i]! }] : []));
  const made = evaluate(
    gradient(
      scalar,
      asked.map(({ value }) => value),
      undefined,
      { cut: "zeros" },
    ),
    values,
    feeds,
  );
  asked.forEach(({ i, expected }, at) => {
    expect(made[at]!.shape, `shape of the gradient of input ${i}`).toEqual(recorded.inputs[i]!.shape);
    const error = largestError(numbers(made[at]!), Float64Array.from(expected));
    const what = `relative error of the gradient of input ${i}: ${numbers(made[at]!).join(" ")} for ${expected.join(" ")}`;
    expect(error, what).toBeLessThanOrEqual(tolerance);
    gradients++;
  });
}

const covered = new Set(cases.map(({ op }) => op));

for (const op of covered) {
  group(op, () => {
    cases
      .filter((recorded) => recorded.op === op)
      .forEach((recorded, i) => test(`${op} ${i}: as PyTorch on ${describe(recorded)}`, () => check(recorded)));
  });
}

const withRule = Object.keys(registry).filter((op) => typeof registry[op]!.gradient === "function");

test("every operator with a gradient has cases or a reason why not", () => {
  expect(withRule.filter((op) => !covered.has(op) && !Object.hasOwn(withoutOracle, op))).toEqual([]);
  expect(Object.keys(withoutOracle).filter((op) => covered.has(op) || !withRule.includes(op))).toEqual([]);
});

test("every float among the inputs of a case is differentiated somewhere", () => {
  const asked = new Map<string, boolean>();
  for (const { op, inputs, gradients: each } of cases) {
    inputs.forEach((given, i) => {
      if (given?.dtype !== "float64") return;
      const key = `${op} input ${i}`;
      asked.set(key, asked.get(key) === true || each[i] !== null);
    });
  }
  const never = [...asked].filter(([, differentiated]) => !differentiated).map(([key]) => key);
  // Only the dtype is read; the length; which elements are dropped.
  expect(never.toSorted()).toEqual(["CastLike input 1", "Dropout input 1", "Range input 1"]);
});

/** Two recordings differ in nothing but the last digits. */
function compareRecorded(found: Case, expected: Case, where: string): void {
  const bare = ({ op, attributes, inputs, outputs: results, tolerance }: Case) => ({
    op,
    attributes,
    inputs,
    tolerance,
    outputs: results.map(({ dtype, shape }) => ({ dtype, shape })),
  });
  expect(bare(found), where).toEqual(bare(expected));
  const parts = (recorded: Case) => [...recorded.outputs.map(({ data }) => data), ...recorded.gradients];
  const others = parts(expected);
  const tolerance = expected.tolerance ?? 1e-9;
  parts(found).forEach((data, i) => {
    expect(data === null, where).toBe(others[i] === null);
    if (data) expect(largestError(Float64Array.from(data), Float64Array.from(others[i]!)), where).toBeLessThanOrEqual(tolerance);
  });
}

const python = pythonWith("torch");
const remedy = "apt-get install python3-torch, or set PYTHON to one that has it";

needs("Python's torch", python !== undefined, remedy)(
  "PyTorch computes what is recorded",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "gradus-oracle-"));
    try {
      execFileSync(python!, [join(import.meta.dirname, "gradients.py"), folder]);
      expect(readdirSync(folder).toSorted()).toEqual(files.toSorted());
      for (const file of files) {
        const [found, expected] = [casesIn(folder, file), casesIn(fixtures, file)];
        expect(found.length, file).toBe(expected.length);
        found.forEach((each, i) => compareRecorded(each, expected[i]!, `${file} line ${i + 1}`));
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
  300_000,
);

afterAll(() => {
  console.log(
    `${withRule.length} operators with a gradient: ${covered.size} as PyTorch in ${cases.length} cases (${outputs} outputs, ${gradients} gradients). Without:`,
  );
  for (const [op, reason] of Object.entries(withoutOracle)) console.log(`  ${op}: ${reason}`);
});
