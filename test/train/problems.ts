/** Small made-up problems for the tests of training. */
import { tensor } from "../../src/ir/tensor.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { mlp } from "../../src/nn/network.ts";
import type { Dataset } from "../../src/train/dataset.ts";
import type { Problem } from "../../src/train/step-graph.ts";
import { rng } from "../../src/util/rng.ts";

/** Gaussian clouds, one per class, in `width` dimensions. */
export function clouds(options: { rows: number; width?: number; classes?: number; seed?: number; spread?: number }): Dataset {
  const { rows, width = 8, classes = 3, seed = 1, spread = 1 } = options;
  const centres = rng(7, "centres").fillNormal(new Float32Array(classes * width));
  const draw = rng(seed, "clouds");
  const features = new Float32Array(rows * width);
  const targets = new Float32Array(rows * classes);
  for (let row = 0; row < rows; row++) {
    const label = draw.integer(classes);
    targets[row * classes + label] = 1;
    for (let j = 0; j < width; j++) features[row * width + j] = centres[label * width + j]! + spread * draw.normal();
  }
  return { features: tensor("float32", features, [rows, width]), targets: tensor("float32", targets, [rows, classes]) };
}

export function cloudProblem(layers: readonly number[] = [16, 12], width = 8, classes = 3): Problem {
  const network = mlp({ layers, outputs: classes });
  return { network, loss: losses.categoricalCrossEntropy, inputShape: [width], outputs: classes };
}
