/** The audit as one HTML page that needs no network: findings, distributions with the same bins side by side, pairs of rows. */
import { short } from "../util/format.ts";
import { countedHtml, findingsSection, htmlDocument, safe } from "../report/html.ts";
import type { Audit } from "./audit.ts";
import { comparedFeatures, pickCodes, pickNumbers, type Compared } from "./compared.ts";
import { distributionOf, type Distribution } from "./distributions.ts";
import { galleriesOf, type Gallery, type GalleryRow } from "./gallery.ts";
import { pageStyle } from "./page-style.ts";
import type { AuditSubject } from "./rule.ts";

const mostFeatures = 60;
const mostPixels = 20e6;

export interface PageOptions {
  /** What was audited, e.g. the file's name. */
  readonly title: string;
}

/** @returns a whole HTML document */
export function auditPage(subject: AuditSubject, audit: Audit, { title }: PageOptions): string {
  const features = [...targetOf(subject), ...comparedFeatures(subject.table, subject.parts, 1, mostPixels)];
  const drawn = features
    .map(distributionOf)
    .toSorted((a, b) => Math.max(0, ...b.effects) - Math.max(0, ...a.effects))
    .slice(0, mostFeatures);
  const galleries = galleriesOf(subject, audit.findings);
  const names = subject.parts.map(({ name }) => name);
  const more = features.length - drawn.length;
  const body = `<header>
<h1>Audit of ${safe(title)}</h1>
<p>${safe(subject.policy)}</p>
<p class="parts">${subject.parts.map(({ name, rows }, i) => `<span class="key part${i}">${safe(name)}</span> ${countedHtml(rows.length)} rows`).join(" &ensp; ")}</p>
</header>
${findingsSection(audit.findings)}
<section><h2>Distributions</h2>
<p class="what">The same bins in every part, the largest difference first. Bars: ${safe(names[0] ?? "")}; lines: the other parts.${more > 0 ? ` ${more} features with smaller differences are not drawn.` : ""}</p>
<div class="charts">${drawn.map((each) => chart(each, names)).join("\n")}</div></section>
${galleries.length === 0 ? "" : `<section><h2>Rows</h2>${galleries.map(gallerySection).join("\n")}</section>`}`;
  return htmlDocument({ title: `Audit of ${title}`, style: pageStyle, body });
}

/** The target as a feature among the others. */
function targetOf({ table, parts }: AuditSubject): Compared[] {
  const { target } = table;
  if (!target || target.column.kind === "sequence") return [];
  const name = `${target.name} (target)`;
  const { column } = target;
  if (column.kind === "numeric") return [{ name, kind: "numeric", values: parts.map(({ rows }) => pickNumbers(column, rows)) }];
  return [{ name, kind: "categorical", categories: column.categories, values: parts.map(({ rows }) => pickCodes(column, rows)) }];
}

const chartSize = { width: 280, height: 96 };

/** Bars of the first part, a stepped line for every other one. */
function chart({ name, labels, others, shares, missing, effects }: Distribution, names: readonly string[]): string {
  const { width, height } = chartSize;
  const bins = labels.length;
  const top = Math.max(...shares.flat(), 1e-9);
  const x = (bin: number) => ((bin * width) / bins).toFixed(1);
  const y = (share: number) => (height - (share / top) * (height - 4)).toFixed(1);
  const gap = bins > 12 ? 0.5 : 1.5;
  const bars = shares[0]!.map((share, bin) => {
    const title = `${labels[bin]}: ${shares.map((part, i) => `${names[i]} ${(100 * part[bin]!).toFixed(1)} %`).join(", ")}`;
    const left = (bin * width) / bins + gap / 2;
    return `<g><title>${safe(title)}</title><rect class="hit" x="${x(bin)}" y="0" width="${(width / bins).toFixed(1)}" height="${height}"/><rect class="part0" x="${left.toFixed(1)}" y="${y(share)}" width="${(width / bins - gap).toFixed(1)}" height="${(height - Number(y(share))).toFixed(1)}"/></g>`;
  });
  const outlines = shares.slice(1).map((part, i) => {
    const path = part.map((share, bin) => `${bin === 0 ? "M" : "L"}${x(bin)} ${y(share)}L${x(bin + 1)} ${y(share)}`).join("");
    return `<path class="line part${i + 1}" d="${path}"/>`;
  });
  const ends =
    bins === 0
      ? ""
      : `<span>${safe(firstOf(labels[0]!))}</span><span>${safe(lastOf(labels.at(-1)!))}${others > 0 ? ` and ${others} rarer` : ""}</span>`;
  const gone = missing.some((share) => share > 0)
    ? `<p class="numbers">missing: ${missing.map((share, i) => `${safe(names[i]!)} ${(100 * share).toFixed(1)} %`).join(", ")}</p>`
    : "";
  const distance = effects.map((effect, i) => `${effects.length > 1 ? `${safe(names[i + 1]!)} ` : ""}${short(effect)}`).join(", ");
  return `<figure><figcaption><b>${safe(name)}</b> <span>distance ${distance}</span></figcaption>
<svg viewBox="0 0 ${width} ${height + 1}" role="img" aria-label="${safe(`${name}: distance ${distance}`)}" preserveAspectRatio="none">${bars.join("")}${outlines.join("")}<path class="axis" d="M0 ${height + 0.5}H${width}"/></svg>
<div class="ends">${ends}</div>${gone}</figure>`;
}

const firstOf = (label: string): string => label.split(" – ")[0]!;
const lastOf = (label: string): string => label.split(" – ").at(-1)!;

function gallerySection({ finding, columns, more, pairs }: Gallery): string {
  const head = columns.map((name) => `<th>${safe(name)}</th>`).join("");
  const rest = more > 0 ? `<p class="what">${more} more ${more === 1 ? "column is" : "columns are"} not shown.</p>` : "";
  return `<h3>${finding.rule}${finding.part === undefined ? "" : ` in ${safe(finding.part)}`}: ${pairs.length === 1 ? "a pair" : `the first ${pairs.length} pairs`}</h3>${rest}
<div class="scroll"><table><thead><tr><th></th>${head}</tr></thead>${pairs.map((pair) => `<tbody>${pair.map(galleryRow).join("")}</tbody>`).join("")}</table></div>`;
}

function galleryRow({ place, cells }: GalleryRow): string {
  const shown = cells.map(({ text, image, differs }) =>
    image === undefined ? `<td${differs ? ' class="differs"' : ""}>${safe(text ?? "")}</td>` : `<td><img alt="" src="${image}"></td>`,
  );
  return `<tr><th>${safe(place)}</th>${shown.join("")}</tr>`;
}
