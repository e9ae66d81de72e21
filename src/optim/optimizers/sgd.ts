/** Gradient descent on mini-batches, plain and with momentum (Polyak 1964; Nesterov's form as in Sutskever et al. 2013). */
import { ops } from "../../ops/build.ts";
import type { Optimizer } from "../optimizer.ts";

/** θ ← θ − α·g */
export function sgd(): Optimizer {
  return {
    kind: "sgd",
    settings: {},
    slots: [],
    weightDecay: 0,
    scalars: (_, learningRate) => [learningRate],
    update: (theta, g, _, [rate]) => ({ theta: ops.Sub(theta, ops.Mul(g, rate!)), slots: [] }),
    updateInPlace: (kernels, theta, g, _, [rate], { descent }) => kernels.sgd(theta, g, rate!, descent),
  };
}

/** v ← μ·v + g, then θ ← θ − α·v; Nesterov: θ ← θ − α·(g + μ·v) */
export function momentum(options: { momentum?: number; nesterov?: boolean } = {}): Optimizer {
  const mu = options.momentum ?? 0.9;
  const nesterov = options.nesterov ?? false;
  return {
    kind: nesterov ? "nesterov" : "momentum",
    settings: { momentum: mu },
    slots: ["velocity"],
    weightDecay: 0,
    scalars: (_, learningRate) => [learningRate, mu],
    update(theta, g, [v], [rate, muValue]) {
      const velocity = ops.Add(ops.Mul(v!, muValue!), g);
      const direction = nesterov ? ops.Add(g, ops.Mul(velocity, muValue!)) : velocity;
      return { theta: ops.Sub(theta, ops.Mul(direction, rate!)), slots: [velocity] };
    },
    updateInPlace: (kernels, theta, g, [v], [rate, muNumber], { descent }) =>
      kernels.momentum(theta, g, v!, { rate: rate!, mu: muNumber!, nesterov }, descent),
  };
}
