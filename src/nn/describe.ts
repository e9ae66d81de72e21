/** A network as a table: what each layer makes, how many parameters it has and how much it computes. */
import type { Node, Value } from "../ir/graph.ts";
import { dependencies, input } from "../ir/graph.ts";
import { sizeOf, type Dim } from "../ir/shape.ts";
import { multiplyAdds } from "../ops/multiply-adds.ts";
import { initializerName } from "./initializers/index.ts";
import { layerDefinition } from "./layers/index.ts";
import { buildNetwork, type Network } from "./network.ts";
import { parameterInput } from "./parameters.ts";

export interface LayerRow {
  /** `conv_1`; a layer inside another is `residual_1/conv_1`. */
  readonly name: string;
  /** `32 filters, kernel 3`. */
  readonly description: string;
  /** Of one example. */
  readonly output: readonly Dim[];
  /** That the gradient changes; a layer around others counts its own. */
  readonly parameters: number;
  /** For one example, forward. */
  readonly multiplyAdds: number;
  /** Of the weights; of all that is drawn where there are no weights. */
  readonly initializers: readonly string[];
}

export interface NetworkTable {
  readonly layers: readonly LayerRow[];
  readonly parameters: number;
  readonly multiplyAdds: number;
}

/** @param inputShape of one example, without the batch axis */
export function describeNetwork(network: Network, inputShape: readonly number[]): NetworkTable {
  const x = input("x", "float32", ["batch", ...inputShape]);
  const { signals, parameters } = buildNetwork(network, x, parameterInput);
  const names = signals.map(({ name }) => name);
  const claimed = new Set<Node>();
  const layers = signals.map(({ name, layer, input: before, value }): LayerRow => {
    const own = parameters.filter(({ name: parameter }) => ownerOf(parameter, names) === name);
    const trained = own.filter(({ role, frozen }) => role !== "buffer" && !frozen);
    const weights = trained.filter(({ role }) => role === "weight");
    const nodes = between(before, value).filter((node) => !claimed.has(node));
    for (const node of nodes) claimed.add(node);
    return {
      name,
      description: layerDefinition(layer).describe(layer),
      output: value.shape.slice(1),
      parameters: trained.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
      multiplyAdds: nodes.reduce((sum, node) => sum + multiplyAdds(node), 0),
      initializers: [...new Set((weights.length > 0 ? weights : trained).map(({ initializer }) => initializerName(initializer)))],
    };
  });
  const total = (of: (row: LayerRow) => number) => layers.reduce((sum, row) => sum + of(row), 0);
  return { layers, parameters: total((row) => row.parameters), multiplyAdds: total((row) => row.multiplyAdds) };
}

/** The innermost layer whose parameter a name is; what an imported layer calls its own may hold slashes too. */
function ownerOf(parameter: string, layers: readonly string[]): string | undefined {
  return layers.filter((name) => parameter.startsWith(`${name}/`)).toSorted((a, b) => b.length - a.length)[0];
}

/** The nodes that make a value from another. */
function between(from: Value, to: Value): Node[] {
  const found = new Set<Node>();
  const visit = (value: Value) => {
    if (value === from || value.origin.kind !== "node" || found.has(value.origin.node)) return;
    found.add(value.origin.node);
    for (const dependency of dependencies(value.origin.node)) visit(dependency);
  };
  visit(to);
  return [...found];
}
