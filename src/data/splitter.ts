/** The contract of a splitter, and `split`: which rows train, validate and test. */
import { GradusError } from "../util/errors.ts";
import { printable } from "../util/printable.ts";
import { countParts, NONE, rowsOf, TEST, TRAIN, TRAIN_DEV, VALIDATION } from "./part.ts";
import { partSizes, trainDevRows, type PartSizes, type Sizing } from "./part-sizes.ts";
import { describeMatch, matchSaved, type SavedSplit, type SplitOrigin } from "./saved-split.ts";
import { assignGroups } from "./splitters/by-group.ts";
import * as splitters from "./splitters/index.ts";
import { assign } from "./splitters/random.ts";
import { countCategories, grouped, type CategoricalColumn, type Table } from "./table.ts";

/** How a table is to be split. */
export interface SplitOptions extends Sizing {
  /** Default 1. Another seed gives another split (by time and by column excepted). */
  readonly seed?: number | undefined;
  /**
   * A set of the training distribution that is never trained on: `"5%"` of the training rows, or a number of rows; `"auto"` takes 5 %
   * where `differs` says that validation comes from another distribution.
   */
  readonly trainDev?: string | number | undefined;
  readonly differs?: boolean | undefined;
  /** A split made before: rows that it knows keep their part, new ones fill what the parts lack. Its seed is the one that counts. */
  readonly saved?: SavedSplit | undefined;
}

/** Row numbers of a table, ascending, each in at most one part. */
export interface Parts {
  readonly train: Int32Array;
  readonly validation: Int32Array;
  readonly test: Int32Array;
  /** Rows as training has them, kept out of it: where one was asked for. */
  readonly trainDev?: Int32Array;
  /** The policy in words, e.g. `"60/20/20 stratified, seed 1"`. */
  readonly policy: string;
  readonly notes: readonly string[];
  /** How it was made, for {@link savedSplit}. */
  readonly origin?: SplitOrigin;
}

/** What a splitter is given. */
export interface SplitRequest {
  readonly table: Table;
  readonly sizes: PartSizes;
  readonly seed: number;
  /** Parts that rows have already (`NONE`: free), none of them train-dev. */
  readonly kept?: Uint8Array | undefined;
}

/** One way to split; the first of the registry whose column the table has is taken. */
export interface Splitter {
  readonly name: SplitOrigin["way"];
  readonly applies: (table: Table) => boolean;
  /**
   * @returns the part of every row, or `NONE`
   * @throws GradusError where the table cannot be split this way
   */
  readonly split: (request: SplitRequest) => { readonly partOf: Uint8Array; readonly policy: string; readonly notes: readonly string[] };
}

/** The share of the training rows where a train-dev set is called for and its size is not. */
const TRAIN_DEV_SHARE = "5%";

/**
 * Splits a table: by its split, group or time column where one was named, else at random, stratified by class, equal feature rows
 * together where they are few enough, in an order keyed by the rows themselves, so that appending rows moves few of the old ones, and none
 * where the split was saved.
 * @example split(table, { seed: 1 }) // { train, validation, test, policy: "60/20/20 stratified, seed 1", notes }
 * @throws GradusError on an unknown policy, two ways at once, too few rows for a part, ids that name two rows, a saved split of other data
 */
export function split(table: Table, options: SplitOptions = {}): Parts {
  const { saved } = options;
  const seed = saved?.seed ?? options.seed ?? 1;
  const asked = sizingOf(options);
  checkWays(table, asked.policy);
  if (asked.resolve !== undefined && table.target?.task === "regression")
    throw new GradusError(`--resolve speaks of points of error, and ${table.target.name} is an amount.`, {
      hint: "name the split itself: --split 60/20/20",
    });
  checkIds(table);
  const sizes = partSizes(table.rows, asked);
  const splitter = Object.values(splitters).find(({ applies }) => applies(table))!;
  const match = saved && matchSaved(saved, table, splitter.name);
  const kept = match?.partOf.map((part) => (part === TRAIN_DEV ? TRAIN : part));
  const dealt = splitter.split({ table, sizes, seed, kept });
  const trainDev = asked.trainDev === "auto" ? (options.differs ? TRAIN_DEV_SHARE : undefined) : asked.trainDev;
  const carved = trainDev === undefined ? [] : carveTrainDev(table, dealt.partOf, trainDev, seed, match?.partOf);
  const { partOf } = dealt;
  checkOwed(table, partOf, sizes, dealt.policy);
  const [policy, own] = match
    ? [`${dealt.policy}, from ${saved.path ?? "a saved split"}`, describeMatch(saved, match, partOf, sizes)]
    : [dealt.policy, []];
  const notes = [
    ...own,
    ...(sizes.note && !table.roles.split ? [sizes.note] : []),
    ...dealt.notes,
    ...carved,
    ...rareClasses(table, partOf),
  ];
  const { id, group, time, split: column } = table.roles;
  const by = group ?? time ?? column;
  return {
    train: rowsOf(partOf, TRAIN),
    validation: rowsOf(partOf, VALIDATION),
    test: rowsOf(partOf, TEST),
    ...(trainDev === undefined ? {} : { trainDev: rowsOf(partOf, TRAIN_DEV) }),
    policy: printable(`${policy}${trainDev === undefined ? "" : `, train-dev ${trainDev}`}`),
    notes: notes.map(printable),
    origin: {
      way: splitter.name,
      ...(by ? { by: by.name } : {}),
      ...(id ? { id: id.name } : {}),
      seed,
      sizing: given({ ...asked, trainDev }),
    },
  };
}

/** What was asked for; what is left to a saved split is as it was there, its sizes all together. */
function sizingOf(options: SplitOptions): SplitOrigin["sizing"] {
  const { trainDev, ...sizes } = options.saved?.sizing ?? {};
  const own = given(options);
  const resized = (["policy", "limit", "resolve", "test"] as const).some((key) => own[key] !== undefined);
  return { ...(resized ? {} : sizes), ...(trainDev === undefined ? {} : { trainDev }), ...own };
}

/** The settings that were given, apart from the seed. */
function given({ policy, limit, resolve, test, trainDev }: SplitOptions): SplitOrigin["sizing"] {
  return Object.fromEntries(Object.entries({ policy, limit, resolve, test, trainDev }).filter(([, value]) => value !== undefined));
}

function checkWays(table: Table, policy: string | undefined): void {
  const ways = (["split", "group", "time"] as const).filter((role) => table.roles[role]);
  if (ways.length > 1)
    throw new GradusError(
      `the split cannot go by ${ways.map((role) => `${role} ("${table.roles[role]!.name}")`).join(" and by ")} at once.`,
      {
        hint: "name one of --split-column, --group and --time.",
      },
    );
  if (table.roles.split && policy !== undefined)
    throw new GradusError(`the split is given by column "${table.roles.split.name}"; --split ${policy} contradicts it.`, {
      hint: "name one of --split and --split-column.",
    });
}

/** An id that stands twice names no row. */
export function checkIds({ source, roles }: Table): void {
  const column = roles.id as CategoricalColumn | undefined;
  if (!column) return;
  const first = new Int32Array(column.categories.length).fill(-1);
  for (let row = 0; row < column.codes.length; row++) {
    const code = column.codes[row]!;
    const before = first[code]!;
    first[code] = row;
    if (before < 0) continue;
    const repeated = countCategories(column).reduce((n, count) => n + (count > 1 ? 1 : 0), 0);
    throw new GradusError(
      `${source.path}: column "${column.name}" (--id) should name each row once; "${column.categories[code]}" stands in rows ${grouped(before + 1)} and ${grouped(row + 1)}${repeated > 1 ? `, and ${grouped(repeated - 1)} more values repeat` : ""}.`,
      { hint: `if rows of one value belong together: --group ${column.name}; if they are copies, remove them.` },
    );
  }
}

/**
 * Takes a train-dev set out of training: whole groups, or clusters of equal rows, stratified as the split itself.
 * @param partOf changes
 * @param saved parts of rows in a saved split: its train-dev rows stay, and where it has any, its training rows too
 */
function carveTrainDev(table: Table, partOf: Uint8Array, amount: string | number, seed: number, saved: Uint8Array | undefined): string[] {
  const train = rowsOf(partOf, TRAIN);
  const validation = trainDevRows(amount, train.length);
  const sizes = { train: train.length - validation, validation, test: 0 };
  const had = saved?.includes(TRAIN_DEV) === true;
  const kept = had ? saved!.map((part) => (part === TRAIN_DEV ? VALIDATION : part === TRAIN ? TRAIN : NONE)) : undefined;
  const taken = table.roles.group ? assignGroups(table, train, sizes, seed, kept) : assign(table, train, sizes, seed, kept);
  for (const row of train) if (taken.partOf[row] === VALIDATION) partOf[row] = TRAIN_DEV;
  return saved && !had ? ["the saved split had no train-dev set: its rows are taken from training"] : [];
}

/** A split column may name no test rows, which is said; any other way owes the parts that were asked for. */
function checkOwed(table: Table, partOf: Uint8Array, sizes: PartSizes, policy: string): void {
  const counts = countParts(partOf);
  const owed = sizes.test > 0 && !table.roles.split ? ([TRAIN, VALIDATION, TEST] as const) : ([TRAIN, VALIDATION] as const);
  for (const part of owed)
    if (counts[part] === 0)
      throw new GradusError(
        `${table.source.path}: the ${["training", "validation", "test"][part]} part would be empty (${grouped(table.rows)} rows, ${policy}).`,
        {
          hint: `more rows are needed${table.target?.task === "classification" ? ", of every class" : ""}${part === TEST ? ", or --split 80/20/0 for no test set" : ""}.`,
        },
      );
}

/** Classes that a part has no row of. */
function rareClasses({ target }: Table, partOf: Uint8Array): string[] {
  const { column } = target ?? {};
  if (column?.kind !== "categorical") return [];
  const rows = [TRAIN, VALIDATION, TEST].map(() => new Int32Array(column.categories.length));
  for (let row = 0; row < partOf.length; row++) if (partOf[row]! <= TEST) rows[partOf[row]!]![column.codes[row]!]! += 1;
  const names = ["training", "validation", "test"];
  const present = [TRAIN, VALIDATION, TEST].filter((part) => rows[part]!.some((n) => n > 0));
  const rare = column.categories.flatMap((name, code) => {
    const total = rows.reduce((sum, of) => sum + of[code]!, 0);
    const without = present.filter((part) => rows[part]![code] === 0).map((part) => names[part]);
    return total > 0 && without.length > 0
      ? [`${target!.name} "${name}" (${grouped(total)} ${total === 1 ? "row" : "rows"}) not in ${without.join(" and ")}`]
      : [];
  });
  if (rare.length === 0) return [];
  return [
    `${rare.slice(0, 3).join("; ")}${rare.length > 3 ? `; ${grouped(rare.length - 3)} more classes likewise` : ""}: nothing is measured of a class where it has no rows`,
  ];
}
