/** Adam (Kingma & Ba 2015) and AdamW, its form with decoupled weight decay (Loshchilov & Hutter 2019). */
import { ops } from "../../ops/build.ts";
import type { Optimizer } from "../optimizer.ts";

export interface AdamOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
}

/**
 * m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², θ ← θ − α/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε).
 * 1−β is rounded on its own: computed in float32 it is off by 1.3e-5.
 */
export function adam(options: AdamOptions = {}): Optimizer {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  return {
    kind: "adam",
    settings: { beta1, beta2, epsilon },
    slots: ["firstMoment", "secondMoment"],
    weightDecay: 0,
    scalars: (step, learningRate) => [
      learningRate / (1 - beta1 ** step),
      1 / Math.sqrt(1 - beta2 ** step),
      beta1,
      1 - beta1,
      beta2,
      1 - beta2,
      epsilon,
    ],
    update(theta, g, [m, v], [rate, correction, keep1, take1, keep2, take2, eps]) {
      const first = ops.Add(ops.Mul(m!, keep1!), ops.Mul(g, take1!));
      const second = ops.Add(ops.Mul(v!, keep2!), ops.Mul(ops.Mul(g, g), take2!));
      const scale = ops.Add(ops.Mul(ops.Sqrt(second), correction!), eps!);
      return { theta: ops.Sub(theta, ops.Div(ops.Mul(first, rate!), scale)), slots: [first, second] };
    },
    updateInPlace: (kernels, theta, g, [m, v], scalars, { decay, descent }) => kernels.adam(theta, g, m!, v!, [...scalars, decay], descent),
  };
}

/**
 * Adam whose weights (not biases) also shrink by 1 − α·weightDecay each step. The default of 0.2
 * belongs to the learning rate 0.003; it rests on a few trials, see docs/architecture.md.
 */
export function adamw(options: AdamOptions & { weightDecay?: number } = {}): Optimizer {
  const { weightDecay = 0.2, ...rest } = options;
  const base = adam(rest);
  return { ...base, kind: "adamw", settings: { ...base.settings, weightDecay }, weightDecay };
}
