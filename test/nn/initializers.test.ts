import { describe, expect, test } from "vitest";
import type { Initializer } from "../../src/nn/initializer.ts";
import { initializers, initializerByName } from "../../src/nn/initializers/index.ts";
import { activation } from "../../src/nn/layers/activation.ts";
import { dense } from "../../src/nn/layers/dense.ts";
import { loadModel, saveModel, type Model } from "../../src/nn/model.ts";
import { sequential, type Network } from "../../src/nn/network.ts";
import { initializeParameters, layoutParameters } from "../../src/nn/parameters.ts";
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

describe("an initialiser of one's own", () => {
  /** Counts, so that every weight tells where it came from; one draw shows which stream it was given. */
  const counting: Initializer["fill"] = (weights, { fanIn, fanOut }, random) => {
    weights.forEach((_, i) => (weights[i] = i + fanIn / 10 + fanOut / 100));
    weights[0] = random.normal();
  };
  const startOf = (network: Network, seed = 1) => {
    const layout = layoutParameters(network, [2]);
    const theta = new Float32Array(layout.size);
    initializeParameters(layout, theta, seed);
    return { layout, theta, weights: theta.subarray(layout.slots[0]!.offset, layout.slots[0]!.size) };
  };
  const networkWith = (initializer: Initializer | Initializer["fill"]) =>
    sequential([dense(3, { initializer }), activation("relu"), dense(1)]);

  test("fills its layer's weights from the fans and the stream of the seed, and no other layer's", () => {
    const own = startOf(networkWith(counting));
    expect([...own.weights.subarray(1)]).toEqual([...Float32Array.from([1, 2, 3, 4, 5], (i) => i + 0.2 + 0.03)]);
    expect(own.weights[0]).toBe(Math.fround(rng(1, "initialize dense_1/W").normal()));
    expect(startOf(networkWith(counting)).theta).toEqual(own.theta);
    expect(startOf(networkWith(counting), 2).weights[0]).not.toBe(own.weights[0]);
    const usual = startOf(sequential([dense(3), activation("relu"), dense(1)]));
    expect(own.theta.subarray(6)).toEqual(usual.theta.subarray(6));
  });

  test("goes by its own name, its function's, or `custom`", () => {
    const nameOf = (initializer: Parameters<typeof networkWith>[0]) =>
      layoutParameters(networkWith(initializer), [2]).slots[0]!.initializer;
    expect(nameOf({ name: "counted", fill: counting })).toHaveProperty("name", "counted");
    expect(nameOf(counting)).toHaveProperty("name", "counting");
    expect(dense(3, { initializer: (weights) => void weights.fill(1) }).initializer).toHaveProperty("name", "custom");
    expect(dense(3, { initializer: initializers.orthogonal }).initializer).toBe("orthogonal");
    expect(() => dense(3, { initializer: { name: "heNormal", fill: counting } })).toThrow('cannot be named "heNormal"');
  });

  test("is saved as its name, and a model loads without it; only a new start asks for it", () => {
    const network = networkWith(counting);
    const column = { kind: "standardise", sqlType: "DOUBLE", dtype: "float32", mean: 0, deviation: 1, indicator: false } as const;
    const model: Model = {
      network,
      loss: "meanSquared",
      plan: {
        columns: ["a", "b"].map((name) => ({ ...column, column: name })),
        features: ["a", "b"],
        target: { kind: "amount", name: "y", log: false, mean: 0, deviation: 1 },
        schema: { columns: [] },
      },
      theta: startOf(network).theta,
    };
    const { description, weights } = saveModel(model);
    expect(description.network.layers[0]).toEqual({ kind: "dense", units: 3, initializer: "counting" });
    const loaded = loadModel(JSON.parse(JSON.stringify(description)) as typeof description, weights);
    expect(loaded.theta).toEqual(model.theta);
    expect(() => startOf(loaded.network)).toThrow('no initializer "counting"');
  });
});
