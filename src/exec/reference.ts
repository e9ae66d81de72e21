/** The reference interpreter: every operator's own float64 evaluation, plain and slow; the oracle of all tests. */
import { GradusError, internal } from "../util/errors.ts";
import type { DType } from "../ir/dtype.ts";
import type { Graph, Value } from "../ir/graph.ts";
import { halfToNumber, numberToHalf } from "../ir/half.ts";
import { formatShape, sameShape, sizeOf } from "../ir/shape.ts";
import { zeros, type NumericArray, type Tensor } from "../ir/tensor.ts";
import { opRecord } from "../ops/build.ts";
import type { NdArray } from "../ops/op.ts";
import { checkFeeds, checkInto } from "./check.ts";
import { peakMemory } from "./memory.ts";
import type { Executor, Tensors } from "./session.ts";

/** A host tensor as the interpreter holds it. */
export function toNdArray({ dtype, shape, data }: Tensor): NdArray {
  if (dtype === "string") return { dtype, shape, data: data as readonly string[] };
  if (dtype === "float16") return { dtype, shape, data: Float64Array.from(data as Uint16Array, halfToNumber) };
  return { dtype, shape, data: Float64Array.from(data as Float64Array, Number) };
}

/** An interpreter array in its dtype's own typed array. */
export function toTensor({ dtype, shape, data }: NdArray): Tensor {
  if (dtype === "string") return { dtype, shape, data: data as readonly string[] };
  const array = zeros(dtype, data.length) as NumericArray;
  copyInto(array, data as Float64Array, dtype);
  return { dtype, shape, data: array };
}

function copyInto(target: NumericArray, source: Float64Array, dtype: DType): void {
  if (dtype === "float16") for (let i = 0; i < source.length; i++) target[i] = numberToHalf(source[i]!);
  else if (target instanceof BigInt64Array || target instanceof BigUint64Array) {
    for (let i = 0; i < source.length; i++) target[i] = BigInt(source[i]!);
  } else (target as Float64Array).set(source);
}

/**
 * Evaluates a graph in float64, whatever its float dtype says.
 * @param feeds every input by name
 * @param options.outer values of enclosing graphs that a body may read
 * @param options.observe sees every node's outputs as they come (activations, first non-finite value)
 */
export function evaluateGraph(
  graph: Graph,
  feeds: Readonly<Record<string, NdArray>>,
  options: EvaluateOptions = {},
): Record<string, NdArray> {
  const results = evaluateOutputs(graph, checkFeeds(graph, feeds, new Map()), options);
  return Object.fromEntries(graph.outputs.map(({ name }, i) => [name, results[i]!]));
}

export interface EvaluateOptions {
  readonly outer?: ReadonlyMap<Value, NdArray>;
  readonly observe?: (value: Value, array: NdArray) => void;
}

function evaluateOutputs(graph: Graph, inputs: readonly NdArray[], options: EvaluateOptions): NdArray[] {
  const values = new Map<Value, NdArray>(options.outer);
  graph.inputs.forEach((value, i) => values.set(value, inputs[i]!));
  const get = (value: Value): NdArray => {
    const found = values.get(value);
    if (found) return found;
    if (value.origin.kind !== "constant") internal(`no value for ${value.name ?? value.origin.kind}`);
    const made = toNdArray(value.origin.tensor);
    values.set(value, made);
    return made;
  };
  for (const node of graph.nodes) {
    const results = opRecord(node.op).evaluate(
      node.inputs.map((value) => (value ? get(value) : null)),
      {
        op: node.op,
        attributes: node.attributes,
        outputCount: node.outputs.length,
        run: (body, bodyInputs) => {
          for (const captured of body.captures) get(captured);
          return evaluateOutputs(body, bodyInputs, { ...options, outer: values });
        },
      },
    );
    node.outputs.forEach((value, i) => {
      const array = results[i];
      if (!array) return;
      if (array.data.length !== sizeOf(array.shape))
        internal(`${node.op} returned ${array.data.length} elements for ${formatShape(array.shape)}`);
      values.set(value, array);
      options.observe?.(value, array);
    });
  }
  return graph.outputs.map(({ value }) => get(value));
}

/** The interpreter behind the executors' contract. */
export const reference: Executor = {
  name: "reference",
  async compile(graph, options = {}) {
    if ((options.device ?? "cpu") !== "cpu") throw new GradusError(`the reference interpreter has no device "${options.device}", only cpu`);
    return {
      async run(feeds: Tensors, into: Tensors = {}) {
        const dims = new Map<string, number>();
        const inputs = checkFeeds(graph, feeds, dims);
        const targets = checkInto(graph, into, dims);
        const results = evaluateOutputs(graph, inputs.map(toNdArray), {});
        return Object.fromEntries(graph.outputs.map(({ name }, i) => [name, deliver(name, results[i]!, targets[i])]));
      },
      peakMemory,
      async dispose() {},
    };
  },
};

function deliver(name: string, array: NdArray, target: Tensor | undefined): Tensor {
  if (!target) return toTensor(array);
  if (!sameShape(target.shape, array.shape)) {
    throw new GradusError(
      `output "${name}" is ${array.dtype}${formatShape(array.shape)}, the tensor given for it ${formatShape(target.shape)}`,
    );
  }
  if (target.dtype === "string") (array.data as readonly string[]).forEach((text, i) => ((target.data as string[])[i] = text));
  else copyInto(target.data as NumericArray, array.data as Float64Array, array.dtype);
  return target;
}
