/** Determinants of square matrices. */
import { constant, int64, type Value } from "../ir/graph.ts";
import { formatShape } from "../ir/shape.ts";
import { tensor } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";
import { agree } from "./dims.ts";
import type { Ops } from "./build.ts";
import { requireFloat, required } from "./infer.ts";
import { numbers } from "./ndarray.ts";
import { defineOp, type Op } from "./op.ts";
import { dimOf, reshapeLike, sizesVector } from "./vectors.ts";

/** The determinant of an n × n matrix, by elimination with the largest pivot of each column. */
function determinant(matrix: Float64Array, n: number): number {
  let result = 1;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(matrix[i * n + k]!) > Math.abs(matrix[pivot * n + k]!)) pivot = i;
    const top = matrix[pivot * n + k]!;
    if (top === 0) return 0;
    result *= pivot === k ? top : -top;
    if (pivot !== k) {
      const row = matrix.slice(k * n, (k + 1) * n);
      matrix.copyWithin(k * n, pivot * n, (pivot + 1) * n);
      matrix.set(row, pivot * n);
    }
    for (let i = k + 1; i < n; i++) {
      const factor = matrix[i * n + k]! / top;
      for (let j = k; j < n; j++) matrix[i * n + j]! -= factor * matrix[k * n + j]!;
    }
  }
  return result;
}

/** Cofactors of matrices [..., n, n]: ±the determinants of the matrices without row i and column j. */
function cofactors(ops: Ops, x: Value, n: number): Value {
  const rest = Array.from({ length: n }, (_, skipped) => Array.from({ length: n }, (__, i) => i).filter((i) => i !== skipped));
  const minors = rest.map((rows) => rest.map((columns) => rows.map((row) => columns.map((column) => row * n + column))));
  const signs = rest.map((_, i) => rest.map((__, j) => ((i + j) % 2 ? -1 : 1)));
  const batch = x.shape.slice(0, -2).map((_, axis) => dimOf(ops, x, axis));
  const flat = ops.Reshape(x, sizesVector(ops, [...batch, n * n]));
  const elements = ops.Gather(flat, constant(tensor("int64", minors)), { axis: -1 }); // [..., n, n, n − 1, n − 1]
  return ops.Mul(ops.Det(elements), constant(tensor(x.dtype, signs)));
}

/**
 * Determinants of the matrices in the last two axes. The gradient is made of cofactors, which are right for singular matrices too
 * and take n² determinants: for matrices of a few rows.
 */
export const Det: Op = defineOp({
  arity: [1, 1],
  infer: (context) => {
    const { dtype, shape } = requireFloat(required(context, 0));
    if (shape.length < 2) throw new GradusError(`expected square matrices, got ${formatShape(shape)}`);
    agree(shape.at(-2)!, shape.at(-1)!, `matrices of ${formatShape(shape)} are not square`);
    return [{ dtype, shape: shape.slice(0, -2) }];
  },
  evaluate: ([x]) => {
    const n = x!.shape.at(-1)!;
    const shape = x!.shape.slice(0, -2);
    const data = numbers(x);
    const count = shape.reduce((product, size) => product * size, 1);
    return [
      {
        dtype: x!.dtype,
        shape,
        data: Float64Array.from({ length: count }, (_, i) => determinant(data.slice(i * n * n, (i + 1) * n * n), n)),
      },
    ];
  },
  gradient: ({ ops, inputs: [x], outputGradients: [dy] }) => {
    const n = [x!.shape.at(-1)!, x!.shape.at(-2)!].find((dim) => typeof dim === "number");
    if (n === undefined) throw new GradusError("the gradient of Det needs matrices of known size");
    if (n === 1) return [reshapeLike(ops, dy, x!)];
    return [ops.Mul(ops.Unsqueeze(dy, int64([-2, -1])), cofactors(ops, x!, n))];
  },
  samples: [{ inputs: [[3, 2, 2]] }, { inputs: [[2, 3, 3]] }, { inputs: [[2, 1, 1, 1]] }, { inputs: [[1, 2, 4, 4]] }],
});
