/** The monitors as a page of the docs: what each measures, its limits, where it comes from. */
import { short } from "../../util/format.ts";
import type { Monitor } from "../monitor.ts";

/** Markdown, a section a monitor. */
export function describeMonitors(monitors: readonly Monitor[]): string {
  return monitors.map(describeMonitor).join("\n\n");
}

function describeMonitor({ name, title, what, source, leadsTo, limits }: Monitor): string {
  const rows = Object.entries(limits).map(([limit, { value, means }]) => `| \`${limit}\` | ${short(value)} | ${means} |`);
  const table = rows.length === 0 ? [] : ["", "| limit | default | |", "|---|---|---|", ...rows];
  const consequences = leadsTo.length === 0 ? "" : ` May bring about: ${leadsTo.join(", ")}.`;
  return [`### ${title}: \`${name}\``, "", what, "", `Source: ${source}.${consequences}`, ...table].join("\n");
}
