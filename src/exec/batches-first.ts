/** Recurrent operators whose sequences stand batch by batch (layout 1), which ONNX Runtime does not take, over those it does take. */
import type { Attribute, Value } from "../ir/graph.ts";
import { ops } from "../ops/build.ts";

const swapFirst = (value: Value | null | undefined) => (value ? ops.Transpose(value, { perm: [1, 0, 2] }) : null);

type Given = Readonly<Record<string, Attribute>>;

/** RNN, GRU or LSTM of layout 1 as one of layout 0, which `make` makes, between transpositions. */
export function batchesFirst(make: (inputs: readonly (Value | null)[], attributes: Given) => readonly Value[]) {
  return (_: Value, { layout: _layout, ...attributes }: Given, inputs: readonly (Value | null)[]): readonly Value[] => {
    const [all, ...last] = make(
      inputs.map((value, i) => (i === 0 || i === 5 || i === 6 ? swapFirst(value) : value)), // x and the first states
      attributes,
    );
    return [ops.Transpose(all!, { perm: [2, 0, 1, 3] }), ...last.map((value) => swapFirst(value)!)];
  };
}
