import { counted, grouped } from "../../util/format.ts";
import type { Pair } from "../../util/finding.ts";
import { defineAuditRule } from "../rule.ts";
import { percent } from "../words.ts";

/** Equal features, different classes. */
export const conflictingLabels = defineAuditRule({
  name: "conflicting-labels",
  title: "labels",
  what:
    "Rows whose features are all equal and whose classes differ: either a label is wrong, or the features do not tell. " +
    "What the rarer labels of such rows add up to is an error that no rule on these features gets below, on this file.",
  source: "Deepchecks",
  when: "train",
  stops: false,
  limits: {},
  check({ table, place, equal }) {
    const column = table.target?.column;
    if (column?.kind !== "categorical") return [];
    let [distinct, rows, lost] = [0, 0, 0];
    const pairs: Pair[] = [];
    for (const group of equal().groups) {
      const other = group.find((row) => column.codes[row] !== column.codes[group[0]!]);
      if (other === undefined) continue;
      const counts = new Map<number, number>();
      for (const row of group) counts.set(column.codes[row]!, (counts.get(column.codes[row]!) ?? 0) + 1);
      distinct += 1;
      rows += group.length;
      lost += group.length - Math.max(...counts.values());
      if (pairs.length < 20) pairs.push([group[0]!, other]);
    }
    const floor = lost / table.rows;
    const numbers = { distinct, rows, of: table.rows, floor };
    if (distinct === 0) return [{ severity: "pass", message: "rows with equal features have equal labels", numbers }];
    const [first, second] = pairs[0]!;
    const label = (row: number) => `${place(row)} "${column.categories[column.codes[row]!]}"`;
    return [
      {
        severity: "warn",
        message: `${counted(distinct, "distinct row of features", "distinct rows of features")} (${grouped(rows)} of ${counted(table.rows, "row")}) ${distinct === 1 ? "has" : "have"} more than one label: no rule on these features gets below ${percent(floor)} errors on this file; the first: ${label(first)}, ${label(second)}`,
        hint: "look at them: mend wrong labels, or take an error of that size for the best there is",
        numbers,
        pairs,
      },
    ];
  },
});
