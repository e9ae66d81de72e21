/** Scan: a loop over slices, with states. */
import { graph, input } from "../ir/graph.ts";
import { formatShape, staticShape, stridesOf, unknownDim, type Dim, type Shape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import { bind, outside, type Bindings } from "./bodies.ts";
import { agree } from "./dims.ts";
import { required } from "./infer.ts";
import { defineOp, type InferContext, type NdArray, type Op, type TensorType } from "./op.ts";
import { joinedData, strided } from "./pick.ts";
import { scanGradient } from "./scan-gradient.ts";
import { scanLayout, withoutAxis, withAxis, type ScanAttributes } from "./scan-layout.ts";

function inferScan(context: InferContext<ScanAttributes>): TensorType[] {
  const { body } = context.attributes;
  const types = context.inputs.map((_, i) => required(context, i));
  const { states, scannedIn, scannedOut } = scanLayout(
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
  return Array.from({ length: x.shape[axis]! }, (_, i) => strided(x, shape, inner, i * strides[axis]!));
}

/** Arrays of one shape along a new axis. */
function stacked(dtype: NdArray["dtype"], arrays: readonly NdArray[], shape: readonly number[], axis: number): NdArray {
  const all = { dtype, shape: [arrays.length, ...shape], data: joinedData(dtype, arrays) };
  const [first, ...strides] = stridesOf(all.shape) as [number, ...number[]];
  const result = withAxis(shape, axis, arrays.length);
  return strided(all, result, withAxis(strides, axis, first));
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
    const { states, scannedIn, scannedOut } = scanLayout(
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
  gradient: scanGradient,
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
  const { states, scannedIn } = scanLayout(
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
