/** Layers that a program defines itself: plain data like all others, which carry their definition beside it. */
import { GradusError } from "../util/errors.ts";
import type { Layer, LayerContext, LayerDefinition } from "./layer.ts";
import type { Value } from "../ir/graph.ts";

/** Where a layer carries its definition: copied with it, and no part of its JSON. */
const own = Symbol("gradus layer definition");

/** A layer of a program's own. */
export interface OwnLayer extends Layer {
  readonly [own]: LayerDefinition<Layer>;
}

/** Makes layers of one kind, and is given again where a saved model holds some: `loadModel(…, { layers: [mine] })`. */
export interface OwnLayerKind<Options extends object> {
  (options?: Options): OwnLayer & Options;
  readonly definition: LayerDefinition<Layer>;
}

export interface OwnLayerDefinition<Options extends object> {
  /** Letters and digits; layers and their parameters are called after it: `scaled_1/W`. */
  readonly kind: string;
  /**
   * The layer's graph, of operators of `gradus/graph`; parameters, masks and running statistics are declared in the context.
   * @param options as the layer was made with
   * @param x [batch, …], float32 (float64 in a gradient check)
   */
  readonly build: (options: Options, x: Value, context: LayerContext) => Value;
  /** One line for people; nothing where left out. */
  readonly describe?: (options: Options) => string;
}

/**
 * A layer of your own.
 * @param definition.kind is no kind of ours
 * @returns a function that makes such layers; their options are data that JSON can hold, since a saved model holds them
 * @throws GradusError where the kind is no word
 * @example
 * const scaled = defineLayer({
 *   kind: "scaled",
 *   build: ({ start }: { readonly start: number }, x, { parameter }) => {
 *     const s = parameter({ name: "s", shape: [1], role: "scale", initializer: "ones", fanIn: 1, fanOut: 1 });
 *     return ops.Mul(x, ops.Mul(s, start));
 *   },
 * });
 * sequential([dense(16), scaled({ start: 0.1 }), dense(3)]);
 */
export function defineLayer<Options extends object = Readonly<Record<never, never>>>({
  kind,
  build,
  describe = () => "",
}: OwnLayerDefinition<Options>): OwnLayerKind<Options> {
  if (!/^[A-Za-z][A-Za-z0-9]*$/.test(kind)) {
    throw new GradusError(`a layer cannot be of the kind "${kind}"`, { hint: "letters and digits, a letter first" });
  }
  const definition: LayerDefinition<Layer> = {
    kind,
    build: (layer, x, context) => build(layer as Layer & Options, x, context),
    describe: (layer) => describe(layer as Layer & Options),
    inner: (layer) => (layer as { readonly layers?: readonly Layer[] }).layers ?? [],
  };
  const make = (options?: Options) => {
    checkPlain(kind, options ?? {});
    return { kind, ...options, [own]: definition } as unknown as OwnLayer & Options;
  };
  return Object.assign(make, { definition });
}

/** The definition that a layer carries, if it is a program's own. */
export function ownDefinition(layer: Layer): LayerDefinition<Layer> | undefined {
  return (layer as Partial<OwnLayer>)[own];
}

/** Layers read from a file, and those inside them, with the definitions of their kinds where these are a program's own. */
export function withDefinitions<L extends Layer>(layers: readonly L[], kinds: readonly Pick<OwnLayerKind<never>, "definition">[]): L[] {
  return layers.map((layer) => {
    const inner = (layer as { readonly layers?: readonly Layer[] }).layers;
    const found = kinds.find(({ definition }) => definition.kind === layer.kind);
    return {
      ...layer,
      ...(inner ? { layers: withDefinitions(inner, kinds) } : {}),
      ...(found ? { [own]: found.definition } : {}),
    };
  });
}

/** Keys under which other layers and initialisers lie, which a saved model has by their names. */
const known = new Set(["layers", "initializer"]);

/** @throws GradusError where JSON could not hold an option */
function checkPlain(kind: string, options: object): void {
  if ("kind" in options) throw new GradusError(`a ${kind} layer has an option "kind", which is the layer's own`);
  for (const [key, value] of Object.entries(options)) {
    if (known.has(key) || isPlain(value)) continue;
    throw new GradusError(`a ${kind} layer's option "${key}" is nothing that a saved model can hold`, {
      hint: "numbers, texts, true and false, lists and objects of them",
    });
  }
}

function isPlain(value: unknown): boolean {
  if (value === undefined || value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (Array.isArray(value)) return value.every((item) => item !== undefined && isPlain(item));
  return typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isPlain);
}
