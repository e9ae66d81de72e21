/** Distributions of every feature with the same bins in all parts: what the report draws. */
import { totalVariation } from "../util/hypothesis.ts";
import { ksStatistic } from "../util/kolmogorov-smirnov.ts";
import { quantileSorted } from "../util/statistics.ts";
import type { Compared } from "./compared.ts";

export interface Distribution {
  readonly name: string;
  /** What each bin holds: `12.5 – 13`, a category. */
  readonly labels: readonly string[];
  /** Rarer categories that have no bin. */
  readonly others: number;
  /** `shares[part][bin]`, of the values that are present. */
  readonly shares: readonly (readonly number[])[];
  /** By part: the share of missing values. */
  readonly missing: readonly number[];
  /** By part, from the second: distance from the first, 0 … 1 (Kolmogorov-Smirnov, or total variation). */
  readonly effects: readonly number[];
}

const mostBins = 24;
const mostCategories = 26;

export function distributionOf(feature: Compared): Distribution {
  return feature.kind === "numeric" ? ofNumbers(feature) : ofCategories(feature);
}

function ofNumbers({ name, values }: Extract<Compared, { kind: "numeric" }>): Distribution {
  const present = values.map((part) => part.filter((value) => !Number.isNaN(value)).sort());
  const all = Float64Array.from(present.flatMap((part) => [...part])).sort();
  const distinct = [...new Set(all)];
  const few = distinct.length <= mostBins;
  const [low, high] = [quantileSorted(all, 0.005), quantileSorted(all, 0.995)];
  const step = (high - low) / mostBins;
  const binOf = few
    ? (value: number) => distinct.indexOf(value)
    : (value: number) => Math.max(0, Math.min(mostBins - 1, Math.floor((value - low) / step)));
  const edge = (i: number) => String(Number((low + i * step).toPrecision(3)));
  const labels = few ? distinct.map(String) : Array.from({ length: mostBins }, (_, i) => `${edge(i)} – ${edge(i + 1)}`);
  const shares = present.map((part) => {
    const counts = new Array<number>(labels.length).fill(0);
    for (const value of part) counts[binOf(value)]! += 1 / part.length;
    return counts;
  });
  const missing = values.map((part, i) => (part.length === 0 ? 0 : 1 - present[i]!.length / part.length));
  const effects = present.slice(1).map((part) => (part.length > 0 && present[0]!.length > 0 ? ksStatistic(present[0]!, part) : 0));
  return { name, labels, others: 0, shares, missing, effects };
}

function ofCategories({ name, values, categories }: Extract<Compared, { kind: "categorical" }>): Distribution {
  const counts = values.map((codes) => {
    const found = new Array<number>(categories.length).fill(0);
    for (const code of codes) if (code >= 0) found[code]! += 1;
    return found;
  });
  const total = (part: readonly number[]) =>
    Math.max(
      1,
      part.reduce((a, b) => a + b, 0),
    );
  const frequency = (code: number) => Math.max(...counts.map((part) => part[code]! / total(part)));
  const order = categories.map((_, code) => code).toSorted((a, b) => frequency(b) - frequency(a) || a - b);
  const shown = order.slice(0, mostCategories).toSorted((a, b) => a - b);
  const shares = counts.map((part) => shown.map((code) => part[code]! / total(part)));
  const missing = values.map((codes, i) => (codes.length === 0 ? 0 : 1 - counts[i]!.reduce((a, b) => a + b, 0) / codes.length));
  const labels = shown.map((code) => categories[code]!);
  const effects = counts.slice(1).map((part) => totalVariation(counts[0]!, part));
  return { name, labels, others: order.length - shown.length, shares, missing, effects };
}
