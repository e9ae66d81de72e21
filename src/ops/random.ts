/**
 * Operators that draw at random. ONNX leaves the generator open; the interpreter's is counter-based and keyed by the attribute `seed`,
 * so that a node gives the same numbers in every run, and a node without a seed is refused. ONNX Runtime draws other numbers.
 */
import type { DType } from "../ir/dtype.ts";
import { isFloat, isInteger } from "../ir/dtype.ts";
import { formatShape, sizeOf } from "../ir/shape.ts";
import { requireDType, requireFloat, required } from "./infer.ts";
import { GradusError } from "../util/errors.ts";
import { map1, numbers } from "./ndarray.ts";
import { defineOp, type AttributeKind, type NdArray, type Op, type Sample } from "./op.ts";
import { drawing } from "./drawing.ts";

interface Seeded {
  readonly dtype?: DType;
  readonly seed?: number;
}

interface NormalAttributes extends Seeded {
  readonly mean?: number;
  readonly scale?: number;
}

interface UniformAttributes extends Seeded {
  readonly low?: number;
  readonly high?: number;
}

interface Shaped {
  readonly shape: readonly number[];
}

/** One number of a distribution from a generator. */
type Draw<A> = (random: ReturnType<typeof drawing>, attributes: A) => number;

const normal: Draw<NormalAttributes> = (random, { mean = 0, scale = 1 }) => mean + scale * random.normal();
const uniform: Draw<UniformAttributes> = (random, { low = 0, high = 1 }) => low + (high - low) * random.uniform();

const normalKinds = { dtype: "dtype", mean: "float", scale: "float", seed: "float" } as const;
const uniformKinds = { dtype: "dtype", low: "float", high: "float", seed: "float" } as const;
const floats = ["float32", "float64", "float16"] as const;

/** Without an input: of the dtype and the shape that attributes give. */
function ofShape<A extends Seeded>(
  draw: Draw<A>,
  kinds: Readonly<Record<keyof A, AttributeKind>>,
  samples: readonly Sample<A & Shaped>[],
): Op<A & Shaped> {
  const type = ({ dtype = "float32", shape }: A & Shaped) => {
    if (!shape) throw new GradusError("the attribute shape is missing");
    if (shape.some((size) => size < 0)) throw new GradusError(`sizes must not be negative, got ${formatShape(shape)}`);
    return requireDType({ dtype, shape }, floats, "dtype");
  };
  return defineOp<A & Shaped>({
    arity: [0, 0],
    attributes: { ...kinds, shape: "ints" } as unknown as { readonly [K in keyof (A & Shaped)]-?: AttributeKind },
    infer: (context) => [type(context.attributes)],
    evaluate: (_, { op, attributes }) => {
      const random = drawing(op, attributes.seed);
      const { dtype, shape } = type(attributes);
      const sizes = shape as readonly number[];
      return [{ dtype, shape: sizes, data: Float64Array.from({ length: sizeOf(sizes) }, () => draw(random, attributes)) }];
    },
    gradient: { none: "it has no inputs" },
    samples,
  });
}

/** In the shape of the input, and in its dtype unless one is given. */
function like<A extends Seeded>(draw: Draw<A>, kinds: Readonly<Record<keyof A, AttributeKind>>, samples: readonly Sample<A>[]): Op<A> {
  const dtypeOf = (x: { readonly dtype: DType }, { dtype = x.dtype }: Seeded) => requireDType({ dtype, shape: [] }, floats, "dtype").dtype;
  return defineOp<A>({
    arity: [1, 1],
    attributes: kinds as unknown as { readonly [K in keyof A]-?: AttributeKind },
    infer: (context) => {
      const x = required(context, 0);
      return [{ dtype: dtypeOf(x, context.attributes), shape: x.shape }];
    },
    evaluate: ([x], { op, attributes }) => {
      const random = drawing(op, attributes.seed);
      const data = Float64Array.from({ length: x!.data.length }, () => draw(random, attributes));
      return [{ dtype: dtypeOf(x!, attributes), shape: x!.shape, data }];
    },
    gradient: () => [null],
    follows: "shape",
    samples,
  });
}

// Executors agree on a draw where only one number can come.
// (A scale of 0 is more than ONNX Runtime takes.)
const sureNormal = { seed: 1, scale: 1e-30, mean: 0.5 };
const sureUniform = { seed: 1, low: 0.25, high: 0.25 };

export const RandomNormal: Op<NormalAttributes & Shaped> = ofShape(normal, normalKinds, [
  { inputs: [], attributes: { ...sureNormal, shape: [2, 3] } },
  { inputs: [], attributes: { ...sureNormal, shape: [], dtype: "float64" } },
]);

export const RandomUniform: Op<UniformAttributes & Shaped> = ofShape(uniform, uniformKinds, [
  { inputs: [], attributes: { ...sureUniform, shape: [2, 3] } },
  { inputs: [], attributes: { ...sureUniform, shape: [4], dtype: "float64" } },
]);

export const RandomNormalLike: Op<NormalAttributes> = like(normal, normalKinds, [
  { inputs: [[2, 3]], attributes: sureNormal },
  { inputs: [{ shape: [4], dtype: "int32", values: [1, 2, 3, 4] }], attributes: { ...sureNormal, dtype: "float64" } },
]);

export const RandomUniformLike: Op<UniformAttributes> = like(uniform, uniformKinds, [
  { inputs: [[2, 3]], attributes: sureUniform },
  { inputs: [{ shape: [4], dtype: "int32", values: [1, 2, 3, 4] }], attributes: { ...sureUniform, dtype: "float64" } },
]);

const notSmooth = { none: "what is drawn does not change smoothly with its probability" };

/** 1 with the probability that the input gives, else 0. */
export const Bernoulli: Op<Seeded> = defineOp<Seeded>({
  arity: [1, 1],
  attributes: { dtype: "dtype", seed: "float" },
  infer: (context) => {
    const { dtype, shape } = requireFloat(required(context, 0));
    const to = context.attributes.dtype ?? dtype;
    if (!isFloat(to) && !isInteger(to) && to !== "bool") throw new GradusError(`dtype must be of numbers or bool, got ${to}`);
    return [{ dtype: to, shape }];
  },
  evaluate: ([p], { op, attributes: { dtype = p!.dtype, seed } }) => {
    const random = drawing(op, seed);
    return [map1(p!, (probability) => Number(random.uniform() < probability), dtype)];
  },
  gradient: notSmooth,
  samples: [
    { inputs: [{ shape: [2, 3], values: [0, 1, 1, 0, 1, 0] }], attributes: { seed: 1 } },
    { inputs: [{ shape: [4], values: [1, 0, 0, 1] }], attributes: { seed: 2, dtype: "int64" } },
  ],
});

interface MultinomialAttributes extends Seeded {
  readonly sample_size?: number;
}

/** Class numbers, `sample_size` for each row of logarithms of (unnormalized) probabilities [batch, classes]. */
export const Multinomial: Op<MultinomialAttributes> = defineOp<MultinomialAttributes>({
  arity: [1, 1],
  attributes: { dtype: "dtype", sample_size: "int", seed: "float" },
  infer: (context) => {
    const { shape } = requireFloat(required(context, 0));
    const { dtype = "int32", sample_size = 1 } = context.attributes;
    if (shape.length !== 2) throw new GradusError(`expected [batch, classes], got ${formatShape(shape)}`);
    if (!(sample_size >= 1)) throw new GradusError(`sample_size must be 1 or more, got ${sample_size}`);
    return [{ dtype: requireDType({ dtype, shape: [] }, ["int32", "int64"], "dtype").dtype, shape: [shape[0]!, sample_size] }];
  },
  evaluate: ([x], { op, attributes: { dtype = "int32", sample_size = 1, seed } }) => {
    const random = drawing(op, seed);
    const [batch, classes] = x!.shape as [number, number];
    const data = new Float64Array(batch * sample_size);
    for (let row = 0; row < batch; row++) {
      const weights = weightsOf(x!, row, classes);
      for (let i = 0; i < sample_size; i++) data[row * sample_size + i] = pickOne(weights, random.uniform());
    }
    return [{ dtype, shape: [batch, sample_size], data }];
  },
  gradient: notSmooth,
  samples: [
    { inputs: [{ shape: [2, 3], values: [0, -300, -300, -300, -300, 5] }], attributes: { seed: 1, sample_size: 3 } },
    { inputs: [{ shape: [1, 2], values: [-400, 1] }], attributes: { seed: 1, dtype: "int64" } },
  ],
});

/** exp of a row less its largest, added up. */
function weightsOf(x: NdArray, row: number, classes: number): Float64Array {
  const logs = numbers(x).subarray(row * classes, (row + 1) * classes);
  const top = Math.max(...logs);
  let sum = 0;
  return logs.map((log) => (sum += Math.exp(log - top)));
}

/** The class into whose part of the running sums a number of [0, 1) falls. */
function pickOne(sums: Float64Array, at: number): number {
  const point = at * sums[sums.length - 1]!;
  return sums.findIndex((sum) => point < sum);
}
