/** ONNX Runtime in float32 against the float64 interpreter: every operator and its gradient, generated from the samples. */
import { describe as group, expect, test } from "vitest";
import { gradient } from "../../src/autodiff/gradient.ts";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { evaluateGraph, toNdArray, toTensor } from "../../src/exec/reference.ts";
import { isFloat } from "../../src/ir/dtype.ts";
import { graph, type Graph, type Value } from "../../src/ir/graph.ts";
import { registry } from "../../src/ops/build.ts";
import { largestError } from "./differences.ts";
import { notInOnnxRuntime, notSymbolic } from "./exceptions.ts";
import { build, describe, floatInputs, graphInputs, leadingSize, renaming, weightedSum, type Case } from "./sample.ts";

const graphOf = (values: readonly Value[], made: Case): Graph =>
  graph({ outputs: Object.fromEntries(values.map((value, i) => [`y${i}`, value])), inputs: graphInputs(made) });

/** Runs both and compares, relative to the largest number of each output. */
async function compare(made: Graph, feeds: Case["feeds"], tolerance: number): Promise<void> {
  const expected = evaluateGraph(made, feeds);
  const session = await onnxruntimeNode.compile(made, { threads: 1 });
  try {
    const results = await session.run(Object.fromEntries(Object.entries(feeds).map(([name, array]) => [name, toTensor(array)])));
    for (const [name, array] of Object.entries(expected)) {
      const result = toNdArray(results[name]!);
      expect(result.dtype, "dtype").toBe(array.dtype);
      expect([...result.shape], "shape").toEqual([...array.shape]);
      if (array.dtype === "string") expect(result.data).toEqual(array.data);
      else {
        const error = largestError(result.data as Float64Array, array.data as Float64Array);
        expect(error, `error of ${name}: ${result.data} against ${array.data}`).toBeLessThanOrEqual(isFloat(array.dtype) ? tolerance : 0);
      }
    }
  } finally {
    await session.dispose();
  }
}

for (const [op, record] of Object.entries(registry)) {
  group(op, () => {
    const tolerance = record.tolerance ?? 1e-5;
    for (const sample of record.samples) {
      const key = `${op}: ${describe(sample)}`;
      const missing = Object.hasOwn(notInOnnxRuntime, key) ? notInOnnxRuntime[key] : undefined;
      const made = build(op, sample, "float32");

      test(`${op}: ONNX Runtime ${missing ? "refuses" : "agrees with the reference on"} ${describe(sample)}`, async () => {
        const run = compare(graphOf(made.outputs, made), made.feeds, tolerance);
        await (missing ? expect(run).rejects.toThrow(missing) : run);
      });

      const floats = made.outputs.some(({ dtype }) => isFloat(dtype));
      if (missing || typeof record.gradient !== "function" || !floats || floatInputs(made).length === 0) continue;
      const shapes = () => Object.values(evaluateGraph(graphOf(made.outputs, made), made.feeds)).map(({ shape }) => shape);

      test(`${op}: ONNX Runtime agrees with the reference on the gradient on ${describe(sample)}`, async () => {
        const variants = Object.hasOwn(notSymbolic, key) ? [made] : [made, build(op, sample, "float32", renaming(leadingSize(made)))];
        for (const variant of variants) {
          const values = gradient(weightedSum(variant.outputs, shapes(), key, "float32"), floatInputs(variant), undefined, {
            cut: "zeros",
          });
          await compare(graphOf(values, variant), variant.feeds, tolerance);
        }
      });
    }
  });
}
