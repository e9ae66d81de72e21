/** Operators that run graphs as a condition says: If and Loop. */
import { graph, input, int64, type Graph, type Value } from "../ir/graph.ts";
import { formatShape, sameShape, staticShape, unknownDim } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import { bind, outside, type Bindings } from "./bodies.ts";
import type { Ops } from "./build.ts";
import { requireDType, required } from "./infer.ts";
import { numbers } from "./ndarray.ts";
import { defineOp, type GradientRule, type InferContext, type NdArray, type Op, type TensorType } from "./op.ts";
import { joinedData } from "./pick.ts";
import { int } from "./samples.ts";
import { zerosLike } from "./vectors.ts";

export interface IfAttributes {
  readonly then_branch: Graph;
  readonly else_branch: Graph;
}

/** An If whose branches are the branches' gradients; a branch that does not depend on a value gives zeros for it. */
const branchGradient: GradientRule<IfAttributes> = ({ ops, inputs: [condition], outputGradients, attributes, needs, pullback }) => {
  const { then_branch, else_branch } = attributes;
  const captures = [...then_branch.captures, ...else_branch.captures];
  const wanted = [...new Set(captures.filter((_, i) => needs(i + 1)))];
  const gradients = (branch: Graph) => {
    const seeds = branch.outputs.flatMap(({ value }, i) => (outputGradients[i] ? [[value, outputGradients[i]] as const] : []));
    return pullback(branch.nodes, seeds, wanted);
  };
  const [ofThen, ofElse] = [gradients(then_branch), gradients(else_branch)];
  const reached = wanted.filter((_, i) => ofThen[i] ?? ofElse[i]);
  if (reached.length === 0) return [];
  const branch = ({ captures: own }: Graph, found: readonly (Value | null)[]) => {
    const outputs = reached.map((value, k) => [`y${k}`, found[wanted.indexOf(value)] ?? zerosLike(ops, value)] as const);
    const read = [...own, ...reached, ...outputGradients.filter((value) => value !== null)];
    return graph({ inputs: [], captures: [...new Set(read)], outputs: Object.fromEntries(outputs) });
  };
  const results = ops.If(condition!, { then_branch: branch(then_branch, ofThen), else_branch: branch(else_branch, ofElse) });
  return [null, ...captures.map((value, i) => (captures.indexOf(value) === i ? (results[reached.indexOf(value)] ?? null) : null))];
};

/** One of two graphs without inputs, as the condition says; they read captured values. */
export const If: Op<IfAttributes, "many"> = defineOp<IfAttributes, "many">({
  outputs: "many",
  arity: [1, 1],
  attributes: { then_branch: "graph", else_branch: "graph" },
  infer: (context) => {
    requireDType(required(context, 0), ["bool"], "the condition");
    const { then_branch, else_branch } = context.attributes;
    if (then_branch.outputs.length !== else_branch.outputs.length) {
      throw new GradusError(`the branches give ${then_branch.outputs.length} and ${else_branch.outputs.length} outputs`);
    }
    return then_branch.outputs.map(({ value: a }, i) => {
      const b = else_branch.outputs[i]!.value;
      if (a.dtype !== b.dtype || a.shape.length !== b.shape.length) {
        throw new GradusError(
          `output ${i} is ${a.dtype}${formatShape(a.shape)} in one branch, ${b.dtype}${formatShape(b.shape)} in the other`,
        );
      }
      return { dtype: a.dtype, shape: a.shape.map((dim, axis) => (dim === b.shape[axis] ? dim : unknownDim())) };
    });
  },
  evaluate: ([condition], { attributes, run }) => run(condition!.data[0] ? attributes.then_branch : attributes.else_branch, []),
  gradient: branchGradient,
  samples: [0, 1].map((holds) => ({
    inputs: [{ shape: [], dtype: "bool" as const, values: [holds] }],
    build: (ops: Ops) => {
      const branch = (y: Value) => graph({ inputs: [], captures: [], outputs: { y } });
      return { then_branch: branch(ops.Neg(int64([1, 2, 3]))), else_branch: branch(int64([4, 5, 6])) };
    },
  })),
});

export interface LoopAttributes {
  readonly body: Graph;
}

/** Types of the states, and the body's dimensions outside; a dimension that changes from step to step is unknown. */
function inferLoop(context: InferContext<LoopAttributes>): TensorType[] {
  const { body } = context.attributes;
  const [most, condition] = context.inputs;
  if (most) requireDType(most, ["int64"], "the most steps");
  if (condition) requireDType(condition, ["bool"], "the condition");
  const states = context.inputs.slice(2).map((_, i) => required(context, i + 2));
  if (body.inputs.length !== states.length + 2)
    throw new GradusError(`the body takes ${body.inputs.length} inputs, Loop gives it a count, a condition and ${states.length} states`);
  if (body.outputs.length <= states.length)
    throw new GradusError(`the body gives ${body.outputs.length} outputs for a condition and ${states.length} states`);
  requireDType(body.outputs[0]!.value, ["bool"], "the body's first output");
  const bindings: Bindings = new Map();
  states.forEach(({ dtype, shape }, i) => {
    const own = body.inputs[i + 2]!;
    if (own.dtype !== dtype) throw new GradusError(`state ${i} is ${dtype}, the body expects ${own.dtype}`);
    bind(own.shape, shape, bindings, `state ${i}`);
  });
  const after = body.outputs.slice(1).map(({ value }) => ({ dtype: value.dtype, shape: outside(value.shape, bindings) }));
  const isSteady = states.every(({ shape }, i) => sameShape(shape, after[i]!.shape));
  return after.map(({ dtype, shape }, i) => {
    const dims = isSteady ? shape : shape.map((dim) => (typeof dim === "number" ? dim : unknownDim()));
    const state = states[i];
    if (!state) return { dtype, shape: [unknownDim(), ...dims] };
    if (state.dtype !== dtype || state.shape.length !== shape.length) {
      const [was, is] = [state, { dtype, shape }].map((type) => `${type.dtype}${formatShape(type.shape)}`);
      throw new GradusError(`state ${i} is ${was}, the body makes it ${is}`);
    }
    return { dtype, shape: dims.map((dim, axis) => (dim === state.shape[axis] ? dim : unknownDim())) };
  });
}

/** Slices stacked along a new first axis; without any the shape is the body's, which must then be known. */
function stackedSlices(slices: readonly NdArray[], { dtype, shape }: Value): NdArray {
  const known = slices[0]?.shape ?? staticShape(shape);
  if (!known) throw new GradusError(`a loop of 0 steps leaves the shape ${formatShape(shape)} open`);
  return { dtype, shape: [slices.length, ...known], data: joinedData(dtype, slices) };
}

const float = (...shape: number[]) => ({ shape, dtype: "float32" as const });
const truth = (holds: 0 | 1) => ({ shape: [], dtype: "bool" as const, values: [holds] });

/**
 * Steps while a condition holds, at most as many as said (inputs 0 and 1, each may be left out). The body takes the number of the
 * step, the condition and the states, and gives the next condition, the next states and slices of what is stacked.
 */
export const Loop: Op<LoopAttributes, "many"> = defineOp<LoopAttributes, "many">({
  outputs: "many",
  arity: [2, Infinity],
  attributes: { body: "graph" },
  infer: inferLoop,
  evaluate: ([most, condition, ...given], { attributes: { body }, run }) => {
    const limit = most ? numbers(most)[0]! : Infinity;
    const scalar = (dtype: "int64" | "bool", x: number): NdArray => ({ dtype, shape: [], data: Float64Array.of(x) });
    let goesOn = condition ? numbers(condition)[0] !== 0 : true;
    let states = given as readonly NdArray[];
    const slices: NdArray[][] = body.outputs.slice(1 + states.length).map(() => []);
    for (let step = 0; step < limit && goesOn; step++) {
      const [next, ...results] = run(body, [scalar("int64", step), scalar("bool", 1), ...states]);
      goesOn = numbers(next)[0] !== 0;
      states = results.slice(0, states.length);
      results.slice(states.length).forEach((result, i) => slices[i]!.push(result));
    }
    return [...states, ...slices.map((list, i) => stackedSlices(list, body.outputs[1 + states.length + i]!.value))];
  },
  gradient: { none: "how many steps it takes is not known before it has run; a loop over slices, Scan, has a gradient" },
  samples: [
    {
      inputs: [int(4), null, float(2)],
      // The first powers of 2 times a vector, and each of them.
      build: (ops) => {
        const [step, holds, x] = [input("step", "int64", []), input("holds", "bool", []), input("x", "float32", [2])];
        const outputs = { on: ops.Identity(holds), next: ops.Mul(x, 2), each: ops.Identity(x), steps: ops.Identity(step) };
        return { body: graph({ inputs: [step, holds, x], captures: [], outputs }) };
      },
    },
    {
      inputs: [null, truth(1), { shape: [], dtype: "float32" as const, values: [1] }],
      // Doubles while the result is below 20.
      build: (ops) => {
        const [step, holds, x] = [input("step", "int64", []), input("holds", "bool", []), input("x", "float32", [])];
        const next = ops.Mul(x, 2);
        return { body: graph({ inputs: [step, holds, x], captures: [], outputs: { on: ops.Less(next, 20), next } }) };
      },
    },
    {
      inputs: [int(3), truth(0), float(2)],
      build: (ops) => {
        const [step, holds, x] = [input("step", "int64", []), input("holds", "bool", []), input("x", "float32", [2])];
        return {
          body: graph({ inputs: [step, holds, x], captures: [], outputs: { on: ops.Identity(holds), next: ops.Neg(x), each: ops.Abs(x) } }),
        };
      },
    },
    {
      inputs: [int(3), null, { shape: [1], dtype: "int64" as const, values: [5] }],
      // A state that grows.
      build: (ops) => {
        const [step, holds, x] = [input("step", "int64", []), input("holds", "bool", []), input("x", "int64", ["size"])];
        const next = ops.Concat(x, ops.Reshape(step, int64([1])), { axis: 0 });
        return { body: graph({ inputs: [step, holds, x], captures: [], outputs: { on: ops.Identity(holds), next } }) };
      },
    },
  ],
});
