/** The area under the precision-recall curve, as average precision. */
import { type ClassSample, type Figure, type Metric } from "../metric.ts";
import { fallingOrder, meanWhere } from "./roc.ts";

/** Σ (recallᵢ − recallᵢ₋₁)·precisionᵢ over the distinct probabilities, from the largest; no value without rows of the class. */
function averagePrecisionOf(sample: ClassSample, c: number): (weights: Float64Array) => number {
  const { order, scores } = fallingOrder(sample, c);
  return (weights) => {
    let [hits, answered, sum] = [0, 0, 0];
    for (let from = 0, to = 0; from < order.length; from = to) {
      let more = 0;
      for (; to < order.length && scores[order[to]!] === scores[order[from]!]; to++) {
        const row = order[to]!;
        answered += weights[row]!;
        if (sample.truth[row] === c) more += weights[row]!;
      }
      if (more === 0) continue;
      hits += more;
      sum += (more * hits) / answered;
    }
    return sum / hits;
  };
}

/** Two classes: `pr_auc` of the second. More: of each class against the rest, and their mean `pr_auc_macro` over those that have one. */
export const prAuc: Metric<ClassSample> = {
  name: "pr-auc",
  figures: ({ classes }) =>
    classes.length === 2
      ? [{ name: "pr_auc" }]
      : [{ name: "pr_auc_macro" }, ...classes.map((_, c): Figure => ({ name: "pr_auc", class: c }))],
  prepare(sample) {
    if (sample.classes.length === 2) {
      const precision = averagePrecisionOf(sample, 1);
      return (weights) => [precision(weights)];
    }
    const each = sample.classes.map((_, c) => averagePrecisionOf(sample, c));
    return (weights) => {
      const found = each.map((precision) => precision(weights));
      return [meanWhere(found, () => 1), ...found];
    };
  },
};
