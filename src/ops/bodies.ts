/** What operators with bodies share: dimensions named in a body, and what they are outside. */
import { formatShape, multiplyDims, type Dim, type Shape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import { agree } from "./dims.ts";

/** Names of a body's dimensions, and what they are outside. */
export type Bindings = Map<string, Dim>;

/** Takes a body input's shape to be the given one. */
export function bind(shape: Shape, given: Shape, bindings: Bindings, what: string): void {
  const wrong = `${what} is ${formatShape(given)}, the body expects ${formatShape(shape)}`;
  if (shape.length !== given.length) throw new GradusError(wrong);
  shape.forEach((dim, axis) => {
    const known = typeof dim === "string" ? bindings.get(dim) : dim;
    const bound = known === undefined ? given[axis]! : agree(known, given[axis]!, wrong);
    if (typeof dim === "string") bindings.set(dim, bound);
  });
}

/** A body's shape in the dimensions of the outside. */
export function outside(shape: Shape, bindings: Bindings): Dim[] {
  return shape.map((dim) => {
    if (typeof dim === "number") return dim;
    return (
      bindings.get(dim) ?? multiplyDims(dim.split("*").map((part) => bindings.get(part) ?? (/^\d+$/.test(part) ? Number(part) : part)))
    );
  });
}
