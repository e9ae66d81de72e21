/** Findings as a person reads them: one line where something was found, one that says what was checked. */
import type { ExperimentEvent, Inspection } from "../../train/experiment-events.ts";
import { gravest, type Finding, type Severity } from "../../util/finding.ts";
import { printable } from "../../util/printable.ts";
import { counted, grouped, short } from "./format.ts";
import { line } from "./lines.ts";
import type { Paint } from "./paint.ts";

const words: Readonly<Record<Severity, string>> = { pass: "right", note: "note", warn: "warning", fail: "wrong" };
const colours = { pass: "green", note: "dim", warn: "yellow", fail: "red" } as const;

/** What a finding says, and below it what to do. */
export function findingLines(findings: readonly Finding[], width: number, p: Paint): string[] {
  return findings.flatMap(({ severity, message, hint }) => [
    line(p[colours[severity]](words[severity]), printable(message), width),
    ...(hint === undefined ? [] : [line("", p.dim(printable(hint)), width)]),
  ]);
}

/** Before a training: what was found, then what was checked. */
export function startLines({ checked, findings }: Inspection, width: number, p: Paint): string[] {
  const found = findings.filter(({ severity }) => severity !== "pass");
  const loss = findings.find(({ rule, severity }) => rule === "initial-loss" && severity === "pass");
  const [forward, backward] = findings.filter(({ rule, severity, numbers }) => {
    return rule === "signal" && severity === "pass" && numbers["factor"] !== undefined;
  });
  const figures = [
    ...(loss ? [`loss ${loss.message}`] : []),
    ...(forward && backward ? [`signal × ${factorOf(forward)} a layer, gradient × ${factorOf(backward)} back`] : []),
  ];
  const rest = `${counted(checked.length, "rule")}${found.length === 0 ? ", nothing found" : ""}`;
  return [...findingLines(found, width, p), line("checked", `before training: ${[...figures, rest].join(" · ")}`, width)];
}

const factorOf = ({ numbers }: Finding) => short(numbers["factor"]!);

/** While training: the step, what was found, and what to do; one line for what follows from a finding before it. */
export function healthLines({ finding, step }: Extract<ExperimentEvent, { type: "finding" }>, width: number, p: Paint): string[] {
  if (finding.follows === undefined) return findingLines([{ ...finding, message: `step ${grouped(step)}: ${finding.message}` }], width, p);
  return [line(p.dim("then"), printable(`step ${grouped(step)}: ${finding.message}`), width)];
}

/** Every rule with what it saw. */
export function ruleLines(findings: readonly Finding[], titles: ReadonlyMap<string, string>, width: number, p: Paint): string[] {
  return findings.flatMap(({ rule, severity, message, hint }, i) => {
    const title = findings[i - 1]?.rule === rule ? "" : (titles.get(rule) ?? rule);
    const word = severity === "pass" ? "" : `${p[colours[severity]](words[severity])}: `;
    return [line(title, `${word}${printable(message)}`, width), ...(hint === undefined ? [] : [line("", p.dim(printable(hint)), width)])];
  });
}

/** How many rules are right, and which are not. */
export function ruleSummary(findings: readonly Finding[], width: number, p: Paint): string[] {
  const rules = [...new Set(findings.map(({ rule }) => rule))];
  const worst = new Map(rules.map((rule) => [rule, gravest(findings.filter((finding) => finding.rule === rule))]));
  const counts = (["pass", "note", "warn", "fail"] as const).flatMap((severity) => {
    const named = rules.filter((rule) => worst.get(rule) === severity);
    if (named.length === 0) return [];
    const which = severity === "pass" ? "" : `: ${named.join(", ")}`;
    return [`${severity === "pass" ? `${named.length} ` : ""}${p[colours[severity]](words[severity])}${which}`];
  });
  return [line("before training", counts.join(" · "), width)];
}
