/** Curves over steps or epochs. Every spike is seen: of many points the first, least, largest and last of each pixel are drawn. */
import { at, chartWidth, frame, rangeOf, type Axis, type Chart } from "./chart.ts";
import { safe } from "./html.ts";

export interface Series {
  readonly label: string;
  readonly color: string;
  readonly dashed?: boolean;
  /** Points instead of a curve. */
  readonly dots?: boolean;
  /** x ascending; what is not finite leaves a gap. */
  readonly points: readonly (readonly [number, number])[];
}

export interface LineChartOptions {
  readonly title: string;
  readonly about?: string | undefined;
  readonly x: Pick<Axis, "label" | "log" | "whole">;
  readonly y: Pick<Axis, "label" | "log" | "share"> & { readonly zero?: boolean };
  readonly series: readonly Series[];
  /** Upright lines with a word. */
  readonly marks?: readonly { readonly at: number; readonly label: string }[];
  /** Level lines with a word, at the right end or at the left. */
  readonly levels?: readonly { readonly at: number; readonly label: string; readonly left?: boolean }[];
}

export function lineChart({ title, about, x, y, series, marks = [], levels = [] }: LineChartOptions): Chart {
  const drawn = series.map((one) => ({
    ...one,
    points: one.points.filter(([px]) => !x.log || px > 0).map(([px, py]): readonly [number, number] => [px, y.log && !(py > 0) ? NaN : py]),
  }));
  const xs = drawn.flatMap(({ points }) => points.map(([px]) => px));
  const ys = [...drawn.flatMap(({ points }) => points.map(([, py]) => py)), ...levels.map((level) => level.at)];
  const across = rangeOf(xs, { log: x.log === true, room: 0 });
  const whole = { low: Math.floor(across.low), high: Math.ceil(across.high) };
  const plot = frame(
    { ...x, ...(x.whole ? whole : across) },
    { ...y, ...rangeOf(ys, { log: y.log === true, zero: y.zero === true }) },
    { above: marks.length },
  );
  const place = ([px, py]: readonly [number, number]) => [plot.x(px), plot.y(py)] as const;
  const curves = drawn.map(({ points, color, dashed, dots }) => {
    const placed = thinned(points.map(place));
    const alone = (i: number) => !finite(placed[i - 1]) && !finite(placed[i + 1]);
    const spots = placed
      .filter((point, i) => finite(point) && (dots || alone(i)))
      .map(([px, py]) => `<circle class="fill ${color}${dots ? " faint" : ""}" cx="${at(px)}" cy="${at(py)}" r="${dots ? 1.8 : 2.4}"/>`);
    const path = dots ? "" : `<path class="line ${color}${dashed ? " dashed" : ""}" d="${pathOf(placed)}"/>`;
    return path + spots.join("");
  });
  const { box } = plot;
  const upright = marks.map((mark, i) => {
    const px = plot.x(mark.at);
    const left = px > (box.left + box.right) / 2;
    const y = box.top - 4 - 13 * (marks.length - 1 - i);
    return `<path class="ink dashed" d="M${at(px)} ${y - 9}V${box.bottom}"/><text class="halo" x="${at(px + (left ? -4 : 4))}" y="${y}" text-anchor="${left ? "end" : "start"}">${safe(mark.label)}</text>`;
  });
  const level = levels.map(({ at: value, label, left = false }) => {
    const y = plot.y(value);
    // Words stand above a line, or below one at the top.
    const words = y - box.top < 16 ? y + 12 : y - 4;
    return `<path class="ink dashed" d="M${box.left} ${at(y)}H${box.right}"/><text class="dim halo" x="${left ? box.left + 4 : box.right - 3}" y="${at(words)}" text-anchor="${left ? "start" : "end"}">${safe(label)}</text>`;
  });
  return {
    title,
    about,
    width: plot.width,
    height: plot.height,
    body: `${plot.svg}${level.join("")}${curves.join("")}${upright.join("")}`,
    keys: keyed(series).map(({ label, color, dashed, dots }) => ({
      label,
      color,
      ...(dashed ? { dashed } : {}),
      ...(dots ? { dots } : {}),
    })),
  };
}

/** Of many curves in order the first, the middle and the last are named. */
function keyed(series: readonly Series[]): readonly Series[] {
  const n = series.length;
  return n <= mostKeys ? series : [series[0]!, series[n >> 1]!, series[n - 1]!];
}

const mostKeys = 9;

type Point = readonly [number, number];
const finite = (point: Point | undefined): boolean => point !== undefined && Number.isFinite(point[0]) && Number.isFinite(point[1]);

function pathOf(points: readonly Point[]): string {
  let pen = "M";
  let path = "";
  for (const point of points) {
    if (finite(point)) path += `${pen}${at(point[0])} ${at(point[1])}`;
    pen = finite(point) ? "L" : "M";
  }
  return path;
}

/** Of each pixel's points the first, the highest, the lowest and the last. */
function thinned(points: readonly Point[]): readonly Point[] {
  if (points.length <= 2 * chartWidth) return points;
  const kept: Point[] = [];
  for (let from = 0; from < points.length;) {
    const pixel = Math.floor(points[from]![0]);
    let to = from;
    let [least, most] = [from, from];
    for (; to < points.length && Math.floor(points[to]![0]) === pixel; to++) {
      if (points[to]![1] < points[least]![1]) least = to;
      if (points[to]![1] > points[most]![1]) most = to;
    }
    for (const i of [...new Set([from, least, most, to - 1])].toSorted((a, b) => a - b)) kept.push(points[i]!);
    from = Math.max(to, from + 1);
  }
  return kept;
}
