/** RoiAlign: regions of images, each brought to one size. */
import { int64, type Value } from "../ir/graph.ts";
import { formatShape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import type { Ops } from "./build.ts";
import { agree } from "./dims.ts";
import { requireDType, requireFloat, required } from "./infer.ts";
import { indicator } from "./masks.ts";
import { numbers } from "./ndarray.ts";
import { defineOp, type NdArray, type Op, type Sample, type SampleInput } from "./op.ts";
import { clamp, gradientsThrough, knownSize, linearTaps, weightedPixels, type Taps } from "./sampling-graph.ts";
import { fixed, indices } from "./samples.ts";

interface RoiAlignAttributes {
  /** "half_pixel" (the default): pixel i reaches from i − ½ to i + ½; "output_half_pixel", the older reading: from i to i + 1. */
  readonly coordinate_transformation_mode?: string;
  /** "avg" (the default): the mean of what a cell's samples read; "max": the largest of their weighted pixels, as in ONNX's reference. */
  readonly mode?: string;
  readonly output_height?: number;
  readonly output_width?: number;
  /** Samples of a cell along each axis; 0 (the default): as many as the cell has pixels, rounded up. */
  readonly sampling_ratio?: number;
  /** Pixels of x per unit of the regions. */
  readonly spatial_scale?: number;
}

const halfPixel = ({ coordinate_transformation_mode = "half_pixel" }: RoiAlignAttributes) =>
  coordinate_transformation_mode === "half_pixel";

/** Two pixels and their weights at a place on an axis; they weigh nothing where it is more than a pixel beyond its ends. */
function tapsAt(at: number, size: number): readonly (readonly [number, number])[] {
  if (at < -1 || at > size) {
    return [
      [0, 0],
      [0, 0],
    ];
  }
  const y = Math.max(at, 0);
  const below = Math.floor(y);
  if (below >= size - 1) {
    return [
      [size - 1, 1],
      [size - 1, 0],
    ];
  }
  return [[below, below + 1 - y] as const, [below + 1, y - below] as const];
}

/** The cells of one region along an axis: for each the taps of its samples. */
function cells(start: number, end: number, count: number, size: number, attributes: RoiAlignAttributes) {
  const { sampling_ratio = 0, spatial_scale = 1 } = attributes;
  const half = halfPixel(attributes);
  const from = start * spatial_scale - (half ? 0.5 : 0);
  const whole = end * spatial_scale - (half ? 0.5 : 0) - from;
  const length = half ? whole : Math.max(whole, 1);
  const cell = length / count;
  const samples = sampling_ratio > 0 ? sampling_ratio : Math.ceil(cell);
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: Math.max(samples, 0) }, (__, k) => tapsAt(from + i * cell + ((k + 0.5) * cell) / samples, size)),
  );
}

type Sampled = ReturnType<typeof cells>[number];

/** One cell of one channel; 0 where it has no samples. */
function pool(image: Float64Array, width: number, rows: Sampled, columns: Sampled, largest: boolean): number {
  let sum = 0;
  let top = -Infinity;
  for (const [i, rowWeight] of rows.flat()) {
    for (const [j, columnWeight] of columns.flat()) {
      const weighted = rowWeight * columnWeight * image[i * width + j]!;
      sum += weighted;
      top = Math.max(top, weighted);
    }
  }
  const samples = rows.length * columns.length;
  return samples === 0 ? 0 : largest ? top : sum / samples;
}

function evaluate(x: NdArray, rois: NdArray, batches: NdArray, attributes: RoiAlignAttributes): NdArray {
  const { mode = "avg", output_height = 1, output_width = 1 } = attributes;
  const [, channels, height, width] = x.shape as [number, number, number, number];
  const [from, corners] = [numbers(x), numbers(rois)];
  const cellsOf = output_height * output_width;
  const data = new Float64Array(rois.shape[0]! * channels * cellsOf);
  numbers(batches).forEach((batch, r) => {
    if (!(batch >= 0 && batch < x.shape[0]!)) throw new GradusError(`batch index ${batch} is outside a batch of ${x.shape[0]}`);
    const [x1, y1, x2, y2] = corners.subarray(4 * r, 4 * r + 4) as unknown as [number, number, number, number];
    const rows = cells(y1, y2, output_height, height, attributes);
    const columns = cells(x1, x2, output_width, width, attributes);
    for (let c = 0; c < channels; c++) {
      const image = from.subarray((batch * channels + c) * height * width, (batch * channels + c + 1) * height * width);
      for (let i = 0; i < cellsOf; i++) {
        const cell = pool(image, width, rows[Math.floor(i / output_width)]!, columns[i % output_width]!, mode === "max");
        data[(r * channels + c) * cellsOf + i] = cell;
      }
    }
  });
  return { dtype: x.dtype, shape: [rois.shape[0]!, channels, output_height, output_width], data };
}

/** The same along one axis as graph: taps of all samples, [R, count·samples, 2]. */
function axisTaps(ops: Ops, start: Value, end: Value, count: number, size: number, attributes: RoiAlignAttributes): Taps {
  const { sampling_ratio = 0, spatial_scale = 1 } = attributes;
  const half = halfPixel(attributes);
  const place = (value: Value) => ops.Sub(ops.Mul(value, spatial_scale), half ? 0.5 : 0);
  const from = place(start);
  const whole = ops.Sub(place(end), from);
  const length = half ? whole : ops.Max(whole, 1);
  const steps = Array.from({ length: count * sampling_ratio }, (_, i) => i + 0.5);
  const columns = steps.map((step) => ops.Add(from, ops.Div(ops.Mul(length, step), count * sampling_ratio)));
  const at = ops.Concat(...columns, { axis: 1 }); // [R, count·samples]
  const inside = indicator(ops, ops.And(ops.GreaterOrEqual(at, -1), ops.LessOrEqual(at, size)), at);
  const taps = linearTaps(ops, clamp(ops, at, size));
  return { ...taps, places: clamp(ops, taps.places, size), weights: ops.Mul(taps.weights, ops.Unsqueeze(inside, int64([2]))) };
}

function composed(ops: Ops, x: Value, rois: Value, batches: Value, attributes: RoiAlignAttributes): Value {
  const { mode = "avg", output_height: h = 1, output_width: w = 1, sampling_ratio: samples = 0 } = attributes;
  if (samples <= 0)
    throw new GradusError("the gradient of RoiAlign needs a sampling_ratio: without one the number of samples depends on the regions");
  const corner = (k: number) => ops.Gather(rois, int64([k]), { axis: 1 }); // [R, 1]
  const down = axisTaps(ops, corner(1), corner(3), h, knownSize(x, 2, "RoiAlign"), attributes);
  const across = axisTaps(ops, corner(0), corner(2), w, knownSize(x, 3, "RoiAlign"), attributes);
  const rows = { ...down, places: ops.Unsqueeze(down.places, int64([2])), weights: ops.Unsqueeze(down.weights, int64([2])) };
  const columns = { ...across, places: ops.Unsqueeze(across.places, int64([1])), weights: ops.Unsqueeze(across.weights, int64([1])) };
  const pixels = weightedPixels(ops, ops.Gather(x, batches), rows, columns, [h * samples, w * samples], "RoiAlign");
  const apart = ops.Reshape(pixels, int64([0, 0, h, samples, w, samples, 4]));
  if (mode === "max") return ops.ReduceMax(apart, { axes: [3, 5, 6], keepdims: 0 });
  return ops.Div(ops.ReduceSum(apart, int64([3, 5, 6]), { keepdims: 0 }), samples * samples);
}

const regions: SampleInput = { shape: [3, 4], values: [0.3, 0.7, 4.4, 3.8, 1.2, -0.8, 3.1, 2.7, 2.6, 1.4, 6.9, 5.2] };
const ofBatch = indices([3], [0, 1, 0]);
const sample = (attributes: RoiAlignAttributes): Sample<RoiAlignAttributes> => ({ inputs: [[2, 2, 5, 6], regions, ofBatch], attributes });
/** Without sampling_ratio nothing is differentiated: no input that is not constant. */
const unsampled = (attributes: RoiAlignAttributes): Sample<RoiAlignAttributes> => ({
  inputs: [
    { shape: [1, 1, 4, 4], values: Array.from({ length: 16 }, (_, i) => ((i * 7) % 16) - 6.5), constant: true },
    { shape: [2, 4], values: [0.3, 0.6, 3.8, 2.9, 1, 1, 2.5, 3], constant: true },
    fixed([2], [0, 0]),
  ],
  attributes,
});

/**
 * For each region [x1, y1, x2, y2] of rois [R, 4] in the image batch_indices [R] names: a grid of cells, [R, C, h, w], each the mean
 * or the largest of samples read between the pixels of x [N, C, H, W]. Gradients go to the pixels and to the corners of the regions.
 */
export const RoiAlign: Op<RoiAlignAttributes> = defineOp<RoiAlignAttributes>({
  arity: [3, 3],
  attributes: {
    coordinate_transformation_mode: "string",
    mode: "string",
    output_height: "int",
    output_width: "int",
    sampling_ratio: "int",
    spatial_scale: "float",
  },
  infer: (context) => {
    const x = requireFloat(required(context, 0));
    const rois = requireDType(required(context, 1), [x.dtype], "rois").shape;
    const batches = requireDType(required(context, 2), ["int64"], "batch_indices").shape;
    const { coordinate_transformation_mode: place = "half_pixel", mode = "avg", output_height = 1, output_width = 1 } = context.attributes;
    if (place !== "half_pixel" && place !== "output_half_pixel")
      throw new GradusError(`coordinate_transformation_mode "${place}" is not half_pixel or output_half_pixel`);
    if (mode !== "avg" && mode !== "max") throw new GradusError(`mode "${mode}" is not avg or max`);
    if (x.shape.length !== 4 || rois.length !== 2 || batches.length !== 1)
      throw new GradusError(`expected [N, C, H, W], [R, 4] and [R], got ${[x.shape, rois, batches].map(formatShape).join(", ")}`);
    agree(rois[1]!, 4, "a region is four numbers");
    const count = agree(rois[0]!, batches[0]!, `${formatShape(rois)} regions and ${formatShape(batches)} batch indices`);
    return [{ dtype: x.dtype, shape: [count, x.shape[1]!, output_height, output_width] }];
  },
  evaluate: ([x, rois, batches], { attributes }) => [evaluate(x!, rois!, batches!, attributes)],
  gradient: (context) => {
    const [x, rois, batches] = context.inputs as readonly [Value, Value, Value];
    return gradientsThrough(context, composed(context.ops, x, rois, batches, context.attributes));
  },
  samples: [
    sample({ output_height: 2, output_width: 3, sampling_ratio: 2 }),
    sample({
      output_height: 2,
      output_width: 2,
      sampling_ratio: 1,
      coordinate_transformation_mode: "output_half_pixel",
      spatial_scale: 0.75,
    }),
    sample({ mode: "max", output_height: 1, output_width: 2, sampling_ratio: 2 }),
    unsampled({ output_height: 2, output_width: 2 }),
    unsampled({ output_height: 3, output_width: 1, coordinate_transformation_mode: "output_half_pixel", spatial_scale: 0.5 }),
    unsampled({ mode: "max", output_height: 2, output_width: 2, sampling_ratio: 2 }),
  ],
});
