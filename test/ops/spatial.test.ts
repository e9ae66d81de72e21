/** Convolutions and pools beyond what their samples show: ties, geometry with names, what people get wrong. */
import { describe, expect, test } from "vitest";
import { gradient } from "../../src/autodiff/gradient.ts";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { reference } from "../../src/exec/reference.ts";
import type { Executor } from "../../src/exec/session.ts";
import { graph, input, type Value } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { ops } from "../../src/ops/build.ts";

const image = (...sizes: (number | string)[]) => input("x", "float32", ["batch", ...sizes]);
const weights = (...shape: number[]) => input("w", "float32", shape);

describe.each([["the reference", reference] as const, ["ONNX Runtime", onnxruntimeNode] as const])("on %s", (_, executor: Executor) => {
  const run = async (y: Value, feeds: Record<string, { shape: number[]; data: number[] }>) => {
    const session = await executor.compile(graph({ outputs: { y } }));
    const tensors = Object.entries(feeds).map(([name, { shape, data }]) => [name, tensor("float32", data, shape)]);
    const result = await session.run(Object.fromEntries(tensors));
    await session.dispose();
    return [...(result["y"]!.data as Float32Array)];
  };

  test("of equal maxima the first in row-major order gets the gradient, as in PyTorch", async () => {
    const x = image(1, 2, 4);
    const [y] = ops.MaxPool(x, { kernel_shape: [2, 2], strides: [2, 2] });
    const [dx] = gradient(ops.ReduceSum(y!, { keepdims: 0 }), [x]);
    // 1 1 | 2 3
    // 1 1 | 3 3
    const data = [1, 1, 2, 3, 1, 1, 3, 3];
    expect(await run(dx!, { x: { shape: [1, 1, 2, 4], data } })).toEqual([1, 0, 0, 1, 0, 0, 0, 0]);
  });

  test("where windows overlap, an element gets the gradient of every window it wins", async () => {
    const x = image(1, 5);
    const [y] = ops.MaxPool(x, { kernel_shape: [3], strides: [1] });
    const [dx] = gradient(ops.ReduceSum(y!, { keepdims: 0 }), [x]);
    expect(await run(dx!, { x: { shape: [1, 1, 5], data: [0, 7, 7, 7, 0] } })).toEqual([0, 2, 1, 0, 0]);
  });

  test("of equal global maxima the first gets the gradient", async () => {
    const x = image(2, 3);
    const [dx] = gradient(ops.ReduceSum(ops.GlobalMaxPool(x), { keepdims: 0 }), [x]);
    expect(await run(dx!, { x: { shape: [1, 2, 3], data: [1, 2, 2, 5, 5, 5] } })).toEqual([0, 1, 0, 1, 0, 0]);
  });

  test("padding is no maximum, whatever the sign", async () => {
    const [y] = ops.MaxPool(image(1, 3), { kernel_shape: [2], pads: [1, 1] });
    expect(await run(y!, { x: { shape: [1, 1, 3], data: [-1, -2, -3] } })).toEqual([-1, -1, -2, -3]);
  });

  test("a p-norm of zeros has the gradient 0", async () => {
    const x = image(1, 4);
    const [dx] = gradient(ops.ReduceSum(ops.LpPool(x, { kernel_shape: [2], strides: [2] }), { keepdims: 0 }), [x]);
    expect(await run(dx!, { x: { shape: [1, 1, 4], data: [0, 0, 0, -2] } })).toEqual([0, 0, 0, -1]);
  });

  test("a last window that only ceil_mode admits must begin inside the input", async () => {
    const [y] = ops.MaxPool(image(1, 4), { kernel_shape: [2], strides: [3], ceil_mode: 1 });
    expect(await run(y!, { x: { shape: [1, 1, 4], data: [1, 2, 3, 4] } })).toEqual([2, 4]);
    const [z] = ops.MaxPool(image(1, 3), { kernel_shape: [2], strides: [3], pads: [0, 1], ceil_mode: 1 });
    expect(await run(z!, { x: { shape: [1, 1, 3], data: [1, 2, 3] } })).toEqual([2]);
  });
});

test("the batch keeps its name, and so do sizes that windows do not change", () => {
  expect(ops.Conv(image(3, 28, 28), weights(8, 3, 5, 5), { pads: [2, 2, 2, 2] }).shape).toEqual(["batch", 8, 28, 28]);
  expect(ops.Conv(image(3, "h", "w"), weights(8, 3, 3, 1), { pads: [1, 0, 1, 0] }).shape).toEqual(["batch", 8, "h", "w"]);
  expect(ops.Conv(image(3, "h"), weights(8, 3, 4), { auto_pad: "SAME_UPPER" }).shape).toEqual(["batch", 8, "h"]);
  expect(ops.ConvTranspose(image(3, "h"), weights(3, 8, 2), { strides: [2] }).shape).toEqual(["batch", 8, "2*h"]);
  expect(ops.ConvTranspose(image(3, 7), weights(3, 4, 3), { strides: [2], output_padding: [1], pads: [1, 1], group: 3 }).shape).toEqual([
    "batch",
    12,
    14,
  ]);
  expect(ops.MaxPool(image(3, 28, 28), { kernel_shape: [2, 2], strides: [2, 2] })[1]).toMatchObject({
    dtype: "int64",
    shape: ["batch", 3, 14, 14],
  });
  expect(ops.GlobalAveragePool(image(3, "h", "w")).shape).toEqual(["batch", 3, 1, 1]);
});

test("what does not fit is said with shapes, operator and names", () => {
  const says = (build: () => unknown, ...parts: (string | RegExp)[]) => {
    for (const part of parts) expect(build).toThrow(part);
  };
  says(() => ops.Conv(image(3, 8, 8), weights(4, 2, 3, 3)), "Conv(x float32[batch, 3, 8, 8], w float32[4, 2, 3, 3])", "2 against 3");
  says(() => ops.Conv(image(4, 8, 8), weights(4, 4, 3, 3), { group: 2 }), "in 2 groups", "4 against 2");
  says(() => ops.Conv(image(4, 8, 8), weights(3, 2, 3, 3), { group: 2 }), "3 features do not divide into 2 groups");
  says(() => ops.Conv(image(3, 8, 8), weights(4, 3, 3)), "as many axes as the input, 4");
  says(() => ops.Conv(image(3, 2, 8), weights(4, 3, 3, 3)), "a window of 3 does not fit into an axis of 2");
  says(
    () => ops.Conv(image(3, 8), weights(4, 3, 3), input("b", "float32", [5])),
    "the bias [5] must have one element for each of 4 features",
  );
  says(() => ops.Conv(image(3, 8), weights(4, 3, 3), { pads: [1, 1], auto_pad: "VALID" }), "exclude each other");
  says(() => ops.Conv(image(3, 8), weights(4, 3, 3), { strides: [0] }), "strides must be 1 or more, got [0]");
  says(() => ops.Conv(image(3, 8), weights(4, 3, 3), { kernel_shape: [5] }), "kernel_shape [5] differs from that of weights [4, 3, 3]");
  says(() => ops.ConvTranspose(image(3, 8), weights(4, 3, 3)), "do not fit the channels of [batch, 3, 8]");
  says(() => ops.ConvTranspose(image(3, 8), weights(3, 4, 3), { output_padding: [2] }), "output_padding 2 must be less than the stride 1");
  says(() => ops.MaxPool(image(3, 8, 8), { kernel_shape: [2] }), "kernel_shape [2] must have 2 elements for [batch, 3, 8, 8]");
  says(() => ops.AveragePool(image(3, 8), { kernel_shape: [2], pads: [2, 0] }), "pads [2, 0] must be smaller than the kernel [2]");
  says(() => ops.GlobalMaxPool(input("x", "float32", ["batch", 3])), "expected [batch, channels, spatial…], got [batch, 3]");
  const pooled = ops.AveragePool(image(3, "h"), { kernel_shape: [2] });
  says(
    () => gradient(ops.ReduceSum(pooled, { keepdims: 0 }), [pooled.origin.kind === "node" ? pooled.origin.node.inputs[0]! : pooled]),
    "known spatial sizes",
  );
});
