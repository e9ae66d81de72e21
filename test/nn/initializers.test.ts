import { describe, expect, test } from "vitest";
import { initializers, initializerByName } from "../../src/nn/initializers/index.ts";
import { rng } from "../../src/util/rng.ts";

const moments = (values: Float32Array) => {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return { mean, variance: values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length };
};

describe("initialisers", () => {
  const expected = {
    lecunNormal: (n: number) => 1 / n,
    lecunUniform: (n: number) => 1 / n,
    heNormal: (n: number) => 2 / n,
    heUniform: (n: number) => 2 / n,
    glorotNormal: (n: number, units: number) => 2 / (n + units),
    glorotUniform: (n: number, units: number) => 2 / (n + units),
  };
  for (const [name, variance] of Object.entries(expected)) {
    test(`${name} has mean 0 and its variance, within sampling error`, () => {
      const [fanIn, fanOut] = [200, 300];
      const weights = new Float32Array(fanIn * fanOut);
      initializerByName(name).fill(weights, { fanIn, fanOut }, rng(1, name));
      const found = moments(weights);
      const goal = variance(fanIn, fanOut);
      expect(Math.abs(found.mean)).toBeLessThan(4 * Math.sqrt(goal / weights.length));
      // The variance of a sample variance is at most 2σ⁴/n for these laws.
      expect(Math.abs(found.variance / goal - 1)).toBeLessThan(4 * Math.sqrt(2 / weights.length));
    });
  }

  test("a neuron of four inputs draws weights of variance 0.25, and 0.5 under ReLU", () => {
    const weights = new Float32Array(400_000);
    initializers.lecunNormal.fill(weights, { fanIn: 4, fanOut: 1 }, rng(2, "a"));
    expect(moments(weights).variance).toBeCloseTo(0.25, 2);
    initializers.heNormal.fill(weights, { fanIn: 4, fanOut: 1 }, rng(2, "b"));
    expect(moments(weights).variance).toBeCloseTo(0.5, 2);
  });

  for (const [fanIn, fanOut] of [
    [20, 30],
    [30, 20],
    [25, 25],
  ] as const) {
    test(`orthogonal [${fanIn}, ${fanOut}] has orthonormal vectors along its smaller side`, () => {
      const weights = new Float32Array(fanIn * fanOut);
      initializers.orthogonal.fill(weights, { fanIn, fanOut }, rng(3, "o"));
      const vector = (i: number) =>
        fanIn <= fanOut ? [...weights.subarray(i * fanOut, (i + 1) * fanOut)] : [...weights].filter((_, at) => at % fanOut === i);
      for (let i = 0; i < Math.min(fanIn, fanOut); i++) {
        for (let j = 0; j <= i; j++) {
          const dot = vector(i).reduce((sum, x, k) => sum + x * vector(j)[k]!, 0);
          expect(dot).toBeCloseTo(i === j ? 1 : 0, 5);
        }
      }
    });
  }

  test("an unknown name is refused with the names there are", () => {
    expect(() => initializerByName("xavier")).toThrow('no initializer "xavier"');
  });
});
