/** Rows in the order of a number, in linear time: buckets where keys are spread evenly, else a radix sort that carries row numbers. */
import { HIGH, LOW } from "./row-hash.ts";

const BITS = 16;
const BUCKETS = 2 ** BITS;

/**
 * The given rows by ascending key; rows of equal keys keep their order.
 * @param keys one number for every row of the table, no NaN
 * @param rows default all of them
 */
export function orderByKey(keys: Float64Array, rows?: Int32Array): Int32Array {
  return orderSpread(keys, rows) ?? orderAny(keys, rows);
}

/** Rows of a bucket that are put in order one by one. */
const FEW = 64;

/**
 * Keys that are spread evenly, as hashes are: into buckets by a straight line from the least to the greatest, then in order in each.
 * @returns undefined where some bucket has many rows
 */
function orderSpread(keys: Float64Array, rows: Int32Array | undefined): Int32Array | undefined {
  const n = rows?.length ?? keys.length;
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < n; i++) {
    const key = keys[rows ? rows[i]! : i]!;
    if (key < low) low = key;
    if (key > high) high = key;
  }
  const buckets = Math.max(1, n >> 3);
  const scale = (buckets - 1) / (high - low);
  if (!Number.isFinite(high - low) || !Number.isFinite(scale)) return undefined;
  const starts = new Int32Array(buckets + 1);
  for (let i = 0; i < n; i++) starts[Math.floor((keys[rows ? rows[i]! : i]! - low) * scale) + 1]! += 1;
  for (let bucket = 0; bucket < buckets; bucket++) {
    if (starts[bucket + 1]! > FEW) return undefined;
    starts[bucket + 1]! += starts[bucket]!;
  }
  const order = new Int32Array(n);
  const sorted = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const row = rows ? rows[i]! : i;
    const key = keys[row]!;
    const bucket = Math.floor((key - low) * scale);
    const at = starts[bucket]!;
    starts[bucket] = at + 1;
    order[at] = row;
    sorted[at] = key;
  }
  // Buckets follow each other, so one insertion sort over all of them moves nothing further than its bucket.
  for (let i = 1; i < n; i++) {
    const [row, key] = [order[i]!, sorted[i]!];
    let at = i;
    for (; at > 0 && sorted[at - 1]! > key; at--) {
      sorted[at] = sorted[at - 1]!;
      order[at] = order[at - 1]!;
    }
    sorted[at] = key;
    order[at] = row;
  }
  return order;
}

function orderAny(keys: Float64Array, rows: Int32Array | undefined): Int32Array {
  const n = rows?.length ?? keys.length;
  const words = new Int32Array(keys.buffer, keys.byteOffset, 2 * keys.length);
  let order = new Int32Array(n);
  let high = new Int32Array(n);
  let low = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    const row = rows ? rows[i]! : i;
    order[i] = row;
    // As unsigned words that rise with the number: all bits of a negative one turned, the sign of a positive one. −0 is 0.
    const zero = keys[row] === 0;
    const top = zero ? 0 : words[2 * row + HIGH]!;
    const turn = top >> 31;
    high[i] = top ^ (turn | -0x80000000);
    low[i] = zero ? 0 : words[2 * row + LOW]! ^ turn;
  }
  let [order2, high2, low2] = [new Int32Array(n), new Int32Array(n), new Int32Array(n)];
  const starts = new Int32Array(BUCKETS);
  for (let pass = 0; pass < 4; pass++) {
    const digits = pass < 2 ? low : high;
    const shift = BITS * (pass % 2);
    starts.fill(0);
    for (let i = 0; i < n; i++) starts[(digits[i]! >>> shift) & (BUCKETS - 1)]! += 1;
    if (n > 0 && starts[(digits[0]! >>> shift) & (BUCKETS - 1)] === n) continue;
    for (let bucket = 0, sum = 0; bucket < BUCKETS; bucket++) {
      const count = starts[bucket]!;
      starts[bucket] = sum;
      sum += count;
    }
    for (let i = 0; i < n; i++) {
      const bucket = (digits[i]! >>> shift) & (BUCKETS - 1);
      const at = starts[bucket]!;
      starts[bucket] = at + 1;
      order2[at] = order[i]!;
      high2[at] = high[i]!;
      low2[at] = low[i]!;
    }
    [order, order2, high, high2, low, low2] = [order2, order, high2, high, low2, low];
  }
  return order;
}
