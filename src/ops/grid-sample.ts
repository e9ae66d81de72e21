/** GridSample: images read at positions that are data. */
import { int64, type Value } from "../ir/graph.ts";
import { formatShape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import type { Ops } from "./build.ts";
import { agree } from "./dims.ts";
import { requireFloat, required } from "./infer.ts";
import { numbers } from "./ndarray.ts";
import { defineOp, type NdArray, type Op, type Sample } from "./op.ts";
import {
  clamp,
  cubicTaps,
  gradientsThrough,
  knownSize,
  linearTaps,
  nearestTap,
  weightedPixels,
  zerosOutside,
  type Taps,
} from "./sampling-graph.ts";
import { within } from "./samples.ts";
import { dimOf, sizesVector, zerosLike } from "./vectors.ts";

interface GridSampleAttributes {
  /** 1: positions −1 and 1 are the centres of the outermost pixels; 0: their outer edges. */
  readonly align_corners?: number;
  readonly mode?: string;
  readonly padding_mode?: string;
}

const modes = ["bilinear", "nearest", "bicubic"];
const paddings = ["zeros", "border", "reflection"];
/** The a of Keys' cubic convolution, as in PyTorch. */
const cubicA = -0.75;

/** What is outside comes back as from mirrors, which stand at the outermost centres or at the outer edges. */
function reflect(at: number, size: number, aligned: boolean): number {
  const low = aligned ? 0 : -0.5;
  const span = aligned ? size - 1 : size;
  if (span === 0) return 0;
  const way = Math.abs(at - low) % (2 * span);
  return Math.min(Math.max(low + span - Math.abs(way - span), 0), size - 1);
}

/** A position or a pixel's number brought into the axis; zeros stay outside. */
function padded(at: number, size: number, { padding_mode = "zeros", align_corners = 0 }: GridSampleAttributes): number {
  if (padding_mode === "border") return Math.min(Math.max(at, 0), size - 1);
  return padding_mode === "reflection" ? reflect(at, size, align_corners === 1) : at;
}

/** To the nearest integer, halves to the even one. */
function roundToEven(x: number): number {
  const below = Math.floor(x);
  return x - below < 0.5 || (x - below === 0.5 && below % 2 === 0) ? below : below + 1;
}

/** Pixels and weights of one position on an axis, of the grid's units. */
function tapsAt(position: number, size: number, attributes: GridSampleAttributes): readonly (readonly [number, number])[] {
  const { align_corners = 0, mode = "bilinear" } = attributes;
  const raw = align_corners ? ((position + 1) / 2) * (size - 1) : ((position + 1) * size - 1) / 2;
  if (mode === "bicubic") {
    const below = Math.floor(raw);
    const keys = (d: number) => (d <= 1 ? (cubicA + 2) * d ** 3 - (cubicA + 3) * d ** 2 + 1 : cubicA * (d ** 3 - 5 * d ** 2 + 8 * d - 4));
    return [-1, 0, 1, 2].map((offset) => [padded(below + offset, size, attributes), keys(Math.abs(raw - below - offset))] as const);
  }
  const at = padded(raw, size, attributes);
  if (mode === "nearest") return [[roundToEven(at), 1]];
  const below = Math.floor(at);
  return [[below, 1 - (at - below)] as const, [below + 1, at - below] as const];
}

function evaluate(x: NdArray, grid: NdArray, attributes: GridSampleAttributes): NdArray {
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const [, rows, columns] = grid.shape as [number, number, number, number];
  const points = rows * columns;
  const [from, at] = [numbers(x), numbers(grid)];
  const data = new Float64Array(batch * channels * points);
  for (let n = 0; n < batch; n++) {
    for (let p = 0; p < points; p++) {
      const across = tapsAt(at[2 * (n * points + p)]!, width, attributes);
      const down = tapsAt(at[2 * (n * points + p) + 1]!, height, attributes);
      for (const [i, rowWeight] of down) {
        for (const [j, columnWeight] of across) {
          if (i < 0 || j < 0 || i >= height || j >= width) continue;
          for (let c = 0; c < channels; c++) {
            const image = n * channels + c;
            data[image * points + p]! += rowWeight * columnWeight * from[(image * height + i) * width + j]!;
          }
        }
      }
    }
  }
  return { dtype: x.dtype, shape: [batch, channels, rows, columns], data };
}

/** `padded` as graph. */
function paddedGraph(ops: Ops, at: Value, size: number, { padding_mode = "zeros", align_corners = 0 }: GridSampleAttributes): Value {
  if (padding_mode === "zeros") return at;
  if (padding_mode === "border") return clamp(ops, at, size);
  const low = align_corners ? 0 : -0.5;
  const span = align_corners ? size - 1 : size;
  if (span === 0) return zerosLike(ops, at);
  const way = ops.Abs(ops.Sub(at, low));
  const turn = ops.Sub(way, ops.Mul(ops.Floor(ops.Div(way, 2 * span)), 2 * span));
  return clamp(ops, ops.Sub(low + span, ops.Abs(ops.Sub(turn, span))), size);
}

/** `tapsAt` as graph, for positions [N, P]. */
function tapsGraph(ops: Ops, position: Value, size: number, attributes: GridSampleAttributes): Taps {
  const { align_corners = 0, mode = "bilinear" } = attributes;
  const raw = ops.Add(ops.Mul(position, (align_corners ? size - 1 : size) / 2), (size - 1) / 2);
  if (mode === "bicubic") {
    const taps = cubicTaps(ops, raw, cubicA);
    return zerosOutside(ops, { ...taps, places: paddedGraph(ops, taps.places, size, attributes) }, size);
  }
  const at = paddedGraph(ops, raw, size, attributes);
  return zerosOutside(ops, mode === "nearest" ? nearestTap(ops, at) : linearTaps(ops, at), size);
}

function composed(ops: Ops, x: Value, grid: Value, attributes: GridSampleAttributes): Value {
  const sizes = [0, 1, 2].map((axis) => dimOf(ops, grid, axis));
  const flat = ops.Reshape(grid, sizesVector(ops, [sizes[0]!, -1, 2]));
  const along = (k: number) => ops.Squeeze(ops.Gather(flat, int64([k]), { axis: 2 }), int64([2])); // [N, P]
  const rows = tapsGraph(ops, along(1), knownSize(x, 2, "GridSample"), attributes);
  const columns = tapsGraph(ops, along(0), knownSize(x, 3, "GridSample"), attributes);
  const points = ops.Shape(along(0), { start: 1, end: 2 });
  const pixels = weightedPixels(ops, x, rows, columns, [points], "GridSample"); // [N, C, P, Ky, Kx]
  const y = ops.ReduceSum(pixels, int64([3, 4]), { keepdims: 0 });
  return ops.Reshape(y, sizesVector(ops, [sizes[0]!, dimOf(ops, x, 1), sizes[1]!, sizes[2]!]));
}

const sample = (attributes: GridSampleAttributes, x = [2, 2, 4, 3], grid = [2, 2, 3, 2]): Sample<GridSampleAttributes> => ({
  inputs: [x, within(grid, -1.55, 1.55)],
  attributes,
});

/**
 * x [N, C, H, W] at the positions in grid [N, H', W', 2], whose last axis is (column, row) from −1 to 1 across the image. Outside
 * are zeros, the border's pixels, or reflections. Gradients go to the pixels that were read and, through the weights, to the grid.
 */
export const GridSample: Op<GridSampleAttributes> = defineOp<GridSampleAttributes>({
  arity: [2, 2],
  attributes: { align_corners: "int", mode: "string", padding_mode: "string" },
  infer: (context) => {
    const x = requireFloat(required(context, 0));
    const grid = requireFloat(required(context, 1), "the grid").shape;
    const { mode = "bilinear", padding_mode = "zeros" } = context.attributes;
    if (!modes.includes(mode)) throw new GradusError(`mode "${mode}" is not one of ${modes.join(", ")}`);
    if (!paddings.includes(padding_mode)) throw new GradusError(`padding_mode "${padding_mode}" is not one of ${paddings.join(", ")}`);
    if (x.shape.length !== 4 || grid.length !== 4)
      throw new GradusError(`expected [N, C, H, W] and a grid [N, H', W', 2], got ${formatShape(x.shape)} and ${formatShape(grid)}`);
    agree(grid[3]!, 2, "a position is two numbers");
    const batch = agree(x.shape[0]!, grid[0]!, `${formatShape(x.shape)} and the grid ${formatShape(grid)} differ in batch`);
    return [{ dtype: x.dtype, shape: [batch, x.shape[1]!, grid[1]!, grid[2]!] }];
  },
  evaluate: ([x, grid], { attributes }) => [evaluate(x!, grid!, attributes)],
  gradient: (context) => gradientsThrough(context, composed(context.ops, context.inputs[0]!, context.inputs[1]!, context.attributes)),
  samples: [
    ...modes.flatMap((mode) => paddings.map((padding_mode) => sample({ mode, padding_mode }))),
    sample({ align_corners: 1 }),
    sample({ align_corners: 1, padding_mode: "reflection" }, [1, 1, 3, 5], [1, 4, 2, 2]),
    sample({ align_corners: 1, mode: "nearest", padding_mode: "border" }),
    sample({ align_corners: 1, mode: "bicubic", padding_mode: "reflection" }, [1, 2, 4, 5], [1, 2, 3, 2]),
    sample({}, [3, 1, 5, 1], [3, 1, 2, 2]),
  ],
});
