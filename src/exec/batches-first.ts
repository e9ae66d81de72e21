/** Recurrent operators whose sequences stand batch by batch (layout 1), which ONNX Runtime does not take, over those it does take. */
import type { Attribute, Value } from "../ir/graph.ts";
import { applyOp, ops } from "../ops/build.ts";

const swapFirst = (value: Value | null | undefined) => (value ? ops.Transpose(value, { perm: [1, 0, 2] }) : null);

/** RNN, GRU or LSTM of layout 1 as the same operator of layout 0 between transpositions. */
export function batchesFirst(op: string) {
  return (
    _: Value,
    { layout: _layout, ...attributes }: Readonly<Record<string, Attribute>>,
    inputs: readonly (Value | null)[],
  ): readonly Value[] => {
    const turned = inputs.map((value, i) => (i === 0 || i === 5 || i === 6 ? swapFirst(value) : value)); // x and the first states
    const [all, ...last] = applyOp(op, turned, attributes).outputs;
    return [ops.Transpose(all!, { perm: [2, 0, 1, 3] }), ...last.map((value) => swapFirst(value)!)];
  };
}
