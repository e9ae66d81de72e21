/** LSTM as a loop of other operators. */
import { int64, type Value } from "../ir/graph.ts";
import { tensor } from "../ir/tensor.ts";
import type { Ops } from "./build.ts";
import { loop } from "./loop.ts";
import { activationsOf } from "./recurrent-activations.ts";
import { lstm, type LstmAttributes } from "./recurrent-cells.ts";
import { blocks, maskOf, perDirection, rows } from "./recurrent-gradient.ts";
import { at, directionsOf, sizesOf } from "./recurrent.ts";
import { dimOf, sizesVector } from "./vectors.ts";

/** Y, Y_h and Y_c of an LSTM of layout 0. */
export function lstmSteps(ops: Ops, inputs: readonly (Value | null)[], attributes: LstmAttributes): readonly Value[] {
  const x = inputs[at.x]!;
  const { directions, hidden } = sizesOf(
    inputs.map((value) => value?.shape),
    attributes,
    lstm,
  );
  const parts = (index: number) => {
    const value = inputs[index];
    return value ? perDirection(ops, value, 0, directions) : undefined;
  };
  const [w, r, b, h, c, p] = [at.w, at.r, at.b, at.h, at.c, at.p].map(parts);
  const zeros = ops.ConstantOfShape(sizesVector(ops, [dimOf(ops, x, 1), hidden]), { value: tensor(x.dtype, [0]) });
  const lengths = inputs[at.lengths];
  const mask = lengths ? maskOf(ops, x, lengths) : null;
  const functions = activationsOf(attributes, lstm.activations, directions);
  const results = directionsOf(attributes).map((reverse, d) => {
    const [f, g, squash] = functions[d]!.map(
      ({ build }, i) =>
        (value: Value) =>
          build(ops, i < lstm.clipped ? clipped(ops, value, attributes.clip) : value),
    );
    const bias = b ? ops.Split(b[d]!, int64([4 * hidden, 4 * hidden]), { axis: 0 }).reduce((a, b) => ops.Add(a, b)) : null;
    const products = ops.Gemm(rows(ops, x), w![d]!, bias, { transB: 1 });
    const ofInput = ops.Reshape(products, sizesVector(ops, [dimOf(ops, x, 0), dimOf(ops, x, 1), 4 * hidden]));
    const peepholes = p ? blocks(ops, p[d]!, 3, hidden) : undefined;
    const peep = (value: Value, index: number, cell: Value) => (peepholes ? ops.Add(value, ops.Mul(cell, peepholes[index]!)) : value);
    const sequences = [ofInput, ...(mask ? [mask] : [])];
    const captures = [r![d]!, ...(peepholes ?? [])];
    return loop(ops, { states: [h?.[d] ?? zeros, c?.[d] ?? zeros], sequences, captures, reverse }, ([h, c], [a, is]) => {
      const [ai, ao, af, ag] = blocks(ops, ops.Gemm(h!, r![d]!, a!, { transB: 1 }), 4, hidden) as [Value, Value, Value, Value];
      const i = f!(peep(ai, 0, c!));
      const forget = attributes.input_forget ? ops.Sub(1, i) : f!(peep(af, 2, c!));
      const cell = ops.Add(ops.Mul(forget, c!), ops.Mul(i, g!(ag)));
      const state = ops.Mul(f!(peep(ao, 1, cell)), squash!(cell));
      if (!is) return { states: [state, cell], outputs: [state] };
      const kept = ops.Sub(1, is);
      const y = ops.Mul(state, is);
      const after = [ops.Add(y, ops.Mul(h!, kept)), ops.Add(ops.Mul(cell, is), ops.Mul(c!, kept))];
      return { states: after, outputs: [y] };
    });
  });
  const stacked = (index: number, axis: number) => {
    const all = results.map((result) => ops.Unsqueeze(result[index]!, int64([axis])));
    return directions === 1 ? all[0]! : ops.Concat(...all, { axis });
  };
  return [stacked(2, 1), stacked(0, 0), stacked(1, 0)];
}

function clipped(ops: Ops, value: Value, clip: number | undefined): Value {
  return clip === undefined ? value : ops.Clip(value, -clip, clip);
}
