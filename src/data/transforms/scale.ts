/** Numbers in other ways than standardised: robust or min-max scaling, a logarithm or a Yeo-Johnson power before it, another imputation. */
import { constant, input, type Value } from "../../ir/graph.ts";
import { tensor } from "../../ir/tensor.ts";
import { ops } from "../../ops/build.ts";
import { fitYeoJohnson, yeoJohnson } from "../../util/yeo-johnson.ts";
import { presentValues, type Column, type NumericColumn } from "../table.ts";
import { defineTransform, type ColumnPlan, type ColumnSettings, type FeatureBlock } from "../transform.ts";
import { moments } from "./standardise.ts";

/** z = (g(x) − centre)/spread with g the power, or x itself; what is missing becomes `filled`. */
export interface ScalePlan extends ColumnPlan {
  readonly kind: "scale";
  readonly method: "standardise" | "robust" | "minmax" | "none";
  /** Yeo and Johnson's λ, 0 for the logarithm ln(1 + x); left out where there is no power. */
  readonly lambda?: number;
  readonly centre: number;
  /** 0 where all training values are alike; then only the indicator is a feature. */
  readonly spread: number;
  /** Of the design matrix, where a value is missing. */
  readonly filled: number;
  readonly indicator: boolean;
}

/** Whether settings ask for more than `standardise` does. */
const isOther = ({ scale = "standardise", power = "none", impute = "mean" }: ColumnSettings = {}): boolean =>
  scale !== "standardise" || power !== "none" || impute !== "mean";

export const scale = defineTransform<NumericColumn, ScalePlan>({
  kind: "scale",
  applies: (column: Column, { together, settings }): column is NumericColumn => column.kind === "numeric" && !together && isOther(settings),

  fit({ name, values, sqlType }, { settings = {} }) {
    const { scale: method = "standardise", power = "none", impute = "mean" } = settings;
    const present = presentValues(values);
    const indicator = present.length < values.length;
    if (present.length === 0) return { plan: undefined, notes: [`${name} left out: no training row has a value`] };
    const notes: string[] = [];
    const lambda = power === "none" ? undefined : power === "log" ? 0 : fitYeoJohnson(present);
    const changed = lambda === undefined ? present : present.map((value) => yeoJohnson(value, lambda));
    const sorted = changed.toSorted();
    const common = moments(changed);
    if (common.deviation === 0 && !indicator)
      return { plan: undefined, notes: [`${name} left out: always ${present[0]} in the training rows (σ = 0)`] };
    const quartiles = [0.25, 0.5, 0.75].map((share) => quantile(sorted, share)) as [number, number, number];
    let [centre, spread] = {
      standardise: [common.mean, common.deviation],
      robust: [quartiles[1], quartiles[2] - quartiles[0]],
      minmax: [sorted[0]!, sorted.at(-1)! - sorted[0]!],
      none: [0, common.deviation === 0 ? 0 : 1],
    }[method] as [number, number];
    if (method === "robust" && spread === 0 && common.deviation > 0) {
      notes.push(`${name}: half of the training values are alike (quartiles ${short(quartiles[0])}); scaled by the deviation instead`);
      spread = common.deviation;
    }
    const middle = impute === "median" ? quantile(present.toSorted(), 0.5) : impute === "mean" ? moments(present).mean : impute;
    const fill = lambda === undefined ? middle : yeoJohnson(middle, lambda);
    const filled = spread === 0 ? 0 : (fill - centre) / spread;
    if (power === "yeoJohnson") notes.push(`${name} enters by Yeo and Johnson's power, λ = ${short(lambda!)}`);
    return {
      plan: {
        kind: "scale",
        column: name,
        sqlType,
        method,
        ...(lambda === undefined ? {} : { lambda }),
        centre,
        spread,
        filled,
        indicator,
      },
      notes,
    };
  },

  input: ({ column }) => input(column, "float64", ["batch", 1]),

  build(plans, inputs) {
    const blocks: FeatureBlock[] = [];
    const members = plans.map((plan, i) => ({ plan, value: inputs[i]! })).filter(({ plan }) => plan.spread > 0);
    for (const powered of [false, true]) {
      const group = members.filter(({ plan }) => (plan.lambda !== undefined) === powered);
      if (group.length === 0) continue;
      const row = (of: (plan: ScalePlan) => number): Value =>
        constant(
          tensor(
            "float64",
            Float64Array.from(group, ({ plan }) => of(plan)),
            [1, group.length],
          ),
        );
      const x = concat(group.map(({ value }) => value));
      const changed = powered ? power(x, row) : x;
      const z = ops.Mul(
        ops.Sub(
          changed,
          row(({ centre }) => centre),
        ),
        row(({ spread }) => 1 / spread),
      );
      const filled = ops.Where(
        ops.IsNaN(x),
        row((plan) => plan.filled),
        z,
      );
      blocks.push({ value: ops.Cast(filled, { to: "float32" }), features: group.map(({ plan }) => plan.column) });
    }
    const indicated = plans.flatMap((plan, i) => (plan.indicator ? [{ plan, value: inputs[i]! }] : []));
    if (indicated.length > 0)
      blocks.push({
        value: ops.Cast(ops.IsNaN(concat(indicated.map(({ value }) => value))), { to: "float32" }),
        features: indicated.map(({ plan }) => `${plan.column} is missing`),
      });
    return blocks;
  },

  raw({ values }, rows) {
    const data = new Float64Array(rows.length);
    for (let i = 0; i < rows.length; i++) data[i] = values[rows[i]!]!;
    return tensor("float64", data, [rows.length, 1]);
  },
});

/** Below this the power is its limit, the logarithm, to eight digits. */
const SMALL = 1e-8;

/** sign(x)·((|x| + 1)^p − 1)/p with p = λ from 0 on and 2 − λ below: Yeo and Johnson (2000), Biometrika 87, 954. */
function power(x: Value, row: (of: (plan: ScalePlan) => number) => Value): Value {
  const exponent = (of: (plan: ScalePlan) => number): Value => row((plan) => (Math.abs(of(plan)) < SMALL ? SMALL : of(plan)));
  const one = constant(tensor("float64", 1));
  const negative = ops.Less(x, constant(tensor("float64", 0)));
  const p = ops.Where(
    negative,
    exponent(({ lambda = 1 }) => 2 - lambda),
    exponent(({ lambda = 1 }) => lambda),
  );
  const raised = ops.Div(ops.Sub(ops.Exp(ops.Mul(p, ops.Log(ops.Add(ops.Abs(x), one)))), one), p);
  return ops.Where(negative, ops.Neg(raised), raised);
}

const concat = (values: readonly Value[]): Value => (values.length === 1 ? values[0]! : ops.Concat(...values, { axis: 1 }));

/** The value below which a share of sorted numbers lies, linear between them (Hyndman and Fan's type 7). */
function quantile(sorted: Float64Array, share: number): number {
  const at = (sorted.length - 1) * share;
  const below = Math.floor(at);
  const low = sorted[below]!;
  return low + (at - below) * ((sorted[below + 1] ?? low) - low);
}

const short = (value: number): string => String(Number(value.toPrecision(4)));
