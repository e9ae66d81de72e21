/** Batch normalisation (Ioffe & Szegedy 2015): per channel, by the batch's statistics in training, by running ones in evaluation. */
import { ops } from "../../ops/build.ts";
import type { LayerDefinition } from "../layer.ts";
import { knownSizes } from "./numbers.ts";

export interface BatchNorm {
  readonly kind: "batchNorm";
  /** Share of the running statistics that each step keeps; 0.9 where left out. */
  readonly momentum?: number;
  /** Added to the variance; 1e-5 where left out. */
  readonly epsilon?: number;
}

/**
 * y = γ·(x − mean)/√(variance + ε) + β for each channel of [batch, channels, …]; γ starts at 1, β at 0. The variance is the
 * population's (divided by n) in the batch and in the running figure alike, as in ONNX; PyTorch's running one divides by n − 1.
 */
export function batchNorm(options: Omit<BatchNorm, "kind"> = {}): BatchNorm {
  return { kind: "batchNorm", ...options };
}

export const batchNormLayer: LayerDefinition<BatchNorm> = {
  kind: "batchNorm",
  build({ momentum = 0.9, epsilon = 1e-5 }, x, { name, training, parameter, update }) {
    const [channels] = knownSizes(name, x, "[batch, channels, …]", [2, 3, 4]);
    const own = { shape: [channels!], fanIn: channels!, fanOut: channels! };
    const scale = parameter({ name: "scale", role: "scale", initializer: "ones", ...own });
    const bias = parameter({ name: "bias", role: "bias", initializer: "zeros", ...own });
    const mean = parameter({ name: "mean", role: "buffer", initializer: "zeros", ...own });
    const variance = parameter({ name: "variance", role: "buffer", initializer: "ones", ...own });
    if (!training) return ops.BatchNormalization(x, scale, bias, mean, variance, { epsilon })[0]!;
    // At momentum 0 the operator hands out the batch's own statistics, which its gradient uses again.
    const [y, ...batch] = ops.BatchNormalization(x, scale, bias, mean, variance, { epsilon, momentum: 0, training_mode: 1 });
    [mean, variance].forEach((running, i) => {
      const next = ops.Add(ops.Mul(running, momentum), ops.Mul(batch[i]!, 1 - momentum));
      update(i === 0 ? "mean" : "variance", next);
    });
    return y!;
  },
  describe: () => "",
};
