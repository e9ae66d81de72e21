import { ranges } from "../../util/range.ts";
import type { Rng } from "../../util/rng.ts";
import { defineAugmentation } from "../augmentation.ts";

export const mixup = defineAugmentation({
  kind: "mixup",
  about: "λ of the example and 1 − λ of another one, targets likewise; λ from Beta(α, α) (Zhang et al. 2018)",
  forms: ["image", "sequence", "table"],
  settings: { alpha: { range: ranges.positive, default: 0.2, about: "α; the larger, the more is mixed" } },
  probability: 1,
  fills: false,
  mix: ({ alpha }, draw) => {
    // In logarithms: for small α both may be too small for a float64.
    const [a, b] = [logGamma(alpha, draw), logGamma(alpha, draw)];
    return 1 / (1 + Math.exp(b - a));
  },
});

/** The logarithm of a Gamma(shape, 1) number, by Marsaglia and Tsang (2000); shapes below 1 by G(a) = G(a + 1)·U^(1/a). */
function logGamma(shape: number, draw: Rng): number {
  if (shape < 1) return logGamma(shape + 1, draw) + Math.log(1 - draw.uniform()) / shape;
  const d = shape - 1 / 3;
  for (;;) {
    const x = draw.normal();
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(1 - draw.uniform()) < x * x * 0.5 + d - d * v + d * Math.log(v)) return Math.log(d * v);
  }
}
