import type { CategoricalColumn, NumericColumn } from "../../data/table.ts";
import { contingency, totalVariation } from "../../util/hypothesis.ts";
import { kolmogorovSmirnov } from "../../util/kolmogorov-smirnov.ts";
import { counted, short } from "../../util/format.ts";
import { newcombeInterval } from "../../util/statistics.ts";
import { pickCodes, pickNumbers } from "../compared.ts";
import { isLater, laterHint } from "../evidence.ts";
import { defineAuditRule, type AuditPart, type Observation } from "../rule.ts";
import { chance, percent, pointsOf } from "../words.ts";

type L = "family" | "points" | "relative" | "cramersV" | "statistic";

/** Classes of other frequencies. */
export const labelShift = defineAuditRule<L>({
  name: "label-shift",
  title: "label shift",
  what:
    "The shares of the classes in training against those of each other part, as differences with Newcombe's interval, at such a level that all of them together miss in 5 %. " +
    "A share that differs by an interval without 0, and by more than the larger of a point and a tenth of it, warns; amounts are compared as features are.",
  source: "derived; Cramér's V of Deepchecks; Newcombe 1998",
  when: "train",
  stops: false,
  limits: {
    family: { value: 0.05, means: "probability that any class of any part warns where nothing differs" },
    points: { value: 0.01, means: "difference of a share below which none warns" },
    relative: { value: 0.1, means: "the same, relative to the class's share in training" },
    cramersV: { value: 0.25, means: "Cramér's V above which it fails" },
    statistic: { value: 0.2, means: "of amounts: distance of the distribution functions above which it warns" },
  },
  check({ table, parts }, limits) {
    const column = table.target?.column;
    const others = parts.slice(1);
    const train = parts[0]!;
    const hinted = (found: Observation, part: AuditPart): Observation =>
      found.hint !== undefined && isLater(table, train, part) ? { ...found, hint: laterHint } : found;
    if (column?.kind === "categorical") return others.map((part) => hinted(classes(column, train, part, others.length, limits), part));
    if (column?.kind === "numeric") return others.map((part) => hinted(amounts(column, train, part, others.length, limits), part));
    return [];
  },
});

function classes(column: CategoricalColumn, train: AuditPart, part: AuditPart, parts: number, limits: Record<L, number>): Observation {
  const [before, after] = [train, part].map(({ rows }) => countCodes(column, rows)) as [Int32Array, Int32Array];
  const used = column.categories.flatMap((_, code) => (before[code]! + after[code]! > 0 ? [code] : []));
  const tests = parts * (used.length === 2 ? 1 : used.length);
  const { cramersV, p } = contingency([before, after]);
  // Of two classes one tells both.
  const shifts = (used.length === 2 ? used.slice(1) : used)
    .map((code) => {
      const [a, b] = [
        { count: after[code]!, n: part.rows.length },
        { count: before[code]!, n: train.rows.length },
      ];
      return { code, interval: newcombeInterval(a, b, 1 - limits.family / tests), share: b.count / b.n, now: a.count / a.n };
    })
    .filter(({ interval, share }) => {
      const apart = interval.low > 0 || interval.high < 0;
      return apart && Math.abs(interval.value) > Math.max(limits.points, limits.relative * share);
    })
    .toSorted((a, b) => Math.abs(b.interval.value) - Math.abs(a.interval.value));
  const distance = totalVariation(before, after);
  const numbers = {
    shifted: shifts.length,
    cramersV,
    p,
    totalVariation: distance,
    ...(shifts[0] ? { largest: shifts[0].interval.value } : {}),
  };
  if (shifts.length === 0)
    return {
      severity: "pass",
      part: part.name,
      message: `classes are as frequent in ${part.name} as in training (Cramér's V ${short(cramersV)})`,
      numbers,
    };
  const [first] = shifts as [(typeof shifts)[number]];
  const more = shifts.length > 1 ? `, and ${counted(shifts.length - 1, "more class", "more classes")}` : "";
  const text = `"${column.categories[first.code]}" is ${percent(first.share)} of training and ${percent(first.now)} of ${part.name}, ${pointsOf(first.interval)}${more}; Cramér's V ${short(cramersV)}, ${chance(p)}`;
  return {
    severity: cramersV > limits.cramersV ? "fail" : "warn",
    part: part.name,
    message: text,
    hint: `if ${part.name} is what the network will meet, train on such a mixture; else pool the rows and split again`,
    numbers,
  };
}

function amounts(column: NumericColumn, train: AuditPart, part: AuditPart, parts: number, limits: Record<L, number>): Observation {
  const [before, after] = [train, part].map(({ rows }) => pickNumbers(column, rows)) as [Float64Array, Float64Array];
  const { statistic, p } = kolmogorovSmirnov(before, after, "asymptotic");
  const numbers = { statistic, p };
  const shifted = statistic > limits.statistic && p < limits.family / parts;
  const text = `distance of the distribution functions ${short(statistic)}, ${chance(p)}`;
  if (!shifted) return { severity: "pass", part: part.name, message: `amounts in ${part.name} are as in training: ${text}`, numbers };
  const hint = `if ${part.name} is what the network will meet, train on such rows; else pool the rows and split again`;
  return { severity: "warn", part: part.name, message: `the target is distributed otherwise in ${part.name}: ${text}`, hint, numbers };
}

function countCodes(column: CategoricalColumn, rows: Int32Array): Int32Array {
  const counts = new Int32Array(column.categories.length);
  for (const code of pickCodes(column, rows)) if (code >= 0) counts[code]! += 1;
  return counts;
}
