/** What RNN, GRU and LSTM share: attributes, shapes, and the walk over directions, sequences and steps. */
import type { Dim, Shape } from "../ir/shape.ts";
import { formatShape, sizeOf } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import { agree } from "./dims.ts";
import { requireDType, requireFloat, required } from "./infer.ts";
import { ndarray, numbers } from "./ndarray.ts";
import type { InferContext, NdArray, OpDefinition, TensorType } from "./op.ts";
import { integers } from "./pick.ts";
import { activationsOf } from "./recurrent-activations.ts";

export interface RecurrentAttributes {
  readonly hidden_size?: number;
  readonly direction?: string;
  /** 0: x is [steps, batch, features]; 1: [batch, steps, features], and the states are [batch, directions, hidden]. */
  readonly layout?: number;
  readonly activations?: readonly string[];
  readonly activation_alpha?: readonly number[];
  readonly activation_beta?: readonly number[];
  /** What the gates and the candidate are functions of is kept within ±clip (as ONNX Runtime reads it, not the cell state). */
  readonly clip?: number;
}

export const recurrentAttributes = {
  hidden_size: "int",
  direction: "string",
  layout: "int",
  activations: "strings",
  activation_alpha: "floats",
  activation_beta: "floats",
  clip: "float",
} as const satisfies OpDefinition<RecurrentAttributes, "many">["attributes"];

/** What distinguishes one kind of cell from another, for shapes. */
export interface CellKind {
  /** How many of its functions the clip is for. */
  readonly clipped: number;
  /** Blocks of `hidden` rows in W and R. */
  readonly gates: number;
  /** Names of the functions of one direction, where a node names none. */
  readonly activations: readonly string[];
}

/** Places of the inputs; RNN and GRU end with the first state. */
export const at = { x: 0, w: 1, r: 2, b: 3, lengths: 4, h: 5, c: 6, p: 7 } as const;

/** Whether each direction of a node runs backwards. */
export function directionsOf({ direction = "forward" }: RecurrentAttributes): readonly boolean[] {
  if (direction === "forward") return [false];
  if (direction === "reverse") return [true];
  if (direction === "bidirectional") return [false, true];
  throw new GradusError(`direction must be forward, reverse or bidirectional, got "${direction}"`);
}

/** Sizes of a node, from the shapes of its inputs. */
export function sizesOf(shapes: readonly (Shape | undefined)[], attributes: RecurrentAttributes, { gates }: CellKind) {
  const { layout = 0, hidden_size: hidden } = attributes;
  if (layout !== 0 && layout !== 1) throw new GradusError(`layout must be 0 or 1, got ${layout}`);
  const directions = directionsOf(attributes).length;
  const shapeOf = (index: number, rank: number, what: string) => {
    const shape = shapes[index];
    if (shape && shape.length !== rank) throw new GradusError(`${what} must have ${rank} axes, got shape ${formatShape(shape)}`);
    return shape;
  };
  const x = shapeOf(at.x, 3, "the input")!;
  if (hidden === undefined) throw new GradusError("hidden_size must be given, as ONNX Runtime asks for it");
  const [steps, batch] = layout === 0 ? [x[0]!, x[1]!] : [x[1]!, x[0]!];
  const state = (size: Dim) => (layout === 0 ? [directions, size, hidden] : [size, directions, hidden]);
  const sizes = { steps, batch, features: x[2]!, hidden, directions, layout };
  const check = (index: number, expected: Shape, what: string) => {
    const shape = shapeOf(index, expected.length, what);
    shape?.forEach((dim, axis) => agree(dim, expected[axis]!, `${what}, ${formatShape(shape)}, should be ${formatShape(expected)}`));
  };
  check(at.w, [directions, gates * hidden, x[2]!], "the weights");
  check(at.r, [directions, gates * hidden, hidden], "the recurrence weights");
  check(at.b, [directions, 2 * gates * hidden], "the bias");
  check(at.lengths, [batch], "the lengths of the sequences");
  check(at.h, state(batch), "the first state");
  check(at.c, state(batch), "the first cell state");
  check(at.p, [directions, 3 * hidden], "the peepholes");
  return sizes;
}

/** Types of Y, Y_h and, for a cell with a second state, Y_c. */
export function inferRecurrent(context: InferContext<RecurrentAttributes>, kind: CellKind, states: number): TensorType[] {
  const { dtype } = requireFloat(required(context, at.x));
  for (const index of [at.w, at.r]) required(context, index);
  context.inputs.forEach((type, i) => {
    if (type && i === at.lengths) requireDType(type, ["int32"], "the lengths of the sequences");
    else if (type && type.dtype !== dtype) throw new GradusError(`dtypes differ: ${dtype} and ${type.dtype}`);
  });
  const { attributes } = context;
  const { steps, batch, hidden, directions, layout } = sizesOf(
    context.inputs.map((type) => type?.shape),
    attributes,
    kind,
  );
  activationsOf(attributes, kind.activations, directions);
  const state = layout === 0 ? [directions, batch, hidden] : [batch, directions, hidden];
  const all = layout === 0 ? [steps, directions, batch, hidden] : [batch, steps, directions, hidden];
  return [{ dtype, shape: all }, ...Array.from({ length: states }, () => ({ dtype, shape: state }))];
}

/** The weights of one direction as a cell sees them: rows `gate·hidden …` of a matrix times a vector, plus a bias. */
export interface CellWeights {
  readonly hidden: number;
  /** W·x + Wb of a gate. */
  readonly ofInput: (gate: number, x: Float64Array) => Float64Array;
  /** R·h + Rb of a gate. */
  readonly ofState: (gate: number, h: Float64Array) => Float64Array;
  /** Elements of a peephole, zeros where there are none. */
  readonly peephole: (index: number) => Float64Array;
  /** The functions of this direction, after the clip. */
  readonly functions: readonly ((x: number) => number)[];
}

/** One step of one sequence: the input and the states before it become the states after it. */
export type CellStep = (weights: CellWeights, x: Float64Array, h: Float64Array, c: Float64Array) => { h: Float64Array; c?: Float64Array };

/** rows·vector + bias, for rows `from …` of a matrix. */
function times(matrix: Float64Array, from: number, rows: number, vector: Float64Array, bias: Float64Array | undefined): Float64Array {
  const width = vector.length;
  return Float64Array.from({ length: rows }, (_, row) => {
    let sum = bias?.[row] ?? 0;
    for (let i = 0; i < width; i++) sum += matrix[(from + row) * width + i]! * vector[i]!;
    return sum;
  });
}

function weightsOf(
  inputs: readonly (NdArray | null)[],
  d: number,
  sizes: { hidden: number; gates: number; features: number },
  functions: readonly ((x: number) => number)[],
): CellWeights {
  const { hidden, gates, features } = sizes;
  const rows = gates * hidden;
  const part = (index: number, length: number) => {
    const array = inputs[index];
    return array ? numbers(array).subarray(d * length, (d + 1) * length) : undefined;
  };
  const [w, r] = [part(at.w, rows * features)!, part(at.r, rows * hidden)!];
  const [b, p] = [part(at.b, 2 * rows), part(at.p, 3 * hidden) ?? new Float64Array(3 * hidden)];
  const bias = (block: number) => b?.subarray(block * hidden, (block + 1) * hidden);
  return {
    hidden,
    ofInput: (gate, x) => times(w, gate * hidden, hidden, x, bias(gate)),
    ofState: (gate, h) => times(r, gate * hidden, hidden, h, bias(gates + gate)),
    peephole: (index) => p.subarray(index * hidden, (index + 1) * hidden),
    functions,
  };
}

/** Y, Y_h and Y_c. A sequence's padding gives zeros, and its last state is that of its last step. */
export function evaluateRecurrent(
  inputs: readonly (NdArray | null)[],
  attributes: RecurrentAttributes,
  kind: CellKind,
  step: CellStep,
): NdArray[] {
  const sizes = sizesOf(
    inputs.map((array) => array?.shape),
    attributes,
    kind,
  ) as Record<"steps" | "batch" | "features" | "hidden" | "directions" | "layout", number>;
  const { steps, batch, features, hidden, directions, layout } = sizes;
  const x = numbers(inputs[at.x]);
  const lengths = inputs[at.lengths] ? integers(inputs[at.lengths]) : new Array<number>(batch).fill(steps);
  const { dtype } = inputs[at.x]!;
  const stateShape = layout === 0 ? [directions, batch, hidden] : [batch, directions, hidden];
  const allShape = layout === 0 ? [steps, directions, batch, hidden] : [batch, steps, directions, hidden];
  const [all, lastH, lastC] = [allShape, stateShape, stateShape].map((shape) => new Float64Array(sizeOf(shape))) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const { clip = Infinity } = attributes;
  const functions = activationsOf(attributes, kind.activations, directions).map((list) =>
    list.map(({ evaluate }, i) => (i < kind.clipped ? (x: number) => evaluate(Math.max(-clip, Math.min(clip, x))) : evaluate)),
  );
  const placeOfX = (t: number, b: number) => (layout === 0 ? t * batch + b : b * steps + t) * features;
  const placeOfY = (t: number, d: number, b: number) =>
    (layout === 0 ? (t * directions + d) * batch + b : (b * steps + t) * directions + d) * hidden;
  directionsOf(attributes).forEach((reverse, d) => {
    const weights = weightsOf(inputs, d, { hidden, gates: kind.gates, features }, functions[d]!);
    for (let b = 0; b < batch; b++) {
      const place = (layout === 0 ? d * batch + b : b * directions + d) * hidden;
      const first = (index: number) => (inputs[index] ? numbers(inputs[index]).slice(place, place + hidden) : new Float64Array(hidden));
      let [h, c]: [Float64Array, Float64Array] = [first(at.h), first(at.c)];
      const length = lengths[b]!;
      for (let s = 0; s < length; s++) {
        const t = reverse ? length - 1 - s : s;
        const next = step(weights, x.subarray(placeOfX(t, b), placeOfX(t, b) + features), h, c);
        [h, c] = [next.h, next.c ?? c];
        all.set(h, placeOfY(t, d, b));
      }
      lastH.set(h, place);
      lastC.set(c, place);
    }
  });
  return [ndarray(dtype, allShape, all), ndarray(dtype, stateShape, lastH), ndarray(dtype, stateShape, lastC)];
}
