/** Scores of probabilities, means over rows: log loss and Brier's. */
import type { ClassSample, Metric } from "../metric.ts";

/** A probability of 0 for what is true would cost infinitely much. */
const LEAST = Number.EPSILON;

const names = ["log_loss", "brier"] as const;

/**
 * `log_loss` −ln p of the true class, p at least 2.2·10⁻¹⁶. `brier`: of two classes (p − y)² of the second, of more Σ (p − y)² over the classes (Brier
 * 1950), 0 to 2.
 */
export const probabilityScores: Metric<ClassSample> = {
  name: "probability-scores",
  figures: () => names.map((name) => ({ name })),
  prepare({ truth, probabilities, classes }) {
    const k = classes.length;
    const logs = Float64Array.from(truth, (code, row) => -Math.log(Math.min(1, Math.max(LEAST, probabilities[row * k + code]!))));
    const squares = Float64Array.from(truth, (code, row) => {
      if (k === 2) return (probabilities[2 * row + 1]! - code) ** 2;
      let sum = 0;
      for (let c = 0; c < k; c++) sum += (probabilities[row * k + c]! - (c === code ? 1 : 0)) ** 2;
      return sum;
    });
    return (weights) => {
      let [whole, log, square] = [0, 0, 0];
      for (let i = 0; i < weights.length; i++) {
        const w = weights[i]!;
        if (w === 0) continue;
        whole += w;
        log += w * logs[i]!;
        square += w * squares[i]!;
      }
      return [log / whole, square / whole];
    };
  },
};
