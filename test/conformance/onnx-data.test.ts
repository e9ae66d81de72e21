/** The ONNX project's node tests, as Debian ships them, on the interpreter and through ONNX Runtime; `docs/onnx-conformance.md` lists them. */
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { describe as group, expect } from "vitest";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { reference } from "../../src/exec/reference.ts";
import type { Executor, Tensors } from "../../src/exec/session.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import { readModel } from "../../src/onnx/read.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { needs, onnxTestData } from "../support/require.ts";
import { drawn } from "./exceptions.ts";
import { conformanceReport, type Outcome } from "./onnx-report.ts";
import { difference, loadCases, type DataCase } from "./onnx-data.ts";

const folder = onnxTestData();
const { cases, refused, outside } = folder
  ? loadCases(folder)
  : { cases: [], refused: new Map<string, string>(), outside: new Map<string, string>() };
const onTestData = needs(
  "the ONNX test data",
  folder !== undefined,
  "apt-get install libonnx-testdata, or set ONNX_TESTDATA to its data/node",
);
const outcomes = new Map<string, Outcome>();

/** What goes wrong with a case on an executor, in words; undefined where nothing does. */
async function complaint(executor: Executor, { sets }: DataCase, graph: DataCase["graph"]): Promise<string | undefined> {
  try {
    const session = await executor.compile(graph, { threads: 1 });
    try {
      for (const { feeds, expected } of sets) {
        const found = difference(await session.run(feeds), expected);
        if (found) return found;
      }
      return undefined;
    } finally {
      await session.dispose();
    }
  } catch (error) {
    return (error as Error).message;
  }
}

/** The same of the file as it came, in ONNX Runtime without us. */
async function complaintOfRuntime({ bytes, sets, frozen }: DataCase): Promise<string | undefined> {
  if (frozen.length > 0) return undefined;
  try {
    const session = await InferenceSession.create(bytes, { logSeverityLevel: 4, intraOpNumThreads: 1 });
    for (const { feeds, expected } of sets) {
      const inputs = Object.entries(feeds).map(
        ([name, { dtype, data, shape }]) => [name, new OrtTensor(dtype, data as Float32Array, shape)] as const,
      );
      const results = await session.run(Object.fromEntries(inputs));
      const tensors = Object.entries(results).map(([name, { type, dims, data }]) => [name, { dtype: type, shape: dims, data } as Tensor]);
      const found = difference(Object.fromEntries(tensors) as Tensors, expected);
      if (found) return found;
    }
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

group("ONNX's node tests", () => {
  for (const one of cases) {
    onTestData(one.name, async () => {
      const { graph } = readModel(writeModel(one.graph));
      const onReference = await complaint(reference, one, graph);
      if (Object.hasOwn(drawn, one.name)) return expect(onReference, "of random numbers").toMatch(drawn[one.name]!);
      const onRuntime = await complaint(onnxruntimeNode, one, graph);
      const runtimeItself = onRuntime === undefined ? undefined : await complaintOfRuntime(one);
      outcomes.set(one.name, { reference: onReference, runtime: onRuntime, runtimeItself });
      expect(onReference, "on the reference interpreter").toBeUndefined();
      if (runtimeItself === undefined) expect(onRuntime, "through ONNX Runtime, which runs the file as it came").toBeUndefined();
    });
  }

  onTestData("docs/onnx-conformance.md is what these tests find (vitest -u writes it)", async () => {
    const report = conformanceReport({ cases, outcomes, refused, outside, drawn });
    console.log(report.summary);
    expect(report.share, "of the cases within scope").toBeGreaterThanOrEqual(0.95);
    await expect(report.text).toMatchFileSnapshot("../../docs/onnx-conformance.md");
  });
});
