/**
 * Sums over the steps of a loop taken outside of it: one large product or reduction in place of a small one and an addition a
 * step. The gradient of a weight matrix is Σ aᵀ·b over the steps, that of a bias a sum over the rows of every step.
 */
import { int64, type Value } from "../ir/graph.ts";
import type { Ops } from "./build.ts";
import { constantInts, dimOf, sizesVector } from "./vectors.ts";

/** Terms whose sum over all steps is looked for: left'·right of matrices, or a value summed over axes. */
type Term =
  | { readonly left: Value; readonly right: Value; readonly alpha: number }
  | { readonly value: Value; readonly axes: readonly number[]; readonly keepdims: number };

/** A step's value as such terms; undefined where it is not made of them. */
export function stepSum({ origin }: Value): readonly Term[] | undefined {
  if (origin.kind !== "node") return undefined;
  const { op, inputs, attributes } = origin.node;
  const [a, b] = inputs as readonly [Value, Value];
  if (op === "Add") {
    const [left, right] = [stepSum(a), stepSum(b)];
    return left && right && origin.node.outputs[0]!.shape.length === a.shape.length && a.shape.length === b.shape.length
      ? [...left, ...right]
      : undefined;
  }
  if (op === "Gemm" && !inputs[2] && attributes["transA"] === 1 && attributes["transB"] !== 1) {
    return [{ left: a, right: b, alpha: (attributes["alpha"] as number | undefined) ?? 1 }];
  }
  if (op !== "ReduceSum") return undefined;
  const axes = b ? constantInts(b) : a.shape.map((_, axis) => axis);
  const rank = a.shape.length;
  if (!axes || (b && axes.length === 0)) return undefined;
  return [{ value: a, axes: axes.map((axis) => (axis + rank) % rank), keepdims: (attributes["keepdims"] as number | undefined) ?? 1 }];
}

/** The values of a step that a sum needs. */
export function valuesOf(terms: readonly Term[]): readonly Value[] {
  return terms.flatMap((term) => ("value" in term ? [term.value] : [term.left, term.right]));
}

/** The sum over all steps. @param stacked a step's value over all steps, along axis 0 and in their order */
export function overSteps(ops: Ops, terms: readonly Term[], stacked: (value: Value) => Value): Value {
  const rows = (value: Value) => {
    const all = stacked(value);
    return ops.Reshape(all, sizesVector(ops, [-1, dimOf(ops, all, 2)]));
  };
  const sums = terms.map((term) => {
    if ("left" in term) return ops.Gemm(rows(term.left), rows(term.right), { transA: 1, ...(term.alpha !== 1 && { alpha: term.alpha }) });
    const sum = ops.ReduceSum(stacked(term.value), int64([0, ...term.axes.map((axis) => axis + 1)]), { keepdims: term.keepdims });
    return term.keepdims ? ops.Squeeze(sum, int64([0])) : sum;
  });
  return sums.reduce((a, b) => ops.Add(a, b));
}
