/** What is measured against other libraries, steps and whole trainings: dense networks, ReLU between layers, softmax cross-entropy; and ready architectures. */
import type { ArchitectureName } from "../src/nn/architectures/index.ts";

export interface SpeedCase {
  /** Units from input to output; of an architecture, numbers of one example and classes. */
  readonly layers: readonly number[];
  /** A dense network where left out. */
  readonly architecture?: { readonly name: ArchitectureName; readonly inputShape: readonly number[]; readonly layers: readonly number[] };
  readonly batch: number;
  readonly optimizer: "sgd" | "adam";
  /** With an L2 penalty on the weights, and dropout behind hidden layers. */
  readonly regularized?: { readonly l2: number; readonly keepProbability: number };
  /** Rows in memory that mini-batches are drawn from. */
  readonly rows: number;
}

const networks = [
  { layers: [784, 512, 512, 10], batch: 128 },
  { layers: [784, 1024, 1024, 1024, 10], batch: 512 },
  { layers: [64, 32, 10], batch: 32 },
  { layers: [1500, 256, 2], batch: 256 },
] as const;

export const speedCases: readonly SpeedCase[] = networks.flatMap((network) =>
  (["sgd", "adam"] as const).map((optimizer) => ({ ...network, optimizer, rows: 10_000 })),
);

export interface TrainingCase extends SpeedCase {
  readonly epochs: number;
}

/** Adam at 0.001 throughout; `rows` are trained on, in whole batches. */
export const trainingCases: readonly TrainingCase[] = [
  { layers: [64, 32, 10], batch: 32, optimizer: "adam", rows: 10_240, epochs: 5 },
  { layers: [64, 512, 512, 10], batch: 128, optimizer: "adam", rows: 4096, epochs: 3 },
];

const architectures = [
  { architecture: { name: "cnn", inputShape: [1, 28, 28], layers: [32, 64, 128] }, batch: 64 },
  { architecture: { name: "resnet", inputShape: [3, 32, 32], layers: [16, 32, 64] }, batch: 32 },
  { architecture: { name: "lstm", inputShape: [50, 64], layers: [128] }, batch: 32 },
  { architecture: { name: "transformer", inputShape: [64, 128], layers: [128] }, batch: 16 },
] as const;

export const architectureCases: readonly SpeedCase[] = architectures.flatMap((one) =>
  (["sgd", "adam"] as const).map((optimizer) => ({
    ...one,
    layers: [one.architecture.inputShape.reduce<number>((a, b) => a * b, 1), 10],
    optimizer,
    rows: 2048,
  })),
);

/** Adam with all that regularises, on the same networks. */
export const regularizedCases: readonly SpeedCase[] = [...speedCases, ...architectureCases]
  .filter(({ optimizer }) => optimizer === "adam")
  .map((one) => ({ ...one, regularized: { l2: 1, keepProbability: 0.8 } }));

/** `784-512-512-10 b128 adam`, `cnn 1×28×28 b64 adam` */
export function caseName({ layers, architecture, batch, optimizer }: SpeedCase): string {
  const network = architecture ? `${architecture.name} ${architecture.inputShape.join("×")}` : layers.join("-");
  return `${network} b${batch} ${optimizer}`;
}
