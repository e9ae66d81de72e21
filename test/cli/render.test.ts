import { expect, test } from "vitest";
import { duration, formatInterval, grouped, short, steady } from "../../src/cli/render/format.ts";
import { columns, line } from "../../src/cli/render/lines.ts";
import { paint, plain } from "../../src/cli/render/paint.ts";
import { plotCurves } from "../../src/cli/render/plot.ts";
import { createProgress, progressLine } from "../../src/cli/render/progress.ts";
import { csvLine } from "../../src/cli/render/csv.ts";
import { failureLines } from "../../src/cli/failure.ts";
import { wilsonInterval } from "../../src/util/statistics.ts";
import { GradusError } from "../../src/util/errors.ts";

const p = paint(false);

test("numbers read as people write them", () => {
  expect([0, 7043, 1_000_000].map(grouped)).toEqual(["0", "7 043", "1 000 000"]);
  expect([0.001, 0.40912, 123.4, 12_345.6, -3, 0.00003, NaN, Infinity, 0].map(short)).toEqual([
    "0.001",
    "0.409",
    "123",
    "12 346",
    "−3",
    "3·10⁻⁵",
    "NaN",
    "∞",
    "0",
  ]);
  expect([0.4, 12, 0.03].map(steady)).toEqual(["0.400", "12.0", "0.0300"]);
  expect([0.04, 9.97, 75, 200, 7500].map(duration)).toEqual(["0.0 s", "10 s", "75 s", "3 min 20 s", "2 h 5 min"]);
});

test("an interval shows the digits it supports", () => {
  expect(formatInterval(wilsonInterval(278, 1409), "share")).toEqual({ value: "19.7 %", range: "17.7 – 21.9" });
  expect(formatInterval(wilsonInterval(1000, 1_000_000), "share")).toEqual({ value: "0.10 %", range: "0.09 – 0.11" });
  expect(formatInterval({ value: 1234.5, low: 1200, high: 1270, n: 9 }, "number")).toEqual({ value: "1 235", range: "1 200 – 1 270" });
  expect(formatInterval({ value: -0.0123, low: -0.02, high: 0.004, n: 9 }, "number")).toEqual({ value: "−0.012", range: "−0.020 – 0.004" });
});

test("long text stays in its column", () => {
  expect(line("split", "one two three four five six seven eight", 50)).toBe(
    `  split            one two three four five six\n${" ".repeat(19)}seven eight`,
  );
});

test("tables align, and a locked row widens nothing", () => {
  expect(
    columns([
      ["", "error", "n"],
      ["train", "18.7 %", "4 226"],
      ["test", "locked (a long remark that goes on)"],
    ]),
  ).toEqual([
    "                   error     n",
    "  train            18.7 %    4 226",
    "  test             locked (a long remark that goes on)",
  ]);
});

test("a curve that another one crosses goes on through it: both strokes meet in one character", () => {
  const plot = (train: readonly number[], validation: readonly number[]) =>
    plotCurves(
      [
        { label: "train", values: train, stroke: "light", color: "cyan" },
        { label: "validation", values: validation, stroke: "heavy", color: "yellow" },
      ],
      { title: "loss", width: 30, height: 7, paint: p },
    ).slice(1, 8);
  expect(plot([6, 5, 4, 3, 2, 1, 0], [3, 3, 3, 3, 3, 3, 6])).toEqual([
    "  6 ┤──╮               ┏",
    "    │  ╰──╮           ┏┛",
    "    │     ╰──╮       ┏┛",
    "  3 ┤━━━━━━━━┷━━┯━━━━┛",
    "    │           ╰──╮",
    "    │              ╰──╮",
    "  0 ┤                 ╰─",
  ]);
  expect(plot([6, 0, 6], [0, 6, 0])).toEqual([
    "  6 ┤─╮         ┏┓         ╭",
    "    │ ╰─╮     ┏━┛┗━┓     ╭─╯",
    "    │   ╰─╮ ┏━┛    ┗━┓ ╭─╯",
    "  3 ┤     ┢━┩        ┡━┪",
    "    │   ┏━┛ ╰─╮    ╭─╯ ┗━┓",
    "    │ ┏━┛     ╰─╮╭─╯     ┗━┓",
    "  0 ┤━┛         ╰╯         ┗",
  ]);
});

test("curves are drawn with light and heavy strokes, the mark on the axis, within the width", () => {
  const train = Array.from({ length: 41 }, (_, i) => 0.3 + 0.4 * Math.exp(-i / 5));
  const validation = train.map((value, i) => value + 0.004 * i);
  const lines = plotCurves(
    [
      { label: "train", values: train, stroke: "light", color: "cyan" },
      { label: "validation", values: validation, stroke: "heavy", color: "yellow" },
    ],
    { title: "loss", width: 60, height: 6, mark: { at: 12, label: "weights kept" }, paint: p },
  );
  expect(lines).toHaveLength(9);
  expect(lines[0]).toBe("  loss   ── train   ━━ validation   ▲ weights kept");
  expect(Math.max(...lines.map((text) => text.length))).toBeLessThanOrEqual(60);
  expect(lines.join("\n")).toMatch(/┓[\s\S]*╰[\s\S]*▲/);
  expect(lines[7]!.indexOf("▲") - lines[7]!.indexOf("└") - 1).toBe(Math.round((12 / 40) * (lines[7]!.length - lines[7]!.indexOf("└") - 2)));
});

test("a curve that ends early, is not finite, or has one point draws what there is", () => {
  const options = { title: "loss", width: 40, height: 4, paint: p };
  expect(plotCurves([{ label: "a", values: [1], stroke: "light", color: "cyan" }], options)).toEqual([]);
  const cut = plotCurves([{ label: "a", values: [1, 0.5, NaN, 0.25], stroke: "light", color: "cyan" }], options);
  expect(cut).toHaveLength(7);
  expect(plotCurves([{ label: "a", values: [1, 1, 1], stroke: "heavy", color: "cyan" }], options)).toHaveLength(7);
  expect(plotCurves([{ label: "a", values: [1e-6, 1], stroke: "heavy", color: "cyan" }], options)[0]).toContain("(logarithmic)");
});

const state = {
  epoch: 14,
  epochs: 100,
  share: 0.14,
  loss: 0.4094,
  figures: { epoch: 14, train: { loss: 0.4, error: 0.189, n: 10 }, validation: { loss: 0.41, error: 0.198, n: 5 } },
  error: { name: "error", scale: 1 },
  examplesPerSecond: 212_345,
  secondsLeft: 6,
} as const;

test("the progress line says what a person waits for, as much as fits", () => {
  expect(progressLine(state, 140, p)).toBe(
    "  epoch  14/100  ━━━─────────────────   J 0.409   error train 18.9 %, validation 19.8 %   6.0 s left   212 000 examples/s",
  );
  for (const width of [40, 60, 80, 100]) expect(plain(progressLine(state, width, paint(true))).length).toBeLessThan(width);
});

test("without a screen about twenty lines come out, however many epochs", () => {
  let out = "";
  const terminal = { width: Infinity, live: false, color: false, out: (text: string) => void (out += text), err: () => {} };
  let clock = 0;
  const progress = createProgress(terminal, p, () => (clock += 10));
  const model = {
    type: "model",
    units: [1],
    initializers: [],
    parameters: 1,
    loss: "",
    optimizer: "",
    learningRate: 1,
    schedule: "cosine",
    batchSize: 1,
    epochs: 1000,
    seed: 1,
    error: state.error,
  } as const;
  progress.see({ type: "split", policy: "", train: 10, validation: 5, test: 0, notes: [] });
  progress.see(model);
  progress.see({ type: "start", parameters: 1, stepsPerEpoch: 1, figures: { ...state.figures, epoch: 0 } });
  for (let epoch = 1; epoch <= 1000; epoch++) progress.see({ type: "epoch", figures: { ...state.figures, epoch }, best: 1 });
  const lines = out.trimEnd().split("\n");
  expect(lines).toHaveLength(21);
  expect(lines.at(-1)).toMatch(
    /^ {2}epoch 1000\/1000 {3}train loss 0.400 error 18.9 % {3}validation loss 0.410 error 19.8 % {3}.* examples\/s$/,
  );
});

test("CSV fields are quoted where they must be", () => {
  expect(csvLine(["a", "b,c", 'say "x"', " edge"])).toBe('a,"b,c","say ""x"""," edge"\n');
});

test("a defect of ours is called one, with how to report it", () => {
  const shown = failureLines(new TypeError("x is undefined"), { debug: false, color: false });
  expect(shown[0]).toBe("error: x is undefined (a defect in Gradus, not in your input)");
  expect(shown[1]).toMatch(/--debug/);
  expect(failureLines(new GradusError("no file a.csv.", { hint: "did you mean b.csv?" }), { debug: false, color: false })).toEqual([
    "error: no file a.csv.",
    "  did you mean b.csv?",
  ]);
});

test("a plot takes any number of epochs", () => {
  const values = Array.from({ length: 300_000 }, (_, epoch) => 1 / (1 + epoch));
  const drawn = plotCurves([{ label: "train", values, stroke: "light", color: "cyan" }], { title: "loss", width: 80, paint: p });
  expect(drawn.at(-1)).toMatch(/299999 epochs$/);
});
