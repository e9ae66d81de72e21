/** The target as the network sees it: classes as 0/1, amounts standardised (of their logarithm or a power, if asked), and the way back. */
import { constant, int64, type Value } from "../ir/graph.ts";
import { tensor, type Tensor } from "../ir/tensor.ts";
import { ops } from "../ops/build.ts";
import { GradusError, internal } from "../util/errors.ts";
import { nearestNaive, pastAt } from "./naive-forecast.ts";
import type { Table, Target } from "./table.ts";
import { fitYeoJohnson, inverseYeoJohnson, yeoJohnson } from "../util/yeo-johnson.ts";
import { moments } from "./transforms/standardise.ts";

/** Fitted on the training rows; plain JSON. */
export type TargetPlan =
  | { readonly kind: "classes"; readonly name: string; readonly classes: readonly string[] }
  | {
      readonly kind: "amount";
      readonly name: string;
      /** The network learns (t − mean)/deviation with t the amount, or its natural logarithm. */
      readonly log: boolean;
      /** Or t is Yeo and Johnson's power of the amount, of this λ. */
      readonly lambda?: number;
      /** Of such a power that has a bound: the most extreme t of the training rows on that side. No prediction lies beyond. */
      readonly last?: number;
      readonly mean: number;
      readonly deviation: number;
      /** How many amounts a row has, one after the other (a forecast of several steps); 1 where left out. */
      readonly steps?: number;
      /** So many rows in a row forecast the same moments, and are one piece of evidence: windows closer than their horizon. */
      readonly overlap?: number;
      /** The network learns changes: t is the amount less the target's own past, of step h at place `positions[h]` of the window. */
      readonly base?: { readonly name: string; readonly positions: readonly number[] };
    };

const targetOf = (table: Table): Target => table.target ?? internal("the table was read without a target");

/**
 * Fits the target's part of the plan on the training rows; the classes are those of the whole table.
 * @throws GradusError where a logarithm is asked for and a value of any part has none, or the task is no regression
 */
export function fitTarget(
  table: Table,
  train: Int32Array,
  options: { readonly log?: boolean | undefined; readonly power?: boolean | undefined; readonly change?: boolean | undefined } = {},
): TargetPlan {
  const { name, column } = targetOf(table);
  const steps = stepsOf(column);
  const log = options.log ?? false;
  if (column.kind === "categorical") {
    if (options.change)
      throw new GradusError(`--target-transform change is for forecasts; "${name}" is a classification target.`, { hint: "leave it out." });
    if (log || options.power)
      throw new GradusError(`--target-transform ${log ? "log" : "yeoJohnson"} is for regression; "${name}" is a classification target.`, {
        hint: "leave it out, or use --task regression.",
      });
    return { kind: "classes", name, classes: column.categories };
  }
  if (log) {
    const bad = column.values.findIndex((value) => value <= 0);
    if (bad >= 0)
      throw new GradusError(
        `${table.source.path}, row ${Math.floor(bad / steps) + 1}: --target-transform log needs amounts above 0, target "${name}" is ${column.values[bad]}.`,
        { hint: `leave it out, or shift the target by an expression, e.g. --target "${name} + 1".` },
      );
  }
  const amounts = amountsAt(column, train, steps);
  const base = options.change ? baseOf(table, train, amounts) : undefined;
  const past = base && pastAt(table, train, base.positions);
  const lambda = options.power ? fitYeoJohnson(amounts) : undefined;
  const changed = lambda !== undefined ? amounts.map((amount) => yeoJohnson(amount, lambda)) : log ? amounts.map(Math.log) : amounts;
  const { mean, deviation } = moments(past ? amounts.map((amount, i) => amount - past[i]!) : changed);
  const overlap = overlapOf(table);
  const more = {
    ...(lambda === undefined ? {} : { lambda, ...lastOf(changed, lambda) }),
    ...(steps > 1 ? { steps } : {}),
    ...(overlap > 1 ? { overlap } : {}),
    ...(base ? { base } : {}),
  };
  return { kind: "amount", name, log, mean, deviation: deviation === 0 ? 1 : deviation, ...more };
}

/** λ below 0 bounds t above, λ above 2 below. */
const lastOf = (changed: Float64Array, lambda: number): { last?: number } => {
  if (lambda >= 0 && lambda <= 2) return {};
  return { last: changed.reduce((a, b) => (lambda < 0 ? Math.max(a, b) : Math.min(a, b))) };
};

function overlapOf({ sequences }: Table): number {
  return sequences?.windows ? Math.ceil(sequences.windows.horizon / sequences.windows.step) : 1;
}

/** Amounts that an interval must not take for independent: those of a row, and of rows that forecast the same moments. */
export function dependentAmounts(plan: TargetPlan): number {
  return plan.kind === "amount" ? (plan.steps ?? 1) * (plan.overlap ?? 1) : 1;
}

/** The naive forecast nearest to the training part's amounts. */
function baseOf(table: Table, train: Int32Array, amounts: Float64Array): { name: string; positions: readonly number[] } {
  const { path } = table.source;
  const { windows } = table.sequences ?? {};
  if (!windows)
    throw new GradusError(`${path}: --target-transform change is for forecasts: windows over a series.`, {
      hint: "leave it out, or name the window: --window 48",
    });
  const all = Int32Array.from({ length: table.rows }, (_, row) => row);
  const found = nearestNaive(table, train, amounts);
  if (!found || pastAt(table, all, found.positions).some(Number.isNaN))
    throw new GradusError(`${path}: --target-transform change needs every value of "${windows.target}", and some are missing.`, {
      hint: "fill them in, or leave --target-transform out.",
    });
  return { name: found.name, positions: found.positions };
}

/** Amounts of each row of a target. */
export function stepsOf(column: Target["column"]): number {
  return column.kind === "sequence" ? column.offsets[1]! : 1;
}

/** The amounts of rows, those of a row one after the other. */
export function amountsAt({ values }: { readonly values: Float64Array }, rows: Int32Array, steps: number): Float64Array {
  const found = new Float64Array(rows.length * steps);
  for (let i = 0; i < rows.length; i++) for (let step = 0; step < steps; step++) found[i * steps + step] = values[rows[i]! * steps + step]!;
  return found;
}

/** Units of the network's output: 1 for two classes (the second one's logit), else one per class or amount of a row. */
export function outputsOf(plan: TargetPlan): number {
  if (plan.kind === "amount") return plan.steps ?? 1;
  return plan.classes.length === 2 ? 1 : plan.classes.length;
}

/**
 * The targets of rows as the loss takes them, float32 [rows.length, outputs]: 0/1 (second of two classes), one-hot, or standardised.
 * @param rows all of them where left out
 */
export function targetTensor(table: Table, rows: Int32Array | undefined, plan: TargetPlan): Tensor {
  const { column } = targetOf(table);
  const count = rows?.length ?? table.rows;
  const outputs = outputsOf(plan);
  const data = new Float32Array(count * outputs);
  const base = plan.kind === "amount" ? plan.base : undefined;
  const past = base && pastAt(table, rows ?? Int32Array.from({ length: count }, (_, row) => row), base.positions);
  for (let i = 0; i < count; i++) {
    const row = rows ? rows[i]! : i;
    if (column.kind === "categorical" && plan.kind === "classes") {
      const code = column.codes[row]!;
      if (outputs === 1) data[i] = code;
      else data[i * outputs + code] = 1;
    } else if (column.kind !== "categorical" && plan.kind === "amount") {
      for (let step = 0; step < outputs; step++) {
        const amount = column.values[row * outputs + step]! - (past?.[i * outputs + step] ?? 0);
        data[i * outputs + step] = (transformed(amount, plan) - plan.mean) / plan.deviation;
      }
    } else internal(`a ${column.kind} target under a plan of ${plan.kind}`);
  }
  return tensor("float32", data, [count, outputs]);
}

type AmountPlan = Extract<TargetPlan, { kind: "amount" }>;

const transformed = (amount: number, { log, lambda }: AmountPlan): number =>
  lambda === undefined ? (log ? Math.log(amount) : amount) : yeoJohnson(amount, lambda);

/** The amount of what the network learns. @param t in the units of the power or the logarithm, where there is one */
export function restored(t: number, { log, lambda, last }: Pick<AmountPlan, "log" | "lambda" | "last">): number {
  if (lambda === undefined) return log ? Math.exp(t) : t;
  return inverseYeoJohnson(last === undefined ? t : lambda < 0 ? Math.min(t, last) : Math.max(t, last), lambda);
}

/**
 * The way back, as graph: the network's output in the target's own unit; float32 [batch, amounts of a row].
 * @param inputs of the preprocessing graph, where the network learns changes
 */
export function restoreAmount(output: Value, plan: AmountPlan, inputs: readonly Value[] = []): Value {
  const scalar = (value: number): Value => constant(tensor("float32", value));
  const amount = ops.Add(ops.Mul(output, scalar(plan.deviation)), scalar(plan.mean));
  if (plan.lambda !== undefined) return inversePower(output, plan, plan.lambda);
  if (plan.log) return ops.Exp(amount);
  if (!plan.base) return amount;
  const series = inputs.find(({ name }) => name === plan.name) ?? internal(`no input ${plan.name}`);
  const past = ops.Gather(series, int64(plan.base.positions), { axis: 1 });
  return ops.Add(amount, past.dtype === "float32" ? past : ops.Cast(past, { to: "float32" }));
}

/** Below this the power is its limit, the logarithm, to eight digits. */
const SMALL = 1e-8;

/** sign(t)·(exp(ln(1 + p·|t|)/p) − 1) with p = λ from 0 on and 2 − λ below, in float64. */
function inversePower(output: Value, { mean, deviation, last }: AmountPlan, lambda: number): Value {
  const scalar = (value: number): Value => constant(tensor("float64", value));
  const exponent = (p: number): Value => scalar(Math.abs(p) < SMALL ? SMALL : p);
  const free = ops.Add(ops.Mul(ops.Cast(output, { to: "float64" }), scalar(deviation)), scalar(mean));
  const t = last === undefined ? free : (lambda < 0 ? ops.Min : ops.Max)(free, scalar(last));
  const negative = ops.Less(t, scalar(0));
  const p = ops.Where(negative, exponent(2 - lambda), exponent(lambda));
  const size = ops.Sub(ops.Exp(ops.Div(ops.Log(ops.Add(ops.Mul(p, ops.Abs(t)), scalar(1))), p)), scalar(1));
  return ops.Cast(ops.Where(negative, ops.Neg(size), size), { to: "float32" });
}
