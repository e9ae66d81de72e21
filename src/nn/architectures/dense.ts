/** Networks on rows of numbers; images and sequences are flattened. */
import type { Architecture } from "../architecture.ts";
import { activation } from "../layers/activation.ts";
import { dense } from "../layers/dense.ts";
import { dropout } from "../layers/dropout.ts";
import { flatten } from "../layers/flatten.ts";
import { sequential } from "../network.ts";
import { GradusError } from "../../util/errors.ts";

const flat = (inputShape: readonly number[]) => (inputShape.length > 1 ? [flatten()] : []);

export const logistic: Architecture = {
  name: "logistic",
  summary: "logistic regression, linear for amounts",
  layers: [],
  build({ inputShape, outputs }, { layers = [], keepProbability = 1 } = {}) {
    if (layers.length > 0 || keepProbability < 1) {
      throw new GradusError("logistic has no hidden layers, and none whose units could be dropped", { hint: "mlp has" });
    }
    return sequential([...flat(inputShape), dense(outputs)]);
  },
};

export const multilayer: Architecture = {
  name: "mlp",
  summary: "dense layers with an activation each",
  layers: [64, 32],
  build({ inputShape, outputs }, { layers = multilayer.layers, activation: name = "relu", keepProbability = 1 } = {}) {
    const drop = keepProbability < 1 ? [dropout(keepProbability)] : [];
    return sequential([...flat(inputShape), ...layers.flatMap((units) => [dense(units), activation(name), ...drop]), dense(outputs)]);
  },
};
