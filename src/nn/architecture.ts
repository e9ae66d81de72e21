/** The contract of a ready architecture: a network sized by the data. */
import type { ActivationName } from "./activation.ts";
import type { Network } from "./network.ts";

/** What an architecture is sized by. */
export interface DataShape {
  /** One example, without the batch axis: [features], [channels, height, width], [time, features], or [time] of tokens. */
  readonly inputShape: readonly number[];
  /** Units of the output: 1 for regression and two classes, else the number of classes. */
  readonly outputs: number;
  /** How many tokens there are, where the examples are sequences of token numbers. */
  readonly tokens?: number;
}

export interface ArchitectureOptions {
  /** Hidden units of each layer, where the architecture has a choice. */
  readonly layers?: readonly number[];
  readonly activation?: ActivationName;
  /** Of dropout before the output; 1, none, where left out. */
  readonly keepProbability?: number;
}

export interface Architecture {
  readonly name: string;
  /** For people: what it is for. */
  readonly summary: string;
  /** @throws GradusError where the data have not the shape it needs */
  build(data: DataShape, options?: ArchitectureOptions): Network;
}
