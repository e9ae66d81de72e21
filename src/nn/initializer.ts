/** The contract of an initialiser: numbers for a weight tensor from its fans and a random stream. */
import type { Rng } from "../util/rng.ts";

export interface Fans {
  /** n[l-1]: inputs each unit sees. */
  readonly fanIn: number;
  /** n[l]: units. */
  readonly fanOut: number;
  /** Rows of the weight as a row-major matrix; fanIn where left out. */
  readonly rows?: number;
}

export interface Initializer {
  readonly name: string;
  /** What it draws, for people: `N(0, 2/n[l-1])`. */
  readonly formula?: string;
  /** The variance of what it draws, where one number says it. */
  readonly variance?: (fans: Fans) => number;
  /** The shape of what it draws, which says how far a sample's variance strays. */
  readonly distribution?: "normal" | "uniform";
  /** Fills a row-major weight, [fanIn, fanOut] unless `rows` says otherwise. */
  fill(weights: Float32Array, fans: Fans, rng: Rng): void;
}
