/** Shrinkage: small numbers become 0, others move towards it. */
import { isInteger } from "../ir/dtype.ts";
import { requireNumber, required, sameAsFirst } from "./infer.ts";
import { indicator } from "./masks.ts";
import { castNumber, map1 } from "./ndarray.ts";
import { defineOp, type Op } from "./op.ts";
import { bothSigns, integers } from "./samples.ts";

interface ShrinkAttributes {
  /** What numbers beyond ±λ lose. */
  readonly bias?: number;
  readonly lambd?: number;
}

/** x + bias below −λ, x − bias above λ, 0 between. */
export const Shrink: Op<ShrinkAttributes> = defineOp<ShrinkAttributes>({
  arity: [1, 1],
  attributes: { bias: "float", lambd: "float" },
  infer: (context) => {
    requireNumber(required(context, 0));
    return sameAsFirst(context);
  },
  evaluate: ([x], { attributes: { bias = 0, lambd = 0.5 } }) => [
    map1(x!, (v) => {
      const moved = v < -lambd ? v + bias : v > lambd ? v - bias : 0;
      return isInteger(x!.dtype) ? castNumber(moved, x!.dtype) : moved;
    }),
  ],
  gradient: ({ ops, inputs: [x], outputGradients: [dy], attributes: { lambd = 0.5 } }) => [
    ops.Mul(dy, indicator(ops, ops.Or(ops.Less(x!, -lambd), ops.Greater(x!, lambd)), x!)),
  ],
  samples: [
    { inputs: [bothSigns([3, 4])] },
    { inputs: [bothSigns([3, 4])], attributes: { lambd: 1.1, bias: 0.25 } },
    { inputs: [bothSigns([])], attributes: { bias: 0.5 } },
    { inputs: [integers([2, 3], -9, 9)], attributes: { lambd: 3, bias: 1 } },
  ],
});
