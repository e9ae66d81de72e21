/** Multi-head self-attention (Vaswani et al. 2017) over [batch, time, features]. */
import { constant, int64, type Value } from "../../ir/graph.ts";
import { tensor } from "../../ir/tensor.ts";
import { ops } from "../../ops/build.ts";
import { GradusError } from "../../util/errors.ts";
import type { LayerDefinition } from "../layer.ts";
import { checkCount, knownSizes } from "./numbers.ts";

export interface Attention {
  readonly kind: "attention";
  readonly heads: number;
}

/** softmax(q·kᵀ/√d)·v per head of d = features/heads, then a projection; steps beyond a sequence's length are not looked at. */
export function attention(heads: number): Attention {
  return { kind: "attention", heads };
}

export const attentionLayer: LayerDefinition<Attention> = {
  kind: "attention",
  build({ heads }, x, { name, parameter, lengths }) {
    checkCount(name, "heads", heads);
    const [time, width] = knownSizes(name, x, "[batch, time, features]", [3]) as [number, number];
    if (width % heads !== 0) throw new GradusError(`${name} has ${heads} heads, which must divide its ${width} features`);
    const size = width / heads;
    const matrix = (label: string, outputs: number) => {
      const fans = { fanIn: width, fanOut: width };
      const w = parameter({ name: `W${label}`, shape: [width, outputs], role: "weight", initializer: "glorotUniform", ...fans });
      const b = parameter({ name: `b${label}`, shape: [outputs], role: "bias", initializer: "zeros", ...fans });
      return (value: Value) => ops.Add(ops.MatMul(value, w), b);
    };
    const parts = ops.Split(matrix("qkv", 3 * width)(x), int64([width, width, width]), { axis: 2 });
    const perHead = (value: Value, perm: readonly number[]) => ops.Transpose(ops.Reshape(value, int64([-1, time, heads, size])), { perm });
    const [q, v] = [perHead(parts[0]!, [0, 2, 1, 3]), perHead(parts[2]!, [0, 2, 1, 3])];
    const k = perHead(parts[1]!, [0, 2, 3, 1]);
    const scores = ops.Mul(ops.MatMul(q, k), 1 / Math.sqrt(size));
    const weights = ops.Softmax(lengths ? hideBeyond(scores, lengths, time) : scores, { axis: -1 });
    const mixed = ops.Transpose(ops.MatMul(weights, v), { perm: [0, 2, 1, 3] });
    return matrix("o", width)(ops.Reshape(mixed, int64([-1, time, width])));
  },
  describe: ({ heads }) => `${heads} head${heads === 1 ? "" : "s"}`,
};

/** 1 for each valid step, 0 beyond: bool [batch, time]. */
export function validSteps(lengths: Value, time: number): Value {
  const steps = constant(
    tensor(
      "int32",
      Int32Array.from({ length: time }, (_, step) => step),
    ),
  );
  return ops.Less(steps, ops.Unsqueeze(lengths, int64([1])));
}

function hideBeyond(scores: Value, lengths: Value, time: number): Value {
  return ops.Where(ops.Unsqueeze(validSteps(lengths, time), int64([1, 2])), scores, -1e9);
}
