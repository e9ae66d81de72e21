/** What comes of the answers alone: error and accuracy; precision, recall and F1 of each class and their averages; the confusion matrix. */
import { meanOfBounds, shareBounds, type Bounds } from "../intervals.ts";
import { sizeOf, type ClassSample, type Figure, type Metric } from "../metric.ts";

/** Sums of weights [k · k], row by row: the truth, then what was answered. */
export function confusionOf({ truth, answers, classes }: ClassSample, weights: Float64Array, into?: Float64Array): Float64Array {
  const k = classes.length;
  const table = into?.fill(0) ?? new Float64Array(k * k);
  for (let i = 0; i < truth.length; i++) table[truth[i]! * k + answers[i]!]! += weights[i]!;
  return table;
}

const overall = [
  "error",
  "accuracy",
  "balanced_accuracy",
  "precision_macro",
  "recall_macro",
  "f1_macro",
  "precision_weighted",
  "recall_weighted",
  "f1_weighted",
  "precision_micro",
  "recall_micro",
  "f1_micro",
] as const;
const perClass = ["precision", "recall", "f1"] as const;

/**
 * precision = tp/answered, recall = tp/true, F1 = 2tp/(answered + true); without a value where nothing was answered, or nothing is true. In averages
 * such a precision or recall counts 0, and classes that are neither in the truth nor answered are left out. `balanced_accuracy` is the mean
 * recall of the classes that are in the truth. Of one answer per row, micro averages are the accuracy.
 */
export const answers: Metric<ClassSample> = {
  name: "answers",
  figures({ classes, truth, answers: given }) {
    const n = (of: Int32Array, c: number) => of.reduce((count, code) => count + (code === c ? 1 : 0), 0);
    return [
      ...overall.map((name): Figure => ({ name })),
      ...classes.flatMap((_, c) => {
        const [answered, there] = [n(given, c), n(truth, c)];
        return perClass.map((name): Figure => ({ name, class: c, n: name === "precision" ? answered : there }));
      }),
    ];
  },
  prepare(sample) {
    const k = sample.classes.length;
    const table = new Float64Array(k * k);
    const out = new Float64Array(overall.length + 3 * k);
    return (weights) => {
      confusionOf(sample, weights, table);
      let [whole, right, present, there] = [0, 0, 0, 0];
      const macro = [0, 0, 0];
      const weighted = [0, 0, 0];
      let balanced = 0;
      for (let c = 0; c < k; c++) {
        let [support, answered] = [0, 0];
        for (let other = 0; other < k; other++) {
          support += table[c * k + other]!;
          answered += table[other * k + c]!;
        }
        const hits = table[c * k + c]!;
        const values = [hits / answered, hits / support, (2 * hits) / (answered + support)];
        out.set(values, overall.length + 3 * c);
        whole += support;
        right += hits;
        if (support > 0) {
          there += 1;
          balanced += hits / support;
        }
        if (support + answered === 0) continue;
        present += 1;
        values.forEach((value, v) => {
          macro[v]! += value || 0;
          weighted[v]! += support * (value || 0);
        });
      }
      const accuracy = right / whole;
      const [precision, recall, f1] = macro.map((sum) => sum / present);
      const [precisionOf, recallOf, f1Of] = weighted.map((sum) => sum / whole);
      // One answer a row: what is no hit is a false alarm of one class and a miss of another.
      out.set([(whole - right) / whole, accuracy, balanced / there, precision!, recall!, f1!, precisionOf!, recallOf!, f1Of!]);
      out.fill(accuracy, 9, 12);
      return out;
    };
  },
  bounds(sample, confidence) {
    const { truth, answers: given, classes } = sample;
    const n = sizeOf(sample);
    const share = (hit: (row: number) => boolean, among?: (row: number) => boolean): Bounds =>
      shareBounds(hit, n, sample, confidence, among);
    const right = (row: number): boolean => truth[row] === given[row];
    const accuracy = share(right);
    const found: (Bounds | undefined)[] = overall.map((name) => {
      if (name === "error") return share((row) => !right(row));
      return name === "accuracy" || name.endsWith("_micro") || name === "recall_weighted" ? accuracy : undefined;
    });
    const recalls = classes.map((_, c) => share(right, (row) => truth[row] === c));
    classes.forEach((_, c) =>
      found.push(
        share(right, (row) => given[row] === c),
        recalls[c]!,
        undefined,
      ),
    );
    if (!sample.groups) {
      const there = classes.flatMap((_, c) => (truth.includes(c) ? [c] : []));
      const values = answers.prepare(sample)(sample.weights ?? new Float64Array(n).fill(1));
      found[2] = meanOfBounds(
        there.map((c) => values[overall.length + 3 * c + 1]!),
        there.map((c) => recalls[c]!),
      );
    }
    return found;
  },
};
