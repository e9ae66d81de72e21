/** Conversions between dtypes. */
import { isFloat, isInteger, type DType } from "../ir/dtype.ts";
import { GradusError } from "../util/errors.ts";
import { required } from "./infer.ts";
import { castNumber, ndarray, numbers } from "./ndarray.ts";
import { defineOp, type GradientContext, type NdArray, type Op } from "./op.ts";
import { booleans, bothSigns, integers } from "./samples.ts";

/** The fewest digits that tell a float apart from its neighbours, which is what ONNX's own data has; ONNX Runtime writes 8 of a float32's at most. */
function shortestDigits(x: number, dtype: DType): number {
  const digits = x.toExponential().split("e")[0]!.replace(/\D/g, "").length;
  if (dtype === "float64") return digits;
  for (let few = 1; few < digits; few++) if (Math.fround(Number(x.toPrecision(few))) === Math.fround(x)) return few;
  return digits;
}

/** A float in plain or scientific notation, without zeros at the end. */
function formatFloat(x: number, dtype: DType): string {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "NaN" : x < 0 ? "-INF" : "INF";
  if (x === 0) return "0";
  const digits = shortestDigits(x, dtype);
  const [mantissa, exponent] = x.toExponential(digits - 1).split("e") as [string, string];
  const power = Number(exponent);
  if (power < -4 || power >= Math.max(digits, 8)) return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  return x.toFixed(Math.max(0, digits - 1 - power));
}

function parseNumber(text: string): number {
  const words: Readonly<Record<string, number>> = { nan: NaN, inf: Infinity, "+inf": Infinity, "-inf": -Infinity };
  const plain = text.trim().toLowerCase();
  const value = words[plain] ?? Number(plain);
  if (plain === "" || (Number.isNaN(value) && plain !== "nan")) throw new GradusError(`Cast: "${text}" is not a number`);
  return value;
}

function convert(x: NdArray, to: DType): NdArray {
  if (x.dtype === to) return x;
  if (to === "string") {
    return ndarray(
      to,
      x.shape,
      Array.from(numbers(x), (v) => (isFloat(x.dtype) ? formatFloat(v, x.dtype) : String(v))),
    );
  }
  const values = x.dtype === "string" ? Float64Array.from(x.data as readonly string[], parseNumber) : numbers(x);
  return ndarray(
    to,
    x.shape,
    values.map((v) => castNumber(v, to)),
  );
}

/** Between floats the gradient is cast back; no gradient comes from or goes to anything else. */
function castBack({ ops, inputs: [x], outputGradients: [dy] }: GradientContext<unknown>) {
  return isFloat(x!.dtype) ? ops.Cast(dy, { to: x!.dtype }) : null;
}

/** Converts to the dtype `to`: floats to integers truncate, numbers to bool are "not 0". */
export const Cast: Op<{ readonly to: DType }> = defineOp<{ readonly to: DType }>({
  attributes: { to: "dtype" },
  arity: [1, 1],
  infer: ({ attributes: { to }, ...context }) => {
    if (to === undefined) throw new GradusError("attribute `to` is missing: the dtype to convert to");
    return [{ dtype: to, shape: required({ attributes: {}, ...context }, 0).shape }];
  },
  evaluate: ([x], { attributes: { to } }) => [convert(x!, to)],
  gradient: (context) => [castBack(context)],
  contents: (context) => (isInteger(context.attributes.to) ? context.contents(0) : undefined),
  samples: [
    { inputs: [bothSigns([2, 3], 0.3, 9)], attributes: { to: "int32" } },
    { inputs: [bothSigns([2, 3], 0.3, 9)], attributes: { to: "float32" } },
    { inputs: [[4]], attributes: { to: "float64" } },
    { inputs: [integers([2, 3], -9, 9, "int64")], attributes: { to: "float32" } },
    { inputs: [booleans([3])], attributes: { to: "float32" } },
    { inputs: [integers([], 0, 1, "int64")], attributes: { to: "bool" } },
    { inputs: [{ shape: [3], dtype: "string", values: ["1.5", "-2e3", "0.125"] }], attributes: { to: "float32" } },
    { inputs: [{ shape: [4], values: [1.5, -2000, 0.0000152587890625, 16777216] }], attributes: { to: "string" } },
  ],
});

/** Converts to the dtype of input 1, whose values do not matter. */
export const CastLike: Op = defineOp({
  arity: [2, 2],
  infer: (context) => [{ dtype: required(context, 1).dtype, shape: required(context, 0).shape }],
  evaluate: ([x, like]) => [convert(x!, like!.dtype)],
  gradient: (context) => [castBack(context), null],
  samples: [
    { inputs: [[2, 3], { shape: [], values: [0] }] },
    { inputs: [bothSigns([3], 0.3, 9), integers([2], 0, 1, "int64")] },
    { inputs: [integers([2, 2], -9, 9), [1]] },
  ],
});
