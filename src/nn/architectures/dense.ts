/** Networks on rows of numbers; images and sequences are flattened, tokens and categories that have numbers become a vector each. */
import type { Architecture, DataShape } from "../architecture.ts";
import { activation } from "../layers/activation.ts";
import { categoryEmbedding } from "../layers/category-embedding.ts";
import { dense } from "../layers/dense.ts";
import { dropout } from "../layers/dropout.ts";
import { embedding } from "../layers/embedding.ts";
import { flatten } from "../layers/flatten.ts";
import { sequential } from "../network.ts";
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
  build(data, { layers = [], keepProbability = 1 } = {}) {
    if (layers.length > 0 || keepProbability < 1) {
      throw new GradusError("logistic has no hidden layers, and none whose units could be dropped", { hint: "mlp has" });
    }
    if (data.tokens !== undefined) {
      throw new GradusError("logistic takes numbers, and the data are sequences of tokens", { hint: "gru, lstm, transformer or mlp" });
    }
    return sequential([...flat(data), dense(data.outputs)]);
  },
};

export const multilayer: Architecture = {
  name: "mlp",
  summary: "dense layers with an activation each",
  layers: [64, 32],
  build(data, { layers = multilayer.layers, activation: name = "relu", keepProbability = 1 } = {}) {
    const drop = keepProbability < 1 ? [dropout(keepProbability)] : [];
    return sequential([...flat(data), ...layers.flatMap((units) => [dense(units), activation(name), ...drop]), dense(data.outputs)]);
  },
};
