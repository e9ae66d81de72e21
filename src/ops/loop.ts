/** Loops written as a function of one step. */
import { graph, input, type Value } from "../ir/graph.ts";
import type { Ops } from "./build.ts";

export interface Steps {
  /** What every step passes on to the next, before the first. */
  readonly states: readonly Value[];
  /** Read along axis 0, a slice a step. */
  readonly sequences: readonly Value[];
  /** Other values that a step reads. */
  readonly captures?: readonly Value[];
  /** From the last slice to the first; what is given out lies as the sequences do. */
  readonly reverse: boolean;
}

/** The states after the last step, then what the steps give out, stacked along axis 0. */
export function loop(
  ops: Ops,
  { states, sequences, captures = [], reverse }: Steps,
  step: (states: readonly Value[], slices: readonly Value[]) => { readonly states: readonly Value[]; readonly outputs: readonly Value[] },
): readonly Value[] {
  const before = states.map(({ dtype, shape }, i) => input(`state_${i}`, dtype, shape));
  const slices = sequences.map(({ dtype, shape }, i) => input(`slice_${i}`, dtype, shape.slice(1)));
  const after = step(before, slices);
  const results = [...after.states, ...after.outputs];
  return ops.Scan(...states, ...sequences, {
    body: graph({ inputs: [...before, ...slices], captures, outputs: Object.fromEntries(results.map((value, i) => [`y${i}`, value])) }),
    num_scan_inputs: sequences.length,
    ...(reverse && { scan_input_directions: sequences.map(() => 1), scan_output_directions: after.outputs.map(() => 1) }),
  });
}
