/** Randomness as a pure function of (seed, stream, step): Philox4x32-10, counter-based, equal to the bit on every platform. */
import { GradusError } from "./errors.ts";
import { standardNormalQuantile } from "./normal.ts";

// As signed 32-bit patterns, which keeps the engine on integer arithmetic.
const M0 = 0xd2511f53 | 0;
const M1 = 0xcd9e8d57 | 0;
const W0 = 0x9e3779b9 | 0;
const W1 = 0xbb67ae85 | 0;
const TWO_32 = 4_294_967_296;

/** High 32 bits of the 64-bit product of two unsigned 32-bit integers, as a signed 32-bit pattern. */
function multiplyHigh(a: number, b: number): number {
  const al = a & 0xffff;
  const ah = a >>> 16;
  const bl = b & 0xffff;
  const bh = b >>> 16;
  // Every sum below 2³²: (2¹⁶−1)² + 2·(2¹⁶−1) = 2³² − 1.
  const first = (Math.imul(ah, bl) + (Math.imul(al, bl) >>> 16)) | 0;
  const second = (Math.imul(al, bh) + (first & 0xffff)) | 0;
  return (Math.imul(ah, bh) + (first >>> 16) + (second >>> 16)) | 0;
}

/**
 * One block of Philox4x32-10: four random words, written at `out[offset]`, from a 128-bit counter and a 64-bit key.
 * Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011); tested against Random123's known answers.
 */
export function philox4x32(c0: number, c1: number, c2: number, c3: number, k0: number, k1: number, out: Uint32Array, offset = 0): void {
  let [a, b, c, d] = [c0 | 0, c1 | 0, c2 | 0, c3 | 0];
  let [key0, key1] = [k0 | 0, k1 | 0];
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(a, M0);
    const low0 = Math.imul(a, M0);
    a = multiplyHigh(c, M1) ^ b ^ key0;
    b = Math.imul(c, M1);
    c = high0 ^ d ^ key1;
    d = low0;
    key0 = (key0 + W0) | 0;
    key1 = (key1 + W1) | 0;
  }
  out[offset] = a;
  out[offset + 1] = b;
  out[offset + 2] = c;
  out[offset + 3] = d;
}

/** A 64-bit hash of a text (two FNV-1a passes over its UTF-16 units, each finished by murmur3's mixer), as two words. */
export function hashText(text: string): [number, number] {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit, 0x5bd1e995);
    b ^= b >>> 15;
  }
  return [mix(a ^ text.length), mix(b ^ a)];
}

function mix(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Draws from one stream; each call moves on by a fixed number of 32-bit words (`integer` by one, seldom more). */
export interface Rng {
  /** An integer in [0, 2³²). */
  uint32(): number;
  /** A number in [0, 1) with 53 random bits; two words. */
  uniform(): number;
  /** A standard normal number, by inversion, so |x| < 8.3; two words. */
  normal(): number;
  /** An integer in [0, n), unbiased (Lemire's method); 1 ≤ n ≤ 2³². */
  integer(n: number): number;
  /** The numbers 0 … n−1 in random order (Fisher-Yates). */
  permutation(n: number): Int32Array;
  /** Fills with numbers in [0, 1): 53 bits each in float64, 24 bits (one word) each in float32, so that 1 never appears. */
  fillUniform<A extends Float32Array | Float64Array>(out: A): A;
  /** Fills with standard normal numbers, two words each; a float32 array holds the float64 ones, rounded. */
  fillNormal<A extends Float32Array | Float64Array>(out: A): A;
}

/**
 * The generator of one (seed, stream, step); another triple gives independent numbers, the same one the same numbers.
 * @param seed a whole number, 0 ≤ seed < 2⁵³
 * @param stream what the numbers are for, e.g. `"shuffle"` or `"dropout/dense_1"`
 * @param step a whole number, 0 ≤ step < 2³², e.g. the training step or the epoch
 */
export function rng(seed: number, stream: string, step = 0): Rng {
  return rngOfSteps(seed, stream)(step);
}

/**
 * The generators of one (seed, stream), one after the other: each call restarts the one generator at another step, for a
 * hundredth of what a new one costs.
 * @example const draw = rngOfSteps(1, "noise"); draw(7).normal() === rng(1, "noise", 7).normal()
 */
export function rngOfSteps(seed: number, stream: string): (step: number) => Rng {
  if (!Number.isSafeInteger(seed) || seed < 0) throw new GradusError(`a seed is a whole number from 0 to 2^53 − 1, found ${seed}.`);
  const seedHigh = Math.floor(seed / TWO_32);
  const [s0, s1] = hashText(stream);
  let [step, block] = [0, 0];
  // Few words first: many streams are asked for no more.
  let buffer = new Uint32Array(16);
  let [position, filled] = [0, 0];

  function refill(): void {
    if (block > 0 && buffer.length < 256) buffer = new Uint32Array(256);
    filled = block === 0 ? 8 : buffer.length;
    for (let i = 0; i < filled; i += 4) {
      philox4x32(block, step, s0, s1, seed, seedHigh, buffer, i);
      block = (block + 1) | 0;
    }
    position = 0;
  }
  function uint32(): number {
    if (position === filled) refill();
    return buffer[position++]!;
  }
  function uniform(): number {
    const high = uint32() >>> 5;
    return (high * 67_108_864 + (uint32() >>> 6)) / 9_007_199_254_740_992;
  }
  function normal(): number {
    // 52 bits and a half: symmetric, never 0 or 1.
    const high = uint32() >>> 6;
    return standardNormalQuantile((high * 67_108_864 + (uint32() >>> 6) + 0.5) / 4_503_599_627_370_496);
  }
  function integer(n: number): number {
    if (n === TWO_32) return uint32();
    const bound = n >>> 0;
    if (bound !== n || n === 0) throw new GradusError(`integer(n) needs a whole n from 1 to 2^32, found ${n}.`);
    let word = uint32();
    let low = Math.imul(word, bound) >>> 0;
    if (low < bound) {
      const threshold = (TWO_32 - bound) % bound;
      while (low < threshold) {
        word = uint32();
        low = Math.imul(word, bound) >>> 0;
      }
    }
    return multiplyHigh(word, bound) >>> 0;
  }
  function permutation(n: number): Int32Array {
    const order = new Int32Array(n);
    for (let i = 1; i < n; i++) {
      const j = integer(i + 1);
      order[i] = order[j]!;
      order[j] = i;
    }
    return order;
  }
  const draws: Rng = {
    uint32,
    uniform,
    normal,
    integer,
    permutation,
    fillUniform(out) {
      if (out instanceof Float32Array) for (let i = 0; i < out.length; i++) out[i] = (uint32() >>> 8) / 16_777_216;
      else for (let i = 0; i < out.length; i++) out[i] = uniform();
      return out;
    },
    fillNormal(out) {
      for (let i = 0; i < out.length; i++) out[i] = normal();
      return out;
    },
  };
  return (next) => {
    [step, block, position, filled] = [next, 0, 0, 0];
    return draws;
  };
}
