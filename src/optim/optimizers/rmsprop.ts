/** RMSProp (Tieleman & Hinton 2012), as in PyTorch: ε outside the root. */
import { ops } from "../../ops/build.ts";
import type { Optimizer } from "../optimizer.ts";

/** s ← ρ·s + (1−ρ)·g², then θ ← θ − α·g/(√s + ε) */
export function rmsprop(options: { decay?: number; epsilon?: number } = {}): Optimizer {
  const rho = options.decay ?? 0.99;
  const epsilon = options.epsilon ?? 1e-8;
  return {
    kind: "rmsprop",
    settings: { decay: rho, epsilon },
    slots: ["meanSquare"],
    weightDecay: 0,
    scalars: (_, learningRate) => [learningRate, rho, 1 - rho, epsilon],
    update(theta, g, [s], [rate, keep, take, eps]) {
      const square = ops.Add(ops.Mul(s!, keep!), ops.Mul(ops.Mul(g, g), take!));
      return { theta: ops.Sub(theta, ops.Div(ops.Mul(g, rate!), ops.Add(ops.Sqrt(square), eps!))), slots: [square] };
    },
    updateInPlace: (kernels, theta, g, [s], scalars, { descent }) => kernels.rmsprop(theta, g, s!, scalars, descent),
  };
}
