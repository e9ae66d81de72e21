/** Networks on sequences, [time, features] or [time] of token numbers. */
import { formatShape } from "../../ir/shape.ts";
import { GradusError } from "../../util/errors.ts";
import type { Architecture, DataShape } from "../architecture.ts";
import type { Layer } from "../layer.ts";
import { dense } from "../layers/dense.ts";
import { embedding } from "../layers/embedding.ts";
import type { AnyLayer } from "../layers/index.ts";
import { layerNorm } from "../layers/layer-norm.ts";
import { gru, lstm, rnn, type Recurrent } from "../layers/recurrent.ts";
import { meanOverTime, positions } from "../layers/sequence.ts";
import { transformerBlock } from "../layers/transformer.ts";
import { sequential } from "../network.ts";
import { dropsOf } from "./drops.ts";

/** Tokens become vectors; numbers stay. */
function entrance(name: string, { inputShape, tokens }: DataShape, width: number): AnyLayer[] {
  if (inputShape.length === 1 && tokens !== undefined) return [embedding(tokens, width)];
  if (inputShape.length === 2) return [];
  const what = "sequences [time, features], or [time] of token numbers with `tokens` given";
  throw new GradusError(`${name} needs ${what}, got examples of shape ${formatShape(inputShape)}`);
}

function recurrentNetwork(
  name: Recurrent["kind"],
  layer: (units: number, options?: { sequences?: boolean }) => Recurrent,
  summary: string,
): Architecture {
  return {
    name,
    summary,
    layers: [64],
    build(data, options = {}) {
      const { layers = [64] } = options;
      const last = layers.length - 1;
      const { inputs, behind } = dropsOf(name, options, layers.length, (i) => i === last);
      const stacked = layers.flatMap((units, i) => [
        layer(units, { sequences: i < last }),
        ...behind(i, i < last ? { overTime: true } : {}),
      ]);
      return sequential([...entrance(name, data, layers[0]!), ...inputs, ...stacked, dense(data.outputs)]);
    },
  };
}

export const rnnNetwork = recurrentNetwork("rnn", rnn, "simple recurrent layers over a sequence");
export const lstmNetwork = recurrentNetwork("lstm", lstm, "LSTM layers over a sequence");
export const gruNetwork = recurrentNetwork("gru", gru, "GRU layers over a sequence");

/** `layers` gives the width of each block, which must be one. */
export const transformer: Architecture = {
  name: "transformer",
  summary: "encoder blocks of self-attention over a sequence, and the mean over time",
  layers: [64, 64],
  build(data, options = {}) {
    const { layers = transformer.layers } = options;
    const { inputs, keeps } = dropsOf("transformer", options, layers.length);
    const [width] = layers as readonly [number];
    if (layers.some((units) => units !== width)) {
      throw new GradusError(`transformer has blocks of ${layers.join(", ")} units`, { hint: "all blocks need one width" });
    }
    const heads = [8, 4, 2, 1].find((count) => width % count === 0 && width / count >= 8) ?? 1;
    const widen = data.inputShape.length === 2 ? [dense(width)] : [];
    const blocks: Layer[] = layers.flatMap((_, i) => transformerBlock({ width, heads, keepProbability: keeps[i]! }));
    return sequential([
      ...entrance("transformer", data, width),
      ...inputs,
      ...widen,
      positions(),
      ...(blocks as AnyLayer[]),
      layerNorm(),
      meanOverTime(),
      dense(data.outputs),
    ]);
  },
};
