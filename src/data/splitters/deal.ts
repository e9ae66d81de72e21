/** Clusters of rows dealt to parts, class by class, in the order of their keys. */
import { NONE, TEST, TRAIN, VALIDATION } from "../part.ts";
import type { PartSizes } from "../part-sizes.ts";
import { clusterCount, type Clusters } from "./clusters.ts";

export type Wanted = Pick<PartSizes, "train" | "validation" | "test">;

export interface Dealing {
  readonly clusters: Clusters;
  /** The class of each row of the table; one stratum where left out. */
  readonly labels: Int32Array | undefined;
  readonly classes: number;
  readonly sizes: Wanted;
  /** The parts that rows of the table have already, `NONE` for free ones. Rows of one cluster that have a part have the same. */
  readonly kept: Uint8Array | undefined;
}

/**
 * In each stratum (class) the clusters stand in the order of their keys: those that have a part keep it, of the others test takes the
 * first that fit what it lacks, validation the next, training the rest (what it asks for, where the sizes leave rows over).
 * A cluster with several labels counts in the stratum that most of its rows have.
 * @param over a cluster is also taken where the part ends nearer to its share with it than without
 * @param partOf is filled for the rows of the clusters
 * @returns rows of train, validation, test
 */
export function deal(dealing: Dealing, over: boolean, partOf: Uint8Array): [number, number, number] {
  const { clusters, sizes, kept } = dealing;
  const { rows, starts } = clusters;
  const number = clusterCount(clusters);
  const strata = strataOf(dealing);
  const { stratumOf, waiting, trained } = strata;
  const limited = sizes.train + sizes.validation + sizes.test < rows.length;
  const [roomTrain, roomValidation, roomTest] = roomsOf(strata, sizes, limited);
  const filled: [number, number, number] = [0, 0, 0];
  for (let c = 0; c < number; c++) {
    const from = starts[c]!;
    const to = starts[c + 1]!;
    const size = to - from;
    const needs = over ? size / 2 + 0.5 : size;
    const s = stratumOf[c]!;
    waiting[s]! -= 1;
    let part = kept ? keptPart(kept, rows, from, to) : NONE;
    if (part === NONE) {
      // Every class has a row in training.
      const needed = waiting[s] === 0 && trained[s] === 0;
      if (needed) part = TRAIN;
      else if (roomTest[s]! >= needs) part = TEST;
      else if (roomValidation[s]! >= needs) part = VALIDATION;
      else if (!limited || roomTrain[s]! >= needs) part = TRAIN;
      const room = part === TEST ? roomTest : part === VALIDATION ? roomValidation : roomTrain;
      if (part !== NONE) room[s]! -= size;
    }
    if (part === TRAIN) trained[s]! += size;
    if (part !== NONE) filled[part as 0 | 1 | 2] += size;
    for (let i = from; i < to; i++) partOf[rows[i]!] = part;
  }
  return filled;
}

/** The stratum of each cluster; of each stratum its rows, clusters, rows that have a part. */
interface Strata {
  readonly stratumOf: Int32Array;
  readonly counts: Float64Array;
  readonly waiting: Int32Array;
  readonly trained: Float64Array;
  readonly kept: readonly [train: Float64Array, validation: Float64Array, test: Float64Array];
}

function strataOf({ clusters, labels, classes, kept }: Dealing): Strata {
  const { rows, starts } = clusters;
  const stratumOf = clusterLabels(clusters, labels, classes);
  const counts = new Float64Array(classes);
  const waiting = new Int32Array(classes);
  const held = [new Float64Array(classes), new Float64Array(classes), new Float64Array(classes)] as const;
  for (let c = 0; c + 1 < starts.length; c++) {
    const from = starts[c]!;
    const to = starts[c + 1]!;
    const s = stratumOf[c]!;
    counts[s]! += to - from;
    waiting[s]! += 1;
    const part = kept ? keptPart(kept, rows, from, to) : NONE;
    if (part !== NONE) held[part as 0 | 1 | 2][s]! += to - from;
  }
  return { stratumOf, counts, waiting, trained: held[TRAIN].slice(), kept: held };
}

/** The label that most rows of a cluster have, of equals the first in order. */
export function clusterLabels({ rows, starts }: Clusters, labels: Int32Array | undefined, classes: number): Int32Array {
  const found = new Int32Array(starts.length - 1);
  if (!labels) return found;
  const counts = new Int32Array(classes);
  for (let c = 0; c < found.length; c++) {
    const from = starts[c]!;
    const to = starts[c + 1]!;
    let most = labels[rows[from]!]!;
    if (to - from > 1) {
      for (let i = from; i < to; i++) {
        const label = labels[rows[i]!]!;
        const count = (counts[label]! += 1);
        if (count > counts[most]! || (count === counts[most] && label < most)) most = label;
      }
      for (let i = from; i < to; i++) counts[labels[rows[i]!]!] = 0;
    }
    found[c] = most;
  }
  return found;
}

/** The part that rows of a cluster have already. */
function keptPart(kept: Uint8Array, rows: Int32Array, from: number, to: number): number {
  for (let i = from; i < to; i++) if (kept[rows[i]!] !== NONE) return kept[rows[i]!]!;
  return NONE;
}

/** What each part lacks of each stratum. */
function roomsOf({ counts, kept }: Strata, sizes: Wanted, limited: boolean): [Float64Array, Float64Array, Float64Array] {
  const whole = Array.from(counts);
  // One row of each class is left for training before the others take theirs.
  const test = apportion(
    sizes.test,
    whole,
    whole.map((count) => count - 1),
  );
  const validation = apportion(
    sizes.validation,
    whole,
    whole.map((count, s) => count - 1 - test[s]!),
  );
  const left = whole.map((count, s) => count - test[s]! - validation[s]!);
  const train = limited ? apportion(sizes.train, left, left) : left;
  const lacking = (wanted: readonly number[], held: Float64Array) => Float64Array.from(wanted, (n, s) => Math.max(0, n - held[s]!));
  return [lacking(train, kept[TRAIN]), lacking(validation, kept[VALIDATION]), lacking(test, kept[TEST])];
}

/**
 * Shares of a total in proportion to counts, whole numbers by the largest remainder (ties to the earlier), none above its cap.
 * They sum to the total unless the caps forbid it.
 */
export function apportion(total: number, counts: readonly number[], caps: readonly number[]): number[] {
  const sum = counts.reduce((a, b) => a + b, 0);
  const exact = counts.map((count) => (sum === 0 ? 0 : (total * count) / sum));
  const shares = exact.map((share, i) => Math.max(0, Math.min(Math.floor(share), caps[i]!)));
  let left = total - shares.reduce((a, b) => a + b, 0);
  const byRemainder = exact
    .map((share, i) => ({ i, remainder: share - Math.floor(share) }))
    .toSorted((a, b) => b.remainder - a.remainder || a.i - b.i);
  for (let given = true; left > 0 && given;) {
    given = false;
    for (const { i } of byRemainder) {
      if (left === 0 || shares[i]! >= caps[i]!) continue;
      shares[i]! += 1;
      left -= 1;
      given = true;
    }
  }
  return shares;
}
