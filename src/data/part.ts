/** The parts of a split, as numbers a row and as lists of rows. */

/** In the order of their numbers. */
export const PARTS = ["train", "validation", "test", "trainDev"] as const;
export type PartName = (typeof PARTS)[number];

export const TRAIN = 0;
export const VALIDATION = 1;
export const TEST = 2;
export const TRAIN_DEV = 3;
/** In no part. */
export const NONE = 255;

/** As people call them. */
export const PART_WORDS: Readonly<Record<PartName, string>> = {
  train: "training",
  validation: "validation",
  test: "test",
  trainDev: "train-dev",
};

/** 0 … n−1. */
export function allRows(n: number): Int32Array {
  const rows = new Int32Array(n);
  for (let row = 0; row < n; row++) rows[row] = row;
  return rows;
}

/** How many rows each part has, those in none last. @param partOf a part's number for every row */
export function countParts(partOf: Uint8Array): [train: number, validation: number, test: number, trainDev: number, none: number] {
  const counts: [number, number, number, number, number] = [0, 0, 0, 0, 0];
  for (const part of partOf) counts[part === NONE ? 4 : part]! += 1;
  return counts;
}

/** The rows of one part, ascending. */
export function rowsOf(partOf: Uint8Array, part: number): Int32Array {
  let count = 0;
  for (const other of partOf) if (other === part) count += 1;
  const rows = new Int32Array(count);
  for (let row = 0, at = 0; row < partOf.length; row++) if (partOf[row] === part) rows[at++] = row;
  return rows;
}

/** `"8 training, 1 validation, 1 test"`, parts without rows left out. @param counts as {@link countParts} gives them */
export function describeCounts(counts: readonly number[], grouped: (n: number) => string): string {
  const words = PARTS.flatMap((name, part) => (counts[part]! > 0 ? [`${grouped(counts[part]!)} ${PART_WORDS[name]}`] : []));
  if (counts[4]! > 0) words.push(`${grouped(counts[4]!)} in no part`);
  return words.join(", ");
}
