/** Convolutions written for channels in blocks: the numbers of the oracle, and the same bits on any number of threads. */
import { describe, expect, it } from "vitest";
import { blockedConvolutions, convolutionBlock } from "../../src/exec/blocked-convolution.ts";
import { executor, nodePackage } from "../../src/exec/onnxruntime-node.ts";
import { reference } from "../../src/exec/reference.ts";
import { graph, input } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { modelProto } from "../../src/onnx/write.ts";
import { ops } from "../../src/ops/build.ts";
import { rng } from "../../src/util/rng.ts";

const geometries = [
  { pads: [1, 1, 1, 1] },
  {},
  { strides: [2, 2], pads: [1, 1, 1, 1] },
  { dilations: [2, 2] },
  { auto_pad: "SAME_UPPER", strides: [2, 2] },
  { pads: [0, 1, 2, 1], strides: [1, 2] },
] as const;
const weights = [
  [32, 16, 3, 3],
  [16, 16, 1, 1],
  [16, 48, 3, 2],
  [64, 32, 5, 5],
] as const;

const normal = (shape: readonly number[]) => {
  const random = rng(3, shape.join());
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    "float32",
    Float32Array.from({ length: size }, () => random.normal()),
    shape,
  );
};

const operators = (block: number, shape: readonly number[]) => {
  const y = ops.Conv(input("x", "float32", ["batch", shape[1]!, 11, 9]), input("w", "float32", shape));
  return modelProto(graph({ outputs: { y } }), { writeNode: blockedConvolutions(block) }).graph!.node.map(({ opType }) => opType);
};

describe("convolutions in blocks of channels", () => {
  it("finds a length of blocks on processors that have the kernel, by numbers", async () => {
    const runtime = await nodePackage.load({});
    expect([8, 16, undefined]).toContain(await convolutionBlock(runtime));
  });

  it("is written where channels and features fill blocks, and only there", () => {
    expect(operators(8, [16, 8, 3, 3])).toContain("ReorderOutput");
    expect(operators(8, [16, 4, 3, 3])).toEqual(["Conv"]);
    expect(operators(8, [12, 8, 3, 3])).toEqual(["Conv"]);
    expect(operators(16, [16, 8, 3, 3])).toEqual(["Conv"]);
  });

  it("reorders an input that several convolutions read once", () => {
    const x = input("x", "float32", ["batch", 16, 11, 9]);
    const y = ["a", "b"].map((name) => ops.Conv(x, input(name, "float32", [16, 16, 3, 3])));
    const written = modelProto(graph({ outputs: { y: y[0]!, z: y[1]! } }), { writeNode: blockedConvolutions(8) });
    expect(written.graph!.node.filter(({ opType }) => opType === "ReorderInput")).toHaveLength(1);
    expect(written.opsetImport.map(({ domain }) => domain)).toContain("com.microsoft.nchwc");
  });

  it("takes no name that the graph has", async () => {
    const shape = [16, 16, 1, 1];
    const y = ops.Conv(input("y input", "float32", [1, 16, 2, 2]), input("y weights", "float32", shape));
    const session = await executor.compile(graph({ outputs: { y } }), { threads: 1 });
    const identity = tensor(
      "float32",
      Float32Array.from({ length: 256 }, (_, i) => (i % 17 === 0 ? 1 : 0)),
      shape,
    );
    const x = normal([1, 16, 2, 2]);
    expect((await session.run({ "y input": x, "y weights": identity }))["y"]!.data).toEqual(x.data);
    await session.dispose();
  });

  describe.each(weights.map((shape) => ({ shape })))("weights $shape", ({ shape }) => {
    it.each(geometries.map((attributes) => ({ attributes, name: JSON.stringify(attributes) })))("$name", async ({ attributes }) => {
      const xShape = [3, shape[1], 11, 9];
      const x = input("x", "float32", ["batch", ...xShape.slice(1)]);
      const y = ops.Conv(x, input("w", "float32", shape), input("b", "float32", [shape[0]]), attributes);
      const model = graph({ outputs: { y } });
      const feeds = { x: normal(xShape), w: normal(shape), b: normal([shape[0]]) };
      const run = async (threads: number) => {
        const session = await executor.compile(model, { threads });
        const found = (await session.run(feeds))["y"]!;
        await session.dispose();
        return found;
      };
      const one = await run(1);
      const right = (await (await reference.compile(model)).run(feeds))["y"]!;
      expect(one.shape).toEqual(right.shape);
      const scale = Math.sqrt(shape[1] * shape[2] * shape[3]);
      (right.data as Float32Array).forEach((value, i) => {
        expect(Math.abs((one.data as Float32Array)[i]! - value)).toBeLessThan(1e-5 * scale);
      });
      for (const threads of [2, 4]) expect((await run(threads)).data).toEqual(one.data);
    });
  });
});
