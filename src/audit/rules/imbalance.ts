import { pickCodes } from "../compared.ts";
import { grouped, short } from "../../util/format.ts";
import { defineAuditRule } from "../rule.ts";
import { percent } from "../words.ts";

/** Classes of very different sizes. */
export const imbalance = defineAuditRule({
  name: "imbalance",
  title: "balance",
  what:
    "Where most rows are of one class, always saying that class has few errors and no use. It warns where the largest class has many times the rows of the smallest, " +
    "most of all rows, or where the classes are spread like far fewer (perplexity: 2 to the entropy of the labels, over their number).",
  source: "SageMaker Debugger (ratio), skore (majority), TheDeepChecker (perplexity)",
  when: "train",
  stops: false,
  limits: {
    ratio: { value: 10, means: "largest over smallest class above which it warns" },
    majority: { value: 0.8, means: "share of the largest class above which it warns" },
    perplexity: { value: 0.5, means: "perplexity over the number of classes below which it warns" },
  },
  check({ table, parts }, limits) {
    const column = table.target?.column;
    if (column?.kind !== "categorical") return [];
    const counts = new Int32Array(column.categories.length);
    for (const code of pickCodes(column, parts[0]!.rows)) counts[code]! += 1;
    const order = Array.from(counts, (_, code) => code).toSorted((a, b) => counts[b]! - counts[a]!);
    const rows = parts[0]!.rows.length;
    const [largest, smallest] = [order[0]!, order.at(-1)!];
    const entropy = counts.reduce((sum, count) => (count > 0 ? sum - (count / rows) * Math.log(count / rows) : sum), 0);
    const ratio = counts[largest]! / counts[smallest]!;
    const majority = counts[largest]! / rows;
    const perplexity = Math.exp(entropy) / counts.length;
    const numbers = { classes: counts.length, ratio, majority, perplexity };
    const named = (code: number) => `"${column.categories[code]}" ${grouped(counts[code]!)} rows`;
    const spread = `${named(largest)} (${percent(majority)}), ${named(smallest)}`;
    if (ratio <= limits.ratio && majority <= limits.majority && perplexity >= limits.perplexity)
      return [{ severity: "pass", message: `classes are balanced enough: ${spread}`, numbers }];
    return [
      {
        severity: "warn",
        message: `classes are unbalanced: ${spread}, ${Number.isFinite(ratio) ? `${short(ratio)} times as many` : "none of the smallest"}; always saying "${column.categories[largest]}" errs in ${percent(1 - majority)}`,
        hint: "look at the error of each class, not at accuracy alone",
        numbers,
      },
    ];
  },
});
