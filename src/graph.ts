/**
 * `gradus/graph`: the graph underneath. ONNX operators as functions, differentiation from graph to graph, and executors.
 * @example
 * import { input, ops, gradient, compile } from "gradus/graph";
 * const x = input("x", "float32", ["batch", 784]);
 * const w = input("w", "float32", [784, 10]);
 * const loss = ops.ReduceMean(ops.Softplus(ops.MatMul(x, w)), { keepdims: 0 });
 * const [dw] = gradient(loss, [w]);
 * const step = await compile({ inputs: { x, w }, outputs: { loss, dw } });
 */
import { compile as compileGraph } from "./exec/executor.ts";
import type { CompileOptions, Session } from "./exec/session.ts";
import { graph, type Graph, type Value } from "./ir/graph.ts";
import { GradusError } from "./util/errors.ts";

/** What to compile: inputs under their own names, outputs under any; a list of outputs keeps the order of names that are numbers. */
export interface GraphSpec {
  readonly inputs?: Readonly<Record<string, Value>>;
  readonly outputs: Readonly<Record<string, Value | undefined>> | Graph["outputs"];
}

/**
 * Compiles a graph, or named inputs and outputs, for the platform's executor, which is loaded now and not before.
 * @throws GradusError where an input's key is not its name, or an output is missing
 */
export function compile(what: Graph | GraphSpec, options: CompileOptions = {}): Promise<Session> {
  return compileGraph("nodes" in what ? what : graphOf(what), options);
}

function graphOf({ inputs = {}, outputs }: GraphSpec): Graph {
  for (const [key, value] of Object.entries(inputs)) {
    if (value.name !== key)
      throw new GradusError(`input "${value.name}" was given under the key "${key}"`, { hint: "an input's key is its name" });
  }
  if (Array.isArray(outputs)) return graph({ inputs: Object.values(inputs), outputs: outputs as Graph["outputs"] });
  const named = Object.entries(outputs as Readonly<Record<string, Value | undefined>>).map(([key, value]) => {
    if (!value) throw new GradusError(`output "${key}" has no value`);
    return [key, value] as const;
  });
  return graph({ inputs: Object.values(inputs), outputs: Object.fromEntries(named) });
}

export { input, constant, scalar, int64, graph, type Graph, type Node, type Value, type Attribute, type Attributes } from "./ir/graph.ts";
export { tensor, zeros, type Tensor, type TensorData, type NumericArray } from "./ir/tensor.ts";
export { dtypes, type DType } from "./ir/dtype.ts";
export { formatShape, type Dim, type Shape } from "./ir/shape.ts";
export { printGraph } from "./ir/print.ts";
export { ops, type Ops, type OpName, type Operand } from "./ops/build.ts";
export { verifyGraph } from "./ops/verify.ts";
export { gradient, type GradientOptions } from "./autodiff/gradient.ts";
export { numericalDerivative, numericalGradient, type DifferenceOptions } from "./check/difference.ts";
export { reference } from "./exec/reference.ts";
export { peakMemory, plannedMemory, type PlannedMemory } from "./exec/memory.ts";
export type { CompileOptions, Device, Executor, Session, Tensors } from "./exec/session.ts";
export { GradusError } from "./util/errors.ts";
