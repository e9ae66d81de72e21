/** An operator with one of its samples inside a small network: parameters before it, parameters after it, a scalar loss. */
import type { LossGraph } from "../../../src/check/subject.ts";
import { evaluateGraph, toTensor } from "../../../src/exec/reference.ts";
import { isFloat } from "../../../src/ir/dtype.ts";
import { graph, input, type Value } from "../../../src/ir/graph.ts";
import { sizeOf } from "../../../src/ir/shape.ts";
import { tensor, type Tensor } from "../../../src/ir/tensor.ts";
import { ops, registry } from "../../../src/ops/build.ts";
import type { NdArray } from "../../../src/ops/op.ts";
import { inFloat64, rebuild, type Replacements } from "../../../src/ops/rewrite.ts";
import { rng } from "../../../src/util/rng.ts";
import { build, describe, floatInputs, type AnySample, type Case } from "../../conformance/sample.ts";

export interface Placed {
  readonly spec: LossGraph;
  /** The operator's outputs in the network. */
  readonly outputs: readonly Value[];
}

/** loss = Σ after · op(x · before): `x` are the sample's float inputs, `before` a number for each, `after` a weight for each result. */
export function place(op: string, sample: AnySample): Placed {
  const made = build(op, sample, "float64");
  const wrt = floatInputs(made);
  const before = wrt.map(({ name, dtype }) => input(`before/${name}`, dtype, []));
  const outputs = rebuild(made.outputs, new Map(wrt.map((value, i) => [value, ops.Mul(value, before[i]!)])));
  const shapes = shapesOf(made);
  const floats = outputs.flatMap((value, i) => (isFloat(value.dtype) ? [{ value, i }] : []));
  const after = floats.map(({ i }) => input(`after/${i}`, "float64", shapes[i]!));
  const terms = floats.map(({ value }, k) => {
    const double = value.dtype === "float64" ? value : ops.Cast(value, { to: "float64" });
    return ops.ReduceSum(ops.Mul(double, after[k]!), null, { keepdims: 0 });
  });
  const loss = terms.reduce((a, b) => ops.Add(a, b));
  const parameters = [...wrt, ...before, ...after];
  const draw = rng(5, `weights after ${op}`);
  const inputs: Record<string, Tensor> = Object.fromEntries(Object.entries(made.feeds).map(([name, array]) => [name, toTensor(array)]));
  for (const { name, dtype } of before) inputs[name!] = tensor(dtype as "float64", [1], []);
  for (const { name, shape } of after) {
    const sizes = shape as number[];
    inputs[name!] = tensor("float64", draw.fillNormal(new Float64Array(sizeOf(sizes))), sizes);
  }
  // As the check will have it: some rules make another graph in float64.
  const wide: Replacements = new Map();
  inFloat64([loss, ...parameters, ...outputs], wide);
  const now = (value: Value) => wide.get(value)!;
  return { spec: { loss: now(loss), parameters: parameters.map(now), inputs }, outputs: outputs.map(now) };
}

function shapesOf(made: Case): (readonly number[])[] {
  const named = Object.fromEntries(made.outputs.map((value, i) => [`y${i}`, value]));
  const wanted = graph({ outputs: named });
  const names = new Set(wanted.inputs.map(({ name }) => name!));
  const found = evaluateGraph(wanted, Object.fromEntries(Object.entries(made.feeds).filter(([name]) => names.has(name))));
  return made.outputs.map((_, i) => found[`y${i}`]!.shape);
}

/** The inputs of a placed operator at another point: numbers from the ranges that the sample allows. */
export function otherPoint(op: string, sample: AnySample, { spec }: Placed, number: number): Record<string, NdArray> {
  const draw = rng(7, `${op} ${describe(sample)}`, number);
  return Object.fromEntries(
    Object.entries(spec.inputs).map(([name, { dtype, shape, data }]) => {
      const held = Array.from(data as Float64Array, Number);
      if (!isFloat(dtype)) return [name, { dtype, shape, data: Float64Array.from(held) }];
      const given = name.startsWith("x") ? sample.inputs[Number(name.slice(1))] : undefined;
      const { range, values } = (given && "shape" in given ? given : {}) as { range?: readonly [number, number]; values?: unknown };
      const fresh = held.map((old) => {
        if (values !== undefined || name.startsWith("before/")) return old * (0.9 + 0.1 * draw.uniform());
        return range ? range[0] + (range[1] - range[0]) * draw.uniform() : draw.normal();
      });
      return [name, { dtype: "float64", shape, data: Float64Array.from(fresh) }];
    }),
  );
}

/** Samples of an operator that a gradient can be checked on, the small ones. */
export function samplesOf(op: string): readonly AnySample[] {
  return registry[op]!.samples.filter((sample) => {
    const made = build(op, sample, "float64");
    const wrt = floatInputs(made);
    const elements = wrt.reduce((sum, { shape }) => sum + sizeOf(shape as number[]), 0);
    const half = [...made.inputs, ...made.outputs].some((value) => value?.dtype === "float16");
    return !half && wrt.length > 0 && elements > 0 && elements <= mostElements && made.outputs.some(({ dtype }) => isFloat(dtype));
  });
}

const mostElements = 150;
