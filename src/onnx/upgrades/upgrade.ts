/** The contract of an upgrade: nodes of older or newer operator sets in the operators we have. */
import { constant, type Value } from "../../ir/graph.ts";
import { normalizeAxis } from "../../ir/shape.ts";
import { contentsOf, ops, type OpName } from "../../ops/build.ts";
import { GradusError } from "../../util/errors.ts";
import type { FileNode } from "../file-node.ts";

/** Values of the node's outputs, in order; null where an output of an older form has no counterpart. Undefined: the node is as ours. */
export type Rewrite = (node: FileNode) => readonly (Value | null)[] | undefined;

export interface Upgrade {
  /** First and last version of the domain for which the rewriting is right; no last is the newest we know. */
  readonly from: number;
  readonly to?: number;
  /** Operators it cannot do without. */
  readonly uses?: readonly string[];
  /** Only where we do not have the operator itself. */
  readonly fallback?: true;
  readonly rewrite: Rewrite;
}

export type Upgrades = Readonly<Record<string, readonly Upgrade[]>>;

/** An input that must be there. */
export function given(node: FileNode, index: number): Value {
  const value = node.inputs[index];
  if (!value) throw new GradusError(`input ${index} is missing`);
  return value;
}

/** An attribute that must be there. */
export function needed<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new GradusError(`attribute "${name}" is missing`);
  return value;
}

/** A vector of int64 that an attribute held. */
export function vector(values: BigInt64Array): Value {
  return constant({ dtype: "int64", shape: [values.length], data: values });
}

/** Whole numbers of an input, or a refusal where they are only known when the graph runs. */
export function knownAt(node: FileNode, index: number, what: string): readonly number[] | undefined {
  const value = node.inputs[index];
  if (!value) return undefined;
  const contents = contentsOf(value);
  if (!contents?.every((dim) => typeof dim === "number"))
    throw new GradusError(`${what} must be known when the graph is built (a constant)`);
  return contents;
}

/** An operator whose record may come later than this file. @throws GradusError where there is none */
export function build(name: string, ...args: readonly unknown[]): readonly Value[] {
  const builder = ops[name as OpName] as ((...all: readonly unknown[]) => Value | readonly Value[]) | undefined;
  if (!Object.hasOwn(ops, name) || !builder) throw new GradusError(`operator ${name} is not one of Gradus's`);
  const result = builder(...args);
  return Array.isArray(result) ? (result as readonly Value[]) : [result as Value];
}

/** Axis of a value, counted from the front. */
export function axisOf(x: Value, axis: number): number {
  return normalizeAxis(axis, x.shape.length);
}

/** Attributes without those that are undefined. */
export function some<T extends object>(attributes: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
