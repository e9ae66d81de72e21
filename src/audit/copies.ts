/** Rows with equal features, by their hashes. */
import { hashRows } from "../data/row-hash.ts";
import type { Column } from "../data/table.ts";
import type { Pair } from "../util/finding.ts";
import type { AuditPart } from "./rule.ts";

/** A key per row, and the keys that occur more than once. */
export interface Keyed {
  readonly keys: Float64Array;
  readonly repeated: ReadonlySet<number>;
}

export function keyRows(columns: readonly Column[], rows: number): Keyed {
  const keys = hashRows(columns, rows, "audit");
  const sorted = keys.slice().sort();
  const repeated = new Set<number>();
  for (let i = 1; i < sorted.length; i++) if (sorted[i] === sorted[i - 1]) repeated.add(sorted[i]!);
  return { keys, repeated };
}

/** The first row in the earlier parts with the same key, for every row of a part that has one. */
export function copiesOf({ keys, repeated }: Keyed, earlier: readonly AuditPart[], { rows }: AuditPart): Pair[] {
  const seen = new Map<number, number>();
  for (const part of earlier) for (const row of part.rows) if (repeated.has(keys[row]!) && !seen.has(keys[row]!)) seen.set(keys[row]!, row);
  const pairs: Pair[] = [];
  for (const row of rows) {
    const first = seen.get(keys[row]!);
    if (first !== undefined) pairs.push([first, row]);
  }
  return pairs;
}

/** The groups of rows that share a key, ascending, in the order of their first rows. */
export function groupsOf({ keys, repeated }: Keyed): readonly (readonly number[])[] {
  const groups = new Map<number, number[]>();
  if (repeated.size === 0) return [];
  keys.forEach((key, row) => {
    if (!repeated.has(key)) return;
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  });
  return [...groups.values()];
}
