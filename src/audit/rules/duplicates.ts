import { mostRepeated } from "../../data/copied-rows.ts";
import type { Table } from "../../data/table.ts";
import { counted, grouped } from "../../util/format.ts";
import { wilsonInterval } from "../../util/statistics.ts";
import type { Pair } from "../../util/finding.ts";
import { copiesOf, refined, type Equal } from "../copies.ts";
import { defineAuditRule, type Observation } from "../rule.ts";
import { listed, shareOf } from "../words.ts";

/** Pairs that a finding shows. */
const mostPairs = 20;

/** Rows whose features occur in more than one part. */
export const duplicates = defineAuditRule({
  name: "duplicates",
  title: "copies",
  what:
    "Rows are compared by a hash of all their features. A row that was trained on already tells nothing of new data, so copies in another part flatter the figures measured there. " +
    "Copies within the file are counted too: splits that Gradus makes keep equal rows in one part. Where most training rows repeat each other, the features do not tell rows apart, and copies are no leak; nor are windows of a series that repeats itself.",
  source: "skore, Deepchecks; limits derived",
  when: "train",
  stops: false,
  limits: {
    share: { value: 0.05, means: "share of copies in a part above which a split that is given fails" },
    coarse: {
      value: mostRepeated,
      means: "share of training rows that repeat another one, above which copies are to be expected and only noted",
    },
  },
  check({ table, parts, given, place, equal }, limits) {
    const { groupOf } = equal();
    const train = parts[0]!.rows;
    const coarse = train.reduce((count, row) => count + (groupOf[row]! >= 0 ? 1 : 0), 0) > limits.coarse * train.length;
    const windows = table.sequences?.windows !== undefined;
    const across = parts.slice(1).flatMap((part, i): Observation[] => {
      const earlier = parts.slice(0, i + 1);
      const pairs = copiesOf(equal(), earlier, part);
      if (pairs.length === 0) return [];
      const share = wilsonInterval(pairs.length, part.rows.length);
      const [first, copy] = pairs[0]!;
      const where = listed(earlier.map(({ name }) => name));
      return [
        {
          severity: coarse || windows ? "note" : given && share.value > limits.share ? "fail" : "warn",
          part: part.name,
          message: `${grouped(pairs.length)} of ${counted(part.rows.length, `${part.name} row`)}, ${shareOf(share)}, are exact copies of rows in ${where}; the first: ${place(copy)} is ${place(first)}`,
          hint: windows
            ? "the series repeats itself: what came after a window may be another thing each time"
            : coarse
              ? "most training rows repeat each other too: the features do not tell rows apart, so these are no copies of one thing"
              : given
                ? `measure ${part.name} without them, or split again with equal rows kept together`
                : "name what a row is with --id, or leave the copies out",
          numbers: { copies: pairs.length, rows: part.rows.length, share: share.value, low: share.low, high: share.high },
          pairs: pairs.slice(0, mostPairs),
        },
      ];
    });
    return [...across, ...within(table, equal(), across.length > 0)];
  },
});

/** Rows of one file that repeat, with and without the target. */
function within(table: Table, features: Equal, found: boolean): Observation[] {
  const byFeatures = repeated(features.groups);
  const whole = table.target ? repeated(refined(features, table.target.column)) : byFeatures;
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
  return [{ severity: "note", message, numbers, pairs: byFeatures.pairs }];
}

function repeated(groups: readonly Int32Array[]): { readonly distinct: number; readonly extra: number; readonly pairs: readonly Pair[] } {
  return {
    distinct: groups.length,
    extra: groups.reduce((sum, group) => sum + group.length - 1, 0),
    pairs: groups.slice(0, mostPairs).map((group) => [group[0]!, group[1]!]),
  };
}
