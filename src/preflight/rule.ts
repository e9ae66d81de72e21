/** The contract of a rule: what it measures before training, its limits by name, and what it says. */
import type { CompileOptions, Executor } from "../exec/session.ts";
import type { ParameterLayout } from "../nn/parameters.ts";
import type { Dataset } from "../train/dataset.ts";
import type { Problem } from "../train/step-graph.ts";
import type { Severity } from "../util/finding.ts";

/** What is to be trained, at its start. Rules read it and change nothing. */
export interface PreflightContext {
  readonly problem: Problem;
  readonly layout: ParameterLayout;
  /** The initial parameters. */
  readonly theta: Float32Array;
  /** Training rows, in the order in which they are taken. */
  readonly data: Dataset;
  readonly seed: number;
  readonly executor: Executor;
  readonly runtime: CompileOptions;
}

/** What a rule saw; the runner adds the rule's name, limits and source. */
export interface Observation {
  readonly severity: Severity;
  readonly message: string;
  readonly subject?: string;
  readonly hint?: string;
  readonly numbers?: Readonly<Record<string, number>>;
}

/** A named number that a rule is held against, and what it means. */
export interface Limit {
  readonly value: number;
  readonly means: string;
}

export interface Rule<L extends string = string> {
  /** `initial-loss` */
  readonly name: string;
  /** What it checks, for people: `loss at start`. */
  readonly title: string;
  /** What is measured and what it means, in a sentence or two. */
  readonly what: string;
  readonly source: string;
  /** `start`: milliseconds, before every training; `check`: up to seconds, in `gradus check`. */
  readonly when: "start" | "check";
  readonly limits: Readonly<Record<L, Limit>>;
  /** At least one observation: `pass` where all is well. */
  check(context: PreflightContext, limits: Readonly<Record<L, number>>): readonly Observation[] | Promise<readonly Observation[]>;
}

/** A rule whose limits keep their names. */
export function defineRule<L extends string>(rule: Rule<L>): Rule {
  return rule as unknown as Rule;
}
