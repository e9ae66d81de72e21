/** The contract of a layer: plain data that a definition turns into graph. */
import type { Value } from "../ir/graph.ts";
import type { ActivationName } from "./activation.ts";
import type { Initializer } from "./initializer.ts";
import type { InitializerName } from "./initializers/index.ts";

/** A tensor the training changes, row-major. */
export interface Parameter {
  /** `dense_1/W`. */
  readonly name: string;
  readonly shape: readonly number[];
  /** Penalties and weight decay apply to weights, not to biases, unless asked. */
  readonly role: "weight" | "bias";
  readonly initializer: InitializerName | Initializer;
  readonly fanIn: number;
  readonly fanOut: number;
}

export interface LayerContext {
  /** `dense_1`: the kind and its number in the network. */
  readonly name: string;
  /** The activation this layer's output meets next; identity at the end. */
  readonly nextActivation: ActivationName;
  /** Declares a parameter and gives its value in the graph. `name` is local: `W`. */
  parameter(spec: Omit<Parameter, "name"> & { readonly name: string }): Value;
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
}
