/** The audit's rules as a part of the docs: what each measures, its limits, where it comes from. */
import { short } from "../util/format.ts";
import type { AuditRule } from "./rule.ts";

/** Markdown, a section a rule. */
export function describeAuditRules(rules: readonly AuditRule[]): string {
  return rules.map(describeRule).join("\n\n");
}

function describeRule({ name, title, what, source, when, stops, limits }: AuditRule): string {
  const rows = Object.entries(limits).map(([limit, { value, means }]) => `| \`${limit}\` | ${short(value)} | ${means} |`);
  const table = rows.length === 0 ? [] : ["", "| limit | default | |", "|---|---|---|", ...rows];
  const runs = when === "train" ? "Runs before every training, and in `gradus audit`" : "Runs in `gradus audit`";
  return [
    `#### ${title}: \`${name}\``,
    "",
    what,
    "",
    `${runs}${stops ? "; a failure stops a training" : ""}. Source: ${source}.`,
    ...table,
  ].join("\n");
}
