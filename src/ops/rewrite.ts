/** The same computation again: from other inputs, or in float64 throughout; every type is inferred anew. */
import {
  capturesOf,
  constant,
  dependencies,
  graph,
  input,
  isGraph,
  type Attribute,
  type Attributes,
  type Graph,
  type Node,
  type Value,
} from "../ir/graph.ts";
import type { DType } from "../ir/dtype.ts";
import { halfToNumber } from "../ir/half.ts";
import { tensor, type Tensor } from "../ir/tensor.ts";
import { applyOp, opRecord, ops } from "./build.ts";
import { GradusError } from "../util/errors.ts";

/** Values by what stands for them. */
export type Replacements = Map<Value, Value>;

interface Rewriting {
  readonly made: Replacements;
  readonly value: (value: Value) => Value | undefined;
  readonly node: (node: Node, inputs: readonly (Value | null)[], attributes: Attributes) => readonly Value[];
  readonly attribute: (op: string, key: string, attribute: Attribute) => Attribute;
}

/**
 * Values as they are computed from others.
 * @param made what stands for what; everything that is computed on the way is entered
 */
export function rebuild(values: readonly Value[], made: Replacements): Value[] {
  return rewrite(values, {
    made,
    value: () => undefined,
    node: (node, inputs, attributes) => applyOp(node.op, inputs, attributes).outputs,
    attribute: (_, __, attribute) => attribute,
  });
}

/**
 * Values as they are computed with other operators: what `write` gives for a node stands for its outputs.
 * @param made as for `rebuild`
 */
export function rewritten(
  values: readonly Value[],
  write: (node: Node, inputs: readonly (Value | null)[]) => readonly Value[] | undefined,
  made: Replacements = new Map(),
): Value[] {
  return rewrite(values, {
    made,
    value: () => undefined,
    node: (node, inputs, attributes) => write(node, inputs) ?? applyOp(node.op, inputs, attributes).outputs,
    attribute: (_, __, attribute) => attribute,
  });
}

const narrow = (dtype: DType) => dtype === "float32" || dtype === "float16";
const wide = (dtype: DType): DType => (narrow(dtype) ? "float64" : dtype);

/** Numbers of a narrower float in float64, where nothing is lost; other tensors as they are. */
export function wideTensor(given: Tensor): Tensor {
  if (!narrow(given.dtype)) return given;
  const data = given.data as Float32Array | Uint16Array;
  return tensor("float64", given.dtype === "float16" ? Float64Array.from(data, halfToNumber) : Float64Array.from(data), given.shape);
}

export interface WideGraph {
  readonly values: readonly Value[];
  /** Operators that take or give float32 only, by name; their inputs are rounded to it. */
  readonly float32Only: readonly string[];
}

/** Values computed in float64 throughout, from inputs of the same names in float64; constants and casts widened too. */
export function inFloat64(values: readonly Value[], made: Replacements = new Map()): WideGraph {
  const float32Only = new Set<string>();
  const found = rewrite(values, {
    made,
    value({ dtype, shape, origin, name }) {
      if (origin.kind === "input") return narrow(dtype) ? input(name!, "float64", shape) : undefined;
      return origin.kind === "constant" && narrow(dtype) ? constant(wideTensor(origin.tensor), name) : undefined;
    },
    node(node, inputs, attributes) {
      const same = () => applyOp(node.op, inputs, attributes).outputs;
      const asWide = (outputs: readonly Value[]) =>
        outputs.map((value) => (value.dtype === "float32" ? ops.Cast(value, { to: "float64" }) : value));
      const isNarrow = (outputs: readonly Value[]) => outputs.some(({ dtype }) => dtype === "float32");
      const reads = inputs.some((value) => value?.dtype === "float64");
      try {
        const outputs = same();
        if (!reads || !isNarrow(outputs)) return asWide(outputs);
        // An attribute that is left out may stand for float32.
        const wider = applyOp(node.op, inputs, { ...wideTypes(node.op), ...attributes }).outputs;
        if (!isNarrow(wider)) return wider;
        float32Only.add(node.op);
        return asWide(outputs);
      } catch (error) {
        if (!(error instanceof GradusError)) throw error;
        // Scales and the like are float32 whatever the rest is, and are read when the graph is built.
        const kept = inputs.map((value, i) => (node.inputs[i]?.origin.kind === "constant" ? node.inputs[i] : value));
        const outputs = whereItFits(() => applyOp(node.op, kept, attributes).outputs);
        if (outputs && !isNarrow(outputs)) return outputs;
        float32Only.add(node.op);
        const narrowed = kept.map((value) => (value?.dtype === "float64" ? ops.Cast(value, { to: "float32" }) : value));
        return asWide(applyOp(node.op, narrowed, node.attributes).outputs);
      }
    },
    attribute(op, key, attribute) {
      const kind = (opRecord(op).attributes as Readonly<Record<string, string>> | undefined)?.[key];
      if (kind === "dtype") return wide(attribute as DType);
      return kind === "tensor" ? wideTensor(attribute as Tensor) : attribute;
    },
  });
  return { values: found, float32Only: [...float32Only] };
}

function whereItFits<T>(f: () => T): T | undefined {
  try {
    return f();
  } catch (error) {
    if (error instanceof GradusError) return undefined;
    throw error;
  }
}

/** Every attribute of an operator that is a dtype, as float64. */
function wideTypes(op: string): Attributes {
  const kinds = Object.entries(opRecord(op).attributes ?? {}) as [string, string][];
  return Object.fromEntries(kinds.filter(([, kind]) => kind === "dtype").map(([key]) => [key, "float64"]));
}

function rewrite(values: readonly Value[], rewriting: Rewriting): Value[] {
  const { made } = rewriting;
  const now = (value: Value): Value => {
    const known = made.get(value);
    if (known) return known;
    const other = rewriting.value(value) ?? value;
    made.set(value, other);
    return other;
  };
  const named = Object.fromEntries(values.map((value, i) => [`v${i}`, value]));
  for (const node of nodesBefore(named, made)) {
    if (node.outputs.every((value) => made.has(value))) continue;
    copy(node, rewriting, now);
  }
  return values.map(now);
}

/** Nodes in order that values need, as far as what already stands for something. */
function nodesBefore(named: Readonly<Record<string, Value>>, made: Replacements): Node[] {
  const nodes: Node[] = [];
  const done = new Set<Node>();
  for (const wanted of Object.values(named)) {
    const stack = [wanted];
    while (stack.length > 0) {
      const value = stack[stack.length - 1]!;
      const node = value.origin.kind === "node" ? value.origin.node : undefined;
      if (!node || made.has(value) || done.has(node)) {
        stack.pop();
        continue;
      }
      const waiting = dependencies(node).filter((v) => v.origin.kind === "node" && !made.has(v) && !done.has(v.origin.node));
      if (waiting.length > 0) stack.push(...waiting);
      else {
        done.add(node);
        nodes.push(node);
        stack.pop();
      }
    }
  }
  return nodes;
}

function copy(node: Node, rewriting: Rewriting, now: (value: Value) => Value): void {
  const inputs = node.inputs.map((value) => value && now(value));
  const attributes = Object.fromEntries(
    Object.entries(node.attributes).map(([key, attribute]) => [
      key,
      isGraph(attribute) ? copyBody(attribute, rewriting, now) : rewriting.attribute(node.op, key, attribute),
    ]),
  );
  for (const value of capturesOf(node)) now(value);
  const outputs = rewriting.node(node, inputs, attributes);
  // What a replaced output computes is not used; what stands for it stays.
  node.outputs.forEach((value, i) => {
    if (!rewriting.made.has(value) && outputs[i]) rewriting.made.set(value, outputs[i]);
  });
}

function copyBody(body: Graph, outer: Rewriting, now: (value: Value) => Value): Graph {
  const captures = body.captures.map(now);
  const made: Replacements = new Map(body.captures.map((value, i) => [value, captures[i]!]));
  const inner: Rewriting = { ...outer, made };
  const inputs = body.inputs.map((value) => outer.value(value) ?? value);
  body.inputs.forEach((value, i) => made.set(value, inputs[i]!));
  const outputs = rewrite(
    body.outputs.map(({ value }) => value),
    inner,
  );
  return graph({ inputs, outputs: body.outputs.map(({ name }, i) => ({ name, value: outputs[i]! })), captures });
}
