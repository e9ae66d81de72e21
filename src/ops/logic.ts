/** Comparisons, logic, and the choice between two tensors. */
import type { DType } from "../ir/dtype.ts";
import { isFloat, isInteger } from "../ir/dtype.ts";
import { broadcastShapes, sizeOf } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import { broadcastAll, broadcasting, requireDType, requireFloat, requireSameDType, required } from "./infer.ts";
import { indicator } from "./masks.ts";
import { broadcastStrides, map1, mapBroadcast, ndarray, walk } from "./ndarray.ts";
import { defineOp, type NdArray, type NoAttributes, type Op, type Sample, type SampleInput } from "./op.ts";
import { booleans, bothSigns, integers } from "./samples.ts";

const none = { none: "its output is bool" };
const isNumber = (dtype: DType) => isFloat(dtype) || isInteger(dtype);

const pairsOf = (make: (shape: readonly number[]) => SampleInput): Sample<NoAttributes>[] => [
  { inputs: [make([2, 3]), make([2, 3])] },
  { inputs: [make([2, 3, 4]), make([4])] },
  { inputs: [make([3, 1]), make([])] },
];
const small = (shape: readonly number[]) => integers(shape, -2, 2, "int64");

/** A relation of two broadcast inputs. */
function relation(f: (a: number, b: number) => boolean, accepts: (dtype: DType) => boolean, samples: readonly Sample<NoAttributes>[]): Op {
  return defineOp({
    arity: [2, 2],
    infer: (context) => {
      const { dtype } = required(context, 0);
      if (!accepts(dtype)) throw new GradusError(`${dtype} tensors cannot be compared this way`);
      return broadcasting("bool")(context);
    },
    evaluate: ([a, b]) => [mapBroadcast([a!, b!], (x, y) => (f(x, y) ? 1 : 0), "bool")],
    gradient: none,
    samples,
  });
}

const numberPairs = [...pairsOf((shape) => shape), ...pairsOf(small)];

/** Numbers and bool; strings cannot be compared at opset 17. */
export const Equal: Op = relation(
  (a, b) => a === b,
  (dtype) => isNumber(dtype) || dtype === "bool",
  [...numberPairs, ...pairsOf(booleans)],
);
export const Less: Op = relation((a, b) => a < b, isNumber, numberPairs);
export const LessOrEqual: Op = relation((a, b) => a <= b, isNumber, numberPairs);
export const Greater: Op = relation((a, b) => a > b, isNumber, numberPairs);
export const GreaterOrEqual: Op = relation((a, b) => a >= b, isNumber, numberPairs);

const isBool = (dtype: DType) => dtype === "bool";
export const And: Op = relation((a, b) => a !== 0 && b !== 0, isBool, pairsOf(booleans));
export const Or: Op = relation((a, b) => a !== 0 || b !== 0, isBool, pairsOf(booleans));
export const Xor: Op = relation((a, b) => a !== b, isBool, pairsOf(booleans));

export const Not: Op = defineOp({
  arity: [1, 1],
  infer: (context) => [{ dtype: "bool", shape: requireDType(required(context, 0), ["bool"], "input").shape }],
  evaluate: ([x]) => [map1(x!, (v) => (v ? 0 : 1))],
  gradient: none,
  samples: [{ inputs: [booleans([2, 3])] }, { inputs: [booleans([])] }],
});

export const IsNaN: Op = defineOp({
  arity: [1, 1],
  infer: (context) => [{ dtype: "bool", shape: requireFloat(required(context, 0)).shape }],
  evaluate: ([x]) => [map1(x!, (v) => (Number.isNaN(v) ? 1 : 0), "bool")],
  gradient: none,
  samples: [{ inputs: [{ shape: [2, 2], values: [1, NaN, -Infinity, 0] }] }, { inputs: [[]] }],
});

/** ±∞, or one of them where an attribute excludes the other. */
export const IsInf: Op<{ readonly detect_negative?: number; readonly detect_positive?: number }> = defineOp<{
  readonly detect_negative?: number;
  readonly detect_positive?: number;
}>({
  attributes: { detect_negative: "int", detect_positive: "int" },
  arity: [1, 1],
  infer: (context) => [{ dtype: "bool", shape: requireFloat(required(context, 0)).shape }],
  evaluate: ([x], { attributes: { detect_negative = 1, detect_positive = 1 } }) => [
    map1(x!, (v) => ((detect_positive && v === Infinity) || (detect_negative && v === -Infinity) ? 1 : 0), "bool"),
  ],
  gradient: none,
  samples: [{}, { detect_negative: 0 }, { detect_positive: 0 }].map((attributes) => ({
    inputs: [{ shape: [2, 2], values: [1, Infinity, -Infinity, NaN] }],
    attributes,
  })),
});

/** Input 1 where the condition (input 0) holds, else input 2; all three broadcast together. */
export const Where: Op = defineOp({
  arity: [3, 3],
  infer: (context) => {
    requireDType(required(context, 0), ["bool"], "the condition");
    return [{ dtype: requireSameDType(context, 1), shape: broadcastAll(context) }];
  },
  evaluate: ([condition, x, y]) => [select(condition!, x!, y!)],
  gradient: ({ ops, inputs: [condition, x], outputGradients: [dy], needs }) => [
    null,
    needs(1) ? ops.Mul(dy, indicator(ops, condition!, x!)) : null,
    needs(2) ? ops.Mul(dy, indicator(ops, ops.Not(condition!), x!)) : null,
  ],
  samples: [
    { inputs: [booleans([2, 3]), [2, 3], [2, 3]] },
    { inputs: [booleans([2, 1]), [3], []] },
    { inputs: [booleans([]), bothSigns([2, 2]), [2, 2]] },
    { inputs: [booleans([4]), small([4]), small([2, 1])] },
    { inputs: [booleans([3]), { shape: [3], dtype: "string", values: ["a", "b", "c"] }, { shape: [], dtype: "string", values: ["-"] }] },
  ],
});

function select(condition: NdArray, x: NdArray, y: NdArray): NdArray {
  const shape = [condition.shape, x.shape, y.shape].reduce((a, b) => broadcastShapes(a, b) as readonly number[]);
  const data = new Array<number | string>(sizeOf(shape));
  walk(
    shape,
    [condition, x, y].map((array) => broadcastStrides(array.shape, shape)),
    (i, offsets) => (data[i] = condition.data[offsets[0]!] ? x.data[offsets[1]!]! : y.data[offsets[2]!]!),
  );
  return ndarray(x.dtype, shape, x.dtype === "string" ? (data as string[]) : Float64Array.from(data as number[]));
}
