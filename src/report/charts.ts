/** Single charts: counts in bins, the confusion matrix, reliability, predictions beside the truth. */
import type { ReliabilityBin } from "../metrics/metrics/calibration.ts";
import { short } from "../util/format.ts";
import { wilsonInterval } from "../util/statistics.ts";
import { at, chartWidth, frame, hue, rangeOf, type Chart } from "./chart.ts";
import { safe } from "./html.ts";

/** Counts between edges, one edge more than counts. */
export interface Bins {
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

export interface HistogramOptions {
  readonly title: string;
  readonly about?: string | undefined;
  /** Of what is counted. */
  readonly label: string;
  /** A share, written in per cent. */
  readonly share?: boolean;
  /** See `chartStyle`. */
  readonly color: string;
  readonly square?: boolean;
}

export function histogram({ edges, counts }: Bins, { title, about, label, share = false, color, square = false }: HistogramOptions): Chart {
  const top = Math.max(1, ...counts);
  const plot = frame(
    { label, share, low: edges[0]!, high: edges.at(-1)! },
    { label: "", low: 0, high: top * 1.05 },
    { square, height: 190 },
  );
  const bars = counts.map((count, i) => {
    const [left, right] = [plot.x(edges[i]!), plot.x(edges[i + 1]!)];
    const said = safe(`${short(edges[i]!)} … ${short(edges[i + 1]!)}: ${count}`);
    return `<rect class="fill ${color}" x="${at(left)}" y="${at(plot.y(count))}" width="${at(Math.max(0.5, right - left - 0.6))}" height="${at(plot.box.bottom - plot.y(count))}"><title>${said}</title></rect>`;
  });
  return { title, about, width: plot.width, height: plot.height, body: plot.svg + bars.join(""), keys: [] };
}

/** Fewer than this many classes are drawn; with fewer than twelve the numbers stand in the cells. */
export const mostClassesDrawn = 120;

/** Rows: the truth; columns: what was answered. Shades are shares of the row. */
export function confusionChart(classes: readonly string[], table: readonly (readonly number[])[]): Chart {
  const k = classes.length;
  const named = k <= 30;
  const longest = Math.max(...classes.map((name) => name.length));
  const left = named ? Math.min(100, 26 + 6.2 * Math.min(12, longest)) : 24;
  const cell = Math.min(130, (chartWidth - left - 6) / k);
  const every = Math.ceil(13 / cell);
  const slanted = 6.2 * Math.min(12, longest) > cell * every - 3;
  const below = named ? (slanted ? Math.min(72, 14 + 5.2 * Math.min(12, longest)) : 18) : 8;
  const top = 20;
  const cells = table.flatMap((row, r) => {
    const whole = row.reduce((sum, n) => sum + n, 0);
    return row.flatMap((n, c) => {
      if (n === 0) return [];
      const [x, y] = [left + c * cell, top + r * cell];
      const opacity = (0.12 + 0.78 * (n / whole)).toFixed(2);
      const text =
        cell >= 22 ? `<text x="${at(x + cell / 2)}" y="${at(y + cell / 2 + 4)}" text-anchor="middle">${safe(short(n))}</text>` : "";
      const said = safe(`${classes[r]} answered ${classes[c]}: ${short(n)} (${((100 * n) / whole).toFixed(1)} % of the row)`);
      return [
        `<g><title>${said}</title><rect class="fill ${hue(r === c ? 0 : 1)}" fill-opacity="${opacity}" x="${at(x)}" y="${at(y)}" width="${at(cell - 0.6)}" height="${at(cell - 0.6)}"/>${text}</g>`,
      ];
    });
  });
  const bottom = top + k * cell;
  const word = (name: string) => safe(name.length > 12 ? `${name.slice(0, 11)}…` : name);
  const labels = named
    ? classes.flatMap((name, i) => {
        if (i % every !== 0) return [];
        const middle = (i + 0.5) * cell;
        const under = slanted
          ? `<text transform="translate(${at(left + middle + 4)} ${at(bottom + 12)}) rotate(-40)" text-anchor="end">${word(name)}</text>`
          : `<text x="${at(left + middle)}" y="${at(bottom + 14)}" text-anchor="middle">${word(name)}</text>`;
        return [`<text x="${at(left - 5)}" y="${at(top + middle + 4)}" text-anchor="end">${word(name)}</text>${under}`];
      })
    : [];
  const axes = `<text class="dim" x="${at(left)}" y="12">answered →</text><text class="dim" transform="translate(11 ${at(top + (k * cell) / 2)}) rotate(-90)" text-anchor="middle">truth</text>`;
  const outline = `<rect class="ink" x="${at(left)}" y="${top}" width="${at(k * cell)}" height="${at(k * cell)}"/>`;
  return {
    title: "Confusion matrix",
    about: "Validation rows by their class and what was answered; shaded by the share of the row.",
    width: chartWidth,
    height: Math.ceil(bottom + below + (named ? 6 : 2)),
    body: cells.join("") + outline + axes + labels.join(""),
    keys: [
      { label: "right", color: hue(0) },
      { label: "wrong", color: hue(1) },
    ],
  };
}

/** What was claimed against how often it came true, with Wilson's interval of each bin. @param of whose probability */
export function reliabilityChart(bins: readonly ReliabilityBin[], of: string): Chart {
  const plot = frame(
    { label: `probability of ${of.length > 30 ? `${of.slice(0, 29)}…` : of}`, low: 0, high: 1, share: true },
    { label: "came true", low: 0, high: 1, share: true },
    { square: true },
  );
  const filled = bins.filter(({ n }) => n > 0);
  const most = Math.max(1, ...filled.map(({ n }) => n));
  const drawn = filled.map(({ n, confidence, share }) => {
    const { low, high } = wilsonInterval(share * n, n);
    const x = at(plot.x(confidence));
    const said = safe(`${n} rows: claimed ${(100 * confidence).toFixed(1)} %, came true ${(100 * share).toFixed(1)} %`);
    return `<g><title>${said}</title><path class="line ${hue(1)}" d="M${x} ${at(plot.y(low))}V${at(plot.y(high))}"/><circle class="fill ${hue(1)}" cx="${x}" cy="${at(plot.y(share))}" r="${at(2.5 + 4 * Math.sqrt(n / most))}"/></g>`;
  });
  const diagonal = `<path class="ink dashed" d="M${plot.x(0)} ${plot.y(0)}L${plot.x(1)} ${plot.y(1)}"/>`;
  return {
    title: "Calibration",
    about: "On the diagonal probabilities are what they say. Dots: bins, larger with more rows; bars: 95 % intervals.",
    width: plot.width,
    height: plot.height,
    body: plot.svg + diagonal + drawn.join(""),
    keys: [],
  };
}

/** Amounts as predicted, over the true ones. */
export function truthChart(points: readonly (readonly [number, number])[], unit: string): Chart {
  const range = rangeOf(points.flat());
  const plot = frame({ label: `true ${unit}`, ...range }, { label: "predicted", ...range }, { square: true });
  const diagonal = `<path class="ink dashed" d="M${at(plot.x(range.low))} ${at(plot.y(range.low))}L${at(plot.x(range.high))} ${at(plot.y(range.high))}"/>`;
  return {
    title: "Predicted against true",
    about: "Validation rows; on the diagonal the prediction is right.",
    width: plot.width,
    height: plot.height,
    body: plot.svg + diagonal + dotsOf(points, plot),
    keys: [],
  };
}

/** What is left of the truth, over the prediction. */
export function residualChart(points: readonly (readonly [number, number])[], unit: string): Chart {
  const residuals = points.map(([truth, predicted]) => [predicted, truth - predicted] as const);
  const plot = frame(
    { label: `predicted ${unit}`, ...rangeOf(residuals.map(([x]) => x)) },
    { label: "true − predicted", ...rangeOf(residuals.map(([, y]) => y)) },
    { square: true },
  );
  const level = `<path class="ink dashed" d="M${plot.box.left} ${at(plot.y(0))}H${plot.box.right}"/>`;
  return {
    title: "Residuals",
    about: "A pattern around 0 is something that the network has not learnt.",
    width: plot.width,
    height: plot.height,
    body: plot.svg + level + dotsOf(residuals, plot),
    keys: [],
  };
}

function dotsOf(points: readonly (readonly [number, number])[], plot: { x: (v: number) => number; y: (v: number) => number }): string {
  const opacity = points.length > 300 ? 0.35 : 0.6;
  return points
    .filter((point) => point.every(Number.isFinite))
    .map(([x, y]) => `<circle class="fill ${hue(1)}" fill-opacity="${opacity}" cx="${at(plot.x(x))}" cy="${at(plot.y(y))}" r="2.4"/>`)
    .join("");
}
