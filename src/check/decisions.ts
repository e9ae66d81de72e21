/** Where a graph decides: which side of a kink, which winner. What it decided is the active set of a point. */
import { graph, type Node, type Value } from "../ir/graph.ts";
import { isFloat, isInteger } from "../ir/dtype.ts";
import { opRecord, ops } from "../ops/build.ts";

/**
 * The decisions behind values and their gradients, found without knowing any operator by name: conditions (the gradient of a
 * Relu asks where its output is positive), positions and winners (integers computed from floats), and floats that are constant
 * almost everywhere (Sign, Floor: operators through which no gradient passes). Inside the bodies of loops none are seen.
 */
export function decisionsOf(values: readonly Value[], wrt: readonly Value[]): Value[] {
  const reached = new Set<Value>(wrt);
  const found: Value[] = [];
  for (const node of graph({ outputs: Object.fromEntries(values.map((value, i) => [`v${i}`, value])) }).nodes) {
    if (!node.inputs.some((value) => value && reached.has(value))) continue;
    for (const value of node.outputs) reached.add(value);
    const fromFloats = node.inputs.some((value) => value && isFloat(value.dtype) && reached.has(value));
    for (const value of node.outputs) {
      const counts = isInteger(value.dtype) && fromFloats && !isShapeArithmetic(node);
      if (value.dtype === "bool" || counts || (isFloat(value.dtype) && fromFloats && isFlat(node))) found.push(value);
    }
  }
  return [...new Set(found)];
}

function isShapeArithmetic({ op }: Node): boolean {
  return opRecord(op).contents !== undefined;
}

const flat = new Map<string, boolean>();

/** Whether an operator's rule passes no gradient to any input. */
function isFlat(node: Node): boolean {
  const { gradient: rule } = opRecord(node.op);
  if (typeof rule !== "function" || node.inputs.length !== 1) return false;
  const known = flat.get(node.op);
  if (known !== undefined) return known;
  const terms = rule({
    ops,
    inputs: node.inputs as readonly Value[],
    outputs: node.outputs,
    outputGradients: node.outputs as readonly [Value],
    attributes: node.attributes,
    needs: () => true,
    pullback: () => [],
  });
  const none = terms.every((term) => term === null);
  flat.set(node.op, none);
  return none;
}
