/** ONNX Runtime in WebAssembly, in a real browser, against the native one. */
import { expect } from "vitest";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { chromium, needs } from "../support/require.ts";
import { denseSteps } from "./dense-step.ts";
import { bundle, runInBrowser } from "./run-in-browser.ts";

const inChromium = needs("Chromium", chromium() !== undefined, "apt-get install chromium, or set CHROMIUM");

inChromium("gradients and 20 steps of a dense network agree with Node within 1e-5", async () => {
  const found = (await runInBrowser(`
    import { onnxruntimeWeb } from "./src/exec/onnxruntime-web.ts";
    import { denseSteps } from "./test/browser/dense-step.ts";
    export default (steps: number) => denseSteps(onnxruntimeWeb, steps);
  `, 20)) as Awaited<ReturnType<typeof denseSteps>>;
  const expected = await denseSteps(onnxruntimeNode, 20);
  expect(Object.keys(found.outputs)).toEqual(Object.keys(expected.outputs));
  for (const [name, numbers] of Object.entries(expected.outputs)) {
    numbers.forEach((number, i) => expect(Math.abs(found.outputs[name]![i]! - number), `${name}[${i}]`).toBeLessThan(1e-5));
  }
  expect(found.losses).toHaveLength(20);
  expected.losses.forEach((loss, i) => expect(Math.abs(found.losses[i]! - loss), `loss ${i}`).toBeLessThan(1e-5));
  expect(found.losses[19]).toBeLessThan(found.losses[0]! / 2);
});

inChromium("a page is told in our words that it has no WebGPU, and gets its executor by the import condition", async () => {
  const found = await runInBrowser(`
    import { compile } from "./src/exec/executor.ts";
    import { graph, input } from "./src/ir/graph.ts";
    import { tensor } from "./src/ir/tensor.ts";
    import { ops } from "./src/ops/build.ts";
    export default async () => {
      const made = graph({ outputs: { y: ops.Neg(input("x", "float32", [2])) } });
      const refusal = await compile(made, { device: "webgpu" }).then(() => "compiled", (error) => error.name + ": " + error.message);
      const session = await compile(made, { threads: 2 });
      const { y } = await session.run({ x: tensor("float32", [1, 2]) });
      return { refusal, y: [...y.data], memory: session.peakMemory() ?? null };
    };
  `);
  expect(found).toEqual({ refusal: expect.stringMatching(/^GradusError: onnxruntime-web .*"webgpu"/), y: [-1, -2], memory: null });
});

inChromium("a browser's bundle has nothing of Node's runtime in it", async () => {
  const script = await bundle(`export { compile } from "./src/exec/executor.ts";`);
  expect(script).not.toContain("onnxruntime_binding");
  expect(script).not.toContain("onnxruntime-node");
});
