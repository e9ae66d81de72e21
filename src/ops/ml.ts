/** Operators of ai.onnx.ml (version 3): strings to numbers and back, and preprocessing of columns. */
import { isFloat, type DType } from "../ir/dtype.ts";
import { constant, scalar, type Value } from "../ir/graph.ts";
import { formatShape, sizeOf, type Dim } from "../ir/shape.ts";
import { tensor } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";
import { requireDType, required } from "./infer.ts";
import { numbers } from "./ndarray.ts";
import { defineOp, type NdArray, type Op, type TensorType } from "./op.ts";
import { indices, strings } from "./samples.ts";

const domain = "ai.onnx.ml";

export interface LabelEncoderAttributes {
  readonly keys_strings?: readonly string[];
  readonly keys_int64s?: readonly number[];
  readonly keys_floats?: readonly number[];
  readonly values_strings?: readonly string[];
  readonly values_int64s?: readonly number[];
  readonly values_floats?: readonly number[];
  readonly default_string?: string;
  readonly default_int64?: number;
  readonly default_float?: number;
}

interface Table {
  readonly from: DType;
  readonly to: DType;
  readonly entries: ReadonlyMap<string | number, string | number>;
  readonly otherwise: string | number;
}

/** The one list that is given, of three, and its dtype. */
function oneOf(
  lists: Readonly<Partial<Record<DType, readonly (string | number)[] | undefined>>>,
  what: string,
): { dtype: DType; items: readonly (string | number)[] } {
  const given = Object.entries(lists).filter(([, items]) => items !== undefined);
  const [first] = given;
  if (given.length !== 1 || !first?.[1])
    throw new GradusError(`exactly one of ${what}_strings, ${what}_int64s and ${what}_floats must be given, got ${given.length}`);
  return { dtype: first[0] as DType, items: first[1] };
}

function tableOf(a: LabelEncoderAttributes): Table {
  const keys = oneOf({ string: a.keys_strings, int64: a.keys_int64s, float32: a.keys_floats }, "keys");
  const values = oneOf({ string: a.values_strings, int64: a.values_int64s, float32: a.values_floats }, "values");
  if (keys.items.length !== values.items.length) throw new GradusError(`${keys.items.length} keys for ${values.items.length} values`);
  const otherwise = { string: a.default_string ?? "_Unused", int64: a.default_int64 ?? -1, float32: a.default_float ?? -0 };
  return {
    from: keys.dtype,
    to: values.dtype,
    entries: new Map(keys.items.map((key, i) => [key, values.items[i]!])),
    otherwise: otherwise[values.dtype as "string" | "int64" | "float32"],
  };
}

/** Every element looked up in a table; a default for those that are not there. */
export const LabelEncoder: Op<LabelEncoderAttributes> = defineOp<LabelEncoderAttributes>({
  domain,
  arity: [1, 1],
  attributes: {
    keys_strings: "strings",
    keys_int64s: "ints",
    keys_floats: "floats",
    values_strings: "strings",
    values_int64s: "ints",
    values_floats: "floats",
    default_string: "string",
    default_int64: "int",
    default_float: "float",
  },
  infer: (context) => {
    const { from, to } = tableOf(context.attributes);
    return [{ dtype: to, shape: requireDType(required(context, 0), [from], "the input (as the keys)").shape }];
  },
  evaluate: ([x], { attributes }) => {
    const { to, entries, otherwise } = tableOf(attributes);
    const found = Array.from(x!.data as ArrayLike<string | number>, (key) => entries.get(key) ?? otherwise);
    return [{ dtype: to, shape: x!.shape, data: to === "string" ? (found as string[]) : Float64Array.from(found as number[]) }];
  },
  gradient: { none: "a table has no slope" },
  samples: [
    { inputs: [strings([2, 2], ["a", "b", "?", "a"])], attributes: { keys_strings: ["a", "b"], values_int64s: [0, 1] } },
    { inputs: [strings([3], ["a", "", "c"])], attributes: { keys_strings: ["a", "c"], values_floats: [0.5, -2], default_float: 9 } },
    { inputs: [indices([3], [0, 1, 2])], attributes: { keys_int64s: [0, 1], values_strings: ["no", "yes"] } },
    { inputs: [indices([3], [3, -3, 5])], attributes: { keys_int64s: [3, -3], values_floats: [1.5, 2.5] } },
    {
      inputs: [{ shape: [3], dtype: "float32", values: [0.5, 1, 2] }],
      attributes: { keys_floats: [0.5, 2], values_int64s: [5, 20], default_int64: 7 },
    },
    { inputs: [strings([2], ["x", "y"])], attributes: { keys_strings: ["x"], values_strings: ["X"], default_string: "other" } },
  ],
});

export interface OneHotEncoderAttributes {
  readonly cats_int64s?: readonly number[];
  readonly cats_strings?: readonly string[];
  readonly zeros?: number;
}

/** The categories, strings for string inputs. */
function categoriesOf({ cats_int64s, cats_strings }: OneHotEncoderAttributes): readonly (string | number)[] {
  const categories = cats_strings ?? cats_int64s;
  if (!categories || (cats_strings && cats_int64s)) throw new GradusError("exactly one of cats_strings and cats_int64s must be given");
  return categories;
}

/** A last axis over the categories, 1 at the one that is met. None is met: zeros, or with `zeros: 0` an error. */
export const OneHotEncoder: Op<OneHotEncoderAttributes> = defineOp<OneHotEncoderAttributes>({
  domain,
  arity: [1, 1],
  attributes: { cats_int64s: "ints", cats_strings: "strings", zeros: "int" },
  infer: (context) => {
    const { dtype, shape } = required(context, 0);
    const categories = categoriesOf(context.attributes);
    if ((dtype === "string") !== (context.attributes.cats_strings !== undefined))
      throw new GradusError(`${dtype} elements against categories ${categories.slice(0, 3).join(", ")}`);
    return [{ dtype: "float32", shape: [...shape, categories.length] }];
  },
  evaluate: ([x], { attributes }) => {
    const categories = categoriesOf(attributes);
    const positions = new Map(categories.map((category, i) => [category, i]));
    const data = new Float64Array(x!.data.length * categories.length);
    Array.from(x!.data as ArrayLike<string | number>).forEach((element, i) => {
      const at = positions.get(typeof element === "number" ? Math.trunc(element) : element);
      if (at !== undefined) data[i * categories.length + at] = 1;
      else if (attributes.zeros === 0) throw new GradusError(`"${element}" is none of the categories ${categories.slice(0, 5).join(", ")}`);
    });
    return [{ dtype: "float32", shape: [...x!.shape, categories.length], data }];
  },
  gradient: { none: "a category has no slope" },
  samples: [
    { inputs: [strings([3], ["a", "c", "?"])], attributes: { cats_strings: ["a", "b", "c"] } },
    { inputs: [indices([2, 2], [3, 1, 7, 3])], attributes: { cats_int64s: [1, 3], zeros: 1 } },
    { inputs: [indices([2], [1, 1])], attributes: { cats_int64s: [1, 3], zeros: 0 } },
  ],
});

/** One number for all columns, or one for each of the last axis. */
function requireColumns(what: string, values: readonly number[], columns: Dim | undefined): void {
  if (values.length !== 1 && (columns === undefined || (typeof columns === "number" && values.length !== columns))) {
    throw new GradusError(`${what} has ${values.length} numbers for ${columns ?? 1} columns`);
  }
}

const column = (values: readonly number[], i: number) => values[values.length === 1 ? 0 : i % values.length]!;

/** Numbers per column as a constant of a dtype. */
function rowOf(dtype: DType, values: readonly number[]): Value {
  return values.length === 1 ? scalar(dtype, values[0]!) : constant(tensor(dtype, values, [values.length]));
}

export interface ScalerAttributes {
  readonly offset?: readonly number[];
  readonly scale?: readonly number[];
}

/** y = (x - offset)·scale per column, always float32. */
export const Scaler: Op<ScalerAttributes> = defineOp<ScalerAttributes>({
  domain,
  arity: [1, 1],
  attributes: { offset: "floats", scale: "floats" },
  infer: (context) => {
    const { shape } = requireDType(required(context, 0), ["float32", "float64", "int32", "int64"], "the input");
    const { offset = [0], scale = [1] } = context.attributes;
    requireColumns("offset", offset, shape[shape.length - 1]);
    requireColumns("scale", scale, shape[shape.length - 1]);
    return [{ dtype: "float32", shape }];
  },
  evaluate: ([x], { attributes: { offset = [0], scale = [1] } }) => [
    { dtype: "float32", shape: x!.shape, data: numbers(x).map((value, i) => (value - column(offset, i)) * column(scale, i)) },
  ],
  gradient: ({ ops, inputs: [x], outputGradients: [dy], attributes: { scale = [1] } }) => [
    ops.Cast(ops.Mul(dy, rowOf("float32", scale)), { to: x!.dtype }),
  ],
  samples: [
    { inputs: [[3, 2]], attributes: { offset: [0.5, -1], scale: [2, 0.25] } },
    { inputs: [[2, 3]], attributes: { offset: [0.5], scale: [4] } },
    { inputs: [indices([2, 2], [1, 2, 3, 4])], attributes: { offset: [1, 2], scale: [0.5, 2] } },
  ],
});

export interface ImputerAttributes {
  readonly imputed_value_floats?: readonly number[];
  readonly imputed_value_int64s?: readonly number[];
  readonly replaced_value_float?: number;
  readonly replaced_value_int64?: number;
}

/** What is replaced, and by what, for floats or for integers. */
function replacement({ dtype, shape }: TensorType, a: ImputerAttributes): { missing: number; by: readonly number[] } {
  const floats = isFloat(dtype);
  const by = floats ? a.imputed_value_floats : a.imputed_value_int64s;
  if (!by) throw new GradusError(`${dtype} needs ${floats ? "imputed_value_floats" : "imputed_value_int64s"}`);
  requireColumns("the imputed value", by, shape[shape.length - 1]);
  return { missing: (floats ? a.replaced_value_float : a.replaced_value_int64) ?? 0, by };
}

/** The value that stands for "missing" (NaN too) replaced, per column. */
export const Imputer: Op<ImputerAttributes> = defineOp<ImputerAttributes>({
  domain,
  arity: [1, 1],
  attributes: { imputed_value_floats: "floats", imputed_value_int64s: "ints", replaced_value_float: "float", replaced_value_int64: "int" },
  infer: (context) => {
    const { dtype, shape } = requireDType(required(context, 0), ["float32", "float64", "int32", "int64"], "the input");
    replacement({ dtype, shape }, context.attributes);
    return [{ dtype, shape }];
  },
  evaluate: ([x], { attributes }) => {
    const { missing, by } = replacement(x!, attributes);
    const isMissing = Number.isNaN(missing) ? Number.isNaN : (value: number) => value === missing;
    return [{ ...x!, data: numbers(x).map((value, i) => (isMissing(value) ? column(by, i) : value)) }];
  },
  gradient: ({ ops, inputs: [x], outputGradients: [dy], attributes }) => {
    const { missing } = replacement(x!, attributes);
    const { dtype } = x!;
    const isMissing = Number.isNaN(missing) ? ops.IsNaN(x!) : ops.Equal(x!, scalar(dtype, missing));
    return [ops.Where(isMissing, scalar(dtype, 0), dy)];
  },
  samples: [
    { inputs: [{ shape: [2, 2], values: [NaN, 1, 2, NaN] }], attributes: { imputed_value_floats: [0.5, -3], replaced_value_float: NaN } },
    { inputs: [[3]], attributes: { imputed_value_floats: [7], replaced_value_float: -1 } },
    { inputs: [indices([2, 2], [-9, 1, 2, -9])], attributes: { imputed_value_int64s: [5, 6], replaced_value_int64: -9 } },
  ],
});

export interface NormalizerAttributes {
  readonly norm?: string;
}

/** The number a row is divided by. */
const norms: Readonly<Record<string, (row: Float64Array) => number>> = {
  MAX: (row) => row.reduce((a, b) => Math.max(a, b), -Infinity),
  L1: (row) => row.reduce((sum, x) => sum + Math.abs(x), 0),
  L2: (row) => Math.sqrt(row.reduce((sum, x) => sum + x * x, 0)),
};

function normalized(x: NdArray, norm: (row: Float64Array) => number): Float64Array {
  const data = Float64Array.from(numbers(x));
  const width = x.shape[x.shape.length - 1]!;
  for (let start = 0; start < sizeOf(x.shape); start += width) {
    const row = data.subarray(start, start + width);
    const by = norm(row);
    if (by !== 0) row.set(row.map((value) => value / by));
  }
  return data;
}

/** Rows divided by their largest element, their L1 or their L2 norm; always float32. */
export const Normalizer: Op<NormalizerAttributes> = defineOp<NormalizerAttributes>({
  domain,
  arity: [1, 1],
  attributes: { norm: "string" },
  infer: (context) => {
    const { shape } = requireDType(required(context, 0), ["float32", "float64", "int32", "int64"], "the input");
    const { norm = "MAX" } = context.attributes;
    if (!Object.hasOwn(norms, norm)) throw new GradusError(`norm "${norm}" is not one of ${Object.keys(norms).join(", ")}`);
    if (shape.length < 1 || shape.length > 2) throw new GradusError(`expected a row or rows, got shape ${formatShape(shape)}`);
    return [{ dtype: "float32", shape }];
  },
  evaluate: ([x], { attributes: { norm = "MAX" } }) => [{ dtype: "float32", shape: x!.shape, data: normalized(x!, norms[norm]!) }],
  gradient: { none: "it prepares data; a network normalises with operators of its own" },
  samples: [
    { inputs: [indices([2, 2], [3, 4, 0, 0])], attributes: { norm: "L2" } },
    { inputs: [indices([2, 3], [1, -2, 5, 1, 1, 2])], attributes: { norm: "L1" } },
    { inputs: [indices([2, 2], [1, 4, 8, 2])], attributes: { norm: "MAX" } },
  ],
});
