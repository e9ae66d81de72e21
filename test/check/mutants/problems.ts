/** Small networks at random weights on random rows, as losses to check. */
import { problemLoss, type LossGraph, type Mode, type Penalty } from "../../../src/check/subject.ts";
import { sizeOf } from "../../../src/ir/shape.ts";
import { tensor } from "../../../src/ir/tensor.ts";
import type { Loss } from "../../../src/nn/loss.ts";
import { losses, type LossName } from "../../../src/nn/losses/index.ts";
import { sequential } from "../../../src/nn/network.ts";
import { initializeParameters } from "../../../src/nn/parameters.ts";
import { layoutOf } from "../../../src/train/step-graph.ts";
import { rng } from "../../../src/util/rng.ts";

export type Layers = Parameters<typeof sequential>[0];

export interface Setting {
  readonly layers: Layers;
  /** Of one example. */
  readonly inputShape: readonly number[];
  readonly loss?: LossName | Loss;
  readonly outputs?: number;
  readonly rows?: number;
  readonly mode?: Mode;
  readonly seed?: number;
  /** Features are the numbers 0 … tokens − 1. */
  readonly tokens?: number;
  /** Whether sequences are of different lengths. */
  readonly lengths?: boolean;
  /** Deviation of what is added to every parameter; biases start at zero, scales at one. */
  readonly shake?: number;
  readonly penalty?: Penalty;
}

/** The data loss, or with a penalty the sum. */
export function lossOf(setting: Setting): LossGraph {
  const { layers, inputShape, outputs = 3, rows = 6, mode = "evaluation", seed = 1, shake = 0.2, penalty } = setting;
  const { loss: chosen = "categoricalCrossEntropy", tokens, lengths: varied = false } = setting;
  const loss: Loss = typeof chosen === "string" ? losses[chosen] : chosen;
  const problem = { network: sequential(layers), loss, inputShape, outputs, variableLength: varied };
  const layout = layoutOf(problem);
  const theta = new Float32Array(layout.size);
  initializeParameters(layout, theta, seed);
  const draw = rng(seed, "setting");
  for (const { name, offset, size } of layout.slots) {
    const positive = name.endsWith("/variance");
    for (let i = offset; i < offset + size; i++) theta[i]! += positive ? draw.uniform() : shake * draw.normal();
  }
  const features = new Float32Array(rows * sizeOf(inputShape));
  if (tokens === undefined) draw.fillNormal(features);
  else for (let i = 0; i < features.length; i++) features[i] = draw.integer(tokens);
  const targets = new Float32Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    if (loss.prediction === "softmax") targets[row * outputs + draw.integer(outputs)] = 1;
    else for (let k = 0; k < outputs; k++) targets[row * outputs + k] = loss.prediction === "sigmoid" ? draw.integer(2) : draw.normal();
  }
  const time = inputShape[0]!;
  const lengths = Int32Array.from({ length: rows }, (_, row) => 1 + (row % time));
  const data = {
    features: tensor("float32", features, [rows, ...inputShape]),
    targets: tensor("float32", targets, [rows, outputs]),
    ...(varied ? { lengths: tensor("int32", lengths) } : {}),
  };
  return problemLoss({ problem, layout, theta, data, part: penalty ? "sum" : "data", mode, seed, ...(penalty ? { penalty } : {}) });
}
