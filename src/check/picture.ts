/** The gradient check as a picture: analytic against numeric, log-log, a point per coordinate. A right gradient is the diagonal. */
import type { GradientCheck } from "./gradient-check.ts";

export interface PictureOptions {
  readonly title?: string;
  /** Points drawn at most: those farthest off, and an even choice of the others. Default 4000. */
  readonly points?: number;
}

interface Point {
  readonly analytic: number;
  readonly numeric: number;
  readonly tensor: number;
  readonly off: number;
}

const size = { plot: 440, left: 70, top: 56, bottom: 56, legend: 290 };
/** Colour-blind-safe hues (Okabe & Ito 2008), light and dark. */
const colours = [
  ["#0072b2", "#56b4e9"],
  ["#d55e00", "#ff8a4c"],
  ["#009e73", "#3ccf9f"],
  ["#9c4f86", "#e39ac9"],
  ["#8a6d00", "#e6c229"],
  ["#1b7c83", "#63d4dc"],
  ["#a40e26", "#ff7b72"],
  ["#57606a", "#b1bac4"],
] as const;
const shapes = ["circle", "square", "triangle"] as const;

/** An SVG document that follows the reader's light or dark scheme. */
export function gradientPicture(check: GradientCheck, { title = "gradient check", points: most = 4000 }: PictureOptions = {}): string {
  const all = pointsOf(check);
  const drawn = chosen(all, most);
  const sizes = all.flatMap(({ analytic, numeric }) => [Math.abs(analytic), Math.abs(numeric)]).filter((value) => value > 0);
  const low = Math.floor(Math.log10(sizes.reduce((a, b) => Math.min(a, b), Infinity)));
  const high = Math.ceil(Math.log10(sizes.reduce((a, b) => Math.max(a, b), 0)));
  // Below this share of the largest it is all noise; zeros stand on the edge.
  const [from, to] = sizes.length === 0 ? [-1, 0] : [Math.max(low, high - 16), Math.max(high, low + 1)];
  const place = (value: number) => {
    const at = value === 0 ? from : Math.log10(Math.abs(value));
    return Math.min(1, Math.max(0, (at - from) / (to - from))) * size.plot;
  };
  const x = (value: number) => size.left + place(value);
  const y = (value: number) => size.top + size.plot - place(value);
  const width = size.left + size.plot + size.legend;
  const height = size.top + size.plot + size.bottom;
  const marks = drawn.map((point) => mark(point.tensor, x(point.analytic), y(point.numeric), point.analytic * point.numeric < 0));
  const diagonal = `M${size.left},${size.top + size.plot}L${size.left + size.plot},${size.top}`;
  const count =
    drawn.length < all.length ? `${drawn.length} of ${all.length} points drawn, the farthest off among them` : `${all.length} points`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="13" role="img">
<title>${escaped(title)}: analytic against numeric gradient</title>
<style>
${styles()}
</style>
<rect class="ground" width="${width}" height="${height}" rx="8"/>
<text class="ink" x="${size.left}" y="24" font-size="15" font-weight="600">${escaped(title)}</text>
<text class="dim" x="${size.left}" y="43">relative error ${power(check.error)}, ${check.band} · ${count}</text>
${ticks(from, to).join("\n")}
<rect class="frame" x="${size.left}" y="${size.top}" width="${size.plot}" height="${size.plot}"/>
<path class="diagonal" d="${diagonal}"/>
${marks.join("\n")}
<text class="ink" x="${size.left + size.plot / 2}" y="${height - 14}" text-anchor="middle">|analytic gradient|</text>
<text class="ink" transform="translate(18 ${size.top + size.plot / 2}) rotate(-90)" text-anchor="middle">|numeric gradient|</text>
${legend(check).join("\n")}
</svg>
`;
}

function pointsOf({ tensors }: GradientCheck): Point[] {
  return tensors.flatMap(({ points }, tensor) =>
    Array.from(points.analytic, (analytic, i) => {
      const numeric = points.numeric[i]!;
      const off = Math.abs(analytic - numeric) / Math.max(Math.abs(analytic), Math.abs(numeric), Number.MIN_VALUE);
      return { analytic, numeric, tensor, off };
    }).filter(({ analytic, numeric }) => Number.isFinite(analytic) && Number.isFinite(numeric)),
  );
}

/** A quarter of the points: those farthest off; the others at even distances, so that every tensor keeps its share. */
function chosen(points: readonly Point[], most: number): readonly Point[] {
  if (points.length <= most) return points;
  const worst = new Set(points.toSorted((a, b) => b.off - a.off).slice(0, Math.floor(most / 4)));
  const rest = points.filter((point) => !worst.has(point));
  const step = rest.length / (most - worst.size);
  return [...Array.from({ length: most - worst.size }, (_, i) => rest[Math.floor(i * step)]!), ...worst];
}

function mark(tensor: number, x: number, y: number, otherSign: boolean): string {
  const kind = `class="t${tensor % colours.length}${otherSign ? " sign" : ""}"`;
  const [px, py] = [x.toFixed(1), y.toFixed(1)];
  const shape = shapes[Math.floor(tensor / colours.length) % shapes.length]!;
  if (shape === "circle") return `<circle ${kind} cx="${px}" cy="${py}" r="2.6"/>`;
  if (shape === "square") return `<rect ${kind} x="${(x - 2.4).toFixed(1)}" y="${(y - 2.4).toFixed(1)}" width="4.8" height="4.8"/>`;
  return `<path ${kind} d="M${px},${(y - 3).toFixed(1)}l3,5.4h-6z"/>`;
}

function ticks(from: number, to: number): string[] {
  const every = Math.ceil((to - from) / 8);
  const lines: string[] = [];
  for (let exponent = from; exponent <= to; exponent += every) {
    const at = ((exponent - from) / (to - from)) * size.plot;
    const [x, y] = [(size.left + at).toFixed(1), (size.top + size.plot - at).toFixed(1)];
    const label = `10<tspan dy="-5" font-size="9">${String(exponent).replace("-", "−")}</tspan>`;
    lines.push(
      `<path class="grid" d="M${x},${size.top}v${size.plot}M${size.left},${y}h${size.plot}"/>`,
      `<text class="dim" x="${x}" y="${size.top + size.plot + 20}" text-anchor="middle">${label}</text>`,
      `<text class="dim" x="${size.left - 8}" y="${(Number(y) + 5).toFixed(1)}" text-anchor="end">${label}</text>`,
    );
  }
  return lines;
}

const legendRows = 18;

function legend({ tensors }: GradientCheck): string[] {
  const x = size.left + size.plot + 24;
  const words = { passed: "right", failed: "wrong", untested: "untested", kink: "at a kink" } as const;
  const shown = tensors.length > legendRows ? tensors.slice(0, legendRows - 1) : tensors;
  const rows = shown.map(({ name, verdict, error, kinks }, i) => {
    const y = size.top + 12 + i * 23;
    const notes = `${words[verdict]}${verdict === "passed" || verdict === "failed" ? `, ${power(error)}` : ""}${kinks > 0 ? `, ${kinks} at a kink` : ""}`;
    const weight = verdict === "failed" ? ' font-weight="700"' : "";
    const shortName = name.length > 20 ? `…${name.slice(-19)}` : name;
    return `${mark(i, x, y - 4, false)}<text class="ink" x="${x + 12}" y="${y}"${weight}>${escaped(shortName)} <tspan class="dim">${notes}</tspan></text>`;
  });
  const hidden = tensors.length - shown.length;
  const notes = [...(hidden > 0 ? [`and ${hidden} more tensors`] : []), "on the line: both agree", "ringed: the signs differ"].map(
    (text, i) => `<text class="dim" x="${x}" y="${size.top + 12 + (shown.length + 0.4 + i * 0.8) * 23}">${text}</text>`,
  );
  return [...rows, ...notes];
}

function styles(): string {
  const scheme = (dark: 0 | 1) => colours.map((pair, i) => `.t${i}{fill:${pair[dark]};stroke:${pair[dark]}}`).join("");
  const base = (ground: string, ink: string, dim: string, grid: string) =>
    `.ground{fill:${ground}}.ink{fill:${ink}}.dim{fill:${dim}}.frame{fill:none;stroke:${dim}}.grid{stroke:${grid}}.diagonal{stroke:${dim};stroke-dasharray:4 4;fill:none}`;
  return `${base("#ffffff", "#1f2328", "#59636e", "#e6eaef")}${scheme(0)}
circle,rect[class^=t],path[class^=t]{fill-opacity:.75;stroke-width:0}.sign{fill-opacity:0!important;stroke-width:1.4!important}
@media (prefers-color-scheme: dark){${base("#0d1117", "#e6edf3", "#9198a1", "#21262d")}${scheme(1)}}`;
}

function power(value: number): string {
  if (!(value > 0)) return Number.isNaN(value) ? "not a number" : "0";
  const exponent = Math.floor(Math.log10(value));
  const raised = [...String(exponent)].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(c)]!)).join("");
  return `${(value / 10 ** exponent).toFixed(0)}·10${raised}`;
}

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
