/** Layers that move numbers without changing them. */
import { int64 } from "../../ir/graph.ts";
import { formatShape } from "../../ir/shape.ts";
import { ops } from "../../ops/build.ts";
import { GradusError } from "../../util/errors.ts";
import type { LayerDefinition } from "../layer.ts";

export interface Reshape {
  readonly kind: "reshape";
  /** Of one example. */
  readonly shape: readonly number[];
}

export interface Permute {
  readonly kind: "permute";
  /** Axes of one example in their new order, counted from 1 (the batch is axis 0 and stays). */
  readonly axes: readonly number[];
}

/** `reshape([1, 28, 28])`: [batch, 784] → [batch, 1, 28, 28] */
export function reshape(shape: readonly number[]): Reshape {
  return { kind: "reshape", shape };
}

/** `permute([2, 1])`: [batch, time, features] → [batch, features, time] */
export function permute(axes: readonly number[]): Permute {
  return { kind: "permute", axes };
}

export const reshapeLayer: LayerDefinition<Reshape> = {
  kind: "reshape",
  build({ shape }, x, { name }) {
    const sizes = x.shape.slice(1);
    const count = (all: readonly unknown[]) => (all as number[]).reduce((a, b) => a * b, 1);
    if (count(sizes) !== count(shape)) {
      throw new GradusError(`${name} makes ${formatShape(shape)} of ${formatShape(sizes)}, which has another number of elements`);
    }
    return ops.Reshape(x, int64([-1, ...shape]));
  },
  describe: ({ shape }) => `to ${shape.join("×")}`,
};

export const permuteLayer: LayerDefinition<Permute> = {
  kind: "permute",
  build({ axes }, x, { name }) {
    const sorted = axes.toSorted((a, b) => a - b);
    if (axes.length !== x.shape.length - 1 || sorted.some((axis, i) => axis !== i + 1)) {
      throw new GradusError(`${name} has axes ${axes.join(", ")}, which must be 1 … ${x.shape.length - 1} in some order`);
    }
    return ops.Transpose(x, { perm: [0, ...axes] });
  },
  describe: ({ axes }) => `axes ${axes.join(", ")}`,
};
