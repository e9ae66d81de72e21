/** Preprocessing: fitted on training rows only, the same on every executor, exact against values worked out by hand. */
import { describe, expect, test } from "vitest";
import { fitPreprocessing, preprocessingGraph, rawInputs, type PreprocessPlan } from "../../src/data/preprocess.ts";
import { readTable } from "../../src/data/read-table.ts";
import type { Table } from "../../src/data/table.ts";
import { outputsOf, restoreAmount, restored, targetTensor } from "../../src/data/target-plan.ts";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { reference } from "../../src/exec/reference.ts";
import type { Executor } from "../../src/exec/session.ts";
import { graph, input } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { fitYeoJohnson, inverseYeoJohnson, yeoJohnson } from "../../src/util/yeo-johnson.ts";
import { complaint, csv } from "./files.ts";

const executors: readonly Executor[] = [reference, onnxruntimeNode];
const rowsFrom = (from: number, to: number): Int32Array => Int32Array.from({ length: to - from }, (_, i) => from + i);

/** The design matrix of rows, as rows of numbers. */
async function design(executor: Executor, table: Table, rows: Int32Array | undefined, plan: PreprocessPlan): Promise<number[][]> {
  const { inputs, features } = preprocessingGraph(JSON.parse(JSON.stringify(plan)) as PreprocessPlan);
  const session = await executor.compile(graph({ inputs, outputs: { features } }));
  try {
    const { data, shape } = (await session.run(rawInputs(table, rows, plan)))["features"]!;
    const width = plan.features.length;
    expect(shape).toEqual([rows?.length ?? table.rows, width]);
    return Array.from({ length: shape[0]! }, (_, row) => [...(data as Float32Array).subarray(row * width, (row + 1) * width)]);
  } finally {
    await session.dispose();
  }
}

const small = csv("small.csv", "a,b,colour,gap,y", [
  "1,10,red,5,no",
  "2,10,blue,,yes",
  "3,10,red,7,no",
  "4,10,,6,yes",
  "100,20,green,1,no",
  ",30,red,,yes",
]);

describe.each(executors.map((executor) => [executor.name, executor] as const))("on %s", (_, executor) => {
  test("numbers are standardised with σ of 1/m, missing ones become the mean and raise their indicator, categories one-hot", async () => {
    const table = await readTable(small, { target: "y" });
    const { plan, notes } = fitPreprocessing(table, rowsFrom(0, 4));
    // training: a = 1 2 3 4 (μ 2.5, σ √1.25); b = 10 10 10 10 (σ = 0); gap = 5 7 6 (μ 6, σ √(2/3)), one missing; colour red blue red (missing)
    expect(plan.features).toEqual(["a", "gap", "gap is missing", "colour = blue", "colour = red", "colour is missing"]);
    expect(notes).toEqual(["b left out: always 10 in the training rows (σ = 0)"]);
    expect(plan.schema.columns.map((c) => c.name)).toEqual(["a", "colour", "gap"]);
    const [sa, sg] = [Math.sqrt(1.25), Math.sqrt(2 / 3)];
    const expected = [
      [-1.5 / sa, -1 / sg, 0, 0, 1, 0],
      [-0.5 / sa, 0, 1, 1, 0, 0],
      [0.5 / sa, 1 / sg, 0, 0, 1, 0],
      [1.5 / sa, 0, 0, 0, 0, 1],
      [97.5 / sa, -5 / sg, 0, 0, 0, 0], // green was not in training: all zeros
      [0, 0, 1, 0, 1, 0], // a had no missing value in training: the mean, no indicator
    ];
    const found = await design(executor, table, undefined, plan);
    found.forEach((row, i) => row.forEach((value, j) => expect(value).toBeCloseTo(expected[i]![j]!, 5)));
    expect(await design(executor, table, Int32Array.of(4, 0), plan)).toEqual([found[4], found[0]]);
  });

  test("columns far from zero keep their precision: dates, and offsets a million σ away", async () => {
    const days = Array.from({ length: 60 }, (_, i) => new Date(Date.UTC(2024, 0, 1 + i)).toISOString().slice(0, 10));
    const path = csv(
      "far.csv",
      "day,offset,near,y",
      days.map((day, i) => [day, (1e6 + Math.sin(i)).toFixed(6), (i * 37) % 11, i % 2]),
    );
    const table = await readTable(path, { target: "y" });
    const { plan, notes } = fitPreprocessing(table, rowsFrom(0, 60), { settings: { columns: { day: { dates: "seconds" } } } });
    expect(plan.columns.map((c) => [c.column, c.kind === "standardise" && c.dtype])).toEqual([
      ["day", "float64"],
      ["offset", "float64"],
      ["near", "float32"],
    ]);
    expect(notes).toEqual([expect.stringMatching(/^offset enters as float64: float32 would round it by up to 0\.0\d* σ$/)]);
    expect(plan.features).toEqual(["near", "day", "offset"]);
    const found = await design(executor, table, undefined, plan);
    const values = days.map((_, i) => Number((1e6 + Math.sin(i)).toFixed(6)));
    const mean = values.reduce((a, b) => a + b, 0) / 60;
    const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / 60);
    found.forEach((row, i) => {
      expect(row[2]).toBeCloseTo((values[i]! - mean) / deviation, 6);
      expect(row[1]).toBeCloseTo((i - 29.5) / Math.sqrt((60 * 60 - 1) / 12), 6);
    });
  });

  test("dates are seconds and points on circles: the time of year, the weekday, the time of day, where they vary", async () => {
    const moments = ["2024-01-01 00:00:00", "2024-04-01 06:00:00", "2024-07-02 12:00:00", "", "1969-12-31 18:00:00"];
    const path = csv(
      "parts.csv",
      "when,hour,noon,y",
      moments.map((moment, i) => `${moment},${["00:00:00", "06:00:00", "12:00:00", "18:00:00", "03:00:00"][i]},2024-03-04,${i % 2}`),
    );
    const table = await readTable(path, { target: "y", types: { noon: "date" } });
    const { plan, notes } = fitPreprocessing(table, rowsFrom(0, 5));
    expect(notes).toEqual(["when enters as seconds, time of year, weekday, time of day", "hour enters as seconds, time of day"]);
    expect(plan.features).toEqual([
      "when",
      ...["time of year", "weekday", "time of day"].flatMap((part) => [`when, ${part} (sine)`, `when, ${part} (cosine)`]),
      "when is missing",
      "hour",
      "hour, time of day (sine)",
      "hour, time of day (cosine)",
    ]);
    const found = await design(executor, table, undefined, plan);
    const turn = (share: number): [number, number] => [Math.sin(2 * Math.PI * share), Math.cos(2 * Math.PI * share)];
    for (const [i, moment] of moments.entries()) {
      const row = found[i]!;
      if (moment === "") {
        expect(row.slice(1, 8)).toEqual([0, 0, 0, 0, 0, 0, 1]);
        continue;
      }
      const date = new Date(`${moment.replace(" ", "T")}Z`);
      const start = Date.UTC(date.getUTCFullYear(), 0, 1);
      // The mean year is never two days from the calendar's.
      const season = Math.floor((date.getTime() - start) / 86_400_000) / 365.2425;
      turn(season).forEach((value, k) => expect(Math.abs(row[1 + k]! - value)).toBeLessThan((2 * Math.PI * 2) / 365));
      // 1970-01-01 was a Thursday, where the week of the seconds begins.
      turn(((date.getUTCDay() + 3) % 7) / 7).forEach((value, k) => expect(row[3 + k]).toBeCloseTo(value, 6));
      turn(date.getUTCHours() / 24).forEach((value, k) => expect(row[5 + k]).toBeCloseTo(value, 6));
      expect(row[7]).toBe(0);
    }
    turn(0.25).forEach((value, k) => expect(found[1]![9 + k]).toBeCloseTo(value, 6));
  });

  test("robust, min-max and no scaling, a power before it, and other values for what is missing", async () => {
    const path = csv(
      "scaled.csv",
      "a,y",
      [1, 2, 3, 4, 100, ""].map((a, i) => `${a},${i % 2}`),
    );
    const table = await readTable(path, { target: "y" });
    const column = async (settings: Parameters<typeof fitPreprocessing>[2] = {}): Promise<number[]> => {
      const { plan } = fitPreprocessing(table, rowsFrom(0, 6), settings);
      return (await design(executor, table, undefined, plan)).map(([first]) => first!);
    };
    const near = (found: number[], expected: number[]): void =>
      expected.forEach((value, i) => expect(Math.abs(found[i]! - value)).toBeLessThanOrEqual(2e-7 * Math.max(1, Math.abs(value))));
    near(await column({ settings: { default: { scale: "robust" } } }), [-1, -0.5, 0, 0.5, 48.5, 9.5]);
    near(await column({ settings: { default: { scale: "robust", impute: "median" } } }), [-1, -0.5, 0, 0.5, 48.5, 0]);
    near(await column({ settings: { columns: { a: { scale: "minmax", impute: 1 } } } }), [0, 1 / 99, 2 / 99, 3 / 99, 1, 0]);
    near(await column({ settings: { default: { scale: "none", power: "log" } } }), [2, 3, 4, 5, 101, 23].map(Math.log));
    const { plan, notes } = fitPreprocessing(table, rowsFrom(0, 6), { settings: { default: { power: "yeoJohnson" } } });
    expect(plan.features).toEqual(["a", "a is missing"]);
    expect(notes[0]).toMatch(/^a enters by Yeo and Johnson's power, λ = -?[\d.]+$/);
    const { lambda, centre, spread } = plan.columns[0] as { lambda: number; centre: number; spread: number } & (typeof plan.columns)[0];
    const expected = [1, 2, 3, 4, 100, 22].map((x) => (yeoJohnson(x, lambda) - centre) / spread);
    near(
      (await design(executor, table, undefined, plan)).map(([first]) => first!),
      expected,
    );
  });

  test("large whole numbers that float32 holds are centred without loss", async () => {
    const path = csv(
      "years.csv",
      "year,y",
      Array.from({ length: 30 }, (_, i) => [2000 + (i % 3), i % 2]),
    );
    const table = await readTable(path, { target: "y" });
    const { plan } = fitPreprocessing(table, rowsFrom(0, 29));
    expect(plan.columns[0]).toMatchObject({ dtype: "float32" });
    const { mean, deviation } = plan.columns[0] as { mean: number; deviation: number } & (typeof plan.columns)[0];
    const found = await design(executor, table, undefined, plan);
    found.forEach(([z], i) => expect(Math.abs(z! - (2000 + (i % 3) - mean) / deviation)).toBeLessThan(3e-7));
  });

  test("a column constant in training but for missing values is only its indicator, and one alone is a whole graph", async () => {
    const path = csv("indicator.csv", "a,y", ["5,0", ",1", "5,0", ",1"]);
    const table = await readTable(path, { target: "y" });
    const { plan, notes } = fitPreprocessing(table, rowsFrom(0, 4));
    expect(plan.features).toEqual(["a is missing"]);
    expect(notes).toEqual(["a: always 5 in the training rows (σ = 0); only whether it is missing is a feature"]);
    expect(await design(executor, table, undefined, plan)).toEqual([[0], [1], [0], [1]]);
  });

  test("amounts go out and come back through the graph, logarithms too", async () => {
    const path = csv("amounts.csv", "x,y", [
      [1, 10.5],
      [2, 20.25],
      [3, 400],
      [4, 1000],
    ]);
    const table = await readTable(path, { target: "y" });
    for (const log of [false, true]) {
      const { plan } = fitPreprocessing(table, rowsFrom(0, 3), { log });
      if (plan.target.kind !== "amount") throw new Error("not an amount");
      const values = [10.5, 20.25, 400].map((y) => (log ? Math.log(y) : y));
      expect(plan.target.mean).toBeCloseTo(values.reduce((a, b) => a + b, 0) / 3, 12);
      const targets = targetTensor(table, undefined, plan.target);
      expect(targets.shape).toEqual([4, 1]);
      const z = input("z", "float32", ["batch", 1]);
      const session = await executor.compile(graph({ outputs: { y: restoreAmount(z, plan.target) } }));
      const { y } = await session.run({ z: targets });
      await session.dispose();
      [10.5, 20.25, 400, 1000].forEach((amount, i) => expect(Number(y!.data[i]) / amount).toBeCloseTo(1, 5));
    }
  });
});

describe("fitting", () => {
  test("sees the training rows only: the others may hold anything", async () => {
    const rows = Array.from({ length: 100 }, (_, i) => [i % 10, `k${i % 4}`, i % 2]);
    const one = await readTable(csv("one-way.csv", "a,c,y", rows), { target: "y" });
    const other = await readTable(
      csv(
        "other-way.csv",
        "a,c,y",
        rows.map((row, i) => (i < 60 ? row : [i * 1000, `z${i % 3}`, row[2]])),
      ),
      { target: "y" },
    );
    const plans = [one, other].map((table) => fitPreprocessing(table, rowsFrom(0, 60)).plan);
    expect(plans[1]!.columns).toEqual(plans[0]!.columns);
  });

  test("a plan is plain JSON", async () => {
    const table = await readTable("examples/penguins.csv", { target: "species" });
    const { plan } = fitPreprocessing(table, rowsFrom(0, 344));
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
    expect(plan.features).toEqual([
      "bill_length_mm",
      "bill_depth_mm",
      "flipper_length_mm",
      "body_mass_g",
      "year",
      "bill_length_mm is missing",
      "bill_depth_mm is missing",
      "flipper_length_mm is missing",
      "body_mass_g is missing",
      "island = Biscoe",
      "island = Dream",
      "island = Torgersen",
      "sex = female",
      "sex = male",
      "sex is missing",
    ]);
    expect(plan.target).toEqual({ kind: "classes", name: "species", classes: ["Adelie", "Chinstrap", "Gentoo"] });
  });

  test("of many categories the 255 most frequent are inputs, and that is said", async () => {
    const rows = Array.from({ length: 3000 }, (_, i) => [`k${i < 2700 ? i % 255 : 255 + (i % 100)}`, i % 2]);
    const table = await readTable(csv("many.csv", "k,y", rows), { target: "y" });
    const { plan, notes } = fitPreprocessing(table, rowsFrom(0, 3000));
    expect(plan.features.length).toBe(255);
    expect(notes).toEqual(["k: the 255 most frequent of 355 categories are inputs (90.0 % of the rows), the others all zeros"]);
    const found = await design(reference, table, Int32Array.of(0, 2999), plan);
    expect(found.map((row) => row.reduce((a, b) => a + b, 0))).toEqual([1, 0]);
  });

  test("columns that carry nothing in the training rows are left out and said; where none is left, that is an error", async () => {
    const rows = Array.from({ length: 20 }, (_, i) => (i < 10 ? ["", "same", i, i % 2] : [i, `k${i}`, i, i % 2]));
    const table = await readTable(csv("late-columns.csv", "late,word,a,y", rows), { target: "y" });
    const { plan, notes } = fitPreprocessing(table, rowsFrom(0, 10));
    expect(plan.features).toEqual(["a"]);
    expect(notes).toEqual(["late left out: no training row has a value", 'word left out: always "same" in the training rows']);
    const narrow = { ...table, columns: table.columns.slice(0, 2) };
    expect(await complaint(() => fitPreprocessing(narrow, rowsFrom(0, 10)))).toMatch(
      /no column is left to predict from\. \| late left out/,
    );
  });

  test("two classes are one output, three are one-hot", async () => {
    const table = await readTable(csv("classes.csv", "x,two,three", ["1,no,a", "2,yes,b", "3,no,c"]), { target: "two", drop: ["three"] });
    const { plan } = fitPreprocessing(table, rowsFrom(0, 3));
    expect(outputsOf(plan.target)).toBe(1);
    expect(targetTensor(table, undefined, plan.target)).toEqual(tensor("float32", Float32Array.of(0, 1, 0), [3, 1]));
    const three = await readTable(csv("classes3.csv", "x,y", ["1,a", "2,b", "3,c"]), { target: "y" });
    const target = fitPreprocessing(three, rowsFrom(0, 3)).plan.target;
    expect([...targetTensor(three, Int32Array.of(2, 0), target).data]).toEqual([0, 0, 1, 1, 0, 0]);
  });

  test("a logarithm of what has none is refused, naming the row", async () => {
    const table = await readTable(
      csv("zero.csv", "x,y", [
        [1, 1.5],
        [2, 0],
        [3, 2.5],
      ]),
      { target: "y" },
    );
    expect(await complaint(() => fitPreprocessing(table, rowsFrom(0, 3), { log: true }))).toMatch(
      /zero\.csv, row 2: --target-transform log needs amounts above 0, target "y" is 0\. \| .*"y \+ 1"/,
    );
    const classes = await readTable(csv("zero2.csv", "x,y", ["1,a", "2,b"]), { target: "y" });
    expect(await complaint(() => fitPreprocessing(classes, rowsFrom(0, 2), { log: true }))).toMatch(/log is for regression/);
    expect(await complaint(() => fitPreprocessing(classes, rowsFrom(0, 2), { power: true }))).toMatch(/yeoJohnson is for regression/);
  });
});

describe.each([
  // λ below 0, between, above 2: amounts skewed to the right, of both signs, and to the left.
  ["right", (i: number) => 5 + 1 / (0.002 + ((i * 37) % 100) / 100), (lambda: number) => lambda < 0],
  ["both", (i: number) => 20 * Math.sinh(((i * 37) % 100) / 20 - 2), (lambda: number) => lambda > 0 && lambda < 2],
  ["left", (i: number) => -5 - 1 / (0.002 + ((i * 37) % 100) / 100), (lambda: number) => lambda > 2],
] as const)("a target by Yeo and Johnson's power, skewed to the %s", (name, amountOf, expected) => {
  const path = csv(
    `power-${name}.csv`,
    "x,y",
    Array.from({ length: 100 }, (_, i) => [i, amountOf(i)]),
  );
  const fitted = async () => {
    const table = await readTable(path, { target: "y" });
    const { plan, notes } = fitPreprocessing(table, rowsFrom(0, 60), { power: true });
    if (plan.target.kind !== "amount") throw new Error("classes");
    return { table, notes, target: plan.target };
  };

  test("is fitted on the training rows alone", async () => {
    const { notes, target } = await fitted();
    const amounts = Float64Array.from({ length: 60 }, (_, i) => amountOf(i));
    const { lambda } = target as { lambda: number };
    expect(lambda).toBe(fitYeoJohnson(amounts));
    expect(expected(lambda)).toBe(true);
    expect(lambda).not.toBe(fitYeoJohnson(Float64Array.from({ length: 100 }, (_, i) => amountOf(i))));
    const changed = amounts.map((amount) => yeoJohnson(amount, lambda));
    expect(target.mean).toBeCloseTo(changed.reduce((a, b) => a + b) / 60, 10);
    expect(target.last).toBe(lambda < 0 ? Math.max(...changed) : lambda > 2 ? Math.min(...changed) : undefined);
    expect(notes.at(-1)).toMatch(/^y enters by Yeo and Johnson's power, λ = -?[\d.]+$/);
  });

  test.each(executors)("comes back as it was ($name), and where the power has a bound, at the last training amount", async (executor) => {
    const { table, target } = await fitted();
    const given = targetTensor(table, rowsFrom(0, 60), target);
    const output = input("t", "float32", ["batch", 1]);
    const session = await executor.compile(graph({ inputs: [output], outputs: { y: restoreAmount(output, target) } }));
    const { y } = await session.run({ t: given });
    const far = tensor("float32", [-1e4, 1e4], [2, 1]);
    const ends = (await session.run({ t: far }))["y"]!.data as Float32Array;
    await session.dispose();
    y!.data.forEach((amount, i) => expect(Math.abs(Number(amount) - amountOf(i)) / (1 + Math.abs(amountOf(i)))).toBeLessThan(2e-4));
    const amounts = Array.from({ length: 60 }, (_, i) => amountOf(i));
    if (name === "right") expect(ends[1]! / Math.max(...amounts)).toBeCloseTo(1, 5);
    if (name === "left") expect(ends[0]! / Math.min(...amounts)).toBeCloseTo(1, 5);
    expect(ends[0]!).toBeLessThan(Math.min(...amounts) + 0.1 * Math.abs(Math.min(...amounts)));
    ends.forEach((end, i) => {
      const t = (i === 0 ? -1e4 : 1e4) * target.deviation + target.mean;
      const plain = Math.fround(restored(t, target));
      expect(end === plain || Math.abs(end / plain - 1) < 1e-6).toBe(true);
    });
  });
});

describe("Yeo and Johnson's power", () => {
  test("has its inverse for every λ and sign, and a bound where there is none", () => {
    for (const lambda of [-1.5, -1e-12, 0, 1e-10, 0.4, 1, 2, 2.5])
      for (const x of [-30, -1, -1e-6, 0, 1e-6, 0.5, 12]) {
        const back = inverseYeoJohnson(yeoJohnson(x, lambda), lambda);
        expect(Math.abs(back - x), `${x}, λ = ${lambda}`).toBeLessThan(1e-9 * Math.max(1, Math.abs(x)));
      }
    expect([inverseYeoJohnson(2, -0.5), inverseYeoJohnson(-2, 2.5)]).toEqual([Infinity, -Infinity]);
  });

  test("of numbers up to 1e37 stays finite", () => {
    for (const sign of [1, -1]) {
      const lambda = fitYeoJohnson(Float64Array.from({ length: 30 }, (_, i) => sign * 10 ** (i + 8)));
      expect(Math.abs(lambda - (sign > 0 ? 0 : 2))).toBeLessThan(0.05);
    }
  });
  test("is SciPy's, and so is the λ that fits", () => {
    const skewed = Float64Array.of(0.1, 0.2, 0.5, 1, 1.5, 3, 7, 12, 40, 90);
    const signed = Float64Array.of(-3, -1, -0.5, 0, 0.2, 0.9, 2, 5, -7, 1.1);
    // scipy.stats.yeojohnson_normmax and yeojohnson, SciPy 1.10
    expect(fitYeoJohnson(skewed)).toBeCloseTo(-0.351645753898, 6);
    expect(fitYeoJohnson(signed)).toBeCloseTo(1.168853935073, 6);
    expect([-2, -0.5, 0, 0.5, 3].map((x) => yeoJohnson(x, 2))).toEqual(
      [-Math.log(3), -Math.log(1.5), 0, 0.625, 7.5].map((x) => expect.closeTo(x, 12)),
    );
    expect([-2, -0.5, 0, 0.5, 3].map((x) => yeoJohnson(x, 0))).toEqual(
      [-4, -0.625, 0, Math.log(1.5), Math.log(4)].map((x) => expect.closeTo(x, 12)),
    );
  });

  test("settings for a column that is no feature are refused", async () => {
    const table = await readTable(small, { target: "y" });
    expect(await complaint(() => fitPreprocessing(table, rowsFrom(0, 4), { settings: { columns: { A: { scale: "none" } } } }))).toMatch(
      /no feature "A" \(transforms\) in .*small\.csv\. \| did you mean "a"/,
    );
  });

  test("a network keeps the order of inputs that it was trained on", async () => {
    const table = await readTable(small, { target: "y" });
    const { plan } = fitPreprocessing(table, rowsFrom(0, 4));
    const turned = { ...plan, features: [...plan.features.slice(3), ...plan.features.slice(0, 3)] };
    const [now, before] = [await design(reference, table, undefined, plan), await design(reference, table, undefined, turned)];
    expect(before).toEqual(now.map((row) => [...row.slice(3), ...row.slice(0, 3)]));
  });
});
