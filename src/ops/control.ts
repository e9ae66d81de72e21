/** Operators that run graphs: Scan and If. */
import { graph, input, int64, type Graph, type Value } from "../ir/graph.ts";
import { formatShape, multiplyDims, normalizeAxis, staticShape, stridesOf, unknownDim, type Dim, type Shape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import type { Ops } from "./build.ts";
import { agree } from "./dims.ts";
import { requireDType, required } from "./infer.ts";
import { defineOp, type InferContext, type NdArray, type Op, type TensorType } from "./op.ts";
import { joinedData, pick, stridedOffsets } from "./pick.ts";

export interface ScanAttributes {
  readonly body: Graph;
  readonly num_scan_inputs: number;
  readonly scan_input_axes?: readonly number[];
  readonly scan_input_directions?: readonly number[];
  readonly scan_output_axes?: readonly number[];
  readonly scan_output_directions?: readonly number[];
}

/** Names of a body's dimensions, and what they are outside. */
type Bindings = Map<string, Dim>;

/** Takes a body input's shape to be the given one. */
function bind(shape: Shape, given: Shape, bindings: Bindings, what: string): void {
  const wrong = `${what} is ${formatShape(given)}, the body expects ${formatShape(shape)}`;
  if (shape.length !== given.length) throw new GradusError(wrong);
  shape.forEach((dim, axis) => {
    const known = typeof dim === "string" ? bindings.get(dim) : dim;
    const bound = known === undefined ? given[axis]! : agree(known, given[axis]!, wrong);
    if (typeof dim === "string") bindings.set(dim, bound);
  });
}

/** A body's shape in the dimensions of the outside. */
function outside(shape: Shape, bindings: Bindings): Dim[] {
  return shape.map((dim) => {
    if (typeof dim === "number") return dim;
    return (
      bindings.get(dim) ?? multiplyDims(dim.split("*").map((part) => bindings.get(part) ?? (/^\d+$/.test(part) ? Number(part) : part)))
    );
  });
}

const withoutAxis = <T>(shape: readonly T[], axis: number): T[] => shape.filter((_, i) => i !== axis);
const withAxis = <T>(shape: readonly T[], axis: number, size: T): T[] => [...shape.slice(0, axis), size, ...shape.slice(axis)];

/** Axes and directions of one Scan: how many states, and where each scanned input and output runs. */
function layout(a: ScanAttributes, inputRanks: readonly number[]) {
  const states = inputRanks.length - a.num_scan_inputs;
  if (a.num_scan_inputs < 1 || states < 0) throw new GradusError(`num_scan_inputs is ${a.num_scan_inputs} of ${inputRanks.length} inputs`);
  if (a.body.inputs.length !== inputRanks.length)
    throw new GradusError(`the body takes ${a.body.inputs.length} inputs, Scan has ${inputRanks.length}`);
  if (a.body.outputs.length < states) throw new GradusError(`the body gives ${a.body.outputs.length} outputs for ${states} states`);
  const scannedIn = inputRanks.slice(states).map((rank, i) => ({
    axis: normalizeAxis(a.scan_input_axes?.[i] ?? 0, rank, "scan input axis"),
    reverse: a.scan_input_directions?.[i] === 1,
  }));
  const scannedOut = a.body.outputs.slice(states).map(({ value }, i) => ({
    axis: normalizeAxis(a.scan_output_axes?.[i] ?? 0, value.shape.length + 1, "scan output axis"),
    reverse: a.scan_output_directions?.[i] === 1,
  }));
  return { states, scannedIn, scannedOut };
}

function inferScan(context: InferContext<ScanAttributes>): TensorType[] {
  const { body } = context.attributes;
  const types = context.inputs.map((_, i) => required(context, i));
  const { states, scannedIn, scannedOut } = layout(
    context.attributes,
    types.map((type) => type.shape.length),
  );
  const bindings: Bindings = new Map();
  let length: Dim = unknownDim();
  types.forEach(({ dtype, shape }, i) => {
    const own = body.inputs[i]!;
    if (own.dtype !== dtype) throw new GradusError(`input ${i} is ${dtype}, the body expects ${own.dtype}`);
    const scanned = scannedIn[i - states];
    if (scanned) length = agree(length, shape[scanned.axis]!, "the scanned inputs have different lengths");
    bind(own.shape, scanned ? withoutAxis(shape, scanned.axis) : shape, bindings, scanned ? `a slice of input ${i}` : `state ${i}`);
  });
  return body.outputs.map(({ value }, i) => {
    const shape = outside(value.shape, bindings);
    const scanned = scannedOut[i - states];
    if (scanned) return { dtype: value.dtype, shape: withAxis(shape, scanned.axis, length) };
    const state = types[i]!;
    const wrong = `state ${i} is ${state.dtype}${formatShape(state.shape)}, the body makes it ${value.dtype}${formatShape(shape)}`;
    if (value.dtype !== state.dtype || shape.length !== state.shape.length) throw new GradusError(wrong);
    return { dtype: value.dtype, shape: shape.map((dim, axis) => agree(state.shape[axis]!, dim, wrong)) };
  });
}

/** The slices of an array along an axis. */
function slices(x: NdArray, axis: number): NdArray[] {
  const strides = stridesOf(x.shape);
  const shape = withoutAxis(x.shape, axis);
  const inner = withoutAxis(strides, axis);
  return Array.from({ length: x.shape[axis]! }, (_, i) => pick(x, shape, stridedOffsets(shape, inner, i * strides[axis]!)));
}

/** Arrays of one shape along a new axis. */
function stacked(dtype: NdArray["dtype"], arrays: readonly NdArray[], shape: readonly number[], axis: number): NdArray {
  const all = { dtype, shape: [arrays.length, ...shape], data: joinedData(dtype, arrays) };
  const [first, ...strides] = stridesOf(all.shape) as [number, ...number[]];
  const result = withAxis(shape, axis, arrays.length);
  return pick(all, result, stridedOffsets(result, withAxis(strides, axis, first)));
}

const float = (shape: readonly number[]) => ({ shape, dtype: "float32" as const });

/**
 * A loop: the body takes the states and one slice of every scanned input, and gives the next states and one slice of
 * every scanned output. Outputs: the last states, then the scanned outputs. The body may read captured values.
 */
export const Scan: Op<ScanAttributes, "many"> = defineOp<ScanAttributes, "many">({
  outputs: "many",
  arity: [1, Infinity],
  attributes: {
    body: "graph",
    num_scan_inputs: "int",
    scan_input_axes: "ints",
    scan_input_directions: "ints",
    scan_output_axes: "ints",
    scan_output_directions: "ints",
  },
  infer: inferScan,
  evaluate: (inputs, { attributes, run }) => {
    const arrays = inputs as readonly NdArray[];
    const { body } = attributes;
    const { states, scannedIn, scannedOut } = layout(
      attributes,
      arrays.map((array) => array.shape.length),
    );
    const sequences = scannedIn.map(({ axis, reverse }, i) =>
      reverse ? slices(arrays[states + i]!, axis).reverse() : slices(arrays[states + i]!, axis),
    );
    let state = arrays.slice(0, states);
    const made: NdArray[][] = scannedOut.map(() => []);
    for (let step = 0; step < sequences[0]!.length; step++) {
      const results = run(body, [...state, ...sequences.map((sequence) => sequence[step]!)]);
      state = results.slice(0, states);
      results.slice(states).forEach((result, i) => made[i]!.push(result));
    }
    const scanned = scannedOut.map(({ axis, reverse }, i) => {
      const { dtype, shape } = body.outputs[states + i]!.value;
      const known = made[i]![0]?.shape ?? emptyShape(attributes, arrays, shape);
      return stacked(dtype, reverse ? made[i]!.reverse() : made[i]!, known, axis);
    });
    return [...state, ...scanned];
  },
  gradient: { none: "backpropagation through a loop, which keeps every step's states, is not written yet" },
  samples: [
    {
      inputs: [float([2]), float([3, 2])],
      // Running sums: s' = s + x, and every s'.
      build: (ops) => {
        const [s, x] = [input("s", "float32", [2]), input("x", "float32", [2])];
        const next = ops.Add(s, x);
        return { body: graph({ inputs: [s, x], captures: [], outputs: { next, each: ops.Identity(next) } }), num_scan_inputs: 1 };
      },
    },
    {
      inputs: [float([]), float([2, 3]), float([4, 3])],
      // Along the last axis, one input backwards, the output along axis 1 and backwards.
      build: (ops) => {
        const [s, a, b] = [input("s", "float32", []), input("a", "float32", [2]), input("b", "float32", [4])];
        const next = ops.Add(s, ops.ReduceSum(a, null, { keepdims: 0 }));
        const body = graph({ inputs: [s, a, b], captures: [], outputs: { next, each: ops.Mul(b, next) } });
        return {
          body,
          num_scan_inputs: 2,
          scan_input_axes: [1, -1],
          scan_input_directions: [0, 1],
          scan_output_axes: [1],
          scan_output_directions: [1],
        };
      },
    },
  ],
});

/** Shape of a slice of a scanned output where the loop never ran. */
function emptyShape(attributes: ScanAttributes, arrays: readonly NdArray[], shape: Shape): readonly number[] {
  const { states, scannedIn } = layout(
    attributes,
    arrays.map((array) => array.shape.length),
  );
  const bindings: Bindings = new Map();
  arrays.forEach((array, i) => {
    const scanned = scannedIn[i - states];
    bind(attributes.body.inputs[i]!.shape, scanned ? withoutAxis(array.shape, scanned.axis) : array.shape, bindings, `input ${i}`);
  });
  const known = staticShape(outside(shape, bindings));
  if (!known) throw new GradusError(`a loop of 0 steps leaves the shape ${formatShape(shape)} open`);
  return known;
}

export interface IfAttributes {
  readonly then_branch: Graph;
  readonly else_branch: Graph;
}

/** One of two graphs without inputs, as the condition says; they read captured values. */
export const If: Op<IfAttributes, "many"> = defineOp<IfAttributes, "many">({
  outputs: "many",
  arity: [1, 1],
  attributes: { then_branch: "graph", else_branch: "graph" },
  infer: (context) => {
    requireDType(required(context, 0), ["bool"], "the condition");
    const { then_branch, else_branch } = context.attributes;
    if (then_branch.outputs.length !== else_branch.outputs.length) {
      throw new GradusError(`the branches give ${then_branch.outputs.length} and ${else_branch.outputs.length} outputs`);
    }
    return then_branch.outputs.map(({ value: a }, i) => {
      const b = else_branch.outputs[i]!.value;
      if (a.dtype !== b.dtype || a.shape.length !== b.shape.length) {
        throw new GradusError(
          `output ${i} is ${a.dtype}${formatShape(a.shape)} in one branch, ${b.dtype}${formatShape(b.shape)} in the other`,
        );
      }
      return { dtype: a.dtype, shape: a.shape.map((dim, axis) => (dim === b.shape[axis] ? dim : unknownDim())) };
    });
  },
  evaluate: ([condition], { attributes, run }) => run(condition!.data[0] ? attributes.then_branch : attributes.else_branch, []),
  gradient: { none: "a gradient that branches as the condition does is not written yet" },
  samples: [0, 1].map((holds) => ({
    inputs: [{ shape: [], dtype: "bool" as const, values: [holds] }],
    build: (ops: Ops) => {
      const branch = (y: Value) => graph({ inputs: [], captures: [], outputs: { y } });
      return { then_branch: branch(ops.Neg(int64([1, 2, 3]))), else_branch: branch(int64([4, 5, 6])) };
    },
  })),
});
