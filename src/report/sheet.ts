/** The main charts of a run on one sheet, as an SVG document in light colours: what a picture of the report is made of. */
import { chartStyle, chartWidth, type Chart } from "./chart.ts";
import type { RunReport } from "./facts.ts";
import { safe } from "./html.ts";
import { runCharts } from "./run-charts.ts";
import { headlineOf } from "./run-page.ts";

const across = 3;
const gap = 20;
const pad = 14;
const cell = chartWidth + 2 * pad;
const titleHeight = 30;
const keyHeight = 20;

export function reportSheet(report: RunReport): string {
  const { training, answers, boundary, layers, weights } = runCharts(report);
  const charts = [...training, ...answers, ...boundary, ...layers, ...(layers.length > 0 ? [] : weights)];
  const width = across * cell + (across + 1) * gap;
  const { value, rest } = headlineOf(report);
  const head = `<text x="${gap}" y="42" class="big">${safe(report.run)}</text><text x="${gap}" y="68" class="what">${safe(`${value} ${rest}`)}</text><text x="${gap}" y="88" class="what">${safe(report.data.description)}</text>`;
  let top = 108;
  const rows: string[] = [];
  for (let from = 0; from < charts.length; from += across) {
    const row = charts.slice(from, from + across);
    const height = Math.max(...row.map(heightOf));
    rows.push(row.map((chart, i) => card(chart, gap + i * (cell + gap), top, height)).join("\n"));
    top += height + gap;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${top}" viewBox="0 0 ${width} ${top}">
<style>${chartStyle({ dark: false })}
.big { font: 600 24px system-ui, sans-serif; fill: #1c1d1f; } .what { font: 14px system-ui, sans-serif; fill: #62666d; }
.chart text.name { font: 600 14px system-ui, sans-serif; } .card { stroke: #dddfe3; }</style>
<rect width="${width}" height="${top}" fill="#fbfbfa"/>
${head}
${rows.join("\n")}
</svg>
`;
}

const heightOf = ({ height, keys }: Chart): number => height + titleHeight + keyLines(keys).length * keyHeight + pad;

function card(chart: Chart, left: number, top: number, height: number): string {
  const lines = keyLines(chart.keys);
  const legend = lines.map((line, row) => {
    const y = titleHeight + chart.height + row * keyHeight + 12;
    return line
      .map(
        ({ x, label, color, dashed, dots }) =>
          `${dots ? `<circle class="fill ${color}" cx="${pad + x + 8}" cy="${y - 4}" r="2.4"/>` : `<path class="line ${color}${dashed ? " dashed" : ""}" d="M${pad + x} ${y - 4}h16"/>`}<text class="dim" x="${pad + x + 21}" y="${y}">${safe(label)}</text>`,
      )
      .join("");
  });
  return `<g class="chart" transform="translate(${left} ${top})"><rect class="card" width="${cell}" height="${height}" rx="8"/><text class="name" x="${pad}" y="21">${safe(chart.title)}</text><g transform="translate(${pad} ${titleHeight})">${chart.body}</g>${legend.join("")}</g>`;
}

/** Keys set beside each other as far as they fit; a letter is taken to be 6 wide. */
function keyLines(keys: Chart["keys"]): (Chart["keys"][number] & { readonly x: number })[][] {
  if (keys.length < 2) return [];
  const lines: (Chart["keys"][number] & { readonly x: number })[][] = [[]];
  let x = 0;
  for (const key of keys) {
    const width = 34 + 6 * key.label.length;
    if (x > 0 && x + width > chartWidth) {
      lines.push([]);
      x = 0;
    }
    lines.at(-1)!.push({ ...key, x });
    x += width;
  }
  return lines;
}
