/** Where extremes stand along an axis, and running sums. */
import { normalizeAxis, type Shape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import { requireDType, requireNumber, required, sameAsFirst } from "./infer.ts";
import { numbers } from "./ndarray.ts";
import { mapAxis, reduceArray, reducedShape } from "./reduction.ts";
import { defineOp, type Op } from "./op.ts";

export interface ArgAttributes {
  readonly axis?: number;
  readonly keepdims?: number;
  readonly select_last_index?: number;
}

/** Index of the first (or last) element that no other beats. */
function arg(beats: (a: number, b: number) => boolean): Op<ArgAttributes> {
  const best = (last: boolean) => (lane: Float64Array) =>
    lane.reduce((at, x, i) => (beats(x, lane[at]!) || (last && x === lane[at]) ? i : at), 0);
  return defineOp<ArgAttributes>({
    attributes: { axis: "int", keepdims: "int", select_last_index: "int" },
    arity: [1, 1],
    infer: (context) => {
      const { shape } = requireNumber(required(context, 0));
      const { axis = 0, keepdims = 1 } = context.attributes;
      return [{ dtype: "int64", shape: reducedShape(shape, [normalizeAxis(axis, shape.length)], keepdims !== 0) as Shape }];
    },
    evaluate: ([x], { attributes: { axis = 0, keepdims = 1, select_last_index = 0 } }) => [
      reduceArray(x!, [normalizeAxis(axis, x!.shape.length)], keepdims !== 0, best(select_last_index !== 0), "int64"),
    ],
    gradient: { none: "its output is an index" },
    samples: [
      { inputs: [[3, 4]] },
      { inputs: [[2, 3, 4]], attributes: { axis: -1, keepdims: 0 } },
      { inputs: [{ shape: [2, 5], values: [1, 3, 3, 1, 2, -1, -1, -1, -1, -1] }], attributes: { axis: 1 } },
      { inputs: [{ shape: [2, 5], values: [1, 3, 3, 1, 2, -1, -1, -1, -1, -1] }], attributes: { axis: 1, select_last_index: 1 } },
    ],
  });
}

export const ArgMax: Op<ArgAttributes> = arg((a, b) => a > b);

export const ArgMin: Op<ArgAttributes> = arg((a, b) => a < b);

export interface CumSumAttributes {
  readonly exclusive?: number;
  readonly reverse?: number;
}

/** Running sum along an axis (input 1, a scalar); exclusive leaves the element itself out, reverse starts at the end. */
export const CumSum: Op<CumSumAttributes> = defineOp<CumSumAttributes>({
  attributes: { exclusive: "int", reverse: "int" },
  arity: [2, 2],
  infer: (context) => {
    const { shape } = requireNumber(required(context, 0));
    const axis = requireDType(required(context, 1), ["int32", "int64"], "the axis");
    if (axis.shape.length > 1 || (axis.shape.length === 1 && typeof axis.shape[0] === "number" && axis.shape[0] !== 1)) {
      throw new GradusError("the axis must be a scalar");
    }
    const known = context.contents(1)?.[0];
    if (typeof known === "number") normalizeAxis(known, shape.length);
    return sameAsFirst(context);
  },
  evaluate: ([x, axis], { attributes: { exclusive = 0, reverse = 0 } }) => [
    mapAxis(x!, normalizeAxis(numbers(axis)[0]!, x!.shape.length), (lane) => {
      const sums = new Float64Array(lane.length);
      let sum = 0;
      for (let k = 0; k < lane.length; k++) {
        const i = reverse ? lane.length - 1 - k : k;
        const next = sum + lane[i]!;
        sums[i] = exclusive ? sum : next;
        sum = next;
      }
      return sums;
    }),
  ],
  gradient: ({ ops, inputs: [, axis], outputGradients: [dy], attributes: { exclusive = 0, reverse = 0 } }) => [
    ops.CumSum(dy, axis!, { exclusive, reverse: reverse ? 0 : 1 }), // Σ over the outputs an element went into
    null,
  ],
  samples: [
    { inputs: [[3, 4], { shape: [], dtype: "int64", values: [1] }] },
    { inputs: [[2, 3, 2], { shape: [], dtype: "int64", values: [-2], constant: true }], attributes: { exclusive: 1 } },
    { inputs: [[5], { shape: [], dtype: "int32", values: [0] }], attributes: { reverse: 1 } },
    { inputs: [[2, 4], { shape: [], dtype: "int64", values: [1] }], attributes: { exclusive: 1, reverse: 1 } },
    {
      inputs: [
        { shape: [2, 3], dtype: "int64", range: [-9, 9] },
        { shape: [], dtype: "int64", values: [0] },
      ],
    },
  ],
});
