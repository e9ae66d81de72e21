/** What operators with parameters for each channel of x [N, C, …] share. */
import { int64, type Value } from "../ir/graph.ts";
import { formatShape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import type { Ops } from "./build.ts";
import { agree } from "./dims.ts";
import { requireFloat, requireSameDType, required } from "./infer.ts";
import type { InferContext, NdArray, TensorType } from "./op.ts";
import { reshaped } from "./pick.ts";

/** Types of x [N, C, …] and of a vector with an element a channel. */
export function inferChannels(context: InferContext<unknown>, vectors: number): { x: TensorType; channels: TensorType } {
  const x = requireFloat(required(context, 0));
  const dtype = requireSameDType(context);
  if (x.shape.length < 2) throw new GradusError(`expected [batch, channels, …], got ${formatShape(x.shape)}`);
  let channels = x.shape[1]!;
  for (let i = 1; i <= vectors; i++) {
    const { shape } = required(context, i);
    if (shape.length !== 1) throw new GradusError(`input ${i} must be a vector, got shape ${formatShape(shape)}`);
    channels = agree(channels, shape[0]!, `input ${i} has another size than the channels of ${formatShape(x.shape)}`);
  }
  return { x, channels: { dtype, shape: [channels] } };
}

/** A vector of channels as an array that broadcasts against x. */
export function alongChannels(vector: NdArray, x: NdArray): NdArray {
  return reshaped(vector, [vector.data.length, ...x.shape.slice(2).map(() => 1)]);
}

/** The same of a value: axes of size 1 for all that follow the channels. */
export function spreadOver(ops: Ops, x: Value): (value: Value) => Value {
  const trailing = x.shape.length - 2;
  return (value) => {
    const rank = value.shape.length;
    return trailing === 0 ? value : ops.Unsqueeze(value, int64(Array.from({ length: trailing }, (_, i) => rank + i)));
  };
}
