/** What a caller hands to a session, checked in our words before any runtime sees it. */
import type { DType } from "../ir/dtype.ts";
import type { Graph, Value } from "../ir/graph.ts";
import { formatShape, unifyShape } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import { didYouMean } from "../util/closest.ts";
import { GradusError } from "../util/errors.ts";

interface Typed {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/**
 * The inputs in the graph's order; sizes met under a name are bound in `dims`.
 * @throws GradusError naming the first that is missing, unknown, or of another dtype or shape
 */
export function checkFeeds<T extends Typed>(graph: Graph, feeds: Readonly<Record<string, T>>, dims: Map<string, number>): T[] {
  const tensors = graph.inputs.map((value) => {
    const given = Object.hasOwn(feeds, value.name!) ? feeds[value.name!] : undefined;
    if (!given) throw new GradusError(`input "${value.name}" is missing; the graph takes ${graph.inputs.map((v) => v.name).join(", ")}`);
    checkType(`input "${value.name}"`, value, given, dims);
    return given;
  });
  if (Object.keys(feeds).length > tensors.length)
    refuseUnknown(
      "input",
      Object.keys(feeds),
      graph.inputs.map((value) => value.name!),
    );
  return tensors;
}

/** The tensors given for outputs, in the graph's order, undefined where one is left to the executor; throws as `checkFeeds` does. */
export function checkInto(graph: Graph, into: Readonly<Record<string, Tensor>>, dims: Map<string, number>): (Tensor | undefined)[] {
  const given = Object.keys(into);
  if (given.length > 0)
    refuseUnknown(
      "output",
      given,
      graph.outputs.map((output) => output.name),
    );
  return graph.outputs.map(({ name, value }) => {
    const target = Object.hasOwn(into, name) ? into[name] : undefined;
    if (target) checkType(`the tensor given for output "${name}"`, value, target, dims);
    return target;
  });
}

function checkType(what: string, value: Value, given: Typed, dims: Map<string, number>): void {
  const bound = dims.size;
  if (given.dtype === value.dtype && unifyShape(value.shape, given.shape, dims)) return;
  const sizes = [...dims].slice(0, bound).filter(([name]) => value.shape.includes(name));
  const where = sizes.length > 0 ? ` with ${sizes.map(([name, size]) => `${name} = ${size}`).join(", ")}` : "";
  throw new GradusError(`${what} must be ${value.dtype}${formatShape(value.shape)}${where}, got ${given.dtype}${formatShape(given.shape)}`);
}

function refuseUnknown(kind: "input" | "output", given: readonly string[], known: readonly string[]): void {
  for (const name of given) {
    if (!known.includes(name)) throw new GradusError(`the graph has no ${kind} "${name}"`, { hint: didYouMean(name, known, `${kind}s`) });
  }
}
