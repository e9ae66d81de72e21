/** Distinct elements or slices. */
import { int64 } from "../ir/graph.ts";
import { multiplyDims, normalizeAxis, stridesOf, unknownDim } from "../ir/shape.ts";
import { required } from "./infer.ts";
import { defineOp, type NdArray, type Op } from "./op.ts";
import { pick, stridedOffsets } from "./pick.ts";
import { dimOf, reshapeLike, scatterAlong } from "./vectors.ts";

interface UniqueAttributes {
  /** Slices along this axis are compared; elements where it is left out. */
  readonly axis?: number;
  /** Ascending, or in the order in which they come first. */
  readonly sorted?: number;
}

/** Negative where a comes before b, position by position. */
function compare(data: NdArray["data"], a: ArrayLike<number>, b: ArrayLike<number>): number {
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [data[a[i]!]!, data[b[i]!]!];
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}

/** Distinct slices; where each came first; which one each slice of the input is; how often each came. */
export const Unique: Op<UniqueAttributes, "many"> = defineOp<UniqueAttributes, "many">({
  outputs: "many",
  arity: [1, 1],
  attributes: { axis: "int", sorted: "int" },
  infer: (context) => {
    const { dtype, shape } = required(context, 0);
    const { axis } = context.attributes;
    const along = axis === undefined ? undefined : normalizeAxis(axis, shape.length);
    const count = unknownDim();
    const vector = (size: typeof count) => ({ dtype: "int64" as const, shape: [size] });
    const distinct = along === undefined ? [count] : shape.map((dim, i) => (i === along ? count : dim));
    return [{ dtype, shape: distinct }, vector(count), vector(along === undefined ? multiplyDims(shape) : shape[along]!), vector(count)];
  },
  evaluate: ([given], { attributes: { axis, sorted = 1 } }) => {
    const x = axis === undefined ? { ...given!, shape: [given!.data.length] } : given!;
    const along = normalizeAxis(axis ?? 0, x.shape.length);
    const strides = stridesOf(x.shape);
    const slice = x.shape.map((dim, i) => (i === along ? 1 : dim));
    const offsets = Array.from({ length: x.shape[along]! }, (_, i) => stridedOffsets(slice, strides, i * strides[along]!));
    const order = offsets.map((_, i) => i).toSorted((a, b) => compare(x.data, offsets[a]!, offsets[b]!) || a - b);
    // Equal slices stand together, the first of them first.
    const groups: number[][] = [];
    for (const i of order) {
      const last = groups.at(-1);
      if (last && compare(x.data, offsets[last[0]!]!, offsets[i]!) === 0) last.push(i);
      else groups.push([i]);
    }
    if (!sorted) groups.sort((a, b) => a[0]! - b[0]!);
    const shape = x.shape.map((dim, i) => (i === along ? groups.length : dim));
    const taken = stridedOffsets(
      shape,
      strides.map((stride, i) => (i === along ? 0 : stride)),
    );
    const place = stridesOf(shape)[along]!;
    const y = pick(
      x,
      shape,
      taken.map((offset, i) => offset + groups[Math.floor(i / place) % groups.length]![0]! * strides[along]!),
    );
    const inverse = new Float64Array(offsets.length);
    groups.forEach((members, g) => members.forEach((i) => (inverse[i] = g)));
    const vector = (data: Float64Array): NdArray => ({ dtype: "int64", shape: [data.length], data });
    return [
      y,
      vector(Float64Array.from(groups, ([first]) => first!)),
      vector(inverse),
      vector(Float64Array.from(groups, ({ length }) => length)),
    ];
  },
  gradient: ({ ops, inputs: [x], outputs: [, first], outputGradients: [dy], attributes: { axis } }) => {
    if (axis !== undefined) {
      const along = normalizeAxis(axis, x!.shape.length);
      return [scatterAlong(ops, dy, first!, along, dimOf(ops, x!, along))];
    }
    const flat = ops.Reshape(x!, int64([-1]));
    return [reshapeLike(ops, scatterAlong(ops, dy, first!, 0, dimOf(ops, flat, 0)), x!)];
  },
  samples: [
    // Where floats are equal the gradient's check by differences has no derivative to find.
    { inputs: [{ shape: [5], values: [2, 1, 3.5, -4, 3] }] },
    { inputs: [{ shape: [2, 3], values: [2, 1, 6, 3, 4, -3] }], attributes: { sorted: 0 } },
    { inputs: [{ shape: [3, 2], values: [1, 0, -1, 0, 2, 3] }], attributes: { axis: 0 } },
    { inputs: [{ shape: [2, 3, 2], values: [5, 1, 1, 1, 4, 1, 0, 2, 0, 1, 0, 2] }], attributes: { axis: -2 } },
    { inputs: [{ shape: [6], dtype: "int64", values: [3, -1, 3, 0, 0, 3] }] },
    { inputs: [{ shape: [2, 2], dtype: "int64", values: [2, 1, 1, 3] }], attributes: { sorted: 0 } },
    { inputs: [{ shape: [3, 2], dtype: "int64", values: [1, 0, 1, 0, 0, 3] }], attributes: { axis: 0 } },
    { inputs: [{ shape: [2, 3], dtype: "int64", values: [5, 1, 5, 0, 2, 0] }], attributes: { axis: -1, sorted: 0 } },
  ],
});
