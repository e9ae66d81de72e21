/** Sequences from the command line to the exported model, which takes raw tokens and numbers in plain onnxruntime-node. */
import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { evaluateGraph, toNdArray } from "../../src/exec/reference.ts";
import { graph, input } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { activationByName } from "../../src/nn/activation.ts";
import { lossByName, type LossName } from "../../src/nn/losses/index.ts";
import { buildNetwork, type Network } from "../../src/nn/network.ts";
import { parameterInput } from "../../src/nn/parameters.ts";
import { readSafetensors } from "../../src/nn/safetensors.ts";
import { file, gradus, gradusJson, workFolder } from "./support.ts";

workFolder();

const syllables = ["ka", "ro", "mi", "te", "lu", "sa"];
/** Names of two to four syllables; those that end in a are one class. */
const words = Array.from({ length: 300 }, (_, i) =>
  Array.from({ length: 2 + (i % 3) }, (_v, k) => syllables[Math.floor(i / 6 ** k) % 6]).join(""),
);
const nameLines = [...new Set(words)].map((word, i) => [word, word.endsWith("a") ? "yes" : "no", i] as const);
file("names.csv", `name,sort\n${nameLines.map(([word, sort]) => `${word},${sort}`).join("\n")}\n`);

/** A walk of 3 to 6 steps for each id, its lines mixed: up, down or level. */
const walks = Array.from({ length: 120 }, (_, id) => {
  const slope = (id % 3) - 1;
  return Array.from({ length: 3 + (id % 4) }, (_v, t) => [
    id,
    t,
    (50 + slope * t + Math.sin(id * 3 + t)).toFixed(4),
    ["a", "b"][(id + t) % 2],
    ["down", "level", "up"][id % 3],
  ]);
});
file(
  "walks.csv",
  `id,t,x,kind,way\n${walks
    .flat()
    .toSorted((a, b) => Number(a[1]) - Number(b[1]))
    .map((line) => line.join())
    .join("\n")}\n`,
);

const mw = Array.from({ length: 240 }, (_, t) => 1000 + 200 * Math.sin((2 * Math.PI * t) / 12) + t);
file("series.csv", `t,mw\n${mw.map((value, t) => `${t},${value.toFixed(3)}`).join("\n")}\n`);

interface Description {
  readonly network: Network;
  readonly loss: LossName;
  readonly plan: { readonly features: readonly string[]; readonly target: { readonly mean: number; readonly deviation: number } };
}

const trainRows = (run: string): number[] =>
  [...(JSON.parse(readFileSync(`${run}/split.json`, "utf8")) as { parts: string }).parts].flatMap((part, row) =>
    part === "r" ? [row] : [],
  );

/** The network's prediction in float64 on a design matrix that the test has made itself. */
function predictIndependently(run: string, rows: readonly (readonly number[])[], lengths: readonly number[] | undefined) {
  const { network, loss, plan } = JSON.parse(readFileSync(`${run}/model.json`, "utf8")) as Description;
  expect(rows[0]!.length).toBe(plan.features.length);
  const x = input("x", "float32", ["batch", plan.features.length]);
  const steps = input("lengths", "int32", ["batch"]);
  const { output } = buildNetwork(network, x, parameterInput, lengths ? { lengths: steps } : {});
  const { tensors } = readSafetensors(readFileSync(`${run}/model.safetensors`));
  const results = evaluateGraph(graph({ outputs: { output: activationByName(lossByName(loss).prediction).apply(output) } }), {
    ...Object.fromEntries(Object.entries(tensors).map(([name, found]) => [name, toNdArray(found)])),
    x: { dtype: "float32", shape: [rows.length, plan.features.length], data: Float64Array.from(rows.flat()) },
    ...(lengths ? { lengths: toNdArray(tensor("int32", Int32Array.from(lengths))) } : {}),
  });
  return { values: [...(results["output"]!.data as Float64Array)], target: plan.target };
}

const close = (found: ArrayLike<number>, expected: readonly number[], scale = 1) => {
  expect(found.length).toBe(expected.length);
  expected.forEach((value, i) => expect(Math.abs(found[i]! - value)).toBeLessThan(1e-5 * Math.max(scale, Math.abs(value))));
};

test("names: trained on letters, exported to take letters, measured and shown", async () => {
  const { status, result, lines } = await gradusJson(
    "train names.csv --target sort --text name=characters --model gru --layers 12 --epochs 12 --learning-rate 0.01 --out names".split(" "),
  );
  expect(status).toBe(0);
  expect(result["metrics"].validation.error.value).toBeLessThan(0.1);
  expect(lines.find(({ type }) => type === "data")).toMatchObject({ sequences: 1, numeric: 0, categorical: 0 });

  const train = trainRows("names").map((row) => nameLines[row]![0]);
  const counts = new Map<string, number>();
  for (const letter of train.join("")) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  const vocabulary = [...counts]
    .filter(([, count]) => count > 1)
    .map(([letter]) => letter)
    .toSorted();
  const time = Math.max(...train.map((name) => name.length));
  const number = (letter: string | undefined) =>
    letter === undefined ? 0 : vocabulary.includes(letter) ? vocabulary.indexOf(letter) + 2 : 1;

  const fresh = ["kalu", "zamoxa", "m", "kakarorosalumite"];
  const design = fresh.map((name) => Array.from({ length: time }, (_, step) => number(name[step])));
  const expected = predictIndependently(
    "names",
    design,
    fresh.map((name) => Math.min(time, name.length)),
  );
  const session = await ort.InferenceSession.create("names/model.onnx");
  // Any number of steps will do: padded to the longest here, beyond the network's own time.
  const width = Math.max(...fresh.map((name) => name.length)) + 3;
  const tokens = fresh.flatMap((name) => Array.from({ length: width }, (_, step) => name[step] ?? ""));
  const found = await session.run({ name: new ort.Tensor("string", tokens, [fresh.length, width]) });
  close(
    found["probabilities"]!.data as Float32Array,
    expected.values.flatMap((p) => [1 - p, p]),
  );
  // Fewer steps than the network's too.
  const short = await session.run({ name: new ort.Tensor("string", ["m"], [1, 1]) });
  close(short["probabilities"]!.data as Float32Array, [1 - expected.values[2]!, expected.values[2]!]);

  file("fresh.csv", `name\n${fresh.join("\n")}\n`);
  const { out } = await gradus(["predict", "names", "fresh.csv"]);
  const told = out
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => Number(line.split(",")[2]));
  close(told, expected.values);

  expect((await gradusJson(["evaluate", "names", "--test"])).result["metrics"].test.error.value).toBeLessThan(0.15);
  expect((await gradus(["show", "names"])).out).toMatch(/embedding_1 +\[\d+, 12\] .* tokens, 12 units/);
});

test("long tables: numbers and categories of each step, into a transformer, keyed by id in predictions", async () => {
  const command =
    "train walks.csv --target way --sequence-id id --time t --model transformer --layers 16 --epochs 20 --learning-rate 0.01 --out walks";
  const { status, result } = await gradusJson(command.split(" "));
  expect(status).toBe(0);
  expect(result["rows"]).toMatchObject({ train: 72, validation: 24, test: 24 });

  const train = trainRows("walks").flatMap((row) => walks[row]!.map((line) => Number(line[2])));
  const mean = train.reduce((a, b) => a + b, 0) / train.length;
  const deviation = Math.sqrt(train.reduce((sum, value) => sum + (value - mean) ** 2, 0) / train.length);
  const rows = walks.slice(0, 10).map((walk) =>
    Array.from({ length: 6 }, (_, t) => {
      const line = walk[t];
      return line ? [(Number(line[2]) - mean) / deviation, line[3] === "a" ? 1 : 0, line[3] === "b" ? 1 : 0] : [0, 0, 0];
    }).flat(),
  );
  const { values } = predictIndependently(
    "walks",
    rows,
    walks.slice(0, 10).map(({ length }) => length),
  );
  const session = await ort.InferenceSession.create("walks/model.onnx");
  const cells = walks.slice(0, 10).flatMap((walk) => Array.from({ length: 6 }, (_, t) => walk[t]));
  const found = await session.run({
    x: new ort.Tensor(
      "float32",
      Float32Array.from(cells, (line) => (line ? Number(line[2]) : NaN)),
      [10, 6],
    ),
    kind: new ort.Tensor(
      "string",
      cells.map((line) => String(line?.[3] ?? "")),
      [10, 6],
    ),
  });
  close(found["probabilities"]!.data as Float32Array, values);

  const { out } = await gradus(["predict", "walks", "walks.csv"]);
  const told = out.trim().split("\n");
  expect(told[0]).toBe("id,prediction,probability_down,probability_level,probability_up");
  expect(told[3]!.split(",").slice(0, 1)).toEqual(["2"]);
  expect(told).toHaveLength(121);
  // The sequences' own file with its target is other data to the run.
  file("again.csv", readFileSync("walks.csv", "utf8").split("\n").slice(0, 200).concat("").join("\n"));
  expect((await gradusJson(["evaluate", "walks", "again.csv"])).result["metrics"].data.error.n).toBeGreaterThan(50);
});

test("a forecast of several steps ahead, against the naive ones, and beyond the file's end", async () => {
  const command =
    "train series.csv --target mw --time t --window 24 --horizon 4 --step 2 --model lstm --layers 8 --epochs 30 --learning-rate 0.02 --out series";
  const { status, result, lines } = await gradusJson(command.split(" "));
  expect(status).toBe(0);
  expect(result["task"]).toBe("regression");
  // 24 lines before is two whole periods: nothing but the trend is missed.
  expect(result["baseline"]).toMatchObject({
    name: "the value 24 lines before",
    metrics: { rmse: { value: expect.closeTo(24, 2) as number } },
  });
  expect(lines.find(({ type }) => type === "model")).toMatchObject({ shape: [24, 1] });
  expect(result["metrics"].validation.rmse.n).toBe(4 * result["rows"].validation);

  const { out } = await gradus(["predict", "series", "series.csv"]);
  const told = out
    .trim()
    .split("\n")
    .map((line) => line.split(","));
  expect(told[0]).toEqual(["t", "prediction_1", "prediction_2", "prediction_3", "prediction_4"]);
  expect(told.at(-1)![0]).toBe("239");

  // The plan's moments are those of all values that training windows show; the test reads them off the file of lines.
  const origins = Array.from({ length: 107 }, (_, i) => 236 - 2 * i)
    .filter((at) => at >= 24)
    .toReversed();
  const seen = trainRows("series").flatMap((row) => mw.slice(origins[row]! - 24, origins[row]).map((value) => Number(value.toFixed(3))));
  const mean = seen.reduce((a, b) => a + b, 0) / seen.length;
  const deviation = Math.sqrt(seen.reduce((sum, value) => sum + (value - mean) ** 2, 0) / seen.length);
  const last = mw.slice(-24).map((value) => Number(value.toFixed(3)));
  const { values, target } = predictIndependently("series", [last.map((value) => (value - mean) / deviation)], undefined);
  const amounts = values.map((value) => value * target.deviation + target.mean);
  close(told.at(-1)!.slice(1).map(Number), amounts);
  const session = await ort.InferenceSession.create("series/model.onnx");
  const found = await session.run({ mw: new ort.Tensor("float32", Float32Array.from(last), [1, 24]) });
  expect(found["prediction"]!.dims).toEqual([1, 4]);
  close(found["prediction"]!.data as Float32Array, amounts);

  const { lines: records } = await gradusJson(["predict", "series", "series.csv"]);
  expect(records[0]).toMatchObject({
    type: "prediction",
    row: 1,
    of: { t: expect.any(String) as string },
    prediction: expect.any(Array) as number[],
  });
  const evaluated = await gradusJson(["evaluate", "series", "--test"]);
  expect(evaluated.result["baseline"]["name"]).toBe("the value 24 lines before");
});

test("a forecast may learn the change on the nearest naive one; the exported model adds that again", async () => {
  const slow = Array.from({ length: 400 }, (_, t) => 1000 + 200 * Math.sin((2 * Math.PI * t) / 12) + 40 * Math.sin((2 * Math.PI * t) / 90));
  file("slow.csv", `mw\n${slow.map((value) => value.toFixed(3)).join("\n")}\n`);
  const command =
    "train slow.csv --target mw --window 24 --horizon 4 --step 2 --model gru --layers 8 --epochs 40 --learning-rate 0.02 --target-transform change --out change";
  const { result, lines } = await gradusJson(command.split(" "));
  expect(lines.find(({ type }) => type === "transforms")!["notes"]).toContain("mw enters as its change on the value 24 lines before");
  expect(result["baseline"]["name"]).toBe("the value 24 lines before");
  expect(result["metrics"].validation.rmse.value).toBeLessThan(0.7 * result["baseline"].metrics.rmse.value);

  interface Moments {
    readonly moments: readonly { readonly mean: number; readonly deviation: number }[];
  }
  const { columns } = (JSON.parse(readFileSync("change/model.json", "utf8")) as { plan: { columns: Moments[] } }).plan;
  const { mean, deviation } = columns[0]!.moments[0]!;
  const last = slow.slice(-24).map((value) => Number(value.toFixed(3)));
  const { values, target } = predictIndependently("change", [last.map((value) => (value - mean) / deviation)], undefined);
  const amounts = values.map((value, step) => value * target.deviation + target.mean + last[step]!);
  const session = await ort.InferenceSession.create("change/model.onnx");
  const found = await session.run({ mw: new ort.Tensor("float32", Float32Array.from(last), [1, 24]) });
  close(found["prediction"]!.data as Float32Array, amounts);
  const seasonal =
    "train slow.csv --target mw --window 12 --season 24 --horizon 4 --step 2 --model gru --layers 8 --epochs 40 --learning-rate 0.02 --target-transform change --out seasonal";
  const { result: with24 } = await gradusJson(seasonal.split(" "));
  expect(with24["baseline"]["name"]).toBe("the value 24 lines before");
  // The changes themselves are inputs: what is left of the slow wave is easy then.
  expect(with24["metrics"].validation.rmse.value).toBeLessThan(0.3 * with24["baseline"].metrics.rmse.value);
  const plan = (JSON.parse(readFileSync("seasonal/model.json", "utf8")) as { plan: { columns: Moments[] } }).plan;
  const [value, change] = plan.columns[0]!.moments as [Moments["moments"][0], Moments["moments"][0]];
  const reach = slow.slice(-36).map((y) => Number(y.toFixed(3)));
  const design = reach
    .slice(24)
    .flatMap((y, step) => [(y - value.mean) / value.deviation, (y - reach[step]! - change.mean) / change.deviation]);
  const again = predictIndependently("seasonal", [design], undefined);
  const ahead = again.values.map((y, step) => y * again.target.deviation + again.target.mean + reach[12 + step]!);
  const exported = await ort.InferenceSession.create("seasonal/model.onnx");
  const foretold = await exported.run({ mw: new ort.Tensor("float32", Float32Array.from(reach), [1, 36]) });
  close(foretold["prediction"]!.data as Float32Array, ahead);

  const other = "train names.csv --target sort --text name=characters --target-transform change";
  expect((await gradus(other.split(" "))).err).toContain("--target-transform change is for forecasts");
});

test("flags that contradict each other, or say what is not to be had, are refused", async () => {
  const complaint = async (line: string) => (await gradus(line.split(" "))).err;
  expect(await complaint("train names.csv --target sort --text name=letters")).toContain(
    '--text: name must be one of characters, words, found "letters"',
  );
  expect(await complaint("train names.csv --target sort --text nam=words")).toContain('no column "nam" (--text)');
  expect(await complaint("train series.csv --target mw --horizon 3")).toContain(
    "--horizon must be left out, or a window (--window) given with it, found 3",
  );
  expect(await complaint("train series.csv --target mw --window 24 --group t")).toContain("windows over a series are split by time");
  expect(await complaint("train names.csv --target sort --text name=characters --model logistic")).toContain(
    "logistic takes numbers, and the data are sequences of tokens",
  );
  expect(await complaint("train names.csv --target sort --text name=characters --model cnn")).toContain("cnn needs images");
});

test("an mlp takes tokens too, as a vector each", async () => {
  const { status, result } = await gradusJson(
    "train names.csv --target sort --text name=characters --epochs 20 --learning-rate 0.01 --out mlp".split(" "),
  );
  expect(status).toBe(0);
  expect(result["metrics"].train.error.value).toBeLessThan(result["baseline"].metrics.error.value);
});
