/** The contract of an operator: one record carries everything about it. */
import type { Graph, Node, Value } from "../ir/graph.ts";
import type { DType } from "../ir/dtype.ts";
import type { Dim, Shape } from "../ir/shape.ts";
import type { Ops } from "./build.ts";

/** A tensor in the interpreter: every number is float64, bool is 0/1; int64 beyond 2^53 is out of its reach. */
export interface NdArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Float64Array | readonly string[];
}

export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

export interface InferContext<A> {
  readonly op: string;
  readonly inputs: readonly (TensorType | null)[];
  readonly attributes: A;
  /** Elements of an integer input as far as they are known at build time (constants, shapes and what is computed from them). */
  contents(index: number): readonly Dim[] | undefined;
  /** Elements of a float input that is a constant (scales). */
  floats(index: number): readonly number[] | undefined;
}

export interface EvaluateContext<A> {
  readonly op: string;
  readonly attributes: A;
  /** How many outputs the node has. */
  readonly outputCount: number;
  /** Runs a body; its inputs in order, captured values are found by the interpreter. */
  run(body: Graph, inputs: readonly NdArray[]): readonly NdArray[];
}

export interface GradientContext<A> {
  readonly ops: Ops;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** Gradient of the scalar with respect to each output, null where nothing depends on that output (never all null). */
  readonly outputGradients: readonly [Value, ...(Value | null)[]];
  readonly attributes: A;
  /** Whether anyone asks for the gradient of input i; the values that bodies capture are counted on after the inputs. */
  needs(index: number): boolean;
  /**
   * Gradients with respect to `wrt`, null where a value reaches no seed, back through nodes (of a body, in order).
   * @param seeds values that the nodes make, and the gradients with respect to them
   */
  pullback(nodes: readonly Node[], seeds: Iterable<readonly [Value, Value]>, wrt: readonly Value[]): readonly (Value | null)[];
}

/**
 * Gradient per input, and after them per captured value; null where there is none. Broadcasting is undone by the driver, so
 * the output's shape may be returned.
 */
export type GradientRule<A> = (context: GradientContext<A>) => readonly (Value | null)[];

/** How the generated tests make one input. A bare shape is a normal float. */
export type SampleInput =
  | readonly number[]
  | {
      readonly shape: readonly number[];
      readonly dtype?: DType;
      /** Uniform in [low, high]. */
      readonly range?: readonly [number, number];
      readonly values?: readonly (number | string)[];
      /** A build-time constant (axes, shapes) rather than a graph input. */
      readonly constant?: boolean;
    }
  | null;

export interface Sample<A> {
  readonly inputs: readonly SampleInput[];
  readonly attributes?: A;
  /** Attributes that need builders (bodies of control operators). */
  readonly build?: (ops: Ops) => A;
}

/** Attribute types as ONNX names them; a "dtype" is our name of one (`{ to: "float32" }`), in files the int of TensorProto.DataType. */
export type AttributeKind = "dtype" | "int" | "float" | "string" | "ints" | "floats" | "strings" | "tensor" | "graph";

export interface OpDefinition<A, Out extends "one" | "many"> {
  /** "many" where the builder returns a list of values rather than the first output. */
  readonly outputs?: Out;
  /** "" (ai.onnx) unless given. */
  readonly domain?: string;
  /** Kind of every attribute, for the file format. */
  readonly attributes?: { readonly [K in keyof A]-?: AttributeKind };
  /** Least and most inputs. */
  readonly arity: readonly [number, number];
  /** Output types; throws GradusError where shapes or dtypes do not fit. */
  readonly infer: (context: InferContext<A>) => readonly TensorType[];
  /** Values in float64. */
  readonly evaluate: (inputs: readonly (NdArray | null)[], context: EvaluateContext<A>) => readonly NdArray[];
  /** The rule, or the reason why there is none. */
  readonly gradient: GradientRule<A> | { readonly none: string };
  /** How the output follows floats, where not smoothly: in steps (constant almost everywhere), or by their shape alone. */
  readonly follows?: "steps" | "shape";
  /** For operators on shapes: elements of the first output as far as they are known. */
  readonly contents?: (context: InferContext<A>) => readonly Dim[] | undefined;
  readonly samples: readonly Sample<A>[];
  /** How ONNX Runtime's float32 result may differ from the oracle, relative to the largest value (default 1e-5). */
  readonly tolerance?: number;
}

export type NoAttributes = Readonly<Record<never, never>>;

/**
 * An operator with attributes `A`. Records are annotated (`export const Tanh: Op = defineOp({…})`), which keeps the
 * registry's type free of circles. An output that nobody reads is left out when the graph is written.
 */
export type Op<A extends object = NoAttributes, Out extends "one" | "many" = "one"> = OpDefinition<A, Out>;

/** Any operator, its attribute type forgotten. */
// eslint-disable-next-line typescript/no-explicit-any
export type AnyOp = OpDefinition<any, "one" | "many">;

export function defineOp<A extends object = NoAttributes, Out extends "one" | "many" = "one">(
  definition: OpDefinition<A, Out>,
): Op<A, Out> {
  return definition;
}
