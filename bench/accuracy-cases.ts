/** The data sets of the accuracy benchmark, by their place under the data folder. */

export interface AccuracyCase {
  readonly name: string;
  /** Under the data folder: a CSV file, or a folder of IDX files. */
  readonly path: string;
  readonly target: string;
  readonly splitColumn?: string;
  readonly log?: boolean;
  /** Gradus trains this long; the best validation epoch counts. */
  readonly epochs: number;
  readonly seeds: number;
}

/** Hidden layers on both sides. */
export const hiddenLayers = [256, 128] as const;

export const accuracyCases: readonly AccuracyCase[] = [
  { name: "letter", path: "letter/letter.csv", target: "lettr", splitColumn: "split", epochs: 60, seeds: 5 },
  { name: "digits8x8", path: "digits8x8/digits8x8.csv", target: "digit", epochs: 100, seeds: 10 },
  { name: "churn", path: "churn/churn.csv", target: "churn", epochs: 30, seeds: 10 },
  { name: "diamonds", path: "diamonds/diamonds.csv", target: "price", log: true, epochs: 30, seeds: 10 },
  { name: "fashion-mnist", path: "fashion-mnist", target: "label", epochs: 15, seeds: 5 },
];
