/** Numbers: mean imputation with an indicator of what was missing, and standardisation (spec §3.1). */
import { constant, input, type Value } from "../../ir/graph.ts";
import { tensor } from "../../ir/tensor.ts";
import { ops } from "../../ops/build.ts";
import { presentValues, type Column, type NumericColumn } from "../table.ts";
import { defineTransform, type ColumnPlan, type FeatureBlock, type Moments } from "../transform.ts";

/** μ and σ of the training rows that have a value: μ = (1/m)Σx, σ = √((1/m)Σ(x−μ)²), x ← (x−μ)/σ; missing becomes μ, that is 0. */
export interface StandardisePlan extends ColumnPlan {
  readonly kind: "standardise";
  /** The raw input's type: float64 where float32 is too coarse for the column (dates as seconds, large offsets). */
  readonly dtype: "float32" | "float64";
  readonly mean: number;
  /** 0 where all training values are alike; then only the indicator is a feature. */
  readonly deviation: number;
  /** Whether training rows lacked a value, so that an indicator is a feature. */
  readonly indicator: boolean;
}

/** Rounding a value to float32 may move it by this many σ. */
export const COARSE = 1e-5;

export const standardise = defineTransform<NumericColumn, StandardisePlan>({
  kind: "standardise",
  applies: (column: Column) => column.kind === "numeric",

  fit({ name, values, sqlType }, { together }) {
    if (together) {
      const missing = values.some(Number.isNaN);
      const notes = missing ? [`${name}: missing values become the mean of all columns`] : [];
      return { plan: { kind: "standardise", column: name, sqlType, dtype: "float32", ...together, indicator: false }, notes };
    }
    const present = presentValues(values);
    let moved = 0;
    for (const value of present) moved = Math.max(moved, Math.abs(Math.fround(value) - value));
    const missing = values.length - present.length;
    return standardiseBy({ name, sqlType }, { present: present.length, missing, first: present[0]!, moved, ...moments(present) });
  },

  input: ({ column, dtype }) => input(column, dtype, ["batch", 1]),

  build(plans, inputs) {
    return (["float32", "float64"] as const).flatMap((dtype) => {
      const members = plans.flatMap((plan, i) => (plan.dtype === dtype ? [{ plan, value: inputs[i]! }] : []));
      return members.length > 0 ? buildGroup(members, dtype) : [];
    });
  },

  raw({ values }, rows, { dtype }) {
    const data = dtype === "float32" ? new Float32Array(rows.length) : new Float64Array(rows.length);
    for (let i = 0; i < rows.length; i++) data[i] = values[rows[i]!]!;
    return tensor(dtype, data, [rows.length, 1]);
  },
});

/** What training rows say of a column of numbers. */
export interface NumberFacts extends Moments {
  /** Rows with a value, and without. */
  readonly present: number;
  readonly missing: number;
  readonly first: number;
  /** How far rounding to float32 moves a value at most. */
  readonly moved: number;
}

/** The plan of a column of which no more is known than this. */
export function standardiseBy(
  { name, sqlType }: Pick<NumericColumn, "name" | "sqlType">,
  { present, missing, first, moved, mean, deviation }: NumberFacts,
): { plan: StandardisePlan | undefined; notes: string[] } {
  const indicator = missing > 0;
  if (present === 0) return { plan: undefined, notes: [`${name} left out: no training row has a value`] };
  if (deviation === 0 && !indicator) return { plan: undefined, notes: [`${name} left out: always ${first} in the training rows (σ = 0)`] };
  const temporal = ["DATE", "TIMESTAMP", "TIME"].includes(sqlType);
  const dtype = temporal || moved > COARSE * deviation ? "float64" : "float32";
  const notes = deviation === 0 ? [`${name}: always ${first} in the training rows (σ = 0); only whether it is missing is a feature`] : [];
  if (dtype === "float64" && !temporal && deviation > 0)
    notes.push(`${name} enters as float64: float32 would round it by up to ${(moved / deviation).toPrecision(1)} σ`);
  return { plan: { kind: "standardise", column: name, sqlType, dtype, mean, deviation, indicator }, notes };
}

/** Columns of one dtype, side by side, so that their number does not lengthen the graph. */
function buildGroup(members: readonly { plan: StandardisePlan; value: Value }[], dtype: "float32" | "float64"): FeatureBlock[] {
  const blocks: FeatureBlock[] = [];
  const row = (of: (plan: StandardisePlan) => number, plans: readonly StandardisePlan[]): Value => {
    const data = dtype === "float32" ? Float32Array.from(plans, of) : Float64Array.from(plans, of);
    return constant(tensor(dtype, data, [1, plans.length]));
  };
  const scaled = members.filter(({ plan }) => plan.deviation > 0);
  if (scaled.length > 0) {
    const plans = scaled.map(({ plan }) => plan);
    const x = concat(scaled.map(({ value }) => value));
    // (x − μ)/σ = ((x − c) − (μ − c))/σ with c = μ rounded to float32: near μ the first difference is exact, so nothing is lost to μ's size.
    const near = ops.Sub(
      x,
      row(({ mean }) => Math.fround(mean), plans),
    );
    const centred = ops.Sub(
      near,
      row(({ mean }) => mean - Math.fround(mean), plans),
    );
    const z = ops.Mul(
      centred,
      row(({ deviation }) => 1 / deviation, plans),
    );
    const filled = ops.Where(ops.IsNaN(x), constant(tensor(dtype, 0, [1, 1])), z);
    blocks.push({
      value: dtype === "float32" ? filled : ops.Cast(filled, { to: "float32" }),
      features: plans.map(({ column }) => column),
    });
  }
  const indicated = members.filter(({ plan }) => plan.indicator);
  if (indicated.length > 0) {
    blocks.push({
      value: ops.Cast(ops.IsNaN(concat(indicated.map(({ value }) => value))), { to: "float32" }),
      features: indicated.map(({ plan }) => `${plan.column} is missing`),
    });
  }
  return blocks;
}

function concat(values: readonly Value[]): Value {
  return values.length === 1 ? values[0]! : ops.Concat(...values, { axis: 1 });
}

/** Mean and deviation with divisor m, in two passes. */
export function moments(values: Float64Array): Moments {
  const m = values.length;
  let [low, high, sum] = [Infinity, -Infinity, 0];
  for (let i = 0; i < m; i++) {
    const value = values[i]!;
    if (value < low) low = value;
    if (value > high) high = value;
    sum += value;
  }
  if (low === high) return { mean: low, deviation: 0 };
  const rough = sum / m;
  let rest = 0;
  for (let i = 0; i < m; i++) rest += values[i]! - rough;
  const mean = rough + rest / m;
  let squares = 0;
  for (let i = 0; i < m; i++) {
    const d = values[i]! - mean;
    squares += d * d;
  }
  return { mean, deviation: Math.sqrt(squares / m) };
}
