/** A data file as a picture: a small drawing of each column's distribution, in the file's order. */
import type { ColumnProfile, DataProfile, Distribution } from "./column-profile.ts";

/** Narrow, so that a telephone shows it in a readable size. */
const card = { width: 224, height: 132, gap: 16, plot: 58, top: 40 };
const across = 2;
const margin = 16;
const head = 56;
const MOST_CARDS = 200;
const LISTED = 4;

/**
 * An SVG document that follows the reader's light or dark scheme.
 * @example await writeFile("churn.svg", profilePicture(await profileData("churn.csv")));
 */
export function profilePicture(profile: DataProfile): string {
  const { columns, rows, duplicates, path } = profile;
  const shown = columns.slice(0, MOST_CARDS);
  const width = 2 * margin + across * card.width + (across - 1) * card.gap;
  const lines = Math.ceil(shown.length / across);
  const more = columns.length - shown.length;
  const height = head + lines * (card.height + card.gap) + margin + (more > 0 ? 20 : 0);
  const name = path.split(/[\\/]/).pop()!;
  const facts = `${spaced(rows)} rows · ${columns.length} columns${duplicates > 0 ? ` · ${spaced(duplicates)} repeated` : ""}`;
  const cards = shown.map((column, i) => {
    const x = margin + (i % across) * (card.width + card.gap);
    const y = head + Math.floor(i / across) * (card.height + card.gap);
    return `<g transform="translate(${x} ${y})">${drawn(column, rows)}</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${1.4 * width}" height="${1.4 * height}" style="max-width:100%;height:auto" font-family="system-ui, sans-serif" font-size="13" role="img">
<title>${escaped(name)}: how its columns are distributed</title>
<style>
${styles()}
</style>
<rect class="ground" width="${width}" height="${height}" rx="8"/>
<text class="ink" x="${margin}" y="27" font-size="16" font-weight="600">${escaped(shortened(name, 46))}</text>
<text class="dim" x="${margin}" y="45">${facts}</text>
${cards.join("\n")}
${more > 0 ? `<text class="dim" x="${margin}" y="${height - margin}">and ${more} more columns</text>` : ""}
</svg>
`;
}

function drawn(column: ColumnProfile, rows: number): string {
  const { name, type, missing, distribution, remarks } = column;
  const facts = [type, ...(missing > 0 ? [`${share(missing / rows)} missing`] : [])].join(" · ");
  const mark =
    remarks.length > 0
      ? `<circle class="odd" cx="${card.width - 6}" cy="8" r="5"><title>${escaped(remarks.join("; "))}</title></circle>`
      : "";
  const title = `<text class="ink" y="13" font-weight="600">${escaped(shortened(name, 26))}<title>${escaped(name)}</title></text><text class="dim" y="30" font-size="12">${facts}</text>${mark}`;
  return title + (distribution ? (distribution.kind === "bins" ? bars(distribution, column) : list(distribution)) : "");
}

function bars({ edges, counts, clipped }: Extract<Distribution, { kind: "bins" }>, { type, numbers }: ColumnProfile): string {
  const most = Math.max(...counts, 1);
  const width = card.width / counts.length;
  const base = card.top + card.plot;
  const gap = width > 4 ? 1 : 0;
  const boxes = counts.flatMap((count, i) => {
    // A bin with anything in it is seen.
    const height = count === 0 ? 0 : Math.max(1, (count / most) * card.plot);
    return height === 0
      ? []
      : `<rect class="bar" x="${(i * width).toFixed(1)}" y="${(base - height).toFixed(1)}" width="${Math.max(0.5, width - gap).toFixed(1)}" height="${height.toFixed(1)}"/>`;
  });
  const { min, max } = numbers ?? { min: edges[0]!, max: edges.at(-1)! };
  const ends = `<text class="dim" y="${base + 16}" font-size="12">${written(min, type)}${clipped ? " …" : ""}</text><text class="dim" x="${card.width}" y="${base + 16}" font-size="12" text-anchor="end">${clipped ? "… " : ""}${written(max, type)}</text>`;
  return `${boxes.join("")}<path class="line" d="M0,${base + 0.5}h${card.width}"/>${ends}`;
}

function list({ texts, others }: Extract<Distribution, { kind: "texts" }>): string {
  const shown = texts.length === LISTED + 1 && others === 0 ? texts : texts.slice(0, LISTED);
  const rest = others + texts.slice(shown.length).reduce((sum, { rows }) => sum + rows, 0);
  const entries = [
    ...shown.map(({ text, rows }) => ({ text, rows, class: "bar" })),
    ...(rest > 0 ? [{ text: "all others", rows: rest, class: "rest" }] : []),
  ];
  const most = Math.max(...entries.map(({ rows }) => rows));
  const total = entries.reduce((sum, { rows }) => sum + rows, 0);
  const step = 18;
  return entries
    .map(({ text, rows, class: kind }, i) => {
      const y = card.top + i * step;
      const width = Math.max(1, (rows / most) * 76);
      return `<text class="ink" y="${y + 12}" font-size="12">${escaped(shortened(text, 14))}</text><rect class="${kind}" x="106" y="${y + 2}" width="${width.toFixed(1)}" height="12"/><text class="dim" x="${card.width}" y="${y + 12}" font-size="12" text-anchor="end">${share(rows / total)}</text>`;
    })
    .join("");
}

/** A number in few digits; a date as a date. */
function written(value: number, type: ColumnProfile["type"]): string {
  if (type === "date" || type === "date and time") return new Date(value * 1000).toISOString().slice(0, 10);
  if (type === "time") return new Date(value * 1000).toISOString().slice(11, 16);
  if (type === "whole number" && Math.abs(value) < 1e7) return value < 0 ? `−${spaced(-value)}` : spaced(value);
  return String(Number(value.toPrecision(4))).replace("-", "−");
}

const spaced = (value: number): string => (value < 10_000 ? String(value) : String(value).replaceAll(/\B(?=(\d{3})+$)/g, "\u202f"));

/** Per cent, as markup. */
function share(part: number): string {
  const percent = 100 * part;
  return `${percent > 0 && percent < 1 ? "&lt; 1" : Math.round(percent)} %`;
}

const shortened = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** Colour-blind-safe hues (Okabe & Ito 2008), light and dark. */
function styles(): string {
  const scheme = (ground: string, ink: string, dim: string, bar: string, rest: string, odd: string): string =>
    `.ground{fill:${ground}}.ink{fill:${ink}}.dim{fill:${dim}}.bar{fill:${bar}}.rest{fill:${rest}}.odd{fill:${odd}}.line{stroke:${dim};stroke-width:1}`;
  return `${scheme("#ffffff", "#1f2328", "#59636e", "#0072b2", "#b7c0c9", "#d55e00")}
@media (prefers-color-scheme: dark){${scheme("#0d1117", "#e6edf3", "#9198a1", "#56b4e9", "#3d4550", "#ff8a4c")}}`;
}

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
