/** The audit of data before anything is trained on it: every rule on the parts of a table, findings with numbers. */
import { compile } from "../exec/executor.ts";
import type { CompileOptions, Executor } from "../exec/session.ts";
import { didYouMean } from "../util/closest.ts";
import { GradusError } from "../util/errors.ts";
import { gravest, type Finding, type Severity } from "../util/finding.ts";
import { comparedFeatures } from "./compared.ts";
import { equalRows } from "./copies.ts";
import { independentParts } from "./evidence.ts";
import type { AuditContext, AuditRule, AuditSubject, Sees } from "./rule.ts";
import { auditRules } from "./rules/index.ts";

/** Other limits for rules, by their names: `{ duplicates: { share: 0.01 } }`. */
export type AuditLimits = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface AuditOptions {
  /** Default 1. */
  readonly seed?: number;
  /** `train`: the cheap rules that run before every training; `all` by default. */
  readonly which?: "train" | "all";
  /** Names of rules whose findings are known: they are marked and stop nothing. */
  readonly accept?: readonly string[];
  readonly limits?: AuditLimits;
  /** Default: the platform's ONNX Runtime. */
  readonly executor?: Executor;
  readonly runtime?: CompileOptions;
  /** What the rules' networks see of images and sequences: `{ size: [64, 64], maxLength: 200 }`. */
  readonly sees?: Sees;
  readonly onFinding?: (finding: Finding) => void;
}

export interface Audit {
  /** Titles of the rules that had something to look at. */
  readonly checked: readonly string[];
  /** In the order of the rules, those that passed among them. */
  readonly findings: readonly Finding[];
  /** The gravest that nobody has accepted. */
  readonly severity: Severity;
  readonly accepted: readonly string[];
  readonly seconds: number;
}

const platform: Executor = { name: "platform", compile };

/** Pixels of a part that are looked at, at most. */
const pixels = { train: 5e6, audit: 50e6 } as const;

/** What rules are given; what several of them need is computed once. */
export function contextOf(
  subject: AuditSubject,
  settings: Pick<AuditContext, "seed" | "executor" | "runtime" | "sees">,
  mostPixels: number = pixels.audit,
): AuditContext {
  const { table, parts } = subject;
  return {
    ...subject,
    ...settings,
    compared: once(() => comparedFeatures(table, independentParts(table, parts), settings.seed, mostPixels)),
    equal: once(() => equalRows(table.columns, table.rows)),
  };
}

function once<T>(compute: () => T): () => T {
  let found: { readonly value: T } | undefined;
  return () => (found ??= { value: compute() }).value;
}

/**
 * Audits the parts of a table.
 * @example const { findings } = await audit(subjectOf(await readTable("churn.csv", { target: "churn" })));
 * @throws GradusError for a rule or limit that there is not
 */
export async function audit(subject: AuditSubject, options: AuditOptions = {}): Promise<Audit> {
  const started = performance.now();
  const { seed = 1, which = "all", accept = [], limits = {}, executor = platform, runtime = {}, sees = {}, onFinding } = options;
  checkAuditNames(accept, limits);
  const context = contextOf(subject, { seed, executor, runtime, sees }, which === "all" ? pixels.audit : pixels.train);
  const checked: string[] = [];
  const findings: Finding[] = [];
  for (const rule of auditRules.filter(({ when }) => which === "all" || when === "train")) {
    const found = await runAuditRule(rule, context, limits[rule.name]);
    if (found.length > 0) checked.push(rule.title);
    for (const finding of found) {
      const grave = finding.severity === "warn" || finding.severity === "fail";
      const marked = grave && accept.includes(finding.rule) ? { ...finding, accepted: true } : finding;
      findings.push(marked);
      onFinding?.(marked);
    }
  }
  return {
    checked,
    findings,
    severity: gravest(findings.filter(({ accepted }) => !accepted)),
    accepted: accept,
    seconds: (performance.now() - started) / 1000,
  };
}

/** One rule's findings. */
export async function runAuditRule(
  rule: AuditRule,
  context: AuditContext,
  limits: Readonly<Record<string, number>> = {},
): Promise<Finding[]> {
  const threshold = { ...Object.fromEntries(Object.entries(rule.limits).map(([name, { value }]) => [name, value])), ...limits };
  const observations = await rule.check(context, threshold);
  return observations.map(({ pairs, ...observation }) => ({
    rule: rule.name,
    numbers: {},
    ...observation,
    threshold,
    source: rule.source,
    ...(pairs && pairs.length > 0 ? { pairs: pairs.map(([a, b]) => [a + 1, b + 1] as const) } : {}),
  }));
}

/** @throws GradusError where a name is none of a rule, or of a limit */
export function checkAuditNames(accept: readonly string[], limits: AuditLimits = {}): void {
  const names = auditRules.map(({ name }) => name);
  for (const name of [...accept, ...Object.keys(limits)])
    if (!names.includes(name)) throw new GradusError(`there is no audit rule "${name}".`, { hint: didYouMean(name, names, "rules") });
  for (const [name, values] of Object.entries(limits)) {
    const known = Object.keys(auditRules.find((rule) => rule.name === name)!.limits);
    const unknown = Object.keys(values).find((key) => !known.includes(key));
    if (unknown !== undefined)
      throw new GradusError(`audit rule ${name} has no limit "${unknown}".`, {
        hint: known.length === 0 ? "it has none" : didYouMean(unknown, known, "limits"),
      });
  }
}
