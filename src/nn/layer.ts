/** The contract of a layer: plain data that a definition turns into graph. */
import type { Value } from "../ir/graph.ts";
import type { ActivationName } from "./activation.ts";
import type { Initializer } from "./initializer.ts";
import type { InitializerName } from "./initializers/index.ts";

/** A tensor of the network, row-major. */
export interface Parameter {
  /** `dense_1/W`. */
  readonly name: string;
  readonly shape: readonly number[];
  /**
   * Penalties and weight decay apply to weights, not to biases and scales, unless asked. A buffer (running statistics) is
   * changed by the layer's own rule, not by the gradient.
   */
  readonly role: "weight" | "bias" | "scale" | "buffer";
  readonly initializer: InitializerName | Initializer;
  readonly fanIn: number;
  readonly fanOut: number;
  /** Rows of the weight as a matrix, where they are not fanIn. */
  readonly rows?: number;
  /** Stays as it is in training. */
  readonly frozen?: boolean;
}

/** A random tensor of a training step: each number is 0, or 1/keepProbability with that probability; or normal, around 0. */
export interface Mask {
  /** `dropout_1`: the layer that declared it. */
  readonly name: string;
  /** Of one example; in the graph [batch, …shape]. */
  readonly shape: readonly number[];
  /** In (0, 1]; 1 for normal numbers. */
  readonly keepProbability: number;
  /** Standard deviation of normal numbers; left out of those that are 0 or not. */
  readonly deviation?: number;
}

export interface LayerContext {
  /** `dense_1`: the kind and its number in the network. */
  readonly name: string;
  /** The activation this layer's output meets next; identity at the end. */
  readonly nextActivation: ActivationName;
  /** Whether the graph is a training step's (masks, statistics of the batch) or an evaluation's. */
  readonly training: boolean;
  /** Valid time steps of each sequence, int32 [batch]; undefined where all are full. */
  readonly lengths: Value | undefined;
  /** Declares a parameter and gives its value in the graph. `name` is local: `W`. */
  parameter(spec: Omit<Parameter, "name"> & { readonly name: string }): Value;
  /** In training: what a buffer, by its local name, becomes after this step. */
  update(name: string, value: Value): void;
  /** In training: a mask drawn anew each step, [batch, …shape]. */
  mask(shape: readonly number[], keepProbability: number): Value;
  /** In training: normal numbers around 0, drawn anew each step, [batch, …shape]. */
  noise(shape: readonly number[], deviation: number): Value;
  /** The graph of layers inside this one; their names begin with this one's. */
  build(layers: readonly Layer[], x: Value): Value;
}

export interface Layer {
  readonly kind: string;
}

/** What turns one kind of layer into graph. */
export interface LayerDefinition<L extends Layer> {
  readonly kind: L["kind"];
  /**
   * @param x [batch, …]
   * @throws GradusError where the layer's numbers or the input's shape do not fit
   */
  build(layer: L, x: Value, context: LayerContext): Value;
  /** One line for people, e.g. `64 units`. */
  describe(layer: L): string;
  /** Layers inside this one. */
  inner?(layer: L): readonly Layer[];
}
