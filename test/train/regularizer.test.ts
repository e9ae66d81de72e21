import { describe, expect, test } from "vitest";
import { checkProblem } from "../../src/check/protocol.ts";
import { penaltyOf } from "../../src/check/subject.ts";
import { evaluateGraph } from "../../src/exec/reference.ts";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { graph, input } from "../../src/ir/graph.ts";
import { activation } from "../../src/nn/layers/activation.ts";
import { batchNorm } from "../../src/nn/layers/batch-norm.ts";
import { conv } from "../../src/nn/layers/conv.ts";
import { dense } from "../../src/nn/layers/dense.ts";
import { dropout } from "../../src/nn/layers/dropout.ts";
import { flatten } from "../../src/nn/layers/flatten.ts";
import { noise } from "../../src/nn/layers/noise.ts";
import { reshape } from "../../src/nn/layers/shape.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { sequential, type Network } from "../../src/nn/network.ts";
import { initializeParameters } from "../../src/nn/parameters.ts";
import { inFloat64 } from "../../src/ops/rewrite.ts";
import { arenaBytes, createArena } from "../../src/optim/kernels/memory.ts";
import { optimizerByName } from "../../src/optim/optimizers/index.ts";
import { scheduleByName } from "../../src/optim/schedules/index.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { fit } from "../../src/train/fit.ts";
import { conventions, penalty, penaltyGradient, penaltyShare, termsOf, unitsOf, type Regularizer } from "../../src/train/regularizer.ts";
import { layoutOf, type Problem } from "../../src/train/step-graph.ts";
import { createStepper, type StepperOptions } from "../../src/train/stepper.ts";
import { updateGraph, updateRule, stepScalars } from "../../src/train/update.ts";
import { rng } from "../../src/util/rng.ts";
import { cloudProblem, clouds } from "./problems.ts";

const problem = cloudProblem();
const layout = layoutOf(problem);
const data = clouds({ rows: 200 });
const batch = 10;
const m = 200;

const distance = (a: ArrayLike<number>, b: ArrayLike<number>) => Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));

function problemOf(layers: Network["layers"], inputShape: readonly number[] = [8]): Problem {
  return { network: sequential(layers), loss: losses.categoricalCrossEntropy, inputShape, outputs: 3 };
}

/** θ after some steps from the initialiser's. */
async function trained(given: Partial<StepperOptions> = {}, steps = 20, optimizer = "adam", rate = 0.01) {
  const of = given.problem ?? problem;
  const options = { problem: of, layout: layoutOf(of), optimizer: optimizerByName(optimizer), data, batch, executor: onnxruntimeNode };
  const stepper = await createStepper({ ...options, ...given });
  initializeParameters(layoutOf(of), stepper.theta, 1);
  const size = given.batch ?? batch;
  const rows = Int32Array.from({ length: steps * size }, (_, at) => rng(1, "rows", at).integer(200));
  const found: number[] = [];
  for (let at = 0; at < steps; at += 5)
    found.push(...(await stepper.run(rows.subarray(at * size, (at + 5) * size), size, at + 1, () => rate)));
  const result = { theta: stepper.theta.slice(), losses: found, measured: stepper.measured.slice() };
  await stepper.dispose();
  return result;
}

describe("the lecture's L2 update, W − α(dJ/dW + (λ/m)W) = (1 − αλ/m)W − α·dJ/dW", () => {
  const [alpha, lambda] = [0.1, 3];
  const n = 1003;
  const [w, g] = [rng(1, "w").fillNormal(new Float64Array(n)), rng(1, "g").fillNormal(new Float64Array(n))];

  test("in float64 to a relative 1e-14", () => {
    const own = layoutOf(problemOf([dense(3)], [334]));
    const rule = updateRule(optimizerByName("sgd"), own, { regularizer: { l2: 4, biases: true } }, 128);
    const vector = (name: string) => input(name, "float32", [own.size]);
    const [next] = updateGraph(rule, [vector("theta")], vector("g"), [input("rate", "float32", [1])]);
    const { values } = inFloat64([next!]);
    const [theta, gradient] = [rng(2, "w").fillNormal(new Float64Array(own.size)), rng(2, "g").fillNormal(new Float64Array(own.size))];
    const feeds = {
      theta: { dtype: "float64" as const, shape: [own.size], data: theta },
      g: { dtype: "float64" as const, shape: [own.size], data: gradient },
      rate: { dtype: "float64" as const, shape: [1], data: Float64Array.of(alpha) },
    };
    const found = evaluateGraph(graph({ outputs: { next: values[0]! } }), feeds)["next"]!.data as Float64Array;
    found.forEach((value, i) => {
      const [kept, moved] = [(1 - (alpha * 4) / 128) * theta[i]!, alpha * gradient[i]!];
      // Relative to what is subtracted, not to a difference that cancels.
      expect(Math.abs(value - (kept - moved))).toBeLessThanOrEqual(1e-14 * Math.max(Math.abs(kept), Math.abs(moved)));
    });
  });

  test("in float32, the kernel, to 2 units in the last place", () => {
    const arena = createArena(arenaBytes([n, n]));
    const [theta, gradient] = [arena.float32(n), arena.float32(n)];
    theta.set(w);
    gradient.set(g);
    const before = theta.slice();
    arena.kernels.sgd(theta, gradient, alpha, { scale: 1, l2: lambda / m, l1: 0 });
    theta.forEach((value, i) => {
      const [kept, moved] = [(1 - (alpha * lambda) / m) * before[i]!, alpha * gradient[i]!];
      const ulp = 2 ** (Math.floor(Math.log2(Math.max(Math.abs(kept), Math.abs(moved)))) - 23);
      expect(Math.abs(value - (kept - moved))).toBeLessThanOrEqual(2 * ulp);
    });
  });

  test("under Adam it is another thing than decoupled decay", async () => {
    const coupled = await trained({ regularizer: { l2: 20 } });
    const decoupled = await trained({ optimizer: optimizerByName("adamw", { weightDecay: 20 / m }) });
    expect(distance(coupled.theta, decoupled.theta)).toBeGreaterThan(0.01);
  });
});

describe("the penalty", () => {
  const theta = new Float32Array(layout.size);
  initializeParameters(layout, theta, 1);
  const regularizer: Regularizer = { l2: 3, l1: 2, layers: { dense_2: { l2: 7, l1: 0 }, dense_3: { biases: true } } };

  test("is the formula, of weights alone unless asked, with terms of single layers", () => {
    theta.fill(0.25, layout.slots.at(-1)!.offset);
    const sum = (name: string, power: 1 | 2) => {
      const { offset, size } = layout.slots.find((slot) => slot.name === name)!;
      return theta.subarray(offset, offset + size).reduce((total, value) => total + Math.abs(value) ** power, 0);
    };
    const penalised = ["dense_1/W", "dense_3/W", "dense_3/b"].reduce((total, name) => total + 3 * sum(name, 2) + 2 * sum(name, 1), 0);
    expect(penalty(regularizer, layout, theta, m)).toBeCloseTo((penalised + 7 * sum("dense_2/W", 2)) / (2 * m), 12);
    expect(penalty({ maxNorm: 1 }, layout, theta, m)).toBe(0);
  });

  test("has the gradient that differences have, and 0 where a weight is 0", () => {
    const at = Float64Array.from(theta);
    at[5] = 0;
    const gradient = penaltyGradient(regularizer, layout, at, m);
    for (const i of [0, 40, layout.size - 1, layout.slots[2]!.offset, layout.slots[1]!.offset]) {
      const moved = (by: number) => penalty(regularizer, layout, Object.assign(at.slice(), { [i]: at[i]! + by }), m);
      expect(gradient[i]).toBeCloseTo((moved(1e-5) - moved(-1e-5)) / 2e-5, 8);
    }
    expect(gradient[5]).toBe(0);
  });

  test("is in the gradient check: alone, and in the sum", async () => {
    const given = penaltyOf(regularizer, layout, m)!;
    expect(given.name).toBe("L2, λ = 3; L1, λ = 2, m = 200");
    const { checks, passed } = await checkProblem(problem, data, { penalty: given, examples: 8, burnIn: 0 });
    expect(passed).toBe(true);
    expect(checks.map(({ part, verdict }) => `${part} ${verdict}`)).toEqual(["data right", "penalty right", "sum right"]);
    expect(checks[1]!.loss).toBeCloseTo(penalty(regularizer, layout, checkedTheta(), m), 6);
    expect(checks[2]!.loss).toBeCloseTo(checks[0]!.loss + checks[1]!.loss, 12);
    expect(penaltyOf({ maxNorm: 1 }, layout, m)).toBeUndefined();
  });

  const checkedTheta = () => {
    const start = new Float32Array(layout.size);
    initializeParameters(layout, start, 1);
    return start;
  };

  test("too weak to show is known by its share of the gradient", () => {
    const g = new Float32Array(layout.trainable).fill(1);
    const at = new Float32Array(layout.size).fill(2);
    const weights = layout.slots.filter(({ role }) => role === "weight").reduce((sum, { size }) => sum + size, 0);
    expect(penaltyShare({ l2: 1e-3 }, layout, { theta: at, g, m })).toBeCloseTo((2e-3 / m) * Math.sqrt(weights / layout.size), 12);
  });

  test("in others' conventions", () => {
    expect(conventions(3, 4226, "l2")).toEqual({ lambda: 3, gradient: 3 / 4226, pytorch: 3 / 4226, keras: 3 / 8452 });
    expect(conventions(3, 4226, "l1")).toEqual({ lambda: 3, gradient: 3 / 8452, pytorch: 3 / 8452, keras: 3 / 8452 });
  });

  test.each([
    [{ l2: -1 }, "regularizer.l2 must be a number of at least 0, found -1."],
    [{ maxNorm: 0 }, "regularizer.maxNorm must be a number above 0, found 0."],
    [{ layers: { dense_1: { l1: NaN } } }, "dense_1.l1 must be a number of at least 0, found NaN."],
    [{ l2: 1, layers: { dense1: { l2: 0 } } }, 'regularizer.layers: no layer "dense1"'],
    [{ l2: 1, proximal: true }, "regularizer.proximal is a way to descend L1"],
  ] as [Regularizer, string][])("%j is refused", (given, message) => {
    expect(() => termsOf(given, layout, m)).toThrow(message);
  });
});

describe("L1 by a soft threshold", () => {
  test("makes weights exactly zero, where the sign's gradient makes none so", async () => {
    const zeros = ({ theta }: { theta: Float32Array }) => theta.filter((value) => value === 0).length;
    for (const form of ["scan", "fused"] as const) {
      const none = zeros(await trained({ form, regularizer: { l1: 200 } }, 40, "sgd", 0.05));
      const some = await trained({ form, regularizer: { l1: 200, proximal: true } }, 40, "sgd", 0.05);
      expect(none).toBeLessThan(10);
      expect(zeros(some)).toBeGreaterThan(100);
    }
  });

  test("is the formula, number by number, zeros without a sign", () => {
    const arena = createArena(arenaBytes([7]));
    const x = arena.float32(7);
    x.set([0.5, -0.5, 0.1, -0.1, 0.25, -0, 2]);
    arena.kernels.shrink(x, 0.25);
    expect([...x]).toEqual([0.25, -0.25, 0, 0, 0, 0, 1.75]);
  });
});

describe("max-norm", () => {
  test("bounds every unit's incoming weights, of dense layers and of convolutions", async () => {
    const images = problemOf([reshape([1, 2, 4]), conv(4), activation("relu"), flatten(), dense(6), activation("relu"), dense(3)]);
    const place = layoutOf(images);
    const limit = 0.3;
    for (const form of ["scan", "fused"] as const) {
      const { theta } = await trained({ problem: images, layout: place, form, regularizer: { maxNorm: limit } });
      for (const slot of place.slots.filter(({ role }) => role === "weight")) {
        const { count, length, unit, next } = unitsOf(slot);
        expect(count).toBe(slot.name === "conv_1/W" ? 4 : slot.shape[1]);
        const lengths = Array.from({ length: count }, (_, u) => {
          return Math.hypot(...Array.from({ length }, (_, k) => theta[slot.offset + u * unit + k * next]!));
        });
        for (const found of lengths) expect(found).toBeLessThan(limit * (1 + 1e-6));
        // It binds.
        expect(Math.max(...lengths)).toBeGreaterThan(limit * (1 - 1e-6));
      }
    }
  });
});

describe("a step with everything", () => {
  const dropping = problemOf([
    noise(0.1),
    dense(16),
    activation("tanh"),
    dropout(0.8),
    dense(12),
    activation("relu"),
    dropout(0.5),
    dense(3),
  ]);
  const everything: Partial<StepperOptions> = {
    problem: dropping,
    layout: layoutOf(dropping),
    regularizer: { l2: 3, l1: 1, maxNorm: 2 },
    clip: { norm: 0.5, value: 0.2 },
    labelSmoothing: 0.1,
    average: { kind: "ema", decay: 0.8 },
    steps: 20,
    seed: 3,
    data: { ...data, weights: tensor("float32", rng(1, "weights").fillUniform(new Float32Array(200))) },
  };

  test.each(["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"])(
    "%s: inside Scan and fused the same masks, losses and weights",
    async (optimizer) => {
      const rate = optimizer === "sgd" ? 0.1 : 0.01;
      // Few steps: near 0 rounding decides a weight's sign, and L1 heeds it.
      const [scan, fused] = [
        await trained({ ...everything, form: "scan", optimizer: optimizerByName(optimizer) }, 5, optimizer, rate),
        await trained({ ...everything, form: "fused", optimizer: optimizerByName(optimizer) }, 5, optimizer, rate),
      ];
      expect(distance(scan.losses, fused.losses)).toBeLessThan(2e-6);
      expect(distance(scan.theta, fused.theta)).toBeLessThan(5e-6);
      expect(distance(scan.measured, fused.measured)).toBeLessThan(5e-6);
      expect(distance(scan.measured, scan.theta)).toBeGreaterThan(1e-4);
    },
  );

  test("small networks with dropout run many steps a call", async () => {
    const stepper = await createStepper({
      ...everything,
      optimizer: optimizerByName("adam"),
      batch,
      executor: onnxruntimeNode,
    } as StepperOptions);
    expect(stepper.stepsPerCall).toBe(32);
    await stepper.dispose();
  });

  test("accumulated gradients are those of the whole batch, masks included; statistics are the pieces'", async () => {
    const { average: _, ...rest } = everything;
    const whole = await trained({ ...rest, form: "fused", batch: 40 }, 10);
    const pieces = await trained({ ...rest, form: "fused", batch: 40, accumulate: 4 }, 10);
    expect(distance(whole.losses, pieces.losses)).toBeLessThan(1e-5);
    expect(distance(whole.theta, pieces.theta)).toBeLessThan(2e-5);
    const normal = problemOf([dense(6), batchNorm(), activation("relu"), dense(3)]);
    const place = layoutOf(normal);
    const run = (accumulate: number) => trained({ problem: normal, layout: place, batch: 40, accumulate }, 5);
    expect(distance((await run(1)).theta, (await run(4)).theta)).toBeGreaterThan(1e-4);
  });
});

test("neutral settings leave every bit as it is", async () => {
  const plain = await trained();
  const neutral = await trained({
    regularizer: { l2: 0, l1: 0, maxNorm: 1e9 },
    clip: { norm: 1e9, value: 1e9 },
    labelSmoothing: 0,
    accumulate: 1,
  });
  expect(neutral.theta).toEqual(plain.theta);
  expect(stepScalars(updateRule(optimizerByName("sgd"), layout, {}, m), 1, 0.1, 1)).toEqual([0.1]);
});

test("a fit measures and keeps the average of the weights", async () => {
  const options = {
    optimizer: optimizerByName("sgd"),
    learningRate: 0.5,
    schedule: scheduleByName("constant"),
    epochs: 3,
    batchSize: 20,
    seed: 1,
    executor: onnxruntimeNode,
  };
  const [plain, averaged] = [
    await fit(problem, { train: data }, options),
    await fit(problem, { train: data }, { ...options, average: { kind: "ema", decay: 0.9 } }),
  ];
  expect(averaged.history[0]).toEqual(plain.history[0]);
  expect(distance(averaged.theta, plain.theta)).toBeGreaterThan(0.01);
  const { penalty: added, train } = (await fit(problem, { train: data }, { ...options, regularizer: { l2: 2 } })).history[3]!;
  expect(added).toBeGreaterThan(0);
  expect(train.loss).toBeGreaterThan(0);
});

test.each([
  [{ clip: { norm: 0 } }, "clip.norm must be a number above 0, found 0."],
  [{ clip: { value: -1 } }, "clip.value must be a number above 0, found -1."],
  [{ labelSmoothing: 1 }, "labelSmoothing must be a number from 0 to below 1, found 1."],
  [{ accumulate: 0 }, "accumulate must be a whole number of at least 1, found 0."],
  [{ average: { kind: "ema", decay: 1 } }, "average.decay must be a number from 0 to below 1, found 1."],
  [{ average: { kind: "mean" as "ema" } }, "average.kind must be ema or swa, found mean."],
] as [Partial<StepperOptions>, string][])("%j is refused", async (options, message) => {
  await expect(trained(options)).rejects.toThrow(message);
});

test("labels of amounts are not smoothed", async () => {
  const amounts = { ...problem, loss: losses.meanSquared };
  await expect(trained({ problem: amounts, labelSmoothing: 0.1 })).rejects.toThrow("labelSmoothing is for classes");
});
