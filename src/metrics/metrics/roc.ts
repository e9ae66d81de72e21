/** The area under the ROC curve: of two classes, of each against the rest, and their means. */
import { logitBounds, newcombeAreaBounds, type Bounds } from "../intervals.ts";
import { weightsOf, type ClassSample, type Figure, type Metric } from "../metric.ts";

/** Rows by falling probability of a class. */
export function fallingOrder({ probabilities, classes, truth }: ClassSample, c: number): { order: Int32Array; scores: Float64Array } {
  const k = classes.length;
  const scores = Float64Array.from(truth, (_, row) => probabilities[row * k + c]!);
  const order = Int32Array.from(scores, (_, row) => row).sort((a, b) => scores[b]! - scores[a]!);
  return { order, scores };
}

/** The share of pairs, one of the class and one of the rest, in which the former is likelier; equals count half. */
function areaOf(sample: ClassSample, c: number): (weights: Float64Array) => number {
  const { order, scores } = fallingOrder(sample, c);
  return (weights) => {
    let [positives, negatives, area] = [0, 0, 0];
    for (let from = 0, to = 0; from < order.length; from = to) {
      let [more, less] = [0, 0];
      for (; to < order.length && scores[order[to]!] === scores[order[from]!]; to++) {
        const row = order[to]!;
        if (sample.truth[row] === c) more += weights[row]!;
        else less += weights[row]!;
      }
      area += less * (positives + more / 2);
      positives += more;
      negatives += less;
    }
    return area / (positives * negatives);
  };
}

/**
 * What each row moves the area by (the structural components of DeLong, DeLong and Clarke-Pearson 1988, less their mean, over the sum of weights
 * of its kind); [n], and the rows of either kind.
 */
function influences(sample: ClassSample, c: number, area: number) {
  const { order, scores } = fallingOrder(sample, c);
  const weights = weightsOf(sample);
  const is = (row: number): boolean => sample.truth[row] === c;
  let [positive, negative, rowsOf, rowsRest] = [0, 0, 0, 0];
  order.forEach((row) => {
    if (is(row)) [positive, rowsOf] = [positive + weights[row]!, rowsOf + 1];
    else [negative, rowsRest] = [negative + weights[row]!, rowsRest + 1];
  });
  const moves = new Float64Array(order.length);
  let [above, rest] = [0, 0];
  for (let from = 0, to = 0; from < order.length; from = to) {
    let [more, less] = [0, 0];
    for (; to < order.length && scores[order[to]!] === scores[order[from]!]; to++) {
      if (is(order[to]!)) more += weights[order[to]!]!;
      else less += weights[order[to]!]!;
    }
    for (let at = from; at < to; at++) {
      const row = order[at]!;
      const won = is(row) ? (negative - rest - less / 2) / negative : (above + more / 2) / positive;
      moves[row] = (weights[row]! * (won - area)) / (is(row) ? positive : negative);
    }
    [above, rest] = [above + more, rest + less];
  }
  return { moves, rowsOf, rowsRest };
}

/** The variance of a sum over rows, or over groups of them. */
function varianceOf(moves: Float64Array, groups: Int32Array | undefined): number {
  const sums = new Map<number, number>();
  moves.forEach((move, row) => sums.set(groups ? groups[row]! : row, (sums.get(groups ? groups[row]! : row) ?? 0) + move));
  let squares = 0;
  for (const sum of sums.values()) squares += sum ** 2;
  return (squares * sums.size) / Math.max(1, sums.size - 1);
}

/** DeLong's deviation of an area; in place of single rows whole groups, where there are any (Obuchowski 1997). */
export function areaDeviation(sample: ClassSample, c: number, area: number): number {
  const { moves, rowsOf, rowsRest } = influences(sample, c, area);
  if (sample.groups) return Math.sqrt(varianceOf(moves, sample.groups));
  let [first, second] = [0, 0];
  moves.forEach((move, row) => {
    if (sample.truth[row] === c) first += move ** 2;
    else second += move ** 2;
  });
  return Math.sqrt((first * rowsOf) / Math.max(1, rowsOf - 1) + (second * rowsRest) / Math.max(1, rowsRest - 1));
}

/**
 * The interval on the logit scale by DeLong's deviation. Where all pairs are right, or nearly all, the deviation says nothing: there
 * Newcombe's is taken, of groups as of so many rows.
 */
function areaBounds(sample: ClassSample, c: number, area: number, confidence: number): Bounds {
  if (Number.isNaN(area)) return { low: NaN, high: NaN };
  const counts = { positive: new Set<number>(), negative: new Set<number>() };
  sample.truth.forEach((code, row) => counts[code === c ? "positive" : "negative"].add(sample.groups ? sample.groups[row]! : row));
  const deviation = areaDeviation(sample, c, area);
  const newcombe = newcombeAreaBounds(area, counts.positive.size, counts.negative.size, confidence);
  return deviation > 0 && area > 0 && area < 1 ? logitBounds(area, deviation, confidence) : newcombe;
}

const kinds = ["roc_auc", "roc_auc_macro", "roc_auc_weighted"] as const;

/** Two classes: `roc_auc`. More: of each class against the rest, their mean `roc_auc_macro` and that by rows `roc_auc_weighted`, over the classes that have one. */
export const rocAuc: Metric<ClassSample> = {
  name: "roc-auc",
  figures: ({ classes }) =>
    classes.length === 2
      ? [{ name: kinds[0] }]
      : [{ name: kinds[1] }, { name: kinds[2] }, ...classes.map((_, c): Figure => ({ name: "roc_auc", class: c }))],
  prepare(sample) {
    const k = sample.classes.length;
    if (k === 2) {
      const area = areaOf(sample, 1);
      return (weights) => [area(weights)];
    }
    const areas = sample.classes.map((_, c) => areaOf(sample, c));
    return (weights) => {
      const found = areas.map((area) => area(weights));
      const shares = sharesOf(sample, weights);
      return [meanWhere(found, () => 1), meanWhere(found, (c) => shares[c]!), ...found];
    };
  },
  bounds(sample, confidence) {
    const values = rocAuc.prepare(sample)(weightsOf(sample));
    if (sample.classes.length === 2) return [areaBounds(sample, 1, values[0]!, confidence)];
    const single = sample.classes.map((_, c) => areaBounds(sample, c, values[c + 2]!, confidence));
    const shares = sharesOf(sample, weightsOf(sample));
    const mean = (value: number, share: (c: number) => number): Bounds | undefined => {
      const used = sample.classes.flatMap((_, c) => (Number.isNaN(values[c + 2]!) ? [] : [c]));
      const whole = used.reduce((sum, c) => sum + share(c), 0);
      const moves = new Float64Array(sample.truth.length);
      for (const c of used) influences(sample, c, values[c + 2]!).moves.forEach((move, row) => (moves[row]! += (move * share(c)) / whole));
      const deviation = Math.sqrt(varianceOf(moves, sample.groups));
      return deviation > 0 && value > 0 && value < 1 ? logitBounds(value, deviation, confidence) : undefined;
    };
    // All pairs right: as sure as the least sure class.
    const least = { low: Math.min(...single.map(({ low }) => (Number.isNaN(low) ? 1 : low))), high: 1 };
    return [mean(values[0]!, () => 1) ?? least, mean(values[1]!, (c) => shares[c]!) ?? least, ...single];
  },
};

/** Weights of the classes in the truth. */
export function sharesOf({ truth, classes }: ClassSample, weights: Float64Array): Float64Array {
  const shares = new Float64Array(classes.length);
  truth.forEach((code, row) => (shares[code]! += weights[row]!));
  return shares;
}

/** The weighted mean of those that are numbers; NaN of none. */
export function meanWhere(values: readonly number[], weight: (i: number) => number): number {
  let [sum, whole] = [0, 0];
  values.forEach((value, i) => {
    if (Number.isNaN(value)) return;
    sum += weight(i) * value;
    whole += weight(i);
  });
  return sum / whole;
}
