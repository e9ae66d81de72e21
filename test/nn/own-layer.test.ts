/** Layers and losses that a program defines itself: trained, described, checked, saved and loaded like ours. */
import { mkdirSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as gradus from "../../src/index.ts";
import { int64, ops, type Value } from "../../src/graph.ts";
import { root, workFolder } from "../cli/support.ts";
import { rng } from "../../src/util/rng.ts";
import { problemLoss } from "../../src/check/subject.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { initializeParameters } from "../../src/nn/parameters.ts";
import { layoutOf } from "../../src/train/step-graph.ts";

const { activation, checkProblem, defineLayer, dense, describeNetwork, dropout, fit, loadModel, residual, saveModel, sequential } = gradus;

workFolder();

/** x·tanh(W) + b: not linear in its parameters. */
const bent = defineLayer({
  kind: "bent",
  build({ units }: { readonly units: number }, x, { parameter }) {
    const inputs = Number(x.shape[1]);
    const fans = { fanIn: inputs, fanOut: units };
    const w = parameter({ name: "W", shape: [inputs, units], role: "weight", initializer: "lecunNormal", ...fans });
    const b = parameter({ name: "b", shape: [units], role: "bias", initializer: "zeros", ...fans });
    return ops.Add(ops.MatMul(x, ops.Tanh(w)), b);
  },
  describe: ({ units }) => `${units} bent units`,
});
/** A layer around others, with a mask and running figures of its own. */
const around = defineLayer({
  kind: "around",
  build({ layers }: { readonly layers: readonly gradus.Layer[] }, x, { build, mask, parameter, training, update }) {
    const seen = parameter({ name: "seen", shape: [1], role: "buffer", initializer: "zeros", fanIn: 1, fanOut: 1 });
    if (training) update("seen", ops.Add(seen, 1));
    const y = build(layers, x);
    return training ? ops.Mul(y, mask([Number(y.shape[1])], 0.9)) : y;
  },
});

const problem = (layers: Parameters<typeof sequential>[0], loss = gradus.lossByName("meanSquared")) => ({
  network: sequential(layers),
  loss,
  inputShape: [4],
  outputs: 2,
});
const draw = rng(1, "own layers");
const data = {
  features: tensor("float32", draw.fillNormal(new Float32Array(48)), [12, 4]),
  targets: tensor("float32", draw.fillNormal(new Float32Array(24)), [12, 2]),
};
const mixed = [
  dense(5),
  around({ layers: [bent({ units: 6 }), activation("tanh")] }),
  residual([bent({ units: 6 })]),
  dropout(0.8),
  dense(2),
];
const table = () => gradus.readTable(`${root}/examples/penguins.csv`, { target: "species" });

describe("a layer of one's own", () => {
  test("is described as others are, inside others too", () => {
    const rows = describeNetwork(sequential(mixed), [4]).layers;
    expect(rows.map(({ name, parameters, description }) => [name, parameters, description])).toEqual([
      ["dense_1", 25, "5 units"],
      ["around_1/bent_1", 36, "6 bent units"],
      ["around_1/tanh_1", 0, "tanh"],
      ["around_1", 0, ""],
      ["residual_1/bent_1", 42, "6 bent units"],
      ["residual_1", 0, ""],
      ["dropout_1", 0, "keep 0.8"],
      ["dense_2", 14, "2 units"],
    ]);
  });

  test("is checked by the whole protocol", async () => {
    const { passed, checks } = await checkProblem(problem(mixed), data, { burnIn: 3, penalty: gradus.l2Penalty(0.1, 12) });
    expect(passed).toBe(true);
    expect(new Set(checks.map(({ part }) => part))).toEqual(new Set(["data", "penalty", "sum"]));
    const own = checks[0]!.tensors.find(({ name }) => name === "around_1/bent_1/W")!;
    expect(own).toMatchObject({ verdict: "passed", method: "plain", coordinates: 30 });
  });

  test("a wrong gradient of it is found, and nothing of it taken for linear", async () => {
    const one = problem([bent({ units: 2 })]);
    const layout = layoutOf(one);
    const theta = new Float32Array(layout.size);
    initializeParameters(layout, theta, 1);
    const spec = problemLoss({ problem: one, layout, theta, data, part: "data" });
    expect((await gradus.checkGradient(spec)).tensors.find(({ name }) => name === "bent_1/W")).toMatchObject({ method: "plain" });
    const gradients = spec.gradients!.map((g, i) => (spec.parameters[i]!.name === "bent_1/W" ? ops.Mul(g, 1.001) : g));
    const { passed, fault } = await gradus.checkGradient({ ...spec, gradients });
    expect(passed).toBe(false);
    expect(fault).toMatchObject({ layer: "bent_1", parameters: ["bent_1/W"] });
  });

  test("the examination before training takes it", async () => {
    const { findings } = await gradus.preflight(problem(mixed), data);
    expect(findings.find(({ rule }) => rule === "missing-activation")!.severity).toBe("pass");
  });

  test("trains on a table; its data are saved, and load with its definition alone", async () => {
    const parts = gradus.split(await table());
    const layers = [around({ layers: [dense(6), bent({ units: 8 })] }), activation("relu"), dense(3)];
    const run = await fit(sequential(layers), parts, { epochs: 15 });
    expect(run.metrics.validation["error"]!.value).toBeLessThan(0.2);

    const { description, weights } = saveModel(gradus.modelOf(run));
    const text = JSON.stringify(description);
    const stored = JSON.parse(text) as gradus.ModelDescription;
    expect(stored.network.layers[0]).toEqual({
      kind: "around",
      layers: [
        { kind: "dense", units: 6 },
        { kind: "bent", units: 8 },
      ],
    });
    const loaded = loadModel(stored, weights, { layers: [bent, around] });
    const rows = parts.validation;
    expect(await gradus.predictRows(loaded, parts.table, rows)).toEqual(await gradus.predictRows(gradus.modelOf(run), parts.table, rows));
    mkdirSync("run");
    writeFileSync("run/model.json", text);
    writeFileSync("run/model.safetensors", weights);
    expect(await gradus.loadRunModel("run", { layers: [around, bent] })).toEqual(loaded);
    await expect(gradus.loadRunModel("run")).rejects.toThrow('run: no layer "around"');
    expect(() => loadModel(stored, weights)).toThrow('no layer "around"');
    expect(() => loadModel(stored, weights, { layers: [around] })).toThrow('no layer "bent"');
    try {
      loadModel(stored, weights);
    } catch (error) {
      expect((error as gradus.GradusError).hint).toContain("given again to load a model that has it: { layers: [around] }");
    }
  });

  test("bad definitions and options are refused", () => {
    const build = (_: object, x: Value) => x;
    expect(() => defineLayer({ kind: "two words", build })).toThrow('a layer cannot be of the kind "two words"');
    const dense2 = defineLayer({ kind: "dense", build });
    expect(() => describeNetwork(sequential([dense2()]), [4])).toThrow('cannot be of the kind "dense": that is one of ours');
    expect(() => bent({ units: NaN })).toThrow('a bent layer\'s option "units" is nothing that a saved model can hold');
    expect(() => bent({ units: 1, f: () => 1 } as never)).toThrow('option "f"');
    expect(() => bent({ kind: "x" } as never)).toThrow('has an option "kind"');
    expect(() => describeNetwork(sequential([{ kind: "mine" } as never]), [4])).toThrow('no layer "mine"');
  });
});

describe("a loss of one's own", () => {
  const quartic: gradus.Loss = {
    name: "quartic",
    prediction: "identity",
    perExample: (z, y) => ops.ReduceMean(ops.Pow(ops.Sub(z, y), 4), { axes: [1], keepdims: 0 }),
  };

  test("is checked, and trains on a table; saved by its name, it is given again to load", async () => {
    expect((await checkProblem(problem([dense(2)], quartic), data, { burnIn: 0 })).passed).toBe(true);
    const amounts = await gradus.readTable(`${root}/examples/penguins.csv`, { target: "coalesce(body_mass_g, 4000)" });
    const parts = gradus.split(amounts);
    const run = await fit(gradus.mlp({ layers: [8] }), parts, { epochs: 3, loss: quartic });
    expect(run.problem.loss).toBe(quartic);
    const { description, weights } = saveModel(gradus.modelOf(run));
    expect(description.loss).toBe("quartic");
    expect(() => loadModel(description, weights)).toThrow('no loss "quartic"');
    expect(loadModel(description, weights, { losses: [quartic] }).loss).toBe(quartic);
    await expect(fit(gradus.mlp(), parts, { loss: { ...quartic, prediction: "softmax" } })).rejects.toThrow(
      "loss quartic does not fit regression",
    );
    await expect(fit(gradus.mlp(), parts, { loss: { ...quartic, name: "huber" } })).rejects.toThrow('cannot be named "huber"');
  });

  test("a sum over units other than the mean is as good", async () => {
    const summed = { ...quartic, perExample: (z: Value, y: Value) => ops.ReduceSum(ops.Abs(ops.Sub(z, y)), int64([1]), { keepdims: 0 }) };
    expect((await checkProblem(problem([bent({ units: 2 })], summed), data, { burnIn: 0 })).passed).toBe(true);
  });
});
