/** ONNX Runtime in WebAssembly, in a real browser, against the native one. */
import { expect } from "vitest";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { chromium, needs } from "../support/require.ts";
import { bundle, runInBrowser } from "./run-in-browser.ts";
import { trainingSteps, type StepsTaken } from "./training-steps.ts";

const inChromium = needs("Chromium", chromium() !== undefined, "apt-get install chromium, or set CHROMIUM");

inChromium("the same 20 training steps, in both forms, agree with Node within 1e-5", async () => {
  for (const form of ["scan", "fused"] as const) {
    const found = (await runInBrowser(
      `
      import { onnxruntimeWeb } from "./src/exec/onnxruntime-web.ts";
      import { trainingSteps } from "./test/browser/training-steps.ts";
      export default (form) => trainingSteps(onnxruntimeWeb, 20, form);
    `,
      form,
    )) as StepsTaken;
    const expected = await trainingSteps(onnxruntimeNode, 20, form);
    expect(found.losses).toHaveLength(20);
    expect(found.losses[19]).toBeLessThan(found.losses[0]! / 2);
    for (const part of ["losses", "theta"] as const) {
      const worst = Math.max(...expected[part].map((value, i) => Math.abs(value - found[part][i]!)));
      expect(worst, `${form} ${part}`).toBeLessThan(1e-5);
    }
  }
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
