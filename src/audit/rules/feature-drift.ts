import { contingency, holm, totalVariation } from "../../util/hypothesis.ts";
import { kolmogorovSmirnov } from "../../util/kolmogorov-smirnov.ts";
import { counted, short } from "../../util/format.ts";
import { momentsOf } from "../image-properties.ts";
import type { Compared } from "../compared.ts";
import { evidenceOf, isLater, laterHint } from "../evidence.ts";
import { defineAuditRule, type Observation } from "../rule.ts";
import { chance, percent } from "../words.ts";

/** Counts expected below this are joined to one class: χ² does not hold for them. */
const leastExpected = 5;
/** Up to so many values a side the p of Kolmogorov and Smirnov is exact. */
const mostExact = 1000;

const mixHint = "pool the rows and split again; where the part is what the network will meet, train on rows like it";

const timeHint = "nothing was trained on its later values: leave it out, or take what comes again, as the month does";

interface Drift {
  readonly name: string;
  readonly part: string;
  readonly effect: number;
  readonly p: number;
  readonly text: string;
  /** See {@link Compared}. */
  readonly followsTime: boolean;
  readonly numbers: Readonly<Record<string, number>>;
}

/** Features that are distributed otherwise. */
export const featureDrift = defineAuditRule({
  name: "feature-drift",
  title: "feature drift",
  what:
    "Every feature in training against every other part: numbers by Kolmogorov and Smirnov's distance of the distribution functions, categories by the largest difference " +
    "of any event's shares (total variation) and χ², missing values as a feature of their own; of images their resolution, aspect, brightness, contrast, sharpness, entropy and colour. Of windows over a series only those that do not overlap are compared. " +
    "It warns where the difference is both large and, by Holm's correction over all features and parts, no accident. A feature that only rises or falls with the time of the rows, as a year does, is noted where a part is of a later time.",
  source: "Deepchecks (effect) and Evidently (p), joined; Holm 1979",
  when: "train",
  stops: false,
  limits: {
    effect: { value: 0.2, means: "distance of the distributions above which a feature can warn" },
    family: { value: 0.05, means: "probability that any feature warns where nothing differs" },
  },
  check({ table, compared, parts }, limits) {
    const features = compared();
    const evidence = evidenceOf(table, parts, features);
    const drifts = parts.slice(1).flatMap(({ name }, i) => features.flatMap((feature) => driftsOf(feature, i + 1, name)));
    const adjusted = holm(drifts.map(({ p }) => p));
    const found = drifts
      .map((drift, i) => ({ ...drift, adjusted: adjusted[i]! }))
      .filter(({ effect, adjusted: p }) => effect > limits.effect && p < limits.family)
      .toSorted((a, b) => b.effect - a.effect);
    if (found.length === 0) {
      const most = drifts.toSorted((a, b) => b.effect - a.effect)[0];
      const largest = most ? `; the largest difference: ${most.name}, ${short(most.effect)} in ${most.part}` : "";
      return [
        {
          severity: "pass",
          message: `${counted(features.length, "feature")} distributed as in training${largest}${evidence}`,
          numbers: { features: features.length, significant: adjusted.filter((p) => p < limits.family).length },
        },
      ];
    }
    const later = new Set(parts.slice(1).flatMap((part) => (isLater(table, parts[0]!, part) ? [part.name] : [])));
    const natural = (drift: Drift) => drift.followsTime && later.has(drift.part);
    return [...found.filter((drift) => !natural(drift)), ...found.filter(natural)].map((drift, i, all): Observation => {
      const { name, part, effect, adjusted: p, text, numbers } = drift;
      const rising = natural(drift);
      const hint = rising ? timeHint : later.has(part) ? laterHint : mixHint;
      const said = rising ? " (it only rises or falls with the time)" : "";
      return {
        severity: rising ? "note" : "warn",
        subject: name,
        message: `${name} is distributed otherwise in ${part}: ${text}, ${chance(p)}${said}${i === 0 ? evidence : ""}`,
        ...(i === 0 || (rising && !natural(all[i - 1]!)) ? { hint } : {}),
        numbers: { ...numbers, effect, p },
      };
    });
  },
});

function driftsOf(feature: Compared, part: number, partName: string): Drift[] {
  const { name } = feature;
  const followsTime = feature.kind === "numeric" && feature.followsTime === true;
  if (feature.kind === "categorical") {
    const counts = [feature.values[0]!, feature.values[part]!].map((codes) => {
      const found = new Int32Array(feature.categories.length + 1);
      for (const code of codes) found[code < 0 ? feature.categories.length : code]! += 1;
      return found;
    }) as [Int32Array, Int32Array];
    const drift = countDrift(name, partName, counts, [...feature.categories, "missing"]);
    return drift ? [drift] : [];
  }
  const [before, after] = [feature.values[0]!, feature.values[part]!].map((values) => values.filter((value) => !Number.isNaN(value))) as [
    Float64Array,
    Float64Array,
  ];
  const missing = [feature.values[0]!.length - before.length, feature.values[part]!.length - after.length] as const;
  const gaps =
    missing[0] + missing[1] > 0
      ? countDrift(
          `${name} is missing`,
          partName,
          [Int32Array.of(missing[0], before.length), Int32Array.of(missing[1], after.length)],
          ["missing", "present"],
        )
      : undefined;
  const found = gaps ? [gaps] : [];
  if (before.length === 0 || after.length === 0) return found;
  const { statistic, p } = kolmogorovSmirnov(before, after, Math.max(before.length, after.length) <= mostExact ? "exact" : "asymptotic");
  const [old, now] = [momentsOf(before), momentsOf(after)];
  const text = `distance ${short(statistic)}, mean ${short(old.mean)} → ${short(now.mean)}`;
  const numbers = {
    statistic,
    before: old.mean,
    after: now.mean,
    deviationBefore: Math.sqrt(old.variance),
    deviationAfter: Math.sqrt(now.variance),
  };
  return [{ name, part: partName, effect: statistic, p, text, followsTime, numbers }, ...found];
}

function countDrift(
  name: string,
  part: string,
  [before, after]: readonly [Int32Array, Int32Array],
  labels: readonly string[],
): Drift | undefined {
  const [m, n] = [before, after].map((counts) => counts.reduce((a, b) => a + b, 0)) as [number, number];
  if (m === 0 || n === 0) return undefined;
  const rare = (i: number) => ((before[i]! + after[i]!) * Math.min(m, n)) / (m + n) < leastExpected;
  const joined = (counts: Int32Array) => [
    ...counts.filter((_, i) => !rare(i)),
    counts.reduce((sum, count, i) => (rare(i) ? sum + count : sum), 0),
  ];
  const { p, cramersV } = contingency([joined(before), joined(after)]);
  const effect = totalVariation(joined(before), joined(after));
  const difference = (i: number) => after[i]! / n - before[i]! / m;
  const most = labels.map((_, i) => i).toSorted((a, b) => Math.abs(difference(b)) - Math.abs(difference(a)))[0]!;
  const text = `distance ${short(effect)}, "${labels[most]}" ${percent(before[most]! / m)} → ${percent(after[most]! / n)}`;
  return { name, part, effect, p, text, followsTime: false, numbers: { totalVariation: effect, cramersV } };
}
