import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
// @ts-expect-error: a build script without declarations
import { compileKernels, kernelsModule } from "../../scripts/build-kernels.mjs";
import { arenaBytes, createArena, type Kernels } from "../../src/optim/kernels/memory.ts";

/** An update in float64, element by element: returns the new θ and changes the slots. */
type Reference = (theta: number, g: number, slots: Float64Array[], i: number, step: number) => number;

interface Case {
  readonly slots: number;
  readonly reference: Reference;
  readonly update: (kernels: Kernels, theta: Float32Array, g: Float32Array, slots: Float32Array[], step: number) => void;
  /** θ after `torchSteps` updates by torch.optim (PyTorch 1.13.1) of the draws of `stream(7)`. */
  readonly torch: readonly number[];
}

const adamReference =
  (weightDecay: number): Reference =>
  (theta, g, [m, v], i, step) => {
    m![i] = 0.9 * m![i]! + 0.1 * g;
    v![i] = 0.999 * v![i]! + 0.001 * g * g;
    const root = Math.sqrt(v![i]! / (1 - 0.999 ** step)) + 1e-8;
    return theta * (1 - 0.001 * weightDecay) - ((0.001 / (1 - 0.9 ** step)) * m![i]!) / root;
  };

const adamScalars = (step: number): number[] => [
  0.001 / (1 - 0.9 ** step),
  1 / Math.sqrt(1 - 0.999 ** step),
  0.9,
  1 - 0.9,
  0.999,
  1 - 0.999,
  1e-8,
];

const cases: Record<string, Case> = {
  sgd: {
    slots: 0,
    reference: (theta, g) => theta - 0.1 * g,
    update: (kernels, theta, g) => kernels.sgd(theta, g, 0.1),
    torch: [
      0.501863122, 0.932484329, 1.15601432, -0.210681304, -0.00197344366, 0.540604353, 0.414057434, 0.564862967, 0.995087206, 0.44531998,
      -0.354943961,
    ],
  },
  momentum: {
    slots: 1,
    reference: (theta, g, [v], i) => theta - 0.01 * (v![i] = 0.9 * v![i]! + g),
    update: (kernels, theta, g, [v]) => kernels.momentum(theta, g, v!, { rate: 0.01, mu: 0.9, nesterov: false }),
    torch: [
      0.479560584, 0.883119881, 1.17958713, -0.194671854, -0.0526501089, 0.573688567, 0.488536775, 0.443562686, 0.966485798, 0.424325615,
      -0.326328158,
    ],
  },
  nesterov: {
    slots: 1,
    reference: (theta, g, [v], i) => theta - 0.01 * (g + 0.9 * (v![i] = 0.9 * v![i]! + g)),
    update: (kernels, theta, g, [v]) => kernels.momentum(theta, g, v!, { rate: 0.01, mu: 0.9, nesterov: true }),
    torch: [
      0.481790721, 0.888056517, 1.17722881, -0.19627279, -0.0475826189, 0.57038027, 0.481088489, 0.455692798, 0.969345808, 0.42642501,
      -0.329189599,
    ],
  },
  rmsprop: {
    slots: 1,
    reference: (theta, g, [s], i) => theta - (0.001 * g) / (Math.sqrt((s![i] = 0.99 * s![i]! + 0.01 * g * g)) + 1e-8),
    update: (kernels, theta, g, [s]) => kernels.rmsprop(theta, g, s!, [0.001, 0.99, 1 - 0.99, 1e-8]),
    torch: [
      -0.460538208, 0.143046871, -0.207399949, -0.24382332, 0.234311044, -0.125363261, 0.124556527, 0.301431447, 0.36576277, -0.254741758,
      0.107032374,
    ],
  },
  adam: {
    slots: 2,
    reference: adamReference(0),
    update: (kernels, theta, g, [m, v], step) => kernels.adam(theta, g, m!, v!, adamScalars(step)),
    torch: [
      -0.469720006, 0.125362843, -0.239173621, -0.254385591, 0.260902047, -0.144194424, 0.118555136, 0.293931544, 0.362431198, -0.267220318,
      0.109478354,
    ],
  },
  adamw: {
    slots: 2,
    reference: adamReference(0.01),
    update: (kernels, theta, g, [m, v], step) => kernels.adam(theta, g, m!, v!, [...adamScalars(step), 0.001 * 0.01]),
    torch: [
      -0.468273103, 0.125032276, -0.238409609, -0.25363785, 0.260133117, -0.143733293, 0.11821752, 0.293079466, 0.361387432, -0.266366661,
      0.109108433,
    ],
  },
};

const torchSteps = 300;

/** Lehmer's generator, in [-0.5, 0.5): simple enough to be the same in Python. */
function stream(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return Math.fround(state / 2147483647 - 0.5);
  };
}

/** Both runs over the same draws: the kernel's θ and the float64 reference's. */
function run({ slots, update, reference }: Case, n: number, steps: number, seed = 7): { theta: Float32Array; exact: Float64Array } {
  const arena = createArena(arenaBytes(Array.from({ length: slots + 2 }, () => n)));
  const theta = arena.float32(n);
  const g = arena.float32(n);
  const state = Array.from({ length: slots }, () => arena.float32(n));
  const draw = stream(seed);
  for (let i = 0; i < n; i++) theta[i] = draw();
  const exact = Float64Array.from(theta);
  const exactState = state.map(() => new Float64Array(n));
  for (let step = 1; step <= steps; step++) {
    for (let i = 0; i < n; i++) g[i] = draw();
    update(arena.kernels, theta, g, state, step);
    for (let i = 0; i < n; i++) exact[i] = reference(exact[i]!, g[i]!, exactState, i, step);
  }
  return { theta, exact };
}

function worst(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));
}

describe.each(Object.entries(cases))("the %s kernel", (name, one) => {
  it.each([1, 2, 3, 4, 5, 7, 8, 1003])("follows the float64 formula for 500 steps on %i elements", (n) => {
    const { theta, exact } = run(one, n, 500);
    expect(worst(theta, exact)).toBeLessThan(4e-6);
  });

  // Seen: sgd 1.2e-7, momentum 2.3e-7, nesterov 1.8e-7, rmsprop and adam 3e-8. AdamW 2.3e-6: PyTorch multiplies by 1 - lr·λ
  // rounded to float32, which moves its weights 2.2e-6 from the float64 formula; the kernel's subtraction stays within 4.2e-7.
  it("follows torch.optim for 300 steps", () => {
    expect(worst(run(one, one.torch.length, torchSteps).theta, one.torch)).toBeLessThan(name === "adamw" ? 3e-6 : 4e-7);
  });

  it("gives the same bits on parts of a vector as on the whole, and leaves the neighbours alone", () => {
    const n = 37;
    const arena = createArena(arenaBytes(Array.from({ length: 2 * (one.slots + 2) }, () => n)));
    const vectors = () => Array.from({ length: one.slots + 2 }, () => arena.float32(n));
    const [whole, parts] = [vectors(), vectors()];
    const draw = stream(3);
    for (let k = 0; k < 2; k++) {
      for (let i = 0; i < n; i++) whole[k]![i] = draw();
      parts[k]!.set(whole[k]!);
    }
    for (let step = 1; step <= 3; step++) {
      const [theta, g, ...slots] = whole;
      one.update(arena.kernels, theta!, g!, slots, step);
      for (const [from, to] of [
        [0, 5],
        [5, 18],
        [18, 37],
      ] as const) {
        const [thetaPart, gPart, ...slotParts] = parts.map((vector) => vector.subarray(from, to));
        one.update(arena.kernels, thetaPart!, gPart!, slotParts, step);
      }
      expect(parts).toEqual(whole);
    }
  });
});

describe("the plain kernels", () => {
  const n = 1003;
  const arena = createArena(arenaBytes([n, n]));
  const { kernels } = arena;
  const [x, y] = [arena.float32(n), arena.float32(n)];
  const fill = (): void => {
    const draw = stream(5);
    for (let i = 0; i < n; i++) [x[i], y[i]] = [draw(), draw()];
  };

  it("scale multiplies every element", () => {
    fill();
    const expected = x.map((value) => Math.fround(value * Math.fround(0.3)));
    kernels.scale(x, 0.3);
    expect(x).toEqual(expected);
  });

  it("axpy adds a multiple of the other vector", () => {
    fill();
    const expected = y.map((value, i) => value + Math.fround(Math.fround(0.3) * x[i]!));
    kernels.axpy(y, x, 0.3);
    expect(y).toEqual(expected);
  });

  it("sumSquares keeps float64 precision, and shows an element that is not finite", () => {
    fill();
    const exact = x.reduce((sum, value) => sum + value * value, 0);
    expect(kernels.sumSquares(x)).toBeCloseTo(exact, 11);
    expect(kernels.sumSquares(x.subarray(0, 0))).toBe(0);
    for (const [i, value] of [
      [n - 1, NaN],
      [0, Infinity],
    ] as const) {
      x[i] = value;
      expect(Number.isFinite(kernels.sumSquares(x))).toBe(false);
    }
  });
});

describe("the arena", () => {
  it("aligns every vector to 64 bytes, zeroed, apart from the others", () => {
    const lengths = [1, 16, 17, 1000];
    const arena = createArena(arenaBytes(lengths));
    const views = lengths.map((length) => arena.float32(length));
    for (const view of views) expect(arena.offsetOf(view) % 64).toBe(0);
    views.forEach((view, i) => view.fill(i + 1));
    views.forEach((view, i) => expect(view.every((value) => value === i + 1)).toBe(true));
    expect(arena.used).toBe(arenaBytes(lengths));
    expect(views[0]!.buffer).toBe(arena.memory.buffer);
  });

  it("refuses what does not fit, a vector from elsewhere and unequal lengths", () => {
    const arena = createArena(arenaBytes([4, 3]));
    const [four, three] = [arena.float32(4), arena.float32(3)];
    expect(() => arena.float32(65536)).toThrow("internal: arena of");
    expect(() => arena.kernels.sgd(four, new Float32Array(4), 1)).toThrow("outside its arena");
    expect(() => arena.kernels.sgd(four, three, 1)).toThrow("vectors of 4 and 3 elements");
    expect(() => createArena(5 * 2 ** 30)).toThrow("5.0 GiB, and at most 4 GiB");
  });
});

it("the committed kernels are what their source compiles to", async () => {
  const committed = await readFile(new URL("../../src/optim/kernels/kernels.wasm.ts", import.meta.url), "utf8");
  expect(committed).toBe(kernelsModule(await compileKernels()));
});
