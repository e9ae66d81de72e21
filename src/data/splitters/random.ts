/** At random, stratified by class, equal feature rows in one part where they are few enough. */
import { hashRows } from "../row-hash.ts";
import type { PartSizes } from "../part-sizes.ts";
import type { Splitter } from "../splitter.ts";
import { grouped, type Table } from "../table.ts";

type Part = "train" | "validation" | "test";
type Wanted = Pick<PartSizes, "train" | "validation" | "test">;

export const random: Splitter = {
  name: "random",
  applies: () => true,
  split({ table, sizes, seed }) {
    const all = Int32Array.from({ length: table.rows }, (_, row) => row);
    const { parts, notes } = assign(table, all, sizes, seed);
    const classes = table.target?.column.kind === "categorical";
    return { ...parts, policy: `${sizes.policy}${classes ? " stratified" : ""}, seed ${seed}`, notes };
  },
};

/** Validation and test may miss their sizes by this share (or by one row) before clusters of equal rows are broken up. */
const TOLERANCE = 0.2;

/**
 * Deals rows to parts, rows with equal features to one part where the sizes allow it. Where the clusters of equal rows are so large that a
 * part would be empty or miss its size by more than a fifth, the large ones are dealt row by row, and the notes say so.
 */
export function assign(table: Table, rows: Int32Array, sizes: Wanted, seed: number): { parts: Record<Part, Int32Array>; notes: string[] } {
  const keys = hashRows(table.roles.id ? [table.roles.id] : table.columns, table.rows, seed);
  const clusters = clusterRows(table, rows, keys, seed);
  const large = TOLERANCE * Math.min(...[sizes.validation, sizes.test].filter((size) => size > 0));
  const attempts: (() => Record<Part, number[]>)[] = [() => deal(table, clusters, sizes, false)];
  if (clusters.length < rows.length)
    attempts.push(
      () => deal(table, clusters, sizes, true),
      () => deal(table, breakUp(table, clusters, large, keys, seed), sizes, false),
      () => deal(table, breakUp(table, clusters, 1, keys, seed), sizes, false),
    );
  let best: { parts: Record<Part, number[]>; miss: number } | undefined;
  for (const attempt of attempts) {
    const parts = attempt();
    const miss = missOf(parts, sizes);
    if (!best || miss < best.miss) best = { parts, miss };
    if (miss === 0) break;
  }
  const { train, validation, test } = best!.parts;
  const parts = { train: ascending(train), validation: ascending(validation), test: ascending(test) };
  return { parts, notes: notesOf(clusters, parts, rows.length, table.rows) };
}

/** How far validation and test are beyond what is tolerated, as shares of their sizes; an empty part is farther than any other. */
function missOf(parts: Record<Part, number[]>, sizes: Wanted): number {
  const miss = (part: "validation" | "test"): number => {
    const off = Math.abs(parts[part].length - sizes[part]);
    if (sizes[part] > 0 && parts[part].length === 0) return 100;
    return off <= Math.max(1, TOLERANCE * sizes[part]) ? 0 : off / sizes[part];
  };
  return miss("validation") + miss("test");
}

/**
 * In each stratum (class) the clusters stand in the order of their keys; test takes the first that fit its share, validation the next,
 * training the rest. A cluster with several labels counts in the stratum of its first row.
 * @param over a cluster is also taken where the part ends nearer to its share with it than without
 */
function deal(table: Table, clusters: readonly Int32Array[], sizes: Wanted, over: boolean): Record<Part, number[]> {
  const labels = table.target?.column.kind === "categorical" ? table.target.column.codes : undefined;
  const strata = new Map<number, Int32Array[]>();
  for (const cluster of clusters) {
    const label = labels ? labels[cluster[0]!]! : 0;
    const stratum = strata.get(label);
    if (stratum) stratum.push(cluster);
    else strata.set(label, [cluster]);
  }
  const codes = [...strata.keys()].toSorted((a, b) => a - b);
  const counts = codes.map((code) => strata.get(code)!.reduce((sum, cluster) => sum + cluster.length, 0));
  // One row of each class is left for training before the others take theirs.
  const test = apportion(
    sizes.test,
    counts,
    counts.map((count) => count - 1),
  );
  const validation = apportion(
    sizes.validation,
    counts,
    counts.map((count, i) => count - 1 - test[i]!),
  );
  const parts: Record<Part, number[]> = { train: [], validation: [], test: [] };
  codes.forEach((code, i) => {
    const room = { test: test[i]!, validation: validation[i]! };
    const stratum = strata.get(code)!;
    const before = parts.train.length;
    stratum.forEach((cluster, at) => {
      const fits = (part: "test" | "validation"): boolean => (over ? 2 * room[part] > cluster.length : room[part] >= cluster.length);
      const needed = at === stratum.length - 1 && parts.train.length === before;
      const part = needed ? "train" : fits("test") ? "test" : fits("validation") ? "validation" : "train";
      if (part !== "train") room[part] -= cluster.length;
      for (const row of cluster) parts[part].push(row);
    });
  });
  return parts;
}

/** Rows with equal features, each cluster ascending, in the order of their keys. */
function clusterRows(table: Table, rows: Int32Array, keys: Float64Array, seed: number): Int32Array[] {
  const features = table.roles.id ? hashRows(table.columns, table.rows, seed) : keys;
  const order = rows.toSorted((a, b) => features[a]! - features[b]! || a - b);
  const clusters: Int32Array[] = [];
  for (let from = 0, to = 1; from < order.length; from = to++) {
    while (to < order.length && features[order[to]!] === features[order[from]!]) to++;
    clusters.push(order.subarray(from, to));
  }
  return table.roles.id ? inOrder(clusters, (cluster) => leastKey(cluster, keys)) : clusters;
}

const leastKey = (cluster: Int32Array, keys: Float64Array): number => cluster.reduce((least, row) => Math.min(least, keys[row]!), Infinity);

const inOrder = (clusters: readonly Int32Array[], keyOf: (cluster: Int32Array) => number): Int32Array[] =>
  clusters
    .map((cluster) => ({ cluster, key: keyOf(cluster) }))
    .toSorted((a, b) => a.key - b.key || a.cluster[0]! - b.cluster[0]!)
    .map(({ cluster }) => cluster);

/** Clusters above a size as single rows, these ordered by their ids, or by hashes of their row numbers. */
function breakUp(table: Table, clusters: readonly Int32Array[], above: number, keys: Float64Array, seed: number): Int32Array[] {
  const numbers = {
    name: "row",
    kind: "numeric",
    sqlType: "BIGINT",
    values: Float64Array.from({ length: table.rows }, (_, row) => row),
  } as const;
  const single = table.roles.id ? keys : hashRows([numbers], table.rows, seed);
  const broken = new Set<number>();
  const pieces = clusters.flatMap((cluster) => {
    if (cluster.length <= above) return [cluster];
    for (const row of cluster) broken.add(row);
    return Array.from(cluster, (row) => Int32Array.of(row));
  });
  return inOrder(pieces, (piece) => (broken.has(piece[0]!) ? single[piece[0]!]! : leastKey(piece, keys)));
}

function notesOf(clusters: readonly Int32Array[], parts: Record<Part, Int32Array>, dealt: number, rows: number): string[] {
  if (clusters.length === dealt) return [];
  const partOf = new Uint8Array(rows);
  [parts.train, parts.validation, parts.test].forEach((members, part) => members.forEach((row) => (partOf[row] = part)));
  const apart = clusters
    .filter((cluster) => cluster.some((row) => partOf[row] !== partOf[cluster[0]!]))
    .reduce((sum, cluster) => sum + cluster.length, 0);
  if (apart > 0)
    return [
      `${grouped(apart)} rows with equal features stand in more than one part: of ${grouped(dealt)} rows only ${grouped(clusters.length)} are distinct`,
    ];
  const together = dealt - clusters.length;
  return [`${together === 1 ? "1 row repeats" : `${grouped(together)} rows repeat`} the features of another; equal rows kept in one part`];
}

/** Row numbers in the file's order. */
export const ascending = (rows: readonly number[]): Int32Array => Int32Array.from(rows).sort();

/**
 * Shares of a total in proportion to counts, whole numbers by the largest remainder (ties to the earlier), none above its cap.
 * They sum to the total unless the caps forbid it.
 */
export function apportion(total: number, counts: readonly number[], caps: readonly number[]): number[] {
  const sum = counts.reduce((a, b) => a + b, 0);
  const exact = counts.map((count) => (total * count) / sum);
  const shares = exact.map((share, i) => Math.max(0, Math.min(Math.floor(share), caps[i]!)));
  let left = total - shares.reduce((a, b) => a + b, 0);
  const byRemainder = exact
    .map((share, i) => ({ i, remainder: share - Math.floor(share) }))
    .toSorted((a, b) => b.remainder - a.remainder || a.i - b.i);
  for (let given = true; left > 0 && given;) {
    given = false;
    for (const { i } of byRemainder) {
      if (left === 0 || shares[i]! >= caps[i]!) continue;
      shares[i]! += 1;
      left -= 1;
      given = true;
    }
  }
  return shares;
}
