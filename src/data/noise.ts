/** Normal noise by the thousand: quick, and accurate enough for what is noise. */
import { standardNormalQuantile } from "../util/normal.ts";
import type { Rng } from "../util/rng.ts";

const levels = 65_536;
let quantiles: Float32Array | undefined;

/** The normal distribution in 65 536 equally likely levels, |x| ≤ 4.3, symmetric, scaled to variance 1. */
function table(): Float32Array {
  if (quantiles) return quantiles;
  const exact = Float64Array.from({ length: levels / 2 }, (_, i) => standardNormalQuantile((i + 0.5) / levels));
  let squares = 0;
  for (const value of exact) squares += value * value;
  const scale = 1 / Math.sqrt((2 * squares) / levels);
  quantiles = new Float32Array(levels);
  for (let i = 0; i < exact.length; i++) {
    quantiles[i] = exact[i]! * scale;
    quantiles[levels - 1 - i] = -quantiles[i]!;
  }
  return quantiles;
}

/** The normal number of a random word's lower 16 bits. */
export const normalOf = (word: number): number => table()[word & 0xffff]!;

/** Adds independent normal numbers to all values; half a word each. */
export function addNoise(values: Float32Array, deviation: number, draw: Rng): void {
  const normals = table();
  const { length } = values;
  for (let i = 0; i + 1 < length; i += 2) {
    const word = draw.uint32();
    values[i] = values[i]! + deviation * normals[word & 0xffff]!;
    values[i + 1] = values[i + 1]! + deviation * normals[word >>> 16]!;
  }
  if (length % 2 === 1) values[length - 1] = values[length - 1]! + deviation * normals[draw.uint32() & 0xffff]!;
}
