/** What the indexing operators share: checked positions, and writing at them. */
import { GradusError } from "../util/errors.ts";
import { requireDType, required } from "./infer.ts";
import { numbers } from "./ndarray.ts";
import type { InferContext, NdArray, TensorType } from "./op.ts";

/** An index counted from the front. */
export function checkIndex(index: number, size: number, axis: number): number {
  if (index < -size || index >= size) throw new GradusError(`index ${index} is outside axis ${axis} of size ${size}`);
  return index < 0 ? index + size : index;
}

export function requireIndices(context: InferContext<unknown>, dtypes: readonly ("int32" | "int64")[] = ["int64", "int32"]): TensorType {
  return requireDType(required(context, 1), dtypes, "indices");
}

export type Reduction = "none" | "add" | "mul";

/** How an update meets what is there. */
const reductions: Readonly<Record<Reduction, (old: number, update: number) => number>> = {
  none: (_, update) => update,
  add: (old, update) => old + update,
  mul: (old, update) => old * update,
};

export function reductionOf({ reduction = "none" }: { readonly reduction?: string }): Reduction {
  if (!Object.hasOwn(reductions, reduction))
    throw new GradusError(`reduction "${reduction}" is not one of ${Object.keys(reductions).join(", ")}`);
  return reduction as Reduction;
}

/** `data` with updates written at offsets, in order. */
export function scatter(data: NdArray, offsets: ArrayLike<number>, updates: NdArray, reduction: Reduction): NdArray {
  const result = (Array.isArray(data.data) ? [...data.data] : Float64Array.from(numbers(data))) as Float64Array;
  const from = updates.data as Float64Array; // strings only with "none"
  for (let i = 0; i < offsets.length; i++) result[offsets[i]!] = reductions[reduction](result[offsets[i]!]!, from[i]!);
  return { ...data, data: result };
}

/** Why a product of updates is not differentiated. */
export function requireDifferentiable(reduction: Reduction): void {
  if (reduction === "mul") throw new GradusError('the gradient with reduction "mul" is not written: it divides by updates, which may be 0');
}
