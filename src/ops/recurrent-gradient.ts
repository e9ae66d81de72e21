/**
 * Backpropagation through RNN and GRU (LSTM: `lstm-gradient.ts`). The output Y holds the state after every step, so the gates of all steps are computed
 * again at once, in one matrix product, with their slopes; a loop from the last step to the first then has only to carry the
 * gradient of the state; and the weights' gradients are one product over all steps and sequences.
 */
import { graph, int64, scalar, type Value } from "../ir/graph.ts";
import { sameShape } from "../ir/shape.ts";
import { tensor } from "../ir/tensor.ts";
import type { Ops } from "./build.ts";
import { indicator } from "./masks.ts";
import type { GradientContext, GradientRule } from "./op.ts";
import { activationsOf } from "./recurrent-activations.ts";
import { at, directionsOf, sizesOf, type CellKind, type RecurrentAttributes } from "./recurrent.ts";
import { dimOf, product, rangeTo, sizesVector } from "./vectors.ts";

/** A function applied to all steps. */
export interface Applied {
  readonly y: Value;
  /** seed · f'(x), in the shape of x. */
  readonly slope: (seed: Value) => Value;
}

/** One direction of a node; T steps, B sequences, H hidden units, G gates. */
export interface Pass {
  readonly ops: Ops;
  readonly reverse: boolean;
  readonly hidden: number;
  /** [G·H, H] */
  readonly r: Value;
  /** Of a gate, over all steps: W·x + Wb, and R·h + Rb for some h, each [T, B, H]. */
  readonly ofInput: (gate: number) => Value;
  readonly ofState: (gate: number, h: Value) => Value;
  /** Their sum. */
  readonly ofBoth: (gate: number, h: Value) => Value;
  /** The state before every step, [T, B, H]. */
  readonly before: Value;
  /** 1 where a sequence has a step and 0 in its padding, [T, B, 1]. */
  readonly mask: Value | null;
  /** Gradients of the state after every step [T, B, H], 0 in the padding; and of the last state [B, H]. */
  readonly slices: Value | null;
  readonly last: Value;
  readonly apply: (index: number, x: Value) => Applied;
}

/** Gradients from one direction. */
export interface PassGradient {
  /** Of W·x + Wb, [T, B, G·H]. */
  readonly ofInput: Value;
  /** Of products R·h + Rb, block of gates after block: the gradient [T, B, rows] and the vector that is multiplied [T, B, H]. */
  readonly ofState: readonly { readonly gradient: Value; readonly vector: Value }[];
  readonly first: Value;
}

/** Parts of equal size along the last axis. */
export function blocks(ops: Ops, x: Value, count: number, size: number): readonly Value[] {
  return count === 1 ? [x] : ops.Split(x, int64(new Array<number>(count).fill(size)), { axis: -1 });
}

/** `x` as rows of its last axis. */
export function rows(ops: Ops, x: Value): Value {
  return ops.Reshape(x, sizesVector(ops, [-1, dimOf(ops, x, x.shape.length - 1)]));
}

/** Σ aᵀ·b over all steps and sequences. */
const overRows = (ops: Ops, a: Value, b: Value) => ops.Gemm(rows(ops, a), rows(ops, b), { transA: 1 });

/** The sum over all steps and sequences, as a product with ones, which is faster than a sum over leading axes. */
function sumOfRows(ops: Ops, x: Value): Value {
  const [steps, batch] = [dimOf(ops, x, 0), dimOf(ops, x, 1)];
  const count = product(ops, [steps, batch]);
  const one = tensor(x.dtype, [1]);
  return ops.MatMul(ops.ConstantOfShape(sizesVector(ops, [count]), { value: one }), rows(ops, x));
}

/** Entries of a value along an axis, one for each direction. */
export function perDirection(ops: Ops, value: Value, axis: number, directions: number): readonly Value[] {
  const parts = directions === 1 ? [value] : ops.Split(value, int64(new Array<number>(directions).fill(1)), { axis });
  return parts.map((part) => ops.Squeeze(part, int64([axis])));
}

/** The states before every step: those after the step before; at a sequence's start the first state. */
function shifted(ops: Ops, y: Value, first: Value, mask: Value | null, reverse: boolean): Value {
  const start = ops.Unsqueeze(first, int64([0]));
  const axis = int64([0]);
  if (!reverse) return ops.Concat(start, ops.Slice(y, int64([0]), int64([-1]), axis), { axis: 0 });
  const later = (value: Value) => ops.Slice(value, int64([1]), int64([2 ** 31 - 1]), axis);
  // Backwards, a short sequence starts after its padding, where Y is 0.
  const states = mask ? ops.Add(later(y), ops.Mul(ops.Sub(1, later(mask)), first)) : later(y);
  return ops.Concat(states, start, { axis: 0 });
}

const places = ["x", "w", "r", "b", "lengths", "h"] as const;
type Place = (typeof places)[number];

/** Rule of a recurrent operator of one state from the backward pass of one direction of its cells. */
export function recurrentGradient<A extends RecurrentAttributes>(
  kind: CellKind,
  cell: (pass: Pass, attributes: A) => PassGradient,
): GradientRule<A> {
  return (context) => {
    const { ops, inputs, attributes, needs } = context;
    const { directions, layout } = sizesOf(
      inputs.map((value) => value?.shape),
      attributes,
      kind,
    );
    const stepsFirst = (value: Value, perm: readonly number[]) => (layout === 0 ? value : ops.Transpose(value, { perm }));
    const x = stepsFirst(inputs[at.x]!, [1, 0, 2]);
    const passes = passesOf(context, kind, x);
    const found = passes.map((pass) => cell(pass, attributes));
    const all = (of: (gradient: PassGradient, d: number) => Value) => {
      const parts = found.map((gradient, d) => ops.Unsqueeze(of(gradient, d), int64([0])));
      return directions === 1 ? parts[0]! : ops.Concat(...parts, { axis: 0 });
    };
    const w = perDirection(ops, inputs[at.w]!, 0, directions);
    const gradients: Readonly<Record<Place, () => Value | null>> = {
      x: () =>
        stepsFirst(
          found.map(({ ofInput }, d) => ops.MatMul(ofInput, w[d]!)).reduce((a, b) => ops.Add(a, b)),
          [1, 0, 2],
        ),
      w: () => all(({ ofInput }) => overRows(ops, ofInput, x)),
      r: () =>
        all(({ ofState }) =>
          joined(
            ops,
            ofState.map(({ gradient, vector }) => overRows(ops, gradient, vector)),
          ),
        ),
      b: () =>
        all(({ ofInput, ofState }) => {
          const sum = sumOfRows(ops, ofInput);
          return joined(ops, [sum, ...ofState.map(({ gradient }) => (gradient === ofInput ? sum : sumOfRows(ops, gradient)))]);
        }),
      lengths: () => null,
      h: () =>
        stepsFirst(
          all(({ first }) => first),
          [1, 0, 2],
        ),
    };
    return places.map((key) => (needs(at[key]) ? gradients[key]() : null));
  };
}

const joined = (ops: Ops, parts: readonly Value[]) => (parts.length === 1 ? parts[0]! : ops.Concat(...parts, { axis: 0 }));

/** The directions of a node, with what its output says about the states. */
function passesOf<A extends RecurrentAttributes>(context: GradientContext<A>, kind: CellKind, x: Value): Pass[] {
  const { ops, inputs, outputs, outputGradients, attributes, pullback } = context;
  const { directions, layout, hidden } = sizesOf(
    inputs.map((value) => value?.shape),
    attributes,
    kind,
  );
  const { dtype } = x;
  const parts = (value: Value | null | undefined, axis: number, perm?: readonly number[]) => {
    if (!value) return new Array<null>(directions).fill(null);
    return perDirection(ops, layout === 0 || !perm ? value : ops.Transpose(value, { perm }), axis, directions);
  };
  const [states, sequences] = [[1, 0, 2] as const, [1, 2, 0, 3] as const];
  const w = parts(inputs[at.w], 0);
  const r = parts(inputs[at.r], 0);
  const b = parts(inputs[at.b], 0);
  const y = parts(outputs[0], 1, sequences);
  const first = parts(inputs[at.h], 0, states);
  const last = parts(outputGradients[1], 0, states);
  const dy = parts(outputGradients[0], 1, sequences);
  const zeros = ops.ConstantOfShape(sizesVector(ops, [dimOf(ops, x, 1), hidden]), { value: tensor(dtype, [0]) });
  const lengths = inputs[at.lengths];
  const mask = lengths ? maskOf(ops, x, lengths) : null;
  const clip = attributes.clip;
  return directionsOf(attributes).map((reverse, d) => {
    const functions = activationsOf(attributes, kind.activations, directions)[d]!;
    const products = productsOf(ops, x, { w: w[d]!, r: r[d]!, b: b[d] ?? null }, kind.gates, hidden);
    return {
      ops,
      reverse,
      hidden,
      ...products,
      r: r[d]!,
      before: shifted(ops, y[d]!, first[d] ?? zeros, mask, reverse),
      mask,
      slices: dy[d] && mask ? ops.Mul(dy[d], mask) : (dy[d] ?? null),
      last: last[d] ?? zeros,
      apply(index, value) {
        const y = functions[index]!.build(ops, clip === undefined || index >= kind.clipped ? value : ops.Clip(value, -clip, clip));
        const { nodes } = graph({ inputs: [], captures: [value], outputs: { y } });
        const slope = (seed: Value) => {
          const found = pullback(nodes, [[y, seed]], [value])[0] ?? scalar(dtype, 0);
          return sameShape(found.shape, value.shape) ? found : ops.Expand(found, ops.Shape(value));
        };
        return { y, slope };
      },
    };
  });
}

/** Products of all steps with the weights, gate by gate, so that no large result is cut into gates. */
function productsOf(
  ops: Ops,
  x: Value,
  { w, r, b }: { readonly w: Value; readonly r: Value; readonly b: Value | null },
  gates: number,
  hidden: number,
): Pick<Pass, "ofInput" | "ofState" | "ofBoth"> {
  const cut = (value: Value, count: number) =>
    count === 1 ? [value] : ops.Split(value, int64(new Array<number>(count).fill(hidden)), { axis: 0 });
  const [ofW, ofR, biases] = [cut(w, gates), cut(r, gates), b ? cut(b, 2 * gates) : []];
  const vectors = rows(ops, x);
  const steps = (value: Value) => ops.Reshape(value, sizesVector(ops, [dimOf(ops, x, 0), dimOf(ops, x, 1), hidden]));
  const times = (a: Value, weights: Value, bias: Value | null | undefined) => ops.Gemm(a, weights, bias ?? null, { transB: 1 });
  const bias = (gate: number) => (b ? ops.Add(biases[gate]!, biases[gates + gate]!) : null);
  return {
    ofInput: (gate) => steps(times(vectors, ofW[gate]!, biases[gate])),
    ofState: (gate, h) => steps(times(rows(ops, h), ofR[gate]!, biases[gates + gate])),
    ofBoth: (gate, h) => steps(times(rows(ops, h), ofR[gate]!, times(vectors, ofW[gate]!, bias(gate)))),
  };
}

/** 1 for the steps of every sequence, 0 after its end: [T, B, 1] from lengths [B]. */
export function maskOf(ops: Ops, x: Value, lengths: Value): Value {
  const steps = ops.Unsqueeze(rangeTo(ops, dimOf(ops, x, 0)), int64([1, 2]));
  return indicator(ops, ops.Less(steps, ops.Unsqueeze(ops.Cast(lengths, { to: "int64" }), int64([1]))), x);
}
