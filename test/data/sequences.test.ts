/** Sequences: texts, lists, long tables and windows become columns; what is wrong with them is said with line and column. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fitPreprocessing, preprocessingGraph, rawInputs, type PreprocessPlan } from "../../src/data/preprocess.ts";
import { readTable, type ReadOptions } from "../../src/data/read-table.ts";
import { split } from "../../src/data/splitter.ts";
import { schemaOf, type SequenceColumn, type Table } from "../../src/data/table.ts";
import { tokenise } from "../../src/data/tokens.ts";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { reference } from "../../src/exec/reference.ts";
import type { Executor } from "../../src/exec/session.ts";
import { graph } from "../../src/ir/graph.ts";
import { complaint, csv, file } from "./files.ts";

const sequencesOf = ({ columns }: Table): SequenceColumn[] => columns.filter((column) => column.kind === "sequence");

/** Each row's steps, as numbers or tokens. */
function steps(column: SequenceColumn): (number | string | undefined)[][] {
  const { offsets, values, width, tokens } = column;
  return Array.from({ length: offsets.length - 1 }, (_, row) =>
    Array.from(values.subarray(offsets[row]! * width, offsets[row + 1]! * width), (value) => (tokens ? tokens[value] : value)),
  );
}

/** The design matrix and the lengths of all rows, as JSON's plan gives them. */
async function design(executor: Executor, table: Table, plan: PreprocessPlan) {
  const { inputs, features, lengths } = preprocessingGraph(JSON.parse(JSON.stringify(plan)) as PreprocessPlan);
  const session = await executor.compile(graph({ inputs, outputs: { features, ...(lengths ? { lengths } : {}) } }));
  try {
    const found = await session.run(rawInputs(table, undefined, plan));
    const width = plan.features.length;
    const data = found["features"]!.data as Float32Array;
    return {
      rows: Array.from({ length: table.rows }, (_, row) => [...data.subarray(row * width, (row + 1) * width)]),
      lengths: found["lengths"] && [...(found["lengths"].data as Int32Array)],
    };
  } finally {
    await session.dispose();
  }
}

const all = (table: Table): Int32Array => Int32Array.from({ length: table.rows }, (_, row) => row);
const fit = (table: Table, options: Parameters<typeof fitPreprocessing>[2] = {}) => fitPreprocessing(table, all(table), options);

const names = csv("names.csv", "name,sex", ["Anna,f", "Bob,m", "Nan,f", ",m", "Åsa,f", "bob,m"]);
const long = csv("long.csv", "who,t,x,kind,y", ["p,2,5,a,no", "p,1,4,b,no", "q,1,,a,yes", "q,3,7,,yes", "q,2,1,b,yes", "r,5,2,a,no"]);
const series = csv(
  "series.csv",
  "t,mw,warm",
  Array.from({ length: 40 }, (_, i) => [i + 1, 100 + i * i, i % 3 === 0 ? "yes" : "no"]),
);

test("a text is cut into code points of its composed form, or into lower-case words and marks", () => {
  expect(tokenise("A\u030asa 🦉", "characters")).toEqual(["Å", "s", "a", " ", "🦉"]);
  expect(tokenise("It’s 5 o'clock -- E-mail: ΑΒγ!", "words")).toEqual(["it’s", "5", "o'clock", "-", "-", "e-mail", ":", "αβγ", "!"]);
  expect(tokenise(" \n\t", "words")).toEqual([]);
});

test("characters of any text, put together again, are the text", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => tokenise(text, "characters").join("") === text.normalize("NFC")));
});

test("a column of text becomes a sequence of tokens, an empty one has none", async () => {
  const table = await readTable(names, { target: "sex", text: { name: "characters" } });
  const [name] = sequencesOf(table);
  expect(steps(name!)).toEqual([[..."Anna"], [..."Bob"], [..."Nan"], [], [..."Åsa"], [..."bob"]]);
  expect(name!.tokens).toEqual(["A", "B", "N", "a", "b", "n", "o", "s", "Å"]);
  expect(table.notes).toContain("name read in characters: 16, 9 of them different");
});

test("free text that is left out is offered as a sequence", async () => {
  const rows = Array.from({ length: 40 }, (_, i) => [`text ${i}`, i % 7, i % 2 === 0 ? "a" : "b"]);
  const { notes } = await readTable(csv("free.csv", "story,x,y", rows), { target: "y" });
  expect(notes.find((note) => note.startsWith("story left out"))).toContain("--text story=words or =characters");
});

describe.each([reference, onnxruntimeNode].map((executor) => [executor.name, executor] as const))("on %s", (_, executor) => {
  test("tokens are numbers of the training vocabulary: 0 none, 1 those that were rare or never seen", async () => {
    const table = await readTable(names, { target: "sex", text: { name: "characters" } });
    const { plan, notes } = fit(table);
    // Repeated: a 4, n 3, o 2, b 3; once: A B N s Å.
    expect(plan).toMatchObject({ shape: [4], tokens: 6, variableLength: true });
    expect(plan.columns).toEqual([
      { kind: "tokens", column: "name", sqlType: "VARCHAR[]", time: 4, fixed: false, vocabulary: ["a", "b", "n", "o"], as: "numbers" },
    ]);
    expect(notes).toEqual([
      "1 sequence is empty, the first in row 4: each counts as one step without a value",
      "name: 4 tokens (68.8 % of all steps); 5 rarer ones and those never seen share one entry",
    ]);
    const other = await readTable(csv("other.csv", "name", ["Ann", "xoxoxo"]), { schema: { ...plan.schema, target: undefined } as never });
    expect(await design(executor, table, plan)).toEqual({
      rows: [
        [1, 4, 4, 2],
        [1, 5, 3, 0],
        [1, 2, 4, 0],
        [0, 0, 0, 0],
        [1, 1, 2, 0],
        [3, 5, 3, 0],
      ],
      lengths: [4, 3, 3, 1, 3, 3],
    });
    // A longer text is cut off behind, an unknown character is 1.
    expect(await design(executor, other, plan)).toEqual({
      rows: [
        [1, 4, 4, 0],
        [1, 5, 1, 5],
      ],
      lengths: [3, 4],
    });
  });

  test("a long table is a sequence per id in the order of time; numbers are standardised over all steps, categories one-hot", async () => {
    const table = await readTable(long, { target: "y", sequenceId: "who", time: "t" });
    expect(table.rows).toBe(3);
    expect(table.notes).toContain("6 lines are 3 sequences by who, in the order of t, of 1 to 3 steps");
    expect(table.notes).toContain("t goes backwards in the file, first in line 3: the steps are put in its order");
    const [x, kind] = sequencesOf(table);
    expect(steps(x!)).toEqual([[4, 5], [NaN, 1, 7], [2]]);
    expect(steps(kind!)).toEqual([["b", "a"], ["a", "b", undefined], ["a"]]);
    const { plan } = fit(table);
    expect(plan).toMatchObject({ shape: [3, 4], variableLength: true });
    expect(plan.features.slice(0, 5)).toEqual(["x at 1", "x is missing at 1", "kind = a at 1", "kind = b at 1", "x at 2"]);
    // x over the steps that have a value: 4 5 1 7 2, μ 3.8, σ √4.56.
    const z = (value: number) => (value - 3.8) / Math.sqrt(4.56);
    const expected = [
      [z(4), 0, 0, 1, z(5), 0, 1, 0, 0, 0, 0, 0],
      [0, 1, 1, 0, z(1), 0, 0, 1, z(7), 0, 0, 0],
      [z(2), 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ];
    const { rows, lengths } = await design(executor, table, plan);
    rows.forEach((row, i) => row.forEach((value, j) => expect(value).toBeCloseTo(expected[i]![j]!, 5)));
    expect(lengths).toEqual([2, 3, 1]);
  });

  test("lists of several numbers a step keep their width; single values beside them are repeated at every step", async () => {
    const path = csv("wide.csv", "walk;n;y", ["[[1, 2], [3, 4]];1;a", "[[5, 6], null, [7, NaN]];3;b", "[];5;a"]);
    const table = await readTable(path, { target: "y" });
    const { plan } = fit(table);
    expect(plan).toMatchObject({ shape: [3, 5], variableLength: true });
    expect(plan.features.slice(0, 5)).toEqual([
      "n at 1",
      "walk[1] at 1",
      "walk[2] at 1",
      "walk[1] is missing at 1",
      "walk[2] is missing at 1",
    ]);
    const { rows, lengths } = await design(executor, table, plan);
    expect(lengths).toEqual([2, 3, 1]);
    // walk[1] over 1 3 5 7, walk[2] over 2 4 6; n over 1 3 5.
    const [a, b, c] = [
      (v: number) => (v - 4) / Math.sqrt(5),
      (v: number) => (v - 4) / Math.sqrt(8 / 3),
      (v: number) => (v - 3) / Math.sqrt(8 / 3),
    ];
    const expected = [
      [c(1), a(1), b(2), 0, 0, c(1), a(3), b(4), 0, 0, 0, 0, 0, 0, 0],
      [c(3), a(5), b(6), 0, 0, c(3), 0, 0, 1, 1, c(3), a(7), 0, 0, 1],
      [c(5), 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ];
    rows.forEach((row, i) => row.forEach((value, j) => expect(value).toBeCloseTo(expected[i]![j]!, 5)));
  });
});

test("lists are recognised where every cell is one, as numbers or as texts", async () => {
  const path = csv("lists.csv", "a\tb\tc\ty", ['[1, 2.5]\t["u", "v"]\t[1]\tp', '[3]\t["v"]\tno list\tq']);
  const table = await readTable(path, { target: "y" });
  expect(sequencesOf(table).map(({ name, sqlType }) => [name, sqlType])).toEqual([
    ["a", "DOUBLE[]"],
    ["b", "VARCHAR[]"],
  ]);
  expect(sequencesOf(table).map(steps)).toEqual([
    [[1, 2.5], [3]],
    [["u", "v"], ["v"]],
  ]);
});

describe("windows", () => {
  const windows = { window: 5, horizon: 3, step: 4 };
  const read = (options: ReadOptions = {}) => readTable(series, { target: "mw", time: "t", windows, ...options });

  test("an example is the values before an origin, and the target those from it on; the newest lines are all used", async () => {
    const table = await read();
    const [mw, warm] = sequencesOf(table);
    const target = table.target!.column as SequenceColumn;
    const at = (line: number) => 100 + (line - 1) ** 2;
    expect(table.rows).toBe(9);
    expect(steps(mw!).at(-1)).toEqual([33, 34, 35, 36, 37].map(at));
    expect(steps(target).at(-1)).toEqual([38, 39, 40].map(at));
    expect(steps(mw!)[0]).toEqual([1, 2, 3, 4, 5].map(at));
    expect(steps(warm!)[0]).toEqual(["yes", "no", "no", "yes", "no"]);
    expect(table.notes).toContain("40 lines are 9 windows of 5, a new one every 4; mw is forecast 3 lines ahead");
    expect(table.target).toMatchObject({ task: "regression", name: "mw" });
  });

  test("for a prediction they reach the last line", async () => {
    const { target: _, ...schema } = schemaOf(await read());
    const table = await readTable(series, { schema });
    expect(table.target).toBeUndefined();
    expect(table.roles.time).toMatchObject({ name: "t", values: Float64Array.from([8, 12, 16, 20, 24, 28, 32, 36, 40]) });
    expect(steps(sequencesOf(table)[0]!).at(-1)).toEqual([36, 37, 38, 39, 40].map((line) => 100 + (line - 1) ** 2));
  });

  test("they are split by time, and no forecast of one part ends after one of the next part begins", async () => {
    for (const step of [1, 2, 3, 7]) {
      const table = await read({ windows: { ...windows, step } });
      const parts = split(table, { policy: "60/20/20" });
      const [begin, end] = [table.roles.time!, table.roles.end!].map((column) => (column as { values: Float64Array }).values);
      const last = (rows: Int32Array) => Math.max(...Array.from(rows, (row) => end![row]!));
      const first = (rows: Int32Array) => Math.min(...Array.from(rows, (row) => begin![row]!));
      expect(last(parts.train)).toBeLessThan(first(parts.validation));
      expect(last(parts.validation)).toBeLessThan(first(parts.test));
      const dealt = parts.train.length + parts.validation.length + parts.test.length;
      expect(parts.notes.some((note) => note.includes("into the next part"))).toBe(dealt < table.rows);
      if (step === 1) expect(dealt).toBe(table.rows - 4);
    }
  });

  test("of several series, each is cut by itself, in the order of time", async () => {
    const rows = ["a", "b"].flatMap((shop) => Array.from({ length: 6 }, (_, i) => [shop, i, shop === "a" ? i : 10 * i]));
    const table = await readTable(csv("shops.csv", "shop,day,sold", rows), {
      target: "sold",
      time: "day",
      sequenceId: "shop",
      windows: { window: 3, horizon: 1, step: 2 },
    });
    expect(steps(sequencesOf(table)[0]!)).toEqual([
      [0, 1, 2],
      [0, 10, 20],
      [2, 3, 4],
      [20, 30, 40],
    ]);
    expect(table.roles.series).toMatchObject({ name: "shop", codes: Int32Array.from([0, 1, 0, 1]) });
  });

  test("gaps in time are said; the columns beside the target are inputs too, in order", async () => {
    const rows = [1, 2, 3, 5, 6, 7, 8].map((t) => [t, t * 10, t * t]);
    const table = await readTable(csv("gaps.csv", "t,x,mw", rows), { target: "mw", time: "t", windows: { window: 2 } });
    expect(table.columns.map(({ name }) => name)).toEqual(["mw", "x"]);
    expect(table.notes).toContain("t is uneven: 1 step is not the first one's 1, the first in line 5; windows count lines");
  });
});

test("sequences of one length are taken for such, and another length is refused", async () => {
  const table = await readTable(csv("fixed.csv", "a;y", ["[1, 2];p", "[3, 4];q", "[5, 9];q"]), { target: "y" });
  const { plan } = fit(table);
  expect(plan.variableLength).toBeUndefined();
  expect(plan.shape).toEqual([2, 1]);
  const other = await readTable(csv("longer.csv", "a;y", ["[1, 2];p", "[3, 4, 5];q"]), { schema: plan.schema });
  expect(await complaint(() => void rawInputs(other, undefined, plan))).toBe(
    'row 2: column "a" should hold 2 steps, as every sequence of the training did, found 3. | bring the sequences to that length, or train on sequences of different lengths.',
  );
});

test("long sequences are cut where asked, and at a thousand steps where not; how much is said", async () => {
  const lists = (...lengths: number[]) =>
    lengths.map((length, i) => `[${Array.from({ length }, (_, k) => (k * 7 + i) % 5).join(", ")}];${i % 2}`);
  const table = await readTable(csv("long-lists.csv", "a;y", lists(4, 10, 2, 8)), { target: "y" });
  const { plan, notes } = fit(table, { maxLength: 5 });
  expect(plan.shape).toEqual([5, 1]);
  expect(notes[0]).toBe("the first 5 steps of each sequence are seen: 2 of 4 are longer, 33 % of all steps are cut off");
  const rows = [4, 1_000_000, 2, 8].map((length, i) =>
    JSON.stringify({ a: Array.from({ length }, (_, k) => (k * 7 + i) % 5), y: `${i % 2}` }),
  );
  const million = await readTable(file("million.ndjson", rows.join("\n")), { target: "y" });
  const found = fit(million);
  expect(found.plan.shape).toEqual([1000, 1]);
  expect(found.notes[0]).toContain("1 of 4 are longer");
  expect(found.notes[0]).toContain("(more with --max-length; the longest has 1 000 000)");
});

test("another file is refused where it lacks what sequences are made of, or holds a text beyond all measure", async () => {
  const schemaFor = async (...read: Parameters<typeof readTable>) => {
    const { target: _, ...schema } = schemaOf(await readTable(...read));
    return schema;
  };
  const lines = await schemaFor(long, { target: "y", sequenceId: "who", time: "t" });
  expect(await complaint(readTable(names, { schema: lines }))).toContain(
    'no column "who", by which the model\'s sequences are put together,',
  );
  const texts = await schemaFor(names, { target: "sex", text: { name: "words" } });
  expect(await complaint(readTable(long, { schema: texts }))).toContain('no column "name", a text that the model was trained on,');
  const giant = file("giant.ndjson", [{ name: "a" }, { name: "b".repeat(10_000_001) }].map((row) => JSON.stringify(row)).join("\n"));
  expect(await complaint(readTable(giant, { schema: texts }))).toContain(
    'column "name" should hold texts of at most 10 000 000 characters, found 10 000 001.',
  );
});

describe("what is wrong is said with its place", () => {
  const cases: readonly [string, string, readonly string[], ReadOptions, string][] = [
    [
      "two steps of one time",
      "id,t,x,y",
      ["a,1,1,p", "a,2,2,p", "b,1,1,q", "a,2,3,p"],
      { sequenceId: "id", time: "t", target: "y" },
      'line 5: id "a" has two lines of one t, the other in line 3; a step of a sequence has its own time.',
    ],
    [
      "ids apart without a time",
      "id,x,y",
      ["a,1,p", "b,2,q", "a,3,p"],
      { sequenceId: "id", target: "y" },
      'line 4: the lines of id "a" do not stand together, and no column says their order. | name the column that orders them: --time COLUMN',
    ],
    [
      "a target that changes",
      "id,x,y",
      ["a,1,p", "a,2,q", "b,3,p"],
      { sequenceId: "id", target: "y" },
      'line 3: target "y" is "q", and "p" in line 2 of the same id "a"; a sequence has one.',
    ],
    [
      "a group that changes",
      "id,x,y,g",
      ["a,1,p,1", "a,2,p,2", "b,3,q,3"],
      { sequenceId: "id", target: "y", group: "g" },
      'line 3: --group "g" is "2", and "1" in line 2 of the same id "a"',
    ],
    ["an id that is not there", "id,x,y", ["a,1,p", "b,2,q"], { sequenceId: "di", target: "y" }, 'no column "di" (--sequence-id)'],
    ["a text that is not there", "name,y", ["a,p", "b,q"], { text: { nam: "words" }, target: "y" }, 'no column "nam" (--text)'],
    [
      "a text that is the target",
      "name,y",
      ["a,p", "b,q"],
      { text: { y: "words" }, target: "y" },
      "cannot be a text to learn from (--text) and have another use",
    ],
    [
      "steps of different widths",
      "a;y",
      ["[[1, 2], [3]];p", "[[1, 2]];q"],
      { target: "y" },
      'line 2: column "a" should hold 2 numbers in each step, as its first sequence does, found 1 in step 2.',
    ],
    [
      "numbers and texts",
      "a;y",
      ["[1, 2];p", '[1, "x"];q'],
      { target: "y" },
      'line 3: column "a" should hold numbers, found ""x"" in step 2.',
    ],
    [
      "a list that is none",
      "a;y",
      ["[1, 2];p", "[1 2];q"],
      { target: "y" },
      'line 3: column "a" should hold lists of numbers, found "[1 2]".',
    ],
    [
      "a series that is too short",
      "t,x",
      ["1,1", "2,3", "3,5"],
      { target: "x", time: "t", windows: { window: 3, horizon: 2 } },
      "line 4: the series ends after 3 lines; a window of 3 and the 2 ahead needs 5.",
    ],
    [
      "a forecast of text",
      "t,x",
      ["1,a", "2,b", "3,a", "4,b"],
      { target: "x", time: "t", windows: { window: 2 } },
      'needs a column of changing numbers, "x" is none',
    ],
    [
      "a forecast of nothing",
      "t,x",
      ["1,1", "2,4", "3,9"],
      { time: "t", windows: { window: 2 } },
      "a forecast (--window) needs the column whose next values are to be predicted, found no target.",
    ],
    [
      "a value to forecast that is missing",
      "t,x",
      ["1,1", "2,2", "3,4", "4,", "5,6"],
      { target: "x", time: "t", windows: { window: 2 } },
      'line 5: "x" is missing, and is to be forecast there.',
    ],
    [
      "several series without times",
      "s,x",
      ["a,1", "a,2", "a,4", "b,1", "b,5", "b,2"],
      { target: "x", sequenceId: "s", windows: { window: 2 } },
      "windows over several series (s) are split by time, and no column of times is named. | --time COLUMN",
    ],
    [
      "a list in each line of a long table",
      "id;a;x;y",
      ["a;[1];1;p", "a;[2];2;p", "b;[3];4;q"],
      { sequenceId: "id", target: "y" },
      'column "a" holds a whole sequence in each line',
    ],
  ];
  test.each(cases)("%s", async (title, header, rows, options, expected) => {
    expect(await complaint(readTable(csv(`${title.replaceAll(" ", "-")}.csv`, header, rows), options))).toContain(expected);
  });
});
