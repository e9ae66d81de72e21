/** Float functions of one input. */
import { sameAsFirstFloat } from "./infer.ts";
import { map1 } from "./ndarray.ts";
import { defineOp, type GradientRule, type NoAttributes, type Op, type Sample } from "./op.ts";
import { bothSigns } from "./samples.ts";

export const anyFloat: readonly Sample<NoAttributes>[] = [{ inputs: [[3, 4]] }, { inputs: [[]] }];
/** For functions with a kink at 0. */
export const notNearZero: readonly Sample<NoAttributes>[] = [{ inputs: [bothSigns([3, 4])] }, { inputs: [bothSigns([])] }];

export function unary(
  f: (x: number) => number,
  gradient: GradientRule<NoAttributes>,
  samples: readonly Sample<NoAttributes>[] = anyFloat,
): Op {
  return defineOp({ arity: [1, 1], infer: sameAsFirstFloat, evaluate: ([x]) => [map1(x!, f)], gradient, samples });
}
