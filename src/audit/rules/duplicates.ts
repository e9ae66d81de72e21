import { hashRows } from "../../data/row-hash.ts";
import type { Table } from "../../data/table.ts";
import { counted, grouped } from "../../util/format.ts";
import { wilsonInterval } from "../../util/statistics.ts";
import type { Pair } from "../../util/finding.ts";
import { defineAuditRule, type AuditPart, type Observation } from "../rule.ts";
import { listed, shareOf } from "../words.ts";

/** Pairs that a finding shows. */
const mostPairs = 100;

/** Rows whose features occur in more than one part. */
export const duplicates = defineAuditRule({
  name: "duplicates",
  title: "copies",
  what:
    "Rows are compared by a hash of all their features. A row that was trained on already tells nothing of new data, so copies in another part flatter the figures measured there. " +
    "Copies within the file are counted too: splits that Gradus makes keep equal rows in one part.",
  source: "D1: skore, Deepchecks; limits derived",
  when: "train",
  stops: false,
  limits: {
    share: { value: 0.05, means: "share of copies in a part above which a split that is given fails" },
  },
  check({ table, parts, given, place }, limits) {
    const keys = hashRows(table.columns, table.rows, 0);
    const across = parts.slice(1).flatMap((part, i): Observation[] => {
      const earlier = parts.slice(0, i + 1);
      const pairs = copiesOf(keys, earlier, part);
      if (pairs.length === 0) return [];
      const share = wilsonInterval(pairs.length, part.rows.length);
      const [first, copy] = pairs[0]!;
      const where = listed(earlier.map(({ name }) => name));
      return [
        {
          severity: given && share.value > limits.share ? "fail" : "warn",
          subject: part.name,
          message: `${grouped(pairs.length)} of ${counted(part.rows.length, `${part.name} row`)}, ${shareOf(share)}, are exact copies of rows in ${where}; the first: ${place(copy)} is ${place(first)}`,
          hint: given
            ? `measure ${part.name} without them, or split again with equal rows kept together`
            : "name what a row is with --id, or leave the copies out",
          numbers: { copies: pairs.length, rows: part.rows.length, share: share.value, low: share.low, high: share.high },
          pairs: pairs.slice(0, mostPairs),
        },
      ];
    });
    return [...across, ...within(table, keys, across.length > 0)];
  },
});

/** The first row in the earlier parts with the same key, for every row of a part that has one. */
export function copiesOf(keys: Float64Array, earlier: readonly AuditPart[], { rows }: AuditPart): Pair[] {
  const seen = new Map<number, number>();
  for (const part of earlier) for (const row of part.rows) if (!seen.has(keys[row]!)) seen.set(keys[row]!, row);
  const pairs: Pair[] = [];
  for (const row of rows) {
    const first = seen.get(keys[row]!);
    if (first !== undefined) pairs.push([first, row]);
  }
  return pairs;
}

/** Rows of one file that repeat, with and without the target. */
function within(table: Table, keys: Float64Array, found: boolean): Observation[] {
  const byFeatures = repeated(keys);
  const whole = table.target ? repeated(hashRows([...table.columns, table.target.column], table.rows, 0)) : byFeatures;
  const numbers = {
    repeatedRows: whole.distinct,
    extraCopies: whole.extra,
    repeatedFeatures: byFeatures.distinct,
    extraByFeatures: byFeatures.extra,
  };
  if (byFeatures.distinct === 0) return [{ severity: "pass", message: "no row occurs twice", numbers }];
  const count = ({ distinct, extra }: typeof whole) =>
    distinct === 0
      ? "no row occurs twice"
      : `${counted(distinct, "distinct row")} ${distinct === 1 ? "occurs" : "occur"} more than once (${counted(extra, "extra copy", "extra copies")})`;
  const alone = table.target ? `; by the features alone ${grouped(byFeatures.distinct)} (${grouped(byFeatures.extra)})` : "";
  const message = `in the whole file ${count(whole)}${alone}${found ? "" : ", none of them in two parts"}`;
  return [{ severity: found ? "note" : "pass", message, numbers, pairs: byFeatures.pairs }];
}

function repeated(keys: Float64Array): { readonly distinct: number; readonly extra: number; readonly pairs: readonly Pair[] } {
  const counts = new Map<number, number>();
  const first = new Map<number, number>();
  const pairs: Pair[] = [];
  keys.forEach((key, row) => {
    const before = counts.get(key) ?? 0;
    counts.set(key, before + 1);
    if (before === 0) first.set(key, row);
    else if (pairs.length < mostPairs) pairs.push([first.get(key)!, row]);
  });
  let [distinct, extra] = [0, 0];
  for (const count of counts.values()) {
    if (count === 1) continue;
    distinct += 1;
    extra += count - 1;
  }
  return { distinct, extra, pairs };
}
