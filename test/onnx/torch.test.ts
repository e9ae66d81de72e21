/** Networks as PyTorch exported them: what we make of a file is what ONNX Runtime makes of it. */
import ort from "onnxruntime-node";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe as group, expect, test } from "vitest";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { reference } from "../../src/exec/reference.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import { describeModel } from "../../src/onnx/describe.ts";
import { readModel } from "../../src/onnx/read.ts";
import { rng } from "../../src/util/rng.ts";
import { difference } from "../conformance/onnx-data.ts";

const folder = join(import.meta.dirname, "fixtures");

const shapes: Readonly<Record<string, readonly number[]>> = { mlp: [3, 6], cnn: [3, 1, 14, 14], lstm: [3, 5] };

function example(kind: string): Tensor {
  const shape = shapes[kind]!;
  const random = rng(3, kind);
  const length = shape.reduce((a, b) => a * b, 1);
  return kind === "lstm"
    ? { dtype: "int64", shape, data: BigInt64Array.from({ length }, () => BigInt(random.integer(9))) }
    : { dtype: "float32", shape, data: Float32Array.from({ length }, () => random.normal()) };
}

group("PyTorch's files", () => {
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".onnx"))) {
    test(name, async () => {
      const bytes = new Uint8Array(readFileSync(join(folder, name)));
      const x = example(name.split("-")[0]!);
      const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 4, intraOpNumThreads: 1 });
      const original = await session.run({ x: new ort.Tensor(x.dtype, x.data as Float32Array, [...x.shape]) });
      await session.release();
      const { graph } = readModel(bytes);
      expect(graph.outputs.map((output) => output.name)).toEqual(session.outputNames);
      const expected = Object.fromEntries(
        Object.entries(original).map(([key, { type, dims, data }]) => [key, { dtype: type, shape: dims, data } as Tensor]),
      );
      for (const executor of [reference, onnxruntimeNode]) {
        const ours = await executor.compile(graph, { threads: 1 });
        expect(difference(await ours.run({ x }), expected), executor.name).toBeUndefined();
        await ours.dispose();
      }
    });
  }

  const described = (name: string) => describeModel(readModel(readFileSync(join(folder, name))).graph);

  test("keep their parameters, by name, and shapes that exporters compute in the graph, at any opset", () => {
    for (const opset of [9, 11, 13, 16, 17]) {
      const cnn = described(`cnn-${opset}.onnx`);
      // Batch normalisation is folded into the first convolution.
      expect(cnn.parameters).toBe(4 * 9 + 4 + 6 * 2 * 9 + 6 + 96 * 3 + 3);
      expect(cnn.rows.flatMap(({ weights }) => weights)).toEqual(expect.arrayContaining(["deep.weight", "head.weight", "head.bias"]));
      expect(cnn.multiplyAdds).toBe(14 * 14 * 4 * 9 + 8 * 8 * 6 * 2 * 9 + 96 * 3);
      expect(cnn.rows.find(({ op }) => op === "Resize")?.outputs[0]?.shape).toEqual(["batch", 4, 18, 18]);
    }
  });

  test("a recurrent layer multiplies its weights once a step, and sizes may be named", () => {
    const { graph } = readModel(readFileSync(join(folder, "lstm-17.onnx")));
    // Two directions, four gates of 5 units over 4 inputs and 5 states, 5 steps.
    const step = 2 * 4 * 5 * (4 + 5);
    expect(describeModel(graph).multiplyAdds).toBe(5 * step + 20);
    expect(describeModel(graph, { batch: 32 }).multiplyAdds).toBe(32 * (5 * step + 20));
  });
});
