/** Every rule is silent where nothing is wrong, and names the fault where one is planted. */
import type { Value } from "../../src/ir/graph.ts";
import { describe, expect, test } from "vitest";
import { tensor } from "../../src/ir/tensor.ts";
import { activation } from "../../src/nn/layers/activation.ts";
import { batchNorm } from "../../src/nn/layers/batch-norm.ts";
import { conv } from "../../src/nn/layers/conv.ts";
import { dense } from "../../src/nn/layers/dense.ts";
import { dropout } from "../../src/nn/layers/dropout.ts";
import { flatten } from "../../src/nn/layers/flatten.ts";
import { layerNorm } from "../../src/nn/layers/layer-norm.ts";
import { residual } from "../../src/nn/layers/residual.ts";
import { reshape } from "../../src/nn/layers/shape.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { architectures, type ArchitectureName } from "../../src/nn/architectures/index.ts";
import { ops } from "../../src/ops/build.ts";
import { preflight } from "../../src/preflight/preflight.ts";
import { rules } from "../../src/preflight/rules/index.ts";
import { bent, found, healthy, problemOf, rowsFor, smoothed, weightsOf, withActivation } from "./planted.ts";

const severities = (findings: readonly { severity: string }[]) => findings.map(({ severity }) => severity);

describe("healthy problems", () => {
  test("pass every rule: classes, two classes, amounts", async () => {
    for (const [loss, outputs] of [
      ["categoricalCrossEntropy", 3],
      ["binaryCrossEntropy", 1],
      ["meanSquared", 1],
      ["meanAbsolute", 1],
      ["huber", 1],
    ] as const) {
      const problem = problemOf([...bent(64), ...bent(32), dense(outputs)], loss, outputs);
      const { findings, severity, checked } = await preflight(problem, rowsFor(problem));
      expect(findings.filter((finding) => finding.severity !== "pass")).toEqual([]);
      expect({ severity, rules: checked.length }).toEqual({ severity: "pass", rules: rules.length });
    }
  });

  test.each(Object.keys(architectures) as ArchitectureName[])(
    "the ready %s passes at every seed what is checked before a training",
    async (name) => {
      const shape = {
        logistic: [8],
        mlp: [8],
        cnn: [1, 8, 8],
        resnet: [1, 8, 8],
        rnn: [6, 5],
        lstm: [6, 5],
        gru: [6, 5],
        transformer: [6, 5],
      }[name];
      for (const seed of [1, 2, 3]) {
        const network = architectures[name].build({ inputShape: shape, outputs: 3 });
        const problem = { ...problemOf(), network, inputShape: shape };
        const data = rowsFor(problem, 64, seed);
        const { findings } = await preflight(problem, shape.length === 3 ? smoothed(data) : data, { which: "start", seed });
        expect(findings.filter(({ severity }) => severity !== "pass")).toEqual([]);
      }
    },
  );

  test("nothing that is given is changed, and the same seed finds the same", async () => {
    const problem = problemOf([...bent(16), batchNorm(), dropout(0.8), dense(3)]);
    const [data, theta] = [rowsFor(problem, 60), weightsOf(problem, () => {})];
    const before = [theta.slice(), (data.features.data as Float32Array).slice(), (data.targets.data as Float32Array).slice()];
    const first = await preflight(problem, data, { theta });
    expect([theta, data.features.data, data.targets.data]).toEqual(before);
    expect((await preflight(problem, data, { theta })).findings).toEqual(first.findings);
  });

  test("every finding names its rule, limits and source", async () => {
    const { findings } = await preflight(problemOf(), rowsFor(problemOf()), { which: "start" });
    for (const { rule, threshold, source, message } of findings) {
      const known = rules.find(({ name }) => name === rule)!;
      expect(Object.keys(threshold)).toEqual(Object.keys(known.limits));
      expect(source).toBe(known.source);
      expect(message.length).toBeGreaterThan(10);
    }
  });

  test("limits can be changed; unknown ones are refused by name", async () => {
    const run = (limits: Record<string, Record<string, number>>) =>
      preflight(problemOf(), rowsFor(problemOf()), { which: "start", limits });
    const strict = await run({ "initial-loss": { passTo: 0.1, warnTo: 0.2 } });
    expect(strict.findings.find(({ rule }) => rule === "initial-loss")).toMatchObject({
      severity: "fail",
      threshold: { passTo: 0.1, warnTo: 0.2 },
    });
    await expect(run({ "initial-los": {} })).rejects.toMatchObject({ message: 'there is no rule "initial-los".', hint: /initial-loss/ });
    await expect(run({ signal: { lots: 1 } })).rejects.toMatchObject({ message: 'rule signal has no limit "lots".', hint: /lost/ });
  });
});

describe("initial-loss (I1)", () => {
  test("is log C, log 2 and Var(y) for outputs of zero, to float32", async () => {
    for (const [loss, outputs, expected, name] of [
      ["categoricalCrossEntropy", 7, Math.log(7), "log 7"],
      ["binaryCrossEntropy", 1, Math.log(2), "log 2"],
    ] as const) {
      const problem = problemOf([...bent(8), dense(outputs, { initializer: "zeros" })], loss, outputs);
      const [finding] = await found("initial-loss", problem);
      expect(finding!.severity).toBe("pass");
      expect(finding!.numbers["loss"]).toBeCloseTo(expected, 6);
      expect(finding!.numbers["constant"]).toBeCloseTo(expected, 12);
      expect(finding!.message).toContain(`expected ${name} = `);
    }
    const problem = problemOf([dense(1, { initializer: "zeros" })], "meanSquared", 1);
    const [{ numbers } = { numbers: {} as Record<string, number> }] = await found("initial-loss", problem);
    expect(numbers["loss"]).toBeCloseTo(numbers["constant"]!, 5);
  });

  test("is H(prior) where the biases hold the prior", async () => {
    const problem = problemOf([...bent(8), dense(3, { initializer: "zeros" })]);
    const data = rowsFor(problem, 200);
    const share = [0, 1, 2].map((k) => (data.targets.data as Float32Array).filter((y, i) => i % 3 === k && y === 1).length / 200);
    const entropy = -share.reduce((sum, p) => sum + p * Math.log(p), 0);
    const theta = weightsOf(problem, (weights, name) => {
      if (name === "dense_2/b") weights.set(share.map(Math.log));
    });
    const [finding] = await found("initial-loss", problem, { data, theta });
    expect(finding).toMatchObject({ severity: "pass", message: expect.stringContaining("H(prior)") });
    expect(finding!.numbers["constant"]).toBeCloseTo(entropy, 6);
  });

  test("fails at weights a hundred times too large, a summed loss, a loss that sees the target, an infinite input", async () => {
    const problem = problemOf();
    const large = weightsOf(problem, (weights) => weights.forEach((_, i) => (weights[i]! *= 100)));
    expect(await found("initial-loss", problem, { theta: large })).toMatchObject([{ severity: "fail", hint: /outputs too large/ }]);
    const summed = problemOf(healthy, {
      ...losses.categoricalCrossEntropy,
      perExample: (z, y) => ops.Mul(losses.categoricalCrossEntropy.perExample(z, y), 32),
    });
    expect(await found("initial-loss", summed)).toMatchObject([{ severity: "fail", hint: /summed/ }]);
    const seen = problemOf(healthy, {
      ...losses.categoricalCrossEntropy,
      perExample: (z, y) => losses.categoricalCrossEntropy.perExample(ops.Add(z, ops.Mul(y, 4)), y),
    });
    expect(await found("initial-loss", seen)).toMatchObject([{ severity: "fail", hint: /does the loss see the targets/ }]);
    const data = rowsFor(problem);
    (data.features.data as Float32Array)[3] = Infinity;
    expect(await found("initial-loss", problem, { data })).toMatchObject([
      { severity: "fail", message: /not finite before the first step/ },
    ]);
  });

  test("says of a loss of one's own that nothing is known", async () => {
    const own = { ...losses.meanSquared, name: "quantile" };
    expect(await found("initial-loss", problemOf([dense(1)], own, 1))).toMatchObject([
      { severity: "note", message: /quantile is your own/ },
    ]);
  });
});

describe("reduction (I2)", () => {
  test("fails where a loss depends on the batch's size, and where only its gradient does", async () => {
    const { categoricalCrossEntropy: right } = losses;
    const sum = problemOf(healthy, {
      ...right,
      perExample: (z, y) => ops.Add(ops.Mul(right.perExample(z, y), 0), ops.ReduceSum(right.perExample(z, y), null, { keepdims: 0 })),
    });
    const [summed] = await found("reduction", sum);
    expect(summed).toMatchObject({ severity: "fail", message: /when a batch is repeated 3 times the loss goes from/ });
    expect(summed!.numbers["repeated"]! / summed!.numbers["loss"]!).toBeCloseTo(3, 4);
  });

  test("says of one row that a batch of it is no mean, where its statistics would be noise", async () => {
    const problem = problemOf([...bent(16), batchNorm(), activation("relu"), dense(3)]);
    expect(await found("reduction", problem, { data: rowsFor(problem, 1) })).toMatchObject([
      { severity: "note", message: /fewer than two rows/ },
    ]);
  });

  test("passes with dropout, whose masks are repeated, and with batch statistics", async () => {
    const [finding] = await found("reduction", problemOf([...bent(16), batchNorm(), dropout(0.5), ...bent(16), dense(3)]));
    expect(finding).toMatchObject({ severity: "pass" });
  });
});

describe("numbers that are not finite", () => {
  test("in the inputs, the targets and the weights: named, and nothing is compared", async () => {
    const problem = problemOf();
    const theta = weightsOf(problem, (weights, name) => {
      if (name === "dense_2/W") weights[5] = NaN;
    });
    expect(await found("initial-loss", problem, { theta })).toMatchObject([{ severity: "fail", subject: "dense_2/W" }]);
    expect(await found("initial-scale", problem, { theta })).toMatchObject([
      { severity: "fail", subject: "dense_2/W", message: "dense_2/W holds numbers that are not finite" },
    ]);
    expect(await found("batch-independence", problem, { theta })).toMatchObject([
      { severity: "fail", subject: "dense_2", message: /^dense_2 gives numbers that are not finite/ },
    ]);
    for (const which of ["features", "targets"] as const) {
      const data = rowsFor(problem);
      (data[which].data as Float32Array)[3] = NaN;
      const subject = which === "features" ? "the inputs" : "the targets";
      expect(await found("initial-loss", problem, { data })).toMatchObject([{ severity: "fail", subject }]);
      const { findings } = await preflight(problem, data);
      for (const { message } of findings) expect(message).not.toMatch(/NaN %|mixes the batch|times the loss|no difference/);
    }
  });

  test("made by a layer: the first one is named", async () => {
    const [finding] = await withActivation(
      "tanh",
      (z) => ops.Log(ops.Neg(ops.Exp(z))),
      () => found("initial-loss", problemOf([...bent(16), ...bent(16, "tanh"), dense(3)])),
    );
    expect(finding).toMatchObject({ severity: "fail", subject: "output of tanh_1" });
  });
});

describe("initial-scale (I3)", () => {
  test("zero weights fail as symmetry, in the output layer they are noted", async () => {
    const [first, ...rest] = await found("initial-scale", problemOf([dense(16, { initializer: "zeros" }), activation("relu"), dense(3)]));
    expect([first, rest]).toMatchObject([
      { severity: "fail", subject: "dense_1/W", message: /starts all zero: all its units learn the same/ },
      [],
    ]);
    const last = await found("initial-scale", problemOf([...bent(16), dense(3, { initializer: "zeros" })]));
    expect(last).toMatchObject([{ severity: "note", subject: "dense_2/W" }]);
  });

  test("units that all start alike fail although their weights differ, columns of dense and filters of conv", async () => {
    const alike = (weights: Float32Array) => weights.forEach((_, i) => (weights[i] = Math.sin(Math.floor(i / 16))));
    const rows = await found("initial-scale", problemOf([dense(16, { initializer: alike }), activation("relu"), dense(3)]));
    expect(rows).toMatchObject([{ severity: "fail", subject: "dense_1/W", message: /the same for every unit/ }]);
    const filters = (weights: Float32Array) => weights.forEach((_, i) => (weights[i] = Math.sin(i % 9)));
    const layers = [reshape([1, 4, 4]), conv(6, { initializer: filters }), activation("relu"), flatten(), dense(3)] as const;
    expect(await found("initial-scale", problemOf(layers, undefined, 3, 16))).toMatchObject([{ severity: "fail", subject: "conv_1/W" }]);
  });

  test("a hundred times too wide fails, half as wide warns, with the factor", async () => {
    for (const [factor, severity] of [
      [100, "fail"],
      [0.5, "warn"],
      [1.6, "warn"],
    ] as const) {
      const theta = weightsOf(problemOf(), (weights, name) => {
        if (name === "dense_2/W") weights.forEach((_, i) => (weights[i]! *= factor));
      });
      const [finding, ...others] = await found("initial-scale", problemOf(), { theta });
      expect([finding, others]).toMatchObject([{ severity, subject: "dense_2/W" }, []]);
      expect(finding!.numbers["ratio"]! / factor).toBeCloseTo(1, 1);
    }
  });

  test("an initialiser of one's own is held against the one the activation asks for", async () => {
    const wide = {
      name: "wide",
      fill: (weights: Float32Array, _: unknown, rng: { normal(): number }) => weights.forEach((_, i) => (weights[i] = rng.normal())),
    };
    const findings = await found("initial-scale", problemOf([dense(64, { initializer: wide }), activation("relu"), dense(3)]));
    expect(findings).toMatchObject([{ severity: "warn", subject: "dense_1/W", message: /2 times as wide as N\(0, 2\/n\[l-1\]\)/ }]);
  });

  test("no false alarm in 300 draws of every initialiser, uniform ones by their own scatter", async () => {
    const alarms: string[] = [];
    for (const initializer of ["heNormal", "heUniform", "lecunUniform", "glorotNormal", "glorotUniform", "orthogonal"] as const) {
      const problem = problemOf([dense(12, { initializer }), activation("relu"), dense(3)]);
      for (let seed = 1; seed <= 50; seed++) {
        const data = rowsFor(problem, 2);
        for (const { severity, subject } of await found("initial-scale", problem, { seed, data }))
          if (severity !== "pass") alarms.push(`${initializer} ${subject}`);
      }
    }
    expect(alarms).toEqual([]);
  });
});

describe("signal (I4)", () => {
  const deep = (scale: number, depth = 23) => {
    const initializer = (weights: Float32Array, { fanIn }: { fanIn: number }, rng: { normal(): number }) =>
      weights.forEach((_, i) => (weights[i] = scale * Math.sqrt(2 / fanIn) * rng.normal()));
    return problemOf([
      ...Array.from({ length: depth - 1 }, () => [dense(48, { initializer }), activation("relu")]).flat(),
      dense(3, { initializer }),
    ] as const);
  };

  test("says the factor per layer in words, both ways, and fails where the signal is lost", async () => {
    const [forward, backward] = await found("signal", deep(0.62));
    expect(forward!.message).toMatch(/^your layers multiply the signal by 0\.6\d* each, \S+·10⁻[⁴⁵] after 22; two of them differ by /);
    expect(forward!.numbers["factor"]! ** 22).toBeCloseTo(forward!.numbers["total"]!, 12);
    expect(backward!.message).toMatch(/^on its way back your layers multiply the gradient by 0\.(59|6)\d* each/);
    expect(severities([forward!, backward!])).toEqual(["fail", "fail"]);
    expect(severities(await found("signal", deep(1.62)))).toEqual(["fail", "fail"]);
  });

  test("warns in between, passes at He's scale", async () => {
    expect(severities(await found("signal", deep(0.7, 8)))).toEqual(["warn", "warn"]);
    expect(severities(await found("signal", deep(1, 12)))).toEqual(["pass", "pass"]);
  });

  test("a layer that is dead for every example is named", async () => {
    const problem = problemOf([...bent(16), ...bent(16), dense(3)]);
    const theta = weightsOf(problem, (weights, name) => {
      if (name === "dense_1/b") weights.fill(-1e6);
    });
    const [forward, backward] = await found("signal", problem, { theta });
    expect(forward).toMatchObject({ severity: "fail", subject: "dense_2", message: "the output of dense_2 is zero for every example" });
    expect(backward).toMatchObject({
      severity: "fail",
      subject: "dense_1",
      message: "the gradient that reaches dense_1 is zero for every example",
    });
  });

  test("narrow layers scatter without alarm: 8 units, 40 seeds", async () => {
    const alarms = [];
    for (let seed = 1; seed <= 40; seed++) {
      const problem = problemOf([...bent(8), ...bent(8), ...bent(8), dense(1)], "meanSquared", 1);
      alarms.push(
        ...(await found("signal", problem, { seed, data: rowsFor(problem, 64, seed) })).filter(({ severity }) => severity !== "pass"),
      );
    }
    expect(alarms).toEqual([]);
  });
});

describe("batch-independence (I6)", () => {
  const mixing = problemOf([...bent(16), ...bent(16, "tanh"), dense(3)]);

  test("a layer that takes a mean, a softmax or a maximum over the batch is named", async () => {
    for (const apply of [
      (z: Value) => ops.Sub(z, ops.ReduceMean(z, { axes: [0] })),
      (z: Value) => ops.Softmax(z, { axis: 0 }),
      (z: Value) => ops.Div(z, ops.ReduceMax(ops.Abs(z), { axes: [0] })),
    ]) {
      const [finding] = await withActivation("tanh", apply, () => found("batch-independence", mixing));
      expect(finding).toMatchObject({ severity: "fail", subject: "tanh_1", message: /tanh_1 mixes the batch/ });
    }
  });

  test("a loss that mixes examples is named as the loss", async () => {
    const { meanSquared } = losses;
    const mixed = problemOf(
      [dense(1)],
      { ...meanSquared, perExample: (z, y) => meanSquared.perExample(ops.Sub(z, ops.ReduceMean(z, { axes: [0] })), y) },
      1,
    );
    expect(await found("batch-independence", mixed)).toMatchObject([{ severity: "fail", subject: "the loss" }]);
  });

  test("batch normalisation in evaluation, layer normalisation and a mean over the features do not mix", async () => {
    const problem = problemOf([...bent(16), batchNorm(), layerNorm(), ...bent(16, "tanh"), dense(3)]);
    expect(severities(await found("batch-independence", problem))).toEqual(["pass"]);
    const along = () => found("batch-independence", problem);
    expect(severities(await withActivation("tanh", (z) => ops.Sub(z, ops.ReduceMean(z, { axes: [1] })), along))).toEqual(["pass"]);
  });
});

describe("one-batch-fit (I7)", () => {
  test("fails where no gradient arrives, where targets are out of reach, and where the loss ignores the targets", async () => {
    const dead = problemOf();
    const theta = weightsOf(dead, (weights, name) => {
      if (name === "dense_1/b") weights.fill(-1e3);
    });
    expect(await found("one-batch-fit", dead, { theta })).toMatchObject([
      { severity: "fail", message: /32 examples are not learnt by heart in 1 000 steps: \d+ wrong/ },
    ]);
    const short = problemOf([...bent(32), dense(1), activation("sigmoid")], "meanSquared", 1);
    expect(await found("one-batch-fit", short)).toMatchObject([{ severity: "fail", message: /R² / }]);
    const blind = problemOf(healthy, {
      ...losses.categoricalCrossEntropy,
      perExample: (z) => ops.ReduceMean(ops.Mul(z, z), { axes: [1], keepdims: 0 }),
    });
    expect(severities(await found("one-batch-fit", blind, { limits: { "one-batch-fit": { steps: 200 } } }))).toEqual(["fail"]);
  });

  test("fits with dropout left out, with few inputs to a linear model, with equal inputs passed over", async () => {
    expect(severities(await found("one-batch-fit", problemOf([...bent(64), dropout(0.1), dense(3)])))).toEqual(["pass"]);
    const linear = problemOf([dense(1)], "meanSquared", 1);
    expect(await found("one-batch-fit", linear)).toMatchObject([{ severity: "pass", message: /^4 examples/ }]);
    const problem = problemOf();
    const data = rowsFor(problem, 40);
    // Twenty copies of one row, each with a class of its own.
    (data.features.data as Float32Array).copyWithin(8, 0, 8);
    for (let row = 2; row < 20; row++) (data.features.data as Float32Array).copyWithin(row * 8, 0, 8);
    const [finding] = await found("one-batch-fit", problem, { data });
    expect(finding).toMatchObject({ severity: "pass", numbers: { examples: 21, wrong: 0 } });
  });
});

describe("inputs-matter (I8)", () => {
  test("inputs that preprocessing made zero fail, noise warns, real ones pass", async () => {
    const problem = problemOf();
    const data = rowsFor(problem);
    const zeroed = { ...data, features: tensor("float32", new Float32Array(200 * 8), [200, 8]) };
    expect(await found("inputs-matter", problem, { data: zeroed })).toMatchObject([
      { severity: "fail", message: /the inputs do not arrive/ },
    ]);
    expect(await found("inputs-matter", problem, { data })).toMatchObject([{ severity: "pass", message: /p < 0\.0001/ }]);
  });

  test("a network whose first layer lets nothing through fails", async () => {
    const problem = problemOf([...bent(16, "tanh"), dense(3)]);
    const [finding] = await withActivation(
      "tanh",
      (z) => ops.Mul(z, 0),
      () => found("inputs-matter", problem),
    );
    expect(finding).toMatchObject({ severity: "fail" });
  });

  test("inputs that cannot help warn: a linear model of a target that is even in them", async () => {
    const problem = problemOf([dense(1)], "meanSquared", 1, 3);
    const data = rowsFor(problem, 256);
    const x = data.features.data as Float32Array;
    // Every row with its mirror image, and the same target for both: no linear function helps.
    x.forEach((_, i) => (x[i] = Math.floor(i / 3) % 2 === 0 ? x[i]! : -x[i - 3]!));
    const y = Float32Array.from({ length: 256 }, (_, row) => x[row * 3]! ** 2 - 1);
    const [finding] = await found("inputs-matter", problem, { data: { ...data, targets: tensor("float32", y, [256, 1]) } });
    expect(finding).toMatchObject({ severity: "warn", message: /the inputs make no difference/ });
  });
});

describe("static rules (I9)", () => {
  test("softmax before the cross-entropy that applies it: once, by softmax-twice", async () => {
    const problem = problemOf([...healthy, activation("softmax")]);
    expect(await found("softmax-twice", problem)).toMatchObject([
      { severity: "fail", subject: "softmax_1", numbers: { least: Math.log(1 + 2 / Math.E) } },
    ]);
    expect(severities(await found("output-layer", problem))).toEqual(["pass"]);
    expect(await found("softmax-twice", problemOf([...bent(8, "softmax"), dense(3)]))).toMatchObject([
      { severity: "warn", subject: "softmax_1" },
    ]);
  });

  test("the last layer and the loss", async () => {
    const cases = [
      [[...bent(8), dense(1), activation("sigmoid")], "binaryCrossEntropy", 1, "fail", /probabilities of probabilities/],
      [[...bent(8), dense(1), activation("softmax")], "binaryCrossEntropy", 1, "fail", /bends the logits/],
      [[...bent(8), dense(3), activation("relu")], "categoricalCrossEntropy", 3, "warn", /bends the logits/],
      [[...bent(8), dense(1)], "categoricalCrossEntropy", 1, "fail", /softmax is 1 whatever/],
      [[...bent(8), dense(1), activation("sigmoid")], "meanSquared", 1, "fail", /from 0 to 1, and \S+ % of the targets lie outside/],
      [[...bent(8), dense(1), activation("relu")], "meanSquared", 1, "fail", /from 0 up/],
      [[...bent(8), dense(1), dropout(0.5)], "meanSquared", 1, "warn", /drops units of the output/],
      [[...bent(8), dense(1), dropout(1), activation("identity")], "meanSquared", 1, "pass", /its predictions/],
      [[...bent(8), dense(3)], "categoricalCrossEntropy", 3, "pass", /its logits/],
    ] as const;
    for (const [layers, loss, outputs, severity, message] of cases) {
      expect(await found("output-layer", problemOf(layers, loss, outputs))).toMatchObject([{ severity, message }]);
    }
  });

  test("a sigmoid at the end is right for amounts that lie in its range", async () => {
    const problem = problemOf([...bent(8), dense(1), activation("sigmoid")], "meanSquared", 1);
    const data = rowsFor(problem);
    const targets = tensor("float32", new Float32Array(200).fill(0.5), [200, 1]);
    expect(severities(await found("output-layer", problem, { data: { ...data, targets } }))).toEqual(["pass"]);
  });

  test("a missing activation, across layers that do not bend, inside residual blocks too", async () => {
    for (const [layers, subject] of [
      [[dense(8), dense(3)], "dense_2"],
      [[dense(8), activation("identity"), dropout(0.9), batchNorm(), dense(3)], "dense_2"],
      [[reshape([1, 2, 4]), conv(2), conv(2), activation("relu"), flatten(), dense(3)], "conv_2"],
      [[dense(8), activation("relu"), residual([dense(8), dense(8)]), activation("relu"), dense(3)], "residual_1/dense_2"],
    ] as const) {
      expect(await found("missing-activation", problemOf(layers))).toMatchObject([{ severity: "warn", subject }]);
    }
    const bentBetween = [
      dense(8),
      layerNorm(),
      dense(8),
      activation("relu"),
      residual([dense(8), activation("relu"), dense(8)]),
      dense(3),
    ] as const;
    expect(severities(await found("missing-activation", problemOf(bentBetween)))).toEqual(["pass"]);
  });

  test("dropout before batch normalisation, not behind it, and not where it drops nothing", async () => {
    const before = await found("dropout-before-norm", problemOf([...bent(8), dropout(0.8), ...bent(8), batchNorm(), dense(3)]));
    expect(before).toMatchObject([{ severity: "warn", subject: "batchNorm_1", numbers: { variance: 1.25 } }]);
    expect(severities(await found("dropout-before-norm", problemOf([dense(8), batchNorm(), dropout(0.8), dense(3)])))).toEqual(["pass"]);
    expect(severities(await found("dropout-before-norm", problemOf([dense(8), dropout(1), batchNorm(), dense(3)])))).toEqual(["pass"]);
  });

  test("a bias before batch normalisation is noted with what it costs", async () => {
    expect(await found("bias-before-norm", problemOf([dense(8), batchNorm(), dense(3)]))).toMatchObject([
      { severity: "note", subject: "dense_1", numbers: { wasted: 8 } },
    ]);
    const convolution = (bias: boolean) =>
      problemOf([reshape([1, 2, 4]), conv(5, { bias }), batchNorm(), activation("relu"), flatten(), dense(3)]);
    expect(await found("bias-before-norm", convolution(true))).toMatchObject([
      { severity: "note", hint: "conv(filters, { bias: false })" },
    ]);
    expect(severities(await found("bias-before-norm", convolution(false)))).toEqual(["pass"]);
  });

  test("a keep probability below ½, or of the inputs below 0.9", async () => {
    expect(await found("keep-probability", problemOf([...bent(8), dropout(0.2), dense(3)]))).toMatchObject([
      { severity: "warn", subject: "dropout_1", message: /keeps 0\.2 of its units, below 0\.5/, hint: /0\.8/ },
    ]);
    expect(await found("keep-probability", problemOf([dropout(0.8), ...bent(8), dense(3)]))).toMatchObject([
      { severity: "warn", message: /of the inputs/ },
    ]);
    expect(severities(await found("keep-probability", problemOf([dropout(0.9), ...bent(8), dropout(0.5), dense(3)])))).toEqual(["pass"]);
  });
});
