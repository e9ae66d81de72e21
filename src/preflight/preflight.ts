/** The gate before training: every rule on one problem at its start, findings with numbers. */
import type { TrainingData } from "../train/dataset.ts";
import type { Problem } from "../train/step-graph.ts";
import { didYouMean } from "../util/closest.ts";
import { GradusError } from "../util/errors.ts";
import { gravest, type Finding, type Severity } from "../util/finding.ts";
import { contextOf, type ContextOptions } from "./context.ts";
import type { PreflightContext, Rule } from "./rule.ts";
import { rules } from "./rules/index.ts";

/** Other limits for rules, by their names: `{ signal: { varianceRatio: 100 } }`. */
export type Limits = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface PreflightOptions extends ContextOptions {
  /** `start`: those that take milliseconds; `all` by default. */
  readonly which?: "start" | "all";
  readonly limits?: Limits;
  readonly onFinding?: (finding: Finding) => void;
}

export interface Preflight {
  /** Titles of the rules that ran. */
  readonly checked: readonly string[];
  /** In the order of the rules, those that passed among them. */
  readonly findings: readonly Finding[];
  readonly severity: Severity;
  readonly seconds: number;
}

/**
 * Checks a problem before it is trained. Nothing that is given is changed.
 * @param data training rows; a seeded sample of them is looked at
 * @throws GradusError for a limit that no rule has
 */
export async function preflight(problem: Problem, data: TrainingData, options: PreflightOptions = {}): Promise<Preflight> {
  const started = performance.now();
  const { which = "all", limits = {}, onFinding } = options;
  checkLimits(limits);
  const context = contextOf(problem, data, options);
  const chosen = rules.filter(({ when }) => which === "all" || when === "start");
  const findings: Finding[] = [];
  for (const rule of chosen) {
    for (const finding of await runRule(rule, context, limits[rule.name])) {
      findings.push(finding);
      onFinding?.(finding);
    }
  }
  const seconds = (performance.now() - started) / 1000;
  return { checked: chosen.map(({ title }) => title), findings, severity: gravest(findings), seconds };
}

/** One rule's findings. */
export async function runRule(rule: Rule, context: PreflightContext, limits: Readonly<Record<string, number>> = {}): Promise<Finding[]> {
  const threshold = { ...Object.fromEntries(Object.entries(rule.limits).map(([name, { value }]) => [name, value])), ...limits };
  const observations = await rule.check(context, threshold);
  return observations.map((observation) => ({ rule: rule.name, numbers: {}, ...observation, threshold, source: rule.source }));
}

function checkLimits(limits: Limits): void {
  for (const [name, values] of Object.entries(limits)) {
    const rule = rules.find((candidate) => candidate.name === name);
    if (!rule)
      throw new GradusError(`there is no rule "${name}".`, {
        hint: didYouMean(
          name,
          rules.map((candidate) => candidate.name),
          "rules",
        ),
      });
    const known = Object.keys(rule.limits);
    const unknown = Object.keys(values).find((key) => !known.includes(key));
    if (unknown !== undefined)
      throw new GradusError(`rule ${name} has no limit "${unknown}".`, {
        hint: known.length === 0 ? "it has none" : didYouMean(unknown, known, "limits"),
      });
  }
}
