/** Pooling: the largest or the mean of each window, or of all positions. */
import { int64 } from "../../ir/graph.ts";
import { ops } from "../../ops/build.ts";
import type { LayerDefinition } from "../layer.ts";
import { pads } from "./conv.ts";
import { checkCount, knownSizes, perAxis } from "./numbers.ts";

interface PoolOptions {
  /** 2 where left out. */
  readonly size?: number | readonly number[];
  /** The size where left out. */
  readonly stride?: number | readonly number[];
  /** "valid" where left out: whole windows only. */
  readonly padding?: "same" | "valid";
}

export interface MaxPool extends PoolOptions {
  readonly kind: "maxPool";
}

export interface AveragePool extends PoolOptions {
  readonly kind: "averagePool";
}

export interface GlobalPool {
  readonly kind: "globalAveragePool" | "globalMaxPool";
}

/** [batch, channels, h, w] → [batch, channels, h/2, w/2]: the largest of each window; of equals the first gets the gradient. */
export function maxPool(options: PoolOptions = {}): MaxPool {
  return { kind: "maxPool", ...options };
}

/** As `maxPool`, the mean; padding does not count. */
export function averagePool(options: PoolOptions = {}): AveragePool {
  return { kind: "averagePool", ...options };
}

/** [batch, channels, …] → [batch, channels]: the mean over all positions. */
export function globalAveragePool(): GlobalPool {
  return { kind: "globalAveragePool" };
}

/** [batch, channels, …] → [batch, channels]: the largest over all positions. */
export function globalMaxPool(): GlobalPool {
  return { kind: "globalMaxPool" };
}

const wanted = "[batch, channels, width] or [batch, channels, height, width]";

function pooling<L extends MaxPool | AveragePool>(kind: L["kind"], op: "MaxPool" | "AveragePool"): LayerDefinition<L> {
  return {
    kind,
    build({ size = 2, stride = size, padding = "valid" }, x, { name }) {
      const [, ...space] = knownSizes(name, x, wanted, [3, 4]);
      const [kernels, strides] = [perAxis(size, space.length), perAxis(stride, space.length)];
      for (const value of [...kernels, ...strides]) checkCount(name, "a size or stride of", value);
      const attributes = {
        kernel_shape: kernels,
        strides,
        pads: pads(space, { kernels, strides, dilations: kernels.map(() => 1), padding }),
      };
      return op === "MaxPool" ? ops.MaxPool(x, attributes)[0]! : ops.AveragePool(x, attributes);
    },
    describe: ({ size = 2, stride = size }) => `size ${String(size)}${String(stride) === String(size) ? "" : `, stride ${String(stride)}`}`,
  };
}

export const maxPoolLayer = pooling<MaxPool>("maxPool", "MaxPool");
export const averagePoolLayer = pooling<AveragePool>("averagePool", "AveragePool");

function global(kind: GlobalPool["kind"], op: "GlobalAveragePool" | "GlobalMaxPool"): LayerDefinition<GlobalPool> {
  return {
    kind,
    build(_, x, { name }) {
      const [channels] = knownSizes(name, x, wanted, [3, 4]);
      return ops.Reshape(ops[op](x), int64([-1, channels!]));
    },
    describe: () => "",
  };
}

export const globalAveragePoolLayer = global("globalAveragePool", "GlobalAveragePool");
export const globalMaxPoolLayer = global("globalMaxPool", "GlobalMaxPool");
