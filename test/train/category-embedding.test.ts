/** Categories that are looked up: numbers fitted on training rows, vectors that learn, and the exported model on raw texts. */
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { checkProblem } from "../../src/check/protocol.ts";
import { fitPreprocessing, preprocessingGraph, rawInputs } from "../../src/data/preprocess.ts";
import { readTable } from "../../src/data/read-table.ts";
import type { Table } from "../../src/data/table.ts";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { reference } from "../../src/exec/reference.ts";
import { graph, input } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { categoryEmbedding } from "../../src/nn/layers/category-embedding.ts";
import { dense } from "../../src/nn/layers/dense.ts";
import { loadModel, modelGraph, saveModel } from "../../src/nn/model.ts";
import { buildNetwork, sequential } from "../../src/nn/network.ts";
import { parameterInput } from "../../src/nn/parameters.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { modelOf } from "../../src/store/save-run.ts";
import { fitTable, splitTable } from "../../src/train/fit-table.ts";
import { planTable } from "../../src/train/plan-table.ts";
import { predictRows } from "../../src/train/predict.ts";
import { prepareDatasets } from "../../src/train/prepare.ts";
import { rng } from "../../src/util/rng.ts";
import { complaint, csv } from "../data/files.ts";

const range = (from: number, to: number) => Int32Array.from({ length: to - from }, (_, i) => from + i);
const everywhere = { default: { encode: "embedding" } } as const;

const small = csv("small.csv", "town,size,y", [
  "Rome,1,no",
  "Oslo,2,yes",
  "Rome,3,no",
  ",4,yes",
  "Oslo,5,no",
  ",6,yes",
  "Bern,7,no",
  "Nice,8,yes",
  ",9,no",
]);

describe("the plan", () => {
  test.each([reference, onnxruntimeNode])(
    "numbers what training rows repeat; once is the number 0, as is never ($name)",
    async (executor) => {
      const table = await readTable(small, { target: "y" });
      const { plan, notes } = fitPreprocessing(table, range(0, 7), { settings: everywhere });
      expect(plan.features).toEqual(["size", "town as a number"]);
      expect(plan.columns.find(({ column }) => column === "town")).toEqual({
        kind: "embedding",
        column: "town",
        sqlType: "VARCHAR",
        categories: ["Oslo", "Rome", ""],
        units: 2,
        unknown: true,
      });
      expect(notes).toEqual(["town: 3 categories become learnt vectors of 2; 1 that occur once and those never seen share one"]);
      const { inputs, features } = preprocessingGraph(plan);
      const session = await executor.compile(graph({ inputs, outputs: { features } }));
      const { data } = (await session.run(rawInputs(table, undefined, plan)))["features"]!;
      await session.dispose();
      expect(Array.from({ length: 9 }, (_, row) => data[2 * row + 1])).toEqual([2, 1, 2, 3, 1, 3, 0, 0, 3]);
    },
  );

  test("where no category occurs once, and nothing is missing, neither has a number of its own", async () => {
    const table = await readTable(small, { target: "y" });
    const { plan, notes } = fitPreprocessing(table, Int32Array.of(0, 1, 2, 4), {
      settings: { columns: { town: { encode: "embedding", dimension: 7 } } },
    });
    expect(plan.columns.find(({ kind }) => kind === "embedding")).toMatchObject({ categories: ["Oslo", "Rome"], units: 7, unknown: false });
    expect(notes).toEqual(["town: 2 categories become learnt vectors of 7; those never seen are zeros"]);
    const alike = fitPreprocessing(table, Int32Array.of(0, 2), { settings: everywhere });
    expect(alike.notes).toContain('town left out: always "Rome" in the training rows');
  });

  test("vectors have half as many numbers as there are categories, 50 at most", async () => {
    for (const [kinds, units] of [
      [5, 3],
      [98, 49],
      [300, 50],
    ] as const) {
      const path = csv(
        `kinds-${kinds}.csv`,
        "kind,x,y",
        Array.from({ length: 2 * kinds }, (_, i) => [`k${i % kinds}`, i * i, i % 2]),
      );
      const { plan } = fitPreprocessing(await readTable(path, { target: "y" }), range(0, 2 * kinds), { settings: everywhere });
      expect(plan.columns.find(({ kind }) => kind === "embedding")).toMatchObject({ units });
    }
  });
});

test("the layer looks each number up in its own table; what is not known is zeros, or learnt", async () => {
  const layer = categoryEmbedding([
    { at: 2, tokens: 3, units: 2, unknown: "zeros" },
    { at: 0, tokens: 3, units: 1, unknown: "learnt" },
  ]);
  const { output, parameters } = buildNetwork(sequential([layer]), input("x", "float32", ["batch", 3]), parameterInput);
  expect(parameters.map(({ name, shape }) => [name, shape])).toEqual([
    ["categoryEmbedding_1/W1", [2, 2]],
    ["categoryEmbedding_1/W2", [3, 1]],
  ]);
  const session = await reference.compile(graph({ outputs: { output } }));
  const found = await session.run({
    x: tensor("float32", [0, 0.5, 0, 1, 0.25, 1, 2, -3, 2], [3, 3]),
    "categoryEmbedding_1/W1": tensor("float32", [1, 2, 3, 4], [2, 2]),
    "categoryEmbedding_1/W2": tensor("float32", [7, 8, 9], [3, 1]),
  });
  expect([...found["output"]!.data]).toEqual([0.5, 0, 0, 7, 0.25, 1, 2, 8, -3, 3, 4, 9]);
});

test.each([
  [{ at: 3, tokens: 2, units: 1, unknown: "learnt" }, "reads input 3, there are 3"],
  [{ at: 0.5, tokens: 2, units: 1, unknown: "learnt" }, "reads input 0.5"],
  [{ at: 1, tokens: 1, units: 1, unknown: "zeros" }, "has tokens 1"],
  [{ at: 1, tokens: 2, units: 0, unknown: "zeros" }, "has units 0"],
] as const)("a layer that does not fit its inputs is refused: %j", async (column, message) => {
  const build = () => buildNetwork(sequential([categoryEmbedding([column])]), input("x", "float32", ["batch", 3]), parameterInput);
  expect(await complaint(build)).toContain(`categoryEmbedding_1 ${message}`);
});

/** 600 towns with an effect each, 8 rows a town, one town with a quote, a blank and letters beyond ASCII; a number beside them. */
function towns(): string {
  const random = rng(4, "towns");
  const effects = random.fillNormal(new Float64Array(600));
  const name = (town: number) => (town === 0 ? "Saint-Étienne l'été" : `town ${town}`);
  const rows = Array.from({ length: 4800 }, () => {
    const [town, x] = [Math.floor(600 * random.uniform()), random.normal()];
    const shown = random.uniform() < 0.01 ? "" : name(town);
    return [shown, x.toFixed(4), (3 * effects[town]! + x + 0.1 * random.normal()).toFixed(4)];
  });
  return csv("towns.csv", "town,x,amount", rows);
}

const layers = [16];

describe("training", () => {
  test("learns 600 categories, which one-hot inputs of the 255 most frequent cannot; the gradient is right", async () => {
    const parts = splitTable(await readTable(towns(), { target: "amount" }));
    const r2 = async (encode: "oneHot" | "embedding") => {
      const run = await fitTable({ kind: "mlp", layers }, parts, { epochs: 12, transforms: { default: { encode } } });
      const { r2: figure } = run.metrics.validation;
      return [run, figure!.value] as const;
    };
    const [[run, own], [, other]] = [await r2("embedding"), await r2("oneHot")];
    expect(own).toBeGreaterThan(0.9);
    expect(other).toBeLessThan(0.7);
    expect(run.problem.network.layers[0]!.kind).toBe("categoryEmbedding");
    const [train] = await prepareDatasets(parts.table, [parts.train.subarray(0, 64)], run.plan, onnxruntimeNode);
    const { verdict } = await checkProblem(run.problem, train!, { burnIn: 5, examples: 16 });
    expect(verdict).toBe("right");
  }, 60_000);

  test("the exported model predicts from raw texts in plain ONNX Runtime what predict says, unseen and missing ones too", async () => {
    const parts = splitTable(await readTable(towns(), { target: "amount" }));
    const run = await fitTable({ kind: "mlp", layers }, parts, { epochs: 1, transforms: everywhere });
    const model = modelOf(run);
    const rows = [
      ["town 7", 0.5],
      ["Saint-Étienne l'été", -1],
      ["nowhere", 0.25],
      ["", 2],
      ["Town 7", 0.5],
    ] as const;
    const { target: _, ...schema } = model.plan.schema;
    const fresh = await readTable(csv("fresh.csv", "town,x", rows), { schema });
    const predicted = await predictRows(model, fresh, range(0, rows.length));
    const session = await ort.InferenceSession.create(writeModel(modelGraph(model)));
    const found = await session.run({
      town: new ort.Tensor(
        "string",
        rows.map(([town]) => town),
        [rows.length, 1],
      ),
      x: new ort.Tensor(
        "float32",
        Float32Array.from(rows, ([, x]) => x),
        [rows.length, 1],
      ),
    });
    await session.release();
    const amounts = found["prediction"]!.data as Float32Array;
    expect(predicted.kind === "amount" && [...predicted.amounts]).toEqual([...amounts]);
    const exact = await reference.compile(modelGraph(model));
    const { prediction } = await exact.run(rawInputs(fresh, undefined, model.plan));
    amounts.forEach((amount, i) => expect(Math.abs(amount - Number(prediction!.data[i]))).toBeLessThan(1e-5));
    // Of one unknown town and another nothing differs but the number beside it; a known one is told apart from it.
    expect(new Set(amounts).size).toBe(rows.length);
    const { description, weights } = saveModel(model);
    const again = await predictRows(loadModel(JSON.parse(JSON.stringify(description)), weights), fresh, range(0, rows.length));
    expect(again).toEqual(predicted);
  }, 60_000);
});

describe("what has no use for numbers of categories is refused", () => {
  const table = async (): Promise<Table> => readTable(small, { target: "y" });
  const parts = async () => ({ ...splitTable(await table()), train: range(0, 7), validation: Int32Array.of(7), test: Int32Array.of(8) });

  test("networks that would take them for amounts", async () => {
    const own = sequential([dense(3), dense(1)]);
    expect(await complaint(async () => planTable(own, await parts(), { transforms: everywhere }))).toBe(
      'encode: embedding makes input 1 the number of one of 4 categories, and the network would take it for an amount. | begin it with categoryEmbedding([{ at: 1, tokens: 4, units: 2, unknown: "learnt" }]), or leave out encode: embedding.',
    );
    const right = sequential([categoryEmbedding([{ at: 1, tokens: 4, units: 5, unknown: "learnt" }]), dense(1)]);
    expect(planTable(right, await parts(), { transforms: everywhere }).problem.network).toBe(right);
    const short = sequential([categoryEmbedding([{ at: 1, tokens: 3, units: 5, unknown: "learnt" }]), dense(1)]);
    expect(await complaint(async () => planTable(short, await parts(), { transforms: everywhere }))).toContain("one of 4 categories");
    expect(await complaint(async () => planTable({ kind: "mlp", shape: [2] }, await parts(), { transforms: everywhere }))).toContain(
      "mlp on examples of a shape would take them for amounts",
    );
  });

  test("mixup, and columns beside sequences", async () => {
    const mixed = fitTable({ kind: "mlp" }, await parts(), { transforms: everywhere, augment: [{ kind: "mixup" }], epochs: 1 });
    expect(await complaint(mixed)).toContain("mixup has no mean of two categories");
    const path = csv("lists.csv", "steps,town,y", ['"[1,2]",Rome,0', '"[2,3]",Oslo,1', '"[3,1]",Rome,0', '"[4,5]",Oslo,1']);
    const lists = await readTable(path, { target: "y", types: { town: "category" } });
    expect(await complaint(() => fitPreprocessing(lists, range(0, 4), { settings: everywhere }))).toContain(
      'column "town" stands beside sequences',
    );
  });

  test("numbers of data sets that the table of the layer has not", async () => {
    const { problem, plan } = planTable({ kind: "mlp", layers: [] }, await parts(), { transforms: everywhere });
    const [train] = await prepareDatasets(await table(), [range(0, 7)], plan, onnxruntimeNode);
    (train!.features.data as Float32Array)[3] = 4;
    expect(await complaint(checkProblem(problem, train!, { burnIn: 0 }))).toContain(
      "the checked data's row 2: 4, its input 1, is no category of categoryEmbedding_1, which has 0 to 3",
    );
  });
});
