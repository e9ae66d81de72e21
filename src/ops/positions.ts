/** What the indexing operators share: checked positions, and writing at them. */
import type { Value } from "../ir/graph.ts";
import { GradusError } from "../util/errors.ts";
import type { Ops } from "./build.ts";
import { requireDType, required } from "./infer.ts";
import { indicator } from "./masks.ts";
import { numbers } from "./ndarray.ts";
import type { InferContext, NdArray, TensorType } from "./op.ts";
import { zerosLike } from "./vectors.ts";

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

interface Scattered {
  readonly x: Value;
  readonly updates: Value;
  readonly dy: Value;
  /** Updates written into a base where the indices say. */
  readonly write: (base: Value, updates: Value, reduction: Reduction) => Value;
  /** What a value holds where the indices say. */
  readonly read: (value: Value) => Value;
}

/**
 * Gradients with respect to data and updates. Of a product, the one to an update is the product of the others, also where some are 0:
 * as ReduceProd's, with 2 to the number of zeros in place of their sum. (Second derivatives hold where no update is 0.)
 */
export function scatterGradients(ops: Ops, reduction: Reduction, { x, updates, dy, write, read }: Scattered) {
  if (reduction === "none") return { dx: () => write(dy, zerosLike(ops, updates), "none"), dUpdates: () => read(dy) };
  if (reduction === "add") return { dx: () => dy, dUpdates: () => read(dy) };
  const dUpdates = () => {
    const zero = indicator(ops, ops.Equal(updates, 0), updates);
    const filled = ops.Add(updates, zero);
    const twoIfZero = ops.Add(zero, 1);
    const zeros = read(write(ops.Add(zerosLike(ops, x), 1), twoIfZero, "mul"));
    const others = ops.Div(read(write(ops.Mul(dy, x), filled, "mul")), filled);
    return ops.Mul(others, indicator(ops, ops.Equal(zeros, twoIfZero), updates));
  };
  return { dx: () => write(dy, updates, "mul"), dUpdates };
}
