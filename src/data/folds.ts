/** Cross-validation: the same rows split several ways, each row validated once a round. */
import { GradusError } from "../util/errors.ts";
import { counted } from "../util/format.ts";
import { printable } from "../util/printable.ts";
import { allRows } from "./part.ts";
import { hashRows } from "./row-hash.ts";
import { orderByKey } from "./row-order.ts";
import { checkIds, type Parts } from "./splitter.ts";
import { breakUp, clusterCount, clusterRows, rowKeys, runsOf, type Clusters } from "./splitters/clusters.ts";
import { clusterLabels } from "./splitters/deal.ts";
import { strataOf, TOLERANCE } from "./splitters/random.ts";
import type { NumericColumn, Table } from "./table.ts";

export interface FoldOptions {
  /** How many folds; default 5. By time, so many after the first block. */
  readonly k?: number;
  /** Rounds, each dealt anew; default 1. */
  readonly repeats?: number;
  /** Default 1. */
  readonly seed?: number;
  /** The rows that take part, e.g. all but the test set; default all. */
  readonly rows?: Int32Array;
}

/** One training and its validation, to be fitted as any split. */
export interface Fold extends Parts {
  readonly table: Table;
  /** From 0. */
  readonly repeat: number;
  /** From 0. */
  readonly fold: number;
}

/**
 * k folds, once or several times: stratified by class, equal feature rows in one fold where they are few enough; with a group column whole
 * groups; with a time column forward chaining (k + 1 blocks; fold i trains on the blocks to i and validates on the next).
 * @example for (const fold of folds(table, { k: 5 })) await fit(model, fold)
 * @throws GradusError where there are fewer rows, groups or times than folds, or forward chaining is to be repeated
 */
export function folds(table: Table, { k = 5, repeats = 1, seed = 1, rows = allRows(table.rows) }: FoldOptions = {}): Fold[] {
  for (const [name, value, least] of [
    ["k", k, 2],
    ["repeats", repeats, 1],
  ] as const)
    if (!Number.isSafeInteger(value) || value < least)
      throw new GradusError(`folds: ${name} must be a whole number of at least ${least}, found ${value}.`);
  if (rows.length < k) throw new GradusError(`${table.source.path}: ${k} folds need as many rows, found ${rows.length}.`);
  checkIds(table);
  if (table.roles.time) {
    if (repeats > 1)
      throw new GradusError("forward chaining by time is always the same: it cannot be repeated.", {
        hint: "leave out repeats, or the time column.",
      });
    return forwardChain(table, rows, k);
  }
  return Array.from({ length: repeats }, (_, repeat) => round(table, rows, { k, repeats, repeat, seed })).flat();
}

const OUTSIDE = 0xffff;

interface Round {
  readonly k: number;
  readonly repeats: number;
  readonly repeat: number;
  readonly seed: number;
}

function round(table: Table, rows: Int32Array, { k, repeats, repeat, seed }: Round): Fold[] {
  const key = repeat === 0 ? seed : `${seed} round ${repeat}`;
  const { group } = table.roles;
  const { foldOf, notes } = group ? dealGroups(table, rows, k, key) : dealStratified(table, rows, k, key);
  const way = group ? ` by ${group.name}` : table.target?.column.kind === "categorical" ? " stratified" : "";
  const said = repeats > 1 ? ` of round ${repeat + 1}` : "";
  return Array.from({ length: k }, (_, fold) => ({
    table,
    repeat,
    fold,
    train: rows.filter((row) => foldOf[row] !== fold),
    validation: rows.filter((row) => foldOf[row] === fold),
    test: new Int32Array(0),
    policy: printable(`fold ${fold + 1} of ${k}${said}${way}, seed ${seed}`),
    notes: notes.map(printable),
  }));
}

/** The fold of every row. */
interface Dealt {
  readonly foldOf: Uint16Array;
  readonly notes: readonly string[];
}

function dealStratified(table: Table, rows: Int32Array, k: number, key: number | string): Dealt {
  const keys = rowKeys(table, key);
  const whole = clusterRows(table, rows, keys, key);
  const { labels, classes } = strataOf(table);
  const size = rows.length / k;
  const first = dealClusters(whole, labels, classes, k, table.rows);
  if (first.miss <= Math.max(1, TOLERANCE * size)) return { foldOf: first.foldOf, notes: [] };
  const large = TOLERANCE * size;
  const pieces = breakUp(table, whole, (from, to) => to - from > large, keys, key);
  return {
    foldOf: dealClusters(pieces, labels, classes, k, table.rows).foldOf,
    notes: [
      `rows with equal features are more than a fold takes (${counted(clusterCount(whole), "distinct row")}): large clusters stand in several folds`,
    ],
  };
}

function dealGroups(table: Table, rows: Int32Array, k: number, key: number | string): Dealt {
  const group = table.roles.group!;
  const keys = hashRows([group], table.rows, key);
  const groups = runsOf(orderByKey(keys, rows), keys);
  const number = clusterCount(groups);
  if (number < k)
    throw new GradusError(
      `${table.source.path}: column "${group.name}" (--group) has ${counted(number, "value")}; ${k} folds need as many groups.`,
      {
        hint: "ask for fewer folds, or name a column with more groups.",
      },
    );
  const { foldOf, miss } = dealClusters(groups, undefined, 1, k, table.rows);
  const uneven = miss > Math.max(1, TOLERANCE * (rows.length / k));
  return { foldOf, notes: [`groups of ${group.name}: ${number}, none on both sides${uneven ? "; large ones make the folds uneven" : ""}`] };
}

/**
 * Deals clusters to folds. Large ones first, each to the fold that lacks most of its stratum; of those alike the fold with fewest rows, then
 * the earlier. Single rows come last, class by class in the order of their keys, so that they even out what the others left.
 * @returns the fold of every row of the table (`OUTSIDE` elsewhere), and by how many rows the worst fold misses an equal share
 */
function dealClusters(
  clusters: Clusters,
  labels: Int32Array | undefined,
  classes: number,
  k: number,
  tableRows: number,
): { foldOf: Uint16Array; miss: number } {
  const { rows, starts } = clusters;
  const foldOf = new Uint16Array(tableRows).fill(OUTSIDE);
  const inStratum = new Float64Array(classes * k);
  const inFold = new Float64Array(k);
  const stratumOf = clusterLabels(clusters, labels, classes);
  const sizeAt = (c: number): number => starts[c + 1]! - starts[c]!;
  const large: number[] = [];
  for (let c = 0; c < clusterCount(clusters); c++) if (sizeAt(c) > 1) large.push(c);
  const give = (c: number): void => {
    const from = starts[c]!;
    const to = starts[c + 1]!;
    const s = stratumOf[c]!;
    let fold = 0;
    for (let f = 1; f < k; f++) {
      const more = inStratum[s * k + fold]! - inStratum[s * k + f]!;
      if (more > 0 || (more === 0 && inFold[f]! < inFold[fold]!)) fold = f;
    }
    inStratum[s * k + fold]! += to - from;
    inFold[fold]! += to - from;
    for (let i = from; i < to; i++) foldOf[rows[i]!] = fold;
  };
  for (const c of large.toSorted((a, b) => sizeAt(b) - sizeAt(a) || a - b)) give(c);
  // Class after class, so that what does not divide evens out over the folds.
  for (const c of orderByKey(Float64Array.from(stratumOf))) if (sizeAt(c) === 1) give(c);
  const share = rows.length / k;
  return { foldOf, miss: inFold.reduce((most, n) => Math.max(most, Math.abs(n - share)), 0) };
}

/** Blocks of about equal size, cut between two different times. */
function forwardChain(table: Table, rows: Int32Array, k: number): Fold[] {
  const { name, values } = table.roles.time as NumericColumn;
  const order = orderByKey(values, rows);
  const cuts = [0];
  for (let block = 1; block <= k; block++) {
    let at = Math.max(Math.round((block * order.length) / (k + 1)), cuts[block - 1]! + 1);
    while (at < order.length && values[order[at]!] === values[order[at - 1]!]) at += 1;
    cuts.push(at);
  }
  if (cuts[k]! >= order.length)
    throw new GradusError(
      `${table.source.path}: column "${name}" (--time) has too few distinct times for ${k} folds after a first block.`,
      {
        hint: "ask for fewer folds, or name a finer time column.",
      },
    );
  cuts.push(order.length);
  const end = table.roles.end as NumericColumn | undefined;
  return Array.from({ length: k }, (_, fold) => {
    const from = values[order[cuts[fold + 1]!]!]!;
    const before = order.subarray(0, cuts[fold + 1]!);
    return {
      table,
      repeat: 0,
      fold,
      // A forecast that reaches into the validation block would be known on both sides.
      train: (end ? before.filter((row) => end.values[row]! <= from) : before.slice()).sort(),
      validation: order.slice(cuts[fold + 1]!, cuts[fold + 2]!).sort(),
      test: new Int32Array(0),
      policy: printable(`fold ${fold + 1} of ${k} by ${name}, forward`),
      notes: [],
    };
  });
}
