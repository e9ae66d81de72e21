/** The rules look inside an imported graph: what is wrong there is named by its operator, and nothing false is said of it. */
import { describe, expect, test } from "vitest";
import { constant, graph, input, int64, type Value } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { pretrainedNetwork, type PretrainedOptions } from "../../src/nn/pretrained.ts";
import { ops } from "../../src/ops/build.ts";
import { runRule } from "../../src/preflight/preflight.ts";
import { contextOf } from "../../src/preflight/context.ts";
import { rules } from "../../src/preflight/rules/index.ts";
import { measureSignal } from "../../src/preflight/signal.ts";
import type { Problem } from "../../src/train/step-graph.ts";
import { rng } from "../../src/util/rng.ts";
import { rowsFor } from "./planted.ts";

const inputs = 8;

/** A file's weight, normal of variance scale²/rows. */
function weight(rows: number, columns: number, scale = 1): Value {
  const data = rng(rows * 100 + columns, "weight").fillNormal(new Float32Array(rows * columns));
  return constant(
    tensor(
      "float32",
      data.map((w) => (scale * w) / Math.sqrt(rows)),
      [rows, columns],
    ),
    `w${rows}x${columns}`,
  );
}

const vector = (size: number, fill: number) => constant(tensor("float32", new Float32Array(size).fill(fill), [size]));
const dense = (x: Value, rows: number, columns: number, scale = 1) => ops.Gemm(x, weight(rows, columns, scale), vector(columns, 0.1));
const norm = (x: Value, size: number) => ops.BatchNormalization(x, vector(size, 1), vector(size, 0), vector(size, 0), vector(size, 1))[0]!;
const dropped = (x: Value, ratio: number) => ops.Dropout(x, constant(tensor("float32", ratio)), constant(tensor("bool", [true], [])))[0]!;

function imported(build: (x: Value) => Value, options: PretrainedOptions = { head: 0 }): Problem {
  const x = input("x", "float32", ["batch", inputs]);
  const loss = losses.categoricalCrossEntropy;
  const network = pretrainedNetwork(graph({ inputs: [x], outputs: { y: build(x) } }), { ...options, outputs: 3, loss });
  return { network, loss, inputShape: [inputs], outputs: 3 };
}

async function found(rule: string, problem: Problem) {
  const wanted = rules.find(({ name }) => name === rule)!;
  return runRule(wanted, contextOf(problem, rowsFor(problem, 64)));
}

describe("an imported graph", () => {
  const healthy = imported((x) => dense(ops.Relu(dense(ops.Relu(dense(x, 8, 16)), 16, 12)), 12, 3));

  test("that is right passes what looks inside", async () => {
    for (const rule of [
      "output-layer",
      "softmax-twice",
      "missing-activation",
      "dropout-before-norm",
      "bias-before-norm",
      "keep-probability",
    ])
      expect(await found(rule, healthy)).toMatchObject([{ severity: "pass" }]);
  });

  test("nothing bends between two products, a bias, a scale and another form between them; also at the new head", async () => {
    const inside = imported((x) => {
      const first = ops.Add(ops.MatMul(x, weight(8, 16)), vector(16, 0.2));
      const scaled = ops.Mul(ops.Reshape(first, int64([-1, 4, 4])), constant(tensor("float32", [2, 3, 4, 5])));
      return dense(ops.Flatten(scaled), 16, 3);
    });
    expect(await found("missing-activation", inside)).toMatchObject([
      { severity: "warn", subject: "imported_1/Gemm_1", message: /between imported_1\/MatMul_1 and imported_1\/Gemm_1/ },
    ]);
    const atHead = imported((x) => dense(ops.Identity(dense(x, 8, 16)), 16, 4), { head: 1 });
    expect(await found("missing-activation", atHead)).toMatchObject([{ severity: "warn", subject: "dense_1" }]);
    expect(
      await found(
        "missing-activation",
        imported((x) => dense(ops.Div(constant(tensor("float32", 1)), dense(x, 8, 9)), 9, 3)),
      ),
    ).toMatchObject([{ severity: "pass" }]);
  });

  test("a branch ends a stretch: what comes before and behind is still seen", async () => {
    const branched = imported((x) => {
      const start = ops.Relu(dense(x, 8, 16));
      const around = ops.Add(start, dense(ops.Relu(dense(start, 16, 12)), 12, 16));
      return dense(dense(ops.Relu(around), 16, 12), 12, 3);
    });
    expect(await found("missing-activation", branched)).toMatchObject([{ severity: "warn", subject: /Gemm_5$/ }]);
    const square = imported((x) => {
      const z = dense(x, 8, 16);
      return dense(ops.Mul(z, z), 16, 3);
    });
    expect(await found("missing-activation", square)).toMatchObject([{ severity: "pass" }]);
  });

  test("a second softmax, hidden behind a bound; one between layers; attention's are none", async () => {
    const clipped = imported((x) =>
      ops.Clip(ops.Softmax(dense(x, 8, 3)), constant(tensor("float32", 1e-7)), constant(tensor("float32", 1))),
    );
    expect(await found("softmax-twice", clipped)).toMatchObject([{ severity: "fail", subject: "imported_1/Softmax_1", hint: /--head 1/ }]);
    const hidden = imported((x) => dense(ops.Softmax(dense(x, 8, 16)), 16, 3));
    expect(await found("softmax-twice", hidden)).toMatchObject([{ severity: "warn", subject: "imported_1/Softmax_1" }]);
    const attention = imported((x) => {
      const tokens = ops.Reshape(dense(x, 8, 16), int64([-1, 4, 4]));
      const weights = ops.Softmax(ops.MatMul(tokens, ops.Transpose(tokens, { perm: [0, 2, 1] })));
      return dense(ops.Flatten(ops.MatMul(weights, tokens)), 16, 3);
    });
    expect(await found("softmax-twice", attention)).toMatchObject([{ severity: "pass" }]);
  });

  test("an activation behind its last product bends the logits", async () => {
    expect(
      await found(
        "output-layer",
        imported((x) => ops.Relu(dense(x, 8, 3))),
      ),
    ).toMatchObject([{ severity: "warn", subject: "imported_1/Relu_1" }]);
  });

  test("dropout that keeps too little, before a normalisation that takes a bias away again", async () => {
    const problem = imported((x) => dense(ops.Relu(norm(dense(dropped(ops.Relu(dense(x, 8, 16)), 0.9), 16, 12), 12)), 12, 3));
    const [dropout] = await found("keep-probability", problem);
    expect(dropout).toMatchObject({ severity: "warn", subject: "imported_1/Mul_1", message: /keeps 0\.1 of its units, below 0\.5/ });
    expect(dropout!.numbers["keep"]).toBeCloseTo(0.1, 6);
    expect(await found("dropout-before-norm", problem)).toMatchObject([{ severity: "warn", subject: "imported_1/BatchNormalization_1" }]);
    expect(await found("bias-before-norm", problem)).toMatchObject([
      { severity: "note", subject: "imported_1/Gemm_2", numbers: { wasted: 12 }, hint: "no harm done" },
    ]);
    expect(await found("one-batch-fit", problem)).toMatchObject([{ severity: "warn", hint: "dropout inside the imported graph stays on" }]);
    // Statistics that stay only scale.
    const frozen = imported((x) => dense(ops.Relu(norm(dense(x, 8, 12), 12)), 12, 3), { head: 1, freeze: ["all"] });
    expect(await found("bias-before-norm", frozen)).toMatchObject([{ severity: "pass" }]);
  });

  test("its weights are not held against an initialiser, of a new head they are", async () => {
    const wide = imported((x) => dense(ops.Relu(dense(x, 8, 64, 30)), 64, 4), { head: 1 });
    expect(await found("initial-scale", wide)).toMatchObject([
      {
        severity: "pass",
        message: "1 of 1 weights spread as their initialisers say; not looked at: imported_1, whose weights are the file's",
      },
    ]);
  });
});

describe("the signal in an imported graph", () => {
  const deep = (scale: number, options?: PretrainedOptions) =>
    imported((x) => {
      const layers = Array.from({ length: 10 }, (_, i) => i);
      return dense(
        layers.reduce((z, i) => ops.Relu(dense(z, i === 0 ? 8 : 17 + i, 18 + i, scale)), x),
        27,
        3,
        scale,
      );
    }, options);

  test("is measured at every product, and a lost one fails", async () => {
    const { layers } = await measureSignal(deep(1.4), rowsFor(deep(1.4), 64));
    expect(layers.map(({ name }) => name)).toEqual(Array.from({ length: 11 }, (_, i) => `imported_1/Gemm_${i + 1}`));
    expect(layers.every(({ imported: inside }) => inside)).toBe(true);
    expect(await found("signal", deep(1.4))).toMatchObject([{ severity: "pass" }, { severity: "pass" }]);
    const small = await found("signal", deep(0.02));
    expect(small[1]).toMatchObject({ severity: "fail", message: /on its way back your layers multiply the gradient by 0\.0/ });
  });

  test("says nothing of what is frozen", async () => {
    const problem = deep(0.02, { head: 1, freeze: ["all"] });
    expect(await found("signal", problem)).toMatchObject([
      { severity: "pass", message: "fewer than two trained layers of weights: nothing to compare" },
    ]);
  });
});
