/** What pages have in common: text made safe, numbers with their groups, a document that needs no network, findings in boxes. */
import { short } from "../util/format.ts";
import { severities, type Finding } from "../util/finding.ts";
import { printable } from "../util/printable.ts";

/** Text in a page: markup and control characters are escaped. */
export const safe = (text: string): string =>
  printable(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** Thousands apart. */
export const countedHtml = (n: number): string => String(n).replaceAll(/\B(?=(\d{3})+$)/g, "&#8239;");

/** @param body what stands in `main`; `title` is plain text */
export function htmlDocument({ title, style, body }: { readonly title: string; readonly style: string; readonly body: string }): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${safe(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}

const words = { pass: "fine", note: "note", warn: "warning", fail: "fail" } as const;

/** The gravest first; what passed in a list that opens. */
export function findingsSection(findings: readonly Finding[]): string {
  const grave = severities
    .toReversed()
    .flatMap((severity) => findings.filter((finding) => finding.severity === severity && severity !== "pass"));
  const fine = findings.filter(({ severity }) => severity === "pass");
  const said = grave.length === 0 ? "<p>Nothing was found.</p>" : grave.map(findingBox).join("\n");
  const passed =
    fine.length === 0
      ? ""
      : `
<details><summary>${fine.length} ${fine.length === 1 ? "look" : "looks"} that found nothing</summary><ul>${fine.map(({ rule, message }) => `<li><b>${safe(rule)}</b> ${safe(message)}</li>`).join("")}</ul></details>`;
  return `<section><h2>Findings</h2>
${said}${passed}</section>`;
}

function findingBox({ rule, severity, message, hint, numbers, threshold, source, accepted, follows }: Finding): string {
  const list = (values: Readonly<Record<string, number>>) =>
    Object.entries(values)
      .map(([name, value]) => `${safe(name)} ${Number.isNaN(value) ? "–" : safe(short(value))}`)
      .join(" · ");
  const limits = list(threshold);
  const after = follows === undefined ? "" : `<p class="numbers">follows from ${safe(follows)}</p>`;
  return `<article class="${severity}${accepted ? " accepted" : ""}"><h3><span class="badge">${words[severity]}${accepted ? ", accepted" : ""}</span> ${safe(rule)}</h3>
<p>${safe(message)}</p>${after}${hint === undefined ? "" : `<p class="hint">${safe(hint)}</p>`}
<p class="numbers">${list(numbers)}${limits === "" ? "" : ` <span>limits: ${limits}</span>`} <span>${safe(source)}</span></p></article>`;
}
