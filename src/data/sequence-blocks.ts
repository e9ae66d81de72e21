/** Pieces of the design matrix that are sequences: brought to one length, put side by side step by step, their lengths counted. */
import { constant, int64, type Value } from "../ir/graph.ts";
import { tensor } from "../ir/tensor.ts";
import { ops } from "../ops/build.ts";
import type { FeatureBlock, SequenceBlock } from "./transform.ts";

/** The design matrix: float32 [batch, features.length], and of sequences the valid steps of each, int32 [batch], at least 1. */
export interface Assembled {
  readonly value: Value;
  readonly features: readonly string[];
  readonly shape?: readonly number[];
  readonly lengths?: Value;
}

/**
 * A raw input of any number of time steps as one of `time` steps: cut off behind, or filled up.
 * @param x [batch, steps] or [batch, steps, width]
 * @param fill a scalar of x's type; 0 where left out
 * @returns [batch, time] or [batch, time, width]
 */
export function cutOrFill(x: Value, time: number, width: number | undefined, fill?: Value): Value {
  const pads = width === undefined ? [0, 0, 0, time] : [0, 0, 0, 0, time, 0];
  const longer = ops.Pad(x, int64(pads), ...(fill ? [fill] : []));
  const cut = ops.Slice(longer, int64([0]), int64([time]), int64([1]));
  return ops.Reshape(cut, int64(width === undefined ? [-1, time] : [-1, time, width]));
}

/** Blocks side by side; among sequences, single values are repeated at every step. */
export function assemble(blocks: readonly FeatureBlock[]): Assembled {
  const sequences = blocks.flatMap(({ sequence }) => sequence ?? []);
  const [first] = sequences;
  if (!first) {
    const values = blocks.map(({ value }) => value);
    return {
      value: values.length === 1 ? values[0]! : ops.Concat(...values, { axis: 1 }),
      features: blocks.flatMap(({ features }) => features),
    };
  }
  const { time } = first;
  const valid = sequences.map((sequence) => sequence.valid).reduce((a, b) => ops.Max(a, b));
  const lengths = lengthsOf(valid, time);
  const atSteps = (names: readonly string[]): string[] =>
    Array.from({ length: time }, (_, step) => names.map((name) => `${name} at ${step + 1}`)).flat();
  if (first.indices)
    return { value: blocks[0]!.value, features: atSteps(blocks[0]!.features), shape: [time], ...ifVariable(sequences, lengths) };
  const width = blocks.reduce((sum, { features }) => sum + features.length, 0);
  const steps = blocks.map(({ value, features, sequence }) =>
    sequence ? value : ops.Expand(ops.Unsqueeze(value, int64([1])), int64([1, time, features.length])),
  );
  const all = steps.length === 1 ? steps[0]! : ops.Concat(...steps, { axis: 2 });
  const variable = ifVariable(sequences, lengths);
  const inside = ops.Unsqueeze(ops.Less(stepNumbers(time, 0), ops.Unsqueeze(ops.Cast(lengths, { to: "float32" }), int64([1]))), int64([2]));
  const masked = variable.lengths ? ops.Where(inside, all, constant(tensor("float32", 0))) : all;
  return {
    value: ops.Reshape(masked, int64([-1, time * width])),
    features: atSteps(blocks.flatMap(({ features }) => features)),
    shape: [time, width],
    ...variable,
  };
}

const ifVariable = (sequences: readonly SequenceBlock[], lengths: Value): { lengths?: Value } =>
  sequences.some(({ fixed }) => !fixed) ? { lengths } : {};

/** first … first + time − 1, float32 [time]. */
const stepNumbers = (time: number, first: number): Value =>
  constant(
    tensor(
      "float32",
      Float32Array.from({ length: time }, (_, step) => first + step),
    ),
  );

/** The last step that has a value, counted from 1; a sequence without any counts as one step. */
function lengthsOf(valid: Value, time: number): Value {
  const last = ops.ReduceMax(ops.Mul(valid, stepNumbers(time, 1)), { axes: [1], keepdims: 0 });
  return ops.Cast(ops.Max(last, constant(tensor("float32", 1))), { to: "int32" });
}
