/** The contract of an audit rule: what it looks at in the parts of a table, its limits by name, and what it says. */
import type { Table } from "../data/table.ts";
import type { CompileOptions, Executor } from "../exec/session.ts";
import type { Pair, Severity } from "../util/finding.ts";
import type { Compared } from "./compared.ts";
import type { Equal } from "./copies.ts";

/** One side of the comparison. */
export interface AuditPart {
  /** `train`, `validation`, `test`; of two files, their names. */
  readonly name: string;
  /** Ascending. */
  readonly rows: Int32Array;
}

/** What is audited: a table in parts, the first of which is trained on. */
export interface AuditSubject {
  readonly table: Table;
  readonly parts: readonly AuditPart[];
  /** The split is the user's, not one that Gradus made. */
  readonly given: boolean;
  /** The split in words. */
  readonly policy: string;
  /** Where a row stands, as people find it: `row 17`. */
  readonly place: (row: number) => string;
}

export interface Sees {
  /** [height, width] in pixels. */
  readonly size?: readonly [number, number] | undefined;
  /** Steps. */
  readonly maxLength?: number | undefined;
}

export interface AuditContext extends AuditSubject {
  readonly seed: number;
  readonly executor: Executor;
  readonly runtime: CompileOptions;
  /** What a network sees of an image or a sequence, where that is not as usual. */
  readonly sees?: Sees;
  /** What the parts are compared by: columns of numbers and categories, properties of images, lengths of sequences; of windows that overlap one. Computed once. */
  readonly compared: () => readonly Compared[];
  /** Rows with equal features. Computed once. */
  readonly equal: () => Equal;
}

/** What a rule saw; the runner adds the rule's name, limits and source. */
export interface Observation {
  readonly severity: Severity;
  readonly message: string;
  /** A column. */
  readonly subject?: string;
  /** The part it is about, where it is about one. */
  readonly part?: string;
  readonly hint?: string;
  readonly numbers?: Readonly<Record<string, number>>;
  /** Rows that belong together, by their numbers in the table, from 0. */
  readonly pairs?: readonly Pair[];
}

/** A named number that a rule is held against, and what it means. */
export interface Limit {
  readonly value: number;
  readonly means: string;
}

export interface AuditRule<L extends string = string> {
  /** `duplicates` */
  readonly name: string;
  /** What it looks for, for people: `copies`. */
  readonly title: string;
  /** What is measured and what it means, in a sentence or two. */
  readonly what: string;
  readonly source: string;
  /** `train`: cheap, before every training; `audit`: up to seconds, in `gradus audit`. */
  readonly when: "train" | "audit";
  /** Its failure stops a training, with `--strict` or without. */
  readonly stops: boolean;
  readonly limits: Readonly<Record<L, Limit>>;
  /** No observation where it does not apply; `pass` where all is well. */
  check(context: AuditContext, limits: Readonly<Record<L, number>>): readonly Observation[] | Promise<readonly Observation[]>;
}

/** A rule whose limits keep their names. */
export function defineAuditRule<L extends string>(rule: AuditRule<L>): AuditRule<L> {
  return rule;
}
