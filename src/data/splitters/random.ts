/** At random, stratified by class, equal feature rows in one part. */
import { hashRows } from "../row-hash.ts";
import type { PartSizes } from "../part-sizes.ts";
import type { Splitter } from "../splitter.ts";
import { grouped, type Table } from "../table.ts";

export const random: Splitter = {
  name: "random",
  applies: () => true,
  split({ table, sizes, seed }) {
    const all = Int32Array.from({ length: table.rows }, (_, row) => row);
    const { parts, together } = assign(table, all, sizes, seed);
    const classes = table.target?.column.kind === "categorical";
    return {
      ...parts,
      policy: `${sizes.policy}${classes ? " stratified" : ""}, seed ${seed}`,
      notes:
        together > 0
          ? [
              `${together === 1 ? "1 row repeats" : `${grouped(together)} rows repeat`} the features of another; equal rows kept in one part`,
            ]
          : [],
    };
  },
};

/**
 * Deals rows to parts. In each stratum (class) the clusters of equal rows stand in the order of their keys; test takes the first that fit
 * its share, validation the next, training the rest. A cluster with several labels counts in the stratum of its first row.
 * @returns the parts, and how many rows repeat the features of an earlier one
 */
export function assign(
  table: Table,
  rows: Int32Array,
  sizes: Pick<PartSizes, "train" | "validation" | "test">,
  seed: number,
): { parts: Record<"train" | "validation" | "test", Int32Array>; together: number } {
  const clusters = clusterRows(table, rows, seed);
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
  const parts: Record<"train" | "validation" | "test", number[]> = { train: [], validation: [], test: [] };
  codes.forEach((code, i) => {
    const room = { test: test[i]!, validation: validation[i]! };
    for (const cluster of strata.get(code)!) {
      const part = room.test >= cluster.length ? "test" : room.validation >= cluster.length ? "validation" : "train";
      if (part !== "train") room[part] -= cluster.length;
      for (const row of cluster) parts[part].push(row);
    }
  });
  return {
    parts: { train: ascending(parts.train), validation: ascending(parts.validation), test: ascending(parts.test) },
    together: rows.length - clusters.length,
  };
}

/** Rows with equal features, each cluster ascending, in the order of their keys: of the features, or of the id where there is one. */
function clusterRows(table: Table, rows: Int32Array, seed: number): Int32Array[] {
  const features = hashRows(table.columns, table.rows, seed);
  const order = rows.toSorted((a, b) => features[a]! - features[b]! || a - b);
  const clusters: Int32Array[] = [];
  for (let from = 0, to = 1; from < order.length; from = to++) {
    while (to < order.length && features[order[to]!] === features[order[from]!]) to++;
    clusters.push(order.subarray(from, to));
  }
  if (!table.roles.id) return clusters;
  const ids = hashRows([table.roles.id], table.rows, seed);
  return clusters
    .map((cluster) => ({ cluster, key: cluster.reduce((least, row) => Math.min(least, ids[row]!), Infinity) }))
    .toSorted((a, b) => a.key - b.key || a.cluster[0]! - b.cluster[0]!)
    .map(({ cluster }) => cluster);
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
