/** Layers over time: positions, and the mean of a sequence. */
import { int64 } from "../../ir/graph.ts";
import { ops } from "../../ops/build.ts";
import type { Initializer } from "../initializer.ts";
import type { LayerDefinition } from "../layer.ts";
import { validSteps } from "./attention.ts";
import { knownSizes } from "./numbers.ts";

export interface Positions {
  readonly kind: "positions";
}

export interface MeanOverTime {
  readonly kind: "meanOverTime";
}

/** sin and cos of the time step at wavelengths from 2π to 10000·2π, in turn (Vaswani et al. 2017). */
const sinusoids: Initializer = {
  name: "sinusoids",
  formula: "sin, cos of t/10000^(2i/n)",
  fill(values, { fanOut: width }) {
    for (let i = 0; i < values.length; i++) {
      const [time, feature] = [Math.floor(i / width), i % width];
      const angle = time / 10_000 ** ((feature - (feature % 2)) / width);
      values[i] = feature % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    }
  },
};

/** Adds a learnt vector to each time step of [batch, time, features]; sinusoids at the start. */
export function positions(): Positions {
  return { kind: "positions" };
}

/** [batch, time, features] → [batch, features]: the mean over the valid steps. */
export function meanOverTime(): MeanOverTime {
  return { kind: "meanOverTime" };
}

export const positionsLayer: LayerDefinition<Positions> = {
  kind: "positions",
  build(_, x, { name, parameter }) {
    const [time, width] = knownSizes(name, x, "[batch, time, features]", [3]) as [number, number];
    return ops.Add(x, parameter({ name: "W", shape: [time, width], role: "bias", initializer: sinusoids, fanIn: width, fanOut: width }));
  },
  describe: () => "",
};

export const meanOverTimeLayer: LayerDefinition<MeanOverTime> = {
  kind: "meanOverTime",
  build(_, x, { name, lengths }) {
    const [time] = knownSizes(name, x, "[batch, time, features]", [3]) as [number, number];
    if (!lengths) return ops.ReduceMean(x, { axes: [1], keepdims: 0 });
    const valid = ops.Unsqueeze(ops.Cast(validSteps(lengths, time), { to: x.dtype }), int64([2]));
    const counts = ops.Unsqueeze(ops.Cast(lengths, { to: x.dtype }), int64([1]));
    return ops.Div(ops.ReduceSum(ops.Mul(x, valid), int64([1]), { keepdims: 0 }), counts);
  },
  describe: () => "",
};
