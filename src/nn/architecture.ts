/** The contract of a ready architecture: a network sized by the data. */
import type { ActivationName } from "./activation.ts";
import type { EmbeddedInput } from "./layers/category-embedding.ts";
import type { Network } from "./network.ts";

/** What an architecture is sized by. */
export interface DataShape {
  /** One example, without the batch axis: [features], [channels, height, width], [time, features], or [time] of tokens. */
  readonly inputShape: readonly number[];
  /** Units of the output: 1 for regression and two classes, else the number of classes. */
  readonly outputs: number;
  /** How many tokens there are, where the examples are sequences of token numbers. */
  readonly tokens?: number;
  /** Inputs that are numbers of categories, where the examples are rows that have such. */
  readonly categories?: readonly EmbeddedInput[];
}

export interface ArchitectureOptions {
  /** Units (filters, widths) of each layer or stage; the architecture's own where left out. */
  readonly layers?: readonly number[];
  /** relu where left out; recurrent and attention layers have their own. */
  readonly activation?: ActivationName;
  /**
   * Of dropout: the share of units that stay, of hidden layers; 1, none, where left out. A list has a number for each of `layers`, and
   * may have one more at the front, for the inputs.
   */
  readonly keepProbability?: number | readonly number[];
  /** Standard deviation of normal noise on the inputs in training; 0 where left out. */
  readonly inputNoise?: number | undefined;
}

export interface Architecture {
  readonly name: string;
  /** For people: what it is for. */
  readonly summary: string;
  /** Units of each layer or stage where none are given. */
  readonly layers: readonly number[];
  /** @throws GradusError where the data have not the shape it needs */
  build(data: DataShape, options?: ArchitectureOptions): Network;
}
