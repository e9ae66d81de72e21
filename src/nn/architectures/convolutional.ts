/**
 * Networks on images, [channels, height, width]. Pooling and ways around raise the signal, so output layers start small: the first
 * loss is that of a network that knows nothing.
 */
import { formatShape } from "../../ir/shape.ts";
import { GradusError } from "../../util/errors.ts";
import type { Architecture, DataShape } from "../architecture.ts";
import { activation } from "../layers/activation.ts";
import { batchNorm } from "../layers/batch-norm.ts";
import { conv } from "../layers/conv.ts";
import { dense } from "../layers/dense.ts";
import { flatten } from "../layers/flatten.ts";
import { globalAveragePool, maxPool } from "../layers/pool.ts";
import { residual } from "../layers/residual.ts";
import { sequential, type Network } from "../network.ts";
import { dropsOf } from "./drops.ts";

function checkImage(name: string, { inputShape }: DataShape, least: number): void {
  if (inputShape.length === 3 && Math.min(inputShape[1]!, inputShape[2]!) >= least) return;
  const what = `images [channels, height, width] of at least ${least}×${least}`;
  throw new GradusError(`${name} needs ${what}, got examples of shape ${formatShape(inputShape)}`);
}

/**
 * Two stages of convolution and pooling, then dense, after LeNet-5 (LeCun et al. 1998) with today's parts. The activation comes after
 * pooling, on a quarter of the numbers; of a rising activation the order changes nothing.
 */
export const lenet: Architecture = {
  name: "cnn",
  summary: "two stages of convolution and pooling, then a dense layer, after LeNet",
  layers: [32, 64, 128],
  build(data, options = {}): Network {
    checkImage("cnn", data, 8);
    const { layers = lenet.layers, activation: name = "relu" } = options;
    const units = layers.at(-1)!;
    const last = layers.length - 1;
    // One number is for the dense layer; convolutions have few weights, and drop whole channels where they are asked to.
    const { inputs, behind } = dropsOf("cnn", options, layers.length, (layer) => layer === last);
    return sequential([
      ...inputs,
      ...layers.slice(0, -1).flatMap((filters, i) => [conv(filters), maxPool(), activation(name), ...behind(i, { spatial: true })]),
      flatten(),
      dense(units),
      activation(name),
      ...behind(last),
      dense(data.outputs, { initializer: "smallNormal" }),
    ]);
  },
};

/** Blocks of two 3×3 convolutions with a way around, halving the image at each stage, after ResNet-20 (He et al. 2016). */
export const resnet: Architecture = {
  name: "resnet",
  summary: "residual blocks with batch normalisation, the image halved at each stage",
  layers: [16, 32, 64],
  build(data, options = {}): Network {
    checkImage("resnet", data, 8);
    const { layers = resnet.layers, activation: name = "relu" } = options;
    const last = layers.length - 1;
    const { inputs, behind } = dropsOf("resnet", options, layers.length, (layer) => layer === last);
    const block = (filters: number, stride: number) => [
      residual([conv(filters, { stride, bias: false }), batchNorm(), activation(name), conv(filters, { bias: false }), batchNorm()]),
      activation(name),
    ];
    return sequential([
      ...inputs,
      conv(layers[0]!, { bias: false }),
      batchNorm(),
      activation(name),
      ...layers.flatMap((filters, stage) => [
        ...block(filters, stage === 0 ? 1 : 2),
        ...(stage === last ? [] : behind(stage, { spatial: true })),
      ]),
      globalAveragePool(),
      ...behind(last),
      dense(data.outputs, { initializer: "smallNormal" }),
    ]);
  },
};
