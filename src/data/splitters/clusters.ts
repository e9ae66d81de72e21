/** Rows that stand together because their features are equal, in the order of their keys. */
import { hashRows } from "../row-hash.ts";
import { orderByKey } from "../row-order.ts";
import type { NumericColumn, Table } from "../table.ts";

/** Cluster c has the rows from `rows[starts[c]]` to before `rows[starts[c + 1]]`, ascending. */
export interface Clusters {
  readonly rows: Int32Array;
  /** [clusters + 1] */
  readonly starts: Int32Array;
}

export const clusterCount = ({ starts }: Clusters): number => starts.length - 1;

/** The keys that order the rows: of the id where there is one, else of the features. */
export function rowKeys(table: Table, seed: number | string): Float64Array {
  return hashRows(table.roles.id ? [table.roles.id] : table.columns, table.rows, seed);
}

/** Rows with equal features, in the order of their (least) keys. */
export function clusterRows(table: Table, rows: Int32Array, keys: Float64Array, seed: number | string): Clusters {
  const features = table.roles.id ? hashRows(table.columns, table.rows, seed) : keys;
  const clusters = runsOf(orderByKey(features, rows), features);
  return table.roles.id ? inOrder(clusters, leastKeys(clusters, keys)) : clusters;
}

/** Runs of equal keys in an order by key. */
export function runsOf(order: Int32Array, keys: Float64Array): Clusters {
  const starts = new Int32Array(order.length + 1);
  let [count, before] = [0, NaN];
  for (let i = 0; i < order.length; i++) {
    const key = keys[order[i]!]!;
    if (key !== before) starts[count++] = i;
    before = key;
  }
  starts[count] = order.length;
  return { rows: order, starts: starts.slice(0, count + 1) };
}

function leastKeys({ rows, starts }: Clusters, keys: Float64Array): Float64Array {
  const least = new Float64Array(starts.length - 1).fill(Infinity);
  for (let c = 0; c < least.length; c++) for (let i = starts[c]!; i < starts[c + 1]!; i++) least[c] = Math.min(least[c]!, keys[rows[i]!]!);
  return least;
}

/** @param keys one a cluster */
function inOrder(clusters: Clusters, keys: Float64Array): Clusters {
  const rows = new Int32Array(clusters.rows.length);
  const starts = new Int32Array(clusters.starts.length);
  let [at, filled] = [0, 0];
  for (const cluster of orderByKey(keys)) {
    const members = clusters.rows.subarray(clusters.starts[cluster]!, clusters.starts[cluster + 1]!);
    rows.set(members, filled);
    filled += members.length;
    starts[++at] = filled;
  }
  return { rows, starts };
}

/** Some clusters as single rows, everything in the order of the keys again. @param keys of the rows, of {@link rowKeys} */
export function breakUp(
  table: Table,
  clusters: Clusters,
  broken: (from: number, to: number) => boolean,
  keys: Float64Array,
  seed: number | string,
): Clusters {
  const { rows, starts } = clusters;
  const single = table.roles.id ? keys : singleKeys(table, clusters, keys, seed);
  const pieces: number[] = [0];
  const alone = new Uint8Array(rows.length);
  for (let c = 0; c + 1 < starts.length; c++) {
    const from = starts[c]!;
    const to = starts[c + 1]!;
    if (to - from > 1 && broken(from, to)) {
      alone.fill(1, from, to);
      for (let i = from + 1; i < to; i++) pieces.push(i);
    }
    pieces.push(to);
  }
  const whole = { rows, starts: Int32Array.from(pieces) };
  const pieceKeys = leastKeys(whole, keys);
  for (let piece = 0; piece < pieceKeys.length; piece++) {
    const at = whole.starts[piece]!;
    if (alone[at] === 1) pieceKeys[piece] = single[rows[at]!]!;
  }
  return inOrder(whole, pieceKeys);
}

/**
 * A key of its own for each of several rows with equal features: of these, its label and its place among those alike, so that a row
 * keeps it wherever it stands, and whatever is appended.
 */
export function singleKeys(table: Table, { rows, starts }: Clusters, keys: Float64Array, seed: number | string): Float64Array {
  const labels = table.target ? hashRows([table.target.column], table.rows, "label") : new Float64Array(table.rows);
  const places = new Float64Array(table.rows);
  for (let c = 0; c + 1 < starts.length; c++) {
    if (starts[c + 1]! - starts[c]! < 2) continue;
    const seen = new Map<number, number>();
    for (let i = starts[c]!; i < starts[c + 1]!; i++) {
      const label = labels[rows[i]!]!;
      const place = seen.get(label) ?? 0;
      places[rows[i]!] = place;
      seen.set(label, place + 1);
    }
  }
  return hashRows([column(keys), column(labels), column(places)], table.rows, `${seed} single`);
}

const column = (values: Float64Array): NumericColumn => ({ name: "", kind: "numeric", sqlType: "DOUBLE", values });
