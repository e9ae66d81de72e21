/** What is measured against other libraries, steps and whole trainings: these networks, ReLU between layers, softmax cross-entropy. */

export interface SpeedCase {
  /** Units from input to output. */
  readonly layers: readonly number[];
  readonly batch: number;
  readonly optimizer: "sgd" | "adam";
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

/** `784-512-512-10 b128 adam` */
export function caseName({ layers, batch, optimizer }: SpeedCase): string {
  return `${layers.join("-")} b${batch} ${optimizer}`;
}
