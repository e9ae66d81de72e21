/** Builders: `ops.MatMul(x, w)` infers, checks and makes the node. */
import { GradusError } from "../util/errors.ts";
import { isFloat } from "../ir/dtype.ts";
import { halfToNumber } from "../ir/half.ts";
import { makeNode, scalar, type Attributes, type Node, type Value } from "../ir/graph.ts";
import { formatShape, sizeOf, type Dim } from "../ir/shape.ts";
import * as all from "./all.ts";
import type { AnyOp, InferContext, Op } from "./op.ts";

/** A value, a number (a scalar of the first value's dtype, conditions passed over), or null for an input left out. */
export type Operand = Value | number | null;
type Outputs<Out> = Out extends "many" ? readonly Value[] : Value;
type Builder<O> = O extends Op<infer A, infer Out> ? (...args: readonly Operand[] | readonly [...Operand[], A]) => Outputs<Out> : never;

export type OpName = keyof typeof all;
/** Every operator as a function from inputs, and attributes last, to its output (or outputs). */
export type Ops = { readonly [K in OpName]: Builder<(typeof all)[K]> };

/** The registry: operators by ONNX name. */
export const registry: Readonly<Record<string, AnyOp>> = all as unknown as Record<string, AnyOp>;

/** The record of an operator; throws GradusError for a name that is not ours. */
export function opRecord(name: string): AnyOp {
  const record = Object.hasOwn(registry, name) ? registry[name] : undefined;
  if (!record) throw new GradusError(`operator ${name} is not one of Gradus's ${Object.keys(registry).length}`);
  return record;
}

const isAttributes = (arg: unknown): arg is Attributes =>
  typeof arg === "object" && arg !== null && !("origin" in arg && "dtype" in arg && "shape" in arg);

/** Applies an operator by name. Errors name the operator and the inputs with their shapes. */
export function applyOp(name: string, inputs: readonly Operand[], attributes: Attributes = {}): Node {
  const record = opRecord(name);
  const given = inputs.filter((operand) => operand !== null && typeof operand === "object");
  const like = given.find(({ dtype }) => dtype !== "bool") ?? given[0];
  const values = inputs.map((operand) => (typeof operand === "number" ? scalar(like?.dtype ?? "float32", operand) : operand));
  while (values.length > 0 && values[values.length - 1] === null) values.pop();
  const [least, most] = record.arity;
  if (values.length < least || values.length > most) {
    const range = least === most ? least : most === Infinity ? `${least} or more` : `${least} to ${most}`;
    throw new GradusError(`${name} takes ${range} inputs, got ${values.length}`);
  }
  for (const key of Object.keys(attributes)) {
    if (!record.attributes || !Object.hasOwn(record.attributes, key)) {
      throw new GradusError(`${name} has no attribute "${key}"; it has ${Object.keys(record.attributes ?? {}).join(", ") || "none"}`);
    }
  }
  const set = Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined)) as Attributes;
  try {
    const outputs = record.infer(inferContext(name, values, set));
    return makeNode(name, record.domain ?? "", values, set, outputs);
  } catch (error) {
    if (!(error instanceof GradusError)) throw error;
    const described = values.map((value) =>
      value ? `${value.name ?? origin(value)} ${value.dtype}${formatShape(value.shape)}` : "(none)",
    );
    throw new GradusError(`${name}(${described.join(", ")}): ${error.message}`, { cause: error });
  }
}

function origin(value: Value): string {
  return value.origin.kind === "node" ? `<${value.origin.node.op}>` : `<${value.origin.kind}>`;
}

/** What inference sees of a node. */
export function inferContext(op: string, inputs: readonly (Value | null)[], attributes: Attributes): InferContext<Attributes> {
  return {
    op,
    inputs,
    attributes,
    contents: (index) => {
      const value = inputs[index];
      return value ? contentsOf(value) : undefined;
    },
    floats: (index) => {
      const value = inputs[index];
      return value ? constantFloats(value) : undefined;
    },
  };
}

/** Elements of a vector that is still looked into; longer ones are data, not sizes. */
const mostContents = 65_536;

/** Elements of a constant float. */
export function constantFloats({ origin }: Value): readonly number[] | undefined {
  if (origin.kind !== "constant" || !isFloat(origin.tensor.dtype)) return undefined;
  const { dtype, data } = origin.tensor;
  return Array.from(data as Float32Array, dtype === "float16" ? halfToNumber : Number);
}

const contentsCache = new WeakMap<Value, readonly Dim[] | null>();

/** Elements of an integer value known at build time. */
export function contentsOf(value: Value): readonly Dim[] | undefined {
  const cached = contentsCache.get(value);
  if (cached !== undefined) return cached ?? undefined;
  const found = computeContents(value);
  contentsCache.set(value, found ?? null);
  return found;
}

function computeContents(value: Value): readonly Dim[] | undefined {
  const { origin } = value;
  if (origin.kind === "input" || !(sizeOf(value.shape.filter((dim) => typeof dim === "number")) <= mostContents)) return undefined;
  if (origin.kind === "constant") {
    const { dtype, data } = origin.tensor;
    return dtype === "int64" || dtype === "int32" ? Array.from(data as BigInt64Array | Int32Array, Number) : undefined;
  }
  const { node } = origin;
  return origin.index === 0 ? opRecord(node.op).contents?.(inferContext(node.op, node.inputs, node.attributes)) : undefined;
}

function builder(name: string) {
  return (...args: unknown[]): Value | readonly Value[] => {
    const last = args[args.length - 1];
    const attributes = isAttributes(last) ? (args.pop() as Attributes) : {};
    const node = applyOp(name, args as Operand[], attributes);
    return opRecord(name).outputs === "many" ? node.outputs : node.outputs[0]!;
  };
}

export const ops: Ops = Object.fromEntries(Object.keys(registry).map((name) => [name, builder(name)])) as unknown as Ops;
