/** Where a graph decides: which side of a kink, which winner. What it decided is the active set of a point. */
import { graph, input, type Node, type Value } from "../ir/graph.ts";
import { isFloat, isInteger } from "../ir/dtype.ts";
import { applyOp, opRecord } from "../ops/build.ts";
import type { NdArray } from "../ops/op.ts";
import { sameShape } from "../ir/shape.ts";

/**
 * The decisions behind values and their gradients, found without knowing any operator by name: conditions (the gradient of a
 * Relu asks where its output is positive), positions and winners (integers computed from floats), and floats that are constant
 * almost everywhere (Sign, Floor). Inside the bodies of loops none are seen.
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

/** Numbers of no special kind. */
const anyNumbers = Float64Array.from({ length: 16 }, (_, i) => 3 * Math.sin(2.3 * i + 0.4));

/** Whether an operator of one input is constant almost everywhere. It is tried out: its rule may be the one that is wrong. */
function isFlat({ op, inputs, attributes }: Node): boolean {
  if (inputs.length !== 1) return false;
  const known = flat.get(op);
  if (known !== undefined) return known;
  const at = (by: number) => {
    const x: NdArray = { dtype: "float64", shape: [anyNumbers.length], data: anyNumbers.map((number, i) => number + by * Math.cos(i * i)) };
    return opRecord(op).evaluate([x], { op, attributes, outputCount: 1, run: () => [] })[0]!.data as Float64Array;
  };
  let found = false;
  try {
    const { shape } = applyOp(op, [input("x", "float64", [anyNumbers.length])], attributes).outputs[0]!;
    const [here, moved] = [at(0), at(1e-9)];
    found = sameShape(shape, [anyNumbers.length]) && new Set(here).size > 1 && here.every((number, i) => Object.is(number, moved[i]));
  } catch {
    // It takes no vector: none of those that act on each number by itself.
  }
  flat.set(op, found);
  return found;
}
