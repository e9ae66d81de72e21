/** Shapes: numbers and named symbolic dimensions (`batch`), and the arithmetic inference needs. */
import { GradusError } from "../util/errors.ts";

/** A size, or a name for a size known only when the graph runs; products are written `4*batch`. */
export type Dim = number | string;
export type Shape = readonly Dim[];

let unknowns = 0;

/** A dimension about which nothing is known, equal to no other. */
export function unknownDim(): Dim {
  return `?${++unknowns}`;
}

/** Whether a dimension is unknown, or a product with an unknown in it. */
export function isUnknown(dim: Dim): boolean {
  return typeof dim === "string" && dim.includes("?");
}

export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

/** The shape as numbers, or undefined where a dimension is symbolic. */
export function staticShape(shape: Shape): readonly number[] | undefined {
  return shape.every((dim) => typeof dim === "number") ? (shape as readonly number[]) : undefined;
}

/** Number of elements of a shape of numbers. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** Row-major strides, in elements. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

/** Axis counted from the front; throws when it lies outside `rank`. */
export function normalizeAxis(axis: number, rank: number, what = "axis"): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new GradusError(`${what} ${axis} is outside a tensor of rank ${rank} (expected ${-rank} to ${rank - 1})`);
  }
  return axis < 0 ? axis + rank : axis;
}

function factors(dim: Dim): { number: number; names: string[] } {
  if (typeof dim === "number") return { number: dim, names: [] };
  const parts = dim.split("*");
  const leading = Number(parts[0]);
  return Number.isInteger(leading) ? { number: leading, names: parts.slice(1) } : { number: 1, names: parts };
}

function fromFactors(number: number, names: readonly string[]): Dim {
  if (number === 0 || names.length === 0) return number;
  const product = [...names].sort().join("*");
  return number === 1 ? product : `${number}*${product}`;
}

/** Names in one product; a longer one is a size about which nothing is known. */
const mostNames = 64;

/** Product of dimensions. */
export function multiplyDims(dims: Shape): Dim {
  let number = 1;
  const names: string[] = [];
  for (const dim of dims) {
    const factored = factors(dim);
    number *= factored.number;
    names.push(...factored.names);
    if (names.length > mostNames) return unknownDim();
  }
  return fromFactors(number, names);
}

/** `a / b` where it is known to divide, else undefined. */
export function divideDims(a: Dim, b: Dim): Dim | undefined {
  const top = factors(a);
  const bottom = factors(b);
  const names = [...top.names];
  for (const name of bottom.names) {
    const at = names.indexOf(name);
    if (at < 0) return undefined;
    names.splice(at, 1);
  }
  if (bottom.number === 0 || top.number % bottom.number !== 0) return undefined;
  return fromFactors(top.number / bottom.number, names);
}

/** Sum of dimensions; a sum with a symbol in it is a new unknown unless one side is 0. */
export function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return a + b;
  if (a === 0) return b;
  if (b === 0) return a;
  return unknownDim();
}

/** One dimension of two broadcast together, or undefined where they cannot be. A symbol meeting a number > 1 must equal it. */
export function broadcastDim(a: Dim, b: Dim): Dim | undefined {
  if (a === b || b === 1) return a;
  if (a === 1) return b;
  if (typeof a === "number" && typeof b === "string") return a;
  if (typeof b === "number" && typeof a === "string") return b;
  if (isUnknown(a)) return b;
  return isUnknown(b) ? a : undefined;
}

/** NumPy and ONNX multidirectional broadcasting; throws with both shapes where it is impossible. */
export function broadcastShapes(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  const result: Dim[] = [];
  for (let i = 0; i < rank; i++) {
    const left = a[a.length - rank + i] ?? 1;
    const right = b[b.length - rank + i] ?? 1;
    const dim = broadcastDim(left, right);
    if (dim === undefined) {
      throw new GradusError(`shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast: ${left} against ${right}`);
    }
    result.push(dim);
  }
  return result;
}

/** Whether actual sizes fit a shape; names met are bound in `dims`, and must agree where they are bound. */
export function unifyShape(shape: Shape, actual: readonly number[], dims: Map<string, number>): boolean {
  if (shape.length !== actual.length) return false;
  return shape.every((dim, axis) => {
    if (typeof dim === "number") return dim === actual[axis];
    const bound = dims.get(dim);
    if (bound === undefined) dims.set(dim, actual[axis]!);
    return bound === undefined || bound === actual[axis];
  });
}
