/** Right gradients pass, planted faults are found and their place is named, and nothing given is changed. */
import { describe, expect, test } from "vitest";
import { gradient } from "../../src/autodiff/gradient.ts";
import { checkGradient, type GradientCheck } from "../../src/check/gradient-check.ts";
import { l2Penalty, problemLoss, type LossGraph } from "../../src/check/subject.ts";
import { reference } from "../../src/exec/reference.ts";
import type { Executor } from "../../src/exec/session.ts";
import { constant, input, int64, scalar, type Value } from "../../src/ir/graph.ts";
import { tensor, type Tensor } from "../../src/ir/tensor.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { opRecord, ops } from "../../src/ops/build.ts";
import type { InferContext, TensorType } from "../../src/ops/op.ts";
import { GradusError } from "../../src/util/errors.ts";
import { denseLoss, densePoint, tampered, withRule } from "./planted.ts";

const verdicts = ({ tensors }: GradientCheck) => Object.fromEntries(tensors.map(({ name, verdict }) => [name, verdict]));
const failedNames = ({ tensors }: GradientCheck) => tensors.filter(({ verdict }) => verdict === "failed").map(({ name }) => name);
const sum = (value: Value) => ops.ReduceSum(value, null, { keepdims: 0 });

describe("right gradients", () => {
  for (const activation of ["relu", "leakyRelu", "elu", "tanh", "sigmoid", "gelu", "identity"] as const) {
    test(`${activation} under softmax and cross-entropy, every coordinate, both executors`, async () => {
      const spec = denseLoss({ activation });
      for (const options of [{}, { executor: reference }, { batching: "off" as const }]) {
        const found = await checkGradient(spec, options);
        expect(new Set(Object.values(verdicts(found)))).toEqual(new Set(["passed"]));
        expect(found).toMatchObject({ passed: true, deterministic: true, float32Only: [], band: "very likely right" });
        expect(found.tensors.every((one) => one.coordinates + one.kinks === one.size)).toBe(true);
        expect(found.fault).toBeUndefined();
      }
    });
  }

  for (const loss of ["binaryCrossEntropy", "multiLabelCrossEntropy", "meanSquared", "huber"] as const) {
    test(loss, async () => {
      expect(await checkGradient(denseLoss({ loss, outputs: 2 }))).toMatchObject({ passed: true });
    });
  }

  test("no false alarm over 20 seeds of a ReLU network at zero biases", async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const found = await checkGradient(denseLoss({ activation: "relu", layers: [12, 8], rows: 16, seed, shake: 0 }), { batching: "auto" });
      expect({ seed, failed: failedNames(found) }).toEqual({ seed, failed: [] });
    }
  });

  test("fast mode: a direction per tensor, no coordinates", async () => {
    const found = await checkGradient(denseLoss(), { mode: "fast" });
    expect(found.passed).toBe(true);
    expect(found.tensors.every(({ directions, coordinates }) => directions === 1 && coordinates === 0)).toBe(true);
  });

  test("the lecture's step 10⁻⁷, and one-sided differences, pass at their own, larger floor", async () => {
    const usual = await checkGradient(denseLoss());
    for (const options of [{ step: 1e-7 }, { sides: "one" as const }]) {
      const found = await checkGradient(denseLoss(), options);
      expect(found.passed).toBe(true);
      expect(found.tensors[0]!.floor).toBeGreaterThan(10 * usual.tensors[0]!.floor);
    }
  });

  test("batched slopes are those of plain evaluations", async () => {
    const spec = denseLoss({ layers: [9, 7], width: 11 });
    const [quick, plain] = [await checkGradient(spec), await checkGradient(spec, { batching: "off" })];
    expect(quick.tensors.map(({ method }) => method)).toContain("batched");
    quick.tensors.forEach((one, i) => {
      one.points.numeric.forEach((slope, k) => expect(Math.abs(slope - plain.tensors[i]!.points.numeric[k]!)).toBeLessThan(1e-9));
    });
  });

  test("an L2 penalty alone and with the data; biases, which it leaves out, are untested", async () => {
    const penalty = l2Penalty(0.3, 8);
    const alone = await checkGradient(denseLoss({ part: "penalty", penalty }));
    expect(verdicts(alone)).toMatchObject({ "dense_1/W": "passed", "dense_1/b": "untested" });
    expect(await checkGradient(denseLoss({ part: "sum", penalty }))).toMatchObject({ passed: true });
  });

  test("a large tensor is sampled, and random directions look at the rest", async () => {
    const w = input("w", "float64", [3000]);
    const inputs = {
      w: tensor(
        "float64",
        Float64Array.from({ length: 3000 }, (_, i) => Math.sin(i)),
      ),
    };
    const loss = sum(ops.Mul(ops.Mul(w, w), w));
    const { tensors } = await checkGradient({ loss, parameters: [w], inputs }, { coordinates: 50 });
    expect(tensors[0]).toMatchObject({ verdict: "passed", coordinates: 50, directions: 3 });
    const [g] = gradient(loss, [w]);
    const off = Float64Array.from({ length: 3000 }, (_, i) => (i === 1234 ? 1.5 : 1));
    const wrong = await checkGradient(
      { loss, parameters: [w], gradients: [ops.Mul(g!, constant(tensor("float64", off)))], inputs },
      { coordinates: 50 },
    );
    expect(wrong.tensors[0]!.verdict).toBe("failed");
  });

  test("a few numbers of many that are not zero: directions test what the sample misses", async () => {
    const w = input("w", "float64", [3000]);
    const data = Float64Array.from({ length: 3000 }, (_, i) => Math.sin(i));
    const loss = sum(ops.Slice(w, int64([1000]), int64([1002])));
    const spec = { loss, parameters: [w], inputs: { w: tensor("float64", data) } };
    const { tensors } = await checkGradient(spec, { coordinates: 5 });
    expect(tensors[0]).toMatchObject({ verdict: "passed", coordinates: 5, directions: 3 });
    const doubled = gradient(loss, [w]).map((g) => ops.Mul(g, 2));
    const wrong = await checkGradient({ ...spec, gradients: doubled }, { coordinates: 5 });
    expect(wrong.tensors[0]!.verdict).toBe("failed");
  });

  test("of float32 graphs: fractions in rules are divisions, not constants rounded to float32", async () => {
    const x = input("x", "float32", [1, 1, 6, 6]);
    const data = Float32Array.from({ length: 36 }, (_, i) => 2 * Math.sin(3 * i));
    for (const f of [
      (at: Value) => ops.AveragePool(at, { kernel_shape: [3, 3] }),
      (at: Value) => ops.Mean(at, ops.Mul(at, 2), ops.Mul(at, at)),
      (at: Value) => ops.HardSwish(at),
      (at: Value) => ops.Selu(at),
      (at: Value) => ops.Celu(at, { alpha: 3 }),
    ]) {
      const loss = sum(f(x));
      const inputs = { x: tensor("float32", data, [1, 1, 6, 6]) };
      const { tensors } = await checkGradient({ loss, parameters: [x], gradients: gradient(loss, [x]), inputs });
      expect(tensors[0]).toMatchObject({ verdict: "passed" });
    }
  });

  test("weights of an interpolation, which float32 does not hold, in float16 and float32", async () => {
    for (const dtype of ["float16", "float32"] as const) {
      const x = input("x", dtype, [1, 1, 2, 4]);
      const data = Array.from({ length: 8 }, (_, i) => Math.sin(3 * i));
      const y = ops.Resize(x, null, constant(tensor("float32", [1, 1, 1, 1.5])), { mode: "linear" });
      const loss = sum(ops.Mul(y, constant(tensor(dtype, [0.5, -1, 2, 3, 1, 4]))));
      const { tensors } = await checkGradient({ loss, parameters: [x], inputs: { x: tensor(dtype, data, [1, 1, 2, 4]) } });
      expect(tensors[0]).toMatchObject({ verdict: "passed", coordinates: 8 });
    }
  });
});

describe("planted faults", () => {
  const cases: readonly (readonly [string, string, Parameters<typeof withRule>[1], Record<string, unknown>])[] = [
    ["a factor of 1.01", "Tanh", ([d], { ops }) => [ops.Mul(d!, 1.01)], { operator: "Tanh", layer: "tanh_2", rule: true }],
    ["a missing factor", "Tanh", (_, { outputGradients: [dy] }) => [dy], { operator: "Tanh", layer: "tanh_2", rule: true }],
    ["a wrong sign", "LogSoftmax", ([d], { ops }) => [ops.Neg(d!)], { operator: "LogSoftmax", layer: "the loss", rule: true }],
    [
      "a factor of two on weights",
      "Gemm",
      ([a, b, c], { ops }) => [a!, b ? ops.Mul(b, 2) : null, c!],
      { operator: "Gemm", layer: "dense_3", input: "dense_3/W" },
    ],
    [
      "a factor on what goes back",
      "Gemm",
      ([a, b, c], { ops }) => [a ? ops.Mul(a, 0.999) : null, b!, c!],
      { operator: "Gemm", layer: "dense_3", input: 0 },
    ],
    ["a dropped bias", "Gemm", ([a, b]) => [a!, b!, null], { operator: "Gemm", layer: "dense_3", input: "dense_3/b" }],
  ];
  for (const [what, op, wrong, place] of cases) {
    test(`${what} in the rule of ${op} is found, and its place`, async () => {
      const found = await withRule(op, wrong, () => checkGradient(denseLoss()));
      expect(found.passed).toBe(false);
      expect(found.fault).toMatchObject(place);
    });
  }

  test("Relu that lets everything through is found although its kinks cannot be seen", async () => {
    const found = await withRule(
      "Relu",
      (_, { outputGradients: [dy] }) => [dy],
      () => checkGradient(denseLoss({ activation: "relu" })),
    );
    expect(found.fault).toMatchObject({ operator: "Relu", layer: "relu_2", rule: true });
  });

  test("fast mode finds it too, and then looks at the coordinates", async () => {
    const found = await withRule(
      "Tanh",
      ([d], { ops }) => [ops.Mul(d!, 1.001)],
      () => checkGradient(denseLoss(), { mode: "fast" }),
    );
    expect(verdicts(found)).toMatchObject({ "dense_1/W": "failed", "dense_2/b": "failed", "dense_3/W": "passed" });
    expect(found.tensors[0]!.coordinates).toBe(found.tensors[0]!.size);
    expect(found.fault).toMatchObject({ operator: "Tanh", layer: "tanh_2" });
  });

  test("a doubled first bias: ⅓ in its tensor, little in the whole (P6)", async () => {
    const found = await checkGradient(tampered(denseLoss(), "dense_1/b", (g) => ops.Mul(g, 2)));
    expect(failedNames(found)).toEqual(["dense_1/b"]);
    expect(found.tensors[1]!.error).toBeCloseTo(1 / 3, 6);
    expect(found.error).toBeLessThan(0.2);
    expect(found.fault).toMatchObject({ operator: "Gemm", layer: "dense_1", input: "dense_1/b", rule: false, parameters: ["dense_1/b"] });
  });

  test("an extra 1/m on the last bias", async () => {
    const found = await checkGradient(tampered(denseLoss(), "dense_3/b", (g) => ops.Mul(g, 1 / 8)));
    expect(failedNames(found)).toEqual(["dense_3/b"]);
    expect(found.tensors[5]!.error).toBeCloseTo(7 / 9, 6);
    expect(found.fault).toMatchObject({ operator: "Gemm", layer: "dense_3", input: "dense_3/b" });
  });

  test("a penalty of λ/m = 10⁻⁵ left out of the gradient, far below every fixed band (P4)", async () => {
    let penalty: Value | undefined;
    const inner = l2Penalty(8e-5, 8);
    const spec = denseLoss({ part: "sum", penalty: { name: "kept", build: (parameters) => (penalty = inner.build(parameters)) } });
    const whole = gradient(spec.loss, spec.parameters);
    const part = gradient(penalty!, spec.parameters);
    const found = await checkGradient({ ...spec, gradients: whole.map((g, i) => ops.Sub(g, part[i]!)) });
    expect(failedNames(found)).toEqual(["dense_1/W", "dense_2/W", "dense_3/W"]);
    expect(found.error).toBeLessThan(1e-4);
    expect(found.tensors[0]!.error).toBeGreaterThan(100 * found.tensors[0]!.threshold);
    expect(found.fault).toMatchObject({ operator: "ReduceSumSquare", rule: false });
    const right = await checkGradient(spec);
    expect(right.passed).toBe(true);
  });

  test("one coordinate of many is named", async () => {
    const spec = denseLoss();
    const one = Float64Array.from({ length: 24 }, (_, i) => (i === 13 ? 1e-6 : 0));
    const like = constant(tensor("float32", Float32Array.from(one), [4, 6]));
    const found = await checkGradient(tampered(spec, "dense_1/W", (g) => ops.Add(g, like)));
    expect(failedNames(found)).toEqual(["dense_1/W"]);
    expect(found.tensors[0]!.worst!.index).toEqual([2, 1]);
  });
});

describe("kinks", () => {
  const at = (values: readonly number[], loss: (w: Value) => Value): LossGraph => {
    const w = input("w", "float64", [values.length]);
    return { loss: sum(loss(w)), parameters: [w], inputs: { w: tensor("float64", values) } };
  };

  for (const [name, f] of [
    ["Relu", (w: Value) => ops.Relu(w)],
    ["Abs", (w: Value) => ops.Abs(w)],
    ["Max", (w: Value) => ops.Max(w, scalar("float64", 0))],
    ["Clip", (w: Value) => ops.Clip(w, scalar("float64", 0), scalar("float64", 5))],
    ["LeakyRelu", (w: Value) => ops.LeakyRelu(w)],
    ["Where", (w: Value) => ops.Where(ops.Greater(w, 0), ops.Mul(w, 3), w)],
  ] as const) {
    test(`${name}: an exact zero and a near one are skipped, the rest is compared (P2)`, async () => {
      const { tensors, passed } = await checkGradient(at([0, 1e-7, 0.5, -0.7], f));
      expect(passed).toBe(true);
      expect(tensors[0]).toMatchObject({ verdict: "passed", kinks: 2, coordinates: 2 });
    });
  }

  test("a shorter step gets between the point and the kink", async () => {
    const { tensors } = await checkGradient(at([4e-6, 0.5], (w) => ops.Relu(w)));
    expect(tensors[0]).toMatchObject({ verdict: "passed", kinks: 0, coordinates: 2 });
  });

  test("nothing but kinks is said to be so", async () => {
    const { tensors, passed, verdict } = await checkGradient(at([0, 0], (w) => ops.Abs(w)));
    expect(tensors[0]).toMatchObject({ verdict: "kink", kinks: 2, coordinates: 0 });
    expect({ passed, verdict }).toEqual({ passed: false, verdict: "untested" });
  });

  test("a tie of winners, and a step that is flat", async () => {
    const tie = await checkGradient(at([1, 1 + 1e-8, 0.2], (w) => ops.ReduceMax(w)));
    expect(tie.tensors[0]).toMatchObject({ kinks: 2, verdict: "untested" });
    const step = await checkGradient(at([0.5, 2 - 1e-7], (w) => ops.Mul(w, ops.Floor(w))));
    expect(step.tensors[0]!.kinks).toBe(1);
  });

  test("the end of a domain is a kink, not a failure; a wrong coordinate inside is one", async () => {
    const edge = await checkGradient(at([0, 0.5], (w) => ops.Sqrt(w)));
    expect(edge.tensors[0]).toMatchObject({ verdict: "passed", kinks: 1, coordinates: 1 });
    const fast = await checkGradient(
      at([0, 0.5], (w) => ops.Sqrt(w)),
      { mode: "fast" },
    );
    expect(fast.tensors[0]).toMatchObject({ verdict: "kink", kinks: 3 });
    const wrong = await withRule(
      "Sqrt",
      ([d], { ops }) => [ops.Mul(d!, 2)],
      () => checkGradient(at([0, 0.5], (w) => ops.Sqrt(w))),
    );
    expect(wrong.tensors[0]!.verdict).toBe("failed");
  });

  test("a loss or a gradient that is no number fails", async () => {
    const loss = await checkGradient(at([-1, 0.5], (w) => ops.Sqrt(w)));
    expect(loss.tensors[0]).toMatchObject({ verdict: "failed", reason: "not finite" });
    const slope = await checkGradient(at([0, 0.5], (w) => ops.Where(ops.Less(w, 2), w, ops.Log(ops.Sub(w, w)))));
    expect(slope.tensors[0]).toMatchObject({ verdict: "failed", reason: "not finite" });
  });

  test("a kink excuses no wrong coordinate beside it", async () => {
    const found = await withRule(
      "Relu",
      ([d], { ops }) => [ops.Mul(d!, 1.1)],
      () => checkGradient(at([0, 0.5, 0.6], (w) => ops.Relu(w))),
    );
    expect(found.tensors[0]!.verdict).toBe("failed");
  });
});

describe("strongly curved losses", () => {
  const waves = (rate: number, factor: number) => {
    const w = input("w", "float64", [3]);
    const right = ops.Mul(ops.Cos(ops.Mul(w, rate)), rate);
    const inputs = { w: tensor("float64", [0.1, -0.2, 2]) };
    return { loss: sum(ops.Sin(ops.Mul(w, rate))), parameters: [w], gradients: [ops.Mul(right, factor)], inputs };
  };

  for (const rate of [100, 1000, 3000, 1e4, 1e5]) {
    test(`Σ sin(${rate}·w): the step is shortened until its curvature hides nothing, in both modes`, async () => {
      for (const mode of ["full", "fast"] as const) {
        const options = { mode, locate: false };
        const right = await checkGradient(waves(rate, 1), options);
        expect(right.tensors[0]).toMatchObject({ verdict: "passed" });
        expect(right.tensors[0]!.threshold).toBeLessThan(2e-4);
        for (const factor of [1.001, 1.01, 1.05]) {
          expect((await checkGradient(waves(rate, factor), options)).tensors[0]).toMatchObject({ verdict: "failed" });
        }
      }
    });
  }

  test("says that the step is shorter there, and leaves others as they are", async () => {
    expect((await checkGradient(waves(1e4, 1))).tensors[0]!.reason).toMatch(/^strongly curved: ε × /);
    expect((await checkGradient(waves(1, 1))).tensors[0]).not.toHaveProperty("reason");
  });
});

describe("numbers that are not finite", () => {
  const broken = async (change: (spec: LossGraph) => void) => {
    const spec = denseLoss();
    change(spec);
    for (const options of [{}, { mode: "fast" as const }]) {
      const found = await checkGradient(spec, options);
      expect(found.passed).toBe(false);
      expect(found).not.toHaveProperty("fault");
      expect(found.nonFinite).toBeDefined();
      if (options.mode) return found;
    }
    throw new Error("both modes were to run");
  };

  test("in a weight or in the data: named, and no rule is accused", async () => {
    const weight = await broken(({ inputs }) => void ((inputs["dense_2/W"]!.data as Float64Array)[3] = NaN));
    expect(weight.nonFinite).toEqual({ tensor: "dense_2/W", source: "parameter" });
    expect(weight.loss).toBeNaN();
    const data = await broken(({ inputs }) => void ((inputs["features"]!.data as Float32Array)[3] = Infinity));
    expect(data.nonFinite).toEqual({ tensor: "features", source: "input" });
  });

  test("in the data of a finite loss, whose gradient is not", async () => {
    const [w, x] = [input("w", "float64", [2]), input("x", "float64", [2])];
    const loss = sum(ops.Where(ops.Less(x, 9), ops.Mul(w, x), ops.Mul(w, w)));
    const inputs = { w: tensor("float64", [0.3, 0.5]), x: tensor("float64", [1, Infinity]) };
    const found = await checkGradient({ loss, parameters: [w], inputs });
    expect(found.loss).toBe(0.55);
    expect(found).toMatchObject({ passed: false, nonFinite: { tensor: "x", source: "input" } });
    expect(found).not.toHaveProperty("fault");
  });

  test("made by an operator: the first in forward order, with its layer", async () => {
    const own = {
      ...losses.meanSquared,
      perExample: (z: Value) => ops.ReduceSum(ops.Log(ops.Neg(ops.Exp(z))), int64([1]), { keepdims: 0 }),
    };
    const { problem, ...point } = densePoint();
    const found = await checkGradient(problemLoss({ problem: { ...problem, loss: own }, ...point, part: "data" }));
    expect(found.nonFinite).toEqual({ tensor: "Log", source: "operator", layer: "the loss" });
    expect(found).not.toHaveProperty("fault");
  });
});

describe("around the check", () => {
  test("nothing that was given is changed", async () => {
    const { theta } = densePoint();
    const spec = denseLoss();
    const before = Object.entries(spec.inputs).map(([name, { data }]) => [name, Array.from(data as Float64Array)]);
    const kept = theta.slice();
    await checkGradient(spec);
    await checkGradient(spec, { mode: "fast" });
    expect(Object.entries(spec.inputs).map(([name, { data }]) => [name, Array.from(data as Float64Array)])).toEqual(before);
    expect(theta).toEqual(kept);
  });

  test("a loss that is not the same twice voids the check", async () => {
    let runs = 0;
    const unsteady: Executor = {
      name: "unsteady",
      async compile(graph, options) {
        const session = await reference.compile(graph, options);
        const shaken = (given: Tensor): Tensor => ({
          ...given,
          data: Float64Array.from(given.data as Float64Array, (x) => x + 1e-15 * runs),
        });
        return {
          ...session,
          async run(feeds, into) {
            const found = await session.run(feeds, into);
            runs++;
            return { ...found, loss: shaken(found["loss"]!) };
          },
        };
      },
    };
    expect(await checkGradient(denseLoss(), { executor: unsteady })).toMatchObject({ deterministic: false, passed: false, tensors: [] });
  });

  test("casts and constants of a narrower float are widened", async () => {
    const w = input("w", "float32", [1, 3]);
    const half = constant(tensor("float32", [[0.5, 0.5, 0.5]]));
    const loss = sum(ops.Tanh(ops.Cast(ops.Cast(ops.Mul(ops.Mul(w, w), half), { to: "float16" }), { to: "float32" })));
    const found = await checkGradient({ loss, parameters: [w], inputs: { w: tensor("float32", [[0.3, -0.8, 1.2]]) } });
    expect(found).toMatchObject({ passed: true, float32Only: [], step: 1e-5 });
    expect(found.tensors[0]!.error).toBeLessThan(1e-9);
  });

  test("a part that is only float32 is said, and does not fail a right gradient; a wrong one is still found", async () => {
    const spec = denseLoss();
    const record = opRecord("Tanh") as { infer: (context: InferContext<unknown>) => readonly TensorType[] };
    const right = record.infer;
    record.infer = (context) => {
      if (context.inputs[0]!.dtype !== "float32") throw new GradusError("only float32");
      return right(context);
    };
    try {
      const found = await checkGradient(spec);
      expect(found).toMatchObject({ passed: true, float32Only: ["Tanh"] });
      expect(found.step).toBeGreaterThan(1e-3);
      expect(found.tensors[0]!.error).toBeGreaterThan(1e-8);
      expect(found.tensors[0]!.verdict).toBe("passed");
      const wrong = await checkGradient(
        tampered(spec, "dense_1/b", (g) => ops.Mul(g, 2)),
        { locate: false },
      );
      expect(failedNames(wrong)).toEqual(["dense_1/b"]);
    } finally {
      record.infer = right;
    }
  });

  test("a gradient that cannot be told from rounding is untested", async () => {
    const w = input("w", "float64", [2]);
    const loss = ops.Add(sum(ops.Mul(ops.Mul(w, w), 1e-6)), 1e9);
    const inputs = { w: tensor("float64", [0.3, 0.4]) };
    const { tensors, passed, verdict } = await checkGradient({ loss, parameters: [w], inputs });
    expect(tensors[0]!.verdict).toBe("untested");
    expect({ passed, verdict }).toEqual({ passed: false, verdict: "untested" });
    // A wrong one is no more right for that.
    const wrong = await checkGradient({ loss, parameters: [w], gradients: [ops.Mul(w, 7e-6)], inputs }, { locate: false });
    expect(wrong.passed).toBe(false);
  });

  test("a step that is absurd is refused", async () => {
    const check = (step: number) => checkGradient(denseLoss(), { step });
    for (const step of [1e-18, 0.5, 10, -1, NaN]) await expect(check(step)).rejects.toThrow(`must be from 1e-12 to 0.1, found ${step}`);
  });

  test("a given gradient of another shape than its parameter is refused", async () => {
    const w = input("w", "float64", [3]);
    const spec = { loss: sum(ops.Tanh(w)), parameters: [w], inputs: { w: tensor("float64", [1, 2, 3]) } };
    await expect(checkGradient({ ...spec, gradients: [sum(w)] })).rejects.toThrow(
      "the gradient of w must have its shape, [3]; got float64 []",
    );
    await expect(checkGradient({ ...spec, gradients: [ops.Unsqueeze(w, int64([0]))] })).rejects.toThrow("must have its shape, [3]");
  });

  test("a loss of one's own that gives no number per example says what it should give", () => {
    const { perExample } = losses.categoricalCrossEntropy;
    const { problem, ...point } = densePoint();
    const own = (change: (found: Value) => Value) => {
      const loss = { ...losses.categoricalCrossEntropy, name: "mine", perExample: (z: Value, y: Value) => change(perExample(z, y)) };
      return () => problemLoss({ problem: { ...problem, loss }, ...point, part: "data" });
    };
    expect(own((found) => sum(found))).toThrow("the loss mine must give one number per example, float [batch]; it gives float32 []");
    expect(own((found) => ops.Unsqueeze(found, int64([1])))).toThrow("it gives float32 [batch, 1]");
    expect(own((found) => ops.Cast(found, { to: "int64" }))).toThrow("it gives int64 [batch]");
    expect(own((found) => found)).not.toThrow();
  });

  test("errors name what is missing", async () => {
    const w = input("w", "float64", [2]);
    await expect(checkGradient({ loss: sum(w), parameters: [w], inputs: {} })).rejects.toThrow('input "w" has no value');
    await expect(checkGradient({ loss: w, parameters: [w], inputs: {} })).rejects.toThrow("needs a float scalar");
    await expect(checkGradient({ loss: sum(w), parameters: [], inputs: {} })).rejects.toThrow("no parameters");
    const inner = ops.Neg(w);
    await expect(checkGradient({ loss: sum(inner), parameters: [inner], inputs: {} })).rejects.toThrow("must be an input");
    await expect(checkGradient({ loss: sum(w), parameters: [w], inputs: { w: tensor("float64", [1, 2, 3]) } })).rejects.toThrow(
      'input "w" must be float64[2], got float64[3]',
    );
  });
});
