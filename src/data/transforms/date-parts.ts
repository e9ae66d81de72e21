/** Dates and times: standardised seconds, and as points on circles the time of year, the day of the week, the time of day. */
import { constant, input, type Value } from "../../ir/graph.ts";
import { tensor } from "../../ir/tensor.ts";
import { ops } from "../../ops/build.ts";
import { presentValues, type Column, type NumericColumn } from "../table.ts";
import { defineTransform, type ColumnPlan } from "../transform.ts";
import { moments, type NumberFacts } from "./standardise.ts";

/** What goes round: its length in seconds, and the steps in which it is counted (a weekday is a whole day). */
export const CYCLES = {
  /** The mean year of the calendar: 365.2425 days from 1970-01-01, never more than a day and a half from the calendar's own. */
  year: { period: 31_556_952, step: 86_400, name: "time of year" },
  week: { period: 604_800, step: 86_400, name: "weekday" },
  day: { period: 86_400, step: 1, name: "time of day" },
} as const;
export type Cycle = keyof typeof CYCLES;

export interface DatePartsPlan extends ColumnPlan {
  readonly kind: "dateParts";
  /** Of the seconds in the training rows; a deviation of 0 leaves them out. */
  readonly mean: number;
  readonly deviation: number;
  /** Those that varied in the training rows. */
  readonly cycles: readonly Cycle[];
  /** Whether training rows lacked a value, so that an indicator is a feature. */
  readonly indicator: boolean;
}

const TEMPORAL = ["DATE", "TIMESTAMP", "TIME"];

/** Where a moment (seconds since 1970-01-01 UTC) stands in a cycle, from 0 up to 1. */
function phase(seconds: number, { period, step }: (typeof CYCLES)[Cycle]): number {
  const counted = Math.floor(seconds / step) * step;
  return counted / period - Math.floor(counted / period);
}

export const dateParts = defineTransform<NumericColumn, DatePartsPlan>({
  kind: "dateParts",
  applies: (column: Column, { together, settings }): column is NumericColumn =>
    column.kind === "numeric" && TEMPORAL.includes(column.sqlType) && !together && settings?.dates !== "seconds",

  fit({ name, values, sqlType }) {
    const present = presentValues(values);
    const missing = values.length - present.length;
    return datePartsBy({ name, sqlType }, { present: present.length, missing, ...moments(present) }, (cycle, enough) => {
      const first = phase(present[0]!, CYCLES[cycle]);
      let most = 0;
      for (let i = 1; i < present.length && most <= enough; i++) {
        const distance = Math.abs(phase(present[i]!, CYCLES[cycle]) - first);
        most = Math.max(most, Math.min(distance, 1 - distance));
      }
      return most;
    });
  },

  input: ({ column }) => input(column, "float64", ["batch", 1]),

  build(plans, inputs) {
    return plans.map((plan, i) => {
      const { column, mean, deviation, cycles, indicator } = plan;
      const seconds = inputs[i]!;
      const absent = ops.IsNaN(seconds);
      const present = ops.Where(absent, number(mean), seconds);
      const zero = constant(tensor("float32", 0, [1, 1]));
      const pieces: Value[] = [];
      const features: string[] = [];
      if (deviation > 0) {
        const z = ops.Mul(ops.Sub(present, number(mean)), number(1 / deviation));
        pieces.push(ops.Cast(z, { to: "float32" }));
        features.push(column);
      }
      for (const cycle of cycles) {
        const { period, step, name } = CYCLES[cycle];
        const counted = ops.Mul(ops.Floor(ops.Mul(present, number(1 / step))), number(step / period));
        const turn = ops.Cast(ops.Mul(ops.Sub(counted, ops.Floor(counted)), number(2 * Math.PI)), { to: "float32" });
        for (const [word, value] of [
          ["sine", ops.Sin(turn)],
          ["cosine", ops.Cos(turn)],
        ] as const) {
          pieces.push(ops.Where(absent, zero, value));
          features.push(`${column}, ${name} (${word})`);
        }
      }
      if (indicator) {
        pieces.push(ops.Cast(absent, { to: "float32" }));
        features.push(`${column} is missing`);
      }
      return { value: pieces.length === 1 ? pieces[0]! : ops.Concat(...pieces, { axis: 1 }), features };
    });
  },

  raw({ values }, rows) {
    const data = new Float64Array(rows.length);
    for (let i = 0; i < rows.length; i++) data[i] = values[rows[i]!]!;
    return tensor("float64", data, [rows.length, 1]);
  },
});

/**
 * The plan of a column of which no more is known than this.
 * @param apart how far in a cycle a value lies from the first one at most, 0 to 1/2; any that is more than `enough` will do
 */
export function datePartsBy(
  { name, sqlType }: Pick<NumericColumn, "name" | "sqlType">,
  { present, missing, mean, deviation }: Pick<NumberFacts, "present" | "missing" | "mean" | "deviation">,
  apart: (cycle: Cycle, enough: number) => number,
): { plan: DatePartsPlan | undefined; notes: string[] } {
  const indicator = missing > 0;
  if (present === 0) return { plan: undefined, notes: [`${name} left out: no training row has a value`] };
  if (deviation === 0 && !indicator) return { plan: undefined, notes: [`${name} left out: always the same in the training rows (σ = 0)`] };
  const candidates: readonly Cycle[] = sqlType === "TIME" ? ["day"] : sqlType === "DATE" ? ["year", "week"] : ["year", "week", "day"];
  // Two days of a month tell no season: what varies is the month.
  const cycles = candidates.filter((cycle) => {
    const enough = cycle === "year" ? 1 / 24 : 1e-9;
    return apart(cycle, enough) > enough;
  });
  const said = cycles.map((cycle) => CYCLES[cycle].name);
  const notes = said.length > 0 ? [`${name} enters as ${["seconds", ...said].join(", ")}`] : [];
  return { plan: { kind: "dateParts", column: name, sqlType, mean, deviation, cycles, indicator }, notes };
}

/** Of the rank of what it goes with: a scalar beside [batch, 1] makes ONNX Runtime go row by row, fifteen times as long. */
const number = (value: number): Value => constant(tensor("float64", value, [1, 1]));
