/** Healthy problems, and faults planted in them for as long as a test runs. */
import type { Value } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { activations, type ActivationName } from "../../src/nn/activation.ts";
import type { Loss } from "../../src/nn/loss.ts";
import { activation } from "../../src/nn/layers/activation.ts";
import { dense } from "../../src/nn/layers/dense.ts";
import { losses, type LossName } from "../../src/nn/losses/index.ts";
import { sequential } from "../../src/nn/network.ts";
import { initializeParameters } from "../../src/nn/parameters.ts";
import { contextOf } from "../../src/preflight/context.ts";
import { runRule, type PreflightOptions } from "../../src/preflight/preflight.ts";
import { rules } from "../../src/preflight/rules/index.ts";
import type { Dataset } from "../../src/train/dataset.ts";
import { layoutOf, type Problem } from "../../src/train/step-graph.ts";
import type { Finding } from "../../src/util/finding.ts";
import { rng } from "../../src/util/rng.ts";

export type Layers = Parameters<typeof sequential>[0];

export const bent = (units: number, name: ActivationName = "relu"): Layers => [dense(units), activation(name)];
export const healthy: Layers = [...bent(64), ...bent(32), dense(3)];

export function problemOf(layers: Layers = healthy, loss: LossName | Loss = "categoricalCrossEntropy", outputs = 3, inputs = 8): Problem {
  return { network: sequential(layers), loss: typeof loss === "string" ? losses[loss] : loss, inputShape: [inputs], outputs };
}

/** Standard normal inputs; classes, or an amount of mean 0 and variance 1, that depend on the first three of them. */
export function rowsFor({ inputShape, outputs, loss }: Problem, rows = 200, seed = 1): Dataset {
  const draw = rng(seed, "rows");
  const width = inputShape.reduce((a, b) => a * b, 1);
  const features = draw.fillNormal(new Float32Array(rows * width));
  const targets = new Float32Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    const [a, b, c] = features.subarray(row * width, row * width + 3) as unknown as [number, number, number];
    if (loss.prediction === "softmax") targets[row * outputs + (a > 0.4 ? 0 : b + c > 0 ? 1 : outputs - 1)] = 1;
    else if (loss.prediction === "sigmoid") targets.fill(a + b > 0 ? 1 : 0, row * outputs, (row + 1) * outputs);
    else targets.fill((a + Math.sin(2 * b) + c * 0.7) / 1.4, row * outputs, (row + 1) * outputs);
  }
  return { features: tensor("float32", features, [rows, ...inputShape]), targets: tensor("float32", targets, [rows, outputs]) };
}

/** One rule's findings on a problem. */
export function found(rule: string, problem: Problem, options: PreflightOptions & { readonly data?: Dataset } = {}): Promise<Finding[]> {
  const { data = rowsFor(problem), limits = {}, ...rest } = options;
  return runRule(
    rules.find(({ name }) => name === rule)!,
    contextOf(problem, data, rest),
    limits[rule],
  );
}

/** The initialisers' weights, changed tensor by tensor. */
export function weightsOf(problem: Problem, change: (weights: Float32Array, name: string) => void): Float32Array {
  const layout = layoutOf(problem);
  const theta = new Float32Array(layout.size);
  initializeParameters(layout, theta, 1);
  for (const { name, offset, size } of layout.slots) change(theta.subarray(offset, offset + size), name);
  return theta;
}

/** An activation replaced by another function of its input while `f` runs. */
export async function withActivation<T>(name: ActivationName, apply: (z: Value) => Value, f: () => Promise<T>): Promise<T> {
  const record = activations[name] as { apply: (z: Value) => Value };
  const right = record.apply;
  record.apply = apply;
  try {
    return await f();
  } finally {
    record.apply = right;
  }
}

/** Images as they are, neighbours alike: noise blurred along both axes, at variance 1. */
export function smoothed(data: Dataset): Dataset {
  const [rows, channels, height, width] = data.features.shape as [number, number, number, number];
  const from = data.features.data as Float32Array;
  const blurred = from.map((_, i) => {
    const [x, y] = [i % width, Math.floor(i / width) % height];
    let sum = 0;
    for (let dy = -2; dy <= 2; dy++) {
      for (let dx = -2; dx <= 2; dx++) sum += from[i - y * width - x + ((y + dy + height) % height) * width + ((x + dx + width) % width)]!;
    }
    return sum / 5;
  });
  return { ...data, features: tensor("float32", blurred, [rows, channels, height, width]) };
}
