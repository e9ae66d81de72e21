/** Operators that run one of several graphs: If. */
import { graph, int64, type Graph, type Value } from "../ir/graph.ts";
import { formatShape, unknownDim } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import type { Ops } from "./build.ts";
import { requireDType, required } from "./infer.ts";
import { defineOp, type GradientRule, type Op } from "./op.ts";
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
