/** What charts have in common: a frame with axes, ticks at round numbers, colours for light and dark. Drawn at 360 units of width. */
import { minus, short } from "../util/format.ts";
import { safe } from "./html.ts";

/** A picture without its frame on the page: SVG elements within width × height, a title, and what its colours mean. */
export interface Chart {
  readonly title: string;
  /** What is seen, in a sentence. */
  readonly about?: string | undefined;
  readonly width: number;
  readonly height: number;
  readonly body: string;
  readonly keys: readonly ChartKey[];
}

export interface ChartKey {
  readonly label: string;
  /** Of the colour: see {@link chartStyle}. */
  readonly color: string;
  readonly dashed?: boolean;
  readonly dots?: boolean;
}

export interface Axis {
  readonly label: string;
  readonly low: number;
  readonly high: number;
  readonly log?: boolean;
  /** A share, written in per cent. */
  readonly share?: boolean;
  /** Epochs: no tick between two. */
  readonly whole?: boolean;
}

export const chartWidth = 360;
const chartHeight = 232;
const margin = { left: 54, right: 16, top: 12, bottom: 40 };

export interface Frame {
  readonly width: number;
  readonly height: number;
  /** Of the plot within. */
  readonly box: { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number };
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
  /** Axes, grid and labels. */
  readonly svg: string;
}

/** One decimal is a tenth of a pixel. */
export const at = (value: number): string => String(Math.round(value * 10) / 10);

export interface FrameOptions {
  /** The plot is as high as it is wide. */
  readonly square?: boolean;
  readonly height?: number;
  /** Lines of words above the plot. */
  readonly above?: number;
}

/** A plot's axes. */
export function frame(x: Axis, y: Axis, { square = false, height: asked = chartHeight, above = 0 }: FrameOptions = {}): Frame {
  const side = chartWidth - margin.left - margin.right;
  const top = margin.top + above * 13;
  const height = square ? side + top + margin.bottom : asked + above * 13;
  const box = { left: margin.left, top, right: chartWidth - margin.right, bottom: height - margin.bottom };
  const place = (axis: Axis, from: number, to: number) => {
    const on = (value: number) => (axis.log ? Math.log10(value) : value);
    const [low, high] = [on(axis.low), on(axis.high)];
    return (value: number) => from + ((on(value) - low) / (high - low || 1)) * (to - from);
  };
  const px = place(x, box.left, box.right);
  const py = place(y, box.bottom, box.top);
  const across = ticksOf(x, 6).map(
    (tick) =>
      `<path class="grid" d="M${at(px(tick))} ${box.top}V${box.bottom}"/><text class="dim" x="${at(px(tick))}" y="${box.bottom + 15}" text-anchor="middle">${tickText(tick, x)}</text>`,
  );
  const up = ticksOf(y, 5).map(
    (tick) =>
      `<path class="grid" d="M${box.left} ${at(py(tick))}H${box.right}"/><text class="dim" x="${box.left - 6}" y="${at(py(tick) + 4)}" text-anchor="end">${tickText(tick, y)}</text>`,
  );
  const names = `<text class="dim" x="${(box.left + box.right) / 2}" y="${height - 6}" text-anchor="middle">${safe(x.label)}</text>${
    y.label === ""
      ? ""
      : `<text class="dim" transform="translate(10 ${(box.top + box.bottom) / 2}) rotate(-90)" text-anchor="middle">${safe(y.label)}</text>`
  }`;
  return { width: chartWidth, height, box, x: px, y: py, svg: `${across.join("")}${up.join("")}${names}` };
}

/** `0.5`, `40%`, `3e5`: short enough for the margin. */
function tickText(tick: number, { share }: Axis): string {
  if (share) return `${safe(short(100 * tick))}%`;
  return safe(Math.abs(tick) >= 1e5 ? minus(tick.toExponential().replace("e+", "e")) : short(tick));
}

/** Round numbers inside an axis: 1, 2 or 5 times a power of ten; on a logarithmic one powers of ten, with 2 and 5 where those are few. */
export function ticksOf({ low, high, log, whole = false }: Pick<Axis, "low" | "high" | "log" | "whole">, most: number): number[] {
  if (!(high > low)) return [low];
  if (log) return logTicks(low, high, most);
  const rough = Math.max((high - low) / most, whole ? 1 : 0);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((times) => times * power >= rough * 0.8)!;
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function logTicks(low: number, high: number, most: number): number[] {
  const [from, to] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const decades = Array.from({ length: to - from + 1 }, (_, i) => from + i);
  const inside = (value: number) => value >= low * 0.999 && value <= high * 1.001;
  const powers = decades.map((decade) => Number(`1e${decade}`)).filter(inside);
  if (powers.length >= 3) return powers.filter((_, i) => i % Math.ceil(powers.length / most) === 0);
  return decades.flatMap((decade) => [1, 2, 5].map((times) => Number(`${times}e${decade}`))).filter(inside);
}

/** The range of finite values with a little room; a logarithmic one of those above 0. */
export function rangeOf(values: Iterable<number>, { log = false, room = 0.04, zero = false } = {}): { low: number; high: number } {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value) || (log && value <= 0)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return log ? { low: 0.1, high: 1 } : { low: 0, high: 1 };
  if (log) return low === high ? { low: low / 3, high: high * 3 } : { low: low / (high / low) ** room, high: high * (high / low) ** room };
  if (zero) low = Math.min(0, low);
  const span = high - low || Math.abs(high) || 1;
  return { low: zero && low === 0 ? 0 : low - room * span, high: high + room * span };
}

/** Colour-blind-safe hues (Okabe & Ito 2008), light and dark: training and validation are the first two. */
const hues = [
  ["#0072b2", "#56b4e9"],
  ["#d55e00", "#ff8a4c"],
  ["#00805e", "#3ccf9f"],
  ["#8a6d00", "#e6c229"],
  ["#9c4f86", "#e39ac9"],
  ["#4b5563", "#a9b0ba"],
] as const;
/** From the first layer to the last. */
const depths = [
  ["#0072b2", "#56b4e9"],
  ["#3c68a8", "#82add9"],
  ["#6c5d98", "#adb0d2"],
  ["#9c4f86", "#e39ac9"],
  ["#b05558", "#ec94a0"],
  ["#c35a2c", "#f58f76"],
  ["#d55e00", "#ff8a4c"],
] as const;

export const hue = (i: number): string => `c${i % hues.length}`;

/** Colours of n things in order: hues where they are few, else a scale from the first to the last. */
export function orderedColors(n: number): string[] {
  if (n <= hues.length - 1) return Array.from({ length: n }, (_, i) => hue(i));
  return Array.from({ length: n }, (_, i) => `d${Math.round((i / (n - 1)) * (depths.length - 1))}`);
}

const grounds = { light: ["#ffffff", "#1c1d1f", "#62666d", "#e4e6ea"], dark: ["#1c1e21", "#e7e8ea", "#9aa0a8", "#33373d"] } as const;

/** A style sheet of charts for one scheme. */
function scheme(which: 0 | 1): string {
  const [card, text, dim, grid] = which === 0 ? grounds.light : grounds.dark;
  const colored = [...hues.map((pair, i) => [`c${i}`, pair[which]] as const), ...depths.map((pair, i) => [`d${i}`, pair[which]] as const)];
  const rules = colored.map(
    ([name, color]) => `.${name} { --c: ${color}; } .line.${name} { stroke: ${color}; } .fill.${name} { fill: ${color}; }`,
  );
  return `.chart text { fill: ${text}; } .chart text.dim { fill: ${dim}; } .chart .card { fill: ${card}; } .grid { stroke: ${grid}; } .ink { stroke: ${dim}; } .edge, .chart text.halo { stroke: ${card}; }
${rules.join("\n")}`;
}

/** Colours and strokes of charts, by class; without `dark` in light colours alone, for a picture. */
export function chartStyle({ dark }: { readonly dark: boolean }): string {
  return `.chart text { font: 11px system-ui, sans-serif; } .chart text.halo { paint-order: stroke; stroke-width: 3px; stroke-linejoin: round; }
.chart .line, .grid, .ink { fill: none; } .chart .line { stroke-width: 1.8; stroke-linejoin: round; } .grid { stroke-width: 1; }
.ink { stroke-width: 1; } .dashed { stroke-dasharray: 5 4; } .faint { opacity: .45; }
${scheme(0)}${
    dark
      ? `
@media (prefers-color-scheme: dark) { ${scheme(1)} }`
      : ""
  }`;
}
