import { expect, test } from "vitest";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { optimizerByName } from "../../src/optim/optimizers/index.ts";
import { scheduleByName } from "../../src/optim/schedules/index.ts";
import { fit } from "../../src/train/fit.ts";
import { judge, learningRateRange } from "../../src/train/learning-rate-range.ts";
import { rng } from "../../src/util/rng.ts";
import { cloudProblem, clouds } from "./problems.ts";

const problem = cloudProblem();
const data = clouds({ rows: 400 });
const executor = onnxruntimeNode;

test.each(["sgd", "adam"])(
  "%s: the suggested rate learns, ten thousand times less does not, and equal seeds give equal curves",
  async (kind) => {
    const options = { optimizer: optimizerByName(kind), batchSize: 20, executor };
    const found = await learningRateRange(problem, data, options);
    expect(found.curves.map(({ seed }) => seed)).toEqual([1, 2, 3]);
    expect(found.decades).toBeLessThan(1);
    const after = async (learningRate: number) => {
      const loop = { ...options, learningRate, schedule: scheduleByName("constant"), epochs: 5, seed: 9 };
      return (await fit(problem, { train: data }, loop)).history.at(-1)!.train.loss;
    };
    const good = await after(found.suggestion!);
    expect(good).toBeLessThan(0.5);
    expect(await after(found.suggestion! / 1e4)).toBeGreaterThan(2 * good);
    expect(await learningRateRange(problem, data, options)).toEqual(found);
  },
);

test("a loss that cannot fall gives no suggestion, and why", async () => {
  // Labels that have nothing to do with the inputs, every row its own batch's noise.
  const labels = new Float32Array(400 * 3);
  for (let row = 0; row < 400; row++) labels[3 * row + rng(3, "label", row).integer(3)] = 1;
  const noise = { features: tensor("float32", new Float32Array(400 * 8), [400, 8]), targets: tensor("float32", labels, [400, 3]) };
  const found = await learningRateRange(problem, noise, { optimizer: optimizerByName("sgd"), batchSize: 20, executor });
  expect(found.suggestion).toBeUndefined();
  expect(found.reason).toBe("with 3 of 3 seeds the loss never fell by a twentieth");
});

test("seeds more than a power of ten apart give none; nearer ones their geometric mean, to one digit", () => {
  const of = (...rates: (number | undefined)[]) => judge(rates.map((rate) => (rate === undefined ? {} : { suggestion: rate })));
  expect(of(0.001, 0.01, 0.011)).toEqual({ decades: Math.log10(0.011 / 0.001), reason: "the seeds disagree by 1.0 powers of ten" });
  expect(of(0.001, 0.002, 0.004)).toEqual({ decades: Math.log10(4), suggestion: 0.002 });
  expect(of(0.001, undefined, 0.001).suggestion).toBeUndefined();
});

test("rates that do not rise, or too few steps, are refused", async () => {
  const options = { optimizer: optimizerByName("sgd"), batchSize: 20, executor };
  await expect(learningRateRange(problem, data, { ...options, from: 1, to: 0.1 })).rejects.toThrow(
    "the rates must rise from above 0, found 1 to 0.1.",
  );
  await expect(learningRateRange(problem, data, { ...options, steps: 3 })).rejects.toThrow(
    "a range test takes at least 20 steps, found 3.",
  );
});
