/** The signal by depth: the lecture's ten layers to the digit, theory for random ones, and the picture. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { reference } from "../../src/exec/reference.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { activation } from "../../src/nn/layers/activation.ts";
import { dense } from "../../src/nn/layers/dense.ts";
import { measureSignal } from "../../src/preflight/signal.ts";
import { profilePicture, signalPicture } from "../../src/preflight/signal-picture.ts";
import { chiSquareTwoSided } from "../../src/util/special.ts";
import { problemOf, rowsFor } from "./planted.ts";

const n = 8;
const ones = tensor("float32", new Float32Array(n).fill(1), [1, n]);

/** Ten layers, W = w·I in each. */
function tenLayers(w: number) {
  const initializer = (weights: Float32Array) => {
    for (let i = 0; i < n; i++) weights[i * n + i] = w;
  };
  return problemOf(
    Array.from({ length: 10 }, () => dense(n, { initializer })),
    "meanSquared",
    n,
    n,
  );
}

describe("the lecture's ten linear layers (spec §5)", () => {
  test.each([
    [1.5, 38.443359375],
    [0.5, 0.001953125],
  ])("%d·I nine times multiplies the signal by %d, forward and back", async (w, total) => {
    for (const executor of [undefined, reference]) {
      const { layers, forwardFactor, backwardFactor } = await measureSignal(
        tenLayers(w),
        { features: ones, targets: ones },
        executor ? { executor } : {},
      );
      expect(layers.map(({ name }) => name)).toEqual(Array.from({ length: 10 }, (_, i) => `dense_${i + 1}`));
      expect(layers[0]!.forward).toBe(w);
      expect(layers[9]!.forward / layers[0]!.forward).toBe(total);
      expect(forwardFactor).toBeCloseTo(w, 12);
      expect(backwardFactor).toBeCloseTo(w, 6);
    }
  });
});

test("a signal of 10⁻³⁰ is still measured, though its square is no float32", async () => {
  const initializer = (weights: Float32Array) => weights.forEach((_, i) => (weights[i] = i % (n + 1) === 0 ? 1e-3 : 0));
  const problem = problemOf(
    Array.from({ length: 10 }, () => dense(n, { initializer })),
    "meanSquared",
    n,
    n,
  );
  const { layers } = await measureSignal(problem, { features: ones, targets: ones });
  expect(layers[9]!.forward / 1e-30).toBeCloseTo(1, 4);
});

test("random layers of variance v/n: × √v a layer, × √(v/2) under ReLU", async () => {
  for (const [v, bend, expected] of [
    [1, false, 1],
    [2, true, 1],
    [1, true, Math.SQRT1_2],
    [0.25, false, 0.5],
  ] as const) {
    const initializer = (weights: Float32Array, { fanIn }: { fanIn: number }, rng: { normal(): number }) =>
      weights.forEach((_, i) => (weights[i] = Math.sqrt(v / fanIn) * rng.normal()));
    const layers = Array.from({ length: 10 }, () => [dense(256, { initializer }), ...(bend ? [activation("relu")] : [])]).flat();
    const problem = problemOf(layers, "meanSquared", 256, 256);
    const { forwardFactor } = await measureSignal(problem, rowsFor(problem, 64));
    // Nine layers of 256 units scatter by √(5·9/256)/2/9 ≈ 2.3 % a layer.
    expect(Math.abs(forwardFactor / expected - 1)).toBeLessThan(0.08);
  }
});

test("the two-sided χ² tail agrees with tables", () => {
  // scipy.stats: 2·min(chi2.cdf, chi2.sf)
  for (const [x, degrees, p] of [
    [3.841458820694124, 1, 0.1],
    [10, 10, 0.880_986_570_1],
    [149.449_252_779_086_34, 100, 0.002],
    [61.917_939_178_063_65, 100, 0.002],
    [43.772_971_825_742_194, 30, 0.1],
  ] as const) {
    expect(chiSquareTwoSided(x, degrees)).toBeCloseTo(p, 6);
  }
  expect(chiSquareTwoSided(0, 5)).toBe(0);
});

describe("the picture", () => {
  const lines = [
    { label: "a < b", values: [1, 0.1, 0.01] },
    { label: "grows & grows", values: [1, 10, Infinity] },
    { label: "dies", values: [1, 1e-40, 0] },
  ];

  test("is a well-formed SVG for light and dark, a dot per layer, in bounds", () => {
    const svg = signalPicture(
      [
        { title: "one", lines },
        { title: "two", lines: [] },
      ],
      { title: "by depth" },
    );
    expect(svg).toContain("prefers-color-scheme: dark");
    expect(svg).toContain("a &lt; b");
    expect(svg).toContain("grows &amp; grows");
    expect(svg.match(/<circle /g)!.length).toBe(9);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    for (const [, y] of svg.matchAll(/cy="([\d.]+)"/g)) expect(Number(y)).toBeLessThanOrEqual(378);
  });

  test("labels that would lie on each other stand apart, in their order", () => {
    const close = [3, 1, 2].map((value, i) => ({ label: `line ${i}`, values: [1, 1 + value / 1000] }));
    const svg = signalPicture([{ title: "close", lines: close }], { title: "by depth" });
    const heights = [...svg.matchAll(/y="([\d.]+)">line \d/g)].map(([, y]) => Number(y));
    expect(heights[0]! + 16).toBeLessThan(heights[2]!);
    expect(heights[2]! + 16).toBeLessThan(heights[1]!);
  });

  test("of a network shows both ways", async () => {
    const svg = profilePicture(await measureSignal(problemOf(), rowsFor(problemOf())), "mine");
    expect(svg).toMatch(/>signal: × \d\.\d+ a layer</);
    expect(svg).toMatch(/class="l1 line back"/);
  });

  test("of the lecture's initialisations is the one in the docs", () => {
    const stored = readFileSync(new URL("../../docs/images/signal.svg", import.meta.url), "utf8");
    for (const label of ["variance 1/n: × 1.00 a layer", "variance 2/n: × 1.41 a layer", "too small", "too large"])
      expect(stored).toContain(label);
  });
});
