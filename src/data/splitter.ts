/** The contract of a splitter, and `split`: which rows train, validate and test. */
import { GradusError } from "../util/errors.ts";
import { printable } from "../util/printable.ts";
import { wilsonInterval } from "../util/statistics.ts";
import { partSizes, type PartSizes } from "./part-sizes.ts";
import * as splitters from "./splitters/index.ts";
import { grouped, type Table } from "./table.ts";

/** How a table is to be split. */
export interface SplitOptions {
  /** Default 1. Another seed gives another split (by time and by column excepted). */
  readonly seed?: number | undefined;
  /** Percentages `train/validation/test`, e.g. `60/20/20`, `98/1/1`, `80/20/0`; left out: by the number of rows. */
  readonly policy?: string | undefined;
  /** By the number of rows, validation and test are a fifth each, and at most this many rows; default 10 000. */
  readonly limit?: number | undefined;
  /** False leaves the test set out of the default policy, and its rows in training. */
  readonly test?: boolean | undefined;
}

/** Row numbers of a table, ascending, each in at most one part. */
export interface Parts {
  readonly train: Int32Array;
  readonly validation: Int32Array;
  readonly test: Int32Array;
  /** The policy in words, e.g. `"60/20/20 stratified, seed 1"`. */
  readonly policy: string;
  readonly notes: readonly string[];
}

/** What a splitter is given. */
export interface SplitRequest {
  readonly table: Table;
  readonly sizes: PartSizes;
  readonly seed: number;
}

/** One way to split; the first of the registry whose column the table has is taken. */
export interface Splitter {
  readonly name: string;
  readonly applies: (table: Table) => boolean;
  /** @throws GradusError where the table cannot be split this way */
  readonly split: (request: SplitRequest) => Parts;
}

/**
 * Splits a table: by its split, group or time column where one was named, else at random, stratified by class, equal feature rows
 * together where they are few enough, in an order keyed by the rows themselves, so that appending rows moves few of the old ones.
 * @example split(table, { seed: 1 }) // { train, validation, test, policy: "60/20/20 stratified, seed 1", notes }
 * @throws GradusError on an unknown policy, two ways at once, or too few rows for a part
 */
export function split(table: Table, options: SplitOptions = {}): Parts {
  const seed = options.seed ?? 1;
  const ways = (["split", "group", "time"] as const).filter((role) => table.roles[role]);
  if (ways.length > 1)
    throw new GradusError(
      `the split cannot go by ${ways.map((role) => `${role} ("${table.roles[role]!.name}")`).join(" and by ")} at once.`,
      {
        hint: "name one of --split-column, --group and --time.",
      },
    );
  if (table.roles.split && options.policy !== undefined)
    throw new GradusError(`the split is given by column "${table.roles.split.name}"; --split ${options.policy} contradicts it.`, {
      hint: "name one of --split and --split-column.",
    });
  const sizes = partSizes(table.rows, options);
  const parts = Object.values(splitters)
    .find((splitter) => splitter.applies(table))!
    .split({ table, sizes, seed });
  // A split column may name no test rows, which is said; any other way owes the parts that were asked for.
  const owed = sizes.test > 0 && !table.roles.split ? (["train", "validation", "test"] as const) : (["train", "validation"] as const);
  for (const part of owed)
    if (parts[part].length === 0)
      throw new GradusError(
        `${table.source.path}: the ${part === "train" ? "training" : part} part would be empty (${grouped(table.rows)} rows, ${parts.policy}).`,
        {
          hint: `more rows are needed${table.target?.task === "classification" ? ", of every class" : ""}${part === "test" ? ", or --split 80/20/0 for no test set" : ""}.`,
        },
      );
  return { ...parts, policy: printable(parts.policy), notes: parts.notes.map(printable) };
}

/**
 * What a validation set of n examples can resolve: the half-width, in percentage points, of the 95 % interval (Wilson) of a share of
 * errors. Golden: 10 000 examples at 1 % error resolve 0.2 points.
 * @param errorShare the share of errors expected, 0 … 1; default 0.1
 */
export function resolvablePoints(n: number, errorShare = 0.1): number {
  const { low, high } = wilsonInterval(errorShare * n, n);
  return 50 * (high - low);
}
