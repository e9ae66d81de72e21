/** The audit before a training: the cheap rules on the split that is about to be used, and whether they let it begin. */
import type { AuditInspection } from "../train/experiment-events.ts";
import type { TableParts } from "../train/fit-table.ts";
import type { Finding } from "../util/finding.ts";
import { audit, type AuditOptions } from "./audit.ts";
import { auditRules } from "./rules/index.ts";
import { partsSubject } from "./subject.ts";

export interface GateOptions extends Pick<AuditOptions, "seed" | "accept" | "executor" | "runtime"> {
  /** Every failure stops, not only overlap of groups or time and a target leak. */
  readonly strict?: boolean;
}

/**
 * Audits a split before it is trained on.
 * @example trainExperiment(experiment, { audit: auditParts });
 * @throws GradusError where `accept` names no rule
 */
export async function auditParts(parts: TableParts, { strict = false, ...options }: GateOptions = {}): Promise<AuditInspection> {
  const { checked, findings, seconds, accepted } = await audit(partsSubject(parts.table, parts), { ...options, which: "train" });
  const stops = findings.filter((finding) => finding.severity === "fail" && !finding.accepted && (strict || stopping.has(finding.rule)));
  const differs = findings.some(
    ({ rule, part, severity }) => drifts.has(rule) && part === "validation" && (severity === "warn" || severity === "fail"),
  );
  return { checked, findings, seconds, accepted, differs, ...(stops.length > 0 ? { stop: stopOf(stops) } : {}) };
}

const stopping = new Set(auditRules.filter(({ stops }) => stops).map(({ name }) => name));

/** Rules that say that a part comes from another distribution. */
const drifts = new Set(["feature-drift", "label-shift"]);

function stopOf(stops: readonly Finding[]): NonNullable<AuditInspection["stop"]> {
  const [{ message, hint }] = stops as [Finding];
  const rules = [...new Set(stops.map(({ rule }) => rule))];
  const more = stops.length > 1 ? ` (and ${stops.length - 1} more)` : "";
  return {
    message: `the audit stops this training: ${message}${more}.`,
    hint: `${hint ? `${hint}; ` : ""}or train all the same: --accept ${rules.join(",")}`,
  };
}
