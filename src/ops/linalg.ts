/** Matrix products and triangles. */
import { int64, type Value } from "../ir/graph.ts";
import { broadcastDim, broadcastShapes, formatShape, sizeOf, type Dim, type Shape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import { agree } from "./dims.ts";
import { requireDType, requireSameDType, required } from "./infer.ts";
import { broadcastStrides, numbers, walk } from "./ndarray.ts";
import { defineOp, type GradientContext, type NdArray, type NoAttributes, type Op } from "./op.ts";
import { int } from "./samples.ts";
import { dimOf, reshapeLike, sizesVector, swapLast } from "./vectors.ts";

/** A matrix inside an array: where it starts, and the steps between rows and between columns. */
interface Matrix {
  readonly data: Float64Array;
  readonly start: number;
  readonly row: number;
  readonly column: number;
}

/** `out[at…] += a·b` for a [m, k] and b [k, n], row by row of b so that memory is read in order. */
function multiplyInto(out: Float64Array, at: number, a: Matrix, b: Matrix, m: number, k: number, n: number): void {
  const left = a.data;
  const { data: right, start, row } = b.column === 1 ? b : copied(b, k, n);
  for (let i = 0; i < m; i++) {
    const to = at + i * n;
    for (let p = 0; p < k; p++) {
      const factor = left[a.start + i * a.row + p * a.column]!;
      const from = start + p * row;
      for (let j = 0; j < n; j++) out[to + j]! += factor * right[from + j]!;
    }
  }
}

/** The same matrix with its rows in one piece. */
function copied(b: Matrix, k: number, n: number): Matrix {
  const data = new Float64Array(k * n);
  for (let p = 0; p < k; p++) for (let j = 0; j < n; j++) data[p * n + j] = b.data[b.start + p * b.row + j * b.column]!;
  return { data, start: 0, row: n, column: 1 };
}

/** Shape of a product: a [..., m, k] and b [..., k, n] make [..., m, n]; a vector's missing axis is missing in the result. */
function productShape(a: Shape, b: Shape): Dim[] {
  if (a.length === 0 || b.length === 0)
    throw new GradusError(`shapes ${formatShape(a)} and ${formatShape(b)}: a scalar has no matrix product`);
  const inner = b.length === 1 ? b[0]! : b[b.length - 2]!;
  agree(a[a.length - 1]!, inner, `shapes ${formatShape(a)} and ${formatShape(b)} have different inner sizes`);
  return [...broadcastShapes(a.slice(0, -2), b.slice(0, -2)), ...a.slice(-2, -1), ...(b.length > 1 ? b.slice(-1) : [])];
}

/** Gradients of y = a·b for matrices and stacks of them. */
function matrixGradients({ ops, needs }: GradientContext<NoAttributes>, a: Value, b: Value, dy: Value): readonly (Value | null)[] {
  if (a.shape.length === 2 && b.shape.length === 2) {
    return [
      needs(0) ? ops.Gemm(dy, b, { transB: 1 }) : null, // dy·bᵀ
      needs(1) ? ops.Gemm(a, dy, { transA: 1 }) : null, // aᵀ·dy
    ];
  }
  if (b.shape.length === 2 && ![...a.shape, ...b.shape].includes(0)) {
    // One matrix for the whole stack: the rows of all of a's matrices are one tall matrix.
    const rows = (x: Value, axis: number) => ops.Reshape(x, sizesVector(ops, [-1, dimOf(ops, b, axis)]));
    const dRows = rows(dy, 1);
    return [
      needs(0) ? reshapeLike(ops, ops.Gemm(dRows, b, { transB: 1 }), a) : null,
      needs(1) ? ops.Gemm(rows(a, 0), dRows, { transA: 1 }) : null,
    ];
  }
  return [needs(0) ? ops.MatMul(dy, swapLast(ops, b)) : null, needs(1) ? ops.MatMul(swapLast(ops, a), dy) : null];
}

/** Matrix product over the last two axes, batches broadcast; a vector is a row on the left and a column on the right. */
export const MatMul: Op = defineOp({
  arity: [2, 2],
  infer: (context) => {
    const dtype = requireSameDType(context);
    return [{ dtype, shape: productShape(required(context, 0).shape, required(context, 1).shape) }];
  },
  evaluate: ([a, b]) => {
    const shape = productShape(a!.shape, b!.shape) as number[];
    const left = a!.shape.length === 1 ? [1, ...a!.shape] : a!.shape;
    const right = b!.shape.length === 1 ? [...b!.shape, 1] : b!.shape;
    const [m, k] = left.slice(-2) as [number, number];
    const n = right[right.length - 1]!;
    const batch = broadcastShapes(left.slice(0, -2), right.slice(0, -2)) as number[];
    const out = new Float64Array(sizeOf(shape));
    const strides = [broadcastStrides(left.slice(0, -2), batch), broadcastStrides(right.slice(0, -2), batch)];
    walk(batch, strides, (i, [p, q]) => {
      const matrixA = { data: numbers(a), start: p! * m * k, row: k, column: 1 };
      multiplyInto(out, i * m * n, matrixA, { data: numbers(b), start: q! * k * n, row: n, column: 1 }, m, k, n);
    });
    return [{ dtype: a!.dtype, shape, data: out }];
  },
  gradient: (context) => {
    const { ops, inputs, outputGradients, needs } = context;
    const [a, b] = inputs as readonly [Value, Value];
    const row = a.shape.length === 1;
    const column = b.shape.length === 1;
    if (!row && !column) return matrixGradients(context, a, b, outputGradients[0]);
    let dy = outputGradients[0];
    if (column) dy = ops.Unsqueeze(dy, int64([-1]));
    if (row) dy = ops.Unsqueeze(dy, int64([-2]));
    const left = row ? ops.Unsqueeze(a, int64([0])) : a;
    const right = column ? ops.Unsqueeze(b, int64([1])) : b;
    const [da, db] = matrixGradients(context, left, right, dy);
    return [needs(0) && row ? ops.Squeeze(da!, int64([-2])) : da!, needs(1) && column ? ops.Squeeze(db!, int64([-1])) : db!];
  },
  samples: [
    {
      inputs: [
        [3, 4],
        [4, 5],
      ],
    },
    {
      inputs: [
        [2, 3, 4],
        [4, 5],
      ],
    },
    {
      inputs: [
        [3, 4],
        [2, 4, 5],
      ],
    },
    {
      inputs: [
        [2, 1, 3, 4],
        [3, 4, 2],
      ],
    },
    { inputs: [[4], [4, 3]] },
    { inputs: [[2, 3, 4], [4]] },
    { inputs: [[4], [4]] },
    { inputs: [[3], [2, 3, 2]] },
    {
      inputs: [
        [0, 4],
        [4, 2],
      ],
    },
  ],
});

interface GemmAttributes {
  readonly alpha?: number;
  readonly beta?: number;
  readonly transA?: number;
  readonly transB?: number;
}

function gemmShape(a: Shape, b: Shape, c: Shape | undefined, { transA, transB }: GemmAttributes): Dim[] {
  if (a.length !== 2 || b.length !== 2)
    throw new GradusError(`Gemm multiplies matrices, got shapes ${formatShape(a)} and ${formatShape(b)}`);
  const [m, k] = transA ? [a[1]!, a[0]!] : [a[0]!, a[1]!];
  const [inner, n] = transB ? [b[1]!, b[0]!] : [b[0]!, b[1]!];
  agree(
    k,
    inner,
    `shapes ${formatShape(a)}${transA ? " (transposed)" : ""} and ${formatShape(b)}${transB ? " (transposed)" : ""} have different inner sizes`,
  );
  const shape = [m, n];
  const fits = c?.every((dim, i) => {
    const into = shape[2 - c.length + i];
    return into !== undefined && (dim === 1 || (into !== 1 && broadcastDim(dim, into) !== undefined));
  });
  if (c && !fits) throw new GradusError(`shape ${formatShape(c)} does not broadcast to ${formatShape(shape)}`);
  return shape;
}

/** y = α·A'·B' + β·C, where ' transposes if transA, transB say so, and C is broadcast. */
export const Gemm: Op<GemmAttributes> = defineOp<GemmAttributes>({
  arity: [2, 3],
  attributes: { alpha: "float", beta: "float", transA: "int", transB: "int" },
  infer: (context) => {
    const dtype = requireSameDType(context);
    return [
      { dtype, shape: gemmShape(required(context, 0).shape, required(context, 1).shape, context.inputs[2]?.shape, context.attributes) },
    ];
  },
  evaluate: ([a, b, c], { attributes }) => {
    const { alpha = 1, beta = 1, transA = 0, transB = 0 } = attributes;
    const shape = gemmShape(a!.shape, b!.shape, c?.shape, attributes) as [number, number];
    const matrix = (x: NdArray, transposed: number) => {
      const width = x.shape[1]!;
      return { data: numbers(x), start: 0, row: transposed ? 1 : width, column: transposed ? width : 1 };
    };
    const out = new Float64Array(sizeOf(shape));
    multiplyInto(out, 0, matrix(a!, transA), matrix(b!, transB), shape[0], a!.shape[transA ? 0 : 1]!, shape[1]);
    if (alpha !== 1) for (let i = 0; i < out.length; i++) out[i]! *= alpha;
    if (c) {
      const bias = numbers(c);
      walk(shape, [broadcastStrides(c.shape, shape)], (i, [offset]) => (out[i]! += beta * bias[offset!]!));
    }
    return [{ dtype: a!.dtype, shape, data: out }];
  },
  gradient: ({ ops, inputs: [a, b, c], outputGradients: [dy], attributes, needs }) => {
    const { alpha = 1, beta = 1, transA = 0, transB = 0 } = attributes;
    const product = (p: Value, transP: number, q: Value, transQ: number) =>
      ops.Gemm(p, q, { ...(alpha !== 1 && { alpha }), ...(transP && { transA: 1 }), ...(transQ && { transB: 1 }) });
    const da = () => (transA ? product(b!, transB, dy, 1) : product(dy, 0, b!, 1 - transB)); // A'ᵀ: α·B'·dyᵀ, else α·dy·B'ᵀ
    const db = () => (transB ? product(dy, 1, a!, transA) : product(a!, 1 - transA, dy, 0)); // B'ᵀ: α·dyᵀ·A', else α·A'ᵀ·dy
    const dc = () => (beta === 1 ? dy : ops.Mul(dy, beta));
    return [needs(0) ? da() : null, needs(1) ? db() : null, c && needs(2) ? dc() : null];
  },
  samples: [
    { inputs: [[3, 4], [4, 5], [5]] },
    {
      inputs: [
        [3, 4],
        [4, 5],
      ],
      attributes: { alpha: 0.5 },
    },
    {
      inputs: [
        [4, 3],
        [4, 5],
        [3, 5],
      ],
      attributes: { transA: 1, beta: 0.25 },
    },
    {
      inputs: [
        [3, 4],
        [5, 4],
        [3, 1],
      ],
      attributes: { transB: 1, alpha: 2 },
    },
    { inputs: [[4, 3], [5, 4], []], attributes: { transA: 1, transB: 1, alpha: 0.5, beta: 2 } },
  ],
});

interface TriluAttributes {
  readonly upper?: number;
}

/** The upper (or lower) triangle of the last two axes, the k-th diagonal included; zeros elsewhere. */
export const Trilu: Op<TriluAttributes> = defineOp<TriluAttributes>({
  arity: [1, 2],
  attributes: { upper: "int" },
  infer: (context) => {
    const { dtype, shape } = required(context, 0);
    if (shape.length < 2) throw new GradusError(`Trilu needs matrices, got shape ${formatShape(shape)}`);
    const diagonal = context.inputs[1];
    if (diagonal) requireDType(diagonal, ["int64"], "k");
    return [{ dtype, shape }];
  },
  evaluate: ([x, diagonal], { attributes: { upper = 1 } }) => {
    const k = diagonal ? numbers(diagonal)[0]! : 0;
    const [rows, columns] = x!.shape.slice(-2) as [number, number];
    const data = numbers(x).map((value, i) => {
      const offset = (i % columns) - (Math.floor(i / columns) % rows); // column - row
      return (upper ? offset >= k : offset <= k) ? value : 0;
    });
    return [{ ...x!, data }];
  },
  gradient: ({ ops, inputs: [, diagonal], outputGradients: [dy], attributes }) => [ops.Trilu(dy, diagonal ?? null, attributes)],
  samples: [
    { inputs: [[3, 4]] },
    { inputs: [[4, 3]], attributes: { upper: 0 } },
    { inputs: [[2, 3, 3], int(1)] },
    { inputs: [[3, 4], int(-1)], attributes: { upper: 0 } },
  ],
});
