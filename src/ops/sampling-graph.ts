/** Reading images between their pixels, as graph: what the gradients of GridSample and RoiAlign are taken of. */
import { graph, int64, scalar, type Value } from "../ir/graph.ts";
import { tensor } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";
import type { Ops } from "./build.ts";
import { indicator } from "./masks.ts";
import type { GradientContext } from "./op.ts";
import { dimOf, sizesVector } from "./vectors.ts";

/** For each of P positions on an axis, [B, P], the K pixels that are read, as floats inside the axis, and their weights, [B, P, K]. */
export interface Taps {
  readonly places: Value;
  readonly weights: Value;
  readonly count: number;
}

/** A known height or width. */
export function knownSize(x: Value, axis: number, op: string): number {
  const size = x.shape[axis];
  if (typeof size !== "number") throw new GradusError(`the gradient of ${op} needs images of known height and width`);
  return size;
}

/** Values side by side on a new last axis. */
function stack(ops: Ops, values: readonly Value[]): Value {
  const columns = values.map((value) => ops.Unsqueeze(value, int64([value.shape.length])));
  return columns.length === 1 ? columns[0]! : ops.Concat(...columns, { axis: -1 });
}

/** 0 … size − 1, nothing beyond. */
export function clamp(ops: Ops, at: Value, size: number): Value {
  return ops.Clip(at, scalar(at.dtype, 0), scalar(at.dtype, size - 1));
}

/** The nearest pixel; halves to the even one. */
export function nearestTap(ops: Ops, at: Value): Taps {
  const places = stack(ops, [ops.Round(at)]);
  return { places, weights: ops.ConstantOfShape(ops.Shape(places), { value: tensor(at.dtype, [1]) }), count: 1 };
}

/** The two pixels around. */
export function linearTaps(ops: Ops, at: Value): Taps {
  const below = ops.Floor(at);
  const t = ops.Sub(at, below);
  return { places: stack(ops, [below, ops.Add(below, 1)]), weights: stack(ops, [ops.Sub(1, t), t]), count: 2 };
}

/** The four pixels around, with the weights of Keys' cubic convolution at distances t + 1, t, 1 − t and 2 − t. */
export function cubicTaps(ops: Ops, at: Value, a: number): Taps {
  const below = ops.Floor(at);
  const t = ops.Sub(at, below);
  const near = (d: Value) => ops.Add(ops.Mul(ops.Mul(ops.Sub(ops.Mul(d, a + 2), a + 3), d), d), 1);
  const far = (d: Value) => ops.Sub(ops.Mul(ops.Add(ops.Mul(ops.Sub(ops.Mul(d, a), 5 * a), d), 8 * a), d), 4 * a);
  const back = ops.Sub(1, t);
  return {
    places: stack(
      ops,
      [-1, 0, 1, 2].map((offset) => ops.Add(below, offset)),
    ),
    weights: stack(ops, [far(ops.Add(t, 1)), near(t), near(back), far(ops.Add(back, 1))]),
    count: 4,
  };
}

/** Pixels outside the axis weigh nothing. */
export function zerosOutside(ops: Ops, { places, weights, count }: Taps, size: number): Taps {
  const inside = ops.And(ops.GreaterOrEqual(places, 0), ops.LessOrEqual(places, size - 1));
  return { places: clamp(ops, places, size), weights: ops.Mul(weights, indicator(ops, inside, weights)), count };
}

/**
 * Images x [B, C, H, W] at positions whose rows and columns are read by taps: pixel · row weight · column weight for each tap,
 * [B, C, …points, Ky, Kx]. Taps of rows and columns broadcast: [B, …points or 1, K].
 */
export function weightedPixels(ops: Ops, x: Value, rows: Taps, columns: Taps, points: readonly (number | Value)[], op: string): Value {
  const [height, width] = [knownSize(x, 2, op), knownSize(x, 3, op)];
  const [batch, channels] = [dimOf(ops, x, 0), dimOf(ops, x, 1)];
  const last = rows.places.shape.length;
  const ofRows = (value: Value) => ops.Unsqueeze(value, int64([last])); // [B, …, Ky, 1]
  const ofColumns = (value: Value) => ops.Unsqueeze(value, int64([last - 1])); // [B, …, 1, Kx]
  const flat = ops.Cast(ops.Add(ops.Mul(ofRows(rows.places), width), ofColumns(columns.places)), { to: "int64" });
  const indices = ops.Reshape(flat, sizesVector(ops, [batch, 1, -1]));
  const count = ops.Shape(indices, { start: 2, end: 3 });
  const everyChannel = ops.Expand(indices, sizesVector(ops, [batch, channels, count]));
  const pixels = ops.GatherElements(ops.Reshape(x, sizesVector(ops, [batch, channels, height * width])), everyChannel, { axis: 2 });
  const apart = ops.Reshape(pixels, sizesVector(ops, [batch, channels, ...points, rows.count, columns.count]));
  const weights = ops.Unsqueeze(ops.Mul(ofRows(rows.weights), ofColumns(columns.weights)), int64([1]));
  return ops.Mul(apart, weights);
}

/** Gradients of an operator whose output other operators compute too: those of `y`, made of the inputs. */
export function gradientsThrough(
  { inputs, needs, pullback, outputGradients: [dy] }: GradientContext<unknown>,
  y: Value,
): readonly (Value | null)[] {
  const wrt = inputs.filter((_, i) => needs(i));
  const found = pullback(graph({ outputs: { y }, captures: inputs }).nodes, [[y, dy]], wrt);
  return inputs.map((value, i) => (needs(i) ? found[wrt.indexOf(value)]! : null));
}
