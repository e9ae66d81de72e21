/** What inference of shape operators shares: dimensions that must agree, axes and sizes read from inputs. */
import { isUnknown, normalizeAxis, type Dim, type Shape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import type { InferContext } from "./op.ts";

/** The dimension two tensors agree on, or undefined; a number says more than a symbol, a name more than an unknown. */
export function matchDim(a: Dim, b: Dim): Dim | undefined {
  if (a === b) return a;
  if (typeof b === "number") return typeof a === "string" ? b : undefined;
  if (typeof a === "number" || isUnknown(b)) return a;
  return isUnknown(a) ? b : undefined;
}

/** `matchDim`, with an error that says which sizes differ. */
export function agree(a: Dim, b: Dim, what: string): Dim {
  const dim = matchDim(a, b);
  if (dim === undefined) throw new GradusError(`${what}: ${a} against ${b}`);
  return dim;
}

/** Integers of an input that must be known when the graph is built. */
export function knownInts(context: InferContext<unknown>, index: number, what: string): readonly number[] {
  const contents = context.contents(index);
  if (!contents || !contents.every((dim) => typeof dim === "number")) {
    throw new GradusError(`${what} must be known when the graph is built (a constant, or computed from known sizes)`);
  }
  return contents;
}

/** Axes counted from the front, each named once. */
export function normalizeAxes(axes: readonly number[], rank: number): number[] {
  const normal = axes.map((axis) => normalizeAxis(axis, rank));
  if (new Set(normal).size !== normal.length) throw new GradusError(`axes [${axes.join(", ")}] name an axis twice`);
  return normal;
}

/** Elements of a list of axes, sizes or parts; a longer one is a mistake, or worse. */
const mostListed = 65_536;

/** The length of a vector input, as a number. */
export function vectorLength(shape: Shape, what: string): number {
  const [length] = shape;
  if (shape.length !== 1 || typeof length !== "number") {
    throw new GradusError(`${what} must be a vector of known length, got shape [${shape.join(", ")}]`);
  }
  if (length > mostListed) throw new GradusError(`${what} has ${length} elements; ${mostListed} are allowed`);
  return length;
}

/** Elements of an input that is passed on unchanged, in the same order. */
export function sameContents(context: InferContext<unknown>): readonly Dim[] | undefined {
  return context.contents(0);
}
