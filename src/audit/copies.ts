/** Rows with equal features, by their hashes. */
import { orderByKey } from "../data/row-order.ts";
import { hashRows } from "../data/row-hash.ts";
import { selectColumn, type Column } from "../data/table.ts";
import type { Pair } from "../util/finding.ts";
import type { AuditPart } from "./rule.ts";

/** Which rows are equal. */
export interface Equal {
  /** The number of each row's group, −1 where no other row is like it: [rows]. */
  readonly groupOf: Int32Array;
  /** The groups, in the order of their first rows; rows ascending. */
  readonly groups: readonly Int32Array[];
}

/** Rows with equal values in all columns. */
export function equalRows(columns: readonly Column[], rows: number): Equal {
  const keys = hashRows(columns, rows, "audit");
  const order = orderByKey(keys);
  const groups: Int32Array[] = [];
  for (let from = 0, to = 1; from < rows; from = to++) {
    while (to < rows && keys[order[to]!] === keys[order[from]!]) to++;
    if (to - from > 1) groups.push(order.slice(from, to));
  }
  groups.sort((a, b) => a[0]! - b[0]!);
  const groupOf = new Int32Array(rows).fill(-1);
  groups.forEach((group, i) => {
    for (const row of group) groupOf[row] = i;
  });
  return { groupOf, groups };
}

/** The groups of rows that are equal in one more column. */
export function refined({ groups }: Pick<Equal, "groups">, column: Column): readonly Int32Array[] {
  const rows = Int32Array.from(groups.flatMap((group) => [...group]));
  const number = new Float64Array(rows.length);
  let at = 0;
  groups.forEach((group, i) => number.fill(i, at, (at += group.length)));
  const among = [{ name: "group", kind: "numeric", sqlType: "DOUBLE", values: number } as const, selectColumn(column, rows)];
  return equalRows(among, rows.length)
    .groups.map((group) => group.map((place) => rows[place]!))
    .toSorted((a, b) => a[0]! - b[0]!);
}

/** The first row in the earlier parts that is equal, for every row of a part that has one. */
export function copiesOf({ groupOf, groups }: Equal, earlier: readonly AuditPart[], { rows }: AuditPart): Pair[] {
  const first = new Int32Array(groups.length).fill(-1);
  for (const part of earlier)
    for (const row of part.rows) {
      const group = groupOf[row]!;
      if (group >= 0 && first[group]! < 0) first[group] = row;
    }
  const pairs: Pair[] = [];
  for (const row of rows) {
    const group = groupOf[row]!;
    if (group >= 0 && first[group]! >= 0) pairs.push([first[group]!, row]);
  }
  return pairs;
}
