/** The rules as a page of the docs: what each measures, its limits, where it comes from. */
import { short } from "../util/format.ts";
import type { Rule } from "./rule.ts";

/** Markdown, a section a rule. */
export function describeRules(rules: readonly Rule[]): string {
  return rules.map(describeRule).join("\n\n");
}

function describeRule({ name, title, what, source, when, limits }: Rule): string {
  const rows = Object.entries(limits).map(([limit, { value, means }]) => `| \`${limit}\` | ${short(value)} | ${means} |`);
  const table = rows.length === 0 ? [] : ["", "| limit | default | |", "|---|---|---|", ...rows];
  const runs = when === "start" ? "before every training, and in `gradus check`" : "in `gradus check`";
  return [`### ${title}: \`${name}\``, "", what, "", `Runs ${runs}. Source: ${source}.`, ...table].join("\n");
}
