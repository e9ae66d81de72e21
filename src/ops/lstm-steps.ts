/**
 * LSTM as a loop of other operators. States and gates are columns, a sequence each: the product R·h takes R as it lies, gates are blocks of
 * rows, and a product of many rows is shared out among threads by rows. The loop gives out what its gradient reads; where nobody reads it,
 * executors leave it out (`exec/shared-loops.ts`).
 */
import { int64, type Value } from "../ir/graph.ts";
import { tensor } from "../ir/tensor.ts";
import type { Ops } from "./build.ts";
import { loop } from "./loop.ts";
import { activationsOf } from "./recurrent-activations.ts";
import { maskOf, perDirection } from "./recurrent-gradient.ts";
import { at, directionsOf, sizesOf, type RecurrentAttributes } from "./recurrent.ts";
import { dimOf, sizesVector } from "./vectors.ts";

export interface LstmAttributes extends RecurrentAttributes {
  /** Whether the forget gate is 1 - the input gate. */
  readonly input_forget?: number;
}

export const lstm = { gates: 4, clipped: 2, activations: ["Sigmoid", "Tanh", "Tanh"] } as const;

/** A function's argument and value. */
export interface Applied {
  readonly x: Value;
  readonly y: Value;
}

/** One direction; T steps, B sequences, I features, H hidden units. */
export interface LstmSteps {
  readonly reverse: boolean;
  /** [4·H, H] */
  readonly r: Value;
  /** What the weights of the input are multiplied with: x, and a row of ones for the bias, [T, I + 1, B] or [T, I, B]. */
  readonly columns: Value;
  /** 1 where a sequence has a step and 0 in its padding, [T, 1, B]. */
  readonly mask: Value | null;
  /** Of the input, output and forget gate, [H, 1] each. */
  readonly peepholes: readonly Value[] | null;
  /** After the last step, [H, B]. */
  readonly last: Value;
  readonly lastCell: Value;
  /** Of every step, [T, H, B] each: the output, 0 in the padding; the states before it; the cell state that it makes, and η of that. */
  readonly y: Value;
  readonly before: Value;
  readonly cellBefore: Value;
  readonly cell: Value;
  readonly squashed: Value;
  /** Gates and candidate; the forget gate is null where it is 1 - the input gate. */
  readonly i: Applied;
  readonly o: Applied;
  readonly f: Applied | null;
  readonly g: Applied;
}

/** The function of a direction with an index, behind the clip. */
export function functionOf(ops: Ops, attributes: LstmAttributes, directions: number, d: number, index: number): (x: Value) => Value {
  const { build } = activationsOf(attributes, lstm.activations, directions)[d]![index]!;
  const { clip } = attributes;
  return (x) => build(ops, clip === undefined || index >= lstm.clipped ? x : ops.Clip(x, -clip, clip));
}

/** The directions of an LSTM of layout 0. */
export function lstmSteps(ops: Ops, inputs: readonly (Value | null | undefined)[], attributes: LstmAttributes): LstmSteps[] {
  const x = inputs[at.x]!;
  const { directions, hidden } = sizesOf(
    inputs.map((value) => value?.shape),
    attributes,
    lstm,
  );
  const [steps, batch] = [dimOf(ops, x, 0), dimOf(ops, x, 1)];
  const parts = (index: number) => {
    const value = inputs[index];
    return value ? perDirection(ops, value, 0, directions) : undefined;
  };
  const [w, r, b, h, c, p] = [at.w, at.r, at.b, at.h, at.c, at.p].map(parts);
  const filled = (sizes: Parameters<typeof sizesVector>[1], value: number) =>
    ops.ConstantOfShape(sizesVector(ops, sizes), { value: tensor(x.dtype, [value]) });
  const features = ops.Transpose(x, { perm: [0, 2, 1] });
  const columns = b ? ops.Concat(features, filled([steps, 1, batch], 1), { axis: 1 }) : features;
  const zeros = filled([hidden, batch], 0);
  const lengths = inputs[at.lengths];
  const mask = lengths ? ops.Transpose(maskOf(ops, x, lengths), { perm: [0, 2, 1] }) : null;
  const column = (value: Value) => ops.Unsqueeze(value, int64([1]));
  const start = (value: Value | undefined) => (value ? ops.Transpose(value, { perm: [1, 0] }) : zeros);
  return directionsOf(attributes).map((reverse, d): LstmSteps => {
    const bias = b && ops.Split(b[d]!, int64([4 * hidden, 4 * hidden]), { axis: 0 }).reduce((a, b) => ops.Add(a, b));
    const products = ops.MatMul(bias ? ops.Concat(w![d]!, column(bias), { axis: 1 }) : w![d]!, columns);
    const peepholes = p ? rowBlocks(ops, p[d]!, 3, hidden).map(column) : null;
    const gates = gatesOf(ops, attributes, { directions, d, hidden, peepholes });
    const found = loop(
      ops,
      {
        states: [start(h?.[d]), start(c?.[d])],
        sequences: [products, ...(mask ? [mask] : [])],
        captures: [r![d]!, ...(peepholes ?? [])],
        reverse,
      },
      ([h, c], [ofInput, is]) => {
        const { cell, squashed, i, o, f, g } = gates(ops.Gemm(r![d]!, h!, ofInput!), c!);
        const state = ops.Mul(o.y, squashed);
        const given = [h!, c!, cell, squashed, ...[i, o, g, ...(f ? [f] : [])].flatMap(({ x, y }) => [x, y])];
        if (!is) return { states: [state, cell], outputs: [state, ...given] };
        const kept = ops.Sub(1, is);
        const y = ops.Mul(state, is);
        const after = [ops.Add(y, ops.Mul(h!, kept)), ops.Add(ops.Mul(cell, is), ops.Mul(c!, kept))];
        return { states: after, outputs: [y, ...given] };
      },
    );
    const [last, lastCell, y, before, cellBefore, cell, squashed] = found as [Value, Value, Value, Value, Value, Value, Value];
    const applied = (place: number): Applied => ({ x: found[place]!, y: found[place + 1]! });
    const [i, o, g, f] = [applied(7), applied(9), applied(11), attributes.input_forget ? null : applied(13)];
    const states = { last, lastCell, y, before, cellBefore, cell, squashed };
    return { reverse, r: r![d]!, columns, mask, peepholes, ...states, i, o, f, g };
  });
}

interface Direction {
  readonly directions: number;
  readonly d: number;
  readonly hidden: number;
  readonly peepholes: readonly Value[] | null;
}

type Gates = Pick<LstmSteps, "cell" | "squashed" | "i" | "o" | "f" | "g">;

/** One step's gates and cell from W·x + R·h + b [4·H, B] and the cell before. */
function gatesOf(ops: Ops, attributes: LstmAttributes, { directions, d, hidden, peepholes }: Direction): (a: Value, c: Value) => Gates {
  const [f, g, squash] = [0, 1, 2].map((index) => functionOf(ops, attributes, directions, d, index)) as [
    (x: Value) => Value,
    (x: Value) => Value,
    (x: Value) => Value,
  ];
  const applied = (of: (x: Value) => Value, x: Value): Applied => ({ x, y: of(x) });
  const cellOf = (c: Value, i: Applied, forget: Value, g: Applied) => ops.Add(ops.Mul(forget, c), ops.Mul(i.y, g.y));
  if (!peepholes && !attributes.input_forget) {
    return (a, c) => {
      const [gated, candidate] = ops.Split(a, int64([3 * hidden, hidden]), { axis: 0 }) as [Value, Value];
      const values = rowBlocks(ops, f(gated), 3, hidden);
      const [i, o, forget] = rowBlocks(ops, gated, 3, hidden).map((x, k) => ({ x, y: values[k]! })) as [Applied, Applied, Applied];
      const made = applied(g, candidate);
      const cell = cellOf(c, i, forget.y, made);
      return { cell, squashed: squash(cell), i, o, f: forget, g: made };
    };
  }
  const peep = (x: Value, index: number, cell: Value) => (peepholes ? ops.Add(x, ops.Mul(cell, peepholes[index]!)) : x);
  return (a, c) => {
    const [ai, ao, af, ag] = rowBlocks(ops, a, 4, hidden) as [Value, Value, Value, Value];
    const i = applied(f, peep(ai, 0, c));
    const forget = attributes.input_forget ? null : applied(f, peep(af, 2, c));
    const made = applied(g, ag);
    const cell = cellOf(c, i, forget ? forget.y : ops.Sub(1, i.y), made);
    return { cell, squashed: squash(cell), i, o: applied(f, peep(ao, 1, cell)), f: forget, g: made };
  };
}

/** Blocks of `size` rows. */
function rowBlocks(ops: Ops, x: Value, count: number, size: number): readonly Value[] {
  return ops.Split(x, int64(new Array<number>(count).fill(size)), { axis: 0 });
}

/** Y, Y_h and Y_c of an LSTM of layout 0. */
export function lstmOutputs(ops: Ops, inputs: readonly (Value | null)[], attributes: LstmAttributes): readonly Value[] {
  const directions = lstmSteps(ops, inputs, attributes);
  const stacked = (of: (steps: LstmSteps) => Value, perm: readonly number[], axis: number) => {
    const all = directions.map((steps) => ops.Unsqueeze(ops.Transpose(of(steps), { perm }), int64([axis])));
    return all.length === 1 ? all[0]! : ops.Concat(...all, { axis });
  };
  return [stacked(({ y }) => y, [0, 2, 1], 1), stacked(({ last }) => last, [1, 0], 0), stacked(({ lastCell }) => lastCell, [1, 0], 0)];
}
