/** What Conv and ConvTranspose share before they differ: kernels, groups, biases. */
import { formatShape, type Dim, type Shape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import { agree } from "./dims.ts";
import { numbers } from "./ndarray.ts";
import type { InferContext, NdArray } from "./op.ts";
import type { WindowAttributes } from "./windows.ts";

export interface ConvAttributes extends WindowAttributes {
  readonly group?: number;
}

/** The kernel by the weights, which `kernel_shape` may only repeat (or name where the weights' sizes are symbolic). */
export function kernelOf(w: Shape, rank: number, { kernel_shape: named }: WindowAttributes): Shape {
  if (w.length !== rank) throw new GradusError(`weights ${formatShape(w)} must have as many axes as the input, ${rank}`);
  const kernel = w.slice(2);
  if (!named) return kernel;
  const what = `kernel_shape [${named.join(", ")}] differs from that of weights ${formatShape(w)}`;
  if (named.length !== kernel.length) throw new GradusError(what);
  return kernel.map((dim, axis) => agree(dim, named[axis]!, what));
}

/** `dim / group`, where it is known. */
export function perGroup(dim: Dim, group: number, what: string): Dim | undefined {
  if (group < 1) throw new GradusError(`group must be 1 or more, got ${group}`);
  if (group === 1) return dim;
  if (typeof dim !== "number") return undefined;
  if (dim % group !== 0) throw new GradusError(`${dim} ${what} do not divide into ${group} groups`);
  return dim / group;
}

/** A bias must have one element per feature. */
export function checkBias(context: InferContext<unknown>, features: Dim): void {
  const bias = context.inputs[2];
  if (!bias) return;
  const what = `the bias ${formatShape(bias.shape)} must have one element for each of ${features} features`;
  if (bias.shape.length !== 1) throw new GradusError(what);
  agree(bias.shape[0]!, features, what);
}

/** The bias of each feature over [batch, features, size], zeros without one. */
export function startFromBias(batch: number, features: number, size: number, bias: NdArray | null | undefined): Float64Array {
  const out = new Float64Array(batch * features * size);
  if (bias) for (let row = 0; row < batch * features; row++) out.fill(numbers(bias)[row % features]!, row * size, (row + 1) * size);
  return out;
}
