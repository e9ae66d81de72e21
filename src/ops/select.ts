/** Elementwise operators that choose among, bound or combine any number of inputs. */
import { isInteger } from "../ir/dtype.ts";
import type { Value } from "../ir/graph.ts";
import { formatShape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import { broadcasting, requireDType, requireFloat, requireNumber, requireSameDType, required, sameAsFirst } from "./infer.ts";
import { indicator } from "./masks.ts";
import { castNumber, map1, mapBroadcast, numbers } from "./ndarray.ts";
import { defineOp, type GradientRule, type InferContext, type NoAttributes, type Op, type Sample, type TensorType } from "./op.ts";
import { bothSigns, integers, within } from "./samples.ts";

/** A function of any number of inputs broadcast together. */
function variadic(
  f: (...xs: number[]) => number,
  check: (type: TensorType) => unknown,
  gradient: GradientRule<NoAttributes>,
  samples: readonly Sample<NoAttributes>[],
): Op {
  const infer = (context: InferContext<unknown>) => {
    check(required(context, 0));
    return broadcasting()(context);
  };
  return defineOp({
    arity: [1, Infinity],
    infer,
    evaluate: (inputs) => [
      mapBroadcast(
        inputs.map((x) => x!),
        f,
      ),
    ],
    gradient,
    samples,
  });
}

const floats: readonly Sample<NoAttributes>[] = [
  {
    inputs: [
      [2, 3],
      [2, 3],
    ],
  },
  { inputs: [[2, 3], [3], []] },
  { inputs: [[2, 2]] },
];
const anyNumbers = [...floats, { inputs: [integers([2, 3], -9, 9), integers([2, 1], -9, 9)] }];

/** Equal extremes share the gradient, as in PyTorch: dy · [x = y] / (how many inputs are). */
const shareAmongExtremes: GradientRule<NoAttributes> = ({ ops, inputs, outputs, outputGradients: [dy], needs }) => {
  if (inputs.length === 1) return [dy];
  const y = outputs[0]!;
  const masks = inputs.map((x) => indicator(ops, ops.Equal(x, y), y));
  const share = ops.Div(dy, ops.Sum(...masks));
  return masks.map((mask, i) => (needs(i) ? ops.Mul(share, mask) : null));
};

export const Max: Op = variadic((...xs) => Math.max(...xs), requireNumber, shareAmongExtremes, anyNumbers);

export const Min: Op = variadic((...xs) => Math.min(...xs), requireNumber, shareAmongExtremes, anyNumbers);

const total = (xs: readonly number[]) => xs.reduce((sum, x) => sum + x, 0);

export const Sum: Op = variadic(
  (...xs) => total(xs),
  requireFloat,
  ({ inputs, outputGradients: [dy] }) => inputs.map(() => dy),
  floats,
);

export const Mean: Op = variadic(
  (...xs) => total(xs) / xs.length,
  requireFloat,
  ({ ops, inputs, outputGradients: [dy] }) => {
    const part = ops.Div(dy, inputs.length);
    return inputs.map(() => part);
  },
  floats,
);

const limit = (value: number): { shape: number[]; values: number[] } => ({ shape: [], values: [value] });

/** min(max(x, least), most), either bound left out; on a bound the gradient goes to x, as in PyTorch. */
export const Clip: Op = defineOp({
  arity: [1, 3],
  infer: (context) => {
    requireNumber(required(context, 0));
    requireSameDType(context);
    for (const bound of context.inputs.slice(1)) {
      if (bound && bound.shape.length > 0) throw new GradusError(`a bound must be a scalar, got shape ${formatShape(bound.shape)}`);
    }
    return sameAsFirst(context);
  },
  evaluate: ([x, least, most]) => {
    const low = least ? numbers(least)[0]! : -Infinity;
    const high = most ? numbers(most)[0]! : Infinity;
    return [map1(x!, (v) => Math.min(high, Math.max(low, v)))];
  },
  gradient: ({ ops, inputs: [x, least, most], outputs: [y], outputGradients: [dy], needs }) => {
    const when = (condition: Value) => ops.Mul(dy, indicator(ops, condition, x!));
    const below = () => (most ? ops.And(ops.Less(x!, least!), ops.Less(least!, most)) : ops.Less(x!, least!));
    const above = () => (least ? ops.Or(ops.Greater(x!, most!), ops.GreaterOrEqual(least, most!)) : ops.Greater(x!, most!));
    return [needs(0) ? when(ops.Equal(x!, y!)) : null, needs(1) ? when(below()) : null, needs(2) ? when(above()) : null];
  },
  samples: [
    { inputs: [bothSigns([3, 4]), limit(-0.9), limit(0.8)] },
    { inputs: [bothSigns([3, 4]), null, limit(0.85)] },
    { inputs: [bothSigns([5]), limit(-0.95)] },
    { inputs: [[2, 2]] },
    { inputs: [integers([2, 3], -9, 9), { shape: [], dtype: "int32", values: [-3] }, { shape: [], dtype: "int32", values: [4] }] },
  ],
});

/** Remainder. With fmod it has the sign of the dividend (the only way for floats), else that of the divisor. */
export const Mod: Op<{ readonly fmod?: number }> = defineOp<{ readonly fmod?: number }>({
  attributes: { fmod: "int" },
  arity: [2, 2],
  infer: (context) => {
    const [type] = broadcasting()(context);
    requireNumber(type!);
    if (!isInteger(type!.dtype) && !context.attributes.fmod) throw new GradusError("floats need fmod: 1");
    return [type!];
  },
  evaluate: ([a, b], { attributes: { fmod } }) => {
    if (fmod) return [mapBroadcast([a!, b!], (x, y) => x % y)];
    return [mapBroadcast([a!, b!], (x, y) => castNumber(x - y * Math.floor(x / y), a!.dtype))];
  },
  gradient: ({ ops, inputs: [a, b], outputs: [y], outputGradients: [dy], needs }) => [
    dy,
    needs(1) ? ops.Mul(dy, ops.Div(ops.Sub(y!, a!), b!)) : null, // a - b·trunc(a/b): ∂/∂b = -trunc(a/b) = (y - a)/b
  ],
  samples: [
    {
      inputs: [
        { shape: [2, 3], values: [5.3, -4.2, 7.7, 3.1, -9.4, 0.6] },
        { shape: [3], values: [2, -3, 1.6] },
      ],
      attributes: { fmod: 1 },
    },
    { inputs: [within([2, 2], 4.1, 4.9), { shape: [], values: [1.5] }], attributes: { fmod: 1 } },
    { inputs: [integers([2, 3], -9, 9), { shape: [3], dtype: "int32", values: [3, -4, 5] }] },
    { inputs: [integers([2, 3], -9, 9, "int64"), { shape: [], dtype: "int64", values: [4] }], attributes: { fmod: 1 } },
  ],
});

/** a·2ᵇ, or a/2ᵇ rounded down, on unsigned integers. */
export const BitShift: Op<{ readonly direction: "LEFT" | "RIGHT" }> = defineOp<{ readonly direction: "LEFT" | "RIGHT" }>({
  attributes: { direction: "string" },
  arity: [2, 2],
  infer: (context) => {
    const { direction } = context.attributes;
    if (direction !== "LEFT" && direction !== "RIGHT") throw new GradusError(`direction must be LEFT or RIGHT, got ${direction}`);
    requireDType(required(context, 0), ["uint8", "uint16", "uint32", "uint64"], "input");
    return broadcasting()(context);
  },
  evaluate: ([a, b], { attributes: { direction } }) => [
    mapBroadcast([a!, b!], (x, y) => castNumber(direction === "LEFT" ? x * 2 ** y : Math.floor(x / 2 ** y), a!.dtype)),
  ],
  gradient: { none: "its output is an integer" },
  samples: (["LEFT", "RIGHT"] as const).map((direction) => ({
    inputs: [integers([2, 3], 0, 200, "uint8"), integers([3], 0, 4, "uint8")],
    attributes: { direction },
  })),
});
