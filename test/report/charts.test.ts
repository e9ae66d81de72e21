import { describe, expect, test } from "vitest";
import { judged, type BoundaryPanel } from "../../src/report/boundary.ts";
import { chartStyle, orderedColors, rangeOf, ticksOf } from "../../src/report/chart.ts";
import { confusionChart, histogram, reliabilityChart } from "../../src/report/charts.ts";
import { lineChart } from "../../src/report/line-chart.ts";
import { weightFacts } from "../../src/report/weights.ts";
import { dense } from "../../src/nn/layers/dense.ts";
import { sequential } from "../../src/nn/network.ts";
import type { PreprocessPlan } from "../../src/data/preprocess.ts";

describe("ticks", () => {
  test("are round and inside; of epochs whole", () => {
    expect(ticksOf({ low: 0, high: 1 }, 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticksOf({ low: -0.31, high: 0.72 }, 5)).toEqual([-0.2, 0, 0.2, 0.4, 0.6]);
    expect(ticksOf({ low: 0, high: 3, whole: true }, 6)).toEqual([0, 1, 2, 3]);
    expect(ticksOf({ low: 0, high: 3 }, 6)).toEqual([0, 0.5, 1, 1.5, 2, 2.5, 3]);
    expect(ticksOf({ low: 0.001, high: 90, log: true }, 5)).toEqual([0.001, 0.01, 0.1, 1, 10]);
    expect(ticksOf({ low: 0.9, high: 6, log: true }, 5)).toEqual([1, 2, 5]);
    expect(ticksOf({ low: 2, high: 2 }, 5)).toEqual([2]);
  });

  test("a range leaves out what is not finite, and on a logarithmic axis what is not above 0", () => {
    expect(rangeOf([3, NaN, Infinity, 1], { room: 0 })).toEqual({ low: 1, high: 3 });
    expect(rangeOf([0, -1, 10, 1000], { log: true, room: 0 })).toEqual({ low: 10, high: 1000 });
    expect(rangeOf([NaN])).toEqual({ low: 0, high: 1 });
    expect(rangeOf([5, 5]).low).toBeLessThan(5);
  });
});

describe("curves", () => {
  const series = (points: readonly (readonly [number, number])[]) => [{ label: "a", color: "c0", points }];
  const pathsOf = (body: string) => [...body.matchAll(/class="line c0" d="([^"]*)"/g)].map(([, path]) => path!);

  test("keep every spike however many points there are, the first and the last among them", () => {
    const points = Array.from({ length: 100_000 }, (_, i): readonly [number, number] => [
      i,
      i === 54_321 ? 9 : i === 77_777 ? -9 : Math.sin(i),
    ]);
    const chart = lineChart({ title: "t", x: { label: "x" }, y: { label: "y" }, series: series(points) });
    const [path] = pathsOf(chart.body);
    const drawn = path!
      .split(/[ML]/)
      .slice(1)
      .map((point) => point.split(" ").map(Number) as [number, number]);
    expect(drawn.length).toBeLessThan(1500);
    const heights = drawn.map(([, y]) => y);
    const box = { top: 12, bottom: chart.height - 40 };
    const place = (value: number) => box.bottom - ((value + 9.72) / 19.44) * (box.bottom - box.top);
    expect(Math.min(...heights)).toBeCloseTo(place(9), 0);
    expect(Math.max(...heights)).toBeCloseTo(place(-9), 0);
    expect([drawn[0]![0], drawn.at(-1)![0]]).toEqual([54, 344]);
  });

  test("have a gap where a number is not finite, and a dot where a point stands alone", () => {
    const chart = lineChart({
      title: "t",
      x: { label: "x" },
      y: { label: "y" },
      series: series([
        [0, 1],
        [1, 2],
        [2, NaN],
        [3, 3],
        [4, NaN],
        [5, 1],
        [6, 2],
      ]),
    });
    expect(pathsOf(chart.body)[0]!.split("M")).toHaveLength(4);
    expect(chart.body.match(/<circle/g)).toHaveLength(1);
    expect(chart.body).not.toContain("NaN");
  });

  test("zeros and negative numbers have no place on a logarithmic axis", () => {
    const chart = lineChart({
      title: "t",
      x: { label: "step", log: true },
      y: { label: "y", log: true },
      series: series([
        [0, 5],
        [1, 1],
        [10, 0],
        [100, 10],
      ]),
    });
    expect(chart.body).not.toMatch(/NaN|Infinity/);
    expect(pathsOf(chart.body)[0]).not.toContain("L");
  });

  test("many are named by the first, the middle and the last", () => {
    const many = Array.from({ length: 15 }, (_, i) => ({ label: `dense_${i}`, color: "c0", points: [[0, i]] as [number, number][] }));
    expect(lineChart({ title: "t", x: { label: "x" }, y: { label: "y" }, series: many }).keys.map(({ label }) => label)).toEqual([
      "dense_0",
      "dense_7",
      "dense_14",
    ]);
  });
});

test("colours in order are distinct where they are few, and run from the first to the last where they are many", () => {
  expect(new Set(orderedColors(5)).size).toBe(5);
  const many = orderedColors(20);
  expect([many[0], many[19]]).toEqual(["d0", "d6"]);
  expect(chartStyle({ dark: true })).toContain("prefers-color-scheme: dark");
  expect(chartStyle({ dark: false })).not.toContain("@media");
});

test("a confusion matrix has a cell for each pair that occurs, its numbers where there is room", () => {
  const chart = confusionChart(
    ["a<", "b"],
    [
      [3, 1],
      [0, 4],
    ],
  );
  expect(chart.body.match(/fill-opacity/g)).toHaveLength(3);
  expect(chart.body).toContain("a&lt; answered b: 1 (25.0 % of the row)");
  expect(chart.body).not.toContain("a< ");
  const many = Array.from({ length: 60 }, (_, i) => Array.from({ length: 60 }, (_, j) => (i === j ? 5 : 0)));
  const large = confusionChart(
    many.map((_, i) => `class ${i}`),
    many,
  );
  expect(large.body.match(/fill-opacity/g)).toHaveLength(60);
  expect(large.body).not.toMatch(/>5<\/text>/);
});

test("reliability: a dot for each bin that has rows, its interval around it", () => {
  const bins = [
    { from: 0, to: 0.5, n: 40, confidence: 0.25, share: 0.3 },
    { from: 0.5, to: 1, n: 0, confidence: NaN, share: NaN },
  ];
  const { body } = reliabilityChart(bins, '"yes"');
  expect(body.match(/<circle/g)).toHaveLength(1);
  expect(body).toContain("40 rows: claimed 25.0 %, came true 30.0 %");
  expect(body).not.toContain("NaN");
});

test("a histogram's bars are as high as their counts", () => {
  const { body } = histogram({ edges: [0, 1, 2], counts: [10, 5] }, { title: "t", label: "x", color: "c0" });
  const heights = [...body.matchAll(/height="([\d.]+)"><title>/g)].map(([, height]) => Number(height));
  expect(heights[0]! / heights[1]!).toBeCloseTo(2, 1);
});

test("along λ: the lowest validation loss is just right, others only what both sets show", () => {
  const panel = (lambda: number, train: number, validation: number): BoundaryPanel => ({
    lambda,
    train: { error: 0, loss: train },
    validation: { error: 0, loss: validation },
    answers: [],
  });
  const verdicts = (panels: BoundaryPanel[]) => judged(panels).map(({ verdict }) => verdict);
  expect(verdicts([panel(100, 0.7, 0.7), panel(1, 0.2, 0.3), panel(0, 0.01, 0.9)])).toEqual(["underfits", "just right", "overfits"]);
  expect(verdicts([panel(1, 0.2, 0.3), panel(0.1, 0.25, 0.31)])).toEqual(["just right", undefined]);
  expect(verdicts([panel(1, 0.1, 0.4), panel(0, 0.2, 0.3)])).toEqual([undefined, "just right"]);
  expect(verdicts([])).toEqual([]);
});

test("the bins of a tensor hold every weight, the largest sizes in the outermost", () => {
  const plan = { features: ["a", "b"] } as unknown as PreprocessPlan;
  const network = sequential([dense(2)]);
  const [facts] = weightFacts({ network, plan, theta: Float32Array.from([0, -2, 1, 2, 5, 5]) });
  expect(facts).toMatchObject({ name: "dense_1/W", count: 4, norm: 3, zeros: 0.25 });
  const { counts, edges } = facts!.bins;
  expect([edges[0], edges.at(-1)]).toEqual([-2, 2]);
  expect([counts[0], counts[20], counts.at(-1)]).toEqual([1, 1, 1]);
  expect(counts.reduce((a, b) => a + b)).toBe(4);
});
