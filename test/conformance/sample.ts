/** Makes graphs and inputs from the samples of operator records. */
import type { DType } from "../../src/ir/dtype.ts";
import { isFloat, isInteger } from "../../src/ir/dtype.ts";
import { constant, input, type Attributes, type Value } from "../../src/ir/graph.ts";
import { sizeOf, type Dim } from "../../src/ir/shape.ts";
import { toTensor } from "../../src/exec/reference.ts";
import { applyOp, ops } from "../../src/ops/build.ts";
import type { NdArray, Sample, SampleInput } from "../../src/ops/op.ts";
import { rng } from "../../src/util/rng.ts";

// eslint-disable-next-line typescript/no-explicit-any
export type AnySample = Sample<any>;

export interface Case {
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly Value[];
  /** What the graph inputs get, by name. */
  readonly feeds: Readonly<Record<string, NdArray>>;
}

interface SpecifiedInput {
  readonly shape: readonly number[];
  readonly dtype?: DType;
  readonly range?: readonly [number, number];
  readonly values?: readonly (number | string)[];
  readonly constant?: boolean;
}

const specified = (made: SampleInput): SpecifiedInput | null =>
  made === null ? null : "shape" in made ? (made as SpecifiedInput) : { shape: made };

/**
 * The operator applied to a sample's inputs. Numbers are rounded to float32, so that every executor sees the same.
 * @param float dtype of the inputs whose dtype the sample leaves open
 * @param rename gives dimensions of graph inputs other names
 */
export function build(op: string, sample: AnySample, float: DType, rename: (dim: number, axis: number) => Dim = (dim) => dim): Case {
  const random = rng(1, `${op} ${describe(sample)}`);
  const feeds: Record<string, NdArray> = {};
  const inputs = sample.inputs.map((made, i) => {
    const spec = specified(made);
    if (!spec) return null;
    const dtype = spec.dtype ?? float;
    const array = { dtype, shape: spec.shape, data: fill(spec, dtype, random) };
    if (spec.constant) return constant(toTensor(array));
    feeds[`x${i}`] = array;
    return input(`x${i}`, dtype, spec.shape.map(rename));
  });
  const attributes = (sample.build ? sample.build(ops) : (sample.attributes ?? {})) as Attributes;
  return { inputs, outputs: applyOp(op, inputs, attributes).outputs, feeds };
}

function fill({ shape, range, values }: SpecifiedInput, dtype: DType, random: ReturnType<typeof rng>): NdArray["data"] {
  const size = sizeOf(shape);
  if (values) {
    if (values.length !== size) throw new Error(`a sample gives ${values.length} values for ${size} elements`);
    return dtype === "string"
      ? values.map(String)
      : Float64Array.from(values as readonly number[], (x) => (isFloat(dtype) ? Math.fround(x) : x));
  }
  if (dtype === "string") throw new Error("a sample of strings needs values");
  const [low, high] = range ?? (dtype === "bool" ? [0, 1] : [-3, 3]);
  return Float64Array.from({ length: size }, () => {
    if (isInteger(dtype) || dtype === "bool") return low + random.integer(high - low + 1);
    return Math.fround(range ? low + (high - low) * random.uniform() : random.normal());
  });
}

export const graphInputs = (made: Case) => made.inputs.flatMap((value) => (value?.origin.kind === "input" ? [value] : []));
export const floatInputs = (made: Case) => graphInputs(made).filter(({ dtype }) => isFloat(dtype));

/** Dimensions of one size under a name. */
export const renaming =
  (size: number | undefined) =>
  (dim: number): Dim =>
    dim === size ? "n" : dim;

/** The first dimension of the float inputs that is not 1. */
export function leadingSize(made: Case): number | undefined {
  return floatInputs(made)
    .flatMap(({ shape }) => shape.slice(0, 1) as readonly number[])
    .find((dim) => dim !== 1);
}

/** A random array of weights, for a scalar that depends on every element. */
function weights(stream: string, shape: readonly number[]): NdArray {
  const random = rng(2, stream);
  return { dtype: "float64", shape, data: Float64Array.from({ length: sizeOf(shape) }, () => Math.fround(random.normal())) };
}

/** Σ wᵢ·yᵢ over all float values, with fixed random weights. */
export function weightedSum(
  values: readonly Value[],
  shapes: readonly (readonly number[])[],
  stream: string,
  dtype: DType = "float64",
): Value {
  const terms = values.flatMap((value, i) => {
    if (!isFloat(value.dtype)) return [];
    const factor = constant(toTensor({ ...weights(`${stream} ${i}`, shapes[i]!), dtype }));
    const same = value.dtype === dtype ? value : ops.Cast(value, { to: dtype });
    return [ops.ReduceSum(ops.Mul(same, factor), { keepdims: 0 })];
  });
  return terms.reduce((a, b) => ops.Add(a, b));
}

/** `[2, 3] and int64 [1] = 1, keepdims 0`. */
export function describe(sample: AnySample): string {
  const inputs = sample.inputs.map((made) => {
    const spec = specified(made);
    if (!spec) return "nothing";
    const values = spec.constant || spec.dtype === "string" ? ` = ${spec.values?.join(" ")}` : "";
    return `${spec.dtype ? `${spec.dtype} ` : ""}[${spec.shape.join(", ")}]${values}`;
  });
  const attributes = Object.entries((sample.attributes ?? {}) as Attributes).map(([key, value]) => {
    if (typeof value === "object" && "data" in value) return `${key} ${value.dtype} ${Array.from<unknown>(value.data).join(" ")}`;
    return `${key} ${Array.isArray(value) ? `[${value.join(", ")}]` : String(value)}`;
  });
  return [inputs.join(" and ") || "nothing", ...attributes].join(", ");
}
