/** Networks on sequences, [time, features] or [time] of token numbers. */
import { formatShape } from "../../ir/shape.ts";
import { GradusError } from "../../util/errors.ts";
import type { Architecture, ArchitectureOptions, DataShape } from "../architecture.ts";
import type { Layer } from "../layer.ts";
import { dense } from "../layers/dense.ts";
import { dropout } from "../layers/dropout.ts";
import { embedding } from "../layers/embedding.ts";
import type { AnyLayer } from "../layers/index.ts";
import { layerNorm } from "../layers/layer-norm.ts";
import { gru, lstm, rnn, type Recurrent } from "../layers/recurrent.ts";
import { meanOverTime, positions } from "../layers/sequence.ts";
import { transformerBlock } from "../layers/transformer.ts";
import { sequential } from "../network.ts";

/** Tokens become vectors; numbers stay. */
function entrance(name: string, { inputShape, tokens }: DataShape, width: number): AnyLayer[] {
  if (inputShape.length === 1 && tokens !== undefined) return [embedding(tokens, width)];
  if (inputShape.length === 2) return [];
  const what = "sequences [time, features], or [time] of token numbers with `tokens` given";
  throw new GradusError(`${name} needs ${what}, got examples of shape ${formatShape(inputShape)}`);
}

const drop = ({ keepProbability = 1 }: ArchitectureOptions) => (keepProbability < 1 ? [dropout(keepProbability)] : []);

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
      const stacked = layers.map((units, i) => layer(units, { sequences: i < layers.length - 1 }));
      return sequential([...entrance(name, data, layers[0]!), ...stacked, ...drop(options), dense(data.outputs)]);
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
    const { layers = transformer.layers, keepProbability = 1 } = options;
    const [width] = layers as readonly [number];
    if (layers.some((units) => units !== width)) {
      throw new GradusError(`transformer has blocks of ${layers.join(", ")} units`, { hint: "all blocks need one width" });
    }
    const heads = [8, 4, 2, 1].find((count) => width % count === 0 && width / count >= 8) ?? 1;
    const widen = data.inputShape.length === 2 ? [dense(width)] : [];
    const blocks: Layer[] = layers.flatMap(() => transformerBlock({ width, heads, keepProbability }));
    return sequential([
      ...entrance("transformer", data, width),
      ...widen,
      positions(),
      ...(blocks as AnyLayer[]),
      layerNorm(),
      meanOverTime(),
      dense(data.outputs),
    ]);
  },
};
