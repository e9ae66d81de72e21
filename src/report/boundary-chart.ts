/** Decision regions of two numbers, with the rows on them. */
import { short } from "../util/format.ts";
import type { Boundary, BoundaryPanel } from "./boundary.ts";
import { at, frame, hue, type Chart } from "./chart.ts";
import { safe } from "./html.ts";

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

export function boundaryChart(boundary: Boundary, panel: BoundaryPanel): Chart {
  const { columns, x, y, classes, size, points } = boundary;
  const plot = frame({ label: columns[0], ...x }, { label: columns[1], ...y }, { square: true });
  const width = (plot.box.right - plot.box.left) / size;
  const height = (plot.box.bottom - plot.box.top) / size;
  const regions = Array.from({ length: size }, (_, row) => {
    const codes = panel.answers.slice(row * size, (row + 1) * size);
    const top = plot.box.bottom - (row + 1) * height;
    return stretches(codes)
      .map(
        ([from, to, code]) =>
          `<rect class="fill ${hue(code)}" x="${at(plot.box.left + from * width)}" y="${at(top)}" width="${at((to - from) * width + 0.3)}" height="${at(height + 0.3)}"/>`,
      )
      .join("");
  });
  const dots = (rows: Boundary["points"]["train"], validation: boolean) =>
    rows
      .map(([px, py, code]) => {
        const [cx, cy] = [at(plot.x(px)), at(plot.y(py))];
        return validation
          ? `<circle class="fill edge ${hue(code)}" cx="${cx}" cy="${cy}" r="3.4"><title>${safe(classes[code] ?? "")}</title></circle>`
          : `<circle class="fill ${hue(code)}" fill-opacity=".55" cx="${cx}" cy="${cy}" r="1.7"/>`;
      })
      .join("");
  const name = panel.lambda === undefined ? "This run" : `λ = ${short(panel.lambda)}${panel.verdict ? `: ${panel.verdict}` : ""}`;
  return {
    title: name,
    about: `error: train ${percent(panel.train.error)}, validation ${percent(panel.validation.error)} · loss: train ${short(panel.train.loss)}, validation ${short(panel.validation.loss)}`,
    width: plot.width,
    height: plot.height,
    body: `<g opacity=".24" shape-rendering="crispEdges">${regions.join("")}</g>${plot.svg}${dots(points.train, false)}${dots(points.validation, true)}`,
    keys: classes.slice(0, 6).map((label, i) => ({ label, color: hue(i) })),
  };
}

/** Runs of equal values: from, to, value. */
function stretches(values: readonly number[]): [number, number, number][] {
  const found: [number, number, number][] = [];
  values.forEach((value, i) => {
    const last = found.at(-1);
    if (last?.[2] === value) last[1] = i + 1;
    else found.push([i, i + 1, value]);
  });
  return found;
}
