/**
 * Sequences of numbers: each number of a step standardised over all training steps, missing ones the mean with an indicator. Of a series
 * with a season, each value and its change on the value one season before.
 */
import { constant, input, int64, type Value } from "../../ir/graph.ts";
import { tensor } from "../../ir/tensor.ts";
import { ops } from "../../ops/build.ts";
import { cutOrFill } from "../sequence-blocks.ts";
import { checkLengths } from "../sequence-lengths.ts";
import type { Column, SequenceColumn } from "../table.ts";
import { defineTransform, type ColumnPlan, type Moments } from "../transform.ts";
import { COARSE, moments } from "./standardise.ts";

export interface SequencePlan extends ColumnPlan {
  readonly kind: "sequence";
  /** The raw input's type: float64 where float32 is too coarse for the column. */
  readonly dtype: "float32" | "float64";
  /** Steps that the network sees. */
  readonly time: number;
  /** Whether every sequence has just so many. */
  readonly fixed: boolean;
  /** So many steps more come before those, for the changes. */
  readonly season?: number;
  /** Of each number of a step, over the steps of the training rows; a deviation of 0 becomes 1. */
  readonly moments: readonly Moments[];
  /** Whether training steps lacked a value, so that indicators are features. */
  readonly indicator: boolean;
}

type NumberSequence = SequenceColumn & { readonly tokens?: undefined };

/** Of each step of a window behind its first season: the value, and less the value one season before. */
function withChanges({ values }: SequenceColumn, time: number, season: number): { width: 2; values: Float64Array } {
  const reach = time + season;
  const rows = values.length / reach;
  const found = new Float64Array(rows * time * 2);
  for (let row = 0; row < rows; row++)
    for (let step = 0; step < time; step++) {
      const value = values[row * reach + season + step]!;
      found.set([value, value - values[row * reach + step]!], (row * time + step) * 2);
    }
  return { width: 2, values: found };
}

/** The same as graph: [batch, time + season] → [batch, time, 2]. */
function changes(x: Value, time: number, season: number): Value {
  const part = (from: number): Value => ops.Slice(x, int64([from]), int64([from + time]), int64([1]));
  const now = part(season);
  const both = [now, ops.Sub(now, part(0))].map((value) => ops.Unsqueeze(value, int64([2])));
  return ops.Concat(...both, { axis: 2 });
}

export const sequence = defineTransform<NumberSequence, SequencePlan>({
  kind: "sequence",
  applies: (column: Column): column is NumberSequence => column.kind === "sequence" && !column.tokens,

  fit(column, { time = 1, fixed = false, season }) {
    const { name, sqlType } = column;
    const { width, values } = season === undefined ? column : withChanges(column, time, season);
    const rounding =
      season === undefined ? 0 : column.values.reduce((most, value) => Math.max(most, Math.abs(Math.fround(value) - value) || 0), 0);
    const steps = values.length / width;
    let [coarse, indicator, alike] = [false, false, true];
    const found = Array.from({ length: width }, (_, i) => {
      const own = Float64Array.from({ length: steps }, (_value, step) => values[step * width + i]!);
      const present = own.filter((value) => !Number.isNaN(value));
      indicator ||= present.length < steps;
      if (present.length === 0) return { mean: 0, deviation: 1 };
      const { mean, deviation } = moments(present);
      alike &&= deviation === 0;
      coarse ||= deviation > 0 && present.some((value) => Math.max(rounding, Math.abs(Math.fround(value) - value)) > COARSE * deviation);
      return { mean, deviation: deviation === 0 ? 1 : deviation };
    });
    if (alike && !indicator) {
      const what = steps === 0 ? "no training row has a step" : "its numbers are all alike in the training rows (σ = 0)";
      return { plan: undefined, notes: [`${name} left out: ${what}`] };
    }
    const dtype = coarse ? "float64" : "float32";
    const seasonal = season === undefined ? {} : { season };
    return { plan: { kind: "sequence", column: name, sqlType, dtype, time, fixed, ...seasonal, moments: found, indicator }, notes: [] };
  },

  input: ({ column, dtype, season, moments: { length: width } }) =>
    input(column, dtype, width === 1 || season !== undefined ? ["batch", "time"] : ["batch", "time", width]),

  build(plans, inputs) {
    return plans.map(({ column, dtype, time, fixed, season, moments: found, indicator }, i) => {
      const width = found.length;
      const row = (of: (moments: Moments) => number): Value =>
        constant(tensor(dtype, dtype === "float32" ? Float32Array.from(found, of) : Float64Array.from(found, of), [width]));
      const single = width === 1 || season !== undefined;
      const cut = cutOrFill(inputs[i]!, time + (season ?? 0), single ? undefined : width, constant(tensor(dtype, NaN)));
      const x = season !== undefined ? changes(cut, time, season) : single ? ops.Unsqueeze(cut, int64([2])) : cut;
      const missing = ops.IsNaN(x);
      // As for single numbers: the mean in two parts, so that nothing is lost to its size.
      const near = ops.Sub(
        x,
        row(({ mean }) => Math.fround(mean)),
      );
      const centred = ops.Sub(
        near,
        row(({ mean }) => mean - Math.fround(mean)),
      );
      const z = ops.Mul(
        centred,
        row(({ deviation }) => 1 / deviation),
      );
      const filled = ops.Where(missing, constant(tensor(dtype, 0)), z);
      const value = dtype === "float32" ? filled : ops.Cast(filled, { to: "float32" });
      const present = ops.Cast(ops.Not(missing), { to: "float32" });
      const names =
        season !== undefined ? [column, `${column} change`] : width === 1 ? [column] : found.map((_, k) => `${column}[${k + 1}]`);
      const absent = indicator ? [ops.Cast(missing, { to: "float32" })] : [];
      return {
        value: indicator ? ops.Concat(value, ...absent, { axis: 2 }) : value,
        features: [...names, ...(indicator ? names.map((name) => `${name} is missing`) : [])],
        sequence: { time, fixed, valid: ops.ReduceMax(present, { axes: [2], keepdims: 0 }) },
      };
    });
  },

  raw(column, rows, plan) {
    const { offsets, values, width } = column;
    checkLengths(column, rows, plan);
    const { dtype } = plan;
    const time = plan.time + (plan.season ?? 0);
    const data = dtype === "float32" ? new Float32Array(rows.length * time * width) : new Float64Array(rows.length * time * width);
    data.fill(NaN);
    rows.forEach((row, i) => {
      const from = offsets[row]!;
      const steps = Math.min(time, offsets[row + 1]! - from);
      data.set(values.subarray(from * width, (from + steps) * width), i * time * width);
    });
    return tensor(dtype, data, width === 1 ? [rows.length, time] : [rows.length, time, width]);
  },
});
