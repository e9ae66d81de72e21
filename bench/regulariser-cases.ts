/** Where regularisation is studied, and how strong it may be: networks that overfit, fixed grids of strengths. */
import type { AugmentationSpec } from "../src/data/augmentation.ts";
import { readTable } from "../src/data/read-table.ts";
import type { Table } from "../src/data/table.ts";
import type { Regularizer } from "../src/train/regularizer.ts";
import { splitTable, type TableParts } from "../src/train/fit-table.ts";
import type { StopOptions } from "../src/train/stopping/index.ts";
import { rng } from "../src/util/rng.ts";
import { idxTable } from "./idx.ts";

export interface RegulariserCase {
  readonly name: string;
  /** What is trained on and how it is split, in words. */
  readonly what: string;
  /** [channels, height, width] of images. */
  readonly shape?: readonly number[];
  readonly epochs: number;
  readonly batchSize: number;
  /** Seeds 1, 2, … of splits and trainings that are compared. */
  readonly seeds: number;
  read(data: string): Promise<Table>;
  parts(table: Table, seed: number): TableParts;
  readonly augmentations: readonly (readonly AugmentationSpec[])[];
}

/** One strength of one way to regularise: what it adds to a training without. */
export interface Strength {
  readonly label: string;
  readonly regularizer?: Regularizer;
  readonly keepProbability?: number;
  readonly augment?: readonly AugmentationSpec[];
  readonly stop?: StopOptions;
}

export interface Way {
  readonly name: string;
  readonly grid: readonly Strength[];
}

/** The ways, each with its grid from weak to strong. */
export function waysOf({ augmentations }: RegulariserCase): readonly Way[] {
  return [
    { name: "L2", grid: [1, 3, 10].map((l2) => ({ label: `λ = ${l2}`, regularizer: { l2 } })) },
    { name: "dropout", grid: [0.8, 0.65, 0.5].map((keepProbability) => ({ label: `keeps ${keepProbability}`, keepProbability })) },
    { name: "augmentation", grid: augmentations.map((augment) => ({ label: augment.map(shown).join(", "), augment })) },
    {
      name: "early stopping",
      grid: (
        [
          ["error", 10],
          ["error", 5],
          ["loss", 10],
        ] as const
      ).map(([monitor, epochs]) => ({
        label: `${monitor}, patience ${epochs}`,
        stop: { kind: "patience", monitor, epochs },
      })),
    },
  ];
}

function shown({ kind, ...settings }: AugmentationSpec): string {
  return [kind, ...Object.values(settings)].join(" ");
}

const imageRows = 3000;
const noise = (deviation: number): readonly AugmentationSpec[] => [{ kind: "noise", deviation }];
const ofTables = [
  noise(0.2),
  noise(0.5),
  [{ kind: "mixup", alpha: 0.4 }],
  [
    { kind: "noise", deviation: 0.3 },
    { kind: "mixup", alpha: 1 },
  ],
];

export const regulariserCases: readonly RegulariserCase[] = [
  {
    name: "fashion-mnist",
    what: `${imageRows} of the training images, another ${imageRows} to validate, drawn anew for each seed`,
    shape: [1, 28, 28],
    epochs: 30,
    batchSize: 64,
    seeds: 5,
    read: (data) => idxTable(`${data}/fashion-mnist`),
    parts(table, seed) {
      const order = rng(seed, "split").permutation(60_000);
      const [train, validation] = [order.slice(0, imageRows).sort(), order.slice(imageRows, 2 * imageRows).sort()];
      return { table, train, validation, test: new Int32Array(0), policy: `${imageRows}/${imageRows} rows`, notes: [] };
    },
    augmentations: [
      [{ kind: "flip" }],
      [{ kind: "flip" }, { kind: "crop", padding: 1 }],
      [{ kind: "flip" }, { kind: "rotate", degrees: 5 }, { kind: "crop", padding: 2 }],
    ],
  },
  {
    name: "churn",
    what: "two fifths of the rows, two fifths to validate, stratified, anew for each seed",
    epochs: 50,
    batchSize: 64,
    seeds: 8,
    read: (data) => readTable(`${data}/churn/churn.csv`, { target: "churn" }),
    parts: (table, seed) => splitTable(table, { policy: "40/40/20", seed }),
    augmentations: ofTables,
  },
  {
    name: "vowel",
    what: "rows of three fifths of the 15 speakers, those of the others to validate, anew for each seed",
    epochs: 80,
    batchSize: 32,
    seeds: 8,
    read: (data) => readTable(`${data}/vowel/vowel.csv`, { target: "Class", group: "V1", drop: ["split"] }),
    parts: (table, seed) => splitTable(table, { policy: "60/40/0", seed }),
    augmentations: ofTables,
  },
];
