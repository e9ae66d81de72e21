/** Networks on rows of numbers; images and sequences are flattened, tokens and categories that have numbers become a vector each. */
import type { Architecture, DataShape } from "../architecture.ts";
import { activation } from "../layers/activation.ts";
import { categoryEmbedding } from "../layers/category-embedding.ts";
import { dense } from "../layers/dense.ts";
import { embedding } from "../layers/embedding.ts";
import { flatten } from "../layers/flatten.ts";
import { sequential } from "../network.ts";
import { dropsOf } from "./drops.ts";
import { GradusError } from "../../util/errors.ts";

/** Of the vectors that stand for tokens. */
const tokenUnits = 16;

function flat({ inputShape, tokens, categories }: DataShape) {
  if (categories) return [categoryEmbedding(categories)];
  return tokens === undefined ? (inputShape.length > 1 ? [flatten()] : []) : [embedding(tokens, tokenUnits), flatten()];
}

export const logistic: Architecture = {
  name: "logistic",
  summary: "logistic regression, linear for amounts",
  layers: [],
  build(data, options = {}) {
    const { layers = [], keepProbability = 1 } = options;
    if (layers.length > 0 || (typeof keepProbability === "number" && keepProbability < 1)) {
      throw new GradusError("logistic has no hidden layers, and none whose units could be dropped", { hint: "mlp has" });
    }
    const { inputs } = dropsOf("logistic", options, 0);
    if (data.tokens !== undefined) {
      throw new GradusError("logistic takes numbers, and the data are sequences of tokens", { hint: "gru, lstm, transformer or mlp" });
    }
    return sequential([...flat(data), ...inputs, dense(data.outputs)]);
  },
};

export const multilayer: Architecture = {
  name: "mlp",
  summary: "dense layers with an activation each",
  layers: [64, 32],
  build(data, options = {}) {
    const { layers = multilayer.layers, activation: name = "relu" } = options;
    const { inputs, behind } = dropsOf("mlp", options, layers.length);
    const hidden = layers.flatMap((units, i) => [dense(units), activation(name), ...behind(i)]);
    return sequential([...flat(data), ...inputs, ...hidden, dense(data.outputs)]);
  },
};
