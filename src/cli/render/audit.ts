/** The audit as a person reads it: in a line before a training, in full for `gradus audit`. */
import type { Audit } from "../../audit/audit.ts";
import type { AuditSubject } from "../../audit/rule.ts";
import { auditRules } from "../../audit/rules/index.ts";
import type { AuditInspection } from "../../train/experiment-events.ts";
import type { Finding, Severity } from "../../util/finding.ts";
import { printable } from "../../util/printable.ts";
import { counted, duration, grouped } from "./format.ts";
import { line } from "./lines.ts";
import type { Paint } from "./paint.ts";

const words: Readonly<Record<Severity, string>> = { pass: "fine", note: "note", warn: "warning", fail: "FAIL" };
const colours = { pass: "green", note: "dim", warn: "yellow", fail: "red" } as const;

function lines(finding: Finding, title: string, width: number, p: Paint): string[] {
  const { rule, severity, message, hint, accepted } = finding;
  const said = accepted ? p.dim(words[severity]) : p[colours[severity]](words[severity]);
  const word = severity === "pass" ? "" : `${said} ${rule}${accepted ? " (accepted)" : ""}: `;
  const text = printable(message);
  return [
    line(title, `${word}${severity === "pass" ? p.dim(text) : text}`, width),
    ...(hint === undefined ? [] : [line("", p.dim(printable(`→ ${hint}`)), width)]),
  ];
}

/** Before a training: what was found, and in one line what was looked at. */
export function auditLines({ checked, findings }: Pick<AuditInspection, "checked" | "findings">, width: number, p: Paint): string[] {
  const found = findings.filter(({ severity }) => severity === "warn" || severity === "fail");
  const copies = findings.find(({ rule, part }) => rule === "duplicates" && part === undefined);
  const summary = [
    counted(checked.length, "rule"),
    ...(copies && copies.severity !== "pass" ? [printable(copies.message)] : []),
    found.length === 0 ? "nothing found" : counts(found),
  ];
  return [line("audit", summary.join(" · "), width), ...found.flatMap((finding) => lines(finding, "", width, p))];
}

function counts(findings: readonly Finding[]): string {
  const count = (severity: Severity) => findings.filter((finding) => finding.severity === severity && !finding.accepted).length;
  const accepted = findings.filter((finding) => finding.accepted).length;
  const parts = [
    [count("fail"), "failure"],
    [count("warn"), "warning"],
    [count("note"), "note"],
  ] as const;
  const said = parts.filter(([n]) => n > 0).map(([n, word]) => counted(n, word));
  return [...said, ...(accepted > 0 ? [`${grouped(accepted)} accepted`] : [])].join(", ") || "nothing found";
}

/** The split that is judged. */
export function auditHead({ policy, parts }: AuditSubject, width: number): string[] {
  const sizes = parts.map(({ name, rows }) => `${name} ${grouped(rows.length)}`).join(" / ");
  return [line("parts", printable(`${policy} → ${sizes}`), width), ""];
}

const titles = new Map(auditRules.map(({ name, title }) => [name, title]));

/** What a rule saw; its title stands before the first of its findings. */
export function auditFindingLines(finding: Finding, previous: Finding | undefined, width: number, p: Paint): string[] {
  return lines(finding, previous?.rule === finding.rule ? "" : (titles.get(finding.rule) ?? finding.rule), width, p);
}

export function auditSummary({ findings, seconds }: Audit, passed: boolean, report: string | undefined, width: number, p: Paint): string[] {
  const shown = findings.filter(({ severity }) => severity !== "pass");
  const rules = new Set(findings.map(({ rule }) => rule)).size;
  const verdict = passed ? p.green("passed") : p.red("failed");
  return [
    "",
    line(verdict, `${counts(shown)} · ${counted(rules, "rule")} in ${duration(seconds)}`, width),
    ...(report === undefined ? [] : [line("report", report, width)]),
  ];
}
