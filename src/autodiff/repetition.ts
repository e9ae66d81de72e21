/**
 * Operators that do not write repetition out. The gradient of a sum or mean is one number (or row) repeated; elementwise
 * operators repeat it by themselves, so f(Expand(s), b) = f(s, b), or Expand(f(s, b)) where b is small too.
 */
import type { Value } from "../ir/graph.ts";
import { broadcastShapes, sameShape } from "../ir/shape.ts";
import { ops, type Operand, type Ops } from "../ops/build.ts";

const keepsElements = new Set(["Expand", "Unsqueeze", "Squeeze", "Reshape"]);

/** The value that a value repeats: a scalar, seen through changes of shape, or what the last Expand repeats. */
function source(value: Operand): Value | undefined {
  if (value === null || typeof value === "number") return undefined;
  for (let at = value; at.origin.kind === "node" && keepsElements.has(at.origin.node.op);) {
    at = at.origin.node.inputs[0]!;
    if (at.shape.length === 0) return at;
  }
  return value.origin.kind === "node" && value.origin.node.op === "Expand" ? value.origin.node.inputs[0]! : undefined;
}

type Binary = (a: Operand, b: Operand) => Value;

function withoutRepetition(f: Binary): Ops["Add"] {
  const lean: Binary = (a, b) => {
    const shapes = [a, b].map((operand) => (operand === null || typeof operand === "number" ? [] : operand.shape));
    const whole = broadcastShapes(shapes[0]!, shapes[1]!);
    for (const [i, operand] of [a, b].entries()) {
      const small = source(operand);
      if (!small) continue;
      const result = i === 0 ? f(small, b) : f(a, small);
      const repeated = sameShape(result.shape, whole) ? result : repeatAs(operand as Value, result);
      if (repeated && sameShape(repeated.shape, whole)) return repeated;
    }
    return f(a, b);
  };
  return lean as Ops["Add"];
}

/** `small` repeated as far as an Expand's result is. */
function repeatAs({ origin }: Value, small: Value): Value | undefined {
  return origin.kind === "node" && origin.node.op === "Expand" ? ops.Expand(small, origin.node.inputs[1]!) : undefined;
}

/** The operators as gradient rules see them. */
export const leanOps: Ops = {
  ...ops,
  Add: withoutRepetition(ops.Add),
  Sub: withoutRepetition(ops.Sub),
  Mul: withoutRepetition(ops.Mul),
  Div: withoutRepetition(ops.Div),
  Neg: ((x: Value) => {
    const small = source(x);
    return (small && repeatAs(x, ops.Neg(small))) ?? ops.Neg(x);
  }) as Ops["Neg"],
  Expand: ((x: Value, shape: Value) => {
    const small = source(x);
    const plain = ops.Expand(x, shape);
    const repeated = small && ops.Expand(small, shape);
    return repeated && sameShape(repeated.shape, plain.shape) ? repeated : plain;
  }) as Ops["Expand"],
};
