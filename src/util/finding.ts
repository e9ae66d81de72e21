/** A finding: what a rule saw, in a sentence and in numbers; the same object in the library, in the terminal and under `--json`. */

/** From harmless to grave. A note asks for nothing, a warning for a look; after a failure what follows means little. */
export const severities = ["pass", "note", "warn", "fail"] as const;
export type Severity = (typeof severities)[number];

/** Two rows that belong together, numbered from 1; where two tables are compared, the second's rows follow the first's. */
export type Pair = readonly [number, number];

export interface Finding {
  /** The rule's name: `initial-loss`. */
  readonly rule: string;
  readonly severity: Severity;
  /** The layer, tensor or column it is about; left out where it is about the whole. */
  readonly subject?: string;
  /** One sentence with the numbers in it. */
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
  /** What was measured, by name. */
  readonly numbers: Readonly<Record<string, number>>;
  /** The limits it was held against, by name. */
  readonly threshold: Readonly<Record<string, number>>;
  /** Where the rule and its limits come from. */
  readonly source: string;
  /** The rule whose finding it is a consequence of: no cause of its own; of a training's health. */
  readonly follows?: string;
  /** The part of the data it is about: `test`; of an audit. */
  readonly part?: string;
  /** Rows that show it, the first of them; of an audit. */
  readonly pairs?: readonly Pair[];
  /** Someone has accepted it (`--accept`): it is recorded, and stops nothing. */
  readonly accepted?: boolean;
}

/** The gravest; `pass` of none. */
export function gravest(findings: readonly Pick<Finding, "severity">[]): Severity {
  return severities[Math.max(0, ...findings.map(({ severity }) => severities.indexOf(severity)))]!;
}
