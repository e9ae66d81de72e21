/** Every kind of layer of ours: one line each. */
import type { Layer, LayerDefinition } from "../layer.ts";
import { GradusError } from "../../util/errors.ts";
import { ownDefinition, type OwnLayer } from "../own-layer.ts";
import { activationLayer, type ActivationLayer } from "./activation.ts";
import { attentionLayer, type Attention } from "./attention.ts";
import { batchNormLayer, type BatchNorm } from "./batch-norm.ts";
import { categoryEmbeddingLayer, type CategoryEmbedding } from "./category-embedding.ts";
import { convLayer, type Conv } from "./conv.ts";
import { denseLayer, type Dense } from "./dense.ts";
import { dropoutLayer, type Dropout } from "./dropout.ts";
import { embeddingLayer, type Embedding } from "./embedding.ts";
import { flattenLayer, type Flatten } from "./flatten.ts";
import { groupNormLayer, type GroupNorm } from "./group-norm.ts";
import { importedLayer, type Imported } from "./imported.ts";
import { layerNormLayer, type LayerNorm } from "./layer-norm.ts";
import { noiseLayer, type Noise } from "./noise.ts";
import { averagePoolLayer, globalAveragePoolLayer, globalMaxPoolLayer, maxPoolLayer } from "./pool.ts";
import type { AveragePool, GlobalPool, MaxPool } from "./pool.ts";
import { gruLayer, lstmLayer, rnnLayer, type Recurrent } from "./recurrent.ts";
import { residualLayer, type Residual } from "./residual.ts";
import { meanOverTimeLayer, positionsLayer, type MeanOverTime, type Positions } from "./sequence.ts";
import { permuteLayer, reshapeLayer, type Permute, type Reshape } from "./shape.ts";

export type AnyLayer =
  | Dense
  | ActivationLayer
  | Flatten
  | Conv
  | MaxPool
  | AveragePool
  | GlobalPool
  | BatchNorm
  | LayerNorm
  | GroupNorm
  | Dropout
  | Noise
  | Embedding
  | CategoryEmbedding
  | Recurrent
  | Attention
  | Positions
  | MeanOverTime
  | Residual
  | Reshape
  | Permute
  | Imported
  | OwnLayer;

export const layerKinds = {
  dense: denseLayer,
  activation: activationLayer,
  flatten: flattenLayer,
  conv: convLayer,
  maxPool: maxPoolLayer,
  averagePool: averagePoolLayer,
  globalAveragePool: globalAveragePoolLayer,
  globalMaxPool: globalMaxPoolLayer,
  batchNorm: batchNormLayer,
  layerNorm: layerNormLayer,
  groupNorm: groupNormLayer,
  dropout: dropoutLayer,
  noise: noiseLayer,
  embedding: embeddingLayer,
  categoryEmbedding: categoryEmbeddingLayer,
  rnn: rnnLayer,
  lstm: lstmLayer,
  gru: gruLayer,
  attention: attentionLayer,
  positions: positionsLayer,
  meanOverTime: meanOverTimeLayer,
  residual: residualLayer,
  reshape: reshapeLayer,
  permute: permuteLayer,
  imported: importedLayer,
} as const;

/** @throws GradusError for a kind that is not a layer, or a layer of a program's own that takes one of our kinds */
export function layerDefinition(layer: Layer): LayerDefinition<Layer> {
  const own = ownDefinition(layer);
  const found = Object.hasOwn(layerKinds, layer.kind) ? layerKinds[layer.kind as keyof typeof layerKinds] : undefined;
  if (own && found) throw new GradusError(`a layer of your own cannot be of the kind "${layer.kind}": that is one of ours`);
  if (own) return own;
  if (!found) {
    throw new GradusError(`no layer "${layer.kind}"`, {
      hint: `one of ${Object.keys(layerKinds).join(", ")}; one of your own is made by defineLayer, and given again to load a model that has it: { layers: [${layer.kind}] }`,
    });
  }
  return found as unknown as LayerDefinition<Layer>;
}
