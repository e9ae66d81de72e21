/** The signal by depth as a picture: a line per network, the size of the signal on a logarithmic scale, layer by layer. */

import { short } from "../util/format.ts";
import type { SignalProfile } from "./signal.ts";

export interface SignalLine {
  readonly label: string;
  /** One per layer, from the first. */
  readonly values: readonly number[];
  /** Drawn dashed: gradients on their way back. */
  readonly back?: boolean;
}

export interface SignalPanel {
  readonly title: string;
  readonly lines: readonly SignalLine[];
}

/** A network's own picture: the signal going forward, the gradient coming back. */
export function profilePicture({ layers, forwardFactor, backwardFactor }: SignalProfile, title: string): string {
  const times = (factor: number) => (Number.isFinite(factor) ? `: × ${short(factor)} a layer` : "");
  const forward = { label: `signal${times(forwardFactor)}`, values: layers.map((layer) => layer.forward) };
  const backward = { label: `gradient, back${times(backwardFactor)}`, values: layers.map((layer) => layer.backward), back: true };
  return signalPicture([{ title: "at the initial weights", lines: [forward, backward] }], { title });
}

const size = { plot: 300, height: 300, left: 62, top: 78, bottom: 52, labels: 245, between: 10 };
/** Colour-blind-safe hues (Okabe & Ito 2008), light and dark. */
const colours = [
  ["#0072b2", "#56b4e9"],
  ["#009e73", "#3ccf9f"],
  ["#8a6d00", "#e6c229"],
  ["#d55e00", "#ff8a4c"],
  ["#9c4f86", "#e39ac9"],
] as const;
/** Decades shown at most, around 1. */
const mostDecades = 12;

/** An SVG document that follows the reader's light or dark scheme; panels stand side by side on one scale. */
export function signalPicture(panels: readonly SignalPanel[], { title }: { readonly title: string }): string {
  const decades = panels
    .flatMap(({ lines }) => lines.flatMap(({ values }) => values))
    .filter((value) => value > 0 && Number.isFinite(value))
    .map(Math.log10);
  const low = Math.max(-mostDecades, Math.min(-1, Math.floor(Math.min(0, ...decades))));
  const high = Math.min(mostDecades, Math.max(1, Math.ceil(Math.max(0, ...decades))));
  const cell = size.left + size.plot + size.labels;
  const width = panels.length * cell + (panels.length - 1) * size.between;
  const height = size.top + size.height + size.bottom;
  const drawn = panels.map((panel, i) => drawPanel(panel, i * (cell + size.between), low, high));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="13" role="img">
<title>${escaped(title)}</title>
<style>
${styles()}
</style>
<rect class="ground" width="${width}" height="${height}" rx="8"/>
<text class="ink" x="${size.left}" y="28" font-size="15" font-weight="600">${escaped(title)}</text>
${drawn.join("\n")}
</svg>
`;
}

function drawPanel({ title, lines }: SignalPanel, left: number, low: number, high: number): string {
  const depth = Math.max(2, ...lines.map(({ values }) => values.length));
  const [x0, y0] = [left + size.left, size.top];
  const x = (layer: number) => x0 + (layer / (depth - 1)) * size.plot;
  const y = (decade: number) => y0 + ((high - decade) / (high - low)) * size.height;
  // Zero, and what lies beyond the scale, stand on its edge.
  const place = (value: number) => y(value === 0 ? low : Math.min(high, Math.max(low, Math.log10(value))));
  const every = Math.ceil((high - low) / 8);
  const grid: string[] = [];
  for (let decade = Math.ceil(low / every) * every; decade <= high; decade += every) {
    const label = decade === 0 ? "1" : `10<tspan dy="-5" font-size="9">${String(decade).replace("-", "−")}</tspan>`;
    grid.push(
      `<path class="${decade === 0 ? "one" : "grid"}" d="M${x0},${y(decade).toFixed(1)}h${size.plot}"/>`,
      `<text class="dim" x="${x0 - 8}" y="${(y(decade) + 5).toFixed(1)}" text-anchor="end">${label}</text>`,
    );
  }
  const step = Math.ceil(depth / 12);
  for (let layer = 0; layer < depth; layer += step) {
    grid.push(`<text class="dim" x="${x(layer).toFixed(1)}" y="${y0 + size.height + 20}" text-anchor="middle">${layer + 1}</text>`);
  }
  const paths = lines.map(({ values, back }, i) => {
    const points = values.map((value, layer) => [x(layer), place(value)] as const).filter(([, at]) => Number.isFinite(at));
    const path = points.map(([px, py], k) => `${k === 0 ? "M" : "L"}${px.toFixed(1)},${py.toFixed(1)}`).join("");
    const dots = points.map(
      ([px, py]) => `<circle class="l${i % colours.length} dot" cx="${px.toFixed(1)}" cy="${py.toFixed(1)}" r="2.6"/>`,
    );
    return `<path class="l${i % colours.length} line${back ? " back" : ""}" d="${path}"/>${dots.join("")}`;
  });
  const ends = spread(lines.map(({ values }) => place(values.findLast((value) => !Number.isNaN(value)) ?? 0)));
  const labels = lines.map(({ label }, i) => {
    const at = `x="${x0 + size.plot + 12}" y="${(ends[i]! + 4).toFixed(1)}"`;
    return `<text class="l${i % colours.length} word" ${at}>${escaped(label)}</text>`;
  });
  return `<text class="ink" x="${x0}" y="${y0 - 18}">${escaped(title)}</text>
${grid.join("\n")}
<rect class="frame" x="${x0}" y="${y0}" width="${size.plot}" height="${size.height}"/>
${paths.join("\n")}
${labels.join("\n")}
<text class="dim" x="${x0 + size.plot / 2}" y="${y0 + size.height + 42}" text-anchor="middle">layer</text>`;
}

const lineHeight = 17;

/** Heights moved as little as it takes to stand apart, in their order. */
function spread(heights: readonly number[]): number[] {
  const order = heights.map((_, i) => i).toSorted((a, b) => heights[a]! - heights[b]!);
  const placed = order.map((i) => heights[i]!);
  const [least, most] = [size.top, size.top + size.height];
  for (let k = 0; k < placed.length; k++) placed[k] = Math.max(placed[k]!, k === 0 ? least : placed[k - 1]! + lineHeight);
  for (let k = placed.length - 1; k >= 0; k--)
    placed[k] = Math.min(placed[k]!, k === placed.length - 1 ? most : placed[k + 1]! - lineHeight);
  const result = new Array<number>(heights.length);
  order.forEach((i, k) => (result[i] = placed[k]!));
  return result;
}

function styles(): string {
  const scheme = (dark: 0 | 1) =>
    colours.map((pair, i) => `.l${i}.line{stroke:${pair[dark]}}.l${i}.dot,.l${i}.word{fill:${pair[dark]}}`).join("");
  const base = (ground: string, ink: string, dim: string, grid: string) =>
    `.ground{fill:${ground}}.ink{fill:${ink}}.dim{fill:${dim}}.frame{fill:none;stroke:${grid}}.grid{stroke:${grid}}.one{stroke:${dim};stroke-dasharray:2 3}`;
  return `${base("#ffffff", "#1f2328", "#59636e", "#e6eaef")}${scheme(0)}
.line{fill:none;stroke-width:2}.back{stroke-dasharray:6 4}
@media (prefers-color-scheme: dark){${base("#0d1117", "#e6edf3", "#9198a1", "#21262d")}${scheme(1)}}`;
}

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
