/** The gradient check on the ONNX project's node tests; `docs/onnx-gradients.md` lists what it finds. */
import { describe as group, expect } from "vitest";
import { checkGradient } from "../../src/check/gradient-check.ts";
import { reference } from "../../src/exec/reference.ts";
import { needs, onnxTestData } from "../support/require.ts";
import { loadCases } from "./onnx-data.ts";
import { gradientCase, gradientsReport, type Checked } from "./onnx-gradients.ts";

const folder = onnxTestData();
const { cases } = folder ? loadCases(folder) : { cases: [] };
const onTestData = needs(
  "the ONNX test data",
  folder !== undefined,
  "apt-get install libonnx-testdata, or set ONNX_TESTDATA to its data/node",
);

/** Coordinates per input; random directions go through all of a larger one. */
const coordinates = 8;
/** Numbers in inputs and outputs beyond which random directions alone are taken. */
const many = 5000;

const checked = new Map<string, Checked>();
const without = new Map<string, string>();

group("gradients of ONNX's node tests", () => {
  for (const one of cases) {
    onTestData(one.name, async () => {
      const subject = gradientCase(one);
      if (typeof subject === "string") return void without.set(one.name, subject);
      const { feeds, expected } = one.sets[0]!;
      const numbers = [...Object.values(feeds), ...Object.values(expected)].reduce((sum, { data }) => sum + data.length, 0);
      const mode = numbers > many ? "fast" : "full";
      const { deterministic, tensors } = await checkGradient(subject, { executor: reference, mode, coordinates, locate: false });
      checked.set(one.name, { held: subject.held, tensors });
      expect(deterministic).toBe(true);
      const failed = tensors.filter(({ verdict }) => verdict === "failed");
      expect(failed.map(({ name, error, threshold, reason, worst }) => ({ name, error, threshold, reason, worst }))).toEqual([]);
    });
  }

  onTestData("docs/onnx-gradients.md is what these tests find (vitest -u writes it)", async () => {
    const report = gradientsReport(cases, checked, without);
    console.log(report.summary);
    await expect(report.text).toMatchFileSnapshot("../../docs/onnx-gradients.md");
  });
});
