/** `gradus train --from`: a PyTorch export fine-tuned on a table, and the result everywhere a run is used. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import sharp from "sharp";
import { expect, test } from "vitest";
import { loadRunModel } from "../../src/store/load-run.ts";
import { readSafetensors } from "../../src/nn/safetensors.ts";
import { readModelFile } from "../../src/store/onnx-file.ts";
import { constant, graph, input } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { ops } from "../../src/ops/build.ts";
import { encodeModel, modelProto, writeModel } from "../../src/onnx/write.ts";
import { fitTable, splitTable } from "../../src/train/fit-table.ts";
import { pretrained } from "../../src/train/model-choice.ts";
import { readTable } from "../../src/data/read-table.ts";
import { rng } from "../../src/util/rng.ts";
import type { EpochFigures } from "../../src/train/events.ts";
import { file, gradus, gradusJson, root, workFolder } from "./support.ts";

workFolder();
for (const name of ["mlp", "cnn", "two-inputs"]) copyFileSync(join(root, "test/nn/fixtures", `${name}.onnx`), `${name}.onnx`);

const random = rng(1, "bars");
const pixels = 64;
const header = Array.from({ length: pixels }, (_, i) => `p${i}`);
/** 8 × 8 with one bright bar: upright or flat, and no bar at all, which the model has never seen. */
const images = Array.from({ length: 240 }, (_, row) => {
  const kind = row % 3;
  const at = random.integer(8);
  const image = Array.from({ length: pixels }, (_, i) => {
    const on = kind === 0 ? i % 8 === at : kind === 1 && Math.floor(i / 8) === at;
    return Number((0.3 * random.uniform() + (on ? 1 : 0)).toFixed(3));
  });
  return { image, label: ["upright", "flat", "none"][kind]! };
});
file("bars.csv", `${[...header, "bar"].join(",")}\n${images.map(({ image, label }) => [...image, label].join(",")).join("\n")}\n`);

const sums = Array.from({ length: 240 }, () => {
  const x = Array.from({ length: 6 }, () => Number(random.normal().toFixed(4)));
  return [...x, x[0]! + x[1]! > x[2]! + x[3]! ? "left" : "right"].join(",");
});
file("sums.csv", `a,b,c,d,e,f,side\n${sums.join("\n")}\n`);

const frozenBytes = (run: string, names: RegExp) => {
  const { tensors } = readSafetensors(readFileSync(join(run, "model.safetensors")));
  return Object.fromEntries(
    Object.entries(tensors)
      .filter(([name]) => names.test(name))
      .map(([name, held]) => [name.replace("imported_1/", ""), [...(held.data as Float32Array)]]),
  );
};

test("a convolutional network: frozen, then fine-tuned better; exported, it runs in plain ONNX Runtime", async () => {
  const flags = ["train", "bars.csv", "--target", "bar", "--from", "cnn.onnx", "--epochs", "10", "--learning-rate", "0.003"];
  const frozen = await gradusJson([...flags, "--freeze", "all", "--out", "frozen"]);
  expect(frozen.err).toBe("");
  expect(frozen.status).toBe(0);
  expect(frozen.lines.find(({ type }) => type === "model")).toMatchObject({ shape: [1, 8, 8], parameters: 48 * 3 + 3, frozen: 780 });
  const tuned = await gradusJson([...flags, "--out", "tuned"]);
  expect(tuned.lines.find(({ type }) => type === "model")).toMatchObject({ parameters: 744 + 48 * 3 + 3 });
  const early = ({ lines }: typeof tuned) => lines.find(({ type, epoch }) => type === "epoch" && epoch === 3) as unknown as EpochFigures;
  expect(early(tuned).validation!.loss).toBeLessThan(0.5 * early(frozen).validation!.loss);
  expect(tuned.result["metrics"].validation.error.value).toBeLessThan(0.2); // three classes

  // All but the head are the file's own numbers, to the bit.
  const { graph } = readModelFile("cnn.onnx");
  const kept = frozenBytes("frozen", /^imported_1/);
  expect(Object.keys(kept)).toHaveLength(11);
  const originals = new Map(
    graph.nodes.flatMap(({ inputs }) =>
      inputs.flatMap((value) => (value?.origin.kind === "constant" && value.name ? [[value.name, value.origin.tensor.data] as const] : [])),
    ),
  );
  for (const [name, numbers] of Object.entries(kept)) expect(numbers, name).toEqual([...(originals.get(name) as Float32Array)]);

  const session = await InferenceSession.create("tuned/model.onnx");
  const feeds = Object.fromEntries(
    header.map((name, i) => [
      name,
      new Tensor(
        "float32",
        Float32Array.from(images.slice(0, 30), ({ image }) => image[i]!),
        [30, 1],
      ),
    ]),
  );
  const { probabilities } = await session.run(feeds);
  const predicted = await gradusJson(["predict", "tuned", "bars.csv"]);
  const rows = predicted.lines.filter(({ type }) => type === "prediction").slice(0, 30);
  expect(rows).toHaveLength(30);
  rows.forEach((row, i) => {
    Object.values(row["probabilities"] as Record<string, number>).forEach((value, k) => {
      expect(Math.abs(value - (probabilities!.data[i * 3 + k] as number))).toBeLessThan(1e-5);
    });
  });
}, 120_000);

test("a run of it is shown, evaluated, checked and trained again like any other, also from elsewhere", async () => {
  const flags = ["--freeze", "features.0.*,features.1.*", "--head", "2", "--epochs", "3", "--out", "run"];
  const first = await gradus(["train", "sums.csv", "--target", "side", "--from", "mlp.onnx", ...flags]);
  expect(first.err).toBe("");
  expect(first.out).toMatch(/trained, 176 frozen/);
  const experiment = JSON.parse(readFileSync("run/experiment.json", "utf8")) as { model: unknown };
  expect(experiment.model).toEqual({ from: "../mlp.onnx", head: 2, freeze: ["features.0.*", "features.1.*"] });
  const shown = await gradus(["show", "run"]);
  expect(shown.out).toContain("from mlp.onnx · a new head in place of 2 layers · frozen: features.0.*, features.1.*");
  expect(shown.out).toMatch(/imported_1 +\[16\].*4 operators, 6 of 6 tensors frozen/);
  expect((await gradus(["evaluate", "run", "--test"])).status).toBe(0);
  const checked = await gradus(["check", "run", "--examples", "8"]);
  expect(checked.err).toBe("");
  expect(checked.status).toBe(0);
  const again = await gradus(["train", "--experiment", "run/experiment.json", "--out", "again"]);
  expect(again.err).toBe("");
  expect(readFileSync("again/model.safetensors").equals(readFileSync("run/model.safetensors"))).toBe(true);
  mkdirSync("folder");
  writeFileSync("folder/e.yaml", "data: { path: ../sums.csv, target: side }\nmodel: { from: ../mlp.onnx, head: 1 }\nepochs: 1\n");
  expect((await gradus(["train", "--experiment", "folder/e.yaml", "--out", "elsewhere"])).status).toBe(0);
  // The model is whole without the file it came from.
  expect((await loadRunModel("run")).network.layers[0]).toMatchObject({ kind: "imported" });
}, 120_000);

test("the library does the same", async () => {
  const table = await readTable("sums.csv", { target: "side" });
  const run = await fitTable(pretrained(readModelFile("mlp.onnx"), { freeze: ["all"] }), splitTable(table), { epochs: 3 });
  expect(run.parameters).toBe(8 + 1);
  expect(run.history.at(-1)!.train.loss).toBeLessThan(run.history[0]!.train.loss);
});

test("weights that are trained on, of a file: checked as a run, which holds no initialiser of theirs", async () => {
  const trained = await gradus(["train", "sums.csv", "--target", "side", "--from", "mlp.onnx", "--epochs", "2", "--out", "whole"]);
  expect(trained.out).toMatch(/ model +pretrained · 1 · weights of the file, LeCun initialisation · 289 parameters/);
  const { out, err } = await gradus(["check", "whole", "--fast", "--examples", "8"]);
  expect(err).toBe("");
  expect(out).toMatch(/ gradients +right/);
  expect(out).toMatch(/ initialisation +no weight is large enough to test; not looked at: imported_1, whose weights are the file's\n/);
  expect(out).toMatch(/ signal by depth +your layers multiply the signal by /);
  expect(out).toMatch(/imported_1\/features\.0\.weight .* right/);
}, 120_000);

test("all of it frozen: nothing is said of a head that has no name", async () => {
  const { out } = await gradus(["train", "bars.csv", "--target", "bar", "--from", "cnn.onnx", "--epochs", "1", "--out", "line"]);
  expect(out).toMatch(/ model +pretrained on 1×8×8 · [^·]+ · /);
  expect(out).not.toMatch(/· +·|imported initialisation/);
}, 120_000);

test("weights that are no numbers: said so, wherever they show, and no rule of a gradient is accused", async () => {
  const bad = modelProto(readModelFile("mlp.onnx").graph);
  const [first] = bad.graph!.initializer;
  new DataView(first!.rawData.buffer, first!.rawData.byteOffset).setFloat32(0, NaN, true);
  file("nan.onnx", encodeModel(bad));
  file("nan.yaml", "data: { path: sums.csv, target: side }\nmodel: { from: nan.onnx, head: 1 }\n");
  const { status, out } = await gradus(["check", "nan.yaml", "--fast", "--examples", "8"]);
  expect(status).toBe(1);
  expect(out).toMatch(/at the start +not compared: the loss is NaN at this point: the weights imported_1\/\S+ are not all finite\n/);
  expect(out).toMatch(/loss at start +wrong: NaN, .* the first that is not: imported_1\//);
  expect(out).toMatch(/examples apart +wrong: imported_1 gives numbers that are not finite: nothing to compare\n/);
  expect(out).toMatch(/initialisation +wrong: imported_1\/\S+ holds numbers that are not finite\n/);
  expect(out).toMatch(/gradients +not tested: numbers that are not finite, see above/);
  expect(out).not.toMatch(/rule is wrong|NaN %/);
}, 120_000);

test("what is wrong with the head or with what is frozen is said before anything is read or split", async () => {
  for (const flags of [
    ["--head", "5"],
    ["--freeze", "feature.*"],
  ]) {
    const { status, out, err } = await gradus(["train", "sums.csv", "--target", "side", "--from", "mlp.onnx", ...flags]);
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toMatch(/mlp\.onnx: /);
  }
});

test("a model that leaves height and width open takes them from the images, without --shape", async () => {
  const random = rng(2, "open axes");
  const weights = (...dims: number[]) =>
    constant(
      tensor(
        "float32",
        Array.from({ length: dims.reduce((a, b) => a * b) }, () => 0.3 * random.normal()),
        dims,
      ),
      `w${dims.join("x")}`,
    );
  const x = input("x", "float32", ["batch", 1, "height", "width"]);
  const seen = ops.GlobalAveragePool(ops.Relu(ops.Conv(x, weights(4, 1, 3, 3), null, { pads: [1, 1, 1, 1] })));
  const y = ops.MatMul(ops.Flatten(seen), weights(4, 2));
  file("open.onnx", writeModel(graph({ inputs: [x], outputs: { y } })));
  for (const kind of ["left", "right"]) {
    mkdirSync(join("sides", kind), { recursive: true });
    for (let i = 0; i < 20; i++) {
      const bytes = Buffer.from(
        Array.from({ length: 6 * 9 }, (_, at) => (at % 9 < 4 === (kind === "left") ? 200 : 20) + ((i * 7 + at) % 11)),
      );
      await sharp(bytes, { raw: { width: 9, height: 6, channels: 1 } })
        .toColourspace("b-w")
        .png()
        .toFile(join("sides", kind, `${i}.png`));
    }
  }
  const flags = ["--from", "open.onnx", "--epochs", "1", "--out"];
  const trained = await gradusJson(["train", "sides", ...flags, "open"]);
  expect(trained.err).toBe("");
  expect(trained.lines.find(({ type }) => type === "model")).toMatchObject({ shape: [1, 6, 9], parameters: 4 * 9 + 4 + 1 });
  const resized = await gradusJson(["train", "sides", "--size", "4x5", ...flags, "small"]);
  expect(resized.lines.find(({ type }) => type === "model")).toMatchObject({ shape: [1, 4, 5] });
  const { err, out } = await gradus(["predict", "open", "sides"]);
  expect(err).toBe("");
  expect(out.trim().split("\n")).toHaveLength(41);
  // A table says no height and width.
  expect((await gradus(["train", "sums.csv", "--target", "side", ...flags, "none"])).err).toMatch(
    /leaves axis 2 open[^]*say what one example is: --shape 1x\?x\?/,
  );
}, 120_000);

test("a file without a network is refused with its reason", async () => {
  const train = async (...flags: string[]) => (await gradus(["train", "sums.csv", "--target", "side", ...flags])).err;
  expect(await train("--from", "two-inputs.onnx")).toContain("two-inputs.onnx: the model has 2 inputs");
  expect(await train("--from", "missing.onnx")).toContain("there is no file missing.onnx");
  expect(await train("--from", "sums.csv")).toContain("not an ONNX model");
  const unknown = modelProto(readModelFile("mlp.onnx").graph);
  for (const node of unknown.graph!.node) if (node.opType === "Relu") node.opType = "Relux";
  file("unknown.onnx", encodeModel(unknown));
  expect(await train("--from", "unknown.onnx")).toMatch(/operators that Gradus does not have: Relux \(2, first "Relu"\)[^]*Relu for Relux/);
  expect(await train("--from", "mlp.onnx", "--head", "5")).toContain("the model has 3 layers with weights; replacing the last 5");
  expect(await train("--from", "mlp.onnx", "--freeze", "feature.*")).toMatch(/called "feature.\*".*\n.*features\.0\.weight/);
  expect(await train("--from", "mlp.onnx", "--shape", "7")).toContain("the shape 7 does not fit the model's input x float32[batch, 6]");
  expect(await train("--from", "cnn.onnx")).toContain("the shape 1×8×8 takes 64 numbers a row, the columns give 6.");
  expect(await train("--from", "mlp.onnx", "--drop", "a")).toContain("the shape 6 takes 6 numbers a row, the columns give 5.");
  expect(await train("--from", "mlp.onnx", "--head", "0")).toContain('must end in 1 unit for target "side" (2 classes), found 3');
  expect(await train("--from", "mlp.onnx", "--layers", "5")).toContain(
    "--layers must be left out, since an imported model (--from) has its own",
  );
  expect(await train("--head", "1")).toContain("--head must be left out, as it is of an imported model (--from), found 1");
});
