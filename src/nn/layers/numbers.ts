/** Checks and shape helpers that layers share. */
import { formatShape } from "../../ir/shape.ts";
import type { Value } from "../../ir/graph.ts";
import { GradusError } from "../../util/errors.ts";

/** @throws GradusError unless a whole number of at least `least` */
export function checkCount(layer: string, what: string, value: number, least = 1): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new GradusError(`${layer} has ${what} ${value}`, { hint: `a whole number of at least ${least}` });
}

/** The sizes of an input without the batch axis. @throws GradusError where the rank does not fit or a size is not known */
export function knownSizes(layer: string, x: Value, wanted: string, ranks: readonly number[]): readonly number[] {
  const sizes = x.shape.slice(1);
  if (ranks.includes(x.shape.length) && sizes.every((size) => typeof size === "number")) return sizes as number[];
  throw new GradusError(`${layer} needs ${wanted} with known sizes, got ${formatShape(x.shape)}`);
}

/** `3` or `[3, 5]` for each spatial axis. */
export function perAxis(value: number | readonly number[], axes: number): readonly number[] {
  return typeof value === "number" ? new Array<number>(axes).fill(value) : value;
}
