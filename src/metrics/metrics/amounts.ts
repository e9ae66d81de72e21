/** Of amounts: root of the mean squared error, R², mean absolute error, quantiles of the absolute error. */
import { quantileRanks, type Bounds } from "../intervals.ts";
import { weightsOf, type AmountSample, type Metric } from "../metric.ts";

/** `r2` = 1 − Σ(y−ŷ)²/Σ(y−ȳ)², without a value where the truth is constant; `rmse` = √mean (y−ŷ)²; `mae` = mean |y−ŷ|. */
export const squaredErrors: Metric<AmountSample> = {
  name: "squared-errors",
  figures: () => [{ name: "r2" }, { name: "rmse" }, { name: "mae" }],
  prepare({ truth, prediction }) {
    const n = truth.length;
    let mean = 0;
    for (let i = 0; i < n; i++) mean += (truth[i]! - truth[0]!) / n;
    mean += truth[0] ?? 0;
    // Around the mean of all rows, so that large amounts keep their digits.
    const centred = Float64Array.from(truth, (y) => y - mean);
    const gaps = Float64Array.from(truth, (y, i) => y - prediction[i]!);
    return (weights) => {
      let [whole, first, second, square, absolute] = [0, 0, 0, 0, 0];
      for (let i = 0; i < n; i++) {
        const w = weights[i]!;
        const y = centred[i]!;
        const gap = gaps[i]!;
        whole += w;
        first += w * y;
        second += w * y * y;
        square += w * gap * gap;
        absolute += w * Math.abs(gap);
      }
      const spread = second - (first * first) / whole;
      return [spread > 1e-12 * second ? 1 - square / spread : NaN, Math.sqrt(square / whole), absolute / whole];
    };
  },
};

const shares = [0.5, 0.9, 0.99] as const;
const names = ["median_absolute_error", "absolute_error_q90", "absolute_error_q99"] as const;

/**
 * Quantiles of |y − ŷ|: between the two nearest places of the rows in order (R's type 7), a row of weight w standing in w places, weights
 * having the mean 1.
 */
export const errorQuantiles: Metric<AmountSample> = {
  name: "error-quantiles",
  figures: () => names.map((name) => ({ name })),
  prepare(sample) {
    const { sizes, order } = sortedErrors(sample);
    return (weights) => {
      let whole = 0;
      for (let i = 0; i < order.length; i++) whole += weights[i]!;
      const scale = sample.weights ? order.length / whole : 1;
      const places = Math.round(whole * scale);
      return shares.map((p) => {
        const at = p * (places - 1);
        const below = Math.floor(at);
        let passed = 0;
        let low = NaN;
        for (let i = 0; i < order.length; i++) {
          passed += weights[order[i]!]! * scale;
          // Sums of weights are not exact.
          if (Number.isNaN(low) && passed > below + 1e-9) low = sizes[order[i]!]!;
          if (passed > below + 1 + 1e-9 || i === order.length - 1) return low + (at - below) * (sizes[order[i]!]! - low);
        }
        return low;
      });
    };
  },
  bounds(sample, confidence) {
    if (sample.weights || sample.groups) return shares.map(() => undefined);
    const { sizes, order } = sortedErrors(sample);
    const at = (rank: number): number => (rank < 1 ? 0 : rank > order.length ? Infinity : sizes[order[rank - 1]!]!);
    return shares.map((p): Bounds => {
      const { low, high } = quantileRanks(order.length, p, confidence);
      return { low: at(low), high: at(high) };
    });
  },
};

function sortedErrors(sample: AmountSample): { sizes: Float64Array; order: Int32Array } {
  const sizes = Float64Array.from(weightsOf(sample), (_, i) => Math.abs(sample.truth[i]! - sample.prediction[i]!));
  return { sizes, order: Int32Array.from(sizes, (_, i) => i).sort((a, b) => sizes[a]! - sizes[b]!) };
}
