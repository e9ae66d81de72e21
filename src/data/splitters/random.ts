/** At random, stratified by class, equal feature rows in one part where they are few enough. */
import { allRows, NONE, TEST, TRAIN, VALIDATION } from "../part.ts";
import type { Splitter } from "../splitter.ts";
import { grouped, type Table } from "../table.ts";
import { breakUp, clusterCount, clusterRows, rowKeys, type Clusters } from "./clusters.ts";
import { deal, type Dealing, type Wanted } from "./deal.ts";

export const random: Splitter = {
  name: "random",
  applies: () => true,
  split({ table, sizes, seed, kept }) {
    const all = allRows(table.rows);
    const classes = table.target?.column.kind === "categorical";
    return { ...assign(table, all, sizes, seed, kept), policy: `${sizes.policy}${classes ? " stratified" : ""}, seed ${seed}` };
  },
};

/** Validation and test may miss their sizes by this share (or by one row) before clusters of equal rows are broken up. */
export const TOLERANCE = 0.2;

/**
 * Deals rows to parts, rows with equal features to one part where the sizes allow it. Where the clusters of equal rows are so large that a
 * part would be empty or miss its size by more than a fifth, the large ones are dealt row by row, and the notes say so.
 * @param kept parts that rows of the table have already; what they lack is filled
 * @returns the part of every row of the table, `NONE` for others than the given ones
 */
export function assign(
  table: Table,
  rows: Int32Array,
  sizes: Wanted,
  seed: number | string,
  kept?: Uint8Array,
): { partOf: Uint8Array; notes: string[] } {
  const keys = rowKeys(table, seed);
  const whole = clusterRows(table, rows, keys, seed);
  const dealing = { ...strataOf(table), sizes, kept };
  const { partOf } = kept
    ? best(table.rows, wantedAtLeast(sizes, rows, kept), refillings({ ...dealing, clusters: breakUpKept(table, whole, keys, seed, kept) }))
    : best(table.rows, sizes, dealings(table, { ...dealing, clusters: whole }, keys, seed));
  return { partOf, notes: notesOf(whole, partOf, rows.length) };
}

/** The classes that are dealt apart. */
export function strataOf({ target }: Table): Pick<Dealing, "labels" | "classes"> {
  const { column } = target ?? {};
  return column?.kind === "categorical" ? { labels: column.codes, classes: column.categories.length } : { labels: undefined, classes: 1 };
}

type Attempt = (partOf: Uint8Array) => [number, number, number];

function dealings(table: Table, dealing: Dealing, keys: Float64Array, seed: number | string): Attempt[] {
  const { clusters, sizes } = dealing;
  const large = TOLERANCE * Math.min(...[sizes.validation, sizes.test].filter((size) => size > 0));
  const piecewise =
    (above: number): Attempt =>
    (partOf) =>
      deal({ ...dealing, clusters: breakUp(table, clusters, (from, to) => to - from > above, keys, seed) }, false, partOf);
  if (clusterCount(clusters) === clusters.rows.length) return [(partOf) => deal(dealing, false, partOf)];
  return [(partOf) => deal(dealing, false, partOf), (partOf) => deal(dealing, true, partOf), piecewise(large), piecewise(1)];
}

const refillings = (dealing: Dealing): Attempt[] => [(partOf) => deal(dealing, false, partOf), (partOf) => deal(dealing, true, partOf)];

/** The attempt that misses least, the first of equals. */
function best(rows: number, sizes: Wanted, attempts: readonly Attempt[]): { partOf: Uint8Array; miss: number } {
  let found: { partOf: Uint8Array; miss: number } | undefined;
  for (const attempt of attempts) {
    const partOf = new Uint8Array(rows).fill(NONE);
    const miss = missOf(attempt(partOf), sizes);
    if (!found || miss < found.miss) found = { partOf, miss };
    if (miss === 0) break;
  }
  return found!;
}

/** How far validation and test are beyond what is tolerated, as shares of their sizes; an empty part is farther than any other. */
function missOf(filled: readonly [number, number, number], sizes: Wanted): number {
  const miss = (wanted: number, rows: number): number => {
    const off = Math.abs(rows - wanted);
    if (wanted > 0 && rows === 0) return 100;
    return off <= Math.max(1, TOLERANCE * wanted) ? 0 : off / wanted;
  };
  return miss(sizes.validation, filled[VALIDATION]) + miss(sizes.test, filled[TEST]);
}

/** Rows that have a part keep it, so no part becomes smaller than they are. */
function wantedAtLeast(sizes: Wanted, rows: Int32Array, kept: Uint8Array): Wanted {
  const counts = [0, 0, 0];
  for (const row of rows) if (kept[row] !== NONE) counts[kept[row]!]! += 1;
  return {
    train: Math.max(sizes.train, counts[TRAIN]!),
    validation: Math.max(sizes.validation, counts[VALIDATION]!),
    test: Math.max(sizes.test, counts[TEST]!),
  };
}

/** Equal rows that stood in several parts stay there. */
function breakUpKept(table: Table, clusters: Clusters, keys: Float64Array, seed: number | string, kept: Uint8Array): Clusters {
  const { rows } = clusters;
  const apart = (from: number, to: number): boolean => {
    let part = NONE;
    for (let i = from; i < to; i++) {
      const own = kept[rows[i]!]!;
      if (own !== NONE && part !== NONE && own !== part) return true;
      if (own !== NONE) part = own;
    }
    return false;
  };
  for (let c = 0; c < clusterCount(clusters); c++)
    if (clusters.starts[c + 1]! - clusters.starts[c]! > 1 && apart(clusters.starts[c]!, clusters.starts[c + 1]!))
      return breakUp(table, clusters, apart, keys, seed);
  return clusters;
}

function notesOf({ rows, starts }: Clusters, partOf: Uint8Array, dealt: number): string[] {
  const distinct = starts.length - 1;
  if (distinct === dealt) return [];
  let apart = 0;
  for (let c = 0; c < distinct; c++) {
    const from = starts[c]!;
    const to = starts[c + 1]!;
    const first = partOf[rows[from]!];
    for (let i = from + 1; i < to; i++)
      if (partOf[rows[i]!] !== first) {
        apart += to - from;
        break;
      }
  }
  if (apart > 0)
    return [
      `${grouped(apart)} rows with equal features stand in more than one part: of ${grouped(dealt)} rows only ${grouped(distinct)} are distinct`,
    ];
  const together = dealt - distinct;
  return [`${together === 1 ? "1 row repeats" : `${grouped(together)} rows repeat`} the features of another; equal rows kept in one part`];
}
