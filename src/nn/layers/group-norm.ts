/** Group normalisation (Wu & He 2018): each example over groups of its channels, whatever the batch. */
import { constant, int64 } from "../../ir/graph.ts";
import { tensor } from "../../ir/tensor.ts";
import { ops } from "../../ops/build.ts";
import { GradusError } from "../../util/errors.ts";
import type { LayerDefinition } from "../layer.ts";
import { checkCount, knownSizes } from "./numbers.ts";

export interface GroupNorm {
  readonly kind: "groupNorm";
  readonly groups: number;
  /** Added to the variance; 1e-5 where left out. */
  readonly epsilon?: number;
}

/** [batch, channels, …]: mean 0 and variance 1 over each group of channels and all positions, then ·γ + β per channel. */
export function groupNorm(groups: number, options: { readonly epsilon?: number } = {}): GroupNorm {
  return { kind: "groupNorm", groups, ...options };
}

export const groupNormLayer: LayerDefinition<GroupNorm> = {
  kind: "groupNorm",
  build({ groups, epsilon = 1e-5 }, x, { name, parameter }) {
    const [channels, ...space] = knownSizes(name, x, "[batch, channels, …]", [3, 4]);
    checkCount(name, "groups", groups);
    if (channels! % groups !== 0) throw new GradusError(`${name} has ${groups} groups, which must divide its ${channels} channels`);
    const own = { shape: [channels!], fanIn: channels!, fanOut: channels! };
    const scale = parameter({ name: "scale", role: "scale", initializer: "ones", ...own });
    const bias = parameter({ name: "bias", role: "bias", initializer: "zeros", ...own });
    const fill = (value: number) => constant(tensor(x.dtype as "float32", new Array<number>(groups).fill(value), [groups]));
    const grouped = ops.Reshape(x, int64([0, groups, -1]));
    const normal = ops.Reshape(ops.InstanceNormalization(grouped, fill(1), fill(0), { epsilon }), int64([-1, channels!, ...space]));
    const perChannel = int64([channels!, ...space.map(() => 1)]);
    return ops.Add(ops.Mul(normal, ops.Reshape(scale, perChannel)), ops.Reshape(bias, perChannel));
  },
  describe: ({ groups }) => `${groups} groups`,
};
