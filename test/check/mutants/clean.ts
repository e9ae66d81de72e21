/** Right networks of every kind: none may raise an alarm. */
import { l2Penalty } from "../../../src/check/subject.ts";
import { activation } from "../../../src/nn/layers/activation.ts";
import { attention } from "../../../src/nn/layers/attention.ts";
import { batchNorm } from "../../../src/nn/layers/batch-norm.ts";
import { conv } from "../../../src/nn/layers/conv.ts";
import { dense } from "../../../src/nn/layers/dense.ts";
import { dropout } from "../../../src/nn/layers/dropout.ts";
import { embedding } from "../../../src/nn/layers/embedding.ts";
import { flatten } from "../../../src/nn/layers/flatten.ts";
import { groupNorm } from "../../../src/nn/layers/group-norm.ts";
import { layerNorm } from "../../../src/nn/layers/layer-norm.ts";
import { averagePool, globalAveragePool, globalMaxPool, maxPool } from "../../../src/nn/layers/pool.ts";
import { gru, lstm, rnn } from "../../../src/nn/layers/recurrent.ts";
import { residual } from "../../../src/nn/layers/residual.ts";
import { meanOverTime, positions } from "../../../src/nn/layers/sequence.ts";
import { transformerBlock } from "../../../src/nn/layers/transformer.ts";
import type { ActivationName } from "../../../src/nn/activation.ts";
import type { LossName } from "../../../src/nn/losses/index.ts";
import type { Layers, Setting } from "./problems.ts";

export interface CleanModel {
  readonly name: string;
  readonly setting: Setting;
}

const relu = () => activation("relu");
const tanh = () => activation("tanh");
const model = (name: string, setting: Setting): CleanModel => ({ name, setting });

const activations: readonly ActivationName[] = ["identity", "relu", "leakyRelu", "elu", "gelu", "tanh", "sigmoid", "softmax"];
const losses: readonly LossName[] = ["binaryCrossEntropy", "multiLabelCrossEntropy", "meanSquared", "meanAbsolute", "huber"];

const denseModels: readonly CleanModel[] = [
  ...activations.map((name, seed) =>
    model(`5-6-4-3, ${name}`, { layers: [dense(6), activation(name), dense(4), activation(name), dense(3)], inputShape: [5], seed }),
  ),
  ...losses.map((loss, seed) =>
    model(`4-7-2, tanh, ${loss}`, { layers: [dense(7), tanh(), dense(2)], inputShape: [4], outputs: 2, loss, seed }),
  ),
  ...losses.map((loss, seed) =>
    model(`4-7-2, ReLU, ${loss}`, { layers: [dense(7), relu(), dense(2)], inputShape: [4], outputs: 2, loss, seed: 20 + seed, rows: 12 }),
  ),
  ...[1, 2, 3, 4].map((seed) =>
    model(`6-12-8-3, ReLU, biases zero, seed ${seed}`, {
      layers: [dense(12), relu(), dense(8), relu(), dense(3)],
      inputShape: [6],
      rows: 16,
      shake: 0,
      seed,
    }),
  ),
  model("linear regression", { layers: [dense(1)], inputShape: [6], outputs: 1, loss: "meanSquared" }),
  model("logistic regression", { layers: [dense(1)], inputShape: [6], outputs: 1, loss: "binaryCrossEntropy" }),
  model("eight layers, tanh", { layers: [...Array.from({ length: 8 }, () => [dense(4), tanh()]).flat(), dense(3)], inputShape: [4] }),
  ...[1e-5, 0.1, 10].map((lambda) =>
    model(`4-5-3, tanh, L2 with λ = ${lambda}`, { layers: [dense(5), tanh(), dense(3)], inputShape: [4], penalty: l2Penalty(lambda, 6) }),
  ),
  model("a way around two layers", {
    layers: [dense(5), residual([dense(5), relu(), dense(5)]), relu(), dense(3)],
    inputShape: [4],
    seed: 2,
  }),
  model("a way around with a projection", { layers: [residual([dense(7), tanh()]), dense(3)], inputShape: [4] }),
];

const both = (name: string, setting: Setting): CleanModel[] => [
  model(`${name}, evaluation`, setting),
  model(`${name}, training`, { ...setting, mode: "training" }),
];

const modes: readonly CleanModel[] = [
  ...both("dropout after tanh", { layers: [dense(10), tanh(), dropout(0.6), dense(3)], inputShape: [5] }),
  ...both("dropout twice, ReLU", { layers: [dropout(0.9), dense(10), relu(), dropout(0.5), dense(3)], inputShape: [5], rows: 10, seed: 3 }),
  model("dropout of whole channels, training", {
    layers: [conv(4), tanh(), dropout(0.5, { spatial: true }), globalAveragePool(), dense(3)],
    inputShape: [1, 4, 4],
    mode: "training",
  }),
  ...both("batch normalisation, ReLU", { layers: [dense(6), batchNorm(), relu(), dense(3)], inputShape: [5], rows: 12 }),
  ...both("batch normalisation of images, tanh", {
    layers: [conv(3, { bias: false }), batchNorm(), tanh(), globalAveragePool(), dense(3)],
    inputShape: [1, 4, 4],
    rows: 4,
  }),
  ...both("batch normalisation twice, sigmoid", {
    layers: [dense(5), batchNorm({ momentum: 0.5 }), activation("sigmoid"), dense(4), batchNorm({ epsilon: 0.01 }), tanh(), dense(3)],
    inputShape: [4],
    seed: 5,
  }),
  model("layer normalisation", { layers: [dense(6), layerNorm(), relu(), dense(3)], inputShape: [5], seed: 7 }),
  model("group normalisation", { layers: [conv(4), groupNorm(2), relu(), globalAveragePool(), dense(3)], inputShape: [2, 4, 4], rows: 3 }),
];

const images: readonly (readonly [string, Layers])[] = [
  ["convolution, ReLU, max-pool", [conv(3), relu(), maxPool(), flatten(), dense(3)]],
  ["convolution, max-pool of overlapping windows, ReLU", [conv(3), maxPool({ size: 3, stride: 2 }), relu(), flatten(), dense(3)]],
  ["two convolutions with stride 2, tanh", [conv(3, { stride: 2 }), tanh(), conv(4, { stride: 2 }), tanh(), flatten(), dense(3)]],
  ["convolution without padding, average pool", [conv(3, { padding: "valid" }), activation("elu"), averagePool(), flatten(), dense(3)]],
  ["dilated convolution, global average pool", [conv(4, { dilation: 2 }), tanh(), globalAveragePool(), dense(3)]],
  ["convolution in two groups, global max-pool", [conv(4), tanh(), conv(4, { groups: 2 }), globalMaxPool(), dense(3)]],
  ["convolution around a convolution", [conv(3), residual([conv(3), relu()]), globalAveragePool(), dense(3)]],
  ["kernel 2, GELU", [conv(3, { kernel: 2 }), activation("gelu"), flatten(), dense(3)]],
];

const cells = { rnn, lstm, gru };
const sequences = { inputShape: [4, 2], rows: 4 } as const;
const recurrent: readonly CleanModel[] = (["rnn", "lstm", "gru"] as const).flatMap((kind, seed) => {
  const cell = cells[kind];
  const upper = kind.toUpperCase();
  return [
    model(upper, { ...sequences, layers: [cell(3), dense(3)], seed }),
    model(`${upper}, sequences of 1 to 4 steps`, { ...sequences, lengths: true, layers: [cell(3), dense(3)], seed }),
    model(`${upper} both ways, of 1 to 4 steps`, {
      ...sequences,
      lengths: true,
      layers: [cell(2, { bidirectional: true }), dense(3)],
      seed,
    }),
    model(`two of ${upper}, every step`, {
      ...sequences,
      layers: [cell(2, { sequences: true }), cell(2, { sequences: true }), meanOverTime(), dense(3)],
      seed,
    }),
  ];
});

const looking: readonly CleanModel[] = [
  model("attention", { inputShape: [3, 4], rows: 3, layers: [attention(2), meanOverTime(), dense(3)] }),
  model("attention over sequences of 1 to 3 steps", {
    inputShape: [3, 4],
    rows: 3,
    lengths: true,
    layers: [attention(1), meanOverTime(), dense(3)],
  }),
  model("a transformer block", {
    inputShape: [3, 4],
    rows: 2,
    layers: [positions(), ...transformerBlock({ width: 4, heads: 2, hidden: 6 }), meanOverTime(), dense(3)],
  }),
  model("embedding, mean over time", { inputShape: [5], rows: 4, tokens: 6, layers: [embedding(6, 3), tanh(), meanOverTime(), dense(3)] }),
  model("embedding, LSTM", { inputShape: [4], rows: 3, tokens: 5, layers: [embedding(5, 3), lstm(3), dense(3)] }),
  model("embedding, ReLU, flatten", {
    inputShape: [4],
    rows: 5,
    tokens: 7,
    layers: [embedding(7, 2), flatten(), dense(6), relu(), dense(3)],
  }),
];

export const cleanModels: readonly CleanModel[] = [
  ...denseModels,
  ...modes,
  ...images.map(([name, layers], seed) => model(name, { layers, inputShape: [1, 6, 6], rows: 3, seed })),
  ...recurrent,
  ...looking,
];
