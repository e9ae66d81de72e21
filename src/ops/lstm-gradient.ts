/**
 * Backpropagation through LSTM. The loop of the operator, written out, gives out gates and cells (an executor runs it once for operator and
 * gradient); their slopes are computed for all steps at once, so that a loop from the last step to the first has only to carry
 * the gradients of the states; and the weights' gradients are one product over all steps and sequences.
 */
import { graph, int64, scalar, type Value } from "../ir/graph.ts";
import { sameShape } from "../ir/shape.ts";
import { substitute } from "../ir/substitute.ts";
import { tensor } from "../ir/tensor.ts";
import { loop } from "./loop.ts";
import { functionOf, lstm, lstmSteps, type Applied, type LstmAttributes, type LstmSteps } from "./lstm-steps.ts";
import type { GradientContext, GradientRule } from "./op.ts";
import { perDirection } from "./recurrent-gradient.ts";
import { at, directionsOf, sizesOf } from "./recurrent.ts";
import { dimOf, sizesVector } from "./vectors.ts";

type Context = GradientContext<LstmAttributes>;

/** Gradients from one direction. */
interface Back {
  /** Of W·x + R·h + b, [T, 4·H, B]. */
  readonly inner: Value;
  /** Of the first states, [H, B]. */
  readonly first: Value;
  readonly firstCell: Value;
}

/** Gradients of what a direction gives, as columns; null where nothing depends on it. */
interface Given {
  readonly y: Value | null;
  readonly last: Value | null;
  readonly lastCell: Value | null;
}

export const lstmGradient: GradientRule<LstmAttributes> = (context) => {
  const { ops, inputs, outputGradients, attributes, needs } = context;
  const { directions, layout, hidden } = sizesOf(
    inputs.map((value) => value?.shape),
    attributes,
    lstm,
  );
  const swap = (value: Value) => (layout === 0 ? value : ops.Transpose(value, { perm: [1, 0, 2] }));
  const stepsFirst = inputs.map((value, i) => (value && ([at.x, at.h, at.c] as readonly number[]).includes(i) ? swap(value) : value));
  const { layout: _, ...rest } = attributes;
  const forward = lstmSteps(ops, stepsFirst, rest);
  const x = stepsFirst[at.x]!;
  const columns = (value: Value | null | undefined, axis: number, perm: readonly number[]) =>
    value ? perDirection(ops, value, axis, directions).map((part) => ops.Transpose(part, { perm })) : null;
  const [dy, dLast, dLastCell] = outputGradients;
  const ofY = layout === 0 ? columns(dy, 1, [0, 2, 1]) : columns(dy, 2, [1, 2, 0]);
  const [ofLast, ofLastCell] = [dLast, dLastCell].map((value) => columns(value && swap(value), 0, [1, 0]));
  const backward = forward.map((steps, d) =>
    back(context, d, steps, { y: ofY?.[d] ?? null, last: ofLast?.[d] ?? null, lastCell: ofLastCell?.[d] ?? null }),
  );
  const all = (of: (d: number) => Value) => {
    const parts = forward.map((__, d) => ops.Unsqueeze(of(d), int64([0])));
    return directions === 1 ? parts[0]! : ops.Concat(...parts, { axis: 0 });
  };
  const rows = (value: Value) => ops.Transpose(value, { perm: [1, 0] });
  const weights = ([at.w, at.r, at.b] as const).some((index) => needs(index))
    ? forward.map((steps, d) => ofWeights(context, steps, backward[d]!, x))
    : [];
  const w = () => perDirection(ops, inputs[at.w]!, 0, directions);
  const ofX = () => {
    const products = w().map((weights, d) => ops.MatMul(rows(weights), backward[d]!.inner));
    return ops.Transpose(
      products.reduce((a, b) => ops.Add(a, b)),
      { perm: layout === 0 ? [0, 2, 1] : [2, 0, 1] },
    );
  };
  const gradients: Readonly<Record<keyof typeof at, () => Value | null>> = {
    x: ofX,
    w: () => all((d) => weights[d]!.w),
    r: () => all((d) => weights[d]!.r),
    b: () => all((d) => ops.Concat(weights[d]!.b!, weights[d]!.b!, { axis: 0 })),
    lengths: () => null,
    h: () => swap(all((d) => rows(backward[d]!.first))),
    c: () => swap(all((d) => rows(backward[d]!.firstCell))),
    p: () => all((d) => ofPeepholes(context, forward[d]!, backward[d]!, hidden)),
  };
  return (Object.keys(at) as (keyof typeof at)[]).map((key) => (needs(at[key]) ? gradients[key]() : null));
};

/** Back through one direction. */
function back({ ops, attributes, pullback }: Context, d: number, steps: LstmSteps, given: Given): Back {
  const { mask, peepholes, last, cellBefore, cell, squashed, i, o, f, g } = steps;
  const directions = directionsOf(attributes).length;
  const slope = (index: number, { x, y }: Applied, seed: Value) => {
    const made = functionOf(ops, attributes, directions, d, index)(x);
    const { nodes } = graph({ inputs: [], captures: [x], outputs: { made } });
    const found = pullback(nodes, [[made, seed]], [x])[0] ?? scalar(x.dtype, 0);
    // The function's value is there already.
    const [known] = substitute(
      [found],
      new Map([
        [made, y],
        [x, x],
        [seed, seed],
      ]),
    ) as [Value];
    return sameShape(known.shape, x.shape) ? known : ops.Expand(known, ops.Shape(x));
  };
  const masked = (value: Value) => (mask ? ops.Mul(value, mask) : value);
  const peep = (value: Value, index: number, weighted: Value) => (peepholes ? ops.Add(value, ops.Mul(weighted, peepholes[index]!)) : value);

  const toI = slope(0, i, f ? g.y : ops.Sub(g.y, cellBefore));
  const toF = f ? slope(0, f, cellBefore) : ops.Mul(toI, 0);
  const toO = slope(0, o, squashed);
  const factors = masked(ops.Concat(toI, toO, toF, slope(1, g, i.y), { axis: 1 }));
  const toCell = masked(peep(slope(2, { x: cell, y: squashed }, o.y), 1, toO));
  const forget = peep(peep(f ? f.y : ops.Sub(1, i.y), 0, toI), 2, toF);
  const kept = mask && ops.Sub(1, mask);
  const carry = kept ? ops.Add(masked(forget), kept) : forget;

  const zeros = () => ops.ConstantOfShape(sizesVector(ops, [dimOf(ops, last, 0), dimOf(ops, last, 1)]), { value: tensor(last.dtype, [0]) });
  const states = [given.last ?? zeros(), given.lastCell ?? zeros()];
  const transposed = ops.Transpose(steps.r, { perm: [1, 0] });
  const sequences = [factors, toCell, carry, ...(given.y ? [masked(given.y)] : []), ...(kept ? [kept] : [])];
  const [first, firstCell, inner] = loop(
    ops,
    { states, sequences, captures: [transposed], reverse: !steps.reverse },
    ([dh, dc], slices) => {
      const [factor, toCell, carry, ...more] = slices as [Value, Value, Value, ...Value[]];
      const [dy, kept] = given.y ? more : [null, more[0]];
      const whole = dy ? ops.Add(dh!, dy) : dh!;
      const ofCell = ops.Add(dc!, ops.Mul(whole, toCell));
      const inner = ops.Mul(ops.Concat(ofCell, whole, ofCell, ofCell, { axis: 0 }), factor);
      const passed = ops.MatMul(transposed, inner);
      return { states: [kept ? ops.Add(passed, ops.Mul(whole, kept)) : passed, ops.Mul(ofCell, carry)], outputs: [inner] };
    },
  ) as [Value, Value, Value];
  return { inner, first, firstCell };
}

/** dW, dR and db of one direction, from one product of all steps and sequences. */
function ofWeights({ ops, inputs }: Context, { columns, before }: LstmSteps, { inner }: Back, x: Value) {
  const [read, stacked] = [dimOf(ops, x, 2), ops.Concat(columns, before, { axis: 1 })];
  const flat = (value: Value) => ops.Reshape(ops.Transpose(value, { perm: [1, 0, 2] }), sizesVector(ops, [dimOf(ops, value, 1), -1]));
  const products = ops.Gemm(flat(inner), flat(stacked), null, { transB: 1 });
  const sizes = [read, ...(inputs[at.b] ? [1] : []), dimOf(ops, before, 1)];
  const parts = ops.Split(products, sizesVector(ops, sizes), { axis: 1 });
  return { w: parts[0]!, r: parts.at(-1)!, b: inputs[at.b] ? ops.Squeeze(parts[1]!, int64([1])) : null };
}

/** [3·H], of the input, output and forget gates. */
function ofPeepholes({ ops }: Context, { cellBefore, cell }: LstmSteps, { inner }: Back, hidden: number): Value {
  const [di, dO, df] = ops.Split(inner, int64([hidden, hidden, hidden, hidden]), { axis: 1 }) as [Value, Value, Value, Value];
  const all = ops.Concat(ops.Mul(di, cellBefore), ops.Mul(dO, cell), ops.Mul(df, cellBefore), { axis: 1 });
  const rows = ops.Reshape(ops.Transpose(all, { perm: [1, 0, 2] }), int64([3 * hidden, -1]));
  return ops.ReduceSum(rows, int64([1]), { keepdims: 0 });
}
