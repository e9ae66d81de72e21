/** Arithmetic on integers known at build time, sizes with names among them. */
import { addDims, divideDims, isUnknown, multiplyDims, unknownDim, type Dim } from "../ir/shape.ts";
import type { InferContext } from "./op.ts";

type DimFunction = (a: Dim, b: Dim) => Dim;

/** Elements of an operator of two inputs, where those of both are known and one is a scalar or both are equally long vectors. */
export function elementwiseContents(f: DimFunction): (context: InferContext<unknown>) => readonly Dim[] | undefined {
  return (context) => {
    const a = context.contents(0);
    const b = context.contents(1);
    if (!a || !b || context.inputs.some((type) => type!.shape.length > 1)) return undefined;
    if (a.length === b.length) return a.map((dim, i) => f(dim, b[i]!));
    if (b.length === 1) return a.map((dim) => f(dim, b[0]!));
    return a.length === 1 ? b.map((dim) => f(a[0]!, dim)) : undefined;
  };
}

export const addContents = elementwiseContents(addDims);

export const subtractContents = elementwiseContents((a, b) => {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (b === 0) return a;
  return a === b && !isUnknown(a) ? 0 : unknownDim();
});

export function negateContents(context: InferContext<unknown>): readonly Dim[] | undefined {
  return context.contents(0)?.map((dim) => (typeof dim === "number" ? 0 - dim : unknownDim()));
}

const negative = (dim: Dim) => typeof dim === "number" && dim < 0;

export const multiplyContents = elementwiseContents((a, b) => {
  if (typeof a === "number" && typeof b === "number") return a * b;
  return negative(a) || negative(b) ? unknownDim() : multiplyDims([a, b]);
});

export const divideContents = elementwiseContents((a, b) => {
  if (typeof a === "number" && typeof b === "number") return b === 0 ? unknownDim() : Math.trunc(a / b);
  return negative(b) ? unknownDim() : (divideDims(a, b) ?? unknownDim());
});

/** The product of all elements of a vector. */
export function productContents(context: InferContext<{ readonly axes?: readonly number[] }>): readonly Dim[] | undefined {
  const dims = context.contents(0);
  if (!dims || dims.some(negative) || context.inputs[0]!.shape.length !== 1) return undefined;
  return [multiplyDims(dims)];
}
