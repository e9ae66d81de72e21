/** MaxRoiPool: the largest pixels of regions, by whole pixels. */
import { formatShape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import { agree } from "./dims.ts";
import { requireFloat, requireSameDType, required } from "./infer.ts";
import { numbers } from "./ndarray.ts";
import { defineOp, type NdArray, type Op, type SampleInput } from "./op.ts";

interface MaxRoiPoolAttributes {
  /** Rows and columns of cells. */
  readonly pooled_shape: readonly number[];
  /** Pixels of x per unit of the regions. */
  readonly spatial_scale?: number;
}

/** To the nearest integer, halves away from 0. */
const rounded = (x: number) => Math.sign(x) * Math.round(Math.abs(x));

/** First pixel of each cell along an axis, and the first after it. */
function cells(start: number, end: number, count: number, size: number): (readonly [number, number])[] {
  const cell = Math.max(end - start + 1, 1) / count;
  const inside = (at: number) => Math.min(Math.max(at + start, 0), size);
  return Array.from({ length: count }, (_, i) => [inside(Math.floor(i * cell)), inside(Math.ceil((i + 1) * cell))] as const);
}

/** The largest pixel of a window, 0 where it is empty. */
function largest(
  image: Float64Array,
  width: number,
  [top, bottom]: readonly [number, number],
  [left, right]: readonly [number, number],
): number {
  if (bottom <= top || right <= left) return 0;
  let best = -Infinity;
  for (let i = top; i < bottom; i++) for (let j = left; j < right; j++) best = Math.max(best, image[i * width + j]!);
  return best;
}

function evaluate(x: NdArray, rois: NdArray, { pooled_shape, spatial_scale = 1 }: MaxRoiPoolAttributes): NdArray {
  const [batches, channels, height, width] = x.shape as [number, number, number, number];
  const [rows, columns] = pooled_shape as [number, number];
  const shape = [rois.shape[0]!, channels, rows, columns];
  const data = new Float64Array(shape[0]! * channels * rows * columns);
  let at = 0;
  for (let r = 0; r < shape[0]!; r++) {
    const [batch, ...corners] = numbers(rois).subarray(5 * r, 5 * r + 5) as unknown as [number, number, number, number, number];
    if (!(batch >= 0 && batch < batches)) throw new GradusError(`batch index ${batch} is outside a batch of ${batches}`);
    const [x1, y1, x2, y2] = corners.map((corner) => rounded(corner * spatial_scale)) as [number, number, number, number];
    const [down, across] = [cells(y1, y2, rows, height), cells(x1, x2, columns, width)];
    for (let c = 0; c < channels; c++) {
      const image = numbers(x).subarray((batch * channels + c) * height * width, (batch * channels + c + 1) * height * width);
      for (const i of down) for (const j of across) data[at++] = largest(image, width, i, j);
    }
  }
  return { dtype: x.dtype, shape, data };
}

const regions: SampleInput = { shape: [3, 5], values: [0, 0.4, 1, 4.2, 3, 1, -1.5, 0, 2.4, 2.6, 0, 3, 2, 9, 4] };

/** For each region [image, x1, y1, x2, y2] of rois [R, 5], rounded to pixels: the largest pixel in each of a grid of cells, [R, C, h, w]. */
export const MaxRoiPool: Op<MaxRoiPoolAttributes> = defineOp<MaxRoiPoolAttributes>({
  arity: [2, 2],
  attributes: { pooled_shape: "ints", spatial_scale: "float" },
  infer: (context) => {
    const x = requireFloat(required(context, 0));
    requireSameDType(context);
    const rois = required(context, 1).shape;
    const { pooled_shape } = context.attributes;
    if (pooled_shape?.length !== 2 || pooled_shape.some((size) => size < 1))
      throw new GradusError("pooled_shape must be two numbers of cells, [rows, columns]");
    if (x.shape.length !== 4 || rois.length !== 2)
      throw new GradusError(`expected [N, C, H, W] and regions [R, 5], got ${formatShape(x.shape)} and ${formatShape(rois)}`);
    agree(rois[1]!, 5, "a region is five numbers");
    return [{ dtype: x.dtype, shape: [rois[0]!, x.shape[1]!, ...pooled_shape] }];
  },
  evaluate: ([x, rois], { attributes }) => [evaluate(x!, rois!, attributes)],
  gradient: { none: "its windows are known only when the graph runs; RoiAlign has a gradient" },
  samples: [
    { inputs: [[2, 2, 5, 6], regions], attributes: { pooled_shape: [2, 3] } },
    { inputs: [[2, 1, 3, 4], regions], attributes: { pooled_shape: [1, 2], spatial_scale: 0.5 } },
  ],
});
