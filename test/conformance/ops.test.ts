/** Every operator against its own evaluation, against differences, against ONNX Runtime: generated from the samples of the records. */
import { afterAll, describe as group, expect, test } from "vitest";
import { gradient } from "../../src/autodiff/gradient.ts";
import { evaluateGraph } from "../../src/exec/reference.ts";
import { isFloat } from "../../src/ir/dtype.ts";
import { graph, type Value } from "../../src/ir/graph.ts";
import { unifyShape } from "../../src/ir/shape.ts";
import { registry } from "../../src/ops/build.ts";
import type { NdArray } from "../../src/ops/op.ts";
import { verifyGraph } from "../../src/ops/verify.ts";
import { centralDifferences, relativeError } from "./differences.ts";
import { notInOnnxRuntime, notSymbolic, onceOnly, withoutGradient } from "./exceptions.ts";
import { build, describe, floatInputs, graphInputs, leadingSize, renaming, weightedSum, type AnySample, type Case } from "./sample.ts";

const numbered = (values: readonly Value[], prefix: string) => Object.fromEntries(values.map((value, i) => [`${prefix}${i}`, value]));

/** Outputs in order, by the interpreter. */
function evaluate(outputs: readonly Value[], inputs: readonly Value[], feeds: Readonly<Record<string, NdArray>>): NdArray[] {
  const made = graph({ outputs: numbered(outputs, "y"), inputs });
  verifyGraph(made);
  return Object.values(evaluateGraph(made, feeds));
}

/** Zeros where an operator goes in steps: that is what differences give. */
const slopes = (scalar: Value, wrt: readonly Value[]) => gradient(scalar, wrt, undefined, { cut: "zeros" });

const numbers = (array: NdArray) => array.data as Float64Array;

/** A scalar's gradient with respect to float inputs, beside its differences. */
function checkGradient(scalar: Value, made: Case, wrt: readonly Value[], tolerance: number): { values: Value[]; arrays: NdArray[] } {
  const inputs = graphInputs(made);
  const values = slopes(scalar, wrt);
  const arrays = evaluate(values, inputs, made.feeds);
  const forward = graph({ outputs: { scalar }, inputs });
  wrt.forEach((value, i) => {
    const name = value.name!;
    const fed = made.feeds[name]!;
    expect(arrays[i]!.shape, `shape of the gradient of ${name}`).toEqual(fed.shape);
    expect(values[i]!.dtype, `dtype of the gradient of ${name}`).toBe(value.dtype);
    const f = (data: Float64Array) => numbers(evaluateGraph(forward, { ...made.feeds, [name]: { ...fed, data } })["scalar"]!)[0]!;
    expect(
      relativeError(numbers(arrays[i]!), centralDifferences(f, numbers(fed))),
      `relative error of the gradient of ${name}`,
    ).toBeLessThanOrEqual(tolerance);
  });
  return { values, arrays };
}

function checkInference(op: string, sample: AnySample): void {
  const made = build(op, sample, "float64");
  const arrays = evaluate(made.outputs, graphInputs(made), made.feeds);
  made.outputs.forEach((value, i) => {
    expect(value.dtype).toBe(arrays[i]!.dtype);
    expect(unifyShape(value.shape, arrays[i]!.shape, new Map()), `inferred [${value.shape}], evaluated [${arrays[i]!.shape}]`).toBe(true);
  });
  const sizes = new Set(graphInputs(made).flatMap(({ shape }) => shape.filter((dim) => dim !== 1)));
  for (const size of sizes) {
    const symbolic = build(op, sample, "float64", renaming(size as number));
    symbolic.outputs.forEach((value, i) => {
      const fits = unifyShape(value.shape, arrays[i]!.shape, new Map([["n", size as number]]));
      expect(fits, `with n for ${size}: inferred [${value.shape}], evaluated [${arrays[i]!.shape}]`).toBe(true);
    });
  }
}

const reasons = new Map<string, string>();

for (const [op, record] of Object.entries(registry)) {
  group(op, () => {
    test(`${op}: has two samples or more`, () => expect(record.samples.length).toBeGreaterThanOrEqual(2));

    for (const sample of record.samples) {
      const text = describe(sample);
      const key = `${op}: ${text}`;

      test(`${op}: inference agrees with evaluation on ${text}`, () => {
        if (!Object.hasOwn(notSymbolic, key)) return checkInference(op, sample);
        expect(() => checkInference(op, sample)).toThrow(notSymbolic[key]!);
      });

      const made = build(op, sample, "float64");
      const wrt = floatInputs(made);
      const floats = made.outputs.some(({ dtype }) => isFloat(dtype));
      if (typeof record.gradient !== "function") {
        reasons.set(op, record.gradient.none);
        if (floats && wrt.length > 0) {
          test(`${op}: may be without a gradient on ${text}`, () => expect(Object.keys(withoutGradient)).toContain(op));
        }
        continue;
      }
      if (!floats || wrt.length === 0) continue;

      const shapes = () => evaluate(made.outputs, graphInputs(made), made.feeds).map(({ shape }) => shape);
      test(`${op}: gradient agrees with central differences on ${text}`, () => {
        const { arrays } = checkGradient(weightedSum(made.outputs, shapes(), key), made, wrt, 1e-7);
        if (Object.hasOwn(notSymbolic, key)) return;
        // The same with a symbolic leading dimension.
        const symbolic = build(op, sample, "float64", renaming(leadingSize(made)));
        const again = floatInputs(symbolic);
        const values = slopes(weightedSum(symbolic.outputs, shapes(), key), again);
        evaluate(values, graphInputs(symbolic), made.feeds).forEach((array, i) =>
          expect(relativeError(numbers(array), numbers(arrays[i]!)), "with a symbolic leading dimension").toBeLessThanOrEqual(1e-12),
        );
      });

      test(`${op}: second derivatives agree with differences of the first on ${text}`, () => {
        const check = () => {
          const first = slopes(weightedSum(made.outputs, shapes(), key), wrt);
          const firstShapes = wrt.map(({ shape }) => shape as readonly number[]);
          checkGradient(weightedSum(first, firstShapes, `second ${key}`), made, wrt, 1e-6);
        };
        if (!Object.hasOwn(onceOnly, op)) return check();
        expect(check).toThrow(onceOnly[op]!);
      });
    }
  });
}

test("every excuse names a sample or an operator that is there", () => {
  const keys = new Set(
    Object.entries(registry).flatMap(([op, { samples }]) => [op, ...samples.map((sample) => `${op}: ${describe(sample)}`)]),
  );
  const excuses = [withoutGradient, notSymbolic, onceOnly, notInOnnxRuntime].flatMap((list) => Object.keys(list));
  expect(excuses.filter((key) => !keys.has(key))).toEqual([]);
});

afterAll(() => {
  const withRule = Object.entries(registry).filter(([, { gradient: rule }]) => typeof rule === "function");
  console.log(`${Object.keys(registry).length} operators, ${withRule.length} with a gradient. Without:`);
  for (const [op, reason] of reasons) console.log(`  ${op}: ${reason}`);
});
